package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
)

// TestSampleCount: sample writes a file for every sample.
func TestSampleCount(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range []struct {
		data, want string
		args       []string
	}{
		{write(t, "a.json", tinyJSON), "rolls.png rolls.svg sample-1.mid sample-2.mid sample-3.mid", nil},
		{datatest.Waves(t), "sample-1.wav sample-2.wav sample-3.wav waves.png waves.svg", []string{"-frame", "5"}},
		{write(t, "a.txt", strings.Repeat(page, 8)), "sample-1.txt sample-2.txt sample-3.txt", nil},
		{write(t, "a.csv", waves(40, nil)), "sample-1.csv sample-2.csv sample-3.csv series.png series.svg", nil},
		{datatest.Strokes(t), "strokes.png strokes.svg", nil},
	} {
		dir, out := filepath.Join(t.TempDir(), "run"), t.TempDir()
		mustRun(t, append([]string{"train", "-data", c.data, "-out", dir, "-epochs", "1", "-hidden", "4"}, c.args...)...)
		printed := mustRun(t, "sample", "-model", dir, "-out", out, "-count", "3", "-steps", "6")
		if got := strings.Join(list(t, out), " "); got != c.want {
			t.Errorf("%s: the folder holds %s, want %s", c.data, got, c.want)
		}
		for _, name := range strings.Fields(c.want) {
			if !strings.HasSuffix(name, ".svg") && !strings.Contains(printed, name) {
				t.Errorf("%s: %s is not named in %s", c.data, name, printed)
			}
		}
	}
}

// TestEvalTerms: what eval prints adds up, and a text has a perplexity beside its bits.
func TestEvalTerms(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", write(t, "a.json", tinyJSON), "-out", dir, "-epochs", "2", "-hidden", "4")
	for _, draws := range []int{1, 20} {
		lines := strings.Split(mustRun(t, "eval", "-model", dir, "-samples", fmt.Sprint(draws)), "\n")
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "test") })
		var bound, recon, kl, gain float64
		format := "test  bound %f nats per step (recon %f, kl %f)"
		values := []any{&bound, &recon, &kl}
		if draws > 1 {
			format, values = strings.Replace(format, ")", ", less %f by 20 draws)", 1), append(values, &gain)
		}
		if _, err := fmt.Sscanf(lines[at], format, values...); err != nil || math.Abs(recon+kl-gain-bound) > 2e-4 || draws > 1 && gain == 0 {
			t.Errorf("%d draws: %v in %s", draws, err, lines[at])
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	mustRun(t, "train", "-data", write(t, "a.txt", strings.Repeat(page, 8)), "-out", text, "-epochs", "1", "-hidden", "4")
	lines := strings.Split(mustRun(t, "eval", "-model", text), "\n")
	var nll, bits, perplexity float64
	for i, l := range lines {
		if !strings.HasPrefix(l, "test  nll") {
			continue
		}
		fmt.Sscanf(l, "test  nll %f", &nll)
		fmt.Sscanf(lines[i+1], "test  %f bits per character, perplexity %f", &bits, &perplexity)
	}
	if nll == 0 || math.Abs(bits-nll/math.Ln2) > 1e-3 || math.Abs(perplexity-math.Exp(nll)) > 1e-2 {
		t.Errorf("%v nats, %v bits, perplexity %v:\n%s", nll, bits, perplexity, strings.Join(lines, "\n"))
	}
}

// TestFewerSamples: the files of an earlier call that made more do not stay among the new ones, but
// those that the user has changed do.
func TestFewerSamples(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", write(t, "tiny.json", tinyJSON), "-out", dir, "-epochs", "1", "-hidden", "4")
	mustRun(t, "sample", "-model", dir, "-out", dir, "-count", "4")
	if err := os.WriteFile(filepath.Join(dir, "sample-4.mid"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := mustRun(t, "sample", "-model", dir, "-out", dir, "-count", "2")
	if !strings.Contains(out, "note: removed, from an earlier call: sample-3.mid\n") {
		t.Errorf("printed %s", out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "sample*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"sample-1.mid", "sample-2.mid", "sample-4.mid"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
