package kernels

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestGateOracle(t *testing.T) {
	hidden := 2000
	if testing.Short() {
		hidden = 200
	}
	forEachGate(t, testGateOracle[float32](hidden), testGateOracle[float64](hidden))
}

func testGateOracle[T Float](hidden int) func(*testing.T, *gateKernel[T]) {
	return func(t *testing.T, k *gateKernel[T]) {
		worst := k.newCall(2, hidden, 0, 0).fill(1, drawGateNormal).checkOracle(t)
		if worst < 0.05 && gatePrecisionOf[T]() == gateSingle && !strings.HasSuffix(k.name, "relu") { // ReLU is exact
			t.Errorf("largest error is %.3f of the bound: the bound is too loose to show anything", worst)
		}
		t.Logf("largest error is %.3f of the bound", worst)
	}
}

// TestGateSpecials draws special values in every combination. It holds the kernels to the
// oracle (NaN and Inf included) and to outputs that are never denormal in float32.
func TestGateSpecials(t *testing.T) {
	hidden := 4000
	if testing.Short() {
		hidden = 500
	}
	forEachGate(t, testGateSpecials[float32](hidden), testGateSpecials[float64](hidden))
}

func testGateSpecials[T Float](hidden int) func(*testing.T, *gateKernel[T]) {
	return func(t *testing.T, k *gateKernel[T]) {
		k.newCall(1, hidden, 0, 0).fill(2, drawGateSpecial).checkOracle(t)
	}
}

// TestGateShapes runs every H from 0 to 67 with B of 0 1 2 3 8, some with 33, changing strides and
// start offsets. Every output has to have the bits it had in one dense reference call, at
// another place of another shape; guards, gaps and inputs have to stay as they were.
func TestGateShapes(t *testing.T) {
	forEachGate(t, testGateShapes[float32], testGateShapes[float64])
}

func testGateShapes[T Float](t *testing.T, k *gateKernel[T]) {
	const poolBatch, poolHidden = 7, 67
	in := k.newCall(poolBatch, poolHidden, 0, 0).fill(3, drawGateNormal)
	ref := k.newCall(poolBatch, poolHidden, 0, 0).fill(3, drawGateNormal)
	ref.run()
	step := 1
	if testing.Short() {
		step = 3
	}
	for hidden := 0; hidden <= 67; hidden += step {
		for n, batch := range []int{0, 1, 2, 3, 8, 33} {
			if batch == 33 && hidden%4 != 3 && hidden != 0 { // for time
				continue
			}
			extra := []int{0, 1, 7}[(hidden+n)%3]
			c := k.newCall(batch, hidden, extra, (6*hidden+n)%16)
			// Unit (b, j) of this call is unit (pb(b), pj(j)) of the pool.
			pb := func(b int) int { return (b + hidden) % poolBatch }
			pj := func(j int) int { return (j + 5*n) % poolHidden }
			each := func(f func(i, at, poolAt int)) {
				for i, a := range k.args {
					for b := range c.rows(i) {
						for col := range a.cols {
							for j := range hidden {
								f(i, c.at(i, b, j, col), in.at(i, pb(b), pj(j), col))
							}
						}
					}
				}
			}
			each(func(i, at, poolAt int) { c.a[i][at] = in.a[i][poolAt] })
			before := make([][]T, len(c.whole))
			for i, w := range c.whole {
				before[i] = slices.Clone(w)
			}
			c.run()
			each(func(i, at, poolAt int) {
				got, want := c.a[i][at], ref.a[i][poolAt]
				if !gateSameBits(got, want) {
					t.Fatalf("B=%d H=%d extra=%d: %s[%d] = %v, want %v", batch, hidden, extra, k.args[i].name, at, got, want)
				}
				// The check below is for what is not an output.
				if k.args[i].out {
					off := len(c.whole[i]) - gateGuardLen - len(c.a[i])
					before[i][off+at] = got
				}
			})
			for i, w := range c.whole {
				for at := range w {
					if gateBits(w[at]) != gateBits(before[i][at]) {
						t.Fatalf("B=%d H=%d extra=%d: wrote %v outside of %s", batch, hidden, extra, w[at], k.args[i].name)
					}
				}
			}
		}
	}
}

// TestGateISA compares every instruction set with plain Go, bit for bit.
func TestGateISA(t *testing.T) {
	hidden := 4000
	if testing.Short() {
		hidden = 500
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, k := range gateKernels[float32]() {
			got := k.newCall(2, hidden, 0, 0).fill(8, drawGateSpecial)
			want := k.newCall(2, hidden, 0, 0).fill(8, drawGateSpecial)
			got.run()
			isa := asm.Use(asm.Generic)
			want.run()
			asm.Use(isa)
			for i, a := range k.args {
				if a.out {
					asmtest.SameFloats(t, k.name+": "+a.name, got.a[i], want.a[i])
				}
			}
		}
	})
}

// TestGateBits pins the bits of the float32 kernels, as TestVecGolden does: they are the same
// on every architecture, also where the Go compiler fuses x*y + z.
func TestGateBits(t *testing.T) {
	want := map[string]uint32{
		"RNNStep/tanh":              0xdf339763,
		"RNNStepBackward/tanh":      0x5423a271,
		"RNNStep/relu":              0xd2b1ad54,
		"RNNStepBackward/relu":      0x3d11f525,
		"LSTMStep":                  0xf275d6a4,
		"LSTMStepBackward":          0x1882df2a,
		"LSTMStep/peephole":         0xc2676123,
		"LSTMStepBackward/peephole": 0x9f7f5bc3,
		"GRUStep":                   0xb772a64f,
		"GRUStepBackward":           0xbfef51e4,
		"GRUBeforeReset":            0xe178bf6f,
		"GRUBeforeUpdate":           0x62570963,
		"GRUBeforeUpdateBackward":   0x395e391a,
		"GRUBeforeResetBackward":    0x84383502,
	}
	for _, k := range gateKernels[float32]() {
		c := k.newCall(2, 500, 0, 0).fill(9, drawGateNormal)
		c.run()
		sum := uint32(0)
		for i, a := range k.args {
			if a.out {
				sum = bitsCRC(sum, c.a[i]...)
			}
		}
		if w, ok := want[k.name]; !ok || sum != w {
			t.Errorf("%q: %#08x,", k.name, sum)
		}
	}
}

// TestGateAlias compares every allowed overlap, alone and together, with separate memory.
func TestGateAlias(t *testing.T) {
	forEachGate(t, testGateAlias[float32], testGateAlias[float64])
}

func testGateAlias[T Float](t *testing.T, k *gateKernel[T]) {
	for set := range 1 << len(k.alias) {
		for _, hidden := range []int{1, 16, 37} {
			want := k.newCall(3, hidden, 0, 0).fill(4, drawGateNormal)
			got := k.newCall(3, hidden, 0, 0).fill(4, drawGateNormal)
			var names []string
			for n, pair := range k.alias {
				if set>>n&1 == 0 {
					continue
				}
				o, i := k.arg(pair[0]), k.arg(pair[1])
				if k.args[o].in { // what it keeps is part of the input
					copy(want.a[o], want.a[i])
				}
				got.a[o] = got.a[i]
				names = append(names, pair[0]+"="+pair[1])
			}
			want.run()
			got.run()
			for i, a := range k.args {
				if a.out {
					for at := range want.a[i] {
						if w := want.a[i][at]; !gateSameBits(got.a[i][at], w) && w == w {
							t.Fatalf("%v, H=%d: %s[%d] = %v, want %v", names, hidden, a.name, at, got.a[i][at], w)
						}
					}
				}
			}
		}
	}
}

// TestGateNil compares every argument that may be nil with zeros.
func TestGateNil(t *testing.T) {
	forEachGate(t, testGateNil[float32], testGateNil[float64])
}

func testGateNil[T Float](t *testing.T, k *gateKernel[T]) {
	for set := range 1 << len(k.args) {
		want := k.newCall(3, 21, 0, 0).fill(5, drawGateSpecial)
		got := k.newCall(3, 21, 0, 0).fill(5, drawGateSpecial)
		ok := true
		for i, a := range k.args {
			if set>>i&1 != 0 {
				ok = ok && a.opt
				clear(want.a[i])
				got.a[i] = nil
			}
		}
		if !ok {
			continue
		}
		want.run()
		got.run()
		for i, a := range k.args {
			if a.out {
				for at := range want.a[i] {
					if w := want.a[i][at]; !gateSameBits(got.a[i][at], w) {
						t.Fatalf("nil arguments %b: %s[%d] = %v, want %v", set, a.name, at, got.a[i][at], w)
					}
				}
			}
		}
	}
}

// TestGatePanics makes every slice and stride one too short and every size negative.
func TestGatePanics(t *testing.T) {
	forEachGate(t, testGatePanics[float32], testGatePanics[float64])
}

func testGatePanics[T Float](t *testing.T, k *gateKernel[T]) {
	try := func(change func(c *gateCall[T]), want string) {
		t.Helper()
		c := k.newCall(3, 5, 2, 0).fill(6, drawGateNormal)
		before := make([][]T, len(c.whole))
		for i, w := range c.whole {
			before[i] = slices.Clone(w)
		}
		change(c)
		defer func() {
			t.Helper()
			want := "kernels: " + k.fn() + ": " + want
			if got := fmt.Sprint(recover()); got != want {
				t.Errorf("panic %q, want %q", got, want)
			}
			for i, w := range c.whole {
				if !slices.EqualFunc(w, before[i], func(a, b T) bool { return gateBits(a) == gateBits(b) }) {
					t.Errorf("%s: %s was written before the panic", want, k.args[i].name)
				}
			}
		}()
		c.run()
	}
	for i, a := range k.args {
		n := len(k.newCall(3, 5, 2, 0).a[i])
		try(func(c *gateCall[T]) { c.a[i] = c.a[i][:n-1] }, fmt.Sprintf("len(%s) = %d, want at least %d", a.name, n-1, n))
		if !a.opt && !a.row { // without its one row a kernel has no peepholes
			try(func(c *gateCall[T]) { c.a[i] = nil }, fmt.Sprintf("len(%s) = 0, want at least %d", a.name, n))
		}
	}
	for i, ld := range k.minLds(5) {
		try(func(c *gateCall[T]) { c.ld[i] = ld - 1 }, fmt.Sprintf("%s = %d, want at least %d", k.lds[i], ld-1, ld))
	}
	try(func(c *gateCall[T]) { c.batch = -1 }, "batch = -1, want at least 0")
	try(func(c *gateCall[T]) { c.hidden = -1 }, "hidden = -1, want at least 0")
}

func TestGateAllocs(t *testing.T) {
	forEachGate(t, testGateAllocs[float32], testGateAllocs[float64])
}

func testGateAllocs[T Float](t *testing.T, k *gateKernel[T]) {
	c := k.newCall(2, 19, 1, 0).fill(7, drawGateNormal)
	if n := testing.AllocsPerRun(10, c.run); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
