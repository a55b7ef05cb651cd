package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// TestSweep: a run of a sweep is the training with its flags; what is finished stays, what was stopped goes on.
func TestSweep(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "tiny.json", tinyJSON)
	file := write(t, "small.toml", fmt.Sprintf(`
seeds = "2..3"
[train]
data = %q
epochs = 3
hidden = 4
[cross]
cell = ["lstm", "gru"]
[[run]]
model = "rnn"
[[run]]
name = "big"
model = "vrnn"
latent = 3
hidden = 6
`, data))
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"sweep", file, "-out", dir}
	if code, out, _ := elbow(&countdown{Context: context.Background(), left: 7}, args...); code != codeInterrupted || !strings.Contains(out, sameCommand) {
		t.Fatalf("interrupted: exit code %d, printed %s", code, out)
	}
	out := mustRun(t, append(args, "-jobs", "3")...)
	var want []string
	for _, run := range []string{"model=rnn", "big"} {
		for _, cell := range []string{"lstm", "gru"} {
			want = append(want, run+",cell="+cell+",seed2", run+",cell="+cell+",seed3")
		}
	}
	var all sweepResults
	if err := json.Unmarshal([]byte(mustRun(t, append(args, "-json")...)), &all); err != nil {
		t.Fatal(err)
	}
	var got []string
	best := all.Means[0]
	for _, f := range all.Runs {
		got = append(got, f.Run)
		if !strings.Contains(out, "\n"+f.Run+" ") {
			t.Errorf("no line for %s in %s", f.Run, out)
		}
	}
	for _, m := range all.Means {
		if m.Valid.Mean < best.Valid.Mean {
			best = m
		}
	}
	if !slices.Equal(got, want) || len(all.Means) != 4 || all.Best != best.Run || !strings.Contains(out, "\nbest by valid: "+best.Run+"\n") {
		t.Errorf("%+v, want the runs %v and the best %s: %s", all, want, best.Run, out)
	}
	one := filepath.Join(t.TempDir(), "one")
	mustRun(t, "train", "-data", data, "-epochs", "3", "-hidden", "6", "-latent", "3", "-model", "vrnn", "-cell", "gru", "-seed", "3", "-out", one)
	for _, name := range []string{model.BestFile, configFile} {
		if hashOf(t, filepath.Join(dir, "big,cell=gru,seed3", name)) != hashOf(t, filepath.Join(one, name)) {
			t.Errorf("another %s than that of train", name)
		}
	}
	before := hashOf(t, filepath.Join(dir, want[0], model.CheckpointFile))
	if out := mustRun(t, args...); strings.Contains(out, " of 8: ") || !strings.Contains(out, "8 of 8 runs were finished before") || hashOf(t, filepath.Join(dir, want[0], model.CheckpointFile)) != before {
		t.Errorf("trained again: %s", out)
	}
	if out := mustRun(t, "compare", dir); strings.Count(out, "\n") != 10 {
		t.Errorf("compare printed %s", out)
	}
}

// TestSweepFile: what a file says wrongly is an error with its line, before anything is trained.
func TestSweepFile(t *testing.T) {
	data, dir := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	base := fmt.Sprintf("[train]\ndata = %q\n", data)
	for _, c := range []struct{ text, want string }{
		{base, "says of nothing what there is to try"},
		{base + "[cross]\nhiden = [1]\n", "line 4: unknown key hiden"},
		{base + "[cross]\n\nhidden = 4\n", "line 5: hidden: want a list of values"},
		{base + "[cross]\nhidden = [4, \"many\"]\n", "line 4: hidden: \"many\": want a number"},
		{base + "[cross]\nhidden = [4, [5]]\n", "line 4: hidden: want a string, a number"},
		{base + "[cross]\nhidden = [4, 4]\n", "two runs are hidden=4"},
		{base + "[cross]\nseed = [4, 5]\n", "line 4: seed: want seeds ="},
		{base + "[cross]\nout = [\"a\"]\n", "line 4: out: is not a setting"},
		{base + "epoch = 3\n[cross]\nhidden = [4]\n", "line 3: unknown key epoch"},
		{base + "epochs = 0\n[cross]\nhidden = [4]\n", "line 3: hidden=4: -epochs 0: want at least 1"},
		{base + "[[run]]\nhidden = 4\n[[run]]\n# here\nhiden = 4\n", "line 7: unknown key hiden"},
		{base + "[[run]]\nhidden = 4\n[[run]]\nmodel = \"rnn\"\nlatent = 4\n", "line 7: latent=4,model=rnn: -latent"},
		{base + "[[run]]\nhidden = 4\n[cross]\nhidden = [5]\n", "line 4: hidden: is in [cross], too"},
		{base + "[[run]]\nname = \"a/b\"\n", "line 4: name: want letters"},
		{base + "[[run]]\nname = \"..\"\n", "line 4: name: want letters"},
		{base + "[[run]]\nlr = 1\n\n[[run]]\n", "line 6: [[run]]: sets nothing"},
		{base + "[[run]]\nname = \"a\"\n[[run]]\nname = \"A\"\n", "two runs are A"},
		{"seeds = \"x\"\n" + base, "line 1: seeds: want seeds such as"},
		{"seeds = 2\n" + base + "seed = 3\n", "line 4: seed: the file has seeds, too"},
		{"seeds = 2\n" + base + "[score]\nflag = 3\n", "line 4: unknown key score"},
		{"seeds = 2\n[train]\ndata = \"nowhere.csv\"\n", "line 3: "},
		{"seeds = 2\n[train\n", "line 3: "},
		{"run = [{hidden = 4}, {hiden = 4}]\n", "line 1: unknown key hiden"},
	} {
		path := write(t, "bad.toml", c.text)
		code, _, errOut := elbow(context.Background(), "sweep", path, "-out", dir)
		if code != codeUsage || !strings.Contains(errOut, path) || !strings.Contains(errOut, c.want) {
			t.Errorf("%q: exit code %d: %q, want %q", c.text, code, errOut, c.want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
	mustFail(t, []string{"nowhere.toml"}, "sweep", filepath.Join(t.TempDir(), "nowhere.toml"))
	if code, _, errOut := elbow(context.Background(), "sweep"); code != codeUsage || !strings.Contains(errOut, "want a file") {
		t.Errorf("no file: exit code %d: %s", code, errOut)
	}
}

// TestSweepFails: a run that fails does not stop the others, and a diverged one is not made again.
func TestSweepFails(t *testing.T) {
	blastest.UseGo(t)
	var rows strings.Builder
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		fmt.Fprintf(&rows, "%v,%v\n", rng.NormFloat64(), rng.NormFloat64())
	}
	data, dir := write(t, "x.csv", rows.String()), filepath.Join(t.TempDir(), "run")
	file := write(t, "s.toml", fmt.Sprintf("[train]\ndata = %q\nclip = 0.0\noptimizer = \"sgd\"\nepochs = 9\nhidden = 8\n[cross]\nlr = [50, 1e-3, 1e-4]\n", data))
	if err := os.MkdirAll(filepath.Join(dir, "lr=0.0001"), 0o777); err != nil {
		t.Fatal(err)
	}
	plant(t, filepath.Join(dir, "lr=0.0001"), model.BestFile)
	for range 2 {
		before, _ := os.Stat(filepath.Join(dir, "lr=50", divergedFile))
		code, out, errOut := elbow(context.Background(), "sweep", file, "-out", dir)
		if code != codeError || !strings.Contains(errOut, "2 of 3 runs failed: lr=50: ") || !strings.Contains(out, "\nlr=0.001 ") || !strings.Contains(out, "best by valid: lr=0.001") {
			t.Errorf("exit code %d: %s%s", code, errOut, out)
		}
		if after, err := os.Stat(filepath.Join(dir, "lr=50", divergedFile)); err != nil || before != nil && !after.ModTime().Equal(before.ModTime()) {
			t.Errorf("diverged again: %v", err)
		}
	}
	var all sweepResults
	readJSON(t, filepath.Join(dir, sweepFile), &all)
	if len(all.Failed) != 2 || !strings.Contains(all.Failed[0].Error, "smaller -lr (it is 50)") || !strings.Contains(all.Failed[1].Error, "not made here") {
		t.Errorf("%+v", all.Failed)
	}
	wantMine(t, filepath.Join(dir, "lr=0.0001"), model.BestFile)
}

// TestSweepShared: a sweep waits for what others are at, and takes it over when they give it up.
func TestSweepShared(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	file := write(t, "s.toml", fmt.Sprintf("seeds = 2\n[train]\ndata = %q\nepochs = 1\nhidden = 4\n", write(t, "tiny.json", tinyJSON)))
	other, err := rundir.Open(filepath.Join(dir, "seed1"))
	if err != nil {
		t.Fatal(err)
	}
	var out printed
	done := make(chan int)
	go func() { done <- run(context.Background(), []string{"sweep", file, "-out", dir}, &out, io.Discard) }()
	for range 100 {
		if time.Sleep(50 * time.Millisecond); strings.Contains(out.String(), "waiting for 1 runs") {
			break
		}
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 0 || !strings.Contains(out.String(), "1 of 2: seed2: ") || !strings.Contains(out.String(), "2 of 2: seed1: ") {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

// TestSweepKill: of processes that share a sweep and are killed at any moment nothing is lost, and nothing
// that came to its end is made again.
func TestSweepKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel() // it waits
	blastest.UseGo(t)
	data := write(t, "tiny.json", tinyJSON)
	file := write(t, "s.toml", fmt.Sprintf("seeds = 4\n[train]\ndata = %q\nepochs = 15\npatience = 0\nhidden = 6\nbatch = 1\n", data))
	dir, whole := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "whole")
	mustRun(t, "sweep", file, "-out", whole)
	rng := rand.New(rand.NewPCG(3, 4))
	var said strings.Builder
	for round := range rounds(40) + 1 {
		var outs [2]printed
		var both [2]*exec.Cmd
		for i := range both {
			both[i] = process(t, -1, "sweep", file, "-out", dir)
			both[i].Stdout, both[i].Stderr = &outs[i], &outs[i]
			if err := both[i].Start(); err != nil {
				t.Fatal(err)
			}
		}
		for i, c := range both {
			if round < rounds(40) {
				time.Sleep(time.Duration(rng.Int64N(int64(200 * time.Millisecond))))
				_ = c.Process.Kill()
			}
			if code := exitCode(t, c); code > 0 {
				t.Errorf("exit code %d: %s", code, &outs[i])
			}
			said.WriteString(outs[i].String())
		}
	}
	for seed := 1; seed <= 4; seed++ {
		name := fmt.Sprintf("seed%d", seed)
		if n := len(regexp.MustCompile(`of 4: `+name+`:`).FindAllString(said.String(), -1)); n > 1 {
			t.Errorf("%s came to its end %d times: %s", name, n, &said)
		}
		if hashOf(t, filepath.Join(dir, name, model.BestFile)) != hashOf(t, filepath.Join(whole, name, model.BestFile)) {
			t.Errorf("%s: other parameters than in a sweep left alone", name)
		}
	}
	if left := unfinished(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
