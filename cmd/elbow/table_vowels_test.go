package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestVowels: the table has the rows that are asked for and the vector autoregressions, none of which is far
// from what frames of this kind have.
func TestVowels(t *testing.T) {
	data := filepath.Join(os.Getenv(dataEnv), "vowels")
	if _, err := os.Stat(data); err != nil {
		t.Skipf("no folder vowels in %s", dataEnv)
	}
	dir := t.TempDir()
	mustRun(t, "table", "vowels", "-quick", "-data", data, "-out", dir, "-rows", "GRU")
	var got []result
	readJSON(t, filepath.Join(dir, tableFile), &got)
	if len(got) != 5 {
		t.Fatalf("%d results, want 5", len(got))
	}
	for _, r := range got {
		if r.Test > 10 || r.Test < -6 {
			t.Errorf("%s: %v nats per frame", r.Row, r.Test)
		}
	}
}
