package recipe

import . "github.com/elbow-go/elbow/asm/_gen/engine"

// The gates of a GRU, operation by operation as kernels/gru_generic.go.
//
//	reset-after:     r, z = σ(r), σ(z)    n = tanh(n + r⊙hn)    hy = (1-z)⊙n + z⊙hx
//	reset-before:    r, z = σ(r), σ(z)    rh = r⊙hx    |    n = tanh(n)    hy the same

func Gru(f *File) {
	gates := Array{Name: "gates", Kind: Strided, Ld: "ldg", Block: "ldh"}
	dgates := Array{Name: "dgates", Kind: Strided, Ld: "ldg", Block: "ldh"}
	kernel := func(name, does string, arrays []Array, uses string, body func(b *Block)) {
		f.Kernel(Kernel{
			Name: name, Doc: []string{does + " for rows of n of ldh units: see kernels." + name + ".",
				"hasHx is 0 if there is no hx, which is then read but not used, and 1<<32 - 1 otherwise."},
			Arrays: arrays, Scalars: []string{"hasHx uint32"},
			Passes: []Pass{{Uses: uses, Body: body}},
		})
	}
	kernel("GRUStep", "finishes a step of a GRU, reset-after form,",
		[]Array{state("hy"), gates, {Name: "hn", Kind: Strided, Ld: "ldhn"}, state("hx")},
		"hy gates hn hx", func(b *Block) {
			var r, z *Value
			b.Par(func() {
				r = gateSigmoid(b, b.Load("gates", 0))
				b.Store("gates", 0, r)
			}, func() {
				z = gateSigmoid(b, b.Load("gates", 1))
				b.Store("gates", 1, z)
			})
			n := gateTanh(b, b.FMA(r, b.Load("hn", 0), b.Load("gates", 2)))
			b.Store("gates", 2, n)
			b.Store("hy", 0, gruMix(b, z, n, loadOr0(b, "hx", "hasHx")))
		})
	kernel("GRUStepBackward", "is the gradient of GRUStep",
		[]Array{dgates, {Name: "dhn", Kind: Strided, Ld: "ldhn"}, state("dhx"), state("dh"), gates,
			{Name: "hn", Kind: Strided, Ld: "ldhn"}, state("hx")},
		"dgates dhn dhx dh gates hn hx", func(b *Block) {
			dz, dn, dh := gruMixBackward(b)
			r := b.Load("gates", 0)
			b.Note("dr")
			dr := flushGrad(b, b.Mul(b.Mul(dn, b.Load("hn", 0)), dSigmoid(b, r)))
			b.Store("dhn", 0, flushGrad(b, b.Mul(dn, r)))
			b.Store("dgates", 0, dr)
			b.Store("dgates", 1, dz)
			b.Store("dgates", 2, dn)
			b.Store("dhx", 0, dh)
		})
	kernel("GRUBeforeReset", "is the first half of a step of a GRU, reset-before form,",
		[]Array{{Name: "rh", Kind: Strided, Ld: "ldrh"}, gates, state("hx")},
		"rh gates hx", func(b *Block) {
			var r, z *Value
			b.Par(func() { r = gateSigmoid(b, b.Load("gates", 0)) }, func() { z = gateSigmoid(b, b.Load("gates", 1)) })
			b.Store("gates", 0, r)
			b.Store("gates", 1, z)
			b.Store("rh", 0, b.Mul(r, loadOr0(b, "hx", "hasHx")))
		})
	kernel("GRUBeforeUpdate", "is the second half of a step of a GRU, reset-before form,",
		[]Array{state("hy"), gates, state("hx")},
		"hy gates hx", func(b *Block) {
			z := b.Load("gates", 1)
			n := gateTanh(b, b.Load("gates", 2))
			b.Store("gates", 2, n)
			b.Store("hy", 0, gruMix(b, z, n, loadOr0(b, "hx", "hasHx")))
		})
	kernel("GRUBeforeUpdateBackward", "is the gradient of GRUBeforeUpdate",
		[]Array{dgates, state("dhx"), state("dh"), gates, state("hx")},
		"dgates dhx dh gates hx", func(b *Block) {
			dz, dn, dh := gruMixBackward(b)
			b.Store("dgates", 1, dz)
			b.Store("dgates", 2, dn)
			b.Store("dhx", 0, dh)
		})
	kernel("GRUBeforeResetBackward", "is the gradient of GRUBeforeReset",
		[]Array{dgates, state("dhx"), {Name: "drh", Kind: Strided, Ld: "lddrh"}, gates, state("hx")},
		"dgates dhx drh gates hx", func(b *Block) {
			r, d := b.Load("gates", 0), b.Load("drh", 0)
			b.Note("dr")
			dr := flushGrad(b, b.Mul(b.Mul(d, loadOr0(b, "hx", "hasHx")), dSigmoid(b, r)))
			b.Store("dgates", 0, dr)
			b.Store("dhx", 0, flushGrad(b, b.FMA(d, r, b.Load("dhx", 0))))
		})
}

// gruMix is (1-z)n + z h in two roundings, flushed.
func gruMix(b *Block, z, n, h *Value) *Value {
	b.Note("hy = (1-z) n + z hx, flushed")
	return flushState(b, b.FMA(z, h, b.FNMA(z, n, n)))
}

// gruMixBackward is its gradient behind the activations of z and n, and the path to h.
func gruMixBackward(b *Block) (dz, dn, dh *Value) {
	b.Note("dz, dn, dhx")
	d := flushGrad(b, b.Load("dh", 0))
	z, n, h := b.Load("gates", 1), b.Load("gates", 2), loadOr0(b, "hx", "hasHx")
	dz = flushGrad(b, b.Mul(b.Mul(d, b.Sub(h, n)), dSigmoid(b, z)))
	dn = flushGrad(b, b.Mul(b.FNMA(z, d, d), dTanh(b, n)))
	dh = flushGrad(b, b.Mul(d, z))
	return dz, dn, dh
}
