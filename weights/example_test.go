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
