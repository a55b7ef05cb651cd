package model

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// oddSizes are sizes that nothing has, as far as an int holds them.
var oddSizes = func() (odd []int) {
	for _, n := range []int64{math.MinInt64, -1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1 << 62, math.MaxInt64} {
		if int64(int(n)) == n {
			odd = append(odd, int(n))
		}
	}
	return odd
}()

// TestSizes: what takes sizes panics for those that cannot be, by the name of the package and of
// the function, and never with an error of the runtime.
func TestSizes(t *testing.T) {
	vae := newTestModel[float32](t, Config{Model: ModelVAE, Data: 5, Hidden: 4, Latent: 3}).(*VAE[float32])
	vrae := newTestModel[float32](t, Config{Model: ModelVRAE, Data: 5, Hidden: 4, Latent: 3}).(*VRAE[float32])
	classes := newTestModel[float32](t, Config{Model: ModelClassifier, Data: 5, Hidden: 4, Labels: []string{"a"}}).(*Classifier[float32])
	lines := newTestModel[float32](t, Config{Model: ModelRegression, Data: 5, Given: 2, Hidden: 4}).(*Regression[float32])
	x, seqs := make([]float32, 64), []Sequence{{Label: "a", X: make([]float32, 10)}}
	calls := map[string]func(n int){
		"VAE.Encode": func(n int) { vae.Encode(x, x, x, nil, n) }, "VAE.Decode": func(n int) { vae.Decode(x, x, nil, n) },
		"VAE.Reconstruct": func(n int) { vae.Reconstruct(x, x, nil, n) }, "Regression.Predict": func(n int) { lines.Predict(x, x, x, n) },
		"VRAE.Encode": func(n int) { vrae.Encode(seqs, n, 1) }, "VRAE.Decode": func(n int) { vrae.Decode(x, nil, n, 1) },
		"VRAE.Generate": func(n int) { vrae.Generate(x, nil, 1, n, 1) }, "Classifier.Classify": func(n int) { classes.Classify(seqs, n, 1) },
		"Interpolate": func(n int) { Interpolate(x, x, n) }, "Purity": func(n int) { Purity(x, n, []string{"a", "b"}, nil) },
		"MeasureGradient": func(n int) { MeasureGradient[float32](vae, nil, Objective{}, n, "") },
	}
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		name := fmt.Sprintf("%T", m)
		name = strings.TrimSuffix(strings.TrimPrefix(name, "*model."), "[float32]")
		calls[c.testName()+": NewPass"] = func(n int) { m.NewPass(n) }
		calls[c.testName()+": Evaluate"] = func(n int) { Evaluate(m, seqs, EvalConfig{Batch: n}) }
		calls[c.testName()+": Evaluate "] = func(n int) { Evaluate(m, seqs, EvalConfig{Batch: 1, Samples: n}) }
		calls[c.testName()+": Pass.Forward"] = func(n int) {
			b := everyBatch(m)
			b.Row0 = n
			m.NewPass(1).Forward(b, Bound(11), false)
		}
		if c.Model == ModelClassifier {
			continue
		}
		calls[c.testName()+": Sample"] = func(n int) { Sample(m, Draw{Count: n, Steps: 1, Seed: 1}) }
		calls[c.testName()+": "+name+".Sample"] = func(n int) { m.Sample(x, Draw{Count: n, Steps: 1, Seed: 1}, nil) }
		calls[c.testName()+": "+name+".Sample "] = func(n int) { m.Sample(x, Draw{Count: 1, Steps: n, Seed: 1}, nil) }
	}
	for name, call := range calls {
		fn := strings.TrimSpace(name[strings.LastIndex(name, ": ")+1:])
		for _, n := range oddSizes {
			if fn == "Pass.Forward" && n > 0 && n < 1<<32-4 {
				continue // a row like others
			}
			problem := func() (p any) {
				defer func() { p = recover() }()
				call(n)
				return nil
			}()
			_, fault := problem.(runtime.Error)
			if text := fmt.Sprint(problem); fault || !strings.HasPrefix(text, "model: "+fn+": ") {
				t.Errorf("%s with %d: panic %q, want one of model: %s", name, n, text, fn)
			}
		}
	}
}

// TestPassPanics: passes are used in order, with what belongs to them.
func TestPassPanics(t *testing.T) {
	for _, c := range everyModel() {
		t.Run(c.testName(), func(t *testing.T) {
			m := newTestModel[float32](t, c)
			other := Config{Model: ModelVAE, Data: 7, Hidden: 2}
			if c.Model == ModelVAE {
				other.Model, other.Likelihood, other.Given = ModelRegression, Gauss, 1
			}
			b, p, fresh := everyBatch(m), m.NewPass(1), m.NewPass(1)
			for name, f := range map[string]func(){
				"Pass.Backward":   func() { fresh.Backward(m.NewGrad()) },
				"Pass.Loss":       func() { fresh.Loss() },
				"Pass.Totals":     func() { fresh.Totals() },
				"Pass.LogWeights": func() { fresh.LogWeights() },
				"Pass.Final":      func() { fresh.Final(nil, nil) },
				"Pass.Channels":   func() { fresh.Channels(func(string, []float32) {}) },
			} {
				mustPanic(t, "model: "+name+": call Pass.Forward first", f)
			}
			forward := func(training bool) { p.Forward(b, Bound(11), training) }
			forward(false)
			mustPanic(t, "model: Pass.Backward: the last Pass.Forward was not for training", func() { p.Backward(m.NewGrad()) })
			mustPanic(t, "model: Pass.Channels: add is nil", func() { p.Channels(nil) })
			if m.State() > 0 {
				mustPanic(t, "model: Pass.Final: len(c) = 0", func() { p.Final(make([]float32, 4*m.State()), nil) })
				mustPanic(t, "model: Pass.Final: len(h) = 3", func() { p.Final(make([]float32, 3), nil) })
			}
			forward(true)
			mustPanic(t, "model: Pass.Backward: grad is a <nil>", func() { p.Backward(nil) })
			mustPanic(t, "model: Pass.Backward: grad is a ", func() { p.Backward(newModel[float32](t, other).NewGrad()) })
			wide := c
			wide.Hidden, wide.Decoder = wide.Hidden+1, wide.Decoder+1
			mustPanic(t, "model: Pass.Backward: the tensors of grad are not those of the model", func() { p.Backward(newModel[float32](t, wide)) })
			p.Backward(m.NewGrad())
			mustPanic(t, "model: Pass.Backward: the last Pass.Forward has gone backward already", func() { p.Backward(m.NewGrad()) })
			for text, change := range map[string]func(*Batch[float32], *Objective){
				"b.Shape is nil":         func(b *Batch[float32], _ *Objective) { b.Shape = nil },
				"the shape is a zero":    func(b *Batch[float32], _ *Objective) { b.Shape = new(cell.Ragged) },
				"len(b.X) = ":            func(b *Batch[float32], _ *Objective) { b.X = b.X[:len(b.X)-1] },
				"b.Row0 = -1":            func(b *Batch[float32], _ *Objective) { b.Row0 = -1 },
				"obj.Samples = -1":       func(_ *Batch[float32], o *Objective) { o.Samples = -1 },
				"want a multiple of obj": func(_ *Batch[float32], o *Objective) { o.Samples = 3 },
				`obj.Method = "x"`:       func(_ *Batch[float32], o *Objective) { o.Method = "x" },
			} {
				b, obj := everyBatch(m), Bound(11)
				change(b, &obj)
				mustPanic(t, text, func() { p.Forward(b, obj, false) })
			}
			mustPanic(t, "model: Pass.Forward: b is nil", func() { p.Forward(nil, Bound(1), false) })
		})
	}
	m := newTestModel[float32](t, testConfig(ModelRNN, "lstm", Categorical))
	b := everyBatch(m)
	for _, v := range []float32{-1, 11, 1 << 30, float32(math.NaN()), float32(math.Inf(1))} {
		b.X[2] = v
		mustPanic(t, "model: Pass.Forward: b.X[2] = ", func() { m.NewPass(2).Forward(b, Bound(11), false) })
	}
}

// TestUnusable: nothing, zero values and what does not belong together have names.
func TestUnusable(t *testing.T) {
	d := testData(5)
	m := newTestModel[float32](t, Config{Model: ModelVRNN, Data: 5, Hidden: 4})
	ts := []cell.Tensor[float32]{{Name: "w", Shape: []int{2}, Data: make([]float32, 2)}}
	short := []cell.Tensor[float32]{{Name: "w", Shape: []int{1}, Data: make([]float32, 1)}}
	adam := func(change func(*Optimizer)) *Optimizer {
		o := &Optimizer{Rate: 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
		change(o)
		return o
	}
	w := NewWeightPosterior(ts)
	for text, f := range map[string]func(){
		"model: NewTrainer: m is nil":                                      func() { NewTrainer(nil, d, DefaultTrainConfig()) },
		"model: NewTrainer: d is nil":                                      func() { NewTrainer(m, nil, DefaultTrainConfig()) },
		"model: Trainer.Run: ":                                             func() { new(Trainer).Run(context.Background()) },
		"model: Trainer.Checkpoint: ":                                      func() { new(Trainer).Checkpoint() },
		"model: Evaluate: m is nil":                                        func() { Evaluate(nil, d.Test, EvalConfig{Batch: 1}) },
		"model: Evaluate: Batch = 0":                                       func() { Evaluate(m, d.Test, EvalConfig{}) },
		"model: Evaluate: len(seqs[0].X) = 3, want a multiple of data = 5": func() { Evaluate(m, []Sequence{{X: make([]float32, 3)}}, EvalConfig{Batch: 1}) },
		"model: Sample: m is nil":                                          func() { Sample[float32](nil, Draw{Count: 1, Steps: 1}) },
		"model: Save: m is nil":                                            func() { Save("x", nil, d) },
		"model: Save: data is nil":                                         func() { Save("x", m, nil) },
		"model: Windows: d is nil":                                         func() { Windows(nil, 1, 1) },
		"model: Windows: d.Dim = 0":                                        func() { Windows(new(Data), 1, 1) },
		"model: VRNN.Init: len(stats.Mean) = 0, want 5":                    func() { m.Init(1, Stats{}) },
		"model: Pass.Forward: the model is a zero value":                   func() { new(VRNN[float32]).checkPacked("Pass.Forward", false) },
		"model: NewPass: the model is a zero value":                        func() { new(STORN[float32]).NewPass(1) },
		"model: VAE.Encode: the model is a zero value":                     func() { new(VAE[float32]).Encode(nil, nil, nil, nil, 0) },
		"model: Optimizer.Step: Method = \"x\"":                            func() { adam(func(o *Optimizer) { o.Method = "x" }).Step(ts, ts) },
		"model: Optimizer.Step: Epsilon = 0":                               func() { adam(func(o *Optimizer) { o.Epsilon = 0 }).Step(ts, ts) },
		"model: Optimizer.Step: Rate = 1, Beta1 = 0.9, Beta2 = 0.99999999": func() { adam(func(o *Optimizer) { o.Beta2 = 1 - 1e-8 }).Step(ts, ts) },
		"model: Optimizer.Step: Rate = NaN":                                func() { adam(func(o *Optimizer) { o.Rate = math.NaN() }).Step(ts, ts) },
		"model: Optimizer.Step: len(gs) = 0, want len(ts) = 1":             func() { adam(func(*Optimizer) {}).Step(ts, nil) },
		"model: Optimizer.Step: the gradient of w has 1 elements":          func() { adam(func(*Optimizer) {}).Step(ts, short) },
		"model: Optimizer.Step: the state of w is that of other":           func() { adam(func(o *Optimizer) { o.Step(short, short) }).Step(ts, ts) },
		"model: WeightPosterior.Restore: the parameters are no":            func() { w.Restore() },
		"model: WeightPosterior.Backward: len(grads) = 0":                  func() { w.Backward(nil, 1) },
		"model: NewWeightPosterior: w has 2 elements, which are no":        func() { NewWeightPosterior([]cell.Tensor[float32]{{Name: "w", Shape: []int{0, 2}, Data: ts[0].Data}}) },
		"model: Bound: steps = -1":                                         func() { Bound(-1) },
	} {
		mustPanic(t, text, f)
	}
	// A model that cannot be made is an error.
	if _, err := New[float32](Config{Data: 1, Hidden: maxSize}); err == nil || !strings.Contains(err.Error(), "would have [65536 65536] elements") {
		t.Errorf("65536 units: %v", err)
	}
	// Draws beyond 2^32 begin again.
	for _, c := range [][3]int{{7, 5, 7}, {1<<32 - 5, 5, 1<<32 - 5}, {1<<32 - 4, 5, 0}, {1<<32 + 7, 5, 7}} {
		if got := noiseRow(c[0], c[1]); got != c[2] {
			t.Errorf("row %d of %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
	// The largest hop ends where the sequence does.
	one := Windows(&Data{Dim: 1, Train: []Sequence{{X: []float32{1, 2, 3}}}}, 1, math.MaxInt)
	if len(one.Train) != 1 || !slices.Equal(one.Train[0].X, []float32{1}) {
		t.Errorf("windows %v", one.Train)
	}
}
