//go:build cgo && openblas

package openblas

import (
	"os"
	"strings"
	"testing"
)

// TestCorrect has OpenBLAS choose kernels of 2004, as it does by itself for a processor
// newer than it, and expects them to be replaced.
func TestCorrect(t *testing.T) {
	if bestCore() == "" {
		t.Skip("no AVX2: there is nothing to correct")
	}
	was := Core()
	defer chooseAgain(was)
	if chooseAgain("Prescott"); Core() != "Prescott" {
		t.Skipf("this OpenBLAS has no choice of kernels: core %s", Core())
	}
	if w := correct(true); !strings.Contains(w, "Prescott") || !strings.Contains(w, bestCore()) || Core() != "Prescott" {
		t.Errorf("forced: core %s, warning %q", Core(), w)
	}
	if w := correct(false); w != "" || outdated(Core()) {
		t.Errorf("corrected: core %s, warning %q", Core(), w)
	}
	c := make([]float32, 4)
	Backend{}.Sgemm('N', 'N', 2, 2, 2, 1, []float32{1, 2, 3, 4}, 2, []float32{5, 6, 7, 8}, 2, 0, c, 2)
	if c[0] != 19 || c[1] != 22 || c[2] != 43 || c[3] != 50 {
		t.Errorf("product under the corrected core %s: %v", Core(), c)
	}
}

func TestStart(t *testing.T) {
	if n := Threads(); n != 1 {
		t.Errorf("Threads() = %d, want 1", n)
	}
	if _, forced := os.LookupEnv("OPENBLAS_CORETYPE"); !forced && Warning() != "" {
		t.Error(Warning())
	}
	t.Logf("core %s, best %s, warning %q", Core(), bestCore(), Warning())
}
