package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Plain recurrent units, h = tanh(a) or max(a, 0), and what the gate kernels share. The
// pre-activations come from a matrix product; without machine code here they would take
// longer than that product for layers of up to a few hundred units.

func flushState(b *Block, x *Value) *Value { return flush(b, x, f32.FlushState) }
func flushGrad(b *Block, x *Value) *Value  { return flush(b, x, f32.FlushGrad) }

// loadOr0 reads an array that the caller may not have: then has is 0, not all ones, and the
// pointer one that may be read.
func loadOr0(b *Block, array, has string) *Value {
	return b.And(b.Load(array, 0), b.Param(has))
}

// state is an array of one column a unit. The gate kernels work on n of the ldh units of a
// layer, so that a fused step can finish the units whose product is done: rows of states, the
// gates of a row and the peepholes of a gate are all ldh elements apart.
func state(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ldh"} }

func Rnn(f *File) {
	step := func(name, when, does string, g func(b *Block, x *Value) *Value) {
		f.Kernel(Kernel{
			Name: name, Of: "RNNStep", When: when, Doc: []string{does + " for rows of n of ldh units: see kernels.RNNStep."},
			Arrays: []Array{state("h"), {Name: "a", Kind: Strided, Ld: "lda"}},
			Passes: []Pass{{Uses: "h a", Body: func(b *Block) {
				b.Store("h", 0, g(b, b.Load("a", 0)))
			}}},
		})
	}
	step("RNNTanhStep", "!relu", "writes tanh a", func(b *Block, x *Value) *Value { return flushState(b, gateTanh(b, x)) })
	// One comparison is both the ReLU and the flush; it is false for NaN.
	step("RNNReLUStep", "relu", "writes max(a, 0)", func(b *Block, x *Value) *Value {
		return b.Keep(b.Not(b.Less(x, b.Const(f32.FlushState))), x)
	})
	back := func(name, when, does string, g func(b *Block, d, h *Value) *Value) {
		f.Kernel(Kernel{
			Name: name, Of: "RNNStepBackward", When: when, Doc: []string{does + " for rows of n of ldh units: see kernels.RNNStepBackward."},
			Arrays: []Array{{Name: "da", Kind: Strided, Ld: "ldda"}, state("dh"), state("h")},
			Passes: []Pass{{Uses: "da dh h", Body: func(b *Block) {
				b.Store("da", 0, g(b, flushGrad(b, b.Load("dh", 0)), b.Load("h", 0)))
			}}},
		})
	}
	back("RNNTanhStepBackward", "!relu", "writes dh (1-h^2)", func(b *Block, d, h *Value) *Value {
		return flushGrad(b, b.Mul(d, dTanh(b, h)))
	})
	back("RNNReLUStepBackward", "relu", "writes dh where h > 0", func(b *Block, d, h *Value) *Value {
		return b.Keep(b.Not(b.LessEqual(h, b.Const(0))), d)
	})
}
