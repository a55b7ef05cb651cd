package progress

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where there is no terminal, there are only the lines of the epochs.
func TestPlain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := New(f, 20, 0)
	for range 2 {
		for range 10 {
			b.Step(1)
		}
		b.Epoch("epoch done")
	}
	b.Line("a remark")
	b.Close()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "epoch done\nepoch done\na remark\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBar(t *testing.T) {
	var w bytes.Buffer
	b := start(&w, 4, 1, true)
	b.Step(1)
	b.Epoch("valid 4.21")
	b.Line("a remark")
	b.Step(2)
	b.Epoch("valid 4.07")
	b.Close()
	b.Close() // once is enough
	got := w.String()
	for _, want := range []string{"25%", "100%", "valid 4.07", "a remark\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if !strings.HasSuffix(got, "\n") || strings.HasSuffix(got, "\n\n") {
		t.Errorf("ends in %q, want one new line", got[max(0, len(got)-20):])
	}
	if i := strings.Index(got, "a remark"); i == 0 || got[i-1] != '\r' && got[i-1] != '\n' && got[i-1] != 'K' {
		t.Errorf("the remark does not start at the left: %q", got)
	}
}

// Odd numbers of steps do not stop a run.
func TestOddTotals(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {3, 5}, {-1, 0}} {
		var w bytes.Buffer
		b := start(&w, c[0], c[1], true)
		for range 5 {
			b.Step(1)
		}
		b.Epoch("x")
		b.Close()
	}
}
