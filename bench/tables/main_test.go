package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme: the tables of README.md are those that the results make.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := fill(string(text), "../results")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Error("a table is not what the results say: make readme-tables")
	}
}

func TestFill(t *testing.T) {
	dir := t.TempDir()
	const results = `# a machine
BenchmarkExp/N=4096/impl=avx512 1 409.6 ns/op 0.10000 ns/elem
BenchmarkExp/N=4096/impl=avx512 1 819.2 ns/op 0.20000 ns/elem
BenchmarkExp/N=4096/impl=avx512 1 4096 ns/op 1.00000 ns/elem
BenchmarkExp/N=4096/impl=sleef 1 1228.8 ns/op 0.30000 ns/elem
BenchmarkExp/N=4096/impl=libmvec 1 1638.4 ns/op 0.40000 ns/elem
BenchmarkStream/kind=lstm/B=1/H=256/impl=avx512 1 20000.0 ns/op 50 GFLOP/s
BenchmarkStream/kind=lstm/B=1/H=256/impl=onednn 1 15000.0 ns/op 67 GFLOP/s
`
	if err := os.WriteFile(filepath.Join(dir, "m.txt"), []byte(results), 0o666); err != nil {
		t.Fatal(err)
	}
	const before = "a\n<!-- figures m -->\nold\n<!-- end of figures -->\nb\n"
	got, err := fill(before, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a\n<!-- figures m -->\n| one core", "| LSTM step of a stream, 256 units | 20.0 us | **15.0 us**, oneDNN | 0.75x |\n",
		"| exp (0.89 ULP) | **0.200 ns an element** | 0.300 ns an element, SLEEF (1 ULP) | 1.50x |\n<!-- end of figures -->\nb\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if again, err := fill(got, dir); again != got || err != nil {
		t.Errorf("%v; the second time other than the first:\n%s", err, again)
	}
	if _, err := fill("<!-- figures x --><!-- end of figures -->", dir); err == nil {
		t.Error("no table is marked there")
	}
	if _, err := fill("<!-- figures x -->\n<!-- end of figures -->", dir); err == nil {
		t.Error("no error without results")
	}
}
