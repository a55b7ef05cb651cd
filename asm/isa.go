package asm

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// An ISA is an instruction set that kernels may be written in.
type ISA uint32

// The instruction sets, each better than those before it on the machines that have it.
const (
	Generic ISA = iota // plain Go
	NEON               // arm64 Advanced SIMD
	AVX2               // AVX2 and FMA
	AVX512             // AVX-512 F, BW, DQ and VL
)

var isaNames = [...]string{Generic: "generic", NEON: "neon", AVX2: "avx2", AVX512: "avx512"}

// String returns the name used in ELBOW_ISA, in test names and as impl= in benchmarks.
func (i ISA) String() string {
	if int(i) < len(isaNames) {
		return isaNames[i]
	}
	return fmt.Sprintf("ISA(%d)", uint32(i))
}

var (
	available = detect() // worst first; always starts with Generic
	active    atomic.Uint32
	envErr    error
)

func init() {
	isa, err := choose(os.Getenv("ELBOW_ISA"), available)
	active.Store(uint32(isa))
	envErr = err
}

// choose returns the ISA for a value of ELBOW_ISA: the best one when the value is empty
// or of no use here, in the latter case with the reason.
func choose(env string, available []ISA) (ISA, error) {
	best := available[len(available)-1]
	if env == "" {
		return best, nil
	}
	for _, isa := range available {
		if isa.String() == env {
			return isa, nil
		}
	}
	why := "unknown value"
	if slices.Contains(isaNames[:], env) {
		why = "not available on this machine or in this build"
	}
	return best, fmt.Errorf("asm: ELBOW_ISA=%q: %s, using %v; known values: %s; available: %v",
		env, why, best, strings.Join(isaNames[:], " "), available)
}

// Active returns the instruction set in use.
func Active() ISA { return ISA(active.Load()) }

// Available returns the instruction sets that this machine and this build have, worst
// first. The first is always Generic.
func Available() []ISA { return slices.Clone(available) }

// Use makes isa the active instruction set and returns the one before. It is for tests
// and benchmarks: it must not be called while kernels run, and layers packed before the
// call have to be packed again. It panics if isa is not available.
func Use(isa ISA) (before ISA) {
	if !slices.Contains(available, isa) {
		panic(fmt.Sprintf("asm: Use: isa = %v, want one of %v", isa, available))
	}
	return ISA(active.Swap(uint32(isa)))
}

// EnvError returns what was wrong with ELBOW_ISA when the program started, or nil.
func EnvError() error { return envErr }
