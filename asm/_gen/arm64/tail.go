package arm64

import "github.com/elbow-go/elbow/asm/_gen/engine"

// NEON has no masked loads. A part of a vector is loaded and stored in pieces of 8 and 4 bytes, each
// behind a test of a bit of the number of lanes: not a byte outside is touched, and since the bits
// are the same for all arrays of a row, the jumps are easy to foresee. A load of 8 or 4 bytes clears
// the lanes above, as it has to be.

// some loads or stores the first n lanes. whole says that n may be the number of all lanes, or more,
// none that it may be 0, or less. third may be n, and is overwritten.
func (a *asm) some(verb string, x V, p engine.Place, elem int, n R, whole, none bool) {
	base, off := a.mem(p, func(off int) bool { return off >= 0 && off%16 == 0 && off < 4096-16 })
	end := a.label()
	if none {
		if verb == "LDR" {
			a.Op("MOVI", x, 0)
		}
		a.Go("CMP", 0, n)
		a.Go("BLE", end)
	}
	if whole {
		part := a.label()
		a.Go("CMP", 16/elem, n)
		a.Go("BLT", part)
		a.Op(verb+"Q", x, base, off)
		a.Go("B", end)
		a.Func.Label(part)
	}
	if elem == 8 {
		a.Op(verb+"D", x, base, off)
		a.Func.Label(end)
		return
	}
	two := a.label()
	a.Go("TBNZ", 1, n, two)
	a.Op(verb+"S", x, base, off)
	a.Go("B", end)
	a.Func.Label(two)
	a.Op(verb+"D", x, base, off)
	a.Go("TBZ", 0, n, end)
	a.Go("ADD", off+8, base, third)
	a.Op(map[string]string{"LDR": "LD1E", "STR": "ST1E"}[verb], x, 2, third)
	a.Func.Label(end)
}

func (a *asm) label() Label { return Label(a.NewLabel("t")) }

// A Mask of the products is the number of a local with the number of lanes.

func (v vectors) newMask() (m engine.Mask, at engine.Place) {
	at = v.Local(8)
	v.asm.masks = append(v.asm.masks, at)
	return engine.Mask(len(v.asm.masks) - 1), at
}

func (v vectors) TailMask(p engine.Place) engine.Mask {
	m, at := v.newMask()
	v.Move(at, p)
	return m
}

func (v vectors) CopyMask(m engine.Mask) engine.Mask {
	to, at := v.newMask()
	v.Move(at, v.masks[m])
	return to
}

func (v vectors) FillMask(m engine.Mask) { v.Move(v.masks[m], engine.Num(v.Lanes())) }

func (v vectors) LoadMasked(to engine.V, from engine.Place, m engine.Mask) {
	v.move(third, v.masks[m])
	v.some("LDR", V(to), from, v.elem, third, true, true)
}

func (v vectors) StoreMasked(to engine.Place, x engine.V, m engine.Mask, _ engine.V) {
	v.move(third, v.masks[m])
	v.some("STR", V(x), to, v.elem, third, true, true)
}

// rampOnes is the longest group of elements that has one tail: the constants start with so many
// words of ones and as many zeros, and the mask of a tail is part of this ramp.
const rampOnes = 64
