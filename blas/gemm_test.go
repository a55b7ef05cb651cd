package blas_test

import (
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/blastest"
)

func goOptions() blastest.Options {
	return blastest.Options{Chains: true, Exhaustive: *exhaustive}
}

func TestGemm(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Gemm(t, blas.Go{}, goOptions()) })
}

func TestGemv(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Gemv(t, blas.Go{}, goOptions()) })
}

func TestValues(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Values(t, blas.Go{}, goOptions()) })
}

func TestPanics(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Panics(t, blas.Go{}) })
}

func TestStrides(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Strides(t, blas.Go{}) })
}

func TestShapes(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		if asm.Active() == asm.Generic {
			t.Skip("plain Go has its own sizes in TestGemm")
		}
		blastest.Shapes(t, blas.Go{}, goOptions())
	})
}

func TestPacked(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Packed(t, goOptions()) })
}
