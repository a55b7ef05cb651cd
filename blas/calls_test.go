package blas_test

import (
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/blastest"
)

// calls are all exported functions that take sizes.
var calls = asmtest.Calls{Package: "blas", Arg: blastest.CallArg, Funcs: []asmtest.Func{
	{Name: "Gemm", Forms: []any{blas.Gemm[float32], blas.Gemm[float64]}},
	{Name: "GemmTN", Says: "Gemm", Forms: []any{blas.GemmTN[float32], blas.GemmTN[float64]}},
	{Name: "Gemv", Forms: []any{blas.Gemv[float32], blas.Gemv[float64]}},
	{Name: "GemmThreads", Says: "Gemm", Forms: []any{blas.GemmThreads[float32], blas.GemmThreads[float64]}},
	{Name: "GemmPacked", Forms: []any{blas.GemmPacked[float32], blas.GemmPacked[float64]}},
	{Name: "GemmPackedBias", Forms: []any{blas.GemmPackedBias[float32], blas.GemmPackedBias[float64]}},
	{Name: "Packed.Pack", Forms: []any{(*blas.Packed[float32]).Pack, (*blas.Packed[float64]).Pack}},
	{Name: "Go.Sgemm", Says: "Gemm", Forms: []any{blas.Go.Sgemm}},
	{Name: "Go.Dgemm", Says: "Gemm", Forms: []any{blas.Go.Dgemm}},
	{Name: "Go.Sgemv", Says: "Gemv", Forms: []any{blas.Go.Sgemv}},
	{Name: "Go.Dgemv", Says: "Gemv", Forms: []any{blas.Go.Dgemv}},
}}

// TestCalls: no sizes get past a check, under any backend.
func TestCalls(t *testing.T) {
	was := blas.Active().Name()
	defer blas.Use(was)
	for _, name := range blas.Available() {
		if err := blas.Use(name); err != nil {
			t.Fatal(err)
		}
		t.Run("impl="+name, func(t *testing.T) { calls.Run(t, 3000) })
	}
}

func FuzzCalls(f *testing.F) { calls.Fuzz(f) }
