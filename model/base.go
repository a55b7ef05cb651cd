package model

import (
	"errors"
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// base is what all models have in common.
type base[T cell.Float] struct {
	Config
	Mean []T // subtracted from the inputs, not from the targets; there is none where a model reads data as they are

	typ   string // the name of the model's type
	kind  Kind
	like  likelihood[T]
	dim   int               // of what the likelihood describes: the last dimensions of the data
	form  kernels.ScaleForm // of σ in the heads of latent variables
	slots []slot[T]
	last  int // stage of a backward pass, after which all gradients are final

	state int // columns of the states that are carried over

	points bool // a model of data points: InitNormal is for its biases too
	squash bool // the means of the output go through a sigmoid
	apart  bool // the steps of a sequence are scored apart, though no state is carried over

	folded bool // Mean is in a bias since Pack

	drawn bool // draws count for something though there are no latent variables
}

// newBase is where the function build of a kind begins.
func newBase[T cell.Float](typ string, c Config) base[T] {
	m := base[T]{Config: c, typ: typ, dim: c.Data, form: c.scaleForm()}
	m.kind, _ = KindOf(c.Model)
	if c.Likelihood != "" {
		m.like = newLikelihood[T](c)
	}
	return m
}

// has gives the model its slots, but for nets of width 0, and those of its likelihood.
func (m *base[T]) has(slots ...slot[T]) {
	for _, s := range slots {
		m.last = max(m.last, s.stage)
		if _, net := s.place.(**cell.MLP[T]); !net || s.width > 0 {
			m.slots = append(m.slots, s)
		}
	}
	if l, ok := m.like.(parametric[T]); ok {
		m.slots = append(m.slots, l.slots(m.dim)...)
	}
}

func (m *base[T]) parts() *base[T] { return m }

// Settings implements [Model].
func (m *base[T]) Settings() Config { return m.Config }

// State implements [Model].
func (m *base[T]) State() int { return m.state }

// Tensors implements [Model].
func (m *base[T]) Tensors() (ts []cell.Tensor[T]) {
	for i := range m.slots {
		if l := m.slots[i].layer(); l != nil {
			for _, t := range l.Tensors() {
				t.Name = m.slots[i].name + "." + t.Name
				ts = append(ts, t)
			}
		}
	}
	return ts
}

// Constants implements [Model].
func (m *base[T]) Constants() (ts []cell.Tensor[T]) {
	for _, s := range m.slots {
		if p, ok := s.place.(*[]T); ok {
			ts = append(ts, cell.Tensor[T]{Name: s.name, Shape: []int{len(*p)}, Data: *p})
		}
	}
	return ts
}

// stages returns after which stage of a backward pass the gradient of every tensor is final, and how many stages
// there are. Some may have no tensors.
func (m *base[T]) stages() (of []int, count int) {
	for i := range m.slots {
		if l := m.slots[i].layer(); l != nil {
			for range l.Tensors() {
				of = append(of, m.slots[i].stage)
			}
		}
	}
	return of, m.last + 1
}

// NewGrad implements [Model].
func (m *base[T]) NewGrad() Model[T] {
	checkMade("NewGrad", m.slots != nil)
	k, err := kindOf[T](m.Model)
	if err != nil {
		panic("model: NewGrad: " + err.Error())
	}
	g := k.build(m.Config)
	for i := range m.slots {
		g.parts().slots[i].fillGrad(m.Config, &m.slots[i])
	}
	return g
}

// Pack implements [Model].
func (m *base[T]) Pack() {
	m.folded = false
	m.eachLayer(layer[T].Pack)
}

// PackForTraining implements [Model].
func (m *base[T]) PackForTraining() {
	m.folded = false
	m.eachLayer(layer[T].PackForTraining)
}

// PackInt8 implements [Int8Packer].
func (m *base[T]) PackInt8() {
	m.Pack()
	m.eachLayer(func(l layer[T]) {
		if l, ok := l.(Int8Packer); ok {
			l.PackInt8()
		}
	})
}

func (m *base[T]) eachLayer(f func(layer[T])) {
	for i := range m.slots {
		if l := m.slots[i].layer(); l != nil {
			f(l)
		}
	}
}

// recurrentBase is what the models with recurrent layers have in common.
type recurrentBase[T cell.Float] struct{ base[T] }

// PackBF16 implements [BF16Packer].
func (m *recurrentBase[T]) PackBF16() {
	m.Pack()
	m.eachLayer(func(l layer[T]) {
		if l, ok := l.(BF16Packer); ok {
			l.PackBF16()
		}
	})
}

// packed returns the error of the first layer that is not packed. Every pass begins with it:
// whoever writes to parameters and forgets to pack them would get the results of the old ones, or
// of both.
func (m *base[T]) packed(training bool) error {
	if m.slots == nil {
		return errors.New("the model is a zero value, want one from New or Load")
	}
	for i := range m.slots {
		if l := m.slots[i].layer(); l != nil {
			if err := l.Packed(training); err != nil {
				return fmt.Errorf("%s: %w", m.slots[i].name, err)
			}
		}
	}
	return nil
}

// checkPacked panics with the error of packed.
func (m *base[T]) checkPacked(fn string, training bool) {
	if err := m.packed(training); err != nil {
		panic("model: " + fn + ": " + err.Error())
	}
}

// encode writes what the model sees of the rows lo..hi of x, less its mean if that is not folded, to those of u.
func (m *base[T]) encode(u, x []T, lo, hi int) {
	in := len(m.Mean)
	m.like.encode(u[lo*in:hi*in], x[lo*m.Data:hi*m.Data], hi-lo, m.Data)
	if m.folded {
		return
	}
	for i := lo; i < hi; i++ {
		kernels.Axpy(u[i*in:(i+1)*in], m.Mean, -1)
	}
}
