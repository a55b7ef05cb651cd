package model_test

import (
	"context"
	"fmt"
	"math"

	"github.com/elbow-go/elbow/model"
)

// Train a small VRNN on sequences of two alternating patterns, and sample from it.
func ExampleTrainer() {
	var seqs []model.Sequence
	for i := range 12 {
		x := make([]float32, 20*2)
		for t := range 20 {
			x[2*t+(t+i)%2] = 1
		}
		seqs = append(seqs, model.Sequence{X: x})
	}
	data := &model.Data{Name: "alternating", Dim: 2, Train: seqs[:8], Valid: seqs[8:10], Test: seqs[10:]}

	m, err := model.New[float32](model.Config{Model: model.ModelVRNN, Data: 2, Hidden: 8})
	if err != nil {
		panic(err)
	}
	m.Init(1, data.Stats())
	config := model.DefaultTrainConfig()
	config.Epochs, config.Batch, config.Rate = 60, 4, 1e-2
	t, err := model.NewTrainer(m, data, config)
	if err != nil {
		panic(err)
	}
	if err := t.Run(context.Background()); err != nil {
		panic(err)
	}
	h := t.History()
	fmt.Printf("%d epochs, bound below 0.2 nats per step: %v\n", len(h), h[len(h)-1].Valid.NLLPerStep < 0.2)
	x := model.Sample(m, model.Draw{Count: 1, Steps: 6, Seed: 1})
	fmt.Println("a sample:", x)
	// Output:
	// 60 epochs, bound below 0.2 nats per step: true
	// a sample: [1 0 0 1 1 0 0 1 1 0 0 1]
}

// The hours of a day are given to a model of measurements, which needs not predict them: two waves, so that the last hour
// lies beside the first. A scorer then takes the steps of a stream one by one, each with its own hour, and finds that
// noon is no surprise at noon, but one at midnight.
func ExampleSequence_given() {
	const hours = 24
	hourOf := func(t int) []float32 {
		sin, cos := math.Sincos(2 * math.Pi * float64(t%hours) / hours)
		return []float32{float32(sin), float32(cos)}
	}
	load := func(t int) float32 { // low at night, high at noon, and never quite the same
		return float32(-math.Cos(2*math.Pi*float64(t%hours)/hours) + 0.1*math.Sin(float64(t*t)))
	}
	days := func(from, n int) model.Sequence {
		var s model.Sequence
		for t := from * hours; t < (from+n)*hours; t++ {
			s.X = append(s.X, load(t))
			s.Given = append(s.Given, hourOf(t)...)
		}
		return s
	}
	var train []model.Sequence
	for d := range 20 {
		train = append(train, days(2*d, 2))
	}
	data := &model.Data{Name: "load", Dim: 1, Given: 2, Train: train, Valid: []model.Sequence{days(40, 2)}, Test: []model.Sequence{days(42, 2)}}

	m, err := model.New[float32](model.Config{Model: model.ModelRNN, Likelihood: model.Gauss, Data: 1, Given: 2, Hidden: 16})
	if err != nil {
		panic(err)
	}
	m.Init(1, data.Stats())
	config := model.DefaultTrainConfig()
	config.Epochs, config.Batch, config.Rate = 60, 4, 2e-2
	t, err := model.NewTrainer(m, data, config)
	if err != nil {
		panic(err)
	}
	if err := t.Run(context.Background()); err != nil {
		panic(err)
	}

	s := model.NewScorer(m, model.EvalConfig{})
	score := func(x float32, t int) float64 {
		return s.Score(model.Sequence{X: []float32{x}, Given: hourOf(t)}).Steps[0].NLL
	}
	const noon, midnight = 50*hours + 12, 51 * hours
	usual := score(load(noon), noon)
	odd := score(load(noon), midnight)
	fmt.Println("noon at midnight costs more than 10 nats more:", odd > usual+10)
	// What is known of the hours to come is given to a forecast, too.
	var next []float32
	for t := range 3 {
		next = append(next, hourOf(midnight+1+6*t)...)
	}
	x := model.Sample(m, model.Draw{Count: 1, Steps: 3, Mean: true, Given: next})
	fmt.Printf("hours 1, 7 and 13: %.0f\n", x)
	// Output:
	// noon at midnight costs more than 10 nats more: true
	// hours 1, 7 and 13: [-1 0 1]
}
