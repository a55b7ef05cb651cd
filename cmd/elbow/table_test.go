package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/model"
)

// TestTable stops the table of the chorales in the middle, goes on, and runs it again: what
// is done is kept, and the figures are those of a run that was never stopped.
func TestTable(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "tiny.json", tinyJSON)
	args := func(dir string, more ...string) []string {
		return append([]string{"table", "jsb", "-quick", "-data", data, "-out", dir, "-rows", "vrnn"}, more...)
	}
	whole, part := t.TempDir(), t.TempDir()
	out := mustRun(t, args(whole)...)
	for _, want := range []string{"VRNN ", "VRNN, 5 draws", "VRNN-I, 5 draws", "8.69 VRNN trained with the ELBO (VSMC-PRC, Table 1, read)", "28664"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	var want []result
	readJSON(t, filepath.Join(whole, tableFile), &want)
	if len(want) != 4 || want[0].Row != "VRNN" || want[1].Samples != 5 || want[0].Epochs != 2 || want[0].Valid == nil || want[1].Valid != nil ||
		want[1].Test >= want[0].Test || len(want[0].Published) != 2 || want[0].Exact {
		t.Errorf("%+v", want)
	}

	ctx := &countdown{Context: context.Background(), left: 2}
	code, out, _ := elbow(ctx, args(part)...)
	if code != 130 || !strings.Contains(out, "the same command goes on") {
		t.Fatalf("interrupted: exit code %d, printed %s", code, out)
	}
	mustRun(t, args(part)...)
	var got []result
	readJSON(t, filepath.Join(part, tableFile), &got)
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Test != want[i].Test || got[i].BestEpoch != want[i].BestEpoch {
			t.Errorf("%s: %v at epoch %d, want %v at %d", got[i].Row, got[i].Test, got[i].BestEpoch, want[i].Test, want[i].BestEpoch)
		}
	}

	stamp := func(name string) time.Time {
		info, err := os.Stat(filepath.Join(part, "vrnn-seed1", name))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	files := []string{summaryFile, model.BestFile, "bound-5.json"}
	var before []time.Time
	for _, f := range files {
		before = append(before, stamp(f))
	}
	out = mustRun(t, args(part, "-threads", "2")...)
	for i, f := range files {
		if !stamp(f).Equal(before[i]) {
			t.Errorf("%s was written again", f)
		}
	}
	if strings.Contains(out, "parameters, seed") {
		t.Errorf("a row that was done was trained again: %s", out)
	}
	// With other data it begins again, if that is what is wanted.
	other := write(t, "other.json", strings.Replace(tinyJSON, "72", "73", 1))
	again := []string{"table", "jsb", "-quick", "-data", other, "-out", part, "-rows", "vrnn-i"}
	if code, _, errOut := elbow(context.Background(), again...); code != 1 || !strings.Contains(errOut, "on other data") || !strings.Contains(errOut, "-force") {
		t.Errorf("other data over what is done: exit code %d, %s", code, errOut)
	}
	out = mustRun(t, append(again, "-force")...)
	if !strings.Contains(out, "parameters, seed 1") {
		t.Errorf("other data, but nothing was trained: %s", out)
	}
}

// TestTableKinds runs a row of the tables whose data can be made here.
func TestTableKinds(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range []struct {
		args []string
		want []string
		file string
	}{
		{[]string{"text", "-data", write(t, "a.txt", strings.Repeat(page, 8)), "-rows", "gru"}, []string{"five-gram, Kneser-Ney", "bits per character"}, "gru-seed1/sample.txt"},
		{[]string{"speech", "-data", datatest.Put(t, "train.txt", "a.wav", "valid.txt", "a.wav", "test.txt", "a.wav", "a.wav", datatest.WAV(t, 8000, 900, 5)), "-rows", "rnn-gauss"},
			[]string{"88.5 on Blizzard", "sample-5.wav waves.png of "}, "sample-5.wav"},
		{[]string{"strokes", "-data", datatest.Strokes(t), "-rows", "rnn-gmm", "-seeds", "2"}, []string{"1358 on IAM-OnDB", "seed 2"}, "rnn-gmm-seed2/strokes.png"},
		{[]string{"mnist", "-data", datatest.Put(t, "train-images-idx3-ubyte", datatest.IDX(12, true, false), "t10k-images-idx3-ubyte", datatest.IDX(5, true, false)), "-rows", "z=3"},
			[]string{"AEVB, z=3", "wake-sleep, z=3", "about -130"}, figure2File + ".png"},
		{[]string{"frey", "-data", filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy"), "-rows", "z=2"}, []string{"AEVB, z=2"}, "aevb-z2-seed1/images.png"},
		{[]string{"vrae", "-rows", "tanh"}, []string{"VRAE tanh RNN", "purity"}, "vrae-tanh-rnn-z2-seed1/" + walkFolder + "/sample-9.mid"},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			if testing.Short() && slices.Contains([]string{"speech", "mnist", "vrae"}, c.args[0]) {
				t.Skip("large models, which take long in plain Go")
			}
			dir := t.TempDir()
			out := mustRun(t, append(append([]string{"table"}, c.args...), "-quick", "-out", dir)...)
			for _, w := range c.want {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in %s", w, out)
				}
			}
			if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(c.file))); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", c.file, err)
			}
			var results []result
			readJSON(t, filepath.Join(dir, tableFile), &results)
			if len(results) == 0 || results[0].Params == 0 || results[0].Unit == "" {
				t.Errorf("%+v", results)
			}
		})
	}
}

// TestTableFolder: the folder of all data sets, that of one and the file in it mean the same.
func TestTableFolder(t *testing.T) {
	blastest.UseGo(t)
	all := datatest.Put(t, "jsb-chorales/jsb-chorales-quarter.json", tinyJSON)
	t.Setenv(dataEnv, "")
	want := ""
	for _, path := range []string{all, filepath.Join(all, "jsb-chorales"), filepath.Join(all, "jsb-chorales", "jsb-chorales-quarter.json")} {
		dir := t.TempDir()
		mustRun(t, "table", "jsb", "-quick", "-data", path, "-out", dir, "-rows", "LSTM")
		got := hashOf(t, filepath.Join(dir, "lstm-seed1", model.BestFile))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: other parameters", path)
		}
	}
	if out := mustRun(t, "table", "jsb", "-h"); !strings.Contains(strings.Join(strings.Fields(out), " "), "the data, or a folder with jsb-chorales/jsb-chorales-quarter.json in it") {
		t.Errorf("table jsb -h: %s", out)
	}
}

func TestTableErrors(t *testing.T) {
	t.Setenv(dataEnv, "")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "want the name of a table first"},
		{[]string{"-quick"}, 2, "want the name of a table first"},
		{[]string{"imagenet"}, 2, `unknown table "imagenet"`},
		{[]string{"jsb"}, 2, "ELBOW_DATA"},
		{[]string{"text"}, 2, "a file of plain text"},
		{[]string{"jsb", "-seeds", "0"}, 2, "for flag -seeds: want seeds"},
		{[]string{"jsb", "-rows", "transformer"}, 2, `-rows "transformer"`},
		{[]string{"nab", "-rows", "records"}, 2, "-rows: table nab is made as a whole"},
		{[]string{"nab", "-force"}, 2, "-force: table nab is made as a whole"},
		{[]string{"jsb", "more"}, 2, `unexpected argument "more"`},
		{[]string{"jsb", "-data", "/nonexistent.json"}, 1, "/nonexistent.json"},
		{[]string{"mnist", "-data", write(t, "x.txt", strings.Repeat(page, 8))}, 1, "x.txt: byte 0: magic number"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		args := append([]string{"table"}, c.args...)
		if len(c.args) > 0 && c.code == 1 {
			args = append(args, "-out", dir)
		}
		code, _, errOut := elbow(context.Background(), args...)
		if code != c.code || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, c.want) {
			t.Errorf("table %v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.want, errOut)
		}
	}
	if out := func() string { _, out, _ := elbow(context.Background(), "table", "-h"); return out }(); !strings.Contains(out, "mnist") {
		t.Errorf("table -h printed %q", out)
	}
}
