package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// tinyJSON is a data set small enough to train on in a test.
const tinyJSON = `{"train": [[[60,64],[62],[64,67]],[[60],[],[60,72]],[[55,60],[55,62],[55,64],[55,60]]],
"valid": [[[60,64],[62],[60]]], "test": [[[62,65],[64],[62]],[[60]]]}`

// elbow runs a command line and returns the exit code and what it printed.
func elbow(ctx context.Context, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(ctx, args, &o, &e)
	return code, o.String(), e.String()
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errOut := elbow(context.Background(), args...)
	if code != 0 {
		t.Fatalf("elbow %v: exit code %d: %s", args, code, errOut)
	}
	return out
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTrainEvalSample(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "tiny.json", tinyJSON)
	dir := filepath.Join(t.TempDir(), "run")
	out := mustRun(t, "train", "-data", data, "-out", dir, "-epochs", "3", "-hidden", "8", "-batch", "2", "-kl-warmup", "2", "-seed", "5", "-v")
	for _, want := range []string{"vrnn, lstm 8, bernoulli, latent 8", "epoch   3", "test  bound"} {
		if !strings.Contains(out, want) {
			t.Errorf("train printed no %q:\n%s", want, out)
		}
	}
	for _, name := range []string{model.CheckpointFile, model.BestFile, metricsFile, summaryFile, "sample.mid",
		curvesFile + ".png", curvesFile + ".svg", "rolls.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}

	var sum map[string]any
	readJSON(t, filepath.Join(dir, summaryFile), &sum)
	for _, key := range []string{"model", "likelihood", "params", "seed", "epochs", "seconds", "isa", "blas", "threads", "valid", "test"} {
		if _, ok := sum[key]; !ok {
			t.Errorf("summary.json has no key %q", key)
		}
	}
	for _, split := range []string{"valid", "test"} {
		score, _ := sum[split].(map[string]any)
		for _, key := range []string{"nll_per_step", "nll_per_seq", "recon_per_step", "kl_per_step", "exact", "steps", "sequences"} {
			if _, ok := score[key]; !ok {
				t.Errorf("summary.json: %s has no key %q", split, key)
			}
		}
	}

	raw, err := os.ReadFile(filepath.Join(dir, metricsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 3 {
		t.Errorf("metrics.jsonl has %d lines, want one per epoch", len(lines))
	}
	for _, l := range lines {
		var e model.Epoch
		if err := json.Unmarshal([]byte(l), &e); err != nil || e.Valid.Steps != 3 {
			t.Errorf("metrics.jsonl: %v in %s", err, l)
		}
	}

	// eval finds the same test figure, from the folder and from the file.
	var scores map[string]model.Score
	for _, from := range []string{dir, filepath.Join(dir, model.BestFile)} {
		out = mustRun(t, "eval", "-data", data, "-model", from, "-seed", "5", "-json")
		if err := json.Unmarshal([]byte(out), &scores); err != nil {
			t.Fatal(err)
		}
		if want := sum["test"].(map[string]any)["nll_per_step"].(float64); scores["test"].NLLPerStep != want {
			t.Errorf("eval: test %v, summary.json %v", scores["test"].NLLPerStep, want)
		}
	}
	if out := mustRun(t, "eval", "-data", write(t, "other.json", strings.Replace(tinyJSON, "72", "73", 1)), "-model", dir); !strings.Contains(out, "trained on other data") {
		t.Errorf("eval on other data printed %s", out)
	}

	samples := t.TempDir()
	mustRun(t, "sample", "-model", dir, "-out", samples, "-steps", "20", "-seed", "3")
	if m, err := music.Open(filepath.Join(samples, "sample.mid"), 2, &infile.Budget{}); err != nil || len(m.All) != 1 || m.All[0].Steps() == 0 {
		t.Errorf("sample.mid: %+v, %v", m, err)
	}
}

// TestEvalBatch: eval takes the batch size of the training where none is given. With more draws
// than a pass takes, the order in which their scores are added depends on it.
func TestEvalBatch(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", write(t, "tiny.json", tinyJSON), "-out", dir, "-epochs", "1", "-hidden", "4", "-importance", "-samples", "300", "-batch", "200")
	var sum summary
	readJSON(t, filepath.Join(dir, summaryFile), &sum)
	eval := func(args ...string) (scores map[string]model.Score) {
		if err := json.Unmarshal([]byte(mustRun(t, append([]string{"eval", "-json", "-model", dir}, args...)...)), &scores); err != nil {
			t.Fatal(err)
		}
		return scores
	}
	if got := eval(); got["test"] != sum.Test || got["valid"] != sum.Valid {
		t.Errorf("test %+v, valid %+v; training %+v, %+v", got["test"], got["valid"], sum.Test, sum.Valid)
	}
	if got := eval("-batch", "16"); got["test"] == sum.Test && got["valid"] == sum.Valid {
		t.Error("a batch of 16 gives every digit of one of 200: the data do not show whether it is kept")
	} else if math.Abs(got["test"].NLLPerStep-sum.Test.NLLPerStep) > 1e-9 {
		t.Errorf("-batch 16: test %+v, training %+v", got["test"], sum.Test)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestInterrupt stops a training in the middle, goes on with -resume, and compares the
// parameters with those of one never stopped.
func TestInterrupt(t *testing.T) {
	blastest.UseGo(t)
	t.Run("sorted", func(t *testing.T) { testInterrupt(t, "-batch", "1") })
	t.Run("mixed", func(t *testing.T) { testInterrupt(t, "-reshuffle", "-batch", "2") })
}

func testInterrupt(t *testing.T, flags ...string) {
	data := write(t, "tiny.json", tinyJSON)
	args := func(dir string, more ...string) []string {
		return append(append([]string{"train", "-data", data, "-out", dir, "-epochs", "6", "-hidden", "6"}, flags...), more...)
	}
	whole, part := t.TempDir(), t.TempDir()
	mustRun(t, args(whole)...)
	ctx := &countdown{Context: context.Background(), left: 7}
	code, out, _ := elbow(ctx, args(part)...)
	if code != 130 || !strings.Contains(out, "go on with: elbow train -resume -out "+part) {
		t.Fatalf("interrupted: exit code %d, printed %s", code, out)
	}
	if _, _, err := model.Load(filepath.Join(part, model.CheckpointFile)); err != nil {
		t.Errorf("the checkpoint does not load: %v", err)
	}
	if code, _, errOut := elbow(context.Background(), args(part)...); code != 1 || !strings.Contains(errOut, "has not ended") {
		t.Errorf("a new training over one that has not ended: exit code %d, %s", code, errOut)
	}
	if code, _, errOut := elbow(context.Background(), "train", "-data", data, "-out", part, "-resume", "-hidden", "7"); code != 2 || !strings.Contains(errOut, "-hidden cannot be given with -resume") {
		t.Errorf("-hidden with -resume: exit code %d, %s", code, errOut)
	}
	mustRun(t, "train", "-data", data, "-out", part, "-resume", "-threads", "2")
	a, err := os.ReadFile(filepath.Join(whole, model.BestFile))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(part, model.BestFile))
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("best.safetensors differs from that of a training never stopped: %v", err)
	}
	// More epochs on top of a training that has ended.
	mustRun(t, "train", "-data", data, "-out", part, "-resume", "-epochs", "8")
	var sum summary
	readJSON(t, filepath.Join(part, summaryFile), &sum)
	if sum.Epochs != 8 {
		t.Errorf("after -resume -epochs 8: %d epochs", sum.Epochs)
	}
}

// countdown is a context that is cancelled when it was asked left times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		c.left = -1
		return context.Canceled
	}
	return nil
}

// TestBadInput: every damaged input gives one line that names the file and the place, exit
// code 1, and no file.
func TestBadInput(t *testing.T) {
	good := write(t, "good.json", tinyJSON)
	trained := t.TempDir()
	mustRun(t, "train", "-data", good, "-out", trained, "-epochs", "1", "-hidden", "4")
	best, err := os.ReadFile(filepath.Join(trained, model.BestFile))
	if err != nil {
		t.Fatal(err)
	}
	blocked := write(t, "file", "") // a file where a folder is needed
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no file", []string{"train", "-data", "/nonexistent.json"}, []string{"/nonexistent.json"}},
		{"empty", []string{"train", "-data", write(t, "empty.json", "")}, []string{"empty.json"}},
		{"truncated", []string{"train", "-data", write(t, "cut.json", tinyJSON[:60])}, []string{"cut.json", "train"}},
		{"out is a file", []string{"train", "-data", good, "-out", blocked}, []string{"file"}},
		{"no checkpoint", []string{"eval", "-model", "/nonexistent.safetensors"}, []string{"/nonexistent.safetensors"}},
		{"cut checkpoint", []string{"eval", "-data", good, "-model", write(t, "cut.safetensors", string(best[:len(best)/2]))}, []string{"cut.safetensors", "header"}},
		{"hostile header", []string{"sample", "-model", write(t, "bad.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}")}, []string{"bad.safetensors", "header"}},
		{"other shape", []string{"sample", "-model", write(t, "shape.safetensors", strings.Replace(string(best), `\"hidden\":4`, `\"hidden\":6`, 1))}, []string{"shape.safetensors", "prior.0.w"}},
		{"nothing to resume", []string{"train", "-data", good, "-resume", "-out", t.TempDir()}, []string{model.CheckpointFile}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			args := c.args
			if !strings.Contains(strings.Join(args, " "), "-out") && args[0] != "eval" {
				args = append(args, "-out", dir)
			}
			code, _, errOut := elbow(context.Background(), args...)
			if code != 1 || strings.Count(errOut, "\n") != 1 {
				t.Errorf("exit code %d, want 1 with one line: %q", code, errOut)
			}
			for _, w := range c.want {
				if !strings.Contains(errOut, w) {
					t.Errorf("no %q in %q", w, errOut)
				}
			}
			if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
				t.Errorf("%v was left behind", entries[0].Name())
			}
		})
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := elbow(context.Background(), "train", "-data", write(t, "tiny.json", tinyJSON), "-out", dir)
	if code != 1 || !strings.Contains(errOut, dir) || strings.Count(errOut, "\n") != 1 {
		t.Errorf("exit code %d: %q", code, errOut)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage: elbow COMMAND"},
		{[]string{"fly"}, 2, `unknown command "fly"`},
		{[]string{"train", "-flags"}, 2, "flag provided but not defined"},
		{[]string{"train", "more"}, 2, `unexpected argument "more" (`},
		{[]string{"eval", "run"}, 2, `unexpected argument "run": a trained model is named by -model (`},
		{[]string{"train", "-model", "gan"}, 2, `unknown model "gan", want one of rnn, vrnn, vrnn-i, storn, vrae, vae (`},
		{[]string{"train", "-model", "classifier"}, 2, "-model classifier: programs train it"},
		{[]string{"train", "-model", "rnn", "-preset", "vrae"}, 2, "-preset vrae: it is for vrae, not a rnn"},
		{[]string{"train", "-model", "vae", "-preset", "chung"}, 2, "-preset chung: it is for rnn, vrnn, vrnn-i, storn, not a vae"},
		{[]string{"train", "-model", "rnn", "-latent", "3"}, 2, "-latent: a rnn with bernoulli outputs has no use for it"},
		{[]string{"train", "-model", "vae", "-cell", "lstm"}, 2, "-cell: a vae with bernoulli outputs has no use for it"},
		{[]string{"train", "-units", "3"}, 2, "-units: a vrnn with bernoulli outputs has no use for it"},
		{[]string{"train", "-model", "vrae", "-dropout-input", "0.1"}, 2, "-dropout-input: a vrae"},
		{[]string{"train", "-model", "rnn", "-method", "score"}, 2, "-method: a rnn has no use for it"},
		{[]string{"train", "-model", "rnn", "-free-bits", "1"}, 2, "-free-bits: a rnn has no use for it"},
		{[]string{"train", "-cell", "elman"}, 2, `unknown kind "elman"`},
		{[]string{"train", "-hidden", "-3"}, 2, "hidden = -3"},
		{[]string{"train", "-batch", "0"}, 2, "batch = 0"},
		{[]string{"train", "-lr", "NaN"}, 2, "lr = NaN"},
		{[]string{"train", "-preset", "best"}, 2, `unknown preset "best"`},
		{[]string{"eval", "-batch", "0"}, 2, "-batch 0"},
		{[]string{"eval", "-threads", "5000"}, 2, "-threads 5000: want 1..4096"},
		{[]string{"encode", "-threads", "5000"}, 2, "-threads 5000: want 1..4096"},
		{[]string{"sample", "-steps", "-1"}, 2, "-steps -1"},
		{[]string{"sample", "-count", "0"}, 2, "-count 0: want 1.."},
		{[]string{"train", "-transpose", "2", "-transpose-prob", "0"}, 2, "-transpose-prob 0: want above 0"},
		{[]string{"train", "-lr-schedule", "plateau", "-lr-patience", "-1"}, 2, "for flag -lr-patience: want at least 0"},
		{[]string{"train", "-batch", "2000000"}, 2, "batch = 2000000, want 1..1048576"},
		{[]string{"train", "-free-bits", "-1"}, 2, "free_bits = -1, want at least 0"},
		{[]string{"interpolate", "x", "-between", "4"}, 2, "want two names"},
		{[]string{"interpolate", "x", "y", "-between", "-4"}, 2, "-between -4: want 0..1000"},
	} {
		code, _, errOut := elbow(context.Background(), c.args...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("elbow %v: exit code %d, want %d: %q, want %q", c.args, code, c.code, errOut, c.want)
		}
	}
	for _, args := range [][]string{{"help"}, {"train", "-h"}, {"doctor"}} {
		if args[0] == "doctor" && testing.Short() {
			continue // measures the machine for a second
		}
		if out := mustRun(t, args...); len(out) < 100 {
			t.Errorf("elbow %v printed %q", args, out)
		}
	}
}

// TestRefusedOrNoted: a flag that would have no effect is refused, and what is unlikely to be meant
// noted, each with the flag and the reason.
func TestRefusedOrNoted(t *testing.T) {
	data, dir := write(t, "tiny.json", tinyJSON), t.TempDir()
	base := []string{"train", "-data", data, "-model", "rnn", "-hidden", "3", "-epochs", "2", "-lr-schedule", "cosine"}
	if out := mustRun(t, append(base, "-out", dir)...); strings.Contains(out, "density") {
		t.Errorf("a note on a density: %s", out)
	}
	if out := mustRun(t, append(base, "-likelihood", "gauss", "-out", t.TempDir())...); !strings.Contains(out, "note: -likelihood gauss: the data are ones and zeros") {
		t.Errorf("no note on a density: %s", out)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"eval", "-data", data, "-model", dir, "-samples", "5"}, "-samples 5: a rnn has no latent variable"},
		{[]string{"train", "-data", data, "-resume", "-out", dir, "-epochs", "1"}, "-epochs 1: 2 are done"},
		{[]string{"train", "-data", data, "-resume", "-out", dir, "-epochs", "4"}, "-epochs 4: the learning rate of this training is 0 after 2, its -lr-t-max"},
	} {
		if code, _, errOut := elbow(context.Background(), c.args...); code != 2 || !strings.Contains(errOut, c.want) {
			t.Errorf("elbow %v: exit code %d: %q, want %q", c.args, code, errOut, c.want)
		}
	}
	mustRun(t, append(base, "-out", t.TempDir(), "-lr-min", "1e-4")...)
}

func TestPresetChung(t *testing.T) {
	for _, c := range []struct {
		args                      []string
		hidden, phiX, prior, deep int
		rate                      float64
	}{
		{[]string{"-preset", "chung"}, 4000, 500, 500, 4, 3e-4},
		{[]string{"-preset", "chung", "-likelihood", "gauss"}, 4000, 600, 500, 4, 3e-4},
		{[]string{"-preset", "chung", "-model", "rnn", "-likelihood", "gauss"}, 4000, 800, 0, 4, 3e-4},
		{[]string{"-preset", "chung", "-hidden", "64", "-depth", "2", "-lr", "0.01"}, 64, 64, 64, 2, 0.01},
	} {
		m, tr := parseSettings(t, c.args)
		if m.Hidden != c.hidden || m.PhiX != c.phiX || m.Prior != c.prior || m.Depth != c.deep || tr.Rate != c.rate {
			t.Errorf("%v: %+v, lr %v", c.args, m, tr.Rate)
		}
		if tr.ColumnClip != 1.9365 || tr.Beta1Decay != 1e-8 || !tr.DivideByBatch || tr.Clip != 5 || m.Init != model.InitUniform || tr.Truncate != 40 || tr.ResetEvery != 4 {
			t.Errorf("%v: %+v", c.args, tr)
		}
	}
}

func parseSettings(t *testing.T, args []string) (model.Config, model.TrainConfig) {
	t.Helper()
	fs := newCall(command{name: "train"}, nil, io.Discard)
	var s settings
	s.flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	m, tr, err := s.finish(fs.FlagSet, &dataset.Data{Data: &model.Data{Dim: 200}, Suits: dataset.Suits{Model: model.ModelVRNN, Likelihood: model.Bernoulli}})
	if err != nil {
		t.Fatal(err)
	}
	return m, tr
}
