package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/cell"
)

// filled returns what a pass puts in the place of missing values.
func filled[T cell.Float](p Pass[T]) *filling[T] {
	return p.(interface{ filling() *filling[T] }).filling()
}

// maskedConfigs are the configurations of models that can do with missing values.
func maskedConfigs(t *testing.T) (cs []Config) {
	for _, c := range slices.Concat(testConfigs(), skipConfigs()) {
		for _, fill := range []string{"", FillDraw} {
			if partsOf(newModel[float32](t, c)).masks() == nil && (fill == "" || c.Likelihood == Gauss || c.Likelihood == Bernoulli) {
				c.Fill = fill
				cs = append(cs, c)
			}
		}
	}
	return cs
}

// hide makes values of a batch missing: some, those of a whole step and of none.
func hide[T cell.Float](b *Batch[T], dim, k int) *Batch[T] {
	rng := rand.New(rand.NewPCG(21, 3))
	b.Mask = slices.Repeat([]T{1}, len(b.X))
	for i := range b.Shape.Batch() {
		for t := range b.Shape.Length(i) {
			row := b.Mask[b.Shape.Row(t, i)*dim:][:dim]
			for j := range row {
				if i%k > 0 {
					row[j] = b.Mask[b.Shape.Row(t, i-i%k)*dim+j]
				} else if rng.IntN(3) == 0 || t == 2 {
					row[j] = 0
				}
			}
		}
	}
	for i, v := range b.Mask {
		if v == 0 {
			b.X[i] = T(math.NaN())
		}
	}
	return b
}

// TestMissingGradient compares gradients of batches with missing values with differences, the values in
// their place held still.
func TestMissingGradient(t *testing.T) {
	for _, c := range maskedConfigs(t) {
		if c.Cell != "lstm" && c.Cell != "" && c.Layers < 2 && c.Skip == 0 {
			continue
		}
		m := newTestModel[float64](t, c)
		for name, obj := range testObjectives(m, 21) {
			if testing.Short() && (c.Likelihood != Gauss || name != "analytic") {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s/%s", c.testName(), c.Fill, name), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(9, 9))
				b := hide(newTestBatch(m, rng, 6, 6, 6, 1, 1, 1).drawn(obj.Samples), c.Data, obj.Samples)
				p := m.NewPass(2)
				loss := lossesOf(m, p, b, &obj)
				loss()
				filled(p).still = true
				loss()
				grad := m.NewGrad()
				p.Backward(grad)
				checkDifferences(t, m.Tensors(), grad.Tensors(), loss)
			})
		}
	}
}

// TestMaskOfOnes: it changes no bit.
func TestMaskOfOnes(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range maskedConfigs(t) {
			m := newTestModel[float32](t, c)
			b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 3, 1)
			obj := Objective{KLWeight: 1, Scale: 0.1}
			run := func() (loss float64, grads []float32) {
				p, g := m.NewPass(2), m.NewGrad()
				p.Forward(b, obj, true)
				p.Backward(g)
				for _, ts := range g.Tensors() {
					grads = append(grads, ts.Data...)
				}
				return p.Loss(), grads
			}
			want, dwant := run()
			b.Mask = slices.Repeat([]float32{1}, len(b.X))
			if got, dgot := run(); got != want || !slices.Equal(dgot, dwant) {
				t.Errorf("%s: another loss or gradient: %v, want %v", c.testName(), got, want)
			}
		}
	})
}

// TestMissingIsNotSeen: what stands in the place of a missing value has no influence, a step without
// values has no likelihood, and the values that are counted are those that are there.
func TestMissingIsNotSeen(t *testing.T) {
	for _, c := range maskedConfigs(t) {
		m := newTestModel[float32](t, c)
		b := hide(newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 3, 1), c.Data, 1)
		p := m.NewPass(1)
		p.Forward(b, Objective{KLWeight: 1, Scale: 0.1}, false)
		loss, lp := p.Loss(), slices.Clone(p.StepLogProb())
		gone := 0
		for i, v := range b.Mask {
			if v == 0 {
				b.X[i] = 1e6
				gone++
			}
		}
		if off, n := b.Shape.Step(2); !slices.Equal(lp[off:off+n], make([]float32, n)) {
			t.Errorf("%s: a step without values has ln p = %v", c.testName(), lp[off:off+n])
		}
		if p.Forward(b, Objective{KLWeight: 1, Scale: 0.1}, false); p.Loss() != loss || !finite(loss) {
			t.Errorf("%s: loss %v, before %v", c.testName(), p.Loss(), loss)
		}
		if got := p.Totals().Missing; got != gone {
			t.Errorf("%s: %d values missing, want %d", c.testName(), got, gone)
		}
	}
}

// TestMaskOfOtherRows: what a mask has beyond the rows of a batch counts for nothing.
func TestMaskOfOtherRows(t *testing.T) {
	c := testConfig(ModelRNN, "gru", Gauss)
	m := newTestModel[float32](t, c)
	b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 3, 1)
	b.Mask = slices.Repeat([]float32{1}, len(b.X))
	b.Mask[0] = 0
	b.Mask = append(b.Mask, 0, 0)
	p := m.NewPass(1)
	if p.Forward(b, Objective{KLWeight: 1}, false); p.Totals().Missing != 1 {
		t.Errorf("%d values missing, want 1", p.Totals().Missing)
	}
}

// TestMissingFill: the means are those of the outputs at the means of the latent variables; draws
// differ, and come again with the same noise.
func TestMissingFill(t *testing.T) {
	c := testConfig(ModelRNN, "gru", Gauss)
	m := newTestModel[float64](t, c)
	b := hide(newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 3, 1), c.Data, 1)
	p := m.NewPass(1).(*vrnnPass[float64])
	p.Forward(b, Objective{KLWeight: 1}, false)
	mean := make([]float64, len(b.X))
	partsOf(m).like.mean(mean, p.decoder.Y, b.Shape.Rows(), c.Data)
	for i, v := range b.Mask {
		want := b.X[i]
		if v == 0 {
			want = mean[i]
		}
		if p.fill.x[i] != want {
			t.Fatalf("value %d is seen as %v, want %v", i, p.fill.x[i], want)
		}
	}
	c.Fill = FillDraw
	q := newTestModel[float64](t, c).NewPass(3).(*vrnnPass[float64])
	q.Forward(b, Objective{KLWeight: 1}, false)
	drawn := slices.Clone(q.fill.x)
	if slices.Equal(drawn, p.fill.x) {
		t.Error("draws are means")
	}
	q = newTestModel[float64](t, c).NewPass(1).(*vrnnPass[float64])
	if q.Forward(b, Objective{KLWeight: 1}, false); !slices.Equal(drawn, q.fill.x) {
		t.Error("draws depend on the threads")
	}
}

// TestMissingEncode: the posteriors of sequences with missing values are those of a pass, whatever the batch.
func TestMissingEncode(t *testing.T) {
	for _, teacher := range []bool{false, true} {
		for _, fill := range []string{FillMean, FillDraw} {
			c := Config{Model: ModelVRAE, Cell: "gru", Likelihood: Gauss, Data: 3, Hidden: 4, Latent: 2, Teacher: teacher, Fill: fill}
			m := newTestModel[float32](t, c).(*VRAE[float32])
			nan := float32(math.NaN())
			seqs := []Sequence{{X: []float32{1, nan, 3, nan, nan, nan}}, {X: []float32{1, 2, 3}}, {X: []float32{nan, 2, 3, 4, 5, 6, 7, nan, 9}}}
			mean, sigma := m.Encode(seqs, 1, 1)
			again, sigmas := m.Encode(seqs, 3, 2)
			if !slices.Equal(mean, again) || !slices.Equal(sigma, sigmas) || !slices.ContainsFunc(mean, func(v float32) bool { return v != 0 && v == v }) {
				t.Errorf("teacher %t: %v, in one batch %v", teacher, mean, again)
			}
			for i, e := range Encode(Model[float32](m), seqs, 1) {
				if !slices.Equal(e.Mean, mean[i*2:(i+1)*2]) {
					t.Errorf("teacher %t, sequence %d: %v, of a pass %v", teacher, i, mean[i*2:(i+1)*2], e.Mean)
				}
			}
			for _, v := range m.Continue(seqs[0], Draw{Count: 2, Steps: 3}) {
				if !finite(float64(v)) {
					t.Errorf("teacher %t: goes on with %v", teacher, v)
				}
			}
		}
	}
}

// TestMissingRefused: models that need all values say so, as an error of data and as a panic of a pass.
func TestMissingRefused(t *testing.T) {
	refused := 0
	for _, c := range testConfigs() {
		m := newTestModel[float32](t, c)
		if partsOf(m).masks() == nil {
			continue
		}
		refused++
		x := make([]float32, 2*c.Data)
		x[c.Data] = float32(math.NaN())
		if err := CheckMissing(m, []Sequence{{Name: "a", X: x}}); err == nil || !strings.Contains(err.Error(), "a value is missing") {
			t.Errorf("%s: error %v", c.testName(), err)
		}
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "model: Pass.Forward: b.Mask: ") {
					t.Errorf("%s: panic %q", c.testName(), s)
				}
			}()
			b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 2, 1)
			b.Mask = make([]float32, len(b.X))
			m.NewPass(1).Forward(b, Objective{}, false)
		}()
	}
	if refused == 0 {
		t.Error("no model refused")
	}
}

// TestMissingTraining: training, evaluation and scores of sequences with NaN are finite, and scores do
// not depend on where a signal is cut.
func TestMissingTraining(t *testing.T) {
	for _, name := range []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN, ModelVRAE} {
		d := testData(19)
		rng := rand.New(rand.NewPCG(4, 4))
		for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
			for i := range seqs {
				seqs[i].X = slices.Clone(seqs[i].X)
				for j := range seqs[i].X {
					if rng.IntN(5) == 0 {
						seqs[i].X[j] = float32(math.NaN())
					}
				}
			}
		}
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Stats().Mean {
			if !finite(v) {
				t.Fatalf("mean %v", v)
			}
		}
		for _, fill := range []string{FillMean, FillDraw} {
			c := testConfig(name, "gru", Bernoulli)
			c.Fill, c.Data = fill, d.Dim
			if err := c.CheckData(d); err != nil {
				t.Fatal(err)
			}
			m := newTestModel[float32](t, c)
			for _, k := range []int{1, 4} {
				e := EvalConfig{Batch: 3, Samples: k, Seed: 2, Threads: 2}
				s := Evaluate(m, d.Test, e)
				if !finite(s.NLLPerStep) || s.Missing == 0 {
					t.Errorf("%s: score %+v", name, s)
				}
				if m.State() == 0 {
					continue
				}
				whole := ScoreSteps(m, d.Test[:1], e)[0].Steps
				r := NewScorer(m, e)
				cut := d.Test[0].Steps(d.Dim) / 2
				parts := r.Score(d.Test[0].Slice(0, cut, d.Dim)).Steps
				parts = append(parts, r.Score(d.Test[0].Slice(cut, len(whole), d.Dim)).Steps...)
				if !slices.Equal(whole, parts) {
					t.Errorf("%s %s: scores depend on the cut", name, fill)
				}
			}
		}
	}
}
