package asmtest

import (
	"os"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
)

// ForEachISA runs f once per instruction set that this machine and this build have, as
// subtests isa=generic, isa=avx2 and so on, and puts the active one back. With -short it is
// plain Go, with which others are compared, and the active one, which ELBOW_ISA chooses. It
// fails when ELBOW_ISA was of no use, or when ELBOW_REQUIRE_ISA (names separated by commas)
// lists an instruction set that is missing, so that no run can quietly test nothing.
func ForEachISA(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	CheckEnv(t)
	was := asm.Active()
	defer asm.Use(was)
	for _, isa := range asm.Available() {
		if testing.Short() && isa != asm.Generic && isa != was {
			continue
		}
		asm.Use(isa)
		t.Run("isa="+isa.String(), f)
	}
}

// CheckEnv fails the test if the environment asks for what is not there.
func CheckEnv(t testing.TB) {
	t.Helper()
	if err := asm.EnvError(); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, isa := range asm.Available() {
		have[isa.String()] = true
	}
	for name := range strings.SplitSeq(os.Getenv("ELBOW_REQUIRE_ISA"), ",") {
		if name != "" && !have[name] {
			t.Fatalf("ELBOW_REQUIRE_ISA asks for %q, which is not available here: %v", name, asm.Available())
		}
	}
}
