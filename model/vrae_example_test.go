package model_test

import (
	"context"
	"fmt"

	"github.com/elbow-go/elbow/model"
)

// A VRAE learns windows of two pieces; their latent means tell the pieces apart.
func ExampleVRAE() {
	// Two pieces over three notes: one goes up, the other goes down.
	d := &model.Data{Name: "scales", Dim: 3, Hash: "scales"}
	for k, name := range []string{"up", "down"} {
		x := make([]float32, 24*3)
		for t := range 24 {
			x[t*3+(t*(k+1))%3] = 1
		}
		d.Train = append(d.Train, model.Sequence{Name: name, X: x})
	}
	d.Valid, d.Test = d.Train, d.Train
	d = model.Windows(d, 6, 3)

	m, err := model.New[float32](model.Config{Model: model.ModelVRAE, Cell: "gru", Data: 3, Hidden: 12, Latent: 2})
	if err != nil {
		panic(err)
	}
	m.Init(1, d.Stats())
	c := model.DefaultTrainConfig()
	c.Epochs, c.Rate, c.KLWeight = 60, 2e-2, 0.06
	t, err := model.NewTrainer(m, d, c)
	if err != nil {
		panic(err)
	}
	if err := t.Run(context.Background()); err != nil {
		panic(err)
	}

	v := m.(*model.VRAE[float32])
	z, _ := v.Encode(d.Train, 16, 1)
	labels := make([]string, len(d.Train))
	for i, s := range d.Train {
		labels[i], _ = model.Piece(s.Name)
	}
	fmt.Println("windows:", len(d.Train), "purity:", model.Purity(z, 2, labels, nil))

	// From a window of one piece to a window of the other, five stations of six steps.
	line := model.Interpolate(z[:2], z[len(z)-2:], 5)
	fmt.Println("decoded:", len(v.Decode(line, nil, 5, 6)))
	// Output:
	// windows: 14 purity: 1
	// decoded: 90
}
