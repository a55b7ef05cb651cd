package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/model"
)

func TestSeedList(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"5", "1..5"}, {"1", "1"}, {"1..5", "1..5"}, {"3,8,11", "3,8,11"}, {"8,1..3", "8,1..3"}, {"4..4", "4"},
		{"0", ""}, {"", ""}, {"5..1", ""}, {"1..", ""}, {"1,1", ""}, {"-3", ""}, {"1..2000", ""}, {"x", ""}, {"1,,2", ""},
	} {
		var l seedList
		if err := l.Set(c.text); (err != nil) != (c.want == "") || l.String() != c.want {
			t.Errorf("%q: %v, %v, want %s", c.text, l, err, c.want)
		}
	}
}

// TestSeeds: train -seeds trains as -seed does, goes on where it was stopped, and prints mean and deviation;
// compare shows what differs.
func TestSeeds(t *testing.T) {
	blastest.UseGo(t)
	data, dir, one := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "one")
	args := []string{"train", "-data", data, "-epochs", "2", "-hidden", "4", "-cell", "gru", "-out"}
	ctx := &countdown{Context: context.Background(), left: 2}
	if code, out, _ := elbow(ctx, append(args, dir, "-seeds", "2..4")...); code != codeInterrupted || !strings.Contains(out, sameCommand) {
		t.Fatalf("interrupted: exit code %d, printed %s", code, out)
	}
	out := mustRun(t, append(args, dir, "-seeds", "2..4")...)
	mustRun(t, append(args, one, "-seed", "3")...)
	if a, b := hashOf(t, filepath.Join(dir, "seed3", model.BestFile)), hashOf(t, filepath.Join(one, model.BestFile)); a != b {
		t.Error("other parameters than with -seed 3")
	}
	if a, b := hashOf(t, filepath.Join(dir, "seed3", configFile)), hashOf(t, filepath.Join(one, configFile)); a != b {
		t.Error("other settings than with -seed 3")
	}
	var all sweepResults
	readJSON(t, filepath.Join(dir, sweepFile), &all)
	sum, squares := 0.0, 0.0
	for i, row := range all.Runs {
		if row.Seed != uint64(i+2) {
			t.Errorf("seed %d, want %d", row.Seed, i+2)
		}
		sum += row.Test
		squares += row.Test * row.Test
	}
	if d := math.Sqrt((squares - sum*sum/3) / 2); len(all.Runs) != 3 || len(all.Means) != 1 || math.Abs(all.Means[0].Test.Mean-sum/3) > 1e-9 || math.Abs(all.Means[0].Test.Deviation-d) > 1e-6 ||
		!strings.Contains(out, "\nseeds: 3; ") || !strings.Contains(out, all.Means[0].Test.String()) {
		t.Errorf("%+v, deviation %v: %s", all, d, out)
	}
	before, err := os.Stat(filepath.Join(dir, "seed2", model.BestFile))
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, append(args, dir, "-seeds", "2,5")...)
	if after, err := os.Stat(filepath.Join(dir, "seed2", model.BestFile)); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("trained again: %v", err)
	}
	if out := mustRun(t, append(args, dir, "-seeds", "2..2")...); strings.Contains(out, "seeds: ") || strings.Contains(out, "deviation") {
		t.Errorf("of one seed: %s", out)
	}
	for _, more := range [][]string{{"-seeds", "1..2", "-seed", "1"}, {"-seeds", "1..2", "-resume"}} {
		if code, _, errOut := elbow(context.Background(), append(append(args, dir), more...)...); code != codeUsage || !strings.Contains(errOut, "-seeds: ") {
			t.Errorf("%v: exit code %d: %s", more, code, errOut)
		}
	}

	other := filepath.Join(t.TempDir(), "other")
	mustRun(t, "train", "-data", data, "-epochs", "2", "-hidden", "4", "-model", "rnn", "-lr-schedule", "step", "-lr-step-size", "1", "-seed", "3", "-out", other)
	out = mustRun(t, "compare", one, other, filepath.Join(dir, "seed2"))
	for _, want := range []string{"model ", "cell ", "seed ", "schedule.step_size ", "\nvalid ", "gru ", " vrnn ", "~"} {
		if !strings.Contains(out, want) {
			t.Errorf("compare printed no %q: %s", want, out)
		}
	}
	if strings.Contains(out, "\nhidden") || strings.Contains(out, "\ndata ") || strings.Contains(out, "threads") {
		t.Errorf("compare printed what is the same: %s", out)
	}
	if out := mustRun(t, "compare", one, other, dir); !strings.Contains(out, "\n"+filepath.Join(dir, "seed4")+" ") || strings.Count(out, "\n") != 8 {
		t.Errorf("compare of six runs printed no line for each: %s", out)
	}
	var compared struct {
		Settings []differing
		Runs     []runFigures
	}
	if err := json.Unmarshal([]byte(mustRun(t, "compare", one, dir, "-json")), &compared); err != nil || len(compared.Runs) != 5 || len(compared.Settings) != 1 || compared.Settings[0].Name != "seed" {
		t.Errorf("%+v, %v", compared, err)
	}
	mustFail(t, []string{"no folder of a training"}, "compare", one, t.TempDir())
	if code, _, _ := elbow(context.Background(), "compare", one); code != codeUsage {
		t.Errorf("one run: exit code %d", code)
	}
}

// TestTableSeeds: a table of several seeds ends with their means.
func TestTableSeeds(t *testing.T) {
	blastest.UseGo(t)
	out := mustRun(t, "table", "jsb", "-quick", "-data", write(t, "tiny.json", tinyJSON), "-out", t.TempDir(), "-rows", "LSTM", "-seeds", "3,5")
	if !strings.Contains(out, "LSTM                         mean ") || !strings.Contains(out, "of 2 seeds") {
		t.Errorf("printed %s", out)
	}
	r := &tableRun{experiment: experiment{seeds: seedList{3, 5}}, results: []result{{Row: "a", Test: 1}, {Row: "VAR", Test: 7}, {Row: "a", Test: 3}}}
	if m := r.means(); len(m) != 1 || m[0] != (rowMean{"a", 0, 2, 2, math.Sqrt2}) {
		t.Errorf("%+v, want one mean, of the row of two seeds", m)
	}
}
