package cell

import (
	"errors"
	"fmt"

	"github.com/elbow-go/elbow/asm"
)

// packing is what a layer knows about its packed copies and what they were made from.
type packing[T Float] struct {
	packState
	marks [numParams]mark[T] // of the tensors, as many as any layer has
}

// packState is what has to be the same when a copy is used as when it was made.
type packState struct {
	ready    bool
	training bool // it has what the backward pass needs
	isa      asm.ISA
	sizes    layerSizes
}

// layerSizes are the exported sizes of a layer; kind is that of a Recurrent, the activation of a
// Dense or Conv1d.
type layerSizes struct {
	dense         bool // or a Conv1d
	kind, in, out int
	options       Options // of a Recurrent
	window        Window  // of a Conv1d
}

func (s layerSizes) String() string {
	if s.dense {
		text := fmt.Sprintf("%d x %d, %v", s.in, s.out, Activation(s.kind))
		if s.window != (Window{}) {
			text += fmt.Sprintf(" with window %+v", s.window)
		}
		return text
	}
	text := fmt.Sprintf("%d x %d, %v", s.in, s.out, Kind(s.kind))
	if s.options != (Options{}) {
		text += fmt.Sprintf(" with options %+v", s.options)
	}
	return text
}

// set remembers how a layer was packed.
func (p *packing[T]) set(training bool, sizes layerSizes, tensors ...[]T) {
	p.packState = packState{true, training, asm.Active(), sizes}
	for i, t := range tensors {
		p.marks[i].set(t)
	}
}

// fits reports whether the layer is packed for what it is about to do.
func (p *packState) fits(training bool, sizes layerSizes) bool {
	return p.ready && p.isa == asm.Active() && (p.training || !training) && p.sizes == sizes
}

// err returns why a layer that does not fit does not, or nil.
func (p *packState) err(training bool, sizes layerSizes) error {
	switch {
	case p.fits(training, sizes):
		return nil
	case !p.ready:
		return errors.New("the layer is not packed: call Pack or PackForTraining after its parameters were written")
	case training && !p.training:
		return errors.New("the layer is packed for inference only: call PackForTraining")
	case p.isa != asm.Active():
		return fmt.Errorf("the layer is packed for isa = %v, want %v: call Pack or PackForTraining again after asm.Use", p.isa, asm.Active())
	}
	return fmt.Errorf("the layer is %v, but was %v when it was packed: make a new one", sizes, p.sizes)
}

// written returns the index of a tensor that does not look as it did when the layer was packed,
// by the first most elements of its mark, or -1.
func (p *packing[T]) written(most int, tensors ...[]T) int {
	for i, t := range tensors {
		if !p.marks[i].same(t, most) {
			return i
		}
	}
	return -1
}

func errWritten(name string) error {
	return fmt.Errorf("%s was written to since the layer was packed: call Pack after writing parameters", name)
}

// A mark is a sample of the elements of a tensor, by which a layer notices that the tensor was
// written to. An optimiser writes all elements of a tensor or nearly all, which a few would show;
// a write to a few elements of a large tensor may go unnoticed.
type mark[T Float] struct {
	n    int // elements of the tensor
	kept [markLen]T
}

// markLen is how many elements a mark has, markFew how many are compared where that has to cost
// next to nothing.
const (
	markLen = 24
	markFew = 2
)

// markStep spreads the elements: multiples of the golden ratio, modulo 1, leave no large gap
// however many there are, and do not fall into a few columns of a matrix.
const markStep = 0x9e3779b9 // 2^32 (sqrt(5)-1)/2

func (m *mark[T]) set(s []T) {
	if m.n = len(s); m.n == 0 {
		return
	}
	at := uint32(0)
	for i := range m.kept {
		m.kept[i] = s[uint64(at)*uint64(len(s))>>32]
		at += markStep
	}
}

// same reports whether s is as it was, by its length and the first most elements of the mark. A
// NaN is the same as any other.
func (m *mark[T]) same(s []T, most int) bool {
	if len(s) != m.n {
		return false
	}
	if len(s) == 0 {
		return true
	}
	at := uint32(0)
	for _, kept := range m.kept[:most] {
		x := s[uint64(at)*uint64(len(s))>>32]
		if x != kept && (x == x || kept == kept) {
			return false
		}
		at += markStep
	}
	return true
}
