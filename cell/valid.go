package cell

import (
	"fmt"
	"strings"
)

// What a [Recurrent] layer checks of itself. Its fields are exported, so that they may hold
// anything.

func (l *Recurrent[T]) sizes() layerSizes {
	return layerSizes{kind: int(l.Kind), in: l.In, out: l.Hidden, options: l.Options}
}

// checkSizes panics unless there can be a layer of the kind and the sizes of l.
func (l *Recurrent[T]) checkSizes(fn string) {
	checkSize(fn, "kind", int(l.Kind), numKinds-1)
	l.Options.check(fn, l.Kind, l.Kind.cell().form().takes)
	checkSize(fn, "in", l.In, MaxSize)
	checkSize(fn, "hidden", l.Hidden, MaxSize)
	rows := l.Kind.Gates() * l.Hidden
	checkWeights(fn, "Wih", rows, l.In)
	if l.Heads < 0 || l.Heads > 1 && l.Hidden%l.Heads != 0 {
		panic(fmt.Sprintf("cell: %s: Heads = %d, want a divisor of Hidden = %d", fn, l.Heads, l.Hidden))
	}
	checkWeights(fn, "Whh", rows, l.columns())
	checkWeights(fn, "Whr", l.Proj, l.Hidden)
}

// checkTensors panics unless l could have been made by NewRecurrentWith. layer
// goes before the names of its parameters.
func (l *Recurrent[T]) checkTensors(fn, layer string) {
	l.checkSizes(fn)
	for _, p := range l.params() {
		if !p.has {
			p.rows = 0
		}
		checkTensor(fn, layer, p.name, len(*p.data), p.rows, p.cols)
	}
}

// checkGrad panics unless grad is of the shape of l.
func (l *Recurrent[T]) checkGrad(fn string, grad *Recurrent[T]) {
	if grad == l {
		panic("cell: " + fn + ": grad is the layer itself, want one from NewGrad")
	}
	if grad == nil || grad.sizes() != l.sizes() {
		panic("cell: " + fn + ": grad is not of the shape of the layer, want one from NewGrad")
	}
	grad.checkTensors(fn, "grad.")
}

// mark remembers what the layer is packed from.
func (l *Recurrent[T]) mark(training bool) {
	d := l.data()
	l.packing.set(training, l.sizes(), d[:]...)
}

// Packed returns nil if the layer is packed, for the backward pass too if training is set, and
// neither the instruction set nor, as far as a few dozen elements of each tensor tell, the
// parameters have changed since. Otherwise the error says what to do.
func (l *Recurrent[T]) Packed(training bool) error {
	if err := l.packing.err(training, l.sizes()); err != nil {
		return err
	}
	d := l.data()
	if i := l.packing.written(markLen, d[:]...); i >= 0 {
		return errWritten(strings.ToLower(l.params()[i].name))
	}
	return nil
}

// checkPacked panics with the error of Packed.
func (l *Recurrent[T]) checkPacked(fn string, training bool) {
	if err := l.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}

// check panics unless the layer is packed, which every part of a step asks, and does not look at
// the parameters.
func (l *Recurrent[T]) check(fn string, training bool) {
	if !l.packing.fits(training, l.sizes()) {
		l.checkPacked(fn, training)
	}
}
