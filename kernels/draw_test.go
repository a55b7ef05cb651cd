package kernels

import (
	"math"
	"math/rand/v2"
)

// A drawFunc draws a value of a column of the kind.
type drawFunc func(rng *rand.Rand, kind kind, s shape) float32

// drawUsual draws the values that a model in training has, and the ends of their ranges.
func drawUsual(rng *rand.Rand, kind kind, s shape) float32 {
	x := rng.NormFloat64()
	switch kind {
	case kindBit:
		return float32(rng.IntN(2))
	case kindMask:
		return float32(min(rng.IntN(4), 1))
	case kindTarget:
		return float32(rng.IntN(s.n))
	case kindScale:
		x = drawScale(rng, s.form, 2)
	case kindPre:
		if x *= 2; rng.IntN(8) == 0 {
			x *= 20
		}
	case kindSigma:
		x = 1 / (1 + math.Exp(3*x))
	case kindTanh:
		x = math.Tanh(2 * x)
	case kindGrad:
		x = math.Ldexp(x, -rng.IntN(80))
	}
	// The same on machines whose math.Exp differs in the last bit.
	return math.Float32frombits(math.Float32bits(float32(x)) &^ 0xff)
}

var (
	gateInf = float32(math.Inf(1))
	gateNaN = float32(math.NaN())
)

// specials are the values at the ends: infinities, NaN, denormals, the neighbours of the flush
// limits and of the clamp, very large numbers. They come with both signs.
var specials = map[kind][]float32{
	kindTanh:   {0, 1, 1 - 0x1p-24, 0x1p-60, 0x1p-149, gateNaN},
	kindPre:    {0, 39.999, 40, 41, 87, 88, 104, 1e9, math.MaxFloat32, gateInf, gateNaN, 0x1p-60, 0x1p-126, 0x1p-130, 0x1p-149},
	kindState:  {0, 1, 1e18, 1e30, gateInf, gateNaN, 0x1p-59, 0x1p-60, 0x1.fffffep-61, 0x1p-126, 0x1p-130, 0x1p-149},
	kindWeight: {0, 1, 1e18, 1e30, gateInf, gateNaN, 0x1p-59, 0x1p-60, 0x1.fffffep-61, 0x1p-126, 0x1p-130, 0x1p-149},
	kindGrad:   {0, 1, 1e18, 1e30, gateInf, gateNaN, 0x1p-69, 0x1p-70, 0x1.fffffep-71, 0x1p-126, 0x1p-130, 0x1p-149},
}

// drawSpecial mixes in the values at the ends.
func drawSpecial(rng *rand.Rand, kind kind, s shape) float32 {
	if rng.IntN(2) == 0 || kind == kindTarget || kind == kindMask {
		return drawUsual(rng, kind, s)
	}
	if kind == kindSigma { // σ of the inner form: at least 2^-57.7, at most 1
		return []float32{1, 1 - 0x1p-24, 0.5, 0x1.39p-58, gateNaN}[rng.IntN(5)]
	}
	list, ok := specials[kind]
	if !ok {
		return drawAnything(rng)
	}
	x := list[rng.IntN(len(list))]
	if rng.IntN(2) == 0 {
		x = -x
	}
	return x
}

// drawAnything draws from everything: normal deviates, special values, denormals, any bits.
func drawAnything(rng *rand.Rand) float32 {
	switch rng.IntN(8) {
	case 0:
		return vecSpecial[rng.IntN(len(vecSpecial))]
	case 1:
		return math.Float32frombits(rng.Uint32() & 0x807fffff)
	case 2:
		return math.Float32frombits(rng.Uint32())
	case 3:
		return float32(rng.NormFloat64() * 40)
	}
	return float32(rng.NormFloat64())
}

// rawDraws ignore what a column means: rows as they look in use, with rare outliers, and rows of
// special values. In a sum one NaN hides the rest, so most rows have none.
var rawDraws = []struct {
	name string
	draw func(rng *rand.Rand) float32
}{
	{"normal", func(rng *rand.Rand) float32 { return float32(rng.NormFloat64()) }},
	{"wide", func(rng *rand.Rand) float32 { return float32(rng.NormFloat64() * 30) }},
	{"positive", func(rng *rand.Rand) float32 { return float32(math.Exp(rng.NormFloat64() * 4)) }},
	{"small", func(rng *rand.Rand) float32 { return float32(rng.NormFloat64() * 1e-6) }},
	{"range", func(rng *rand.Rand) float32 { return float32(math.Ldexp(1+rng.Float64(), rng.IntN(60)-30)) }},
	{"ends", func(rng *rand.Rand) float32 { return []float32{0x1p-30, 0x1p30}[rng.IntN(2)] }},
	{"positive range", func(rng *rand.Rand) float32 { return math.Float32frombits(rng.Uint32() >> 1) }},
	{"bits", func(rng *rand.Rand) float32 { return math.Float32frombits(rng.Uint32()) }},
	{"edges", func(rng *rand.Rand) float32 {
		x := []float32{0x1p-30, 0x1p30, 0x1p126, 0x1p-60, 0x1p60, 1, 104, 88, 0}[rng.IntN(9)]
		x = math.Float32frombits(math.Float32bits(x) + rng.Uint32N(3) - 1)
		if rng.IntN(4) == 0 {
			x = -x
		}
		return x
	}},
	{"outliers", func(rng *rand.Rand) float32 {
		if rng.IntN(100) == 0 {
			return drawAnything(rng)
		}
		return float32(math.Abs(rng.NormFloat64()))
	}},
	{"mild", func(rng *rand.Rand) float32 {
		if rng.IntN(300) == 0 {
			return drawAnything(rng)
		}
		return float32(rng.NormFloat64() * 3)
	}},
	{"anything", drawAnything},
}

// farDraws are those of plain rows with far products, for rows in which a product is split.
var farDraws = []int{2, 4, 5}

// tameDraws are those of many rows: machine code takes blocks of rows that are all plain.
var tameDraws = []int{0, 2, 3, 9}
