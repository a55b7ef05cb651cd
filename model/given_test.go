package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

// conditionsOf returns conditions of so many numbers for every step.
func conditionsOf(steps, width int) []float32 {
	if width == 0 {
		return nil
	}
	given := make([]float32, steps*width)
	kernels.Normals(given, kernels.Noise{Seed: 8}, 0, 0, steps, width)
	return given
}

// given returns the data with conditions of so many numbers.
func (d *Data) given(width int) *Data {
	c := *d
	c.Given = width
	for _, part := range []*[]Sequence{&c.Train, &c.Valid, &c.Test} {
		*part = slices.Clone(*part)
		for i := range *part {
			s := &(*part)[i]
			s.Given = conditionsOf(s.Steps(d.Dim), width)
		}
	}
	return &c
}

// TestGivenMatters: every number of a condition changes the score of its step and of later ones that
// know of it, of none before it, and all that is drawn from that step on.
func TestGivenMatters(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range conditioned() {
		m := newTestModel[float32](t, c)
		const steps, at = 6, 3
		s := signalFor(m, steps)
		before := ScoreSteps(m, []Sequence{s}, EvalConfig{Seed: 1})[0].Steps
		draw := Draw{Count: 2, Steps: steps, Mean: true, Given: slices.Concat(s.Given, s.Given)}
		drawn := Sample(m, draw)
		for j := range c.Given {
			changed := s
			changed.Given = slices.Clone(s.Given)
			changed.Given[at*c.Given+j] += 2
			after := ScoreSteps(m, []Sequence{changed}, EvalConfig{Seed: 1})[0].Steps
			causal := causes(c)
			for i := range before {
				if same := before[i] == after[i]; same && i == at || !same && i < at && causal || same && i > at && causal && m.State() > 0 {
					t.Errorf("%s: number %d of the condition of step %d changed: step %d scores %v, was %v", c.testName(), j, at, i, after[i], before[i])
				}
			}
			draw.Given = slices.Concat(s.Given, changed.Given)
			again := Sample(m, draw)
			n := steps * c.Data
			asmtest.SameFloats(t, c.testName()+", the first sequence", again[:n], drawn[:n])
			asmtest.SameFloats(t, c.testName()+", before the change", again[n:n+at*c.Data], drawn[n:n+at*c.Data])
			if bits := c.Likelihood == NADE || c.Likelihood == Categorical; !bits && slices.Equal(again[n+at*c.Data:][:c.Data], drawn[n+at*c.Data:][:c.Data]) {
				t.Errorf("%s: number %d of the condition of step %d does not matter to what is drawn", c.testName(), j, at)
			}
		}
	}
}

// causes reports whether steps of the model know of those before them alone.
func causes(c Config) bool { return c.Model != ModelVRAE }

// TestGivenContinue: a model that is shown the beginning of its own means, with their conditions, goes on
// as if it had not been interrupted.
func TestGivenContinue(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range conditioned() {
		if c.Model != ModelRNN || c.Likelihood == RBM {
			continue
		}
		m := newTestModel[float32](t, c)
		const n, more = 5, 4
		given := conditionsOf(n+more, c.Given)
		whole := Sample(m, Draw{Count: 1, Steps: n + more, Mean: true, Given: given})
		s := NewScorer(m, EvalConfig{})
		s.Score(Sequence{X: whole[:n*c.Data], Given: given[:n*c.Given]})
		rest := given[n*c.Given:]
		got := s.Continue(Draw{Count: 2, Steps: more, Mean: true, Given: slices.Concat(rest, rest)})
		asmtest.SameFloats(t, c.testName(), got[:more*c.Data], whole[n*c.Data:])
		asmtest.SameFloats(t, c.testName()+", second", got[more*c.Data:], whole[n*c.Data:])
	}
	for _, teacher := range []bool{false, true} {
		m := newTestModel[float32](t, Config{Model: ModelVRAE, Cell: "gru", Data: 4, Hidden: 6, Latent: 3, Teacher: teacher, Given: 2}).(*VRAE[float32])
		past, given := signalFor(m, 8), conditionsOf(13, 2)
		got := m.Continue(past, Draw{Count: 1, Steps: 5, Mean: true, Given: given[8*2:]})
		z, _ := m.Encode([]Sequence{past}, 1, 1)
		want := m.Decode(z, given, 1, 13)[8*4:]
		if same := slices.Equal(got, want); same == teacher {
			t.Errorf("teacher %t: %v, decoded %v", teacher, got, want)
		}
	}
}

// TestGivenPanics: conditions that are missing, too few, too many or of no use have names.
func TestGivenPanics(t *testing.T) {
	for _, c := range append(conditioned(), Config{Model: ModelRNN, Data: 5, Hidden: 4}) {
		m := newTestModel[float32](t, c)
		for _, n := range []int{0, 1, 4*c.Given - 1, 4*c.Given + 1} {
			if n == 4*c.Given || n < 0 {
				continue
			}
			given := make([]float32, n)
			mustPanic(t, fmt.Sprintf("Sample: len(d.Given) = %d, want 4*%d", n, c.Given), func() { Sample(m, Draw{Count: 2, Steps: 2, Given: given}) })
			seq := Sequence{X: make([]float32, 4*c.Data), Given: given}
			mustPanic(t, fmt.Sprintf("len(seqs[0].Given) = %d, want steps*given = 4*%d", n, c.Given), func() { Evaluate(m, []Sequence{seq}, EvalConfig{Batch: 1}) })
			b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 2, 2)
			b.Given = given
			mustPanic(t, fmt.Sprintf("Pass.Forward: len(b.Given) = %d, want 4*%d", n, c.Given), func() { m.NewPass(1).Forward(b, Bound(4), false) })
		}
	}
}

// TestGivenData: data without the conditions of a model are refused, and the other way round.
func TestGivenData(t *testing.T) {
	d := testData(5)
	for name, c := range map[string]struct {
		config Config
		data   *Data
		want   string
	}{
		"none":       {Config{Model: ModelRNN, Given: 2}, d, "has conditions of 0 numbers, the model is given 2"},
		"others":     {Config{Model: ModelVAE, Given: 2}, d.given(3), "has conditions of 3 numbers, the model is given 2"},
		"unwanted":   {Config{Model: ModelVRNN}, d.given(3), "has conditions of 3 numbers, the model is given 0"},
		"classifier": {Config{Model: ModelClassifier, Labels: []string{"a"}, Given: 3}, d.given(3), "the model is given 0"},
		"regression": {Config{Model: ModelRegression, Given: 3}, d.given(3), "the model is given 0"},
	} {
		c.config.Data, c.config.Hidden = 5, 4
		_, err := NewTrainer(newModel[float32](t, c.config), c.data, testTrainConfig())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	bad := d.given(2)
	bad.Valid[1].Given = bad.Valid[1].Given[2:]
	if err := bad.Check(); err == nil || !strings.Contains(err.Error(), "valid sequence 1 () has") {
		t.Errorf("conditions of too few steps: %v", err)
	}
}

// TestGivenSlices: parts and windows of a sequence keep the conditions of their steps.
func TestGivenSlices(t *testing.T) {
	d := testData(5).given(3)
	s := d.Train[2]
	if p := s.Slice(2, 4, 5); !slices.Equal(p.Given, s.Given[2*3:4*3]) {
		t.Errorf("the conditions of a part are %v, want %v", p.Given, s.Given[2*3:4*3])
	}
	w := Windows(d, 4, 2)
	if err := w.Check(); err != nil || !slices.Equal(w.Train[1].Given, d.Train[0].Given[2*3:6*3]) {
		t.Errorf("windows: %v; conditions %v", err, w.Train[1].Given)
	}
}

// TestGivenHelps: where the data depend on a condition and on nothing else, every model that is given it
// learns so, and draws what it is asked for.
func TestGivenHelps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains every model, slow under emulation, and the bits are the same there")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	part := func(n int) (seqs []Sequence) {
		for range n {
			var s Sequence
			for range 8 {
				v := float32(rng.IntN(2))
				s.Given = append(s.Given, v)
				s.X = append(s.X, 2*v-1+float32(rng.NormFloat64())*0.1)
			}
			seqs = append(seqs, s)
		}
		return seqs
	}
	d := &Data{Name: "switch", Hash: "switch", Dim: 1, Given: 1, Train: part(60), Valid: part(10), Test: part(10)}
	tc := testTrainConfig()
	tc.Epochs, tc.Rate = 12, 2e-2
	for _, name := range []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN, ModelVRAE, ModelVAE} {
		c := Config{Model: name, Likelihood: Gauss, Hidden: 8, Latent: 2, Given: 1}
		tr := newTestTrainer(t, c, tc, d, "")
		if err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		drawn := Sample(tr.Model, Draw{Count: 1, Steps: 6, Mean: true, Given: []float32{0, 1, 1, 0, 1, 0}})
		for i, v := range drawn {
			if want := []float64{-1, 1, 1, -1, 1, -1}[i]; math.Abs(float64(v)-want) > 0.5 {
				t.Errorf("%s: drew %v, want about %v in step %d", name, drawn, want, i)
				break
			}
		}
	}
}

// TestGivenSegments: segments of a sequence take the conditions of their own steps.
func TestGivenSegments(t *testing.T) {
	blastest.UseGo(t)
	whole := evalSteps
	defer func() { evalSteps = whole }()
	for _, c := range conditioned() {
		if c.Model != ModelRNN || c.Likelihood == RBM {
			continue
		}
		m := newTestModel[float32](t, c)
		seqs := []Sequence{signalFor(m, 11), signalFor(m, 4)}
		evalSteps = whole
		want := Evaluate(m, seqs, EvalConfig{Batch: 2}).NLLPerStep
		evalSteps = 3
		if got := Evaluate(m, seqs, EvalConfig{Batch: 2}).NLLPerStep; math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s: %v in segments, %v as a whole", c.testName(), got, want)
		}
	}
}
