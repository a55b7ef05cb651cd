package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/model"
)

// waves is a table of two columns that swing together.
func waves(rows int, change func(step int, a, b *float64)) string {
	var text strings.Builder
	text.WriteString("left,right\n")
	for t := range rows {
		noise := math.Sin(float64(t*t%97)) / 20
		a := 3*math.Sin(float64(t)/4) + noise
		b := 10 - 2*math.Cos(float64(t)/4) - noise
		if change != nil {
			change(t, &a, &b)
		}
		fmt.Fprintf(&text, "%.4f,%.4f\n", a, b)
	}
	return text.String()
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestScore: an anomaly put into a table is what score prints first; the scores are in the order of
// the rows, and those of the training are the usual ones.
func TestScore(t *testing.T) {
	blastest.UseGo(t)
	dir, data := filepath.Join(t.TempDir(), "run"), write(t, "waves.csv", waves(400, nil))
	mustRun(t, "train", "-data", data, "-out", dir, "-model", "rnn", "-hidden", "16", "-epochs", "150", "-lr", "0.01")
	odd := write(t, "odd.csv", waves(200, func(step int, a, b *float64) {
		if step == 77 {
			*a, *b = *a+1.5, *b+1.5
		}
	}))
	out := mustRun(t, "score", "-model", dir, "-data", odd, "-out", dir, "-top", "3", "-flag", "8")
	lines := strings.Split(out, "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "sequence") && strings.Contains(l, "nats  ") })
	if at < 0 || strings.Fields(lines[at+1])[2] != "77" || !strings.Contains(lines[at+1], "odd.csv") {
		t.Errorf("the anomaly at step 77 is not the first:\n%s", out)
	}
	rows := readCSV(t, filepath.Join(dir, "scores.csv"))
	if got := strings.Join(rows[0], " "); got != "part sequence step nll recon kl gain z flagged" || len(rows) != 201 {
		t.Errorf("%d rows of %s", len(rows)-1, got)
	}
	sum, flagged := 0.0, 0
	for i, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[3], 64)
		sum += v
		if err != nil || r[0] != "data" || r[1] != odd || r[2] != strconv.Itoa(i) || r[4] != r[3] || r[8] == "true" && i < 77 && i > 5 {
			t.Errorf("row %d: %v", i, r)
		}
		if r[8] == "true" {
			flagged++
		}
	}
	if rows[78][8] != "true" {
		t.Errorf("the anomaly is not flagged: %v", rows[78])
	}
	seq := readCSV(t, filepath.Join(dir, "scores-sequences.csv"))
	if v, err := strconv.ParseFloat(seq[1][4], 64); len(seq) != 2 || err != nil || math.Abs(v-sum) > 1e-9*math.Abs(sum) || seq[1][11] != strconv.Itoa(flagged) {
		t.Errorf("sequences %v, want the sum %v and %d flagged", seq, sum, flagged)
	}

	// Without -data it is the data of the training, in one piece, with the parts of the split.
	mustRun(t, "score", "-model", dir, "-out", dir, "-format", "jsonl")
	if _, err := os.Stat(filepath.Join(dir, "scores.csv")); err == nil {
		t.Error("scores.csv of other data is still there")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "scores.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var own []stepRow
	var train []float64
	for line := range strings.Lines(string(raw)) {
		var r stepRow
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if own = append(own, r); r.Part == "train" {
			train = append(train, r.NLL)
		}
	}
	if len(own) != 400 || own[319].Part != "train" || own[320].Part != "valid" || own[399].Part != "test" {
		t.Errorf("%d steps, %+v", len(own), own[len(own)-1])
	}
	usual := model.SpreadOf(slices.Values(train))
	if z := usual.Z(own[350].NLL); math.Abs(z-own[350].Z) > 1e-9 {
		t.Errorf("z %v, want %v of %+v", own[350].Z, z, usual)
	}

	// Only -against says otherwise.
	var got struct {
		Training struct{ Steps model.Spread }
		Top      []stepRow
	}
	if err := json.Unmarshal([]byte(mustRun(t, "score", "-model", dir, "-data", odd, "-out", dir, "-top", "1", "-json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Training.Steps != usual || len(got.Top) != 1 || got.Top[0].Step != 77 {
		t.Errorf("%+v, want the training %+v", got, usual)
	}
	if err := json.Unmarshal([]byte(mustRun(t, "score", "-model", dir, "-data", odd, "-out", dir, "-json", "-against", odd)), &got); err != nil || got.Training.Steps.N != 200 {
		t.Errorf("against 200 steps: %+v, %v", got.Training, err)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct {
		args []string
		want string
	}{
		{[]string{"-data", odd}, "-against"}, {[]string{"-flag", "NaN"}, "-flag"}, {[]string{"-format", "xml"}, "-format"}, {[]string{"-top", "-1"}, "-top"},
		{[]string{"-samples", "4"}, "no latent variable"}, {[]string{"-threads", "0"}, "-threads"},
	} {
		if code, _, errOut := elbow(t.Context(), append([]string{"score", "-model", dir, "-out", t.TempDir()}, bad.args...)...); code == 0 || !strings.Contains(errOut, bad.want) {
			t.Errorf("elbow score %v: exit code %d, %q, want %q", bad.args, code, errOut, bad.want)
		}
	}
}

// TestScoreKinds: every model scores the built-in tunes whole, and a vrae its windows.
func TestScoreKinds(t *testing.T) {
	if testing.Short() {
		t.Skip("all of the built-in tunes, three times, which takes long in plain Go")
	}
	blastest.UseGo(t)
	for _, c := range []struct {
		args  []string
		steps string
	}{
		{[]string{"-model", "storn"}, "22704 steps of 222 sequences"},
		{[]string{"-window", "16"}, "22704 steps of 222 sequences"},
		{[]string{"-model", "vrae", "-window", "16", "-hop", "16"}, "7488 steps of 468 sequences"},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		mustRun(t, append([]string{"train", "-out", dir, "-epochs", "1", "-hidden", "4", "-batch", "64"}, c.args...)...)
		if out := mustRun(t, "score", "-model", dir, "-out", dir, "-samples", "2"); !strings.Contains(out, c.steps) {
			t.Errorf("%v: want %q in\n%s", c.args, c.steps, out)
		}
	}
}

// TestStrangest: the highest score comes first, and what is no number before it.
func TestStrangest(t *testing.T) {
	rows := []stepRow{{NLL: 3}, {NLL: math.NaN(), Step: 1}, {NLL: 5}, {NLL: 3, Step: 2}}
	slices.SortStableFunc(rows, strangest)
	if rows[0].Step != 1 || rows[1].NLL != 5 || rows[2].Step != 0 || rows[3].Step != 2 {
		t.Errorf("in the order %v", rows)
	}
}
