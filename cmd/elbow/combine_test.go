package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

var (
	allModels      = kindsThat(trainable)
	sequenceModels = kindsThat(func(k model.Kind) bool { return k.Carried })
	allLikelihoods = model.Likelihoods()
)

// prepare is what train does before it trains.
func prepare(dir, path string, args ...string) (*model.Trainer, error) {
	flags := newCall(command{name: "train"}, nil, io.Discard)
	var s settings
	var data dataFlags
	s.flags(flags)
	data.flags(flags)
	if err := flags.Parse(append([]string{"-data", path, "-threads", "1"}, args...)); err != nil {
		return nil, err
	}
	d, err := data.open(nil)
	if err != nil {
		return nil, err
	}
	next, err := fresh(flags, &s, d, false)
	if err != nil {
		return nil, err
	}
	var tr *model.Trainer
	err = within(dir, func(folder *rundir.Dir) (err error) {
		tr, err = next(folder)
		return err
	})
	return tr, err
}

// TestCombinations takes every model with every likelihood to every kind of data: it is
// trained, stored, scored and drawn from, or refused as a wrong command line.
func TestCombinations(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many models, to see that settings arrive; the machine makes no difference")
	}
	blastest.UseGo(t)
	long := func(s string) string { return strings.Repeat(s, 9) }
	trained := 0
	for kind, args := range map[string][]string{
		"roll":      {write(t, "a.json", tinyJSON)},
		"wave":      {datatest.Waves(t), "-frame", "5"},
		"levels":    {datatest.Waves(t), "-frame", "5", "-levels", "16"},
		"recording": {filepath.Join(datatest.Put(t, "a.wav", datatest.WAV(t, 8000, 60, 0)), "a.wav"), "-frame", "3", "-streams", "2"},
		"image":     {filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy")},
		"pixels":    {filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy"), "-pixels", "draw"},
		"strokes":   {datatest.Strokes(t)},
		"text":      {write(t, "a.txt", long(page)), "-streams", "2"},
		"series":    {write(t, "a.csv", long("1,2\n3,5\n"))},
		"bits":      {write(t, "a.csv", long("1,0\n0,1\n"))},
	} {
		accepted := map[string]bool{}
		for _, m := range allModels {
			for _, l := range allLikelihoods {
				for _, teacher := range []bool{false, true} {
					more := []string{"-model", m, "-likelihood", l, "-hidden", "3", "-latent", "2", "-epochs", "1", "-seed", "4"}
					if m == model.ModelRNN {
						more = slices.Delete(more, 6, 8)
					}
					if teacher {
						if m != model.ModelVRAE {
							continue
						}
						more = append(more, "-teacher")
					}
					dir := t.TempDir()
					tr, err := prepare(dir, args[0], append(args[1:], more...)...)
					var refused usageError
					switch {
					case errors.As(err, &refused):
						continue
					case err != nil:
						t.Fatalf("%s %v: %v", kind, more, err)
					}
					accepted[m], accepted[l] = true, true
					trained++
					checkTrained(t, fmt.Sprint(kind, more), tr)
				}
			}
			if kind != "text" && !accepted[m] || kind == "text" && accepted[m] != slices.Contains(sequenceModels, m) {
				t.Errorf("%s: %s, trained %t", kind, m, accepted[m])
			}
		}
		if !accepted[mustLoad(t, args).Suits.Likelihood] {
			t.Errorf("%s: its own likelihood was refused to all models", kind)
		}
	}
	t.Logf("%d combinations trained", trained)
	if trained < 150 {
		t.Errorf("%d combinations were trained, want most of them", trained)
	}
}

// mustLoad loads data, given as the path and the flags.
func mustLoad(t *testing.T, args []string) *dataset.Data {
	t.Helper()
	flags := newCall(command{}, nil, io.Discard)
	var data dataFlags
	data.flags(flags)
	if err := flags.Parse(append([]string{"-data"}, args...)); err != nil {
		t.Fatal(err)
	}
	d, err := data.open(nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// checkTrained trains, reads back what was stored, and draws from it.
func checkTrained(t *testing.T, name string, tr *model.Trainer) {
	t.Helper()
	path := filepath.Join(tr.Dir, model.BestFile)
	tr.Dir = "" // to write files takes longer than to train
	if err := tr.Run(t.Context()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := model.Save(path, tr.Model, tr.Data); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	m, _, err := model.Load(path)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got, want := model.Evaluate(m, tr.Data.Valid, tr.Config.Eval()), tr.History()[0].Valid; got != want {
		t.Errorf("%s: what was stored scores %+v, while training %+v", name, got, want)
	}
	if s := model.Evaluate(m, tr.Data.Test, model.EvalConfig{Batch: 4, Samples: 3}); math.IsNaN(s.NLLPerStep) || math.IsInf(s.NLLPerStep, 0) {
		t.Errorf("%s: test %+v", name, s)
	}
	for _, mean := range []bool{false, true} {
		for _, v := range model.Sample(m, model.Draw{Count: 2, Steps: 3, Seed: 1, Mean: mean}) {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%s: drew %v", name, v)
			}
		}
	}
}

// TestNothingIgnored: a flag changes what a training ends with, or it is refused.
func TestNothingIgnored(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many models, to see that settings arrive; the machine makes no difference")
	}
	blastest.UseGo(t)
	data := write(t, "tiny.json", `{"train": [[[60,64],[62],[64,67],[60],[62]],[[60],[],[60,72]],[[55,60],[55,62],[55,64],[55,60]],[[60,61],[63]],[[70],[71]]],
"valid": [[[60,64],[62],[60]]], "test": [[[62,65],[64],[62]],[[60]]]}`)
	for _, m := range allModels {
		// end returns the parameters after three epochs, ends those of a base, which many flags share.
		type ending struct {
			params string
			err    error
		}
		ends := map[string]ending{}
		end := func(args ...string) (string, error) {
			tr, err := prepare(t.TempDir(), data, append([]string{"-model", m, "-hidden", "3", "-epochs", "3", "-batch", "2"}, args...)...)
			if err != nil {
				return "", err
			}
			tr.Dir = "" // to write files takes longer than to train
			if err := tr.Run(t.Context()); err != nil {
				t.Fatalf("%s %v: %v", m, args, err)
			}
			var s strings.Builder
			for _, p := range tr.Scored().Tensors() {
				fmt.Fprintln(&s, p.Shape, p.Data)
			}
			return s.String(), nil
		}
		for _, c := range []struct{ base, flags, models string }{ // models that take the flags
			{"", "-cell gru", "rnn vrnn vrnn-i storn vrae"},
			{"", "-latent 2", "vrnn vrnn-i storn vae vrae"},
			{"", "-depth 2", "rnn vrnn vrnn-i storn vae"},
			{"", "-layers 2", "rnn vrnn vrnn-i storn"},
			{"-layers 2", "-dropout 0.5", "rnn vrnn vrnn-i storn"},
			{"", "-dropout 0.5", ""},
			{"", "-dropout-input 0.5", "rnn vrnn vrnn-i storn"},
			{"", "-dropout-heads 0.5", "rnn vrnn vrnn-i storn"},
			{"-likelihood gmm", "-components 3", "rnn vrnn vrnn-i storn"},
			{"", "-components 3", ""},
			{"", "-lr 0.1", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-lr-warmup 5", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-lr-schedule step -lr-step-size 1", "rnn vrnn vrnn-i storn vae vrae"},
			{"-lr-schedule step -lr-step-size 1", "-lr-gamma 0.5", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-lr-schedule cosine", "rnn vrnn vrnn-i storn vae vrae"},
			{"-lr-schedule cosine", "-lr-t-max 7", "rnn vrnn vrnn-i storn vae vrae"},
			{"-lr-schedule cosine", "-lr-min 1e-4", "rnn vrnn vrnn-i storn vae vrae"},
			{"-epochs 5", "-lr-schedule plateau -lr-patience 1 -lr-threshold 1", "rnn vrnn vrnn-i storn vae vrae"},
			{"-epochs 7 -lr-schedule plateau -lr-patience 1 -lr-threshold 1", "-lr-cooldown 2", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-lr-schedule step", ""},
			{"", "-lr-t-max 7", ""},
			{"-lr-schedule cosine", "-lr-t-max 2", ""},
			{"-lr-schedule cosine", "-lr-gamma 0.5", ""},
			{"-lr-schedule plateau", "-patience 9", ""},
			{"", "-clip 0.01", "rnn vrnn vrnn-i storn vae vrae"},
			{"-likelihood nade", "-units 5", "rnn vrnn vrnn-i storn"},
			{"-likelihood rbm", "-units 5", "rnn"},
			{"-likelihood rbm", "-gibbs 2", "rnn"},
			{"-likelihood rbm", "-gibbs 0", ""},
			{"-likelihood nade", "-gibbs 2", ""},
			{"", "-gibbs 2", ""},
			{"", "-activation relu", "vae"},
			{"-likelihood gauss", "-means unit", "vae"},
			{"", "-means unit", ""},
			{"", "-scale logvar", "vae"},
			{"", "-method wake-sleep", "vae"},
			{"", "-method score", "vae"},
			{"", "-method score-baseline", "vae"},
			{"-method score", "-samples 3", "vae"},
			{"-method score", "-sampled", "vae"},
			{"-method score", "-kl-warmup 2", "vae"},
			{"-method score", "-importance", ""},
			{"-method wake-sleep", "-samples 3", "vae"},
			{"-method wake-sleep", "-sampled", ""},
			{"-method wake-sleep", "-kl-weight 0.5", ""},
			{"-method wake-sleep", "-kl-warmup 2", ""},
			{"-method wake-sleep", "-free-bits 5", ""},
			{"", "-weight-decay 50", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-weight-posterior", "rnn vrnn vrnn-i storn vae vrae"},
			{"-weight-posterior", "-weight-decay 1", ""},
			{"", "-optimizer adamw", "rnn vrnn vrnn-i storn vae vrae"},
			{"-optimizer adamw", "-weight-decay 1", "rnn vrnn vrnn-i storn vae vrae"},
			{"-optimizer adamw", "-weight-decay 0", ""},
			{"", "-optimizer sgd", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-optimizer adagrad", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-ema-decay 0.9", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-ema-decay 1", ""},
			{"", "-transpose 2", "rnn vrnn vrnn-i storn vae vrae"},
			{"-transpose 2", "-transpose-prob 1", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-transpose-prob 1", ""},
			{"", "-reshuffle", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-reverse", "vrae"},
			{"", "-teacher", "vrae"},
			{"", "-kl-weight 0.5", "vrnn vrnn-i storn vae vrae"},
			{"", "-kl-warmup 2", "vrnn vrnn-i storn vae vrae"},
			{"", "-free-bits 5", "vrnn vrnn-i storn vae vrae"},
			{"", "-samples 3", "vrnn vrnn-i storn vae vrae"},
			{"", "-sampled", "vrnn vrnn-i storn vae vrae"},
			{"-samples 3", "-importance", "vrnn vrnn-i storn vae vrae"},
			{"-sampled", "-free-bits 5", ""},
			{"", "-truncate 2", "rnn vrnn vrnn-i storn"},
			{"-truncate 2", "-reset-every 1", "rnn vrnn vrnn-i storn"},
			{"-sampled", "-truncate 2", "rnn vrnn vrnn-i storn"},
			{"-samples 3", "-truncate 2", "rnn vrnn vrnn-i storn"},
			{"", "-reset-every 1", ""},
			{"", "-window 2", "rnn vrnn vrnn-i storn vae vrae"},
			{"-window 3", "-hop 3", "rnn vrnn vrnn-i storn vae vrae"},
			{"", "-hop 3", ""},
			{"", "-frame 9", ""},
			{"", "-levels 9", ""},
			{"", "-pixels draw", ""},
			{"", "-shuffle", ""},
			{"", "-streams 9", ""},
		} {
			base, is := ends[c.base]
			if !is {
				base.params, base.err = end(strings.Fields(c.base)...)
				ends[c.base] = base
			}
			if base.err != nil {
				continue // the base is not for this model
			}
			with, err := end(strings.Fields(c.base + " " + c.flags)...)
			var refused usageError
			takes := slices.Contains(strings.Fields(c.models), m)
			switch {
			case err != nil && !errors.As(err, &refused):
				t.Errorf("%s %s %s: %v is not a mistake on the command line", m, c.base, c.flags, err)
			case err != nil && takes:
				t.Errorf("%s %s %s: %v", m, c.base, c.flags, err)
			case err == nil && !takes:
				t.Errorf("%s %s %s: was not refused", m, c.base, c.flags)
			case err == nil && with == base.params:
				t.Errorf("%s %s: %s was ignored", m, c.base, c.flags)
			}
		}
	}
}

// TestEveryCheckpoint: eval, sample and encode do what they can with a stored model of any
// kind, or say what it lacks.
func TestEveryCheckpoint(t *testing.T) {
	blastest.UseGo(t)
	path := write(t, "tiny.json", tinyJSON)
	d := mustLoad(t, []string{path})
	for _, c := range []model.Config{
		{Model: model.ModelRNN}, {Model: model.ModelVRNN}, {Model: model.ModelVRNNI}, {Model: model.ModelSTORN}, {Model: model.ModelVAE}, {Model: model.ModelVRAE},
		{Model: model.ModelRegression, Likelihood: model.Gauss, Given: 80},
		{Model: model.ModelClassifier, Labels: []string{"a", "b"}},
	} {
		c.Data, c.Hidden = d.Dim, 4
		m, err := model.New[float32](c)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, d.Stats())
		dir := t.TempDir()
		if err := model.Save(filepath.Join(dir, model.BestFile), m, d.Data); err != nil {
			t.Fatal(err)
		}
		for args, lacks := range map[string]string{
			"eval -data " + path:                                         "classifier",
			"eval -bf16 -data " + path:                                   "classifier vae regression",
			"eval -int8 -data " + path:                                   "classifier",
			"eval -samples 3 -data " + path:                              "classifier rnn regression",
			"sample -count 2 -steps 5 -out " + dir:                       "classifier",
			"encode -data " + path + " -out " + dir:                      "classifier regression rnn",
			"reconstruct -count 2 -data " + path + " -out " + dir:        "classifier regression rnn",
			"score -data " + path + " -out " + dir:                       "classifier",
			"continue -steps 5 -draws 2 -prime " + path + " -out " + dir: "classifier vae regression",
			"interpolate x y -data " + path + " -out " + dir:             "classifier vae regression rnn vrnn vrnn-i storn vrae",
		} {
			code, out, errOut := elbow(t.Context(), append(strings.Fields(args), "-model", dir)...)
			switch refused := slices.Contains(strings.Fields(lacks), c.Model); {
			case refused && (code == 0 || strings.Count(errOut, "\n") != 1):
				t.Errorf("%s of a %s: exit code %d, want an error: %s%s", args, c.Model, code, out, errOut)
			case !refused && (code != 0 || strings.Contains(out, "NaN")):
				t.Errorf("%s of a %s: exit code %d: %s%s", args, c.Model, code, out, errOut)
			}
		}
	}
}
