package model_test

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/model"
)

// Learn from a stream as it comes: every piece is scored by what was learned before it. Half-way
// the signal becomes another one, which surprises at first and is then learned.
func ExampleUpdater() {
	const piece, pieces = 32, 120
	m, err := model.New[float32](model.Config{Model: model.ModelRNN, Cell: "gru", Likelihood: model.Gauss, Data: 1, Hidden: 16})
	if err != nil {
		panic(err)
	}
	m.Init(1, model.Stats{Mean: []float64{0}})
	config := model.DefaultTrainConfig()
	config.Rate, config.Clip = 5e-3, 1
	u, err := model.NewUpdater(m, config)
	if err != nil {
		panic(err)
	}
	scorer := model.NewScorer(m, model.EvalConfig{Seed: 1})

	batch := &model.Batch[float32]{Shape: cell.NewRagged(piece), X: make([]float32, piece)}
	h, c := make([]float32, m.State()), make([]float32, m.State())
	for i := range pieces {
		for t := range batch.X {
			at := float64(i*piece + t)
			batch.X[t] = float32(math.Sin(0.4 * at))
			if i >= pieces/2 {
				batch.X[t] = float32(math.Abs(math.Sin(0.15 * at)))
			}
		}
		nats := scorer.Score(model.Sequence{X: batch.X}).Sum().NLL / piece

		if _, err := u.Step(batch); err != nil {
			panic(err)
		}
		u.Pass().Final(h, c)
		batch.H, batch.C = h, c // the next piece goes on from here

		if i == 0 || i == pieces/2-1 || i == pieces/2 || i == pieces-1 {
			fmt.Printf("piece %3d: %5.2f nats a step\n", i, nats)
		}
	}
	// Output:
	// piece   0:  1.16 nats a step
	// piece  59: -1.48 nats a step
	// piece  60: 31.88 nats a step
	// piece 119: -2.25 nats a step
}
