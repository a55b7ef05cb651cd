package cell

// What a [Recurrent] layer checks of itself. Its fields are exported, so that they may hold
// anything.

func (l *Recurrent[T]) sizes() layerSizes { return layerSizes{int(l.Kind), l.In, l.Hidden} }

// checkSizes panics unless there can be a layer of the kind and the sizes of l.
func (l *Recurrent[T]) checkSizes(fn string) {
	checkSize(fn, "kind", int(l.Kind), len(kindNames)-1)
	checkSize(fn, "in", l.In, MaxSize)
	checkSize(fn, "hidden", l.Hidden, MaxSize)
	rows := l.Kind.Gates() * l.Hidden
	checkWeights(fn, "Wih", rows, l.In)
	checkWeights(fn, "Whh", rows, l.Hidden)
}

// checkTensors panics unless l could have been made by NewRecurrent or NewPeepholeLSTM. layer
// goes before the names of its parameters.
func (l *Recurrent[T]) checkTensors(fn, layer string) {
	l.checkSizes(fn)
	rows, bhn, peephole := l.Kind.Gates()*l.Hidden, 0, len(l.Peephole)
	if l.Kind == GRU {
		bhn = l.Hidden
	}
	switch {
	case l.Kind != LSTM:
		peephole = 0
	case l.Peephole != nil:
		peephole = 3 * l.Hidden
	}
	checkTensor(fn, layer, "Wih", len(l.Wih), rows, l.In)
	checkTensor(fn, layer, "Whh", len(l.Whh), rows, l.Hidden)
	checkTensor(fn, layer, "B", len(l.B), rows, 1)
	checkTensor(fn, layer, "Bhn", len(l.Bhn), bhn, 1)
	checkTensor(fn, layer, "Peephole", len(l.Peephole), peephole, 1)
}

// checkGrad panics unless grad is of the shape of l.
func (l *Recurrent[T]) checkGrad(fn string, grad *Recurrent[T]) {
	if grad == nil || grad.sizes() != l.sizes() || (grad.Peephole == nil) != (l.Peephole == nil) {
		panic("cell: " + fn + ": grad is not of the shape of the layer, want one from NewGrad")
	}
	grad.checkTensors(fn, "grad.")
}

// Packed returns nil if the layer is packed for the instruction set in use, and for the backward
// pass too if training is set. Otherwise the error says what to do.
func (l *Recurrent[T]) Packed(training bool) error { return l.packing.err(training, l.sizes()) }

// check panics unless the layer is packed.
func (l *Recurrent[T]) check(fn string, training bool) {
	if err := l.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}
