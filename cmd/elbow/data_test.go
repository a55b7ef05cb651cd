package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
	tables "github.com/elbow-go/elbow/internal/table"
	"github.com/elbow-go/elbow/model"
	"github.com/elbow-go/elbow/sound"
)

const page = "the quick brown fox jumps over the lazy dog\n"

// TestKinds trains a tiny model on every kind of data and draws from it.
func TestKinds(t *testing.T) {
	blastest.UseGo(t)
	long := strings.Repeat(page, 12)
	for _, c := range []struct {
		kind, path string
		args       []string
		parts      string // sequences per part
		want       string // in the output
		file       string // that sample writes
	}{
		{model.FormRoll, write(t, "a.json", tinyJSON), nil, "3 + 1 + 2", "bernoulli", "sample.mid"},
		{model.FormWave, datatest.Waves(t), []string{"-frame", "10"}, "2 + 1 + 1", "gauss", "sample.wav"},
		{model.FormWave, datatest.Waves(t), []string{"-frame", "10", "-levels", "256"}, "2 + 1 + 1", "logistic-mixture", "sample.wav"},
		{model.FormWave, filepath.Join(datatest.Put(t, "a.wav", datatest.WAV(t, 8000, 200, 0)), "a.wav"), []string{"-frame", "5", "-streams", "4"}, "4 + 1 + 1", "gauss", "sample.wav"},
		{model.FormImage, datatest.Put(t, "train-images-idx3-ubyte.gz", datatest.IDX(12, true, true), "train-labels-idx1-ubyte", datatest.IDX(12, false, false),
			"t10k-images-idx3-ubyte", datatest.IDX(5, true, false), "readme.md", ""), []string{"-model", "vrnn", "-pixels", "draw"}, "10 + 2 + 5", "bernoulli", "images.png"},
		{model.FormImage, filepath.Join(datatest.Put(t, "faces.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "faces.npy"), []string{"-model", "vrnn", "-shuffle"}, "16 + 2 + 2", "bernoulli", "images.png"},
		{model.FormStrokes, datatest.Strokes(t), []string{"-model", "rnn"}, "2 + 2 + 2", "3 points make", "strokes.png"},
		{model.FormText, filepath.Join(datatest.Put(t, "book", long), "book"), []string{"-streams", "3"}, "3 + 1 + 1", "five-gram", "sample.txt"},
		{model.FormSeries, filepath.Join(datatest.Put(t, "a.csv", "x,y\n"+strings.Repeat("1,2\n3,5\n", 10)), "a.csv"), nil, "1 + 1 + 1", "gauss", "sample.csv"},
		{model.FormSeries, filepath.Join(datatest.Put(t, "a.npy", datatest.NPY("<f4", "10, 2, 3", datatest.Ramp(60)...)), "a.npy"), nil, "8 + 1 + 1", "gauss", "sample.csv"},
		{model.FormSeries, filepath.Join(datatest.Put(t, "a.csv", strings.Repeat("1,0\n0,1\n", 10)), "a.csv"), nil, "1 + 1 + 1", "bernoulli", "sample.csv"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := append([]string{"train", "-data", c.path, "-out", dir, "-epochs", "2", "-hidden", "4"}, c.args...)
			out := mustRun(t, args...)
			if c.kind == model.FormStrokes {
				c.want = "1 points make no step"
			}
			for _, w := range []string{": " + c.parts + " sequences", c.want} {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in %s", w, out)
				}
			}
			// Without a flag of the data the checkpoint knows all.
			var sum summary
			readJSON(t, filepath.Join(dir, summaryFile), &sum)
			for _, more := range [][]string{nil, {"-data", c.path}} {
				var scores map[string]model.Score
				out := mustRun(t, append([]string{"eval", "-model", dir, "-json"}, more...)...)
				if err := json.Unmarshal([]byte(out), &scores); err != nil {
					t.Fatal(err)
				}
				if scores["test"] != sum.Test || scores["valid"] != sum.Valid {
					t.Errorf("eval %v: test %+v, training %+v", more, scores["test"], sum.Test)
				}
			}
			samples := t.TempDir()
			mustRun(t, "sample", "-model", dir, "-out", samples, "-steps", "12")
			path := filepath.Join(samples, c.file)
			for _, p := range []string{path, filepath.Join(dir, c.file)} {
				if info, err := os.Stat(p); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", p, err)
				}
			}
			readSample(t, path, c.kind)
		})
	}
}

// TestResumeData stops trainings on data that flags have shaped; the command line that is
// printed then goes on with them.
func TestResumeData(t *testing.T) {
	blastest.UseGo(t)
	for _, data := range [][]string{
		{"-data", datatest.Waves(t), "-kind", "wave", "-frame", "10", "-levels", "16"},
		{"-data", write(t, "a.txt", strings.Repeat(page, 9)), "-streams", "2"},
		{"-data", filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy"), "-shuffle", "-pixels", "draw"},
	} {
		dir := t.TempDir()
		args := append([]string{"train", "-out", dir, "-epochs", "3", "-hidden", "4"}, data...)
		code, out, errOut := elbow(&countdown{Context: context.Background(), left: 2}, args...)
		_, again, ok := strings.Cut(out, "go on with: elbow ")
		if code != 130 || !ok {
			t.Errorf("%v: exit code %d: %s%s", data, code, out, errOut)
			continue
		}
		mustRun(t, strings.Fields(again)...)
	}
}

// readSample reads what sample has written with the reader of its format.
func readSample(t *testing.T, path, kind string) {
	t.Helper()
	b := new(infile.Budget)
	switch kind {
	case model.FormWave:
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := sound.ParseWAV(path, raw); err != nil || s.Rate != 8000 || s.Len()%12 != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	case model.FormSeries:
		if s, err := tables.Scan(path, b, nil); err != nil || len(s.Sequences) != 1 || len(s.Columns) < 2 {
			t.Errorf("%+v, %v", s, err)
		}
	case model.FormText:
		raw, err := os.ReadFile(path)
		if err != nil || len([]rune(string(raw))) != 13 || strings.ContainsAny(string(raw), "ABC0") {
			t.Errorf("%q, %v", raw, err)
		}
	case model.FormImage, model.FormStrokes:
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, kind, err := image.Decode(f); kind != "png" {
			t.Error(kind, err)
		}
	}
}

// TestStrict: with -strict, what would be left out is refused with file, line and reason by train
// and by eval; clean data, and flags that agree with the model's, are taken.
func TestStrict(t *testing.T) {
	blastest.UseGo(t)
	clean := strings.Repeat("X:1\nK:C\nCDEF GABc|\n\n", 12)
	good, bad := write(t, "a.abc", clean), write(t, "a.abc", clean+"X:13\nL:x\nK:C\nCC|\n")
	reason := bad + `: tune 13, line 50, column 3: unit length "x", want for example 1/8`
	small := []string{"-epochs", "1", "-hidden", "4"}
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, append([]string{"train", "-strict", "-data", good, "-out", dir}, small...)...)
	mustRun(t, "eval", "-strict", "-model", dir)
	mustRun(t, "eval", "-strict", "-grid", "2", "-kind", model.FormRoll, "-model", dir, "-data", good)
	for _, args := range [][]string{
		append([]string{"train", "-data", bad, "-out", filepath.Join(t.TempDir(), "run")}, small...),
		{"eval", "-data", bad, "-model", dir},
	} {
		if out := mustRun(t, args...); !strings.Contains(out, "left out: "+reason) {
			t.Errorf("elbow %v printed no %q:\n%s", args, reason, out)
		}
		args = append(args, "-strict")
		if args[0] == "train" {
			args[4] = filepath.Join(t.TempDir(), "strict")
		}
		code, _, errOut := elbow(context.Background(), args...)
		if want := "elbow " + args[0] + ": " + reason + "\n"; code != 1 || errOut != want {
			t.Errorf("elbow %v: exit code %d: %s, want 1: %s", args, code, errOut, want)
		}
	}
}

// TestBadData: what cannot be read gives one line that names the file and the place.
func TestBadData(t *testing.T) {
	in := func(name, content string) string { return filepath.Join(datatest.Put(t, name, content), name) }
	three := []string{"train.txt", "a.wav", "valid.txt", "a.wav", "test.txt", "a.wav"}
	for _, c := range []struct {
		path  string
		flags []string
		code  int
		want  string
	}{
		{in("a.xyz", "\x00\x01"), nil, 1, "a.xyz: cannot tell"},
		{in("a.xyz", ""), nil, 1, "a.xyz: cannot tell"},
		{datatest.Put(t, "a.xyz", "text"), nil, 1, "no file in it tells"},
		{in("a.wav", "RIFF"), nil, 1, "a.wav: byte 0"},
		{in("a.wav", datatest.WAV(t, 8000, 500, 0)), nil, 1, "too few to be split"},
		{datatest.Put(t, append(three, "a.wav", datatest.WAV(t, 8000, 500, 0), "b.wav", "")...), []string{"-frame", "501"}, 1, "fill no frame of 501"},
		{datatest.Put(t, append(three, "b.wav", "")...), nil, 1, `train.txt: line 1: no recording "a.wav"`},
		{datatest.Put(t, append(three[:2:2], "a.wav", datatest.WAV(t, 8000, 500, 0))...), nil, 1, "test.txt"},
		{datatest.Put(t, "train.txt", "a.wav", "valid.txt", "b.wav", "test.txt", "a.wav", "a.wav", datatest.WAV(t, 8000, 500, 0), "b.wav", datatest.WAV(t, 16000, 500, 0)), nil, 1, "b.wav: 16000 samples per second"},
		{in("a-idx3-ubyte.gz", datatest.IDX(20, true, true)[:40]), []string{"-kind", "image"}, 1, "a-idx3-ubyte.gz: gzip"},
		{in("a.idx", datatest.IDX(9, true, false)), nil, 1, "9 images are too few"},
		{in("a.idx", datatest.IDX(20, false, false)), nil, 1, "shape [20]"},
		{in("a.npy", datatest.NPY("<f4", "20, 1, 2", datatest.Ramp(40)...)), []string{"-kind", "image"}, 1, "want bytes"},
		{datatest.Put(t, "train-idx3", datatest.IDX(12, true, false), "train2-idx3", datatest.IDX(12, true, false)), nil, 1, "want one file of images with train in its name"},
		{datatest.Put(t, "train-idx3", datatest.IDX(12, true, false), "test-idx3", datatest.IDX(12, true, false), "train-idx1", datatest.IDX(11, false, false)), nil, 1, "train-idx1: 11 labels for the 12 images"},
		{datatest.Strokes(t), []string{"-kind", "image"}, 1, "files of images"},
		{datatest.Put(t, "train_points.npy", ""), nil, 1, "train_points.npy: byte 0"},
		{in("a.txt", "short"), nil, 1, "a.txt: 5 characters"},
		{in("a.txt", strings.Repeat("a", 200)+"\xff"), nil, 1, "a.txt: byte 200: not UTF-8"},
		{in("a.csv", "1,2\n3\n"), nil, 1, "line 2"},
		{in("a.csv", strings.Repeat("1,2\n", 20)), []string{"-likelihood", "categorical"}, 2, "categorical"},
		{in("a.csv", strings.Repeat("1,2\n2,3\n", 20)), []string{"-likelihood", "bernoulli"}, 2, "bernoulli"},
		{in("a.csv", ""), []string{"-kind", "table"}, 2, `unknown kind of data "table"`},
		{in("a.csv", ""), []string{"-pixels", "grey"}, 2, `unknown pixels "grey"`},
		{in("a.csv", ""), []string{"-frame", "0"}, 2, "-frame 0"},
		{in("a.csv", ""), []string{"-levels", "1"}, 2, "-levels 1"},
		{in("a.csv", ""), []string{"-streams", "0"}, 2, "-streams 0"},
		{in("a.csv", ""), []string{"-grid", "65"}, 2, "-grid 65"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		code, _, errOut := elbow(context.Background(), append([]string{"train", "-data", c.path, "-out", dir, "-hidden", "4"}, c.flags...)...)
		if code != c.code || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, c.want) {
			t.Errorf("%s %v: exit code %d, want %d with %q: %s", c.path, c.flags, code, c.code, c.want, errOut)
		}
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			t.Errorf("%s: %v was left behind", c.path, entries[0].Name())
		}
	}
}

// TestUnits: the nats of tables are said to be of standardised values and given in the units of the data, which
// they follow.
func TestUnits(t *testing.T) {
	blastest.UseGo(t)
	figures := func(scale float64) (test, units float64) {
		var rows strings.Builder
		for i := range 200 {
			fmt.Fprintf(&rows, "%v,%v\n", scale*math.Sin(float64(i)), math.Cos(2*float64(i)))
		}
		data, dir := write(t, "x.csv", rows.String()), filepath.Join(t.TempDir(), "run")
		out := mustRun(t, "train", "-data", data, "-model", "rnn", "-hidden", "4", "-epochs", "1", "-out", dir)
		var sum summary
		readJSON(t, filepath.Join(dir, summaryFile), &sum)
		info, err := model.ReadInfo(filepath.Join(dir, model.BestFile))
		if err != nil {
			t.Fatal(err)
		}
		more := math.Log(info.Form.Scale[0]) + math.Log(info.Form.Scale[1])
		units = sum.Test.NLLPerStep + more
		want := fmt.Sprintf("of standardised values; %.4f nats per step in the units of the data", units)
		if !strings.Contains(out, "nats per step of standardised values, lower is better") || !strings.Contains(out, want) {
			t.Errorf("train, want %q: %s", want, out)
		}
		if out := mustRun(t, "eval", "-model", dir); !strings.Contains(out, want) {
			t.Errorf("eval, want %q: %s", want, out)
		}
		if out := mustRun(t, "score", "-model", dir, "-out", dir); !strings.Contains(out, fmt.Sprintf("in the units of the data %.4f more", more)) {
			t.Errorf("score: %s", out)
		}
		return sum.Test.NLLPerStep, units
	}
	a, unitsA := figures(1)
	b, unitsB := figures(1024)
	if math.Abs(a-b) > 1e-3 || math.Abs(unitsB-unitsA-math.Log(1024)) > 1e-3 {
		t.Errorf("%v and %v, in units %v and %v", a, b, unitsA, unitsB)
	}
}

// TestLongTable: a long table is trained in segments unless told otherwise.
func TestLongTable(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "x.csv", strings.Repeat("1,2\n3,5\n2,2\n", 400))
	for _, c := range []struct {
		args     []string
		truncate int
	}{{nil, 100}, {[]string{"-truncate", "0"}, 0}, {[]string{"-model", "vrnn", "-importance", "-samples", "2"}, 0}} {
		dir := filepath.Join(t.TempDir(), "run")
		out := mustRun(t, append([]string{"train", "-data", data, "-model", "rnn", "-hidden", "2", "-epochs", "1", "-out", dir}, c.args...)...)
		info, err := model.ReadInfo(filepath.Join(dir, model.CheckpointFile))
		if err != nil || info.Training.Config.Truncate != c.truncate || info.Training.Config.Batch != 16 || strings.Contains(out, "an update every 100 steps") != (c.truncate > 0) {
			t.Errorf("%v: %+v, %v: %s", c.args, info.Training, err, out)
		}
	}
}

// TestMovedData: without -data a command takes the data of the training, and says where they were if they are gone.
func TestMovedData(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "x.csv", strings.Repeat("1,2\n3,5\n2,2\n", 40)), filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", data, "-hidden", "2", "-epochs", "1", "-out", dir)
	moved := filepath.Join(filepath.Dir(data), "moved.csv")
	commands := [][]string{{"eval", "-model", dir}, {"score", "-model", dir, "-out", dir}, {"encode", "-model", dir, "-out", dir}, {"reconstruct", "-model", dir, "-out", dir},
		{"train", "-resume", "-out", dir, "-epochs", "2"}}
	for _, args := range commands {
		if args[0] != "train" {
			mustRun(t, args...)
		}
	}
	if err := os.Rename(data, moved); err != nil {
		t.Fatal(err)
	}
	for _, args := range commands {
		mustFail(t, []string{"was trained on", "x.csv\", which is not there: say with -data where the data are"}, args...)
		mustRun(t, append(args, "-data", moved)...)
	}
}

// TestOneUpdate: where an epoch is one update of many steps, a training says so and what helps.
func TestOneUpdate(t *testing.T) {
	blastest.UseGo(t)
	var table strings.Builder
	for i := range 1400 {
		fmt.Fprintf(&table, "%d,%d\n", i*7%11, i*5%13)
	}
	args := []string{"train", "-data", write(t, "a.csv", table.String()), "-model", "vae", "-hidden", "2", "-latent", "1", "-epochs", "1", "-force", "-out", filepath.Join(t.TempDir(), "run")}
	const note = "note: one update an epoch, of all 1120 steps; -window"
	if out := mustRun(t, args...); !strings.Contains(out, note) {
		t.Errorf("no note in %s", out)
	}
	if out := mustRun(t, append(args, "-window", "20")...); strings.Contains(out, "one update an epoch") {
		t.Errorf("a note in %s", out)
	}
}
