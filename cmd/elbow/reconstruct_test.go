package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
)

// TestReconstruct: encode has a row for every step, with KL terms that add up to what it prints, and
// reconstruct gives tables as long as the data, whose distance from them it prints.
func TestReconstruct(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "waves.csv", waves(60, nil))
	for _, name := range []string{"vrnn", "vrnn-i", "storn", "vae", "vrae"} {
		dir := filepath.Join(t.TempDir(), "run")
		mustRun(t, "train", "-data", data, "-out", dir, "-model", name, "-hidden", "4", "-latent", "3", "-epochs", "5")
		out := mustRun(t, "encode", "-model", dir, "-out", dir)
		rows := readCSV(t, filepath.Join(dir, latentFile))
		want := 60
		if name == "vrae" {
			want = 3 // train, valid and test
		}
		if len(rows) != want+1 || strings.Join(rows[0], " ") != "part piece step label mean0 mean1 mean2 sigma0 sigma1 sigma2 kl0 kl1 kl2" {
			t.Errorf("%s: %d rows of %v", name, len(rows)-1, rows[0])
		}
		sum := 0.0
		for i, r := range rows[1:] {
			for _, text := range r[10:] {
				v, err := strconv.ParseFloat(text, 64)
				if sum += v; err != nil || v < -1e-6 {
					t.Errorf("%s: row %d: %v", name, i, r)
				}
			}
			if name != "vrae" && (r[2] != strconv.Itoa(i) || i == 0 && r[0] != "train" || i == 59 && r[0] != "test") {
				t.Errorf("%s: row %d: %v", name, i, r)
			}
		}
		var kl float64
		if _, err := fmt.Sscanf(out[strings.Index(out, "KL"):], "KL %f nats", &kl); err != nil || math.Abs(kl-sum/float64(want)) > 1e-4 {
			t.Errorf("%s: %v nats on average, printed is %s", name, sum/float64(want), out)
		}
		out = mustRun(t, "reconstruct", "-model", dir, "-out", dir, "-of", data)
		raw, got := readCSV(t, data), readCSV(t, filepath.Join(dir, "reconstruction.csv"))
		squares, n := 0.0, 0.0
		for i, r := range got[1:] {
			for j, text := range r[1:] {
				a, _ := strconv.ParseFloat(text, 64)
				b, _ := strconv.ParseFloat(raw[1+i][j], 64)
				squares, n = squares+(a-b)*(a-b), n+1
			}
		}
		if rms := fmt.Sprintf("differences %.4g", math.Sqrt(squares/n)); !strings.Contains(out, rms) || name != "vrae" && len(got) != 61 {
			t.Errorf("%s: %d rows, %s, printed is %s", name, len(got)-1, rms, out)
		}
	}
	rnn := filepath.Join(t.TempDir(), "rnn")
	mustRun(t, "train", "-data", data, "-out", rnn, "-model", "rnn", "-hidden", "4", "-epochs", "1")
	for _, args := range [][]string{{"-model", rnn}, {"-model", rnn, "-count", "0"}, {"-count", "2", "-of", data}, {"-threads", "0"}} {
		if code, _, errOut := elbow(t.Context(), append([]string{"reconstruct", "-out", t.TempDir()}, args...)...); code == 0 || errOut == "" {
			t.Errorf("elbow reconstruct %v: exit code %d", args, code)
		}
	}
}

// TestReconstructFiles: a file for every sequence, or a sheet.
func TestReconstructFiles(t *testing.T) {
	blastest.UseGo(t)
	for data, want := range map[string]string{
		write(t, "a.json", tinyJSON): "reconstruction-1.mid reconstruction-2.mid reconstruction.png reconstruction.svg",
		datatest.Strokes(t):          "reconstruction.png reconstruction.svg",
		filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy"): "reconstruction.png",
	} {
		dir, out := filepath.Join(t.TempDir(), "run"), t.TempDir()
		mustRun(t, "train", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4")
		mustRun(t, "reconstruct", "-model", dir, "-out", out, "-count", "2")
		if got := strings.Join(list(t, out), " "); got != want {
			t.Errorf("%s: the folder holds %s, want %s", data, got, want)
		}
	}
}
