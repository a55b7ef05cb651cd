package model

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// vraeConfigs returns the VRAE with every cell, reading forwards and backwards, with and without a
// teacher. -short keeps the tanh RNN.
func vraeConfigs() []Config {
	var cs []Config
	for _, c := range classifierConfigs() {
		for _, l := range []string{Bernoulli, Gauss} {
			for _, teacher := range []bool{false, true} {
				c.Model, c.Labels, c.Likelihood, c.Latent, c.Teacher = ModelVRAE, nil, l, 3, teacher
				cs = append(cs, c)
			}
		}
	}
	for _, l := range []string{GaussFull, StudentFull, GaussLowRank} {
		cs = append(cs, Config{Model: ModelVRAE, Cell: "rnn", Likelihood: l, Data: 5, Hidden: 7, Latent: 3, Rank: likelihoodTests[l].rank})
	}
	return cs
}

// classifierConfigs returns the classifier with the same cells and directions.
func classifierConfigs() []Config {
	cells := []string{"rnn", "lstm", "gru", "gru-before"}
	if testing.Short() {
		cells = cells[:1]
	}
	var cs []Config
	for _, k := range cells {
		for _, reverse := range []bool{false, true} {
			cs = append(cs, Config{Model: ModelClassifier, Cell: k, Data: 5, Hidden: 7, Reverse: reverse, Labels: []string{"a", "b", "c", "d"}})
		}
	}
	return cs
}

func vraeBatch[T cell.Float](c Config, rng *rand.Rand, lengths ...int) *Batch[T] {
	s := cell.NewRagged(lengths...)
	b := &Batch[T]{Shape: s, X: make([]T, s.Rows()*c.Data), Noise: kernels.Noise{Seed: 3, Stream: streamTrain, Update: 11}}
	for i := range b.X {
		if c.Likelihood == Gauss {
			b.X[i] = T(rng.NormFloat64())
		} else {
			b.X[i] = T(rng.IntN(2))
		}
	}
	for i := range lengths {
		b.Label = append(b.Label, string(rune('a'+i%4)))
	}
	return b
}

// TestVRAEFeedback: without a teacher the data reach the decoder through z alone, with one
// also through the step before.
func TestVRAEFeedback(t *testing.T) {
	for _, teacher := range []bool{false, true} {
		c := Config{Model: ModelVRAE, Data: 5, Hidden: 7, Latent: 3, Teacher: teacher}
		m := newTestModel[float64](t, c).(*VRAE[float64])
		clear(m.head.W) // z no longer depends on the data
		m.Pack()
		b := vraeBatch[float64](c, rand.New(rand.NewPCG(9, 9)), 6)
		p := m.NewPass(1).(*vraePass[float64])
		p.Forward(b, Bound(6), false)
		before := slices.Clone(p.out)
		b.X[0] = 1 - b.X[0]
		p.Forward(b, Bound(6), false)
		if changed := !slices.Equal(before, p.out); changed != teacher {
			t.Errorf("teacher %t: the outputs change with the data: %t", teacher, changed)
		}
		if !slices.Equal(before[:c.Data], p.out[:c.Data]) {
			t.Errorf("teacher %t: the output of step 0 sees the data of step 0", teacher)
		}
	}
}

// TestVRAEReverse: a model that reads from the end makes of a sequence what the same
// parameters make, forwards, of the reversed sequence.
func TestVRAEReverse(t *testing.T) {
	for _, c := range []Config{{Model: ModelVRAE, Data: 5, Hidden: 7, Latent: 3}, {Model: ModelClassifier, Data: 5, Hidden: 7, Labels: []string{"a", "b", "c", "d"}}} {
		b := vraeBatch[float64](c, rand.New(rand.NewPCG(9, 9)), 6, 4, 1)
		turned := *b
		turned.X = make([]float64, len(b.X))
		cell.Reverse(b.Shape, turned.X, b.X, c.Data)
		read := func(reverse bool, b *Batch[float64]) []float64 {
			c.Reverse = reverse
			switch m := newTestModel[float64](t, c).(type) {
			case *VRAE[float64]:
				r := m.reader(1)
				r.read(b, b.X)
				return r.y
			case *Classifier[float64]:
				r := m.reader(1)
				r.read(b, b.X)
				return r.y
			}
			return nil
		}
		forwards := read(false, b)
		if got := read(true, &turned); !slices.Equal(got, forwards) {
			t.Errorf("%s: %v, want %v", c.Model, got, forwards)
		}
		if slices.Equal(read(true, b), forwards) {
			t.Errorf("%s: reading from the end makes no difference", c.Model)
		}
	}
}

// TestVRAEWeight: training with another KL weight ends elsewhere.
func TestVRAEWeight(t *testing.T) {
	d := testData(5)
	var kl []float64
	for _, weight := range []float64{0, 1, 0.01} {
		m, err := New[float32](Config{Model: ModelVRAE, Data: 5, Hidden: 6, Latent: 3})
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, d.Stats())
		tc := testTrainConfig()
		tc.Epochs, tc.KLWarmup, tc.KLWeight = 10, 0, weight
		tr, err := NewTrainer(m, d, tc)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		kl = append(kl, tr.History()[9].Valid.KLPerStep)
	}
	if kl[0] != kl[1] {
		t.Errorf("KL %v without a weight, %v with 1", kl[0], kl[1])
	}
	if kl[2] < 2*kl[1] {
		t.Errorf("KL %v with weight 0.01, %v with 1", kl[2], kl[1])
	}
}

// TestVRAEUse: what encodes, decodes and generates agrees with the pass and with itself.
func TestVRAEUse(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range vraeConfigs() {
		if c.Model != ModelVRAE {
			continue
		}
		t.Run(c.testName(), func(t *testing.T) {
			m := newTestModel[float32](t, c).(*VRAE[float32])
			d := testData(c.Data)
			seqs := append(d.Train, Sequence{})
			mean, sigma := m.Encode(seqs, 4, 2)
			for i, s := range seqs {
				p := m.NewPass(1).(*vraePass[float32])
				b := &Batch[float32]{Shape: cell.NewRagged(len(s.X) / c.Data), X: s.X}
				p.Forward(b, Bound(1), false)
				asmtest.SameFloats(t, "mean", mean[i*3:(i+1)*3], p.enc.y[:3])
				for j, v := range sigma[i*3 : (i+1)*3] {
					if want := math.Exp(0.5 * float64(p.enc.y[3+j])); math.Abs(float64(v)-want) > 1e-6*want {
						t.Errorf("sigma %v, want %v", v, want)
					}
				}
				// Without noise the pass decodes the mean.
				if i > 0 || c.Teacher {
					continue
				}
				steps := len(s.X) / c.Data
				out := make([]float32, steps*c.Data)
				copy(p.s0, s0(m, mean[:3]))
				p.decode()
				m.like.mean(out, p.out, steps, c.Data)
				asmtest.SameFloats(t, "decoded", m.Decode(mean[:3], nil, 1, steps), out)
			}

			long := m.Generate(mean, nil, 3, 1000, 5)
			asmtest.SameFloats(t, "generated again", m.Generate(mean, nil, 3, 1000, 5), long)
			asmtest.SameFloats(t, "generated fewer", m.Generate(mean, nil, 1, 1000, 5), long[:1000*c.Data])
			asmtest.SameFloats(t, "generated shorter", m.Generate(mean, nil, 1, 10, 5), long[:10*c.Data])
			if slices.Equal(m.Generate(mean, nil, 1, 1000, 6), long[:1000*c.Data]) {
				t.Error("another seed draws the same")
			}
			// The state comes to rest, so steps differ by their draws.
			if n := len(long); slices.Equal(long[n-c.Data:], long[n-2*c.Data:n-c.Data]) && slices.Equal(long[n-c.Data:], long[n-3*c.Data:n-2*c.Data]) {
				t.Error("three steps drew the same")
			}
			if c.Likelihood == Bernoulli {
				for _, v := range long {
					if v != 0 && v != 1 {
						t.Fatalf("drew %v of a binary variable", v)
					}
				}
			}
			line := Interpolate(mean[:3], mean[3:6], 5)
			asmtest.SameFloats(t, "begin", line[:3], mean[:3])
			asmtest.SameFloats(t, "end", line[12:], mean[3:6])
			all := m.Decode(line, nil, 5, 8)
			asmtest.SameFloats(t, "middle", all[2*8*c.Data:3*8*c.Data], m.Decode(line[6:9], nil, 1, 8))
			for j := range 3 {
				if got, want := line[6+j], (mean[j]+mean[3+j])/2; math.Abs(float64(got-want)) > 1e-6 {
					t.Errorf("middle of the line %v, want %v", got, want)
				}
			}
			asmtest.SameFloats(t, "sample", Sample(m, Draw{Count: 2, Steps: 6, Seed: 3}), Sample(m, Draw{Count: 5, Steps: 6, Seed: 3})[:2*6*c.Data])
		})
	}
}

// s0 returns the initial state of the decoder for a latent vector.
func s0[T cell.Float](m *VRAE[T], z []T) []T {
	h := make([]T, m.Hidden)
	m.start.Forward(h, z, 1)
	return h
}

// labelled gives the sequences of d labels that a model can find out: the phase of the
// pattern.
func labelled(d *Data) *Data {
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for i, s := range seqs {
			best := 0
			for j := range d.Dim {
				if s.X[j] > s.X[best] {
					best = j
				}
			}
			seqs[i].Label = string(rune('a' + best))
		}
	}
	return d
}

func TestVRAEResume(t *testing.T) {
	blastest.UseGo(t)
	d := labelled(testData(5))
	for _, c := range []Config{
		{Model: ModelVRAE, Hidden: 6, Latent: 3},
		{Model: ModelVRAE, Hidden: 6, Latent: 3, Cell: "lstm", Reverse: true, Teacher: true},
		{Model: ModelClassifier, Hidden: 6, Labels: []string{"a", "b", "c", "d", "e"}},
	} {
		t.Run(c.testName(), func(t *testing.T) {
			tc := testTrainConfig()
			tc.KLWeight = 0.3
			whole := checkResume(t, c, tc, d, []int{1, 7, 13})
			if first, last := whole.History()[0].Train, whole.History()[tc.Epochs-1].Train; last.NLLPerStep >= first.NLLPerStep {
				t.Errorf("NLL %v after %v", last.NLLPerStep, first.NLLPerStep)
			}
			m, _, err := Load(filepath.Join(whole.Dir, CheckpointFile))
			if err != nil {
				t.Fatal(err)
			}
			for i, ts := range m.Tensors() {
				asmtest.SameFloats(t, ts.Name, ts.Data, whole.Model.Tensors()[i].Data)
			}
			if c.Model == ModelClassifier {
				return // no KL term
			}
			best := math.Inf(1)
			for _, e := range whole.History()[tc.KLWarmup-1:] {
				best = min(best, e.Valid.NLLPerStep+(tc.KLWeight-1)*e.Valid.KLPerStep)
			}
			if got, _ := whole.Best(); math.Abs(got-best) > 1e-12 {
				t.Errorf("best %v, want %v, the bound at the KL weight", got, best)
			}
			for n, w := range []float64{0.1 * 0.3, 0.55 * 0.3, 0.3, 0.3} {
				if got := whole.History()[n].KLWeight; math.Abs(got-w) > 1e-12 {
					t.Errorf("KL weight in epoch %d: %v, want %v", n+1, got, w)
				}
			}
		})
	}
}

// TestVRAECheckpointSizes: a header that asks for more than the file holds is refused
// before anything of that size is made.
func TestVRAECheckpointSizes(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelVRAE, Data: 5, Hidden: 6, Latent: 3},
		{Model: ModelClassifier, Data: 5, Hidden: 6, Labels: []string{"a", "b"}},
	} {
		m, err := New[float32](c)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := Save(path, m, &Data{}); err != nil {
			t.Fatal(err)
		}
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range [][2]string{{`\"hidden\":6`, `\"hidden\":7`}, {`\"latent\":3`, `\"latent\":9`}, {`\"data\":5`, `\"data\":6`},
			{`[\"a\",\"b\"]`, `[\"a\",\"a\"]`}, {`\"cell\":\"rnn\"`, `\"cell\":\"gru\"`}} {
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if bad == string(good) {
				if c.Model == ModelVRAE && change[0][2] != 'a' && change[0][0] != '[' {
					t.Errorf("%s: no %s in the header", c.Model, change[0])
				}
				continue
			}
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %s: error %v, want one that names the file", c.Model, change[1], err)
			}
		}
	}
}

// TestVRAEConfig: what a VRAE cannot be is refused, and what it can be works.
func TestVRAEConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"cannot feed back":       {Likelihood: GMM},
		"(teacher true)":         {Likelihood: Categorical, Data: 1, Classes: 3, Teacher: true},
		"needs 3 dimensions":     {Likelihood: BivariateMixture, Teacher: true},
		"unknown likelihood":     {Likelihood: "none"},
		"latent = -1":            {Latent: -1},
		"hidden = 0":             {Hidden: -7},
		"cell":                   {Cell: "none"},
		"data = 100000":          {Data: 100000},
		"unknown init \"none\"":  {Init: "none"},
		"outputs, want at most ": {Likelihood: GMM, Data: 5, Components: 60000, Teacher: true},
	} {
		c.Model = ModelVRAE
		if c.Data == 0 {
			c.Data = 5
		}
		c.Hidden += 7
		if _, err := New[float32](c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", c, err, want)
		}
	}
	// A mixture, which has no mean to feed back in training, with a teacher.
	c := Config{Model: ModelVRAE, Likelihood: GMM, Components: 2, Data: 5, Hidden: 7, Teacher: true}
	m := newTestModel[float32](t, c)
	p := m.NewPass(1)
	p.Forward(vraeBatch[float32](c, rand.New(rand.NewPCG(9, 9)), 4, 2), Bound(6), true)
	p.Backward(m.NewGrad())
	if x := Sample(m, Draw{Count: 1, Steps: 4, Seed: 1}); slices.Equal(x[:5], x[5:10]) || math.IsNaN(p.Loss()) {
		t.Errorf("sample %v, loss %v", x, p.Loss())
	}
}

// TestVRAEMap: windows of a few periodic pieces form clusters in latent space.
func TestVRAEMap(t *testing.T) {
	d := &Data{Name: "pieces", Dim: 6, Hash: "p"}
	rng := rand.New(rand.NewPCG(3, 3))
	for k := range 4 {
		s := Sequence{Name: fmt.Sprint("piece", k), X: make([]float32, 60*6)}
		for t := range 60 {
			s.X[t*6+t/(k+1)%6] = 1
			if rng.IntN(20) == 0 {
				s.X[t*6+rng.IntN(6)] = 1
			}
		}
		d.Train = append(d.Train, s)
	}
	d.Valid, d.Test = d.Train, d.Train
	d = Windows(d, 12, 3)
	m, err := New[float32](Config{Model: ModelVRAE, Data: 6, Hidden: 24, Latent: 2})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, d.Stats())
	tc := DefaultTrainConfig()
	tc.Epochs, tc.Rate, tc.KLWeight, tc.Patience = 30, 1e-2, 0.1, 0
	tr, err := NewTrainer(m, d, tc)
	if err != nil {
		t.Fatal(err)
	}
	purity := func() float64 {
		m.Pack()
		z, _ := m.(*VRAE[float32]).Encode(d.Train, 16, 1)
		labels := make([]string, len(d.Train))
		for i, s := range d.Train {
			labels[i], _ = Piece(s.Name)
		}
		return Purity(z, 2, labels, nil)
	}
	before := purity()
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	after := purity()
	t.Logf("purity %.3f before, %.3f after training, valid %.2f", before, after, tr.History()[tc.Epochs-1].Valid.ReconPerStep)
	if after < 0.8 {
		t.Errorf("purity %v after training, %v before", after, before)
	}
}
