//go:build cgo && openblas

package openblas

/*
#cgo LDFLAGS: -lopenblas
#include <stdlib.h>

// The standard header is not everywhere in the same place, and has not all of these.
void openblas_set_num_threads(int n);
int openblas_get_num_threads(void);
char *openblas_get_corename(void);

// Only a build of OpenBLAS with a choice of kernels at run time has these two.
void gotoblas_dynamic_quit(void) __attribute__((weak));
void gotoblas_dynamic_init(void) __attribute__((weak));

// choose_again has OpenBLAS choose its kernels by name. OpenBLAS reads the name with getenv,
// which does not see what os.Setenv does.
static void choose_again(const char *core) {
	if (!gotoblas_dynamic_quit || !gotoblas_dynamic_init) return;
	setenv("OPENBLAS_CORETYPE", core, 1);
	gotoblas_dynamic_quit();
	gotoblas_dynamic_init();
	unsetenv("OPENBLAS_CORETYPE");
}
*/
import "C"

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

var warning string

func init() {
	_, forced := os.LookupEnv("OPENBLAS_CORETYPE")
	warning = correct(forced)
	C.openblas_set_num_threads(1)
}

// correct has OpenBLAS choose again if its kernels are outdated for this processor and
// their name is not forced. It returns a warning if they still are.
func correct(forced bool) string {
	best := bestCore()
	if best != "" && outdated(Core()) && !forced {
		chooseAgain(best)
	}
	if core := Core(); best != "" && outdated(core) {
		return fmt.Sprintf("OpenBLAS runs its %s kernels, several times slower than this processor allows; OPENBLAS_CORETYPE=%s may help", core, best)
	}
	return ""
}

// chooseAgain has OpenBLAS choose its kernels by name, where it can. A name that it does
// not know leaves the choice to itself.
func chooseAgain(core string) {
	name := C.CString(core)
	C.choose_again(name)
	C.free(unsafe.Pointer(name))
}

// bestCore returns the name of kernels that every OpenBLAS of the last years has and that
// this processor can run, or "" where there is nothing to improve.
func bestCore() string {
	switch {
	case cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512CD, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL):
		return "SkylakeX"
	case cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3):
		return "Haswell"
	}
	return ""
}

// outdated reports whether core is the name of x86 kernels without AVX2.
func outdated(core string) bool {
	switch strings.ToLower(core) {
	case "prescott", "katmai", "coppermine", "northwood", "banias", "core2", "penryn", "dunnington",
		"atom", "nano", "nehalem", "sandybridge", "athlon", "opteron", "opteron_sse3", "barcelona",
		"bobcat", "bulldozer", "piledriver", "steamroller", "generic", "unknown":
		return true
	}
	return false
}

// Core returns the name of the kernels in use, as OpenBLAS gives it.
func Core() string { return C.GoString(C.openblas_get_corename()) }

// Threads returns the number of threads that a product runs on: 1, unless something else in
// the process has changed it.
func Threads() int { return int(C.openblas_get_num_threads()) }

// Warning returns what makes OpenBLAS slow on this machine, or "".
func Warning() string { return warning }
