package gonumblas

import (
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestCalls: no sizes get past a check, under any backend.
func TestCalls(t *testing.T) {
	c := asmtest.Calls{Package: "blas", Arg: blastest.CallArg, Funcs: []asmtest.Func{
		{Name: "Implementation.Sgemm", Says: "Gemm", Forms: []any{Implementation.Sgemm}},
		{Name: "Implementation.Dgemm", Says: "Gemm", Forms: []any{Implementation.Dgemm}},
		{Name: "Implementation.Sgemv", Says: "Gemv", Forms: []any{Implementation.Sgemv}},
		{Name: "Implementation.Dgemv", Says: "Gemv", Forms: []any{Implementation.Dgemv}},
	}}
	was := blas.Active().Name()
	defer blas.Use(was)
	for _, name := range blas.Available() {
		if err := blas.Use(name); err != nil {
			t.Fatal(err)
		}
		t.Run("impl="+name, func(t *testing.T) { c.Run(t, 3000) })
	}
}
