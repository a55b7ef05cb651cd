package bench_test

import (
	"fmt"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// forEachDot runs a benchmark with the instruction for products of bytes, where the machine has one, and
// without, under keys of their own.
func forEachDot(b *testing.B, f func(b *testing.B)) {
	was := asm.UseDot(false)
	defer asm.UseDot(was)
	b.Run("dot=off", f)
	if asm.HasDot() {
		asm.UseDot(true)
		b.Run("dot=on", f)
	}
}

// BenchmarkGemmInt8 is the recurrent product of BenchmarkLSTMStepInt8 alone, 4H outputs of H inputs.
func BenchmarkGemmInt8(b *testing.B) {
	for _, s := range shortened(bench.StepsInt8) {
		b.Run(fmt.Sprintf("B=%d/H=%d", s[0], s[1]), func(b *testing.B) {
			rows, h := s[0], s[1]
			x, c := randoms(rows*h, normal), make([]float32, rows*4*h)
			var w kernels.Int8Weights
			w.Pack(randoms(4*h*h, normal), 4*h, h, h)
			forEachDot(b, func(b *testing.B) {
				forEachImpl(b, false, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						kernels.GemmInt8(c, x, &w, rows, 4*h, h)
					}
					perSecond := float64(b.N) / b.Elapsed().Seconds()
					b.ReportMetric(2*perSecond*float64(rows*4*h*h)/1e9, "GOP/s")
					b.ReportMetric(perSecond*float64(4*h*h)/1e9, "GB/s")
				}, func() []float32 {
					clear(c)
					kernels.GemmInt8(c, x, &w, rows, 4*h, h)
					return c
				})
			})
		})
	}
}

// BenchmarkLSTMStepInt8 and BenchmarkGRUStepInt8 are BenchmarkLSTMStep and BenchmarkGRUStep with weights of int8.
func BenchmarkLSTMStepInt8(b *testing.B) { stepsInt8(b, cell.LSTM) }
func BenchmarkGRUStepInt8(b *testing.B)  { stepsInt8(b, cell.GRU) }

func stepsInt8(b *testing.B, kind cell.Kind) {
	for _, s := range shortened(bench.StepsInt8) {
		b.Run(fmt.Sprintf("B=%d/H=%d", s[0], s[1]), func(b *testing.B) {
			forEachDot(b, func(b *testing.B) {
				step := newStep(kind, s[0], s[1])
				step.int8 = true
				step.bench(b, false)
			})
		})
	}
}
