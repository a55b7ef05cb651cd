//go:build cgo && openblas

package openblas_test

import (
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/blas/openblas"
)

func TestGemm(t *testing.T)    { blastest.Gemm(t, openblas.Backend{}, blastest.Options{}) }
func TestGemv(t *testing.T)    { blastest.Gemv(t, openblas.Backend{}, blastest.Options{}) }
func TestValues(t *testing.T)  { blastest.Values(t, openblas.Backend{}, blastest.Options{}) }
func TestPanics(t *testing.T)  { blastest.Panics(t, openblas.Backend{}) }
func TestStrides(t *testing.T) { blastest.Strides(t, openblas.Backend{}) }

// TestCalls: no sizes get past a check, nor are they cut to the 32 bits that OpenBLAS takes.
func TestCalls(t *testing.T) {
	c := asmtest.Calls{Package: "blas", Arg: blastest.CallArg, Funcs: []asmtest.Func{
		{Name: "Backend.Sgemm", Says: "Gemm", Forms: []any{openblas.Backend.Sgemm}},
		{Name: "Backend.Dgemm", Says: "Gemm", Forms: []any{openblas.Backend.Dgemm}},
		{Name: "Backend.Sgemv", Says: "Gemv", Forms: []any{openblas.Backend.Sgemv}},
		{Name: "Backend.Dgemv", Says: "Gemv", Forms: []any{openblas.Backend.Dgemv}},
	}}
	c.Run(t, 3000)
}
