package engine

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An ISA is one target. Recipes see it only where a target has a trick of its own.
type ISA struct {
	Name   string
	Lanes  int // float32 in a vector
	Regs   int // vector registers
	AVX512 bool
}

var (
	AVX2   = &ISA{Name: "avx2", Lanes: 8, Regs: 16}
	AVX512 = &ISA{Name: "avx512", Lanes: 16, Regs: 32, AVX512: true}
)

// Bytes is the width of a vector.
func (s *ISA) Bytes() int { return 4 * s.Lanes }

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// Vec returns vector register i in the width of the target. Registers are always physical:
// avo's own allocator would hand out Y16 and above, which AVX2 does not have.
func (s *ISA) Vec(i int) reg.Register {
	if i >= s.Regs {
		panic(fmt.Sprintf("%s has no vector register %d", s.Name, i))
	}
	if s.AVX512 {
		return zmm[i]
	}
	return zmm[i].AsY()
}

func ymmOf(i int) reg.Register { return zmm[i].AsY() }
func xmmOf(i int) reg.Register { return zmm[i].AsX() }

// Mask registers: tails take K7 downwards, one per interleaved copy; odd lanes have K3.
var KRegs = []reg.Register{reg.K0, reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}

const OddMask = 3

// Imm is a number in the shortest form that the instructions of scalar code have.
func Imm(n int) operand.Op {
	switch {
	case n < 0:
		return operand.I8(n)
	case n < 128:
		return operand.U8(n)
	}
	return operand.U32(n)
}
