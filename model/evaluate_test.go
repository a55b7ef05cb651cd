package model

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

// TestMoreSamplesTightenTheBound: on a trained model the bound rises from the ELBO over 5
// samples to 64. Single estimates scatter, so each is the mean over a few seeds.
func TestMoreSamplesTightenTheBound(t *testing.T) {
	if testing.Short() {
		t.Skip("many draws, slow under emulation, and the bits are the same there")
	}
	blastest.UseGo(t)
	d := testData(6)
	for _, name := range []string{ModelVRNN, ModelSTORN} {
		c := testTrainConfig()
		c.Epochs = 12
		tr := newTestTrainer(t, Config{Model: name, Hidden: 12}, c, d, "")
		if err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		score := func(samples int) float64 {
			sum := 0.0
			for seed := range uint64(4) {
				s := Evaluate(tr.Model, d.Valid, EvalConfig{Batch: 4, Samples: samples, Seed: seed})
				sum += s.NLLPerStep / 4
				if samples > 1 && (s.Samples != samples || s.NLLPerStep >= s.ReconPerStep+s.KLPerStep) {
					t.Errorf("%s: %+v", name, s)
				}
			}
			return sum
		}
		elbo, five, many := score(1), score(5), score(64)
		if !(elbo > five && five > many) {
			t.Errorf("%s: NLL bound %v, with 5 samples %v, with 64 %v: want them to fall", name, elbo, five, many)
		}
	}
}

// TestEvaluateParts: the importance bound is the logarithm of the mean weight, whichever
// way the samples are split over passes.
func TestEvaluateParts(t *testing.T) {
	blastest.UseGo(t)
	d := testData(6)
	m := newTestModel[float32](t, Config{Model: ModelVRNN, Data: 6, Hidden: 8})
	const k, seed = passRows + 60, 3
	got := Evaluate(m, d.Valid, EvalConfig{Batch: 2, Samples: k, Seed: seed})
	if other := Evaluate(m, d.Valid, EvalConfig{Batch: 2 * k, Samples: k, Seed: seed, Threads: 2}); other != got {
		// The same weights, added up in another order.
		if math.Abs(other.NLLPerStep-got.NLLPerStep) > 1e-12*got.NLLPerStep || math.Abs(other.KLPerStep-got.KLPerStep) > 1e-9 {
			t.Errorf("in parts %+v, at once %+v", got, other)
		}
	}
	want := 0.0
	p := m.NewPass(1)
	for place, batch := range cut(byLength(d.Valid, d.Dim), 1) {
		var logW []float64
		for draw := range k {
			b := Batch[float32]{Noise: kernels.Noise{Seed: seed, Stream: streamEval}, Row0: (len(d.Valid)-1-place)*k + draw}
			segment(&b, d.Valid, batch, Config{Data: 6}, 0, 0, 1, 0)
			p.Forward(&b, Objective{KLWeight: 1, Sampled: true}, false)
			logW = append(logW, p.LogWeights()[0])
		}
		most, sum := slices.Max(logW), 0.0
		for _, w := range logW {
			sum += math.Exp(w-most) / k
		}
		want -= most + math.Log(sum)
	}
	if math.Abs(got.NLLPerSeq*float64(len(d.Valid))-want) > 1e-9*want {
		t.Errorf("NLL %v, want %v", got.NLLPerSeq*float64(len(d.Valid)), want)
	}
}

// TestSampledKL: the mean of the sampled KL is the closed form.
func TestSampledKL(t *testing.T) {
	if testing.Short() {
		t.Skip("many draws, slow under emulation, and the bits are the same there")
	}
	for _, name := range []string{ModelVRNN, ModelVRNNI, ModelSTORN} {
		m := newTestModel[float32](t, Config{Model: name, Data: 6, Hidden: 8})
		d := testData(6)
		// The KL of a vrnn depends on what was drawn before, so the closed form is random too.
		exact, sampled := 0.0, 0.0
		for seed := range uint64(8) {
			exact += Evaluate(m, d.Valid, EvalConfig{Batch: 6, Seed: seed}).KLPerStep / 8
			sampled += Evaluate(m, d.Valid, EvalConfig{Batch: 6, Samples: 300, Seed: seed}).KLPerStep / 8
		}
		if math.Abs(exact-sampled) > 0.04*exact {
			t.Errorf("%s: KL in closed form %v, sampled %v", name, exact, sampled)
		}
	}
}

// TestPackBF16: a model packed so scores as one whose recurrent parameters are rounded, and
// Pack undoes it.
func TestPackBF16(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, name := range append([]string{ModelVRAE}, sequenceModels...) {
		c := Config{Model: name, Data: d.Dim, Hidden: 8}
		if name != ModelVRAE {
			c.Layers = 2
		}
		m := newTestModel[float32](t, c)
		score := func() Score { return Evaluate(m, d.Valid, EvalConfig{Batch: 4, Seed: 1, Threads: 2}) }
		before := score()
		m.(BF16Packer).PackBF16()
		got := score()
		m.Pack()
		if score() != before {
			t.Errorf("%s: Pack does not undo PackBF16", name)
		}
		for _, p := range m.Tensors() {
			if strings.HasSuffix(p.Name, ".whh") {
				for i, w := range p.Data {
					bits := math.Float32bits(w) + 0x8000 // no ties among these
					p.Data[i] = math.Float32frombits(bits &^ 0xffff)
				}
			}
		}
		m.Pack()
		if want := score(); got != want || got == before {
			t.Errorf("%s: packed as bfloat16 %+v, with rounded parameters %+v, before %+v", name, got, want, before)
		}
	}
	var vae any = newTestModel[float32](t, Config{Model: ModelVAE, Data: 5, Hidden: 8})
	if _, ok := vae.(BF16Packer); ok {
		t.Error("a vae has no recurrent weights to round")
	}
}

// TestPackInt8: a model packed so scores nearly as before and the same on every instruction set, Pack undoes
// it, and it cannot be trained.
func TestPackInt8(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, name := range append([]string{ModelVRAE}, sequenceModels...) {
		m := newTestModel[float32](t, Config{Model: name, Data: d.Dim, Hidden: 8})
		score := func() Score { return Evaluate(m, d.Valid, EvalConfig{Batch: 4, Seed: 1, Threads: 2}) }
		before := score()
		m.(Int8Packer).PackInt8()
		want := score()
		if far := math.Abs(want.NLLPerStep - before.NLLPerStep); !(far < 0.02*math.Abs(before.NLLPerStep)) || want == before {
			t.Errorf("%s: %v nats with int8, %v before", name, want.NLLPerStep, before.NLLPerStep)
		}
		was := asm.Active()
		for _, isa := range asm.Available() {
			asm.Use(isa)
			m.(Int8Packer).PackInt8()
			if got := score(); got != want {
				t.Errorf("%s: %v is %+v, want %+v", name, isa, got, want)
			}
		}
		asm.Use(was)
		m.Pack()
		if score() != before {
			t.Errorf("%s: Pack does not undo PackInt8", name)
		}
	}
}
