package cell

import "github.com/elbow-go/elbow/kernels"

// Float is the element type of every layer: float32 for use, float64 for gradient checks.
type Float = kernels.Float

// A Tensor is one named parameter of a layer. Data is the layer's own memory: writing to
// it changes the layer, after which the layer has to be packed again.
//
// Names tell the tensors of one layer, [Stack] or [MLP] apart, not those of several: the second layers
// of a stack and of an MLP both have a 1.b. Who keeps the parameters of more than one in the same place
// puts a prefix of its own before those of each, as attributes do in a state dict of PyTorch.
type Tensor[T Float] struct {
	Name  string
	Shape []int
	Data  []T
}

// Count returns the number of parameters in ts.
func Count[T Float](ts []Tensor[T]) int {
	n := 0
	for _, t := range ts {
		n += len(t.Data)
	}
	return n
}

// Zero sets all elements of ts to 0. Gradients are added to, so they are zeroed before
// each use.
func Zero[T Float](ts []Tensor[T]) {
	for _, t := range ts {
		clear(t.Data)
	}
}
