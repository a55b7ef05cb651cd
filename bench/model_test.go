package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// BenchmarkVRNNTrain is one forward and backward pass of a VRNN over a batch of piano
// rolls: B sequences of T steps, all widths H.
func BenchmarkVRNNTrain(b *testing.B) {
	for _, s := range shortened(trainShapes) {
		batch, steps, h := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("B=%d/T=%d/H=%d", batch, steps, h), func(b *testing.B) {
			m, err := model.New[float32](model.Config{Data: 88, Hidden: h})
			if err != nil {
				b.Fatal(err)
			}
			stats := model.Stats{Steps: 100, Mean: make([]float64, 88)}
			for j := range stats.Mean {
				stats.Mean[j] = 0.05
			}
			m.Init(1, stats)
			lengths := make([]int, batch)
			for i := range lengths {
				lengths[i] = steps
			}
			in := &model.Batch[float32]{Shape: cell.NewRagged(lengths...), X: randoms(batch*steps*88, func(r *rand.Rand) float32 {
				return float32(r.IntN(22) / 21)
			}), Noise: kernels.Noise{Seed: 1}}
			pass, grad := m.NewPass(1), m.NewGrad()
			run := func() {
				pass.Forward(in, model.Bound(batch*steps), true)
				pass.Backward(grad)
			}
			forEachImpl(b, true, func(b *testing.B) {
				m.PackForTraining()
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch*steps)/1e3, "us/step")
			}, func() []float32 {
				m.PackForTraining()
				run()
				var lp []float32
				for _, v := range pass.LogWeights() {
					lp = append(lp, float32(v))
				}
				return lp
			})
		})
	}
}
