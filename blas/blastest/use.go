package blastest

import (
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// UseGo makes backend go the active one until the test ends: tests of the bit contract hold
// for it alone.
func UseGo(t testing.TB) {
	t.Helper()
	was := blas.Active().Name()
	if err := blas.Use("go"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := blas.Use(was); err != nil {
			t.Fatal(err)
		}
	})
}
