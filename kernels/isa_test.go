package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// Machine code against the plain Go reference, bit for bit, with every array against an
// unreadable page. The gate kernels have more of their own in gate_test.go.

// An isaCase is a kernel that works element by element or row by row. Array i has
// lens[i](rows, cols, gap) elements and is written if out[i] is set.
type isaCase struct {
	name string
	out  []bool
	lens []func(rows, cols, gap int) int
	call func(a [][]float32, rows, cols, gap int)
	oneD bool
	draw func(rng *rand.Rand) float32 // isaDraw if nil
}

func isaMatrix(rows, cols, gap int) int { return max(rows*(cols+gap)-gap, 0) }
func isaCols(_, cols, _ int) int        { return cols }

// isaDraw draws from everything: normal deviates, special values, denormals, any bits.
func isaDraw(rng *rand.Rand) float32 {
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

// isaDrawMild draws from normal deviates, with a special value now and then.
func isaDrawMild(rng *rand.Rand) float32 {
	if rng.IntN(300) == 0 {
		return isaDraw(rng)
	}
	return float32(rng.NormFloat64() * 3)
}

func isaCases() (cases []isaCase) {
	oneD := func(name string, arrays, outs int, call func(a [][]float32)) {
		c := isaCase{name: name, oneD: true, call: func(a [][]float32, _, _, _ int) { call(a) }}
		for i := range arrays {
			c.lens = append(c.lens, isaCols)
			c.out = append(c.out, i < outs)
		}
		cases = append(cases, c)
	}
	for _, v := range vecForward {
		oneD(v.name, 2, 1, func(a [][]float32) { v.f32(a[0], a[1]) })
	}
	for _, v := range vecBackward {
		oneD(v.name, 3, 1, func(a [][]float32) { v.f32(a[0], a[1], a[2]) })
	}
	oneD("Axpy", 2, 1, func(a [][]float32) { Axpy(a[0], a[1], 1.7) })
	oneD("Scal", 2, 1, func(a [][]float32) { Scal(a[0], a[1], -0.3) })
	oneD("Adam", 4, 3, func(a [][]float32) { Adam(a[0], a[3], a[1], a[2], 1e-3, 0.9, 0.999, 1e-8, 0.3, 0.01) })
	oneD("SGD", 3, 2, func(a [][]float32) { SGD(a[0], a[2], a[1], 0.01, 0.9) })
	oneD("Adagrad", 3, 2, func(a [][]float32) { Adagrad(a[0], a[2], a[1], 0.01, 1e-8) })
	// In a sum one NaN hides all the rest, so these see few.
	sum := func(name string, outs int, call func(a [][]float32, rows, cols, gap int), lens ...func(rows, cols, gap int) int) {
		for _, draw := range []func(*rand.Rand) float32{isaDrawMild, isaDraw} {
			c := isaCase{name: name, call: call, lens: lens, draw: draw}
			for i := range lens {
				c.out = append(c.out, i < outs)
			}
			cases = append(cases, c)
		}
	}
	dense := func(rows, cols, _ int) int { return rows * cols }
	sum("SumSquares", 1, func(a [][]float32, _, _, _ int) { a[0][0] = float32(SumSquares(a[1])) },
		func(_, _, _ int) int { return 1 }, dense)
	sum("AddColumnSums", 1, func(a [][]float32, rows, cols, gap int) { AddColumnSums(a[0], a[1], rows, cols, cols+gap) },
		isaCols, isaMatrix)
	sum("AddColumnProducts", 1, func(a [][]float32, rows, cols, gap int) {
		AddColumnProducts(a[0], a[1], a[2], rows, cols, cols+gap, cols)
	}, isaCols, isaMatrix, dense)
	sum("Softmax", 1, func(a [][]float32, rows, cols, _ int) { Softmax(a[0], a[1], rows, cols) }, dense, dense)
	sum("Softmax in place", 1, func(a [][]float32, rows, cols, _ int) { Softmax(a[0], a[0], rows, cols) }, dense)
	sum("SoftmaxBackward", 1, func(a [][]float32, rows, cols, _ int) { SoftmaxBackward(a[0], a[1], a[2], rows, cols) },
		dense, dense, dense)
	sum("SoftmaxBackward in place", 2, func(a [][]float32, rows, cols, _ int) { SoftmaxBackward(a[0], a[0], a[1], rows, cols) },
		dense, dense)
	sum("LogSumExp", 1, func(a [][]float32, rows, cols, _ int) { LogSumExp(a[0], a[1], rows, cols) },
		func(rows, _, _ int) int { return rows }, dense)
	sum("Uniforms", 1, func(a [][]float32, rows, cols, gap int) {
		Uniforms(a[0], Noise{Seed: 0xfedcba9876543210, Stream: 200, Update: uint32(gap)}, 5, 1<<32-maxTestElems, rows, cols)
	}, dense)
	sum("Normals", 1, func(a [][]float32, rows, cols, gap int) {
		Normals(a[0], Noise{Seed: 0xfedcba9876543210, Stream: 200, Update: uint32(gap)}, 5, 1<<32-maxTestElems, rows, cols)
	}, dense)
	for _, k := range gateKernels[float32]() {
		c := isaCase{name: k.name, call: func(a [][]float32, rows, cols, gap int) {
			ld := k.minLds(cols)
			for i := range ld {
				ld[i] += gap
			}
			k.call(a, rows, cols, ld)
		}}
		for _, a := range k.args {
			c.out = append(c.out, a.out)
			c.lens = append(c.lens, func(rows, cols, gap int) int {
				if a.ld == denseRows {
					gap = 0
				}
				if a.row {
					rows = 1
				}
				return isaMatrix(rows, len(a.cols)*cols, gap)
			})
		}
		cases = append(cases, c)
	}
	return cases
}

// TestISA compares every instruction set with plain Go: all column counts from 0 to 67 and
// some long ones, several row counts and strides, arrays at the start and at the end of
// accessible memory and 0 to 15 elements from it.
func TestISA(t *testing.T) {
	type size struct{ rows, cols int }
	var oneD, twoD []size
	for n := range 68 {
		oneD = append(oneD, size{1, n})
		twoD = append(twoD, size{[]int{2, 5, 1, 0, 9}[n%5], n}, size{1, n})
	}
	oneD = append(oneD, size{1, 1 << 10}, size{1, 1<<10 + 13}, size{1, maxTestElems})
	twoD = append(twoD, size{2, 1<<8 + 13}, size{maxTestElems / 7, 7}, size{1, maxTestElems}) // more than one call
	fences := func(n int) (f []*asmtest.Fence) {
		for range 9 {
			f = append(f, asmtest.NewFence(n))
			t.Cleanup(f[len(f)-1].Close)
		}
		return f
	}
	sizes := []int{1 << 10, 1 << 12, 8 * maxTestElems} // the smaller, the faster to fill and check
	sets := make([][]*asmtest.Fence, len(sizes))
	for i, n := range sizes {
		sets[i] = fences(n)
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		if asm.Active() == asm.Generic {
			t.Skip("is the reference")
		}
		for _, c := range isaCases() {
			t.Run(c.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(len(c.name)), 77))
				shapes := twoD
				if c.oneD {
					shapes = oneD
				}
				for k, s := range shapes {
					if testing.Short() && s.cols > 20 && k%4 != 0 || testing.Short() && s.rows > 20 {
						continue
					}
					gap := []int{0, 1, 7}[k%3]
					longest := 0
					for _, l := range c.lens {
						longest = max(longest, l(s.rows, s.cols, gap))
					}
					i := 0
					for sizes[i] < longest+16 {
						i++
					}
					testISACall(t, c, rng, sets[i], s.rows, s.cols, gap, k)
				}
			})
		}
	})
}

// maxTestElems is beyond what one call of machine code gets.
const maxTestElems = 1<<15 + 1000

func testISACall(t *testing.T, c isaCase, rng *rand.Rand, fences []*asmtest.Fence, rows, cols, gap, k int) {
	t.Helper()
	draw := c.draw
	if draw == nil {
		draw = isaDraw
	}
	in := make([][]float32, len(c.lens))
	want := make([][]float32, len(c.lens))
	for i, l := range c.lens {
		in[i] = make([]float32, l(rows, cols, gap))
		for j := range in[i] {
			in[i][j] = draw(rng)
		}
		want[i] = append([]float32(nil), in[i]...)
	}
	isa := asm.Use(asm.Generic)
	c.call(want, rows, cols, gap)
	asm.Use(isa)
	places := 3
	if rows*cols > 5000 {
		places = 1
	}
	for place := range places {
		got := make([][]float32, len(in))
		for i := range in {
			n := len(in[i])
			switch place {
			case 0:
				got[i] = fences[i].Tail(n)
			case 1:
				got[i] = fences[i].Head(n)
			case 2: // any offset to the width of a vector
				off := (k + 5*i) % 16
				got[i] = fences[i].Tail(n + off)[:n:n]
			}
			copy(got[i], in[i])
		}
		c.call(got, rows, cols, gap)
		for i := range in {
			what := fmt.Sprintf("rows=%d cols=%d gap=%d place=%d array %d", rows, cols, gap, place, i)
			w := want[i]
			if !c.out[i] {
				w = in[i]
			}
			asmtest.SameFloats(t, what, got[i], w)
			if at, bad := fences[i].Check(got[i]); bad {
				t.Fatalf("%s: wrote at %d", what, at)
			}
		}
	}
}

// sweepFuncs are the functions of one argument.
var sweepFuncs = []struct {
	name string
	f    func(dst, x []float32)
}{
	{"Exp", Exp[float32]}, {"Log", Log[float32]}, {"Tanh", Tanh[float32]},
	{"Sigmoid", Sigmoid[float32]}, {"Softplus", Softplus[float32]}, {"ReLU", ReLU[float32]},
	{"RNNStep", func(dst, x []float32) { RNNStep(dst, x, 1, len(x), len(x), RNNTanh) }},
	{"GRUBeforeReset", func(dst, x []float32) { // σ of the gates, out of its r columns
		g := make([]float32, 3*len(x))
		copy(g, x)
		GRUBeforeReset(dst, g, nil, 1, len(x), 3*len(x), len(x))
		copy(dst, g)
	}},
}

// TestISAExhaustive compares all instruction sets with -exhaustive over all 2^32 float32, else
// over every 4093rd: TestScalarAccuracy has more of them, with one instruction set for each.
func TestISAExhaustive(t *testing.T) {
	asmtest.CheckEnv(t)
	step := uint64(4093)
	if testing.Short() {
		step = 16381
	}
	if *exhaustive {
		step = 1
	}
	was := asm.Active()
	defer asm.Use(was)
	const block = 1 << 14
	x, want, got := make([]float32, block), make([]float32, block), make([]float32, block)
	for _, c := range sweepFuncs {
		t.Run(c.name, func(t *testing.T) {
			wrong := 0
			for u := uint64(0); u < 1<<32; u += block * step {
				n := 0
				for n < block && u+uint64(n)*step < 1<<32 {
					x[n] = math.Float32frombits(uint32(u + uint64(n)*step))
					n++
				}
				for i, isa := range asm.Available() {
					asm.Use(isa)
					if i == 0 {
						c.f(want[:n], x[:n])
						continue
					}
					c.f(got[:n], x[:n])
					for j, g := range got[:n] {
						if !asmtest.SameBits(g, want[j]) {
							if wrong++; wrong < 5 {
								t.Errorf("isa=%v: %s(%x) = %x, want %x", isa, c.name, x[j], g, want[j])
							}
						}
					}
				}
			}
			t.Logf("%d differences, isa %v, every input of %d", wrong, asm.Available(), step)
		})
	}
}
