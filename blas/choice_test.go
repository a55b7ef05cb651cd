//go:build cgo && openblas

package blas_test

import (
	"testing"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestAuto runs the suite of the backends on the one that chooses.
func TestAuto(t *testing.T) {
	was := blas.Active().Name()
	defer blas.Use(was)
	if err := blas.Use("auto"); err != nil {
		t.Fatal(err)
	}
	auto := blas.Active()
	opt := blastest.Options{Float32Only: true}
	blastest.Values(t, auto, opt)
	blastest.Panics(t, auto)
	blastest.Packed(t, opt)
	blastest.Gemv(t, auto, opt)
}
