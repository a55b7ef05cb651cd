//go:build cgo && openblas

package blas

import (
	"testing"

	"github.com/elbow-go/elbow/asm"
)

func TestSizeClass(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 2: 1, 8: 1, 9: 2, 32: 2, 33: 3, 128: 3, 129: 4, 512: 4, 513: 5, 1 << 40: 5} {
		if got := sizeClass(n); got != want {
			t.Errorf("sizeClass(%d) = %d, want %d", n, got, want)
		}
	}
}

// TestTables: the tables have a letter for every class.
func TestTables(t *testing.T) {
	check := func(line, letters string) {
		t.Helper()
		if len(line) != 6*7-1 {
			t.Fatalf("%q: %d characters, want 6 words of 6 letters", line, len(line))
		}
		for i := range 36 {
			l := letter(line, i/6, i%6)
			ok := false
			for _, x := range []byte(letters) {
				ok = ok || l == x
			}
			if !ok {
				t.Fatalf("%q: letter %q, want one of %s", line, l, letters)
			}
		}
	}
	for _, isa := range []asm.ISA{asm.AVX2, asm.AVX512} {
		c := choiceOf(isa)
		for op, lines := range c.gemm {
			for _, line := range lines {
				check(line, []string{"gpo", "go"}[op/2]) // a packed product has no A^T
			}
		}
		for _, line := range c.gemv {
			check(line, "go")
		}
	}
	if choiceOf(asm.Generic) != nil {
		t.Error("a table for plain Go")
	}
}

// TestWho: the place of a product in its table.
func TestWho(t *testing.T) {
	isas := asm.Available()
	best := isas[len(isas)-1]
	if choiceOf(best) == nil {
		t.Skip("no machine code here")
	}
	defer asm.Use(asm.Use(best))
	c := choiceOf(best)
	was := *c
	defer func() { *c = was }()
	*c = choice{}
	const all = "gggggg gggggg gggggg gggggg gggggg gggggg"
	for op := range c.gemm {
		for m := range c.gemm[op] {
			c.gemm[op][m] = all
		}
	}
	c.gemv = [2]string{all, all}
	if l := who(NoTrans, NoTrans, 1, 20, 5); l != 'g' {
		t.Errorf("who = %c", l)
	}
	c.gemm[2][3] = "gggggg ggggog gggggg gggggg gggggg gggggg"
	if l := who(Trans, NoTrans, 100, 8, 200); l != 'o' {
		t.Errorf("A^T B, m=100 n=8 k=200: %c, want o", l)
	}
	c.gemv[1] = "gggggg gggggg gggggo gggggg gggggg gggggg"
	if l := whoGemv(Trans, 20, 600); l != 'o' {
		t.Errorf("A^T x, m=20 n=600: %c, want o", l)
	}
	asm.Use(asm.Generic)
	if who(NoTrans, NoTrans, 1, 1, 1) != 'o' || whoGemv(NoTrans, 1, 1) != 'o' {
		t.Error("plain Go was chosen")
	}
}
