package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
)

// TestTimes: the dates and times of a table, which are no data, stand beside its steps in what is said of them.
func TestTimes(t *testing.T) {
	blastest.UseGo(t)
	var text strings.Builder
	text.WriteString("day,clock,a,b\n")
	day := func(i int) string {
		return time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 10 * time.Minute).Format("2006-01-02,15:04")
	}
	for i := range 90 {
		b := fmt.Sprint(math.Cos(float64(i)))
		if i%10 == 4 {
			b = ""
		}
		fmt.Fprintf(&text, "%s,%v,%s\n", day(i), math.Sin(float64(i)), b)
	}
	data, run := write(t, "dated.csv", text.String()), filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", data, "-model", "rnn", "-hidden", "4", "-epochs", "1", "-out", run)
	at := func(i int) string { return strings.Replace(day(i), ",", " ", 1) }

	out := mustRun(t, "score", "-model", run, "-out", run, "-top", "90")
	if !strings.Contains(out, at(37)) {
		t.Errorf("no time among the highest scores:\n%s", out)
	}
	rows := readCSV(t, filepath.Join(run, "scores.csv"))
	if len(rows) != 91 || rows[0][3] != "time" {
		t.Fatalf("%d rows of %v", len(rows), rows[0])
	}
	for i, r := range rows[1:] {
		if r[3] != at(i) {
			t.Fatalf("step %d is at %q, want %q", i, r[3], at(i))
		}
	}
	mustRun(t, "impute", "-model", run, "-out", run, "-draws", "4")
	rows = readCSV(t, filepath.Join(run, "imputed.csv"))
	if len(rows) != 91 || strings.Join(rows[0], " ") != "time a b" || rows[38][0] != at(37) {
		t.Errorf("imputed.csv: %d rows, %v, %v", len(rows), rows[0], rows[38])
	}
	rows = readCSV(t, filepath.Join(run, "imputed-values.csv"))
	if len(rows) != 10 || strings.Join(rows[0][:4], " ") != "time step column mean" || strings.Join(rows[2][:3], ",") != at(14)+",14,b" {
		t.Errorf("imputed-values.csv: %d rows, %v, %v", len(rows), rows[0], rows[2])
	}

	// In a folder, a table without times has none.
	folder := t.TempDir()
	for name, content := range map[string]string{"a.csv": "a,b\n1,2\n2,1\n3,4\n", "b.csv": "when,a,b\n2026-03-01,1,2\n2026-03-02,2,1\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "score", "-model", run, "-data", folder, "-out", run)
	var times []string
	for _, r := range readCSV(t, filepath.Join(run, "scores.csv")) {
		times = append(times, r[3])
	}
	if got := strings.Join(times, ","); got != "time,,,,2026-03-01,2026-03-02" {
		t.Errorf("times in a folder: %s", got)
	}

	// What is filled in can be read as the data were, and data without times have no column for them.
	mustRun(t, "score", "-model", run, "-data", filepath.Join(run, "imputed.csv"), "-out", filepath.Join(t.TempDir(), "again"))
	plain := write(t, "plain.csv", "a,b\n1,2\n2,1\n3,4\n")
	mustRun(t, "score", "-model", run, "-data", plain, "-out", run)
	if rows = readCSV(t, filepath.Join(run, "scores.csv")); len(rows) != 4 || rows[0][3] != "nll" {
		t.Errorf("%d rows of %v", len(rows), rows[0])
	}
}
