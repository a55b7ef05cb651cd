package bench

import (
	"fmt"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

func BenchmarkLSTMStep(b *testing.B) { step(b, cell.LSTM, "") }
func BenchmarkGRUStep(b *testing.B) {
	step(b, cell.GRU, "/kind=after")
	step(b, cell.GRUBefore, "/kind=before")
}

// step benchmarks one inference step whose input part is already there: the recurrent
// product and the gate kernel.
func step(b *testing.B, kind cell.Kind, key string) {
	for _, s := range shortened(stepShapes) {
		batch, h := s[0], s[1]
		b.Run(fmt.Sprintf("B=%d/H=%d%s", batch, h, key), func(b *testing.B) {
			l := cell.NewRecurrent[float32](kind, 1, h)
			for i, t := range l.Tensors() {
				cell.Uniform(t.Data, len(t.Data), -0.08, 0.08, kernels.Noise{Seed: 1, Update: uint32(i)}, 0)
			}
			lengths := make([]int, batch)
			for i := range lengths {
				lengths[i] = 1
			}
			shape, seq := cell.NewRagged(lengths...), cell.NewSequence[float32]()
			x, h0 := randoms(batch, normal), randoms(batch*h, positive)
			run := func() {
				seq.Begin(l, shape, h0, nil)
				l.Project(seq, x, 0, batch, 0, 1)
				l.Step(seq, 0, 0, batch)
			}
			gates := kind.Gates()
			forEachImpl(b, true, func(b *testing.B) {
				l.Pack()
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
				b.ReportMetric(2*float64(batch)*float64(gates*h)*float64(h)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			}, func() []float32 { l.Pack(); run(); return seq.H })
		})
	}
}
