package cases

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// Models are updates of whole models in training.
func Models(shapes []bench.Model) (list []Maker) {
	for _, m := range shapes {
		list = append(list, Model(m))
	}
	return list
}

// Model is an update of one: forward, backward, Adam, and the copies of the parameters made anew.
func Model(m bench.Model) Maker {
	return maker("Train", fmt.Sprintf("model=%s/size=%s/B=%d/T=%d/X=%d/H=%d/Z=%d", m.Name, m.Size, m.B, m.T, m.X, max(m.F, m.H), m.Z), func() *Case { return train(m) })
}

// modelOf is the configuration of a model, and how often its data are 1, or 0 if they are real.
func modelOf(m bench.Model) (c model.Config, frequency float64) {
	name, kind, _ := strings.Cut(m.Name, "-")
	if kind == "i" {
		name, kind = m.Name, ""
	}
	c = model.Config{Model: name, Cell: kind, Data: m.X, Hidden: max(m.H, m.F), Latent: m.Z, Depth: m.D, PhiX: m.F, PhiZ: m.F, Prior: m.F, Posterior: m.F, Decoder: m.F}
	if m.H > 0 {
		c.Hidden = m.H
	}
	frequency = 0.05
	switch name {
	case model.ModelVRNN:
		if m.Size != "jsb" {
			c.Likelihood, frequency = model.Gauss, 0
		}
	case model.ModelVAE:
		c.Scale, frequency = model.ScaleLogVar, 0.13
	case model.ModelVRAE:
		c.Teacher = true
	case model.ModelRegression:
		c.Given, frequency = m.X/2, 0
	case model.ModelClassifier:
		c.Labels = []string{"major", "minor"}
	}
	return c, frequency
}

func train(shape bench.Model) *Case {
	c, frequency := modelOf(shape)
	m, err := model.New[float32](c)
	if err != nil {
		panic(err)
	}
	m.Init(1, model.Stats{Steps: 100, Mean: make([]float64, c.Data)})
	rows, draws := shape.B*shape.T, shape.B
	if shape.Name == "vrnn" {
		draws = rows // of z: one for every step, not for every sequence
	}
	data := &model.Batch[float32]{Shape: equal(shape.B, shape.T), X: numbers().data(rows*shape.X, frequency), Noise: kernels.Noise{Seed: 1},
		Label: slices.Repeat(c.Labels, shape.B)[:min(shape.B, len(c.Labels)*shape.B)]}
	loss, x, eps := out(1), in(data.X), in(make([]float32, draws*shape.Z))
	for t := range draws / shape.B {
		kernels.Normals(eps.Data[t*shape.B*shape.Z:], data.Noise, uint32(t), 0, shape.B, shape.Z)
	}
	pass, grad := m.NewPass(Threads), m.NewGrad()
	params, all := m.Tensors(), grad.Tensors()
	var flat []float32
	flops := 0.0
	for _, t := range params {
		flat = append(flat, t.Data...)
		flops += needed(t, rows, shape.B)
	}
	grads, start := out(len(flat)), in(flat)
	adam := model.Optimizer{Rate: 1e-5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Threads: Threads}
	objective := model.Bound(rows)
	both := func() {
		pass.Forward(data, objective, true)
		cell.Zero(all)
		pass.Backward(grad)
	}
	return &Case{Peer: "train." + shape.Name, Dims: []int{shape.B, shape.T, shape.X, shape.F, shape.H, shape.Z, shape.D, one(frequency > 0)},
		Elems: rows, Flops: flops, Arrays: []Array{loss, grads, x, eps, start}, Pack: m.PackForTraining,
		Run: func() {
			both()
			adam.Step(params, all)
			m.PackForTraining()
		},
		Settle: func() {
			rest := start.Data
			for _, t := range params {
				rest = rest[copy(t.Data, rest):]
			}
			m.PackForTraining()
			both()
			loss.Data[0] = float32(pass.Loss())
			rest = grads.Data
			for _, t := range all {
				rest = rest[copy(rest, t.Data):]
			}
		}}
}

// needed is the work with a matrix in training that somebody needs: forward, its own gradient and,
// unless its input is data, that of the input. What a VRAE has beside its recurrent layers and outputs
// works once for a sequence.
func needed(t cell.Tensor[float32], rows, batch int) float64 {
	if len(t.Shape) != 2 {
		return 0
	}
	products := 3.0
	switch t.Name {
	case "phi_x.0.w", "encoder.0.w", "encoder.wih", "decoder.wih", "net.0.w":
		products = 2
	case "latent.w", "start.w":
		rows = batch
	}
	return 2 * products * float64(rows) * float64(len(t.Data))
}

// data are zeros and ones, or normals where the frequency of ones is 0.
func (s source) data(n int, frequency float64) []float32 {
	if frequency == 0 {
		return s.normal(n, 1)
	}
	return s.fill(n, func() float64 {
		if s.r.Float64() < frequency {
			return 1
		}
		return 0
	})
}
