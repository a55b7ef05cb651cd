package weights_test

import (
	"fmt"
	"log"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/weights"
)

// A bidirectional LSTM and a linear layer that PyTorch has saved, run on one sequence of five steps.
func Example() {
	f, err := weights.Open("testdata/torch.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	lstm, err := weights.Stack[float32](f.Under("lstm_1_both.rnn."), weights.PyTorch)
	if err != nil {
		log.Fatal(err)
	}
	lstm.Pack()
	x := make([]float32, 5*lstm.In())
	for i := range x {
		x[i] = float32(i) / 10
	}
	seq := cell.NewStackSequence[float32]()
	lstm.Forward(seq, cell.NewRagged(5), x, nil, nil, 1)
	fmt.Printf("%v, %d inputs, %d outputs a step, the first is %.4f\n", lstm.Layers[0].Kind, lstm.In(), lstm.Out(), seq.H[0])
	// Output: lstm, 3 inputs, 8 outputs a step, the first is -0.0922
}

// Layers written for PyTorch: torch.nn.GRU loads them after safetensors.torch.load_file.
func ExampleAddStack() {
	gru := cell.NewStack[float32](cell.StackConfig{Kind: cell.GRU, In: 3, Hidden: 4, Layers: 2})
	f := new(weights.File)
	if err := weights.AddStack(f, "gru.", gru, weights.PyTorch); err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Tensors {
		fmt.Println(t.Name, t.Shape)
	}
	// Output:
	// gru.weight_ih_l0 [12 3]
	// gru.weight_hh_l0 [12 4]
	// gru.bias_ih_l0 [12]
	// gru.bias_hh_l0 [12]
	// gru.weight_ih_l1 [12 4]
	// gru.weight_hh_l1 [12 4]
	// gru.bias_ih_l1 [12]
	// gru.bias_hh_l1 [12]
}

// PyTorch has two biases for each gate, which it adds. Of an LSTM they become one, their sum. So they do of a
// GRU, but for those of n, of which the second is inside the reset: n = tanh(Win x + bn + r (Whn h + bhn)).
func ExampleStack_biases() {
	f := new(weights.File)
	add := func(name string, shape []int, values ...float32) { f.Add(weights.Of(name, shape, values)) }
	add("weight_ih_l0", []int{3, 1}, 0.1, 0.2, 0.3) // one input, one unit: r z n
	add("weight_hh_l0", []int{3, 1}, 0.4, 0.5, 0.6)
	add("bias_ih_l0", []int{3}, 1, 2, 3)
	add("bias_hh_l0", []int{3}, 10, 20, 30)
	st, err := weights.Stack[float32](f, weights.PyTorch)
	if err != nil {
		log.Fatal(err)
	}
	gru := st.Layers[0]
	fmt.Println(gru.Kind, "B =", gru.B, "Bhn =", gru.Bhn)

	// The way back: the sum is bias_ih, and bias_hh is 0 but for n.
	back := new(weights.File)
	if err := weights.AddStack(back, "", st, weights.PyTorch); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"bias_ih_l0", "bias_hh_l0"} {
		v, err := weights.Values[float32](back.Tensor(name))
		fmt.Println(name, v, err)
	}
	// Output:
	// gru B = [11 22 3] Bhn = [30]
	// bias_ih_l0 [11 22 3] <nil>
	// bias_hh_l0 [0 0 30] <nil>
}
