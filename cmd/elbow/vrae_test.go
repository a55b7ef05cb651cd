package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// TestVRAE trains a small VRAE on the built-in tunes, goes on with it, encodes, walks from
// one tune to another and goes on from one.
func TestVRAE(t *testing.T) {
	blastest.UseGo(t)
	dir := filepath.Join(t.TempDir(), "run")
	out := mustRun(t, "train", "-model", "vrae", "-out", dir, "-epochs", "1", "-hidden", "8", "-batch", "64", "-window", "16", "-hop", "8")
	for _, want := range []string{"vrae, gru 8, bernoulli, latent 2", "in their own keys", "train, valid and test are the same tunes"} {
		if !strings.Contains(out, want) {
			t.Errorf("train printed no %q:\n%s", want, out)
		}
	}
	mustRun(t, "train", "-resume", "-epochs", "2", "-out", dir)
	if out := mustRun(t, "eval", "-model", dir); strings.Contains(out, "other data") {
		t.Errorf("eval does not find the data of the training:\n%s", out)
	}

	maps := t.TempDir()
	out = mustRun(t, "encode", "-model", dir, "-out", maps)
	if !strings.Contains(out, "windows of 24 pieces") {
		t.Errorf("encode printed %s", out)
	}
	f, err := os.Open(filepath.Join(maps, latentFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], " "); got != "part piece step label mean0 mean1 sigma0 sigma1 kl0 kl1" {
		t.Errorf("columns %s", got)
	}
	if got := strings.Join(rows[2][:4], " "); got != "train ode_to_joy 8 ode_to_joy" {
		t.Errorf("second window %s", got)
	}
	if _, err := os.Stat(filepath.Join(maps, mapFile+".svg")); err != nil {
		t.Error(err)
	}

	out = mustRun(t, "interpolate", "greensleeves", "Sakura@8", "-model", dir, "-out", maps, "-between", "2")
	if !strings.Contains(out, "from greensleeves@0 to sakura@") {
		t.Errorf("interpolate printed %s", out)
	}
	for i := range 4 {
		if got := midiSteps(t, maps, fmt.Sprintf("walk-%d.mid", i+1)); got == 0 || got > 16 {
			t.Errorf("sample %d of a walk of 16 steps has %d steps", i+1, got)
		}
	}
	mustRun(t, "interpolate", "greensleeves", "greensleeves", "-model", dir, "-out", maps, "-between", "0", "-steps", "1000", "-draw", "-seed", "2")
	if got := midiSteps(t, maps, "walk-2.mid"); got < 900 || got > 1000 {
		t.Errorf("%d steps went on from a window, want 1000", got)
	}
	mustRun(t, "eval", "-model", dir, "-hop", "8")
	for _, bad := range [][]string{
		{"eval", "-model", dir, "-hop", "4"},
		{"eval", "-model", dir, "-hop", "-1"},
		{"eval", "-model", dir, "-window", "8"},
		{"interpolate", "no such tune", "sakura", "-model", dir, "-out", maps},
		{"interpolate", "sakura", "-model", dir, "-out", maps},
		{"train", "-model", "classifier", "-out", t.TempDir()},
		{"train", "-model", "vrae", "-kl-weight", "0", "-out", t.TempDir()},
		{"train", "-hop", "3", "-out", t.TempDir()},
	} {
		if code, _, errOut := elbow(t.Context(), bad...); code == 0 || errOut == "" {
			t.Errorf("elbow %v: exit code %d, %q", bad, code, errOut)
		}
	}
}

// midiSteps returns the length of a file in a folder.
func midiSteps(t *testing.T, dir, name string) int {
	t.Helper()
	m, err := music.Open(filepath.Join(dir, name), 2, &infile.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	return m.All[0].Steps()
}

func TestEncodeRefuses(t *testing.T) {
	dir := t.TempDir()
	m, err := model.New[float32](model.Config{Model: model.ModelRNN, Data: 5, Hidden: 3})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, model.BestFile)
	if err := model.Save(path, m, &model.Data{}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"encode", "-model", dir}, {"interpolate", "x", "y", "-model", dir}} {
		if code, _, errOut := elbow(t.Context(), args...); code != 1 || !strings.Contains(errOut, path) || !strings.Contains(errOut, "latent variable") {
			t.Errorf("elbow %v: exit code %d, %q", args, code, errOut)
		}
	}
}

func TestClouds(t *testing.T) {
	clouds := cloudsOf([]string{"b", "a", "b"}, []float64{1, 2, 3}, []float64{4, 5, 6})
	if len(clouds) != 2 || clouds[0].Name != "b" || !slices.Equal(clouds[0].X, []float64{1, 3}) || !slices.Equal(clouds[1].Y, []float64{5}) {
		t.Errorf("%+v", clouds)
	}
}
