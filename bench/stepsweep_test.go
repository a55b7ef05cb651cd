package bench_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/measure"
)

// TestStepSweep prints what a recurrent step takes, and how many times as fast it is as OpenBLAS's
// product followed by our gate kernel, and as that product alone:
//
//	go test -tags openblas ./bench -run StepSweep -sweep -v
//	ELBOW_ISA=avx2 OPENBLAS_CORETYPE=Haswell go test -tags openblas ./bench -run StepSweep -sweep -v
//
// The calls take turns, with one that does multiply-adds on registers alone for the peak, and a
// time is the tenth percentile. For one row the share of the rate at which the weights can be
// read again and again follows.
func TestStepSweep(t *testing.T) {
	if !*sweep {
		t.Skip("measures for a minute; -sweep asks for it")
	}
	was := blas.Active().Name()
	defer blas.Use(was)
	theirs := slices.Contains(blas.Available(), "openblas")
	if theirs {
		blas.Use("openblas")
		t.Logf("impl=openblas: %s", blas.Info())
	}
	for _, k := range []struct {
		name string
		kind cell.Kind
		back bool
	}{
		{"LSTMStep", cell.LSTM, false}, {"LSTMStepBackward", cell.LSTM, true}, {"GRUStep/kind=after", cell.GRU, false},
		{"GRUStep/kind=before", cell.GRUBefore, false}, {"RNNStep", cell.RNNTanh, false},
	} {
		for _, h := range []int{64, 128, 256, 384, 512, 1024} {
			for _, batch := range []int{1, 8, 32, 64, 128} {
				s := newStep(k.kind, batch, h)
				blas.Use("go")
				s.pack()
				s.start()
				reps := max(1, int(2e7/s.flops())) // 100 us
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
				run := s.forward
				if k.back {
					run = s.backward
				}
				fs := []func(){under("go", run)}
				if theirs {
					fs = append(fs, under("openblas", run), under("openblas", func() { s.product(k.back) }))
				}
				chains, flops := measure.Chains(asm.Active())
				low := measure.Interleave(max(10, min(100, int(4e9/s.flops()/float64(reps)))), append(fs, chains)...)
				peak := flops / low[len(fs)]
				for i := range fs {
					low[i] /= float64(reps)
				}
				var line strings.Builder
				fmt.Fprintf(&line, "%-20s B=%-4d H=%-5d %9.2f us %5.0f %%peak", k.name, batch, h, low[0]*1e6, 100*s.flops()/low[0]/peak)
				if theirs {
					fmt.Fprintf(&line, "   openblas %9.2f us %5.2fx   product alone %9.2f us %5.2fx", low[1]*1e6, low[1]/low[0], low[2]*1e6, low[2]/low[0])
				}
				if batch == 1 {
					rate := 4 * float64(len(s.whh)) / low[0]
					fmt.Fprintf(&line, "   %4.0f GB/s, %3.0f %%bw", rate/1e9, 100*rate/measure.ReadRate(4*len(s.whh)))
				}
				t.Log(line.String())
			}
		}
	}
}

// product is the recurrent product alone, for all gates at once.
func (s *step) product(back bool) {
	b, h, n := s.batch, s.h, len(s.whh)/s.h
	if back {
		blas.Gemm(blas.NoTrans, blas.NoTrans, b, h, n, 1, s.dnext, s.ld, s.whh, h, 0, s.dh, h)
		return
	}
	blas.Gemm(blas.NoTrans, blas.Trans, b, n, h, 1, s.hx, h, s.whh, h, 0, s.gates, s.ld)
}
