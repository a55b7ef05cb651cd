package arm64

import "github.com/elbow-go/elbow/asm/_gen/engine"

func (a *asm) Dots(instruction bool) engine.Dots {
	v := vectors{a, 4}
	if instruction {
		return dotProd{v}
	}
	return widening{v}
}

// dotProd is FEAT_DotProd, which takes a group of a row as an element.
type dotProd struct{ vectors }

func (dotProd) Start() engine.DotStart { return engine.AtZero }
func (dotProd) Groups() int            { return 1 }
func (dotProd) Regs() engine.DotRegs   { return engine.DotRegs{Sum: 1, Weights: 1, Row: 1} }
func (dotProd) Prepare(engine.V)       {}

func (d dotProd) LoadWeights(to engine.V, from engine.Place, _ int) { d.Load(to, from) }
func (d dotProd) LoadRow(to engine.V, from engine.Place)            { d.Element(to, from) }
func (d dotProd) AddDots(sum, w, x, _, _ engine.V)                  { d.Op("SDOTE", V(sum), V(w), V(x), 0) }
func (d dotProd) ToFloat(sum engine.V)                              { d.Op("SCVTF", V(sum), V(sum)) }

// widening adds up two products in 16 bits, of the same bytes of two groups: 2*127*127 fits, as no byte
// is -128. Pairs of such sums then go to 32 bits, and neighbours meet at the end.
//
//	weights, row    first group, second group        sum    two words each of outputs 0 1, of outputs 2 3
type widening struct{ vectors }

func (widening) Start() engine.DotStart { return engine.AtZero }
func (widening) Groups() int            { return 2 }
func (widening) Regs() engine.DotRegs   { return engine.DotRegs{Sum: 2, Weights: 2, Row: 2, Spare: 2} }
func (widening) Prepare(engine.V)       {}

func (d widening) LoadWeights(to engine.V, from engine.Place, next int) {
	d.Load(to, from)
	d.Load(to+1, from.Plus(next))
}

func (d widening) LoadRow(to engine.V, from engine.Place) {
	d.Spread(to, from)
	d.Spread(to+1, from.Plus(4))
}

func (d widening) AddDots(sum, w, x, _, spare engine.V) {
	d.Op("SMULL.b", V(spare), V(w), V(x))
	d.Op("SMULL2.b", V(spare+1), V(w), V(x))
	d.Op("SMLAL.b", V(spare), V(w+1), V(x+1))
	d.Op("SMLAL2.b", V(spare+1), V(w+1), V(x+1))
	d.Op("SADALP", V(sum), V(spare))
	d.Op("SADALP", V(sum+1), V(spare+1))
}

func (d widening) ToFloat(sum engine.V) {
	d.Op("ADDP", V(sum), V(sum), V(sum+1))
	d.Op("SCVTF", V(sum), V(sum))
}
