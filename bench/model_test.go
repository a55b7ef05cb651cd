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
			trainModel(b, model.Config{Data: 88, Hidden: h}, batch, steps, 0.05, "us/step")
		})
	}
}

// BenchmarkVAETrain is one forward and backward pass of a VAE over a batch of B images of
// 28 x 28 pixels, with one hidden layer of H units and Z latent dimensions.
func BenchmarkVAETrain(b *testing.B) {
	for _, s := range shortened(vaeShapes) {
		batch, h, z := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("B=%d/H=%d/Z=%d", batch, h, z), func(b *testing.B) {
			trainModel(b, model.Config{Model: model.ModelVAE, Data: 784, Hidden: h, Latent: z}, batch, 1, 0.13, "us/image")
		})
	}
}

// trainModel measures passes over a batch of sequences of ones and zeros, and reports the
// time of a step.
func trainModel(b *testing.B, c model.Config, batch, steps int, frequency float64, unit string) {
	m, err := model.New[float32](c)
	if err != nil {
		b.Fatal(err)
	}
	stats := model.Stats{Steps: 100, Mean: make([]float64, c.Data)}
	for j := range stats.Mean {
		stats.Mean[j] = frequency
	}
	m.Init(1, stats)
	lengths := make([]int, batch)
	for i := range lengths {
		lengths[i] = steps
	}
	in := &model.Batch[float32]{Shape: cell.NewRagged(lengths...), X: randoms(batch*steps*c.Data, func(r *rand.Rand) float32 {
		if r.Float64() < frequency {
			return 1
		}
		return 0
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
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch*steps)/1e3, unit)
	}, func() []float32 {
		m.PackForTraining()
		run()
		var lp []float32
		for _, v := range pass.LogWeights() {
			lp = append(lp, float32(v))
		}
		return lp
	})
}
