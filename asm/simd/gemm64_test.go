package simd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/asm/simd"
)

// The products of float64, raw: every size of tile, tail and start, against chains of exact
// multiply-adds, with all arrays at the edge of unreadable pages.

const elemBytes = 8

// A fenced is a matrix that ends where nothing may be read.
type fenced struct {
	fence *asmtest.Fence
	words []float32
	x     []float64
	ld    int
}

func newFenced(t *testing.T, rows, cols, ld int) *fenced {
	n := (rows-1)*ld + cols
	f := &fenced{fence: asmtest.NewFence(2 * n), ld: ld}
	t.Cleanup(f.fence.Close)
	f.words = f.fence.Tail(2 * n)
	f.x = unsafe.Slice((*float64)(unsafe.Pointer(&f.words[0])), n)
	for i := range f.x {
		f.x[i] = rand.NormFloat64()
	}
	return f
}

func (f *fenced) at(i, j int) *float64 { return &f.x[i*f.ld+j] }

// want compares cols columns of rows, and the elements between the rows with what they were.
func (f *fenced) want(t *testing.T, name string, was []float64, rows, cols int, want func(i, j int) float64) {
	t.Helper()
	for at, got := range f.x {
		i, j := at/f.ld, at%f.ld
		w := was[at]
		if i < rows && j < cols {
			w = want(i, j)
		}
		if math.Float64bits(got) != math.Float64bits(w) {
			t.Fatalf("%s: element %d of row %d is %v, want %v", name, j, i, got, w)
		}
	}
	if at, written := f.fence.Check(f.words); written {
		t.Fatalf("%s: word %d outside was written", name, at)
	}
}

func (f *fenced) copy() []float64 { return append([]float64(nil), f.x...) }

// eachMachine calls f for every instruction set with machine code.
func eachMachine(t *testing.T, f func(t *testing.T, isa asm.ISA, lanes int, maxRows [5]int)) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		switch isa := asm.Active(); isa {
		case asm.AVX512:
			f(t, isa, 8, [5]int{0, 8, 8, 8, 6})
		case asm.AVX2:
			f(t, isa, 4, [5]int{0, 8, 6, 4, 3})
		case asm.NEON:
			f(t, isa, 2, [5]int{0, 8, 8, 8, 6})
		}
	})
}

// chain is the start, then steps of a row of A and a column of B.
func chain(start int, beta, c float64, k int, a, b func(k int) float64) float64 {
	switch start {
	case 0:
		c = 0
	case 2:
		c *= beta
	}
	for i := range k {
		c = math.FMA(a(i), b(i), c)
	}
	return c
}

func TestGemmTiles64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, maxRows [5]int) {
		for vecs := 1; vecs <= 4; vecs++ {
			for rows := 1; rows <= maxRows[vecs]; rows++ {
				for tail := 1; tail <= lanes; tail++ {
					testTiles(t, isa, lanes, rows, vecs, tail)
				}
			}
		}
	})
}

func testTiles(t *testing.T, isa asm.ISA, lanes, rows, vecs, tail int) {
	const tiles, adds, alpha, beta = 2, 3, 0.7, -0.75
	cols := (vecs-1)*lanes + tail
	for i, k := range []int{1, 4, 7, 9, 20} {
		start := i % 3
		b := newFenced(t, k, cols, cols+3*(start&1)) // without gaps, too
		c := newFenced(t, rows*tiles, cols, cols+5)
		args := simd.GemmArgs64{B: b.at(0, 0), C: c.at(0, 0),
			BStep: b.ld * elemBytes, CRow: c.ld * elemBytes, CVec: lanes * elemBytes, CLast: (vecs - 1) * lanes * elemBytes,
			K: k, Tiles: tiles, Rows: rows, Vecs: vecs, Tail: tail, Start: start, Alpha: alpha, Beta: beta}
		more := newFenced(t, adds*rows*tiles, cols, cols+1) // what is added, the last block first
		if i%2 == 1 {
			args.Add, args.AddRow, args.AddNext, args.Adds = more.at((adds-1)*rows*tiles, 0), more.ld*elemBytes, -rows*tiles*more.ld*elemBytes, adds
		}
		if k&1 == 0 {
			args.Next, args.NextStep = b.at(0, 0), b.ld*elemBytes
		}
		run := func(kind string, a *fenced, row, step int, at func(i, k int) *float64) {
			was := c.copy()
			args.A, args.ARow, args.AStep = a.at(0, 0), row*elemBytes, step*elemBytes
			simd.GemmTiles64(isa, &args)
			c.want(t, fmt.Sprintf("%dx%d, tail %d, start %d, k %d, A %s", rows, vecs, tail, start, k, kind), was, rows*tiles, cols, func(i, j int) float64 {
				sum := chain(start, beta, was[i*c.ld+j], k, func(k int) float64 { return *at(i, k) }, func(k int) float64 { return *b.at(k, j) })
				for block := adds - 1; args.Adds > 0 && block >= 0; block-- {
					sum = math.FMA(alpha, *more.at(block*rows*tiles+i, j), sum)
				}
				return sum
			})
		}
		a := newFenced(t, rows*tiles, k, k+1)
		run("by rows", a, a.ld, 1, a.at)
		a = newFenced(t, k, rows*tiles, rows*tiles+1)
		run("by columns", a, 1, a.ld, func(i, k int) *float64 { return a.at(k, i) })
		if isa == asm.NEON && rows > 1 {
			a = newFenced(t, tiles*k, rows, rows)
			run("tile by tile", a, 1, rows, func(i, k int) *float64 { return a.at(i/rows*args.K+k, i%rows) })
		}
	}
}

func TestGemmFinish64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, _ [5]int) {
		const rows, alpha, beta = 3, 1.5, -0.3
		for cols := 1; cols <= 4*lanes; cols++ {
			vecs := (cols + lanes - 1) / lanes
			for start := range 3 {
				s, c := newFenced(t, rows, cols, cols), newFenced(t, rows, cols, cols+2)
				was := c.copy()
				simd.GemmFinish64(isa, &simd.GemmArgs64{A: s.at(0, 0), C: c.at(0, 0), ARow: s.ld * elemBytes, CRow: c.ld * elemBytes,
					Tiles: rows, Vecs: vecs, Tail: cols - (vecs-1)*lanes, Start: start, Alpha: alpha, Beta: beta})
				c.want(t, fmt.Sprintf("%d columns, start %d", cols, start), was, rows, cols, func(i, j int) float64 {
					z := 0.0
					if start > 0 {
						z = float64(beta * was[i*c.ld+j])
					}
					return math.FMA(alpha, *s.at(i, j), z)
				})
			}
		}
	})
}

func TestGemmPack64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, _ [5]int) {
		for cols := 1; cols <= 4*lanes; cols++ {
			for k := 1; k <= 2*lanes+3; k++ {
				vecs := (cols + lanes - 1) / lanes
				full := vecs * lanes
				name := fmt.Sprintf("%d columns, k %d", cols, k)
				args := simd.PackArgs64{DstRow: (full + 1) * elemBytes, K: k, Vecs: vecs, Tail: cols - (vecs-1)*lanes}

				src, dst := newFenced(t, k, cols, cols+1), newFenced(t, k, full, full+1)
				was, straight := dst.copy(), args
				straight.Dst, straight.Src, straight.SrcRow = dst.at(0, 0), src.at(0, 0), src.ld*elemBytes
				simd.GemmPack64(isa, &straight)
				dst.want(t, name, was, k, full, func(i, j int) float64 {
					if j >= cols {
						return 0
					}
					return *src.at(i, j)
				})

				src, dst = newFenced(t, cols, k, k+1), newFenced(t, k, full, full+1)
				was = dst.copy()
				turned := args
				turned.Dst, turned.Src, turned.SrcRow = dst.at(0, 0), src.at(0, 0), src.ld*elemBytes
				simd.GemmPackT64(isa, &turned)
				dst.want(t, name+", turned", was, k, full, func(i, j int) float64 { return *src.at(min(j, cols-1), i) })
			}
		}
	})
}

func TestGemvRows64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, _ [5]int) {
		const beta = 1.25
		for rows := 1; rows <= 4*lanes; rows++ {
			for k := 1; k <= 2*lanes+3; k++ {
				for start := range 3 {
					vecs := (rows + lanes - 1) / lanes
					a, x, y := newFenced(t, rows, k, k+1), newFenced(t, 1, k, k), newFenced(t, 1, rows, rows)
					was := y.copy()
					simd.GemvRows64(isa, &simd.GemmArgs64{A: a.at(0, 0), B: x.at(0, 0), C: y.at(0, 0), ARow: a.ld * elemBytes,
						K: k, Vecs: vecs, Tail: rows - (vecs-1)*lanes, Start: start, Beta: beta})
					y.want(t, fmt.Sprintf("%d rows, k %d, start %d", rows, k, start), was, 1, rows, func(_, i int) float64 {
						return chain(start, beta, was[i], k, func(k int) float64 { return *a.at(i, k) }, func(k int) float64 { return *x.at(0, k) })
					})
				}
			}
		}
	})
}

func TestGemvCols64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, _ [5]int) {
		for cols := 1; cols <= 6*lanes; cols++ {
			for k := 1; k <= 21; k++ {
				vecs := (cols + lanes - 1) / lanes
				a, x, y := newFenced(t, k, cols, cols+1), newFenced(t, 1, k, k), newFenced(t, 1, cols, cols)
				was := y.copy()
				simd.GemvCols64(isa, &simd.GemmArgs64{A: a.at(0, 0), B: x.at(0, 0), C: y.at(0, 0), ARow: a.ld * elemBytes,
					K: k, Vecs: vecs, Tail: cols - (vecs-1)*lanes})
				y.want(t, fmt.Sprintf("%d columns, k %d", cols, k), was, 1, cols, func(_, j int) float64 {
					return chain(1, 0, was[j], k, func(k int) float64 { return *x.at(0, k) }, func(k int) float64 { return *a.at(k, j) })
				})
			}
		}
	})
}

// The sums of GemvDots64 have an order of their own: small integers show that they are complete.
func TestGemvDots64(t *testing.T) {
	eachMachine(t, func(t *testing.T, isa asm.ISA, lanes int, _ [5]int) {
		const alpha, beta = 0.5, 0.25
		for tiles := 1; tiles <= 3; tiles++ {
			for k := 1; k <= 7*lanes; k++ {
				for start := range 2 {
					vecs, rows := (k+lanes-1)/lanes, tiles*lanes
					a, x, y := newFenced(t, rows, k, k+1), newFenced(t, 1, k, k), newFenced(t, 1, rows, rows)
					for _, f := range []*fenced{a, x} {
						for i, v := range f.x {
							f.x[i] = math.Round(100 * v)
						}
					}
					was := y.copy()
					simd.GemvDots64(isa, &simd.GemmArgs64{A: a.at(0, 0), B: x.at(0, 0), C: y.at(0, 0), ARow: a.ld * elemBytes, Tiles: tiles,
						Vecs: vecs, Tail: k - (vecs-1)*lanes, Start: start, Alpha: alpha, Beta: beta})
					y.want(t, fmt.Sprintf("%d rows, k %d, start %d", rows, k, start), was, 1, rows, func(_, i int) float64 {
						sum := chain(0, 0, 0, k, func(k int) float64 { return *a.at(i, k) }, func(k int) float64 { return *x.at(0, k) })
						return math.FMA(alpha, sum, float64(start)*beta*was[i])
					})
				}
			}
		}
	})
}
