package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImputeBeatsLines: of a table that lacks a fifth of its values, what was trained on it fills them in
// nearer to the truth than straight lines between the neighbours of a column.
func TestImputeBeatsLines(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a few seconds")
	}
	const rows, dim = 1500, 4
	rng := rand.New(rand.NewPCG(5, 8))
	full, gaps := make([][dim]float64, rows), make([][dim]float64, rows)
	var text strings.Builder
	text.WriteString("a,b,c,d\n")
	z := 0.0
	for i := range full {
		z = 0.8*z + 0.6*rng.NormFloat64()
		s := [2]float64{z, math.Cos(1.4 * float64(i))}
		var line []string
		for j := range dim {
			v := 20 + 3*float64(j) + []float64{1, -0.7, 0.5, 0.9}[j]*s[0] + []float64{0.8, 1, -1, 0.3}[j]*s[1] + 0.1*rng.NormFloat64()
			full[i][j], gaps[i][j] = v, v
			field := fmt.Sprintf("%.5f", v)
			if rng.IntN(5) == 0 {
				gaps[i][j], field = math.NaN(), ""
			}
			line = append(line, field)
		}
		text.WriteString(strings.Join(line, ",") + "\n")
	}
	dir := t.TempDir()
	data, run, out := filepath.Join(dir, "gaps.csv"), filepath.Join(dir, "run"), filepath.Join(dir, "out")
	if err := os.WriteFile(data, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "train", "-data", data, "-model", "vrnn", "-hidden", "32", "-latent", "4", "-epochs", "25", "-lr", "0.005", "-out", run)
	for _, command := range []string{"eval", "score"} {
		args := []string{command, "-model", run}
		if command == "score" {
			args = append(args, "-out", run)
		}
		if got := mustRun(t, args...); !strings.Contains(got, "values are missing, and part of no ") {
			t.Errorf("%s says %q", command, got)
		}
	}
	if got := mustRun(t, "impute", "-model", run, "-out", out, "-draws", "200"); !strings.Contains(got, "filled in ") {
		t.Errorf("impute says %q", got)
	}
	file, err := os.Open(filepath.Join(out, "imputed.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := csv.NewReader(file).ReadAll()
	if err != nil || len(table) != rows+1 || strings.Join(table[0], ",") != "a,b,c,d" {
		t.Fatalf("%d rows, header %q, %v", len(table), table[0], err)
	}
	var filled, lines, n float64
	for i := range rows {
		for j := range dim {
			v, err := strconv.ParseFloat(table[i+1][j], 64)
			if err != nil {
				t.Fatal(err)
			}
			if gaps[i][j] == gaps[i][j] {
				if math.Abs(v-full[i][j]) > 1e-4 {
					t.Fatalf("row %d, column %d: %v, was %v", i, j, v, full[i][j])
				}
				continue
			}
			d, e := v-full[i][j], between(gaps, i, j)-full[i][j]
			filled, lines, n = filled+d*d, lines+e*e, n+1
		}
	}
	filled, lines = math.Sqrt(filled/n), math.Sqrt(lines/n)
	if t.Logf("root mean square of the errors %.3f, of straight lines %.3f", filled, lines); filled > 0.6*lines {
		t.Errorf("errors %v, of straight lines %v", filled, lines)
	}
	if code, _, errOut := elbow(t.Context(), "impute", "-model", run, "-data", filepath.Join(out, "imputed.csv"), "-out", t.TempDir()); code == 0 || !strings.Contains(errOut, "no value is missing") {
		t.Errorf("of a table without gaps: %q", errOut)
	}
	taken := t.TempDir()
	plant(t, taken, "imputed.csv")
	mustFail(t, []string{"imputed.csv", "not made here"}, "impute", "-model", run, "-out", taken)
	wantMine(t, taken, "imputed.csv")
}

// TestImputeNothing: where no value is missing that is said, whether the model could do without values or not.
func TestImputeNothing(t *testing.T) {
	dir := t.TempDir()
	data, run := filepath.Join(dir, "full.csv"), filepath.Join(dir, "run")
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "%.4f,%.4f\n", math.Sin(float64(i)), math.Cos(1.3*float64(i)))
	}
	if err := os.WriteFile(data, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "train", "-data", data, "-model", "rnn", "-likelihood", "gauss-full", "-hidden", "2", "-epochs", "1", "-out", run)
	mustFail(t, []string{"no value is missing"}, "impute", "-model", run, "-out", filepath.Join(dir, "out"))
}

// between is on the straight line between the values before and after, or next to the one of them there is.
func between(x [][4]float64, i, j int) float64 {
	a, b := i, i
	for a >= 0 && math.IsNaN(x[a][j]) {
		a--
	}
	for b < len(x) && math.IsNaN(x[b][j]) {
		b++
	}
	switch {
	case a < 0:
		return x[b][j]
	case b == len(x):
		return x[a][j]
	}
	return x[a][j] + (x[b][j]-x[a][j])*float64(i-a)/float64(b-a)
}
