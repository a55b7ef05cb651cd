//go:build cgo && openblas

package openblas_test

import (
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/blas/openblas"
)

func TestGemm(t *testing.T)   { blastest.Gemm(t, openblas.Backend{}, blastest.Options{}) }
func TestGemv(t *testing.T)   { blastest.Gemv(t, openblas.Backend{}, blastest.Options{}) }
func TestValues(t *testing.T) { blastest.Values(t, openblas.Backend{}, blastest.Options{}) }
func TestPanics(t *testing.T) { blastest.Panics(t, openblas.Backend{}) }
