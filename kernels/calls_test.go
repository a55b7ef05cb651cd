package kernels

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// calls returns all exported functions that take sizes or slices: those of the table, and others.
func calls() *asmtest.Calls {
	return &asmtest.Calls{Package: "kernels", Arg: callArg, Funcs: slices.Concat(tableFuncs(), []asmtest.Func{
		both("SumSquares", SumSquares[float32], SumSquares[float64]),
		both("GaussHead", GaussHead[float32], GaussHead[float64]),
		both("GaussHeadGrad", GaussHeadGrad[float32], GaussHeadGrad[float64]),
		both("MultivariateImpute", MultivariateImpute[float32], MultivariateImpute[float64]),
		both("StepWeights.Pack", (*StepWeights[float32]).Pack, (*StepWeights[float64]).Pack),
		both("StepWeights.PackBF16", (*StepWeights[float32]).PackBF16, (*StepWeights[float64]).PackBF16),
		{Name: "StepWeights.PackInt8", Forms: []any{(*StepWeights[float32]).PackInt8}}, // float64 it refuses
		both("RNNFusedStep", RNNFusedStep[float32], RNNFusedStep[float64]),
		both("LSTMFusedStep", LSTMFusedStep[float32], LSTMFusedStep[float64]),
		both("GRUFusedStep", GRUFusedStep[float32], GRUFusedStep[float64]),
		both("GRUBeforeFusedStep", GRUBeforeFusedStep[float32], GRUBeforeFusedStep[float64]),
		both("RNNFusedStepBackward", RNNFusedStepBackward[float32], RNNFusedStepBackward[float64]),
		both("LSTMFusedStepBackward", LSTMFusedStepBackward[float32], LSTMFusedStepBackward[float64]),
		both("GRUFusedStepBackward", GRUFusedStepBackward[float32], GRUFusedStepBackward[float64]),
		both("GRUBeforeFusedStepBackward", GRUBeforeFusedStepBackward[float32], GRUBeforeFusedStepBackward[float64]),
		both("RecurrentGrad", RecurrentGrad[float32], RecurrentGrad[float64]),
		{Name: "Int8Weights.Pack", Forms: []any{(*Int8Weights).Pack}},
		{Name: "Uint32s", Forms: []any{Uint32s}},
		{Name: "Shuffle", Forms: []any{Shuffle}},
	})}
}

func both(name string, f32, f64 any) asmtest.Func {
	return asmtest.Func{Name: name, Forms: []any{f32, f64}}
}

// tableFuncs are the functions of the table, each once.
func tableFuncs() (funcs []asmtest.Func) {
	f64 := table[float64]()
	for i, k := range table[float32]() {
		known := slices.ContainsFunc(funcs, func(f asmtest.Func) bool { return f.Name == k.fn() })
		if k.named() && !known {
			funcs = append(funcs, both(k.fn(), k.f, f64[i].f))
		}
	}
	return funcs
}

// TestCalls: no sizes get past a check, and no function is without.
func TestCalls(t *testing.T) {
	n := 600
	if testing.Short() {
		n = 300
	}
	calls().Run(t, n)
}

// TestWrap pins the words for sizes that no int can hold.
func TestWrap(t *testing.T) {
	f := func() []float32 { return make([]float32, 256) }
	big := math.MaxInt/16 + 1 // 16 and 32 of them are too many for an int and for a uint
	var w StepWeights[float32]
	w.Pack(StepLSTM, f(), 8, false)
	var w8 Int8Weights
	w8.Pack(f(), 4, 4, 4)
	for want, call := range map[string]func(){
		"LSTMStep: len(s.Gates) = 256": func() {
			LSTMStep(&Step[float32]{H: f(), C: f(), Gates: f(), CPrev: f(), Batch: 8, Ld: math.MaxInt}, 8)
		},
		"LSTMStepBackward: s.Ld = 64": func() {
			LSTMStepBackward(&StepGrad[float32]{H: f(), Gates: f(), CPrev: f()}, &Step[float32]{C: f(), Gates: f(), Batch: 1, Ld: 64}, 8*big)
		},
		"GRUBeforeReset: len(s.Gates) = 16": func() {
			GRUBeforeReset(&Step[float32]{Gates: f()[:16], HPrev: f(), Batch: 8, Ld: math.MaxInt/2 + 2}, 4)
		},
		"LogisticMixtureLogProb: p.Ld = 64": func() {
			LogisticMixtureLogProb(f(), f(), 16, mixtureOf(f(), f(), f(), Sigma, 2*big, 64), 1, 16)
		},
		"BivariateLogProb: len(p.Theta) = 256": func() { BivariateLogProb(f(), f(), bivariateOf(f(), Sigma, 1, 8*big), 3) },
		"LSTMFusedStep: len(s.H) = 256": func() {
			LSTMFusedStep(&Step[float32]{H: f(), C: f(), Gates: f(), HPrev: f(), CPrev: f(), Batch: 4 * big, Ld: 4 * big}, &w)
		},
		"StepWeights.Pack: len(whh) = 256": func() { w.Pack(StepLSTM, f(), 8*big, false) },
		"StepWeights.PackBF16: len(whh) = 256": func() {
			w.PackBF16(StepGRU, f(), 8*big)
		},
		"Int8Weights.Pack: len(w) = 256": func() { new(Int8Weights).Pack(f(), 8*big, 4, 4*big) },
		"GemmInt8: len(c) = 256":         func() { GemmInt8(f(), f(), &w8, 8*big, 4*big, 4) },
		"Softmax: len(x) = 0":            func() { Softmax[float32](nil, nil, 8*big, 8*big) },
	} {
		func() {
			defer func() {
				want := fmt.Sprintf("kernels: %s, want at least %d", want, math.MaxInt)
				if got := recover(); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			call()
		}()
	}
}

func FuzzCalls(f *testing.F) { calls().Fuzz(f) }

// callUnits is the number of units of packed weights: more than a vector of any instruction set.
const callUnits = 18

// callArg makes what the table of calls does not know of, and sizes for which some of the calls
// go through.
func callArg(d *asmtest.Draw, fn, param string, t reflect.Type) (any, bool) {
	fused := strings.Contains(fn, "Fused") || fn == "RecurrentGrad"
	if param == "Mask" && d.Byte() < 192 {
		return reflect.Zero(t).Interface(), true
	}
	switch t {
	case reflect.TypeFor[int]():
		small := 0
		switch {
		case fused && (param == "next" || param == "NextRows"):
			small = int(d.Byte() % 3)
		case fused && strings.HasPrefix(strings.ToLower(param), "ld"):
			small = 4*callUnits - 1 + int(d.Byte()%8)
		case param == "levels":
			small = 1 + int(d.Byte())
		case param == "K":
			return d.Same(param, func() any { return []int{1, 1, 1, 0, 2, 5}[int(d.Byte())%6] }), true
		case param == "Ld":
			return d.Same(param, func() any { return d.Size(param) }), true
		default:
			return nil, false
		}
		if x, odd := d.OddSize(); odd {
			return x, true
		}
		return small, true
	case reflect.TypeFor[ScaleForm]():
		return d.Same("Form", func() any { return ScaleForm(d.Byte() % 5) }), true
	case reflect.TypeFor[Activation]():
		return Activation(d.Byte() % 3), true
	case reflect.TypeFor[StepKind]():
		return StepKind(d.Byte() % 5), true
	case reflect.TypeFor[Noise]():
		return Noise{Seed: uint64(d.Byte())}, true
	case reflect.TypeFor[StepPart]():
		return drawPart(d), true
	case reflect.TypeFor[uint32]():
		return []uint32{0, 1, math.MaxUint32, math.MaxUint32 - 5}[d.Byte()%4], true
	case reflect.TypeFor[*Int8Weights]():
		return new(Int8Weights), true
	case reflect.TypeFor[*StepWeights[float32]]():
		return drawWeights[float32](d, fn), true
	case reflect.TypeFor[*StepWeights[float64]]():
		return drawWeights[float64](d, fn), true
	}
	return nil, false
}

func drawPart(d *asmtest.Draw) StepPart {
	var p StepPart
	if d.Byte() < 128 {
		p.Index, p.Of = d.Size("Index"), d.Size("Of")
	}
	p.Falling = d.Byte()%2 == 1
	if d.Byte() < 224 {
		p.Meet = func() {}
	}
	return p
}

// drawWeights returns weights for function fn, with a few exceptions.
func drawWeights[T Float](d *asmtest.Draw, fn string) *StepWeights[T] {
	w := new(StepWeights[T])
	if strings.HasPrefix(fn, "StepWeights") {
		return w
	}
	kind := StepKind(d.Byte() % 4)
	for i, name := range []string{"RNNFused", "LSTMFused", "GRUFused", "GRUBeforeFused"} {
		if strings.HasPrefix(fn, name) && d.Byte() < 240 {
			kind = StepKind(i)
		}
	}
	whh := make([]T, kind.Gates()*callUnits*callUnits)
	switch b := d.Byte(); {
	case b < 4:
		return nil
	case b < 8:
	case b < 32:
		w.PackBF16(kind, whh, callUnits)
	case b < 64 && is32[T]():
		w.PackInt8(kind, whh, callUnits)
	default:
		w.Pack(kind, whh, callUnits, b < 224)
	}
	return w
}
