package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// isaDistDraws are sources of test data: what rows look like in use, with rare outliers, and
// rows of special values. In a sum one NaN hides the rest, so most rows have none.
var isaDistDraws = []struct {
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
			return isaDraw(rng)
		}
		return float32(math.Abs(rng.NormFloat64()))
	}},
	{"special", isaDraw},
}

// A isaDistCase is a kernel with its arguments: arrays of rows of n elements, with stride ld
// (strided), without, or one element a row. alias lists the pairs (out, in) that may be one slice.
type isaDistCase struct {
	name  string
	args  []isaDistArg
	alias [][2]int
	call  func(a [][]float32, rows, n, ld int)
	most  int // columns, 0 for any number: mixtures take long
}

type isaDistArg struct {
	kind  isaDistKind
	out   bool
	none  bool // nil
	times int  // strided: n times as many columns
	plus  int  // strided: and so many more
	per   int  // isaDistCols: elements a row
	mean  bool // sometimes so large that differences overflow
}

type isaDistKind int

const (
	isaDistDense isaDistKind = iota
	isaDistStrided
	isaDistRow
	isaDistUnit // dense, always 0 or 1
	isaDistCols // per elements a row
)

func (a isaDistArg) len(rows, n, ld int) int {
	switch a.kind {
	case isaDistRow:
		return rows
	case isaDistCols:
		return a.per * rows
	case isaDistStrided:
		cols, ld := a.shape(n, ld)
		return max(0, (rows-1)*ld+cols)
	}
	return rows * n
}

// shape returns columns and stride of a strided array.
func (a isaDistArg) shape(n, ld int) (cols, lda int) {
	cols = n*max(1, a.times) + a.plus
	return cols, cols + ld - n
}

func isaDistCases() (cases []isaDistCase) {
	row, dense, unit := isaDistArg{kind: isaDistRow}, isaDistArg{kind: isaDistDense}, isaDistArg{kind: isaDistUnit}
	out := func(a isaDistArg) isaDistArg { a.out = true; return a }
	cases = append(cases, isaDistCase{name: "BernoulliLogProb", args: []isaDistArg{out(row), unit, dense},
		call: func(a [][]float32, rows, n, _ int) { BernoulliLogProb(a[0], a[1], a[2], rows, n) }})
	cases = append(cases, isaDistCase{name: "BernoulliLogProb of probabilities", args: []isaDistArg{out(row), dense, dense},
		call: func(a [][]float32, rows, n, _ int) { BernoulliLogProb(a[0], a[1], a[2], rows, n) }})
	for _, lp := range []isaDistArg{out(row), {none: true}} {
		cases = append(cases, isaDistCase{name: "BernoulliLogProbBackward", args: []isaDistArg{lp, out(dense), row, unit, dense},
			alias: [][2]int{{1, 3}, {1, 4}},
			call:  func(a [][]float32, rows, n, _ int) { BernoulliLogProbBackward(a[0], a[1], a[2], a[3], a[4], rows, n) }})
	}
	cases = append(cases, isaDistCase{name: "CategoricalLogProb", args: []isaDistArg{out(row), dense},
		call: func(a [][]float32, rows, n, _ int) {
			if n > 0 {
				CategoricalLogProb(a[0], isaTargets[n][:rows], a[1], rows, n)
			}
		}})
	for _, lp := range []isaDistArg{out(row), {none: true}} {
		cases = append(cases, isaDistCase{name: "CategoricalLogProbBackward", args: []isaDistArg{lp, out(dense), row, dense},
			alias: [][2]int{{1, 3}}, call: func(a [][]float32, rows, n, _ int) {
				if n > 0 {
					CategoricalLogProbBackward(a[0], a[1], a[2], isaTargets[n][:rows], a[3], rows, n)
				}
			}})
	}
	strided := isaDistArg{kind: isaDistStrided}
	four := isaDistArg{kind: isaDistCols, per: 4}
	strided4 := isaDistArg{kind: isaDistStrided, times: 4}
	mean4 := isaDistArg{kind: isaDistStrided, times: 4, mean: true}
	meanDense := isaDistArg{mean: true}
	mean := isaDistArg{kind: isaDistStrided, mean: true}
	add := func(name string, alias [][2]int, call func(a [][]float32, rows, n, ld int), args ...isaDistArg) {
		cases = append(cases, isaDistCase{name: name, args: args, alias: alias, call: call})
	}
	for _, form := range []ScaleForm{Sigma, LogSigma, LogVar, SoftplusSigma} {
		with := fmt.Sprint(" ", form)
		add("GaussKL"+with, nil, func(a [][]float32, rows, n, ld int) {
			GaussKL(a[0], a[1], a[2], a[3], a[4], form, rows, n, ld)
		}, out(row), mean, strided, mean, strided)
		add("GaussKLStandard"+with, nil, func(a [][]float32, rows, n, ld int) {
			GaussKLStandard(a[0], a[1], a[2], form, rows, n, ld)
		}, out(row), strided, strided)
		for _, kl := range []isaDistArg{out(row), {none: true}} {
			add("GaussKLBackward"+with, [][2]int{{1, 6}, {2, 7}, {3, 8}, {4, 9}}, func(a [][]float32, rows, n, ld int) {
				GaussKLBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], form, rows, n, ld)
			}, kl, out(strided), out(strided), out(strided), out(strided), row, mean, strided, mean, strided)
			add("GaussKLBackward, fixed p"+with, [][2]int{{1, 3}, {2, 4}}, func(a [][]float32, rows, n, ld int) {
				GaussKLBackward(a[0], a[1], a[2], nil, nil, a[7], a[3], a[4], a[5], a[6], form, rows, n, ld)
			}, kl, out(strided), out(strided), mean, strided, mean, strided, row)
			add("GaussKLStandardBackward"+with, [][2]int{{1, 4}, {2, 5}}, func(a [][]float32, rows, n, ld int) {
				GaussKLStandardBackward(a[0], a[1], a[2], a[3], a[4], a[5], form, rows, n, ld)
			}, kl, out(strided), out(strided), row, strided, strided)
			for _, dx := range []isaDistArg{out(dense), {none: true}} {
				add("GaussLogProbBackward"+with, [][2]int{{1, 5}, {2, 6}, {3, 7}}, func(a [][]float32, rows, n, ld int) {
					GaussLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], form, rows, n, ld)
				}, kl, dx, out(strided), out(strided), row, meanDense, mean, strided)
			}
		}
		add("GaussLogProb"+with, nil, func(a [][]float32, rows, n, ld int) {
			GaussLogProb(a[0], a[1], a[2], a[3], form, rows, n, ld)
		}, out(row), meanDense, mean, strided)
		add("GaussSample"+with, [][2]int{{0, 3}}, func(a [][]float32, rows, n, ld int) {
			GaussSample(a[0], a[1], a[2], a[3], form, rows, n, ld)
		}, out(dense), strided, strided, dense)
		add("GaussSampleBackward"+with, nil, func(a [][]float32, rows, n, ld int) {
			GaussSampleBackward(a[0], a[1], a[2], a[3], a[4], form, rows, n, ld)
		}, out(strided), out(strided), dense, strided, dense)
		for _, sigma := range []isaDistArg{out(dense), {none: true}} {
			add("LatentStep"+with, [][2]int{{1, 7}}, func(a [][]float32, rows, n, ld int) {
				LatentStep(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], form, rows, n, ld)
			}, sigma, out(dense), out(row), mean, strided, mean, strided, dense)
			add("LatentStep, standard"+with, [][2]int{{1, 5}}, func(a [][]float32, rows, n, ld int) {
				LatentStep(a[0], a[1], a[2], a[3], a[4], nil, nil, a[5], form, rows, n, ld)
			}, sigma, out(dense), out(row), strided, strided, dense)
		}
		add("GMMLogProb"+with, nil, func(a [][]float32, rows, n, ld int) {
			GMMLogProb(a[0], a[1], a[2], a[3], a[4], form, rows, 4, n, 4, ld+3*n)
		}, out(row), meanDense, four, mean4, strided4)
		for _, dx := range []isaDistArg{out(dense), {none: true}} {
			add("GMMLogProbBackward"+with, [][2]int{{3, 7}, {4, 8}}, func(a [][]float32, rows, n, ld int) {
				GMMLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[9], a[5], a[6], a[7], a[8], form, rows, 4, n, 4, ld+3*n)
			}, out(row), dx, out(four), out(strided4), out(strided4), meanDense, four, mean4, strided4, row)
		}
		// The mixtures have n components.
		y := isaDistArg{kind: isaDistCols, per: 3}
		theta := isaDistArg{kind: isaDistStrided, times: 6, plus: 1}
		add("BivariateMixtureLogProb"+with, nil, func(a [][]float32, rows, n, ld int) {
			BivariateMixtureLogProb(a[0], a[1], a[2], form, rows, n, ld+5*n+1)
		}, out(row), y, theta)
		for _, dy := range []isaDistArg{out(y), {none: true}} {
			add("BivariateMixtureLogProbBackward"+with, nil, func(a [][]float32, rows, n, ld int) {
				BivariateMixtureLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], form, rows, n, ld+5*n+1)
			}, out(row), dy, out(theta), row, y, theta)
		}
		single := isaDistArg{kind: isaDistStrided, plus: 6} // n columns between the rows
		add("BivariateLogProb"+with, nil, func(a [][]float32, rows, n, ld int) {
			BivariateLogProb(a[0], a[1], a[2], form, rows, ld+6)
		}, out(row), y, single)
		add("BivariateLogProbBackward"+with, nil, func(a [][]float32, rows, n, ld int) {
			BivariateLogProbBackward(nil, a[0], a[1], a[2], a[3], a[4], form, rows, ld+6)
		}, out(y), out(single), row, y, single)
		for _, d := range []int{1, 2} { // dimensions, in calls of their own
			x, part := isaDistArg{kind: isaDistCols, per: d}, isaDistArg{kind: isaDistStrided, times: d}
			levels := []int{0, 256, 5}[d]
			add(fmt.Sprint("LogisticMixtureLogProb", d, with), nil, func(a [][]float32, rows, n, ld int) {
				LogisticMixtureLogProb(a[0], a[1], a[2], a[3], a[4], form, levels, rows, n, d, ld+(d-1)*n)
			}, out(row), x, part, part, part)
			for _, lp := range []isaDistArg{out(row), {none: true}} {
				add(fmt.Sprint("LogisticMixtureLogProbBackward", d, with), [][2]int{{2, 7}, {3, 8}}, func(a [][]float32, rows, n, ld int) {
					LogisticMixtureLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], form, levels, rows, n, d, ld+(d-1)*n)
				}, lp, out(part), out(part), out(part), row, x, part, part, part)
			}
		}
		add("LatentStepBackward"+with, [][2]int{{0, 6}, {1, 7}, {2, 8}, {3, 9}}, func(a [][]float32, rows, n, ld int) {
			LatentStepBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], form, rows, n, ld)
		}, out(strided), out(strided), out(strided), out(strided), dense, row, mean, strided, mean, strided, dense)
		add("LatentStepBackward, fixed p"+with, [][2]int{{0, 4}, {1, 5}}, func(a [][]float32, rows, n, ld int) {
			LatentStepBackward(a[0], a[1], nil, nil, a[2], a[3], a[4], a[5], a[6], a[7], a[8], form, rows, n, ld)
		}, out(strided), out(strided), dense, row, mean, strided, mean, strided, dense)
		add("LatentStepBackward, standard"+with, [][2]int{{0, 4}, {1, 5}}, func(a [][]float32, rows, n, ld int) {
			LatentStepBackward(a[0], a[1], nil, nil, a[2], a[3], a[4], a[5], nil, nil, a[6], form, rows, n, ld)
		}, out(strided), out(strided), dense, row, strided, strided, dense)
	}
	for i, c := range cases {
		if strings.HasPrefix(c.name, "GMM") || strings.HasPrefix(c.name, "Bivariate") || strings.HasPrefix(c.name, "Logistic") {
			cases[i].most = 200
		}
	}
	return cases
}

// isaTargets has outcomes for each number of columns.
var isaTargets = func() (t [2200][]int32) {
	for n := 1; n < len(t); n++ {
		for i := range 150 {
			t[n] = append(t[n], int32(i*i*7%n))
		}
	}
	return t
}()

// TestDistISA compares every instruction set with plain Go, bit for bit: column counts from 0
// to 67 and long ones, strides, offsets, arrays at both ends of accessible memory, every
// permitted alias, all kinds of data; in turn, or with -exhaustive all of the data for each
// column count.
func TestDistISA(t *testing.T) {
	lens := []int{200, 1024, 1040, 2085} // a lane splits its product every 1024 columns
	for n := range 68 {
		lens = append(lens, n)
	}
	newFences := func(n int) (f []*asmtest.Fence) {
		for range 12 {
			f = append(f, asmtest.NewFence(n))
			t.Cleanup(f[len(f)-1].Close)
		}
		return f
	}
	fences := [][]*asmtest.Fence{newFences(400), newFences(3 * 2200), newFences(4 * 3 * 2200)}
	asmtest.ForEachISA(t, func(t *testing.T) {
		if asm.Active() == asm.Generic {
			t.Skip("is the reference")
		}
		for _, c := range isaDistCases() {
			t.Run(c.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(len(c.name)), 5))
				for k, n := range lens {
					if testing.Short() && k%6 != 0 || c.most > 0 && n > c.most {
						continue
					}
					for d := range isaDistDraws {
						long := n > 70 && (k+d)%2 == 0 && (d == 2 || d == 4 || d == 5) // plain rows, far products
						if (k+d)%8 != 0 && !long && !*exhaustive {
							continue
						}
						rows := []int{3, 1, 2, 5, 0}[(k/8+d)%5]
						if n > 200 {
							rows = 1
						} else if n > 70 {
							rows = 1 + rows%2
						}
						testDistCall(t, c, rng, fences, d, rows, n, []int{0, 1, 7}[(k/8+2*d)%3], k/8+d)
					}
				}
				testDistCall(t, c, rng, fences, 9, 150, 3, 2, 0) // more rows than one call gets
			})
		}
	})
}

func testDistCall(t *testing.T, c isaDistCase, rng *rand.Rand, sizes [][]*asmtest.Fence, d, rows, n, gap, k int) {
	t.Helper()
	ld := n + gap
	in, want, got := make([][]float32, len(c.args)), make([][]float32, len(c.args)), make([][]float32, len(c.args))
	huge := rng.IntN(4) == 0
	for i, a := range c.args {
		if a.none {
			continue
		}
		draw := isaDistDraws[d].draw
		if rng.IntN(3) == 0 { // the arrays differ in kind
			draw = isaDistDraws[rng.IntN(len(isaDistDraws))].draw
		}
		if a.mean && huge {
			draw = func(rng *rand.Rand) float32 { return float32(rng.IntN(5)-2) * 0x1.fp126 }
		}
		in[i] = make([]float32, a.len(rows, n, ld))
		for j := range in[i] {
			in[i][j] = draw(rng)
			if a.kind == isaDistUnit && d < len(isaDistDraws)-2 {
				in[i][j] = float32(rng.IntN(2))
			}
		}
		want[i] = append([]float32{}, in[i]...)
	}
	longest := 0
	for _, x := range in {
		longest = max(longest, len(x)+16)
	}
	fences := sizes[0]
	switch {
	case longest > 3*2200:
		fences = sizes[2]
	case longest > 400:
		fences = sizes[1]
	}
	what := []any{c.name, isaDistDraws[d].name, rows, n, gap}
	isa := asm.Use(asm.Generic)
	c.call(want, rows, n, ld)
	asm.Use(isa)
	places := []int{k % 3}
	if len(c.alias) > 0 {
		places = append(places, 3+k%len(c.alias))
	}
	for _, place := range places {
		for i := range in {
			if c.args[i].none {
				continue
			}
			m := len(in[i])
			switch place {
			case 0:
				got[i] = fences[i].Tail(m)
			case 1:
				got[i] = fences[i].Head(m)
			default:
				got[i] = fences[i].Tail(m + (k+5*i)%16)[:m:m]
			}
			copy(got[i], in[i])
		}
		to, from := -1, -1
		if place >= 3 {
			p := c.alias[place-3]
			to, from = p[0], p[1]
			if c.args[to].none || c.args[from].none {
				continue
			}
			got[to] = got[from]
		}
		c.call(got, rows, n, ld)
		for i := range in {
			w := want[i]
			switch {
			case i == from:
				continue
			case c.args[i].none:
				if got[i] != nil {
					t.Fatal("made from nothing")
				}
				continue
			case !c.args[i].out:
				w = in[i]
			case i == to && c.args[i].kind == isaDistStrided:
				w = append([]float32{}, w...)
				cols, lda := c.args[i].shape(n, ld)
				for j := range w { // between the rows is what the input has there
					if j%lda >= cols {
						w[j] = in[from][j]
					}
				}
			}
			asmtest.SameFloats(t, formatDist(what, place, i), got[i], w)
			at := i
			if i == to {
				at = from
			}
			if at, bad := fences[at].Check(got[i]); bad {
				t.Fatalf("%s: wrote at %d", formatDist(what, place, i), at)
			}
		}
	}
}

func formatDist(what []any, place, array int) string {
	return fmt.Sprintf("%s, data %s, rows=%d n=%d gap=%d, place %d, array %d", append(what, place, array)...)
}

// TestDistISAAllocs: no kernel allocates, on any instruction set.
func TestDistISAAllocs(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, c := range isaDistCases() {
			a := make([][]float32, len(c.args))
			for i, arg := range c.args {
				if !arg.none {
					a[i] = make([]float32, arg.len(3, 20, 21))
					for j := range a[i] {
						a[i][j] = rng.Float32()
					}
				}
			}
			if n := testing.AllocsPerRun(5, func() { c.call(a, 3, 20, 21) }); n != 0 {
				t.Errorf("%s: %v allocations", c.name, n)
			}
		}
	})
}
