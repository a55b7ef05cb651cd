package main

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestVowels: vector autoregressions have about the nats that least squares and expectation maximisation gave in
// an independent computation, which held other sequences back for valid.
func TestVowels(t *testing.T) {
	d, err := vowelsTable.read(&dataFlags{path: vowelsFolder(t)}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := &tableRun{data: d}
	if err := autoregressions(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{-1.55, -2.52, -3.76} {
		if got := r.results[i]; math.Abs(got.Test-want) > 0.12 {
			t.Errorf("%s: %v nats per frame, want about %v", got.Row, got.Test, want)
		}
	}
}

// TestVowelsTable: networks that start at a VAR(3) are better than it after two epochs.
func TestVowelsTable(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, "table", "vowels", "-quick", "-data", vowelsFolder(t), "-out", dir, "-rows", "GRU, full")
	var got []result
	readJSON(t, filepath.Join(dir, tableFile), &got)
	if len(got) != 5 {
		t.Fatalf("%d results, want 5", len(got))
	}
	for _, r := range got[:2] {
		if limit := got[3]; !(r.Test < limit.Test) {
			t.Errorf("%s: %v nats per frame, want less than the %v of %s", r.Row, r.Test, limit.Test, limit.Row)
		}
	}
}

func vowelsFolder(t *testing.T) string {
	data := filepath.Join(os.Getenv(dataEnv), "vowels")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("no folder vowels in %s", dataEnv)
	}
	return data
}
