package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source writes what copyModule needs of gonum, read-only as in the module cache.
func source(t *testing.T, panics string) string {
	dir := t.TempDir()
	for _, p := range packages {
		if err := os.MkdirAll(filepath.Join(dir, p), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, edits[0].file), []byte("package mat // "+panics), 0o444); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCopyModule(t *testing.T) {
	to := filepath.Join(t.TempDir(), "gonum")
	if err := copyModule(to, source(t, edits[0].old)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"mat/use_test.go":          "package mat\n",
		"lapack/gonum/use_test.go": "package gonum\n",
		edits[0].file:              "package mat // " + edits[0].new,
	} {
		text, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %.40q, error %v, want %q", name, text, err, want)
		}
	}
}

// TestOtherGonum: an edit that finds no place, or two, is not dropped in silence.
func TestOtherGonum(t *testing.T) {
	for _, text := range []string{"", edits[0].old + edits[0].old} {
		if err := copyModule(filepath.Join(t.TempDir(), "gonum"), source(t, text)); err == nil || !strings.Contains(err.Error(), "want 1") {
			t.Errorf("%q: error %v", text, err)
		}
	}
	if err := copyModule(t.TempDir(), ""); err == nil {
		t.Error("no source: no error")
	}
}
