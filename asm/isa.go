package asm

import (
	"errors"
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
	on, dotErr := chooseDot(os.Getenv("ELBOW_DOT"), dotISA)
	dot.Store(on)
	envErr = errors.Join(err, dotErr)
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

// Some machines with an instruction set have an instruction besides for products of bytes: VPDPBUSD of
// AVX-512 VNNI, SDOT of FEAT_DotProd. It changes no bit of any result.
var (
	dotISA = detectDot() // the instruction set that has it here, or Generic
	dot    atomic.Bool   // it may be used
)

// chooseDot returns whether to use the instruction for a value of ELBOW_DOT: on, off, or as can be.
func chooseDot(env string, isa ISA) (bool, error) {
	switch {
	case env == "off" || env == "" && isa == Generic:
		return false, nil
	case env == "on" && isa == Generic:
		return false, errors.New(`asm: ELBOW_DOT="on": not available on this machine or in this build`)
	case env == "on" || env == "":
		return true, nil
	}
	return isa != Generic, fmt.Errorf("asm: ELBOW_DOT=%q: unknown value; known values: on off", env)
}

// Dot reports whether the instruction for products of bytes is in use: the machine has it, the active
// instruction set is that to which it belongs, and neither ELBOW_DOT=off nor [UseDot] is against it.
func Dot() bool { return dot.Load() && Active() == dotISA }

// HasDot reports whether this machine and this build have the instruction.
func HasDot() bool { return dotISA != Generic }

// UseDot says whether the instruction may be used and returns what held before. It is for tests and
// benchmarks, as [Use] is. It panics if the machine does not have what is asked for.
func UseDot(on bool) (before bool) {
	if on && !HasDot() {
		panic("asm: UseDot: on = true, want false: this machine or build has no such instruction")
	}
	return dot.Swap(on)
}

// EnvError returns what was wrong with ELBOW_ISA and ELBOW_DOT when the program started, or nil.
func EnvError() error { return envErr }
