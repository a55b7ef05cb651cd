package bench

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
)

var sweep = flag.Bool("sweep", false, "compare square products of all sizes and transpositions, interleaved")

// sweepSizes are past the blocks of every implementation, powers of two and others.
var sweepSizes = []int{32, 48, 64, 96, 128, 192, 256, 384, 500, 512, 768, 1000, 1024, 1536, 2048}

// TestGemmSweep prints how many times as fast as others our product of square matrices is:
//
//	go test -tags openblas ./bench -run GemmSweep -sweep -v
//
// "packed" has the second matrix packed beforehand. The calls take turns, and a rate is that of
// the tenth percentile of the times.
func TestGemmSweep(t *testing.T) {
	if !*sweep {
		t.Skip("measures for half a minute; -sweep asks for it")
	}
	wasBLAS := blas.Active().Name()
	defer blas.Use(wasBLAS)
	openblas := slices.Contains(blas.Available(), "openblas")
	t.Logf("isa %v, peak here is %.0f GFLOP/s in 64 x 64; GFLOP/s and, in brackets, our rate over theirs", asm.Active(), gemmPeak().flops/1e9)
	var logs [3]float64
	var counts [3]int
	least := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	for _, n := range sweepSizes {
		for _, op := range []string{"NN", "NT", "TN", "TT"} {
			p := newProduct(gemmShape{n, n, n, op, ""}, normal)
			p.pack()
			reps := max(1, int(2e7/p.flops()))
			under := func(backend string, f func()) func() {
				return func() {
					if err := blas.Use(backend); err != nil {
						t.Fatal(err)
					}
					for range reps {
						f()
					}
				}
			}
			fs := []func(){under("go", p.run)}
			names := []string{"elbow"}
			if op[0] == 'N' {
				fs, names = append(fs, under("go", p.runPacked)), append(names, "packed")
			}
			if openblas {
				fs, names = append(fs, under("openblas", p.run)), append(names, "openblas")
			}
			if n <= 51 {
				fs, names = append(fs, under("go", p.gonum)), append(names, "gonum")
			}
			low := interleave(max(5, min(40, int(1e9/p.flops()))), fs...)
			line := fmt.Sprintf("%4d %s", n, op)
			for i, name := range names {
				line += fmt.Sprintf("  %s %5.0f", name, p.flops()*float64(reps)/low[i]/1e9)
				pair, ours := -1, low[0]
				switch name {
				case "openblas":
					pair = 0
					if names[1] == "packed" {
						ours = min(ours, low[0])
						r := low[i] / low[1]
						line += fmt.Sprintf(" (packed %.2f)", r)
						logs[1] += math.Log(r)
						counts[1]++
						least[1] = min(least[1], r)
					}
				case "gonum":
					pair = 2
				}
				if pair >= 0 {
					r := low[i] / ours
					line += fmt.Sprintf(" (%.2f)", r)
					logs[pair] += math.Log(r)
					counts[pair]++
					least[pair] = min(least[pair], r)
				}
			}
			t.Log(line)
		}
	}
	for i, what := range []string{"elbow over openblas", "packed over openblas", "elbow over gonum"} {
		if counts[i] > 0 {
			t.Logf("%s: geometric mean %.2f, least %.2f", what, math.Exp(logs[i]/float64(counts[i])), least[i])
		}
	}
}

func (p *product) pack() { p.packed.Pack(p.tB, p.k, p.n, p.b, p.ldb) }

// runPacked is run with B packed beforehand.
func (p *product) runPacked() {
	blas.GemmPacked(p.m, 0, p.k, 0, p.n, p.a, p.lda, &p.packed, 0, p.c, p.n)
}

// gonum is run by gonum's own implementation, which may start goroutines.
func (p *product) gonum() {
	gonum.Implementation{}.Sgemm(p.tA, p.tB, p.m, p.n, p.k, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.n)
}
