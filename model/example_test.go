package model_test

import (
	"context"
	"fmt"

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
