package bench_test

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/measure"
)

var sweep = flag.Bool("sweep", false, "compare square products of all sizes and transpositions")

// sweepSizes are past the blocks of every implementation, powers of two and others. gonum takes
// part up to gonumSize: it needs a minute for the rest.
var sweepSizes = []int{32, 48, 64, 96, 128, 192, 256, 384, 500, 512, 768, 1000, 1024, 1536, 2048}

const gonumSize = 512

// TestGemmSweep prints how many times as fast as others our product of square matrices is, with the
// second matrix packed by the call and beforehand:
//
//	go test -tags openblas ./bench -run GemmSweep -sweep -v
//
// The calls take turns, and a time is the tenth percentile. OpenBLAS is there if it is linked in;
// look at its core in the first line.
func TestGemmSweep(t *testing.T) {
	if !*sweep {
		t.Skip("measures for half a minute; -sweep asks for it")
	}
	was := blas.Active().Name()
	defer blas.Use(was)
	theirs := []string{"gonum"}
	if slices.Contains(blas.Available(), "openblas") {
		theirs = append(theirs, "openblas")
		blas.Use("openblas")
		t.Logf("impl=openblas: %s", blas.Info())
	}
	blas.Use("go")
	t.Logf("impl=%v: %s; GFLOP/s, and ours over theirs", asm.Active(), blas.Info())
	ratios := map[string][]float64{}
	for _, n := range sweepSizes {
		for _, op := range []string{"NN", "NT", "TN", "TT"} {
			p := newProduct(bench.Product{M: n, N: n, K: n, Op: op}, normal)
			blas.Use("go") // under openblas nothing is packed
			p.pack()
			var names []string
			var rates []float64
			var fs []func()
			add := func(name, backend string, p *product, f func()) {
				reps := max(1, int(2e7/p.flops())) // 100 us
				names, rates = append(names, name), append(rates, p.flops()*float64(reps))
				fs = append(fs, func() {
					if err := blas.Use(backend); err != nil {
						t.Fatal(err)
					}
					for range reps {
						f()
					}
				})
			}
			add("elbow", "go", p, p.run)
			if !p.TransA() {
				add("packed", "go", p, p.runPacked)
			}
			for _, name := range theirs {
				switch {
				case name == "openblas":
					add(name, name, p, p.run)
				case n <= gonumSize:
					add(name, "go", p, p.gonum)
				}
			}
			chains, flops := measure.Chains(asm.Active())
			low := measure.Interleave(max(5, min(40, int(1e9/p.flops()))), append(fs, chains)...)
			for i := range rates {
				rates[i] /= low[i] * 1e9
			}
			peak := flops / low[len(fs)] / 1e9
			var line strings.Builder
			fmt.Fprintf(&line, "%-36s", productName(p.Product))
			for i, name := range names {
				fmt.Fprintf(&line, "  %s %4.0f", name, rates[i])
				if name == "elbow" || name == "packed" {
					fmt.Fprintf(&line, " (%3.0f %%peak)", 100*rates[i]/peak)
					continue
				}
				for j, ours := range names {
					if ours == "elbow" || ours == "packed" {
						r := rates[j] / rates[i]
						fmt.Fprintf(&line, " %s/%s %.2f", ours, name, r)
						ratios[ours+"/"+name] = append(ratios[ours+"/"+name], r)
					}
				}
			}
			t.Log(line.String())
		}
	}
	for name, rs := range ratios {
		logs := 0.0
		for _, r := range rs {
			logs += math.Log(r)
		}
		t.Logf("%s: geometric mean %.2f, least %.2f", name, math.Exp(logs/float64(len(rs))), slices.Min(rs))
	}
}
