package model

import (
	"errors"
	"fmt"

	"github.com/elbow-go/elbow/cell"
)

// slot is a part of a model: its name and sizes, and the field where it is. All that is done to
// the parameters of a model as a whole follows from the list of its slots. A net of width 0 is
// not there.
type slot[T cell.Float] struct {
	name string // before those of its tensors
	// place points to the field of the model, whose type says what is there:
	//
	//	*cell.MLP        hidden layers, as many and with the nonlinearity that the configuration says, and a linear head
	//	*cell.Stack      recurrent layers, as many, of the kind and with the state that it says
	//	*cell.Recurrent  one of them
	//	*cell.Dense      a dense layer
	//	*vector          a parameter, a matrix if it has inputs
	//	[]T              what is stored with the parameters, but not trained
	place any

	in    int
	width int // of hidden layers
	out   int // of the head, 0 if there is none, or of all that is not a net
	head  head
	start float64         // what a vector starts with
	act   cell.Activation // of a dense layer

	stage int // of a backward pass, after which its gradient is final

	residuals int // how many inputs of a net, the last ones, are what a skip leaves of x
}

// head says what the outputs of a net or a dense layer are.
type head uint8

const (
	inner    head = iota // inputs of other layers
	gaussian             // [μ | a] of a latent variable
	output               // those of the likelihood
	linear               // added to those, of a net without hidden layers
)

// layer is what a slot holds.
type layer[T cell.Float] interface {
	Tensors() []cell.Tensor[T]
	Pack()
	PackForTraining()
	Packed(training bool) error
}

// layer returns the layer in the slot, or nil in that of a constant.
func (s *slot[T]) layer() layer[T] {
	switch p := s.place.(type) {
	case **cell.MLP[T]:
		return *p
	case **cell.Stack[T]:
		return *p
	case **cell.Recurrent[T]:
		return *p
	case **cell.Dense[T]:
		return *p
	case **vector[T]:
		return *p
	}
	return nil
}

// fill makes the layer, with all parameters 0.
func (s *slot[T]) fill(c Config) {
	switch p := s.place.(type) {
	case **cell.MLP[T]:
		sizes, out := []int{s.in}, c.activation()
		for range s.layers(c) {
			sizes = append(sizes, s.width)
		}
		if s.out > 0 {
			sizes, out = append(sizes, s.out), cell.Linear
		}
		*p = cell.NewMLP[T](c.activation(), out, sizes...)
	case **cell.Stack[T]:
		*p = cell.NewStack[T](cell.StackConfig{Kind: c.kind(), In: s.in, Hidden: s.out, Layers: c.Layers, Dropout: c.Dropout})
	case **cell.Recurrent[T]:
		*p = cell.NewRecurrent[T](c.kind(), s.in, s.out)
	case **cell.Dense[T]:
		*p = cell.NewDense[T](s.in, s.out, s.act)
	case **vector[T]:
		*p = newVector[T](s.in, s.out)
	case *[]T:
		*p = make([]T, s.out)
	}
}

// fillGrad makes a layer to hold the gradient of that in the slot of the model.
func (s *slot[T]) fillGrad(c Config, of *slot[T]) {
	switch p := s.place.(type) {
	case **cell.MLP[T]:
		*p = (*of.place.(**cell.MLP[T])).NewGrad()
	case **cell.Stack[T]:
		*p = (*of.place.(**cell.Stack[T])).NewGrad()
	case **cell.Recurrent[T]:
		*p = (*of.place.(**cell.Recurrent[T])).NewGrad()
	case **cell.Dense[T]:
		*p = (*of.place.(**cell.Dense[T])).NewGrad()
	default:
		s.fill(c)
	}
}

// layers returns the number of hidden layers of a net.
func (s *slot[T]) layers(c Config) int {
	if s.head == linear {
		return 0
	}
	return c.layers()
}

// landmarks returns the matrices of the layer, which need not have been made, and constants, with
// their shapes.
func (s *slot[T]) landmarks(c Config) (ls []landmark) {
	in := s.in
	matrix := func(name string, rows, cols int) { ls = append(ls, landmark{name, []int{rows, cols}}) }
	recurrent := func(prefix string) {
		gates := c.kind().Gates() * s.out
		matrix(prefix+"wih", gates, in)
		matrix(prefix+"whh", gates, s.out)
		in = s.out
	}
	switch s.place.(type) {
	case **cell.MLP[T]:
		for i := range s.layers(c) {
			matrix(fmt.Sprintf("%s.%d.w", s.name, i), s.width, in)
			in = s.width
		}
		if s.out > 0 {
			matrix(fmt.Sprintf("%s.%d.w", s.name, s.layers(c)), s.out, in)
		}
	case **cell.Stack[T]:
		recurrent(s.name + ".")
		for l := 1; l < c.Layers; l++ {
			recurrent(fmt.Sprintf("%s.%d.", s.name, l))
		}
	case **cell.Recurrent[T]:
		recurrent(s.name + ".")
	case **cell.Dense[T]:
		matrix(s.name+".w", s.out, in)
	case **vector[T]:
		if in > 0 {
			matrix(s.name+".w", s.out, in)
		}
	case *[]T:
		ls = append(ls, landmark{s.name, []int{s.out}})
	}
	return ls
}

// landmark is a tensor of a model with its shape.
type landmark struct {
	name  string
	shape []int
}

// landmarks returns all that is large in a model, so that a file can be checked against its
// header before the model is made.
func (c Config) landmarks() (ls []landmark) {
	k, err := kindOf[float32](c.Model)
	if err != nil {
		panic("model: a configuration that was not resolved: " + err.Error())
	}
	m := k.build(c).parts()
	for i := range m.slots {
		ls = append(ls, m.slots[i].landmarks(c)...)
	}
	return ls
}

// vector is a layer that is nothing but one parameter.
type vector[T cell.Float] struct {
	name   string
	shape  []int
	v      []T
	packed []T // v at Pack
}

// newVector returns a vector h [out], or, with inputs, a matrix w [out, in].
func newVector[T cell.Float](in, out int) *vector[T] {
	if in == 0 {
		return &vector[T]{name: "h", shape: []int{out}, v: make([]T, out)}
	}
	return &vector[T]{name: "w", shape: []int{out, in}, v: make([]T, out*in)}
}

func (v *vector[T]) Tensors() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: v.name, Shape: v.shape, Data: v.v}}
}

// Pack remembers the parameter, which is read from where it is.
func (v *vector[T]) Pack() { v.packed = append(v.packed[:0], v.v...) }

// PackForTraining is Pack.
func (v *vector[T]) PackForTraining() { v.Pack() }

// Packed is that of a layer; there is no copy, but the rule is the same for all parameters.
func (v *vector[T]) Packed(bool) error {
	if len(v.packed) != len(v.v) {
		return errors.New("the layer is not packed: call Pack or PackForTraining")
	}
	for i, x := range v.v {
		if y := v.packed[i]; x != y && (x == x || y == y) {
			return fmt.Errorf("%s was written to since the layer was packed: call Pack after writing parameters", v.name)
		}
	}
	return nil
}
