package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// everyModel returns a few configurations of each model of the table.
func everyModel() []Config {
	cs := append(slices.Concat(stacked(), conditioned()), Config{Model: ModelVRAE, Cell: "lstm", Likelihood: Gauss, Data: 5, Hidden: 4, Latent: 3, Teacher: true, Reverse: true})
	for _, k := range kinds[float32]() {
		l := Bernoulli
		if k.Name == ModelRegression {
			l = Gauss
		}
		cs = append(cs, testConfig(k.Name, "gru", l))
	}
	return cs
}

// everyBatch returns a batch that suits any of them.
func everyBatch[T cell.Float](m Model[T]) *Batch[T] {
	return newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 4, 3, 3, 1)
}

// mustPanic runs f and checks that it panics with the text.
func mustPanic(t testing.TB, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, text) {
			t.Errorf("panic %q, want one with %q", got, text)
		}
	}()
	f()
}

// TestWritten: every model notices that a whole tensor was written to, whichever it was and
// whatever begins then, and Pack puts it right.
func TestWritten(t *testing.T) {
	const text = "was written to since the layer was packed: call Pack after writing parameters"
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		b, p, grad := everyBatch(m), m.NewPass(2), m.NewGrad()
		dim := m.Settings().Data
		uses := map[string]func(){
			"Pass.Forward: ":  func() { p.Forward(b, Bound(11), false) },
			"Pass.Backward: ": func() { p.Backward(grad) },
			".Sample: ":       func() { m.Sample(make([]float32, 2*dim), Draw{Count: 2, Steps: 1, Seed: 1}, nil) },
		}
		seqs := []Sequence{{Label: "a", X: b.X[:dim]}}
		switch m := m.(type) {
		case *VRAE[float32]:
			uses["VRAE.Encode: "] = func() { m.Encode(seqs, 1, 1) }
			uses["VRAE.Decode: "] = func() { m.Decode(make([]float32, m.Latent), nil, 1, 2) }
			uses["VRAE.Generate: "] = func() { m.Generate(make([]float32, m.Latent), nil, 1, 2, 1) }
			uses["Classifier.FromDecoder: "] = func() {
				newModel[float32](t, Config{Model: ModelClassifier, Cell: m.Cell, Data: 5, Hidden: 4, Labels: []string{"a"}}).(*Classifier[float32]).FromDecoder(m)
			}
		case *Classifier[float32]:
			delete(uses, ".Sample: ")
			uses["Classifier.Classify: "] = func() { m.Classify(seqs, 1, 1) }
		case *VAE[float32]:
			x, z := make([]float32, dim), make([]float32, m.Latent)
			uses["VAE.Encode: "] = func() { m.Encode(z, nil, x, nil, 1) }
			uses["VAE.Decode: "] = func() { m.Decode(x, z, nil, 1) }
			uses["VAE.Reconstruct: "] = func() { m.Reconstruct(x, x, nil, 1) }
		case *Regression[float32]:
			delete(uses, ".Sample: ")
			uses["Regression.Predict: "] = func() { m.Predict(make([]float32, 3), make([]float32, 3), b.X, 1) }
		}
		for _, ts := range m.Tensors() {
			m.PackForTraining()
			p.Forward(b, Bound(11), true)
			for i := range ts.Data {
				ts.Data[i] += 1e-3
			}
			layer := ts.Name[strings.LastIndexByte(ts.Name, '.')+1:]
			for name, use := range uses {
				t.Run(c.Model+"/"+ts.Name+"/"+name, func(t *testing.T) {
					mustPanic(t, name, use)
					mustPanic(t, layer+" "+text, use)
				})
			}
			m.Pack()
			p.Forward(b, Bound(11), false)
		}
	}
}

// TestPackedForTraining: a pass that is to go backward wants a model that is packed for it.
func TestPackedForTraining(t *testing.T) {
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		m.Pack()
		b, p := everyBatch(m), m.NewPass(1)
		mustPanic(t, "packed for inference only: call PackForTraining", func() { p.Forward(b, Bound(11), true) })
		mustPanic(t, "the layer is not packed: call Pack", func() { newModel[float32](t, c).NewPass(1).Forward(b, Bound(11), false) })
	}
}
