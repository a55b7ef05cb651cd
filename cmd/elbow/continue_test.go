package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/model"
	"github.com/elbow-go/elbow/sound"
)

// TestContinueTable: a forecast has a row for every step after those known, ordered quantiles, and the
// truth where that is held back, of which about as much as it says is within them.
func TestContinueTable(t *testing.T) {
	blastest.UseGo(t)
	dir, data := filepath.Join(t.TempDir(), "run"), write(t, "waves.csv", waves(400, nil))
	mustRun(t, "train", "-data", data, "-out", dir, "-model", "rnn", "-hidden", "16", "-epochs", "150", "-lr", "0.01")
	out := mustRun(t, "continue", "-model", dir, "-out", dir, "-prime", data, "-held", "60")
	rows := readCSV(t, filepath.Join(dir, "forecast.csv"))
	if got := strings.Join(rows[0], ","); got != "step,left mean,left 10%,left 50%,left 90%,left truth,right mean,right 10%,right 50%,right 90%,right truth" || len(rows) != 61 {
		t.Errorf("%d rows of %s", len(rows)-1, got)
	}
	raw := readCSV(t, data)
	within := 0
	for i, r := range rows[1:] {
		v := make([]float64, len(r))
		for j := range r {
			v[j], _ = strconv.ParseFloat(r[j], 64)
		}
		want := [2]float64{}
		for j := range want {
			want[j], _ = strconv.ParseFloat(raw[341+i][j], 64)
		}
		for j, q := range [][]float64{v[1:6], v[6:11]} {
			if d := q[4] - want[j]; d > 1e-5 || d < -1e-5 || !(q[1] <= q[2] && q[2] <= q[3]) || r[0] != strconv.Itoa(340+i) {
				t.Errorf("row %d: %v, want the truth %v", i, r, want)
			}
			if q[4] >= q[1] && q[4] <= q[3] {
				within++
			}
		}
	}
	share := strconv.FormatFloat(float64(within)/1.2, 'f', 1, 64)
	if !strings.Contains(out, share+" % of the 120 values") || within < 72 {
		t.Errorf("%d of 120 are within, printed is\n%s", within, out)
	}
	for _, name := range []string{"forecast.png", "forecast.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if out := mustRun(t, "continue", "-model", dir, "-out", dir, "-prime", data, "-steps", "330", "-draws", "2"); !strings.Contains(out, "may drift") {
		t.Errorf("no warning of 330 steps after a training of 320:\n%s", out)
	}
	for _, bad := range []struct {
		args []string
		want string
	}{
		{nil, "-prime"}, {[]string{"-prime", data, "-prompt", "a"}, "one of them"}, {[]string{"-prompt", "a"}, "for text"}, {[]string{"-prime", data, "-top-k", "3"}, "for text"},
		{[]string{"-prime", data, "-quantiles", "0.5,2"}, "-quantiles"}, {[]string{"-prime", data, "-held", "400"}, "leaves none"},
		{[]string{"-prime", "no such"}, "no sequence"}, {[]string{"-prime", data, "-steps", "0"}, "-steps 0"}, {[]string{"-prime", data, "-held", "5", "-steps", "6"}, "held"},
		{[]string{"-prime", data, "-temperature", "0"}, "-temperature"},
	} {
		if code, _, errOut := elbow(t.Context(), append([]string{"continue", "-model", dir, "-out", t.TempDir()}, bad.args...)...); code == 0 || !strings.Contains(errOut, bad.want) {
			t.Errorf("elbow continue %v: exit code %d, %q, want %q", bad.args, code, errOut, bad.want)
		}
	}
}

// TestContinueKinds: what goes on begins with what it goes on from.
func TestContinueKinds(t *testing.T) {
	blastest.UseGo(t)
	train := func(args ...string) string {
		dir := filepath.Join(t.TempDir(), "run")
		mustRun(t, append([]string{"train", "-out", dir, "-epochs", "1", "-hidden", "4"}, args...)...)
		return dir
	}
	for _, args := range [][]string{{"-batch", "64"}, {"-model", "storn", "-batch", "64"}, {"-model", "vrae", "-batch", "64", "-window", "16"}} {
		dir, out := train(args...), t.TempDir()
		mustRun(t, "continue", "-model", dir, "-out", out, "-prime", "Greensleeves", "-steps", "9", "-draws", "2")
		if got := strings.Join(list(t, out), " "); got != "continuation-1.mid continuation-2.mid continuation.png continuation.svg" {
			t.Errorf("%v: the folder holds %s", args, got)
		}
	}
	text := write(t, "a.txt", strings.Repeat(page, 8))
	dir := train("-data", text)
	runes := []rune(page)
	mustFail(t, []string{"without conditions"}, "continue", "-model", dir, "-out", dir, "-prompt", "a", "-given", "x=1")
	out := mustRun(t, "continue", "-model", dir, "-out", dir, "-prompt", string(runes[:7]), "-steps", "5", "-temperature", "0.8", "-top-k", "9", "-top-p", "0.9")
	raw, err := os.ReadFile(filepath.Join(dir, "continuation.txt"))
	if got := []rune(string(raw)); err != nil || !strings.HasPrefix(string(raw), string(runes[:7])) || len(got) != 13 || !strings.Contains(out, string(raw)) {
		t.Errorf("%v, the file holds %q, printed is %q", err, raw, out)
	}
	if out := mustRun(t, "continue", "-model", dir, "-out", dir, "-prompt", "\u4e00a", "-steps", "5"); !strings.Contains(out, "1 characters of the prompt") {
		t.Errorf("a character that is not known: %s", out)
	}
	folder := datatest.Waves(t)
	dir = train("-data", folder, "-frame", "5")
	all := mustLoad(t, []string{folder, "-frame", "5"}).All()
	name := all[0].Name
	mustRun(t, "continue", "-model", dir, "-out", dir, "-prime", strings.ToUpper(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))), "-steps", "3")
	read := func(path string) *sound.WAV {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := sound.ParseWAV(path, raw)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	before, after := read(name), read(filepath.Join(dir, "continuation.wav"))
	n := all[0].Steps(5) * 5
	a, b := make([]float64, n), make([]float64, n)
	before.Read(a, 0)
	after.Read(b, 0)
	if after.Len() != n+15 || !slices.EqualFunc(a, b, func(x, y float64) bool { return x-y < 2 && y-x < 2 }) {
		t.Errorf("%d samples, want %d and 15 more: %v, want %v", after.Len(), n, b[:8], a[:8])
	}
	mustRun(t, "continue", "-model", train("-data", datatest.Strokes(t)), "-out", t.TempDir(), "-prime", datatest.Strokes(t), "-steps", "3")
}

// TestMeant: a sequence is found by what a user would call it.
func TestMeant(t *testing.T) {
	var all []dataset.Piece
	for _, n := range []string{"a/Rain.wav@0", "a/Rain.wav@8", "a/raining.wav@0", "b/sun.wav@0", "x/f.npy[0]", "x/f.npy[1]", "t.csv: s1", "t.csv: s10@0"} {
		all = append(all, dataset.Piece{Sequence: model.Sequence{Name: n}})
	}
	for name, want := range map[string]int{"a/Rain.wav@8": 1, "a/Rain.wav": 0, "rain": 0, "RAINING": 2, "rain.wav": 0, "su": 3, "ra": -1, "rai": -1, "snow": -1, "f.npy[1]": 5, "F.npy[0]": 4, "Rain@8": 1, "rain.wav@8": 1, "b/sun.wav": 3, "s1": 6, "s10": 7, "t.csv: s10": 7, "1": -1} {
		if got := meant(all, name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}
