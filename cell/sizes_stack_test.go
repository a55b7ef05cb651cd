package cell

// The calls of TestSizes for what consists of several layers: an MLP, and a stack of two LSTMs.

func init() {
	for name, c := range mlpCalls {
		sizeCalls[name] = c
	}
	for name, c := range stackCalls {
		sizeCalls[name] = c
	}
}

// mlpForward makes the activations such that have gone forward, mlpBackward such that go backward.
func (w *sizeWorld) mlpForward() {
	w.mlp.Forward(w.act, make([]float32, sizesRows*sizesIn), sizesRows, 1)
}

func (w *sizeWorld) mlpBackward() {
	w.mlpForward()
	w.act.BeginBackward()
}

var mlpCalls = map[string]sizeCall{
	"NewMLP": {ints: 3, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewMLP[float32](ReLU, Linear, n...) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) && in(0, n[2], 9) }, as: "NewDense"},
	"Activations.Begin": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.act.Begin(w.mlp, n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) }},
	"Activations.Cut": {ints: 2, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.mlpForward()
		w.act.Cut(n)
	}, right: func(n, _ []int) bool { return in(n[0], n[1], sizesRows) && n[1] == sizesRows }},
	"MLP.PackInt8Less": {slices: 1, call: func(_ *sizeWorld, _ []int, s [][]float32) {
		NewMLP[float32](ReLU, Linear, sizesIn, 4, 2).PackInt8Less(s[0])
	}, right: func(_, lens []int) bool { return has(lens[0], 1, sizesIn) }},
	"MLP.Project": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.mlpForward()
		w.mlp.Project(w.act, s[0], n[0], n[1], n[2], n[3])
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"MLP.Activate": {ints: 2, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.mlpForward()
		w.mlp.Activate(w.act, n[0], n[1])
	}, right: func(n, _ []int) bool { return in(n[0], n[1], sizesRows) }},
	"MLP.ActivateBackward": {ints: 2, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.mlpBackward()
		w.mlp.ActivateBackward(w.act, n[0], n[1])
	}, right: func(n, _ []int) bool { return in(n[0], n[1], sizesRows) }},
	"MLP.InputGrad": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.mlpBackward()
		w.mlp.InputGrad(w.act, s[0], n[0], n[1], n[2], n[3], true)
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"MLP.ParamGrad": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.mlpBackward()
		w.mlp.ParamGrad(w.mlp.NewGrad(), w.act, n[0], n[1], s[0][:min(sizesRows, len(s[0]))], s[1][:min(sizesRows, len(s[1]))])
	}, right: rightPart},
	"MLP.Forward": {ints: 2, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) { w.mlp.Forward(w.act, cut(s[0], n[0], sizesIn), n[0], n[1]) },
		right: func(n, lens []int) bool { return has(lens[0], n[0], sizesIn) && in(0, n[1], MaxThreads) }},
	"MLP.Backward": {ints: 1, slices: 3, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.mlpForward()
		w.mlp.Backward(w.act, w.mlp.NewGrad(), Grads[float32]{DY: s[0], DX: s[1]}, s[2], n[0])
	}, right: func(n, lens []int) bool {
		return in(0, n[0], MaxThreads) && has(lens[0], sizesRows, sizesOut) && has(lens[1], sizesRows, sizesIn) && has(lens[2], sizesRows, sizesIn)
	}},
}

// rightPart says whether there is a part n[0] of n[1], and two columns of one input each.
func rightPart(n, lens []int) bool {
	return in(1, n[1], MaxThreads) && n[0] >= 0 && n[0] < n[1] && lens[0] >= sizesRows && lens[1] >= sizesRows
}

// stackForward makes the sequence one that has gone forward, stackBackward one that goes backward.
func (w *sizeWorld) stackForward() {
	w.stack.Forward(w.sseq, w.shape, make([]float32, sizesRows*sizesIn), nil, nil, 1)
}

func (w *sizeWorld) stackBackward() {
	w.stackForward()
	w.sseq.BeginBackward(nil, nil)
}

// stackStates says whether slices hold the states of two layers for the batch of two.
func stackStates(lens ...int) bool {
	for _, n := range lens {
		if n < 2*2*sizesOut {
			return false
		}
	}
	return true
}

var stackCalls = map[string]sizeCall{
	"Dropout.Train": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.drop.Train(noNoise, n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], MaxRows) }},
	"Dropout.Begin": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.drop.Begin(w.shape, n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], MaxSize) }},
	"Dropout.Draw": {ints: 3, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.drop.Begin(w.shape, sizesIn)
		w.drop.Draw(n[0], n[1], n[2])
	}, right: func(n, _ []int) bool { return in(0, n[0], 1) && in(n[1], n[2], 2) }},
	"Dropout.DrawAll": {ints: 2, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.drop.Begin(w.shape, sizesIn)
		w.drop.DrawAll(n[0], n[1])
	}, right: func(n, _ []int) bool { return in(n[0], n[1], 2) }},
	"Dropout.Apply": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.drop.Begin(w.shape, sizesIn)
		w.drop.Apply(s[0], s[1], n[0], n[1])
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && has(min(lens[0], lens[1]), n[1]-n[0], sizesIn)
	}},
	"Stack.Forward": {ints: 1, slices: 3, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stack.Forward(w.sseq, w.shape, cut(s[0], sizesRows, sizesIn), s[1], s[2], n[0])
	}, right: func(n, lens []int) bool {
		return in(0, n[0], MaxThreads) && has(lens[0], sizesRows, sizesIn) && stackStates(lens[1:]...)
	}},
	"Stack.Backward": {ints: 1, slices: 7, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stackForward()
		w.stack.Backward(w.sseq, w.stack.NewGrad(), Grads[float32]{DX: s[0], DH0: s[1], DC0: s[2], DY: s[3], DHn: s[4], DCn: s[5]}, s[6], n[0])
	}, right: func(n, lens []int) bool {
		return in(0, n[0], MaxThreads) && has(lens[0], sizesRows, sizesIn) && has(lens[3], sizesRows, sizesOut) &&
			stackStates(lens[1], lens[2], lens[4], lens[5]) && has(lens[6], sizesRows, sizesIn)
	}},
	"Stack.NewStream": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.stack.NewStream(n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) }},
	"Stack.Project": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stackForward()
		w.stack.Project(w.sseq, s[0], n[0], n[1], n[2], n[3])
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"Stack.Step": {ints: 3, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.stackForward()
		w.stack.Step(w.sseq, n[0], n[1], n[2])
	}, right: func(n, _ []int) bool { return in(0, n[0], 1) && in(n[1], n[2], 2) }},
	"Stack.StepBackward": {ints: 3, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stackBackward()
		w.stack.StepBackward(w.sseq, n[0], n[1], n[2], s[0])
	}, right: func(n, lens []int) bool { return in(0, n[0], 1) && in(n[1], n[2], 2) && lens[0]%sizesOut == 0 }},
	"Stack.InputGrad": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stackBackward()
		w.stack.InputGrad(w.sseq, s[0], n[0], n[1], n[2], n[3], false)
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"Stack.ParamGrad": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.stackBackward()
		w.stack.ParamGrad(w.stack.NewGrad(), w.sseq, n[0], n[1], s[0][:min(sizesRows, len(s[0]))], s[1][:min(sizesRows, len(s[1]))])
	}, right: rightPart},
	"StackSequence.Train": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.sseq.Train(noNoise, n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], MaxRows) }},
	"StackSequence.Begin": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) { w.sseq.Begin(w.stack, w.shape, s[0], s[1]) },
		right: func(_, lens []int) bool { return stackStates(lens...) }},
	"StackSequence.Final": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) {
		w.stackForward()
		w.sseq.Final(s[0], s[1])
	}, right: func(_, lens []int) bool { return stackStates(lens...) }},
	"StackSequence.BeginBackward": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) {
		w.stackForward()
		w.sseq.BeginBackward(s[0], s[1])
	}, right: func(_, lens []int) bool { return stackStates(lens...) }},
	"StackSequence.InitialGrad": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) {
		w.stackBackward()
		w.sseq.InitialGrad(s[0], s[1])
	}, right: func(_, lens []int) bool { return stackStates(lens...) }},
}
