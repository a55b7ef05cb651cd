package model

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/weights"
)

// graphCases are models of every kind that has graphs.
func graphCases() map[string]Config {
	return map[string]Config{
		"rnn": {Model: ModelRNN, Layers: 2}, "rnn_gru": {Model: ModelRNN, Cell: "gru", Likelihood: GMM}, "vrnn": {Model: ModelVRNN, Layers: 2, Likelihood: Gauss},
		"vrnn_before": {Model: ModelVRNN, Cell: "gru-before"}, "vrnn-i": {Model: ModelVRNNI, Cell: "rnn"}, "storn": {Model: ModelSTORN, Layers: 2}, "storn_relu": {Model: ModelSTORN, Cell: "rnn-relu"},
		"vrae": {Model: ModelVRAE, Latent: 2}, "vrae_reverse": {Model: ModelVRAE, Latent: 2, Cell: "lstm", Reverse: true},
		"rnn_given": {Model: ModelRNN, Given: 2}, "vrnn_given": {Model: ModelVRNN, Given: 2}, "storn_given": {Model: ModelSTORN, Given: 2},
		"vrae_given": {Model: ModelVRAE, Latent: 2, Given: 2}, "vae_given": {Model: ModelVAE, Latent: 2, Given: 2},
		"vae": {Model: ModelVAE, Latent: 2}, "vae_unit": {Model: ModelVAE, Latent: 2, Likelihood: Gauss, Means: MeansUnit, Scale: ScaleLogVar, Activation: "relu"},
	}
}

// graphModel is a model of a case with parameters and a mean that are all different.
func graphModel(t *testing.T, c Config) builder[float32] {
	t.Helper()
	c.Data, c.Hidden = 3, 4
	m, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	for k, x := range stored(m) {
		if len(x.Data) > 0 {
			cell.Uniform(x.Data, len(x.Data), -0.7, 0.7, kernels.Noise{Seed: 1, Stream: uint8(k)}, 0)
		}
	}
	m.Pack()
	return m.(builder[float32])
}

// TestGraphs: the layers in the graphs of every model are those of the model.
func TestGraphs(t *testing.T) {
	for name, c := range graphCases() {
		m := graphModel(t, c)
		all, err := Graphs[float32](m)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{ModelRNN: {"step"}, ModelVRNN: {"step", "predict", "update"}, ModelVRNNI: {"step", "predict", "update"}, ModelSTORN: {"step", "predict"},
			ModelVRAE: {"encoder"}, ModelVAE: {"encoder", "decoder"}}[c.Model]
		if len(all) != len(want) {
			t.Errorf("%s: %d graphs, want %v", name, len(all), want)
		}
		for _, graph := range want {
			path := filepath.Join(t.TempDir(), "g.onnx")
			out, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := all[graph].Write(out, nil); err != nil {
				t.Fatal(err)
			}
			out.Close()
			f, err := weights.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			dense, err := weights.DenseNodes[float32](f)
			if err != nil {
				t.Fatal(err)
			}
			recurrent, err := weights.Recurrents[float32](f)
			if err != nil {
				t.Fatal(err)
			}
			for name, d := range dense {
				if !hasTensor(m, d.W) || !hasTensor(m, d.B) {
					t.Errorf("%s, %s: %s is no layer of the model", c.Model, graph, name)
				}
			}
			for name, r := range recurrent {
				if !hasTensor(m, r.Stack.Layers[0].Whh) || !hasTensor(m, r.Stack.Layers[0].B) {
					t.Errorf("%s, %s: %s is no layer of the model", c.Model, graph, name)
				}
			}
			if len(dense)+len(recurrent) == 0 {
				t.Errorf("%s, %s: no layers", c.Model, graph)
			}
			f.Close()
		}
	}
	if _, err := Graphs[float32](graphModel(t, Config{Model: ModelClassifier, Labels: []string{"a"}})); err == nil {
		t.Error("a classifier has graphs")
	}
}

func hasTensor(m Model[float32], data []float32) bool {
	return slices.ContainsFunc(m.Tensors(), func(t cell.Tensor[float32]) bool { return slices.Equal(t.Data, data) })
}

// TestWriteModelGraphs writes, if ELBOW_GRAPHS names a folder, the graphs of all cases with inputs and what our passes compute of
// them, for testdata/run_graphs.py, which compares that with ONNX Runtime.
func TestWriteModelGraphs(t *testing.T) {
	dir := os.Getenv("ELBOW_GRAPHS")
	if dir == "" {
		t.Skip("ELBOW_GRAPHS is not set")
	}
	const steps, batch = 4, 3
	for name, c := range graphCases() {
		m := graphModel(t, c)
		all, err := Graphs[float32](m)
		if err != nil {
			t.Fatal(err)
		}
		for graph, g := range all {
			out, err := os.Create(filepath.Join(dir, name+"."+graph+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Write(out, nil); err != nil {
				t.Fatal(err)
			}
			out.Close()
		}
		lengths := []int{steps, steps, steps}
		if c.Model == ModelVRAE {
			lengths = []int{4, 2, 1}
		}
		b := &Batch[float32]{Shape: cell.NewRagged(lengths...), Noise: kernels.Noise{Seed: 3}}
		b.X = make([]float32, b.Shape.Rows()*3)
		cell.Uniform(b.X, 3, 0, 1, kernels.Noise{Seed: 5}, 0)
		b.Given = conditionsOf(b.Shape.Rows(), c.Given)
		if c.Likelihood == "" { // of bits
			for i, v := range b.X {
				b.X[i] = float32(int(v + 0.5))
			}
		}
		p := m.NewPass(1)
		p.Forward(b, Objective{}, false)
		v := map[string]any{"model": m.Settings().Model, "x": b.X, "given": b.Given, "lengths": lengths, "steps": steps, "batch": batch, "hidden": 4, "mean": m.parts().Mean}
		switch p := p.(type) {
		case *vrnnPass[float32]:
			v["theta"], v["eps"], v["posterior"], v["prior"], v["z"], v["layers"] = p.decoder.Y, p.lat.eps, p.posterior.Y, p.prior.Y, p.lat.z, m.Settings().Layers
		case *stornPass[float32]:
			v["theta"], v["eps"], v["posterior"], v["z"], v["layers"] = p.decoder.Y, p.lat.eps, p.posterior.Y, p.lat.z, m.Settings().Layers
		case *vraePass[float32]:
			v["posterior"] = p.enc.y
		case *vaePass[float32]:
			v["theta"], v["posterior"], v["z"] = p.decoder.Y, p.encoder.y, p.lat.z
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
