package blas

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestChoose(t *testing.T) {
	both, one := []string{"go", "openblas"}, []string{"go"}
	for _, c := range []struct {
		env  string
		have []string
		want int
		err  string
	}{
		{"", one, 0, ""},
		{"", both, 1, ""},
		{"go", one, 0, ""},
		{"go", both, 0, ""},
		{"openblas", both, 1, ""},
		{"openblas", one, 0, "not in this build"},
		{"auto", one, 0, "not in this build"},
		{"mkl", both, 1, "unknown value, using openblas; known values: go openblas auto; available: go openblas"},
		{"Go", one, 0, "unknown value"},
	} {
		got, err := choose(c.env, c.have)
		if got != c.want {
			t.Errorf("choose(%q, %v) = %v, want %v", c.env, c.have, got, c.want)
		}
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("choose(%q, %v): error %v, want one with %q", c.env, c.have, err, c.err)
		}
	}
}

func TestUse(t *testing.T) {
	if err := EnvError(); err != nil {
		t.Fatal(err)
	}
	was := Active().Name()
	defer func() {
		if err := Use(was); err != nil {
			t.Fatal(err)
		}
	}()
	if a := Available(); a[0] != "go" || !slices.Contains(a, was) {
		t.Errorf("Available() = %v, active %s", a, was)
	}
	for _, name := range Available() {
		if err := Use(name); err != nil {
			t.Fatal(err)
		}
		s := CurrentStatus()
		if Active().Name() != name || s.Backend != name || s.Threads != 1 || s.Core == "" && name != "go" {
			t.Errorf("Use(%q): Active() is %s, status %+v", name, Active().Name(), s)
		}
		if i := Info(); !strings.HasPrefix(i, name) || !strings.Contains(i, "1 thread") {
			t.Errorf("Use(%q): Info() = %q", name, i)
		}
		c := make([]float32, 1)
		Gemm(NoTrans, NoTrans, 1, 1, 2, 1, []float32{2, 3}, 2, []float32{5, 7}, 1, 0, c, 1)
		if c[0] != 31 {
			t.Errorf("under %s: 2*5 + 3*7 = %v", name, c[0])
		}
	}
	now := Active().Name()
	if err := Use("mkl"); err == nil || !strings.Contains(err.Error(), `Use("mkl"): unknown value`) {
		t.Errorf("Use(mkl) = %v", err)
	}
	if Active().Name() != now {
		t.Errorf("a failed Use changed the backend to %s", Active().Name())
	}
}

func TestStatusString(t *testing.T) {
	s := Status{Backend: "openblas", Core: "Prescott", Threads: 2, Warning: "slow"}
	if got, want := s.String(), "openblas, core Prescott, 2 threads, warning: slow"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNoAllocation goes through the generic functions, with operands that would be on the
// stack if nothing let them escape, under every backend of the build.
func TestNoAllocation(t *testing.T) {
	was := Active().Name()
	defer Use(was)
	for _, name := range Available() {
		if err := Use(name); err != nil {
			t.Fatal(err)
		}
		t.Run("impl="+name, func(t *testing.T) {
			asmtest.ForEachISA(t, testNoAllocation[float32])
			testNoAllocation[float64](t)
		})
	}
}

func testNoAllocation[T Float](t *testing.T) {
	a, b, c := make([]T, 70*70), make([]T, 70*70), make([]T, 256*70)
	before := runtime.NumGoroutine()
	for _, alpha := range []T{1, 2} {
		for _, n := range []int{1, 2, 5, 16, 70} {
			for _, tr := range []Transpose{NoTrans, Trans} {
				if got := testing.AllocsPerRun(3, func() {
					Gemm(NoTrans, tr, n, 70, 65, alpha, a, 70, b, 70, 1, c, 70)
					Gemm(tr, NoTrans, 70, n, 65, alpha, a, 70, b, 70, 0, c, 70)
					Gemv(tr, n, 70, alpha, a, 70, b, 1, 1, c, -1)
					Gemv(tr, n, 70, alpha, a, 70, b, -2, 0, c, 3)
				}); got != 0 {
					t.Errorf("%T: n = %d, alpha = %v, %c: %v allocations", a, n, alpha, tr, got)
				}
			}
		}
	}
	large := make([]T, 256*256) // packed on both sides
	if got := testing.AllocsPerRun(3, func() { Gemm(Trans, NoTrans, 256, 64, 256, 1, large, 256, large, 256, 0, c, 64) }); got != 0 {
		t.Errorf("%T: large: %v allocations", a, got)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%T: %d goroutines before, %d after", a, before, after)
	}
}

// Operands of a caller without a heap.
func TestNoEscape(t *testing.T) {
	if len(Available()) > 1 {
		t.Skip("only plain Go can promise it: cgo takes pointers to the heap")
	}
	if got := testing.AllocsPerRun(10, func() {
		a, x, y := [6]float32{1, 2, 3, 4, 5, 6}, [3]float32{1, 1, 1}, [2]float32{}
		Gemv(NoTrans, 2, 3, 1, a[:], 3, x[:], 1, 0, y[:], 1)
		Gemm(NoTrans, NoTrans, 2, 1, 3, 1, a[:], 3, x[:], 1, 1, y[:], 1)
		if y != [2]float32{12, 30} {
			t.Errorf("y = %v", y)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
