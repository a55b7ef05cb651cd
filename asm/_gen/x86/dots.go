package x86

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

func (a *asm) Dots(instruction bool) engine.Dots {
	if instruction {
		return vnni{a.words()}
	}
	return signed{a.words()}
}

// vnni has an instruction for the product of unsigned and signed bytes. It wraps around, as the form
// that saturates does not.
type vnni struct{ vectors }

func (vnni) Start() engine.DotStart { return engine.AtOutputs }
func (vnni) Regs() engine.DotRegs   { return engine.DotRegs{Sum: 1, Weights: 1, Row: 1} }
func (vnni) Groups() int            { return 1 }
func (vnni) Prepare(engine.V)       {}

func (v vnni) LoadWeights(to engine.V, from engine.Place, _ int) { v.Load(to, from) }
func (v vnni) LoadRow(to engine.V, from engine.Place)            { v.spreadGroup(to, from) }

func (v vnni) AddDots(sum, w, x, _, _ engine.V) { v.emit("VPDPBUSD", v.vec(w), v.vec(x), v.vec(sum)) }

// spreadGroup brings a group into all lanes.
func (v vectors) spreadGroup(to engine.V, from engine.Place) {
	v.emit("VPBROADCASTD", v.mem(from), v.vec(to))
}

func (v vectors) ToFloat(sum engine.V) { v.emit("VCVTDQ2PS", v.vec(sum), v.vec(sum)) }

// signed multiplies |x| by w with the sign of x: there is an instruction for the product of unsigned and
// signed bytes, the sum of two of which fits 16 bits, 2*127*128, as x is not -128. For x < 0 the bits of w are
// inverted, which makes -w-1 of it, so a sum starts at the |x| in question: an exclusive or is quicker
// than what negates bytes.
//
//	fixed    ones        row    |x|, all ones where x < 0
type signed struct{ vectors }

func (signed) Start() engine.DotStart { return engine.AtRows }
func (signed) Groups() int            { return 1 }
func (signed) Regs() engine.DotRegs {
	return engine.DotRegs{Sum: 1, Weights: 1, Row: 2, Fixed: 1, Spare: 1}
}

func (v signed) Prepare(ones engine.V) {
	if v.target.avx512 {
		v.emit("VPTERNLOGD", operand.U8(0xff), v.vec(ones), v.vec(ones), v.vec(ones))
	} else {
		v.emit("VPCMPEQW", v.vec(ones), v.vec(ones), v.vec(ones))
	}
	v.emit("VPSRLW", operand.U8(15), v.vec(ones), v.vec(ones))
}

func (v signed) LoadWeights(to engine.V, from engine.Place, _ int) { v.Load(to, from) }

func (v signed) LoadRow(to engine.V, from engine.Place) {
	x, negative := v.vec(to), v.vec(to+1)
	v.spreadGroup(to+1, from)
	v.emit("VPABSB", negative, x)
	if v.target.avx512 {
		v.emit("VPMOVB2M", negative, reg.K1)
		v.emit("VPMOVM2B", reg.K1, negative)
	} else {
		v.emit("VPCMPGTB", negative, x, negative) // |x| > x
	}
}

func (v signed) AddDots(sum, w, x, ones, spare engine.V) {
	s, xor := v.vec(spare), "VPXOR"
	if v.target.avx512 {
		xor += "D"
	}
	v.emit(xor, v.vec(x+1), v.vec(w), s)
	v.emit("VPMADDUBSW", s, v.vec(x), s)
	v.emit("VPMADDWD", v.vec(ones), s, s)
	v.emit("VPADDD", s, v.vec(sum), v.vec(sum))
}
