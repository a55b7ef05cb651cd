package cell

import (
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/kernels"
)

// TestPanics: what is wrong is named, and what was given and wanted. Sizes that cannot be are the
// business of TestSizes.
func TestPanics(t *testing.T) {
	l, other := NewRecurrent[float32](LSTM, 2, 3), NewRecurrent[float32](LSTM, 2, 3)
	l.PackForTraining()
	other.PackForTraining()
	s, shape := NewSequence[float32](), NewRagged(2, 1)
	x, none := make([]float32, 9), []float32(nil)
	d := NewDense[float32](2, 3, Linear)
	d.PackForTraining()
	y := make([]float32, 6)
	conv := NewConv1d[float32](2, 3, Window{Kernel: 2, Stride: 1}, Linear)
	conv.PackForTraining()
	mlp, act := NewMLP[float32](ReLU, Linear, 2, 4, 3), new(Activations[float32])
	mlp.PackForTraining()
	st, sseq := NewStackOf(OneWay, 0, l, NewRecurrent[float32](GRU, 3, 4)), NewStackSequence[float32]()
	st.PackForTraining()
	both := NewStackOf(Sum, 0, l, other)
	runBoth := func() { both.Forward(sseq, shape, x[:6], nil, nil, 1) }
	run := func() { mlp.Forward(act, x[:6], 3, 1); st.Forward(sseq, shape, x[:6], nil, nil, 1) }
	forward := func() { l.Forward(s, shape, x[:6], nil, nil, 1) }
	backward := func() { forward(); s.BeginBackward(nil, nil) }
	for _, c := range []struct {
		text  string
		first func()
		f     func()
	}{
		{"cell: Ragged.Reset: lengths[1] = 3, want at most lengths[0] = 2", nil, func() { NewRagged(2, 3) }},
		{"cell: Ragged.Reset: lengths[0] = -1, want 0..268435456", nil, func() { NewRagged(-1) }},
		{"cell: Ragged.Reset: the sum of lengths[:5] is 1342177280, want at most 1073741824", nil, func() { NewRagged(MaxSteps, MaxSteps, MaxSteps, MaxSteps, MaxSteps) }},
		{"cell: Ragged.Rows: the shape is a zero Ragged, want one from NewRagged, or Reset", nil, func() { new(Ragged).Rows() }},
		{"cell: Recurrent.Forward: the shape is a zero Ragged", nil, func() { l.Forward(s, new(Ragged), x, nil, nil, 1) }},
		{"cell: Sequence.Begin: the shape is a zero Ragged", nil, func() { s.Begin(l, nil, nil, nil) }},
		{"cell: Reverse: the shape is a zero Ragged", nil, func() { Reverse(nil, x, y, 1) }},
		{"cell: Reverse: len(src) = 2, want at least 3", nil, func() { Reverse(shape, x, x[:2], 1) }},

		{"cell: NewRecurrent: kind = 9, want 0..4", nil, func() { NewRecurrent[float32](9, 1, 1) }},
		{"cell: NewRecurrent: Whh has 67108864*16777216 elements, want at most 2147483647", nil, func() { NewRecurrent[float32](LSTM, 1, MaxSize) }},
		{"cell: NewRecurrentWith: Peepholes of kind gru, want none", nil, func() { NewRecurrentWith[float32](GRU, 1, 1, Options{Peepholes: true}) }},
		{"cell: NewRecurrentWith: CellClip of kind rnn, want none", nil, func() { NewRecurrentWith[float32](RNNTanh, 1, 1, Options{CellClip: 1}) }},
		{"cell: NewRecurrentWith: Proj of kind rnn, want none", nil, func() { NewRecurrentWith[float32](RNNTanh, 1, 1, Options{Proj: 1}) }},
		{"cell: NewRecurrentWith: Proj = -1, want 0..16777216", nil, func() { NewRecurrentWith[float32](LSTM, 1, 1, Options{Proj: -1}) }},
		{"cell: NewRecurrentWith: LayerNorm of kind gru-before, want none", nil, func() { NewRecurrentWith[float32](GRUBefore, 1, 4, Options{LayerNorm: true}) }},
		{"cell: NewRecurrentWith: Heads and Proj, want one of them", nil, func() { NewRecurrentWith[float32](LSTM, 1, 4, Options{Heads: 2, Proj: 2}) }},
		{"cell: NewRecurrentWith: Heads = 3, want a divisor of Hidden = 4", nil, func() { NewRecurrentWith[float32](LSTM, 1, 4, Options{Heads: 3}) }},
		{"cell: NewRecurrentWith: LayerNorm of kind rnn, want none", nil, func() { NewRecurrentWith[float32](RNNTanh, 1, 4, Options{LayerNorm: true}) }},
		{"cell: NewRecurrentWith: LayerNorm and another option, want one of them", nil, func() { NewRecurrentWith[float32](GRU, 1, 4, Options{LayerNorm: true, Heads: 2}) }},
		{"cell: NewRecurrentWith: CellClip = -1, want at least 0", nil, func() { NewRecurrentWith[float32](LSTM, 1, 1, Options{CellClip: -1}) }},
		{"cell: NewRecurrentWith: CellClip and Peepholes, want one of them", nil, func() { NewRecurrentWith[float32](LSTM, 1, 1, Options{CellClip: 1, Peepholes: true}) }},
		{"cell: NewDense: act = 9, want 0..4", nil, func() { NewDense[float32](1, 1, 9) }},
		{"cell: NewDense: W has 65536*65536 elements, want at most 2147483647", nil, func() { NewDense[float32](1<<16, 1<<16, Linear) }},
		{"cell: Dense.Pack: len(W) = 0, want 3*2, as a new layer has it", nil, func() { (&Dense[float32]{In: 2, Out: 3}).Pack() }},
		{"cell: Recurrent.Pack: len(Whh) = 0, want 12*3, as a new layer has it", nil, func() { (&Recurrent[float32]{Kind: LSTM, In: 2, Hidden: 3, Wih: make([]float32, 24)}).Pack() }},
		{"cell: Recurrent.Pack: len(Peephole) = 1, want 0*1", nil, func() {
			gru := NewRecurrent[float32](GRU, 1, 1)
			gru.Peephole = x[:1]
			gru.Pack()
		}},
		{"cell: Recurrent.Forward: the layer is 1 x 3, lstm, but was 2 x 3, lstm when it was packed: make a new one", nil, func() {
			changed := NewRecurrent[float32](LSTM, 2, 3)
			changed.Pack()
			changed.In = 1
			changed.Forward(s, shape, x[:6], nil, nil, 1)
		}},

		{"cell: Recurrent.Forward: s is nil, want a Sequence", nil, func() { l.Forward(nil, shape, x[:6], nil, nil, 1) }},
		{"cell: Recurrent.Forward: len(x) = 5, want at least 6", nil, func() { l.Forward(s, shape, x[:5], nil, nil, 1) }},
		{"cell: Recurrent.Forward: len(h0) = 5, want at least 6", nil, func() { l.Forward(s, shape, x[:6], x[:5], nil, 1) }},
		{"cell: Recurrent.Forward: threads = 5000, want 0..4096", nil, func() { l.Forward(s, shape, x[:6], nil, nil, 5000) }},
		{"cell: Sequence.Begin: l is nil, want a layer", nil, func() { s.Begin(nil, shape, nil, nil) }},
		{"cell: Recurrent.Project: from..to = 1..3, want a range within 0..2", nil, func() { l.Project(s, x, 0, 3, 1, 3) }},
		{"cell: Recurrent.Project: the sequence has not begun: call Begin or Forward", nil, func() { l.Project(new(Sequence[float32]), x, 0, 3, 1, 3) }},
		{"cell: Recurrent.Step: t = 2, want at least 0 and less than 2", nil, func() { l.Step(s, 2, 0, 2) }},
		{"cell: Recurrent.Step: the sequence has begun with another layer", nil, func() { other.Step(s, 0, 0, 2) }},
		{"cell: Recurrent.Step: the shape was reset since Begin", nil, func() { shape.Reset([]int{2, 1}); l.Step(s, 0, 0, 2) }},
		{"cell: Sequence.Final: len(h) = 2, want at least 6", forward, func() { s.Final(x[:2], nil) }},
		{"cell: Sequence.Final: the sequence has not begun", nil, func() { new(Sequence[float32]).Final(x, nil) }},

		{"cell: Recurrent.Backward: the sequence has not begun", nil, func() { l.Backward(new(Sequence[float32]), nil, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.Backward: s is nil, want a Sequence", nil, func() { l.Backward(nil, nil, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.Backward: the sequence has not gone forward: call Forward", nil, func() { l.Backward(s, nil, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.Backward: the sequence has begun with another layer", forward, func() { other.Backward(s, nil, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.Backward: the sequence has gone backward, which is done once", backward, func() { l.Backward(s, nil, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.Backward: len(g.DX) = 1, want at least 6", forward, func() { l.Backward(s, nil, Grads[float32]{DX: x[:1]}, x, 1) }},
		{"cell: Recurrent.Backward: len(g.DH0) = 1, want at least 6", forward, func() { l.Backward(s, nil, Grads[float32]{DH0: x[:1]}, x, 1) }},
		{"cell: Recurrent.Backward: len(g.DCn) = 1, want at least 6", forward, func() { l.Backward(s, nil, Grads[float32]{DCn: x[:1]}, x, 1) }},
		{"cell: Recurrent.Backward: grad is not of the shape of the layer", forward, func() {
			l.Backward(s, NewRecurrent[float32](GRU, 2, 3), Grads[float32]{}, x, 1)
		}},
		{"cell: Recurrent.StepBackward: the sequence does not go backward: call BeginBackward", forward, func() { l.StepBackward(s, 1, 0, 2, nil) }},
		{"cell: Recurrent.StepBackward: b0..b1 = 0..3, want a range within 0..2", backward, func() { l.StepBackward(s, 0, 0, 3, nil) }},
		{"cell: Recurrent.StepBackward: len(dy) = 4, want whole rows of Out() = 3", backward, func() { l.StepBackward(s, 0, 0, 2, x[:4]) }},
		{"cell: Recurrent.Project: the sequence has gone backward, which is done once", backward, func() { l.Project(s, x, 0, 3, 0, 2) }},
		{"cell: Recurrent.InputGrad: lo..hi = 0..9, want a range within 0..3", backward, func() { l.InputGrad(s, x, 0, 9, 0, 2, false) }},
		{"cell: Recurrent.ParamGrad: lo..hi = 0..13, want a range within 0..12", backward, func() { l.ParamGrad(l.NewGrad(), s, x, 0, 2, 0, 13) }},
		{"cell: Recurrent.Backward: grad is the layer itself, want one from NewGrad", forward, func() { l.Backward(s, l, Grads[float32]{}, x, 1) }},
		{"cell: Recurrent.ParamGrad: grad is not of the shape of the layer, want one from NewGrad", backward, func() { l.ParamGrad(nil, s, x, 0, 2, 0, 12) }},
		{"cell: Sequence.InitialGrad: b0..b1 = 1..0, want a range within 0..2", backward, func() { s.InitialGrad(nil, nil, 1, 0) }},
		{"cell: Sequence.BeginBackward: the sequence has gone backward, which is done once", backward, func() { s.BeginBackward(nil, nil) }},

		{"cell: Recurrent.NewStream: batch = -1, want 0..", nil, func() { l.NewStream(-1) }},
		{"cell: Stream.Push: len(x) = 3, want at least 4", nil, func() { l.NewStream(2).Push(x[:3]) }},
		{"cell: Stream.Push: len(x) = 5, want 4", nil, func() { l.NewStream(2).Push(make([]float32, 5)) }},
		{"cell: Stream.Push: the layer is not packed", nil, func() { NewRecurrent[float32](LSTM, 2, 3).NewStream(1).Push(x[:2]) }},
		{"cell: Stream.Push: the stream is a zero Stream, want one from NewStream", nil, func() { new(Stream[float32]).Push(x) }},

		{"cell: NewConv1d: Kernel = 0, want 1..16777216", nil, func() { NewConv1d[float32](1, 1, Window{Stride: 1}, Linear) }},
		{"cell: NewConv1d: Stride = 0, want 1..16777216", nil, func() { NewConv1d[float32](1, 1, Window{Kernel: 1}, Linear) }},
		{"cell: NewConv1d: Padding = -1, want 0..16777216", nil, func() { NewConv1d[float32](1, 1, Window{1, 1, -1}, Linear) }},
		{"cell: NewConv1d: Act = 9, want 0..4", nil, func() { NewConv1d[float32](1, 1, Window{1, 1, 0}, 9) }},
		{"cell: NewConv1d: W has 1024*16777216 elements, want at most 2147483647", nil, func() { NewConv1d[float32](1<<12, 1<<10, Window{1 << 12, 1, 0}, Linear) }},
		{"cell: Window.Outputs: Stride = 0, want 1..16777216", nil, func() { Window{Kernel: 1}.Outputs(1) }},
		{"cell: Conv1d.Pack: len(W) = 0, want 3*4, as a new layer has it", nil, func() { (&Conv1d[float32]{In: 2, Out: 3, Window: Window{2, 1, 0}}).Pack() }},
		{"cell: Conv1d.Forward: the layer is not packed", nil, func() { NewConv1d[float32](2, 3, Window{2, 1, 0}, Linear).Forward(y, x, 1, 2) }},
		{"cell: Conv1d.Forward: len(x) = 3, want at least 4", nil, func() { conv.Forward(y, x[:3], 1, 2) }},
		{"cell: Conv1d.Forward: len(y) = 5, want at least 6", nil, func() { conv.Forward(y[:5], x, 1, 3) }},
		{"cell: Conv1d.Forward: 1073741824 sequences of 2 steps, want at most 1073741824 in all", nil, func() { conv.Forward(y, x, MaxRows, 2) }},
		{"cell: Conv1d.Forward: the layer is 2 x 3, linear with window {Kernel:2 Stride:2 Padding:0}, but was 2 x 3, linear with window {Kernel:2 Stride:1 Padding:0} when it was packed", nil, func() {
			changed := NewConv1d[float32](2, 3, Window{2, 1, 0}, Linear)
			changed.Pack()
			changed.Stride = 2
			changed.Forward(y, x, 1, 2)
		}},
		{"cell: Conv1d.Forward: w was written to since the layer was packed", nil, func() {
			changed := NewConv1d[float32](2, 3, Window{2, 1, 0}, Linear)
			changed.Pack()
			changed.W[0] = 1
			changed.Forward(y, x, 1, 2)
		}},
		{"cell: Conv1d.InputGrad: the layer is packed for inference only", nil, func() {
			changed := NewConv1d[float32](2, 3, Window{2, 1, 0}, Linear)
			changed.Pack()
			changed.InputGrad(x, y, 1, 2, false)
		}},
		{"cell: Conv1d.ParamGrad: grad is the layer itself, want one from NewGrad", nil, func() { conv.ParamGrad(conv, y, x, 1, 2, 0, 3) }},
		{"cell: Conv1d.ParamGrad: grad is not of the shape of the layer, want one from NewGrad", nil, func() {
			conv.ParamGrad(NewConv1d[float32](2, 3, Window{2, 2, 0}, Linear), y, x, 1, 2, 0, 3)
		}},
		{"cell: Conv1d.ParamGrad: lo..hi = 2..4, want a range within 0..3", nil, func() { conv.ParamGrad(conv.NewGrad(), y, x, 1, 2, 2, 4) }},

		{"cell: Dense.Project: len(x) = 3, want at least 4", nil, func() { d.Forward(y, x[:3], 2) }},
		{"cell: Dense.Project: len(y) = 5, want at least 6", nil, func() { d.Forward(y[:5], x, 2) }},
		{"cell: Dense.ParamGrad: lo..hi = 2..4, want a range within 0..3", nil, func() { d.ParamGrad(d.NewGrad(), y, x, 2, 0, 2, 2, 4) }},
		{"cell: Dense.ParamGrad: grad is the layer itself, want one from NewGrad", nil, func() { d.ParamGrad(d, y, x, 2, 0, 2, 2, 3) }},
		{"cell: Dense.ParamGrad: grad is not of the shape of the layer, want one from NewGrad", nil, func() { d.ParamGrad(NewDense[float32](3, 2, Linear), y, x, 2, 0, 2, 2, 3) }},
		{"cell: Dense.ParamGrad: len(grad.W) = 0, want 3*2", nil, func() { d.ParamGrad(&Dense[float32]{In: 2, Out: 3}, y, x, 2, 0, 2, 2, 3) }},

		{"cell: Batch.Reset: lengths[1] = -1, want 0..", nil, func() { NewBatch(2, -1) }},
		{"cell: Batch.Reset: the sum of lengths[:5] is 1342177280, want at most 1073741824", nil, func() { NewBatch(MaxSteps, MaxSteps, MaxSteps, MaxSteps, MaxSteps) }},
		{"cell: FromPadded: the batch is a zero Batch, want one from NewBatch, or Reset", nil, func() { FromPadded(new(Batch), x, x, Padded{}) }},
		{"cell: SortStates: Shape or Order is not that of the batch, want them as Batch.Reset has set them", nil, func() {
			b := NewBatch(2, 3)
			b.Shape.Reset([]int{5, 4, 3})
			SortStates(b, x[:3], x[:3], 1)
		}},
		{"cell: MLP.Pack: Layers[1] is nil, want a layer", nil, func() { (&MLP[float32]{Layers: []*Dense[float32]{NewDense[float32](1, 1, Linear), nil}}).Pack() }},
		{"cell: Recurrent.NewStream: Layers[0] is nil, want a layer", nil, func() { (*Recurrent[float32])(nil).NewStream(1) }},
		{"cell: FromPadded: p.Steps = 1, want at least 2, the largest length", nil, func() { FromPadded(NewBatch(1, 2), x, x, Padded{Steps: 1, Cols: 1}) }},
		{"cell: Recurrent.Forward: len(x) = 9, want 6", nil, func() { l.Forward(s, shape, x, nil, nil, 1) }},
		{"cell: Stack.Forward: len(x) = 9, want 6", nil, func() { st.Forward(sseq, shape, x, nil, nil, 1) }},
		{"cell: MLP.Forward: len(x) = 9, want 6", nil, func() { mlp.Forward(act, x, 3, 1) }},
		{"cell: FromPadded: len(src) = 9, want 8", nil, func() { FromPadded(NewBatch(1, 2), x, x, Padded{Steps: 2, Cols: 2}) }},
		{"cell: FromPadded: len(src) = 9, want 0", nil, func() { FromPadded(NewBatch(1, 2), x, x, Padded{Steps: 2}) }},
		{"cell: FromPadded: len(src) = 9, want at least 12", nil, func() { FromPadded(NewBatch(1, 2), x, x, Padded{Steps: 2, Cols: 3}) }},
		{"cell: SortStates: len(src) = 9, want a multiple of batch*cols = 4", nil, func() { SortStates(NewBatch(1, 2), x, x, 2) }},

		{"cell: NewMLP: len(sizes) = 1, want at least 2", nil, func() { NewMLP[float32](ReLU, Linear, 2) }},
		{"cell: MLP.Pack: the MLP has no layers, want one from NewMLP", nil, func() { new(MLP[float32]).Pack() }},
		{"cell: MLP.Pack: Layers[1].In = 2, want Layers[0].Out = 3", nil, func() { (&MLP[float32]{Layers: []*Dense[float32]{d, d}}).Pack() }},
		{"cell: MLP.Forward: 0: the layer is not packed", nil, func() { NewMLP[float32](ReLU, Linear, 2, 3).Forward(act, x, 1, 1) }},
		{"cell: MLP.Forward: a is nil, want Activations", nil, func() { mlp.Forward(nil, x, 1, 1) }},
		{"cell: MLP.Forward: len(x) = 9, want at least 10", nil, func() { mlp.Forward(act, x, 5, 1) }},
		{"cell: MLP.Project: the activations have not begun", nil, func() { mlp.Project(new(Activations[float32]), x, 0, 1, 0, 2) }},
		{"cell: MLP.Project: the activations have begun with another MLP", run, func() { NewMLP[float32](ReLU, Linear, 2, 3).Project(act, x, 0, 1, 0, 2) }},
		{"cell: MLP.ActivateBackward: the activations do not go backward", run, func() { mlp.ActivateBackward(act, 0, 3) }},
		{"cell: MLP.Backward: g has gradients of states, want DY and DX only", run, func() { mlp.Backward(act, nil, Grads[float32]{DHn: x}, x, 1) }},
		{"cell: MLP.Backward: grad is the MLP itself, want one from NewGrad", run, func() { mlp.Backward(act, mlp, Grads[float32]{}, x, 1) }},
		{"cell: MLP.Backward: grad is not of the shape of the MLP, want one from NewGrad", run, func() { mlp.Backward(act, NewMLP[float32](ReLU, Linear, 2, 3), Grads[float32]{}, x, 1) }},
		{"cell: MLP.ParamGrad: x has 1 columns, want 2", run, func() { act.BeginBackward(); mlp.ParamGrad(mlp.NewGrad(), act, 0, 1, x[:3]) }},
		{"cell: MLP.ParamGrad: len(x[0]) = 5, want a multiple of 3 rows", run, func() { act.BeginBackward(); mlp.ParamGrad(mlp.NewGrad(), act, 0, 1, x[:5]) }},
		{"cell: MLP.ParamGrad: parts = 0, want 1..4096", run, func() { act.BeginBackward(); mlp.ParamGrad(mlp.NewGrad(), act, 0, 0, x[:6]) }},

		{"cell: NewStack: c.Layers = 0, want 1..", nil, func() { NewStack[float32](StackConfig{In: 2, Hidden: 3}) }},
		{"cell: NewStackOf: the stack has 0 layers, want a multiple of 1, at least one", nil, func() { NewStackOf[float32](OneWay, 0) }},
		{"cell: NewStackOf: dropout = 1, want at least 0 and less than 1", nil, func() { NewStackOf(OneWay, 1, l) }},
		{"cell: NewStackOf: Layers[1].In = 2, want 3, what it sees", nil, func() { NewStackOf(OneWay, 0, l, other) }},
		{"cell: NewStackOf: the stack has 1 layers, want a multiple of 2, at least one", nil, func() { NewStackOf(Concat, 0, l) }},
		{"cell: NewStackOf: Layers[1].In = 3, want 2, what it sees", nil, func() { NewStackOf(Concat, 0, l, NewRecurrent[float32](GRU, 3, 3)) }},
		{"cell: NewStackOf: Layers[1] has 4 outputs, want 3 as Layers[0], to which they are added", nil, func() { NewStackOf(Sum, 0, l, NewRecurrent[float32](GRU, 2, 4)) }},
		{"cell: NewStackOf: Bidirectional = 3, want 0..2", nil, func() { NewStackOf(3, 0, l) }},
		{"cell: StackSequence.Begin: the stack is bidirectional, so every step depends on all others", nil, func() { sseq.Begin(both, shape, nil, nil) }},
		{"cell: Stack.Step: the stack is bidirectional", runBoth, func() { both.Step(sseq, 0, 0, 1) }},
		{"cell: Stack.InputGrad: the stack is bidirectional", func() { runBoth(); both.Backward(sseq, nil, Grads[float32]{}, x, 1) }, func() { both.InputGrad(sseq, x, 0, 1, 0, 2, false) }},
		{"cell: NewStackOf: Layers[1] is nil, want a layer", nil, func() { NewStackOf(OneWay, 0, l, nil) }},
		{"cell: Stack.Forward: layer 0: the layer is not packed", nil, func() {
			NewStack[float32](StackConfig{In: 2, Hidden: 3, Layers: 2}).Forward(sseq, shape, x[:6], nil, nil, 1)
		}},
		{"cell: Stack.Forward: s is nil, want a StackSequence", nil, func() { st.Forward(nil, shape, x[:6], nil, nil, 1) }},
		{"cell: Stack.Forward: len(h0) = 9, want at least 14", nil, func() { st.Forward(sseq, shape, x[:6], x, nil, 1) }},
		{"cell: Stack.Step: the sequence has not begun: call Begin or Forward", nil, func() { st.Step(NewStackSequence[float32](), 0, 0, 1) }},
		{"cell: Stack.Step: the sequence has begun with another stack", run, func() { NewStackOf(OneWay, 0, l).Step(sseq, 0, 0, 1) }},
		{"cell: Stack.Backward: len(g.DH0) = 9, want at least 14", run, func() { st.Backward(sseq, nil, Grads[float32]{DH0: x}, x, 1) }},
		{"cell: Stack.Backward: len(x) = 5, want at least 6", run, func() { st.Backward(sseq, nil, Grads[float32]{}, x[:5], 1) }},
		{"cell: Stack.Backward: grad is not of the shape of the stack, want one from NewGrad", run, func() { st.Backward(sseq, NewStackOf(OneWay, 0, l), Grads[float32]{}, x, 1) }},
		{"cell: Stack.StepBackward: the sequence does not go backward: call BeginBackward", run, func() { st.StepBackward(sseq, 0, 0, 1, nil) }},
		{"cell: StackSequence.Begin: st is nil, want a stack", nil, func() { sseq.Begin(nil, shape, nil, nil) }},

		{"cell: Uniform: len(w) = 9, want a multiple of cols = 2", nil, func() { Uniform(x, 2, 0, 1, kernels.Noise{}, 0) }},
		{"cell: Uniform: row = -1, want at least 0", nil, func() { Uniform(x, 3, 0, 1, kernels.Noise{}, -1) }},
		{"cell: Orthogonal: len(w) = 0, want at least 9", nil, func() { Orthogonal(none, 3, kernels.Noise{}, 0) }},
	} {
		t.Run(c.text, func(t *testing.T) {
			s.Begin(l, shape, nil, nil)
			if c.first != nil {
				c.first()
			}
			mustPanic(t, c.text, c.f)
		})
	}
}

// TestZeroSequence: the zero value of a Sequence is as good as a new one.
func TestZeroSequence(t *testing.T) {
	l := NewRecurrent[float32](GRU, 2, 3)
	Uniform(l.Whh, 3, -1, 1, kernels.Noise{}, 0)
	l.Pack()
	x, shape := []float32{1, 2, 3, 4}, NewRagged(2)
	var zero Sequence[float32]
	made := NewSequence[float32]()
	l.Forward(&zero, shape, x, nil, nil, 1)
	l.Forward(made, shape, x, nil, nil, 1)
	asmtest.SameFloats(t, "h", zero.H, made.H)
}

// TestNoMemory: a state c, or room for one, is refused by all that has none. An empty one is not.
func TestNoMemory(t *testing.T) {
	shape, x, c := NewRagged(1, 1), make([]float32, 4), make([]float32, 6)
	for _, k := range kinds {
		if k == LSTM {
			continue
		}
		l, s := NewRecurrent[float32](k, 2, 3), NewSequence[float32]()
		st, ss := NewStackOf(OneWay, 0, l), NewStackSequence[float32]()
		l.PackForTraining()
		forward := func() { l.Forward(s, shape, x, nil, c[:0], 1) }
		stackForward := func() { st.Forward(ss, shape, x, nil, c[:0], 1) }
		back := func() { s.Begin(l, shape, nil, nil); s.BeginBackward(nil, c[:0]) }
		stackBack := func() { ss.Begin(st, shape, nil, nil); ss.BeginBackward(nil, c[:0]) }
		for _, f := range []struct {
			want   string
			before func()
			call   func()
		}{
			{"Sequence.Begin: len(c0)", nil, func() { s.Begin(l, shape, nil, c) }},
			{"Recurrent.Forward: len(c0)", nil, func() { l.Forward(s, shape, x, nil, c, 1) }},
			{"Sequence.Final: len(c)", forward, func() { s.Final(c, c) }},
			{"Recurrent.Backward: len(g.DCn)", forward, func() { l.Backward(s, nil, Grads[float32]{DCn: c}, x, 1) }},
			{"Recurrent.Backward: len(g.DC0)", forward, func() { l.Backward(s, nil, Grads[float32]{DC0: c}, x, 1) }},
			{"Sequence.BeginBackward: len(dcn)", forward, func() { s.BeginBackward(nil, c) }},
			{"Sequence.InitialGrad: len(dc0)", back, func() { s.InitialGrad(nil, c, 0, 2) }},
			{"StackSequence.Begin: len(c0)", nil, func() { ss.Begin(st, shape, nil, c) }},
			{"Stack.Forward: len(c0)", nil, func() { st.Forward(ss, shape, x, nil, c, 1) }},
			{"StackSequence.Final: len(c)", stackForward, func() { ss.Final(c, c) }},
			{"Stack.Backward: len(g.DCn)", stackForward, func() { st.Backward(ss, nil, Grads[float32]{DCn: c}, x, 1) }},
			{"Stack.Backward: len(g.DC0)", stackForward, func() { st.Backward(ss, nil, Grads[float32]{DC0: c}, x, 1) }},
			{"StackSequence.BeginBackward: len(dcn)", stackForward, func() { ss.BeginBackward(nil, c) }},
			{"StackSequence.InitialGrad: len(dc0)", stackBack, func() { ss.InitialGrad(nil, c) }},
		} {
			if f.before != nil {
				f.before()
			}
			of := "a layer of kind " + k.String()
			if strings.Contains(f.want, "Stack") {
				of = "a stack without an LSTM"
			}
			mustPanic(t, "cell: "+f.want+" = 6, want 0: "+of+" has no state c", f.call)
		}
	}
}

// TestEmptySequence: a sequence without steps keeps its state, and so does its gradient.
func TestEmptySequence(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, k := range kinds {
			l := NewRecurrent[float32](k, 2, 3)
			Uniform(l.Whh, 3, -1, 1, kernels.Noise{}, 0)
			l.PackForTraining()
			s, shape := NewSequence[float32](), NewRagged(1, 0)
			h0, c0 := []float32{1, 2, 3, 4, 5, 6}, []float32{.1, .2, .3, .4, .5, .6}[:2*l.memory()]
			hn, cn := make([]float32, 6), make([]float32, len(c0))
			l.Forward(s, shape, []float32{1, 2}, h0, c0, 1)
			s.Final(hn, cn)
			asmtest.SameFloats(t, "hn", hn[3:], h0[3:])
			dh0, dc0 := make([]float32, 6), make([]float32, len(c0))
			l.Backward(s, nil, Grads[float32]{DH0: dh0, DC0: dc0, DHn: h0, DCn: c0}, []float32{1, 2}, 1)
			asmtest.SameFloats(t, "dh0", dh0[3:], h0[3:])
			if k == LSTM {
				asmtest.SameFloats(t, "cn", cn[3:], c0[3:])
				asmtest.SameFloats(t, "dc0", dc0[3:], c0[3:])
			}
			// Nothing but sequences without steps.
			l.Forward(s, NewRagged(0, 0), nil, h0, c0, 1)
			s.Final(hn, cn)
			asmtest.SameFloats(t, "hn", hn, h0)
			l.Backward(s, l.NewGrad(), Grads[float32]{DH0: dh0, DC0: dc0, DHn: h0, DCn: c0}, nil, 1)
			asmtest.SameFloats(t, "dh0", dh0, h0)
		}
	})
}
