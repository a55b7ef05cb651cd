package cell_test

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// draw fills the parameters of a layer.
func draw(ts []cell.Tensor[float32]) {
	for i, t := range ts {
		cell.Uniform(t.Data, len(t.Data), -0.3, 0.3, kernels.Noise{Seed: 1, Update: uint32(i)}, 0)
	}
}

// Gradient descent on the squared outputs of an LSTM.
func ExampleRecurrent_Backward() {
	lstm := cell.NewRecurrent[float32](cell.LSTM, 2, 8)
	draw(lstm.Tensors())
	shape, seq, grad := cell.NewRagged(4, 2), cell.NewSequence[float32](), lstm.NewGrad()
	x := []float32{1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1} // two inputs of six rows
	for update := range 3 {
		lstm.PackForTraining() // the parameters have changed
		lstm.Forward(seq, shape, x, nil, nil, 1)
		fmt.Printf("update %d: %.4f\n", update, kernels.SumSquares(seq.H))

		dy := make([]float32, len(seq.H)) // dL/dh = 2h
		kernels.Axpy(dy, seq.H, 2)
		cell.Zero(grad.Tensors()) // gradients are added
		lstm.Backward(seq, grad, cell.Grads[float32]{DY: dy}, x, 1)
		for i, t := range lstm.Tensors() {
			kernels.Axpy(t.Data, grad.Tensors()[i].Data, -0.1)
		}
	}
	// Output:
	// update 0: 0.3867
	// update 1: 0.2470
	// update 2: 0.1676
}

// A layer whose input is its own last output: project, then step.
func ExampleRecurrent_Step() {
	gru := cell.NewRecurrent[float32](cell.GRU, 3, 3)
	draw(gru.Tensors())
	gru.Pack()
	shape, seq := cell.NewRagged(3), cell.NewSequence[float32]()
	seq.Begin(gru, shape, []float32{1, -1, 0.5}, nil)
	for t := range shape.Steps() {
		gru.Project(seq, seq.HPrev[t*3:], t, t+1, 0, 3)
		gru.Step(seq, t, 0, 1)
		fmt.Printf("%.4f\n", seq.H[t*3:(t+1)*3])
	}
	// Output:
	// [0.8551 -0.4780 0.3268]
	// [0.6836 -0.2132 0.2594]
	// [0.5289 -0.0713 0.2232]
}

// A perceptron with a hidden layer, forward and backward.
func ExampleMLP() {
	mlp := cell.NewMLP[float32](cell.ReLU, cell.Linear, 4, 16, 2)
	draw(mlp.Tensors())
	mlp.PackForTraining()
	a, grad := new(cell.Activations[float32]), mlp.NewGrad()
	x := []float32{1, 2, 3, 4, 4, 3, 2, 1} // two rows
	mlp.Forward(a, x, 2, 1)
	fmt.Printf("%.4f\n", a.Y)

	dx := make([]float32, len(x))
	mlp.Backward(a, grad, cell.Grads[float32]{DY: []float32{1, 0, 0, 1}, DX: dx}, x, 1)
	fmt.Printf("%.4f\n", dx)
	// Output:
	// [-0.0568 -0.3498 0.1696 -0.0246]
	// [-0.0863 0.0281 -0.0091 0.0201 0.0364 0.0564 -0.0455 -0.1036]
}

// Three layers of an LSTM with dropout between them, in training.
func ExampleStack() {
	lstm := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: 2, Hidden: 4, Layers: 3, Dropout: 0.2})
	draw(lstm.Tensors())
	lstm.PackForTraining()
	shape, seq, grad := cell.NewRagged(3, 2), cell.NewStackSequence[float32](), lstm.NewGrad()
	x := []float32{1, 0, 0, 1, 1, 1, 0, 0, 1, 0}

	seq.Train(kernels.Noise{Seed: 1, Update: 7}, 0) // what update 7 drops
	lstm.Forward(seq, shape, x, nil, nil, 1)
	hn, cn := make([]float32, 3*2*4), make([]float32, 3*2*4) // [layers, batch, hidden]
	seq.Final(hn, cn)
	fmt.Printf("last h of the topmost layer: %.4f %.4f\n", hn[16:20], hn[20:])

	lstm.Backward(seq, grad, cell.Grads[float32]{DHn: hn}, x, 1) // the loss is Σ hn²/2
	fmt.Println("the gradient is", len(grad.Tensors()), "tensors with", cell.Count(grad.Tensors()), "elements")

	seq.Eval() // nothing is dropped
	lstm.Forward(seq, shape, x, nil, nil, 1)
	fmt.Printf("the outputs of the last row: %.4f\n", seq.H[4*4:])
	// Output:
	// last h of the topmost layer: [0.0958 -0.0047 0.0904 -0.0886] [0.0781 -0.0014 0.0875 -0.0857]
	// the gradient is 9 tensors with 400 elements
	// the outputs of the last row: [0.0934 -0.0071 0.0912 -0.0912]
}

// Two levels of GRUs that read every sequence in both directions.
func ExampleBidirectional() {
	gru := cell.NewStack[float32](cell.StackConfig{Kind: cell.GRU, In: 1, Hidden: 2, Layers: 2, Bidirectional: cell.Concat})
	draw(gru.Tensors())
	gru.Pack()
	shape, seq := cell.NewRagged(3, 1), cell.NewStackSequence[float32]()
	gru.Forward(seq, shape, []float32{1, -1, 0.5, 0.25}, nil, nil, 1)
	for t := range shape.Steps() {
		r := shape.Row(t, 0)
		fmt.Printf("step %d: %.4f\n", t, seq.H[r*4:(r+1)*4])
	}
	_, err := gru.NewStream(1)
	fmt.Println("runs as a stream:", err == nil)
	// Output:
	// step 0: [-0.1455 -0.0794 -0.0988 -0.0742]
	// step 1: [-0.1952 -0.1024 -0.0897 -0.0637]
	// step 2: [-0.2051 -0.1056 -0.0617 -0.0417]
	// runs as a stream: false
}

// A padded batch in any order through a layer and back, values and gradients.
func ExampleBatch() {
	const steps, in, hidden = 3, 1, 2
	x := []float32{ // [batch, steps, in]
		1, 0, 0,
		1, 2, 3,
		4, 5, 0,
	}
	rnn := cell.NewRecurrent[float32](cell.RNNTanh, in, hidden)
	draw(rnn.Tensors())
	rnn.PackForTraining()

	b := cell.NewBatch(1, 3, 2) // the lengths
	rows, seq := make([]float32, b.Shape.Rows()*in), cell.NewSequence[float32]()
	inputs, outputs := cell.Padded{Steps: steps, Cols: in, BatchFirst: true}, cell.Padded{Steps: steps, Cols: hidden, BatchFirst: true}
	cell.FromPadded(b, rows, x, inputs)
	rnn.Forward(seq, b.Shape, rows, nil, nil, 1)
	y := make([]float32, 3*steps*hidden)
	cell.ToPadded(b, y, seq.H, outputs, 0)
	fmt.Printf("y of the first sequence:  %.3f\n", y[:6])

	// The gradient of the sum of all outputs.
	dy, drows, dx := make([]float32, len(y)), make([]float32, len(rows)), make([]float32, len(x))
	for i := range dy {
		dy[i] = 1
	}
	dh := make([]float32, len(seq.H))
	cell.FromPadded(b, dh, dy, outputs)
	rnn.Backward(seq, nil, cell.Grads[float32]{DY: dh, DX: drows}, rows, 1)
	cell.ToPadded(b, dx, drows, inputs, 0)
	fmt.Printf("dx: %.3f\n", dx)
	// Output:
	// y of the first sequence:  [0.046 -0.092 0.000 0.000 0.000 0.000]
	// dx: [0.336 0.000 0.000 0.272 0.241 0.296 0.203 0.233 0.000]
}

// A stack as a stream of two sequences side by side.
func ExampleStack_NewStream() {
	lstm := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: 1, Hidden: 2, Layers: 2})
	draw(lstm.Tensors())
	lstm.Pack()
	stream, err := lstm.NewStream(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		fmt.Printf("%.4f\n", stream.Push([]float32{1, -1}))
	}
	// Output:
	// [-0.0748 0.0530 -0.0714 0.0581]
	// [-0.1130 0.0668 -0.1053 0.0773]
	// [-0.1325 0.0682 -0.1213 0.0827]
}

// The last outputs of both directions, which PyTorch has in h_n[-2] and h_n[-1], as the input of a
// classifier of whole sequences. Those of the forward layer are its outputs at the last step of a
// sequence, those of the reverse layer at the first, where it ends.
func ExampleStackSequence_Final() {
	const layers, in, hidden = 2, 1, 2
	gru := cell.NewStack[float32](cell.StackConfig{Kind: cell.GRU, In: in, Hidden: hidden, Layers: layers, Bidirectional: cell.Concat})
	draw(gru.Tensors())
	gru.Pack()

	b := cell.NewBatch(1, 3, 2) // lengths in the order of the caller
	x := []float32{
		1, 0, 0,
		1, 2, 3,
		4, 5, 0,
	}
	rows, seq := make([]float32, b.Shape.Rows()*in), cell.NewStackSequence[float32]()
	cell.FromPadded(b, rows, x, cell.Padded{Steps: 3, Cols: in, BatchFirst: true})
	gru.Forward(seq, b.Shape, rows, nil, nil, 1)

	batch := b.Shape.Batch()
	hn := make([]float32, 2*layers*batch*hidden) // [2*layers, batch, hidden], longest sequence first
	seq.Final(hn, nil)
	last := make([]float32, len(hn))
	cell.UnsortStates(b, last, hn, hidden) // in the order of the caller
	forward := last[(2*layers-2)*batch*hidden:]
	reverse := last[(2*layers-1)*batch*hidden:]
	for i := range batch {
		both := append(append([]float32(nil), forward[i*hidden:(i+1)*hidden]...), reverse[i*hidden:(i+1)*hidden]...)
		fmt.Printf("sequence %d: %.4f\n", i, both)
	}
	y := make([]float32, batch*3*2*hidden)
	cell.ToPadded(b, y, seq.H, cell.Padded{Steps: 3, Cols: 2 * hidden, BatchFirst: true}, 0)
	fmt.Printf("outputs of sequence 1: first step %.4f, last step %.4f\n", y[12:16], y[20:24])
	// Output:
	// sequence 0: [-0.1317 -0.0722 -0.0598 -0.0404]
	// sequence 1: [-0.3241 -0.1045 -0.0705 -0.0761]
	// sequence 2: [-0.3336 -0.0928 -0.0602 -0.0711]
	// outputs of sequence 1: first step [-0.1733 -0.0930 -0.0705 -0.0761], last step [-0.3241 -0.1045 -0.0511 -0.0468]
}

// Parameters of several parts in one list, with a prefix for each: both have a 1.b.
func ExampleTensor() {
	lstm := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: 3, Hidden: 4, Layers: 2})
	head := cell.NewMLP[float32](cell.ReLU, cell.Linear, 4, 8, 2)
	var all []cell.Tensor[float32]
	for _, part := range []struct {
		prefix  string
		tensors []cell.Tensor[float32]
	}{{"lstm.", lstm.Tensors()}, {"head.", head.Tensors()}} {
		for _, t := range part.tensors {
			t.Name = part.prefix + t.Name
			all = append(all, t)
		}
	}
	for _, t := range all {
		fmt.Println(t.Name, t.Shape)
	}
	// Output:
	// lstm.wih [16 3]
	// lstm.whh [16 4]
	// lstm.b [16]
	// lstm.1.wih [16 4]
	// lstm.1.whh [16 4]
	// lstm.1.b [16]
	// head.0.w [8 4]
	// head.0.b [8]
	// head.1.w [2 8]
	// head.1.b [2]
}
