package model_test

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// bars returns pictures of 4 x 4 pixels with one full row each.
func bars(n int) []model.Sequence {
	seqs := make([]model.Sequence, n)
	for i := range seqs {
		x := make([]float32, 16)
		for j := range 4 {
			x[i%4*4+j] = 1
		}
		seqs[i].X = x
	}
	return seqs
}

// Train a variational auto-encoder on small pictures, each a sequence of one step, and look
// at what it makes of one.
func ExampleVAE() {
	data := &model.Data{Name: "bars", Dim: 16, Train: bars(200), Valid: bars(20), Test: bars(20)}
	m, err := model.New[float32](model.Config{Model: model.ModelVAE, Data: 16, Hidden: 12, Latent: 2})
	if err != nil {
		panic(err)
	}
	m.Init(1, data.Stats())
	config := model.DefaultTrainConfig()
	config.Epochs, config.Batch, config.Rate, config.Reshuffle = 200, 20, 1e-2, true
	t, err := model.NewTrainer(m, data, config)
	if err != nil {
		panic(err)
	}
	if err := t.Run(context.Background()); err != nil {
		panic(err)
	}
	score := func(samples int) float64 {
		return model.Evaluate(m, data.Test, model.EvalConfig{Batch: 20, Samples: samples, Seed: 1, Threads: 1}).NLLPerSeq
	}
	// Four pictures, equally frequent, cannot be coded in less than ln 4 nats.
	bound, estimate := score(1), score(500)
	fmt.Println("ln 4 < estimate < bound < 3 nats:", math.Ln2*2 < estimate && estimate < bound && bound < 3)

	vae := m.(*model.VAE[float32])
	y := make([]float32, 16)
	vae.Reconstruct(y, data.Test[2].X, nil, 1)
	for i := 0; i < 16; i += 4 {
		fmt.Printf("%.0f\n", y[i:i+4])
	}
	// Output:
	// ln 4 < estimate < bound < 3 nats: true
	// [0 0 0 0]
	// [0 0 0 0]
	// [1 1 1 1]
	// [0 0 0 0]
}

// Compare the estimators of the gradient of a posterior: they have one mean, and very
// different variances.
func ExampleMeasureGradient() {
	m, err := model.New[float32](model.Config{Model: model.ModelVAE, Data: 16, Hidden: 12, Latent: 2})
	if err != nil {
		panic(err)
	}
	m.Init(1, model.Stats{Steps: 4, Mean: slices.Repeat([]float64{0.25}, 16)})
	batch := &model.Batch[float32]{Shape: cell.NewRagged(1, 1, 1, 1), Noise: kernels.Noise{Seed: 1, Stream: 2, Update: 1}}
	for _, s := range bars(4) {
		batch.X = append(batch.X, s.X...)
	}
	const draws = 2000
	least := model.MeasureGradient(m, batch, model.Bound(4), draws, "encoder").Total()
	fmt.Printf("%-30s variance\n", "gradient of the encoder")
	for _, e := range []struct {
		name, method string
		sampled      bool
	}{
		{"pathwise, KL in closed form", model.MethodPathwise, false},
		{"pathwise, KL sampled", model.MethodPathwise, true},
		{"score function with baseline", model.MethodBaseline, false},
		{"score function", model.MethodScore, false},
	} {
		obj := model.Bound(4)
		obj.Method, obj.Sampled = e.method, e.sampled
		s := model.MeasureGradient(m, batch, obj, draws, "encoder")
		fmt.Printf("%-30s %.0f times\n", e.name, s.Total()/least)
	}
	// Output:
	// gradient of the encoder        variance
	// pathwise, KL in closed form    1 times
	// pathwise, KL sampled           17 times
	// score function with baseline   14 times
	// score function                 946 times
}
