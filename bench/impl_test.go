package bench_test

import (
	"flag"
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
)

// TestMain has the benchmarks of -short take two minutes in all, if nobody asks for another time.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.benchtime" })
	if testing.Short() && !asked {
		flag.Set("test.benchtime", "30ms")
	}
	m.Run()
}

// forEachImpl runs a benchmark under every implementation: generic, the instruction sets
// of this machine, and, where OpenBLAS is linked in and takes part, openblas: its products
// with our best kernels.
//
// result computes what is to be timed once and returns it. In float32 it has to be the same in
// bits as under generic; in float64, and with OpenBLAS, close to it, before anything is timed.
func forEachImpl[T blas.Float](b *testing.B, openblas bool, f func(b *testing.B), result func() []T) {
	exact, near := 0.0, 1e-3
	if _, is := any(T(0)).(float64); is {
		exact, near = 1e-11, 1e-11
	}
	wasISA, wasBLAS := asm.Active(), blas.Active().Name()
	reset := func() {
		asm.Use(wasISA)
		if err := blas.Use(wasBLAS); err != nil {
			b.Fatal(err)
		}
	}
	defer reset()
	use := func(isa asm.ISA, backend string) {
		asm.Use(isa)
		if err := blas.Use(backend); err != nil {
			b.Fatal(err)
		}
	}
	use(asm.Generic, "go")
	want := slices.Clone(result())
	run := func(impl string, isa asm.ISA, backend string, tol float64) {
		b.Run("impl="+impl, func(b *testing.B) {
			use(isa, backend)
			got := result()
			for i := range want {
				if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tol*math.Max(1, math.Abs(float64(want[i])))) {
					b.Fatalf("element %d is %v, generic %v", i, got[i], want[i])
				}
			}
			f(b)
		})
	}
	for _, isa := range asm.Available() {
		run(isa.String(), isa, "go", exact)
	}
	if openblas && slices.Contains(blas.Available(), "openblas") {
		isas := asm.Available()
		run("openblas", isas[len(isas)-1], "openblas", near)
	}
}

// shortened returns the first shapes of a list under -short, otherwise all.
func shortened[S any](list []S) []S {
	if testing.Short() {
		return list[:min(len(list), bench.Short)]
	}
	return list
}
