package kernels

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// fusedSizes are B, next, H: each dimension from 1 to 70 against a few sizes of the other, in
// turn, or against all of them if exhaustive.
func fusedSizes() (sizes [][3]int) {
	few := []int{1, 3, 16, 17}
	for i := 1; i <= 70; i++ {
		for j, o := range few {
			if !*exhaustive && (j != i%4 || testing.Short() && i%5 != 0) {
				continue
			}
			sizes = append(sizes, [3]int{o, (o * (i % 5)) / 4, i}, [3]int{i, (i * ((i + 4) % 5)) / 4, o})
		}
	}
	return append(sizes, [3]int{0, 0, 5}, [3]int{3, 2, 0}, [3]int{33, 33, 64},
		[3]int{10, 7, 180},                   // tiles of five rows with gates among them
		[3]int{7, 6, 257},                    // A packed tile by tile in the gradient too
		[3]int{2, 2, 200}, [3]int{3, 2, 530}) // several blocks of k
}

func TestFusedKinds(t *testing.T) {
	for kind := range stepLayouts {
		if !slices.ContainsFunc(fusedKinds, func(k fusedKind) bool { return int(k.kind) == kind }) {
			t.Errorf("no case of kind %d", kind)
		}
	}
}

func TestFusedSteps(t *testing.T) {
	sizes := fusedSizes()
	for kind, k := range fusedKinds {
		t.Run(k.name, func(t *testing.T) {
			var in, want []*fusedCase[float32]
			was := asm.Use(asm.Generic)
			for i, s := range sizes {
				c := newFusedCase[float32](kind, s[0], s[1], s[2], i%3, 1)
				r := c.clone(plainSlice[float32])
				r.parts()
				in, want = append(in, c), append(want, r)
			}
			asm.Use(was)
			asmtest.ForEachISA(t, func(t *testing.T) {
				for i, c := range in {
					got := c.clone(plainSlice[float32])
					w := got.pack(true)
					got.forward(w, i%2 == 0)
					got.backward(w, i%3 == 0)
					for name, s := range got.outputs() {
						asmtest.SameFloats(t, got.String()+" "+name, s, want[i].outputs()[name])
					}
					if c.batch < 2 || asm.Active() == asm.Generic {
						continue
					}
					// The same in two parts of the batch, gradients in place of the gates.
					got = c.clone(plainSlice[float32])
					mid := c.batch * (1 + i%3) / 4
					for _, p := range []*fusedCase[float32]{got.rows(0, mid), got.rows(mid, c.batch)} {
						p.forward(w, false)
						p.dgates = p.gates
						p.backward(w, false)
					}
					asmtest.SameFloats(t, got.String()+" hy in two parts", got.hy, want[i].hy)
					asmtest.SameFloats(t, got.String()+" dh in two parts", got.dh, want[i].dh)
					if cols := stepLayouts[fusedKinds[kind].kind].saved * c.h; c.ldg == cols && k.kind != StepGRUBefore {
						asmtest.SameFloats(t, got.String()+" dgates in two parts", got.gates, want[i].dgates)
					}
				}
			})
		})
	}
}

// inParts does a step in parts, each on a goroutine.
func inParts(parts int, falling bool, step func(part StepPart)) {
	var met, done sync.WaitGroup
	met.Add(parts)
	for i := range parts {
		done.Go(func() {
			step(StepPart{Index: i, Of: parts, Falling: falling, Meet: func() { met.Done(); met.Wait() }})
		})
	}
	done.Wait()
}

// TestFusedParts: a step in parts of its units is the whole step.
func TestFusedParts(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind, k := range fusedKinds {
			for i, h := range []int{1, 8, 9, 16, 17, 31, 32, 40, 64, 65, 100, 129, 200} {
				for parts := 1; parts <= 5; parts++ {
					batch := []int{1, 2, 5}[(i+parts)%3]
					got := newFusedCase[float32](kind, batch, batch-i%2, h, i%3, 9)
					want := got.clone(plainSlice[float32])
					w := got.pack(true)
					want.forward(w, false)
					want.backward(w, false)
					inParts(parts, i%2 == 0, func(p StepPart) { got.forwardPart(w, p) })
					inParts(parts, i%3 == 0, func(p StepPart) { got.backwardPart(w, p) })
					for name, s := range got.outputs() {
						asmtest.SameFloats(t, fmt.Sprintf("%v in %d parts: %s", got, parts, name), s, want.outputs()[name])
					}
					w.PackBF16(k.kind, got.whh, h)
					want = newFusedCase[float32](kind, batch, 0, h, i%3, 9)
					got = want.clone(plainSlice[float32])
					want.forward(w, false)
					inParts(parts, i%2 == 0, func(p StepPart) { got.forwardPart(w, p) })
					for name, s := range got.outputs() {
						asmtest.SameFloats(t, fmt.Sprintf("%v in %d parts, rounded: %s", got, parts, name), s, want.outputs()[name])
					}
				}
			}
		}
	})
	// Two parts of two panels each, and nothing between them or twice.
	for _, c := range []struct{ index, of, from, to int }{{0, 0, 0, 60}, {0, 1, 0, 60}, {0, 2, 0, 32}, {1, 2, 32, 60}, {0, 3, 0, 16}, {1, 3, 16, 32}, {2, 3, 32, 60},
		{0, 5, 0, 16}, {3, 5, 48, 60}, {4, 5, 60, 60}, {1, math.MaxInt, 16, 32}, {math.MaxInt - 1, math.MaxInt, 60, 60}} {
		if from, to := (StepPart{Index: c.index, Of: c.of}).units(60, 16); from != c.from || to != c.to {
			t.Errorf("part %d of %d: units %d..%d, want %d..%d", c.index, c.of, from, to, c.from, c.to)
		}
	}
}

// TestFusedSteps64: the same for float64, whose products are fused in machine code only.
func TestFusedSteps64(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		tol := 1e-13
		if asm.Active() == asm.Generic {
			tol = 0
		}
		for kind := range fusedKinds {
			for _, s := range [][3]int{{1, 1, 1}, {3, 2, 5}, {4, 0, 17}, {5, 5, 40}} {
				got := newFusedCase[float64](kind, s[0], s[1], s[2], 1, 2)
				want := got.clone(plainSlice[float64])
				want.parts()
				w := got.pack(true)
				got.forward(w, false)
				got.backward(w, false)
				for name, s := range got.outputs() {
					for i, x := range s {
						if y := want.outputs()[name][i]; !(math.Abs(x-y) <= tol*max(1, math.Abs(y))) {
							t.Fatalf("%v: %s[%d] = %v, want %v", got, name, i, x, y)
						}
					}
				}
			}
		}
	})
}

// TestFusedFence: nothing outside the arguments is read or written, whichever end of a page
// they lie at; inputs and the gaps between rows stay as they were.
func TestFusedFence(t *testing.T) {
	var fences []*asmtest.Fence
	for range 13 {
		f := asmtest.NewFence(4 * 129 * 129)
		defer f.Close()
		fences = append(fences, f)
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind := range fusedKinds {
			for i, h := range []int{1, 7, 8, 13, 16, 17, 24, 31, 33, 40, 65, 129} {
				for _, tail := range []bool{false, true} {
					batch := []int{7, 1, 4}[i%3]
					c := newFusedCase[float32](kind, batch, batch*3/4, h, 3, 3)
					next := 0
					used := map[*asmtest.Fence][]float32{}
					d := c.clone(func(n int) []float32 {
						f := fences[next]
						next++
						used[f] = f.Head(n)
						if tail {
							used[f] = f.Tail(n)
						}
						return used[f]
					})
					w := d.pack(true)
					d.forward(w, tail)
					d.backward(w, !tail)
					w.PackBF16(fusedKinds[kind].kind, d.whh, h)
					d.forward(w, tail)
					for f, s := range used {
						if at, bad := f.Check(s); bad {
							t.Fatalf("%v: element %d of an argument of %d was written", d, at, len(s))
						}
					}
					for name, in := range map[string][2][]float32{"hx": {d.hx, c.hx}, "cx": {d.cx, c.cx}, "dnext": {d.dnext, c.dnext},
						"dcy": {d.dcy, c.dcy}, "bhn": {d.bhn, c.bhn}, "whh": {d.whh, c.whh}, "peephole": {d.peephole, c.peephole}} {
						asmtest.SameFloats(t, d.String()+" "+name, in[0], in[1])
					}
					cols := stepLayouts[fusedKinds[kind].kind].saved * h
					for _, g := range [][2][]float32{{d.gates, c.gates}, {d.dgates, c.dgates}} {
						for b := range c.batch - 1 {
							asmtest.SameFloats(t, d.String()+" gap", g[0][b*c.ldg+cols:(b+1)*c.ldg], g[1][b*c.ldg+cols:(b+1)*c.ldg])
						}
					}
				}
			}
		}
	})
}

// TestRecurrentGrad: the product alone, for the initial state.
func TestRecurrentGrad(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind, k := range fusedKinds {
			for _, h := range []int{1, 15, 16, 33, 70} {
				c := newFusedCase[float32](kind, 5, 5, h, 2, 4)
				want := c.clone(plainSlice[float32])
				RecurrentGrad(c.dh, c.dnext, c.pack(true), 5, c.ldg)
				rows := min(k.kind.Gates(), 4) * h
				if k.kind == StepGRU || k.kind == StepGRUBefore {
					rows = 2 * h
				}
				testProduct(want.dh, h, want.dnext, want.ldg, want.whh, 1, h, 5, h, rows)
				if k.kind == StepGRU {
					testProduct(want.dh, h, want.dnext[3*h:], want.ldg, want.whh[2*h*h:], 1, h, 5, h, h)
				}
				asmtest.SameFloats(t, c.String(), c.dh, want.dh)
			}
		}
	})
}

// TestFusedDenormals: denormal weights count as +0 everywhere.
func TestFusedDenormals(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind := range fusedKinds {
			c := newFusedCase[float32](kind, 3, 3, 17, 0, 5)
			for i := range c.whh {
				if c.whh[i] *= 0x1p-127; i%3 == 0 {
					c.whh[i] = 0x1p-126
				}
			}
			want := c.clone(plainSlice[float32])
			for i, x := range want.whh {
				if math.Abs(float64(x)) < 0x1p-126 {
					want.whh[i] = 0
				}
			}
			got := c.clone(plainSlice[float32])
			for _, c := range []*fusedCase[float32]{got, want} {
				for i := range c.hx { // so that what is left of the weights matters
					c.hx[i] *= 0x1p123
				}
				for i := range c.dnext {
					c.dnext[i] *= 0x1p123
				}
				w := c.pack(true)
				c.forward(w, false)
				c.backward(w, false)
			}
			for name, s := range got.outputs() {
				asmtest.SameFloats(t, got.String()+" "+name, s, want.outputs()[name])
			}
		}
	})
}

// TestPackAgain: nothing is left of weights of another kind that were packed before.
func TestPackAgain(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		const h = 140
		for first := range fusedKinds {
			for kind := range fusedKinds {
				w := new(StepWeights[float32])
				w.PackBF16(fusedKinds[first].kind, newFusedCase[float32](first, 3, 0, h, 0, 8).whh, h)
				got := newFusedCase[float32](kind, 3, 0, h, 0, 8)
				want := got.clone(plainSlice[float32])
				fresh := new(StepWeights[float32])
				w.PackBF16(fusedKinds[kind].kind, got.whh, h)
				fresh.PackBF16(fusedKinds[kind].kind, got.whh, h)
				got.forward(w, false)
				want.forward(fresh, false)
				asmtest.SameFloats(t, got.String(), got.hy, want.hy)
			}
		}
	})
}

// TestFusedBF16: steps with rounded weights are those with weights that were rounded before.
func TestFusedBF16(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind := range fusedKinds {
			for _, h := range []int{1, 15, 16, 17, 32, 33, 63, 64, 67, 129, 530} {
				for _, batch := range []int{1, 2, 3, 4, 5, 8} {
					if h == 530 && (batch != 1 || testing.Short()) {
						continue
					}
					got := newFusedCase[float32](kind, batch, 0, h, h%3, 8)
					want := got.clone(plainSlice[float32])
					w := new(StepWeights[float32])
					w.PackBF16(fusedKinds[kind].kind, got.whh, h)
					for i, x := range want.whh {
						want.whh[i] = roundBF16(x)
					}
					got.forward(w, h%2 == 0)
					want.forward(want.pack(false), false)
					for name, s := range got.outputs() {
						asmtest.SameFloats(t, got.String()+" "+name, s, want.outputs()[name])
					}
					w.Pack(fusedKinds[kind].kind, want.whh, h, true) // nothing is left of the words
					got = newFusedCase[float32](kind, batch, 0, h, h%3, 8)
					got.forward(w, false)
					asmtest.SameFloats(t, got.String()+" packed again", got.hy, want.hy)
				}
			}
		}
	})
	for _, c := range [][2]float32{{1, 1}, {0x1.01p0, 0x1p0}, {0x1.03p0, 0x1.04p0}, {0x1.0101p0, 0x1.02p0}, {-0x1.0101p0, -0x1.02p0},
		{math.MaxFloat32, float32(math.Inf(1))}, {0x1.fffp-127, 0x1p-126}, {-0x1p-127, 0}, {0x1p-149, 0},
		{math.Float32frombits(0x7f800001), math.Float32frombits(0x7fc00000)}} {
		if got := roundBF16(c[0]); math.Float32bits(got) != math.Float32bits(c[1]) {
			t.Errorf("roundBF16(%x) = %x, want %x", c[0], got, c[1])
		}
	}
}

func TestFusedPanics(t *testing.T) {
	c := newFusedCase[float32](2, 3, 2, 5, 0, 6)
	w := c.pack(true)
	change := func(f func(c *fusedCase[float32])) *fusedCase[float32] {
		d := *c
		f(&d)
		return &d
	}
	for want, f := range map[string]func(){
		"kernels: LSTMFusedStep: the weights are not packed: call Pack": func() { c.forward(new(StepWeights[float32]), false) },
		"kernels: LSTMFusedStepBackward: the weights are packed for inference only: call Pack with training set": func() {
			c.backward(c.pack(false), false)
		},
		"kernels: GRUFusedStep: weights of kind 1, want kind 2": func() {
			change(func(c *fusedCase[float32]) { c.kind = 4 }).forward(w, false)
		},
		"kernels: LSTMFusedStep: s.Ld = 19, want at least 20": func() {
			change(func(c *fusedCase[float32]) { c.ldg = 19 }).forward(w, false)
		},
		"kernels: LSTMFusedStep: len(s.HPrev) = 14, want at least 15": func() {
			change(func(c *fusedCase[float32]) { c.hx = c.hx[:14] }).forward(w, false)
		},
		"kernels: LSTMFusedStepBackward: d.NextRows = 4, want at most 3": func() {
			change(func(c *fusedCase[float32]) { c.next = 4 }).backward(w, false)
		},
		"kernels: LSTMFusedStep: s.Part.Index = 2, want at most 1":           func() { c.forwardPart(w, StepPart{Index: 2, Of: 2}) },
		"kernels: LSTMFusedStep: s.Part.Index = 1, want at most 0":           func() { c.forwardPart(w, StepPart{Index: 1}) },
		"kernels: LSTMFusedStepBackward: s.Part.Index = -1, want at least 0": func() { c.backwardPart(w, StepPart{Index: -1, Of: 2}) },
		"kernels: GRUBeforeFusedStep: s.Part.Meet = nil, want a function: a step of this kind has two passes": func() {
			before := newFusedCase[float32](5, 3, 2, 5, 0, 6)
			before.forwardPart(before.pack(false), StepPart{Of: 2})
		},
		"kernels: LSTMFusedStepBackward: len(d.Next) = 39, want at least 40": func() {
			change(func(c *fusedCase[float32]) { c.dnext = c.dnext[:39] }).backward(w, false)
		},
		"kernels: LSTMFusedStep: s = nil, want what it points to":         func() { LSTMFusedStep(nil, w) },
		"kernels: LSTMFusedStepBackward: d = nil, want what it points to": func() { LSTMFusedStepBackward(nil, new(Step[float32]), w) },
		"kernels: LSTMFusedStepBackward: len(d.CPrev) = 0, want at least 15": func() {
			s := c.step(StepPart{})
			LSTMFusedStepBackward(&StepGrad[float32]{H: c.dh, Gates: c.dgates}, &s, w)
		},
		"kernels: StepWeights.Pack: len(whh) = 99, want at least 100": func() { new(StepWeights[float32]).Pack(StepLSTM, c.whh[:99], 5, false) },
		"kernels: StepWeights.Pack: kind = 4, want at most 3":         func() { new(StepWeights[float32]).Pack(4, c.whh, 5, false) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
	for _, isa := range asm.Available() {
		if isa == asm.Active() {
			continue
		}
		was := asm.Use(isa)
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, "call Pack again after asm.Use") {
					t.Errorf("weights of %v under %v: panic %q", was, isa, got)
				}
			}()
			c.forward(w, false)
		}()
		asm.Use(was)
	}
}

func TestFusedAllocations(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for kind := range fusedKinds {
			c := newFusedCase[float32](kind, 3, 2, 17, 0, 7)
			w := c.pack(true)
			if n := testing.AllocsPerRun(5, func() {
				w.Pack(fusedKinds[kind].kind, c.whh, c.h, true)
				c.forward(w, false)
				c.backward(w, true)
			}); n != 0 {
				t.Errorf("%v: %v allocations, want 0", c, n)
			}
		}
	})
}
