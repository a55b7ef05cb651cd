package recipe

import . "github.com/elbow-go/elbow/asm/_gen/engine"

// The gates of an LSTM, with and without peepholes:
//
//	i, f, o = σ(i), σ(f), σ(o)    g = tanh(g)
//	cy = f⊙cx + i⊙g               hy = o⊙tanh(cy)
//
// and their gradient; operation by operation as kernels/lstm_generic.go. One pass keeps all
// four gates, the state and the output of a unit in registers.

func Lstm(f *File) {
	gates := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ldg", Block: "ldh", Blocks: 4} }
	for _, peep := range []bool{false, true} {
		name, with, uses, pee := "LSTMStep", "without", "", []Array(nil)
		if peep {
			name, with, uses, pee = "LSTMPeepholeStep", "with", " peephole", []Array{{Name: "peephole", Kind: Shared, Block: "ldh"}}
		}
		f.Kernel(Kernel{
			Name: name, Of: "LSTMStep", When: whether("peephole", !peep), Doc: []string{"finishes a step of an LSTM " + with + " peepholes for rows of n of ldh units: see kernels.LSTMStep.",
				"hasCx is 0 if there is no cx, which is then read but not used, and 1<<32 - 1 otherwise."},
			Arrays:  append([]Array{state("hy"), state("cy"), gates("gates"), state("cx")}, pee...),
			Scalars: []string{"hasCx uint32"},
			Passes:  []Pass{{Uses: "hy cy gates cx" + uses, Body: func(b *Block) { lstmStep(b, peep) }}},
		})
		f.Kernel(Kernel{
			Name: name + "Backward", Of: "LSTMStepBackward", When: whether("peephole", !peep), Doc: []string{"is the gradient of " + name + ": see kernels.LSTMStepBackward.",
				"hasCx and hasDcy are 0 if there is no cx or dcy, which is then read but not used, and 1<<32 - 1 otherwise."},
			Arrays:  append([]Array{gates("dgates"), state("dcx"), state("dh"), state("dcy"), gates("gates"), state("cx"), state("cy")}, pee...),
			Scalars: []string{"hasCx uint32", "hasDcy uint32"},
			Passes: []Pass{{Uses: "dgates dcx dh dcy gates cx cy" + uses,
				Body: func(b *Block) { lstmStepBackward(b, peep) }}},
		})
	}
}

func lstmStep(b *Block, peep bool) {
	var c, i, f, g, o *Value
	inputGate := func() {
		i = b.Load("gates", 0)
		if peep {
			i = b.FMA(b.Load("peephole", 0), c, i)
		}
		i = gateSigmoid(b, i)
		b.Store("gates", 0, i)
	}
	forgetGate := func() {
		f = b.Load("gates", 1)
		if peep {
			f = b.FMA(b.Load("peephole", 1), c, f)
		}
		f = gateSigmoid(b, f)
		b.Store("gates", 1, f)
	}
	candidate := func() {
		g = gateTanh(b, b.Load("gates", 2))
		b.Store("gates", 2, g)
	}
	inTurn := b.InTurn()
	if peep || inTurn {
		c = loadOr0(b, "cx", "hasCx")
	}
	if inTurn {
		b.Par(inputGate, forgetGate, candidate)
	} else { // what takes most registers first, and c as late as can be: room for more copies
		candidate()
		inputGate()
		forgetGate()
	}
	if c == nil {
		c = loadOr0(b, "cx", "hasCx")
	}
	b.Note("cy = f cx + i g, flushed")
	c = flushState(b, b.FMA(f, c, b.Mul(i, g)))
	b.Store("cy", 0, c)
	var t *Value
	b.Par(func() {
		o = b.Load("gates", 3)
		if peep {
			o = b.FMA(b.Load("peephole", 2), c, o)
		}
		o = gateSigmoid(b, o)
		b.Store("gates", 3, o)
	}, func() { t = gateTanh(b, c) })
	b.Note("hy = o tanh(cy)")
	b.Store("hy", 0, b.Mul(o, t))
}

func lstmStepBackward(b *Block, peep bool) {
	t := gateTanh(b, b.Load("cy", 0))
	o := b.Load("gates", 3)
	dh := flushGrad(b, b.Load("dh", 0))
	dc := flushGrad(b, loadOr0(b, "dcy", "hasDcy"))
	b.Note("do, dc")
	do := flushGrad(b, b.Mul(b.Mul(dh, t), dSigmoid(b, o)))
	dc = b.FMA(b.Mul(dh, o), dTanh(b, t), dc)
	if peep {
		dc = b.FMA(do, b.Load("peephole", 2), dc)
	}
	i, f, g := b.Load("gates", 0), b.Load("gates", 1), b.Load("gates", 2)
	c := loadOr0(b, "cx", "hasCx")
	b.Note("di, df, dg, dcx")
	di := flushGrad(b, b.Mul(b.Mul(dc, g), dSigmoid(b, i)))
	df := flushGrad(b, b.Mul(b.Mul(dc, c), dSigmoid(b, f)))
	dg := flushGrad(b, b.Mul(b.Mul(dc, i), dTanh(b, g)))
	dc = b.Mul(dc, f)
	if peep {
		dc = b.FMA(di, b.Load("peephole", 0), dc)
		dc = b.FMA(df, b.Load("peephole", 1), dc)
	}
	b.Store("dgates", 0, di)
	b.Store("dgates", 1, df)
	b.Store("dgates", 2, dg)
	b.Store("dgates", 3, do)
	b.Store("dcx", 0, flushGrad(b, dc))
}
