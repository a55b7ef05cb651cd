package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/operand"
)

// peakChains is the number of chains of Chains: two units, each done with a multiply-add
// after four or five cycles, need ten at least; AVX2 has 16 registers.
const peakChains = 12

// chains writes Chains: multiply-adds on registers alone, which is all that a core can do. It
// is not a kernel but what kernels are measured against.
func (g *gen) chains() {
	g.Function("Chains")
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func(steps int)")
	g.Load(g.Param("steps"), rK)
	for i := range peakChains + 2 {
		g.zero(i)
	}
	g.Label("chains")
	for range 2 { // two steps in a turn, so that the count costs nothing
		for i := range peakChains {
			g.VFMADD231PS(g.vec(peakChains), g.vec(peakChains+1), g.vec(i))
		}
	}
	g.SUBQ(imm(2), rK)
	g.JGT(LabelRef("chains"))
	g.end()
	g.stubs.WriteString("\n// Chains takes an even number of steps of 12 chains of multiply-adds in every lane, on registers\n" +
		"// alone: package measure times it.\n//\n//go:noescape\nfunc Chains(steps int)\n")
}
