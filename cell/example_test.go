package cell_test

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Three sequences of different lengths through an LSTM, without padding.
func ExampleRecurrent() {
	lstm := cell.NewRecurrent[float32](cell.LSTM, 16, 64)
	cell.Uniform(lstm.Wih, 16, -0.1, 0.1, kernels.Noise{Seed: 1}, 0)
	cell.Uniform(lstm.Whh, 64, -0.1, 0.1, kernels.Noise{Seed: 2}, 0)
	lstm.Pack() // after every change of the parameters

	shape := cell.NewRagged(10, 7, 3)
	x := make([]float32, shape.Rows()*16)
	kernels.Normals(x, kernels.Noise{Seed: 3}, 0, 0, shape.Rows(), 16)
	seq := cell.NewSequence[float32]()
	lstm.Forward(seq, shape, x, nil, nil, 1)

	fmt.Printf("%d rows of h, the first starts with %.4f\n", shape.Rows(), seq.H[:3])
	// Output: 20 rows of h, the first starts with [0.0429 0.0446 -0.0360]
}

// A stream gives the outputs of the whole sequence, one step at a time.
func ExampleStream() {
	gru := cell.NewRecurrent[float64](cell.GRU, 1, 2)
	for _, t := range gru.Tensors() {
		for i := range t.Data {
			t.Data[i] = float64(i%3) - 1
		}
	}
	gru.Pack()
	stream := gru.NewStream(1)
	fmt.Printf("%.4f\n", stream.Push([]float64{1}))
	fmt.Printf("%.4f\n", stream.Push([]float64{0}))

	// Its states may wait in a file, and another program goes on with them.
	saved, _ := stream.MarshalBinary()
	later := gru.NewStream(1)
	if err := later.UnmarshalBinary(saved); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f\n", later.Push([]float64{-1}))
	// Output:
	// [-0.0141 0.8491]
	// [-0.0757 0.8489]
	// [-0.2811 0.5543]
}

// A dense layer forward and backward.
func ExampleDense() {
	d := cell.NewDense[float64](2, 1, cell.Tanh)
	copy(d.W, []float64{0.5, -1})
	d.PackForTraining()
	x, y := []float64{1, 2}, make([]float64, 1)
	d.Forward(y, x, 1)

	grad, dx, dy := d.NewGrad(), make([]float64, 2), []float64{1} // dL/dy = 1
	d.ActivateBackward(dy, y, 1)
	d.InputGrad(dx, dy, 1, 0, 2, false)
	d.ParamGrad(grad, dy, x, 1, 0, 2, 0, 1)
	fmt.Printf("y %.4f dx %.4f dW %.4f\n", y, dx, grad.W)
	// Output: y [-0.9051] dx [0.0904 -0.1807] dW [0.1807 0.3614]
}

// What training drops of a batch of two sequences, and that nothing is dropped outside it.
func ExampleDropout() {
	shape := cell.NewRagged(2, 1)
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	drop := cell.Dropout[float64]{P: 0.5}
	for update := range uint32(2) {
		drop.Train(kernels.Noise{Seed: 1, Update: update}, 0)
		drop.Begin(shape, 4)
		drop.DrawAll(0, shape.Batch())
		y := make([]float64, len(x))
		drop.Apply(y, x, 0, shape.Rows())
		fmt.Println(y)
	}
	drop.Eval()
	drop.Begin(shape, 4)
	drop.Apply(x, x, 0, shape.Rows())
	fmt.Println(x)
	// Output:
	// [2 4 0 8 0 0 0 0 18 20 22 24]
	// [0 0 0 8 0 0 0 0 18 20 22 0]
	// [1 2 3 4 5 6 7 8 9 10 11 12]
}
