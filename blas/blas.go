package blas

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"gonum.org/v1/gonum/blas"
)

// Float is the element type of the products.
type Float interface{ float32 | float64 }

// Transpose says whether an operand is used as it is stored or transposed. It is gonum's
// type; its ConjTrans means Trans here, as all matrices are real.
type Transpose = blas.Transpose

// The two values of Transpose.
const (
	NoTrans Transpose = blas.NoTrans
	Trans   Transpose = blas.Trans
)

// A Backend is an implementation of the products. The methods are [Gemm] and [Gemv] for
// one type each, with all of their checks; they may be called at the same time.
type Backend interface {
	Name() string
	Sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)
	Dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int)
	Sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int)
	Dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int)
}

// A Status describes the backend in use.
type Status struct {
	Backend string `json:"backend"`           // go, openblas or auto
	Core    string `json:"core,omitempty"`    // the kernels that OpenBLAS chose
	Threads int    `json:"threads"`           // that one product runs on
	Warning string `json:"warning,omitempty"` // what makes it slower than it should be
}

// String returns the status in one line, such as "openblas, core SkylakeX, 1 thread".
func (s Status) String() string {
	var b strings.Builder
	b.WriteString(s.Backend)
	if s.Core != "" {
		b.WriteString(", core " + s.Core)
	}
	fmt.Fprintf(&b, ", %d thread", s.Threads)
	if s.Threads != 1 {
		b.WriteString("s")
	}
	if s.Warning != "" {
		b.WriteString(", warning: " + s.Warning)
	}
	return b.String()
}

// known are the names of all backends there are, in this build or not.
var known = []string{"go", "openblas", "auto"}

var (
	active atomic.Int32 // index in backends
	envErr error
)

func init() {
	i, err := choose(os.Getenv("ELBOW_BLAS"), Available())
	active.Store(int32(i))
	envErr = err
}

// choose returns the index in available for a value of ELBOW_BLAS: the last one when the
// value is empty or of no use here, in the latter case with the reason.
func choose(env string, available []string) (int, error) {
	last := len(available) - 1
	if env == "" {
		return last, nil
	}
	if i := slices.Index(available, env); i >= 0 {
		return i, nil
	}
	return last, fmt.Errorf("blas: ELBOW_BLAS=%q: %s, using %s; known values: %s; available: %s",
		env, whyNot(env), available[last], strings.Join(known, " "), strings.Join(available, " "))
}

func whyNot(name string) string {
	if slices.Contains(known, name) {
		return "not in this build (it needs cgo and -tags openblas)"
	}
	return "unknown value"
}

// Use makes the named backend the active one. It may be called while products run; they
// end under the backend they started with.
func Use(name string) error {
	i := slices.Index(Available(), name)
	if i < 0 {
		return fmt.Errorf("blas: Use(%q): %s; available: %s", name, whyNot(name), strings.Join(Available(), " "))
	}
	active.Store(int32(i))
	return nil
}

// Active returns the backend that [Gemm] and [Gemv] use.
func Active() Backend { return backends[active.Load()] }

// Available returns the names of the backends of this build. The first is always go, the
// last is the default.
func Available() []string {
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = b.Name()
	}
	return names
}

// EnvError returns what was wrong with ELBOW_BLAS when the program started, or nil.
func EnvError() error { return envErr }

// CurrentStatus describes the active backend: what a report of a run should record.
func CurrentStatus() Status { return status(Active().Name()) }

// Info is the text of [CurrentStatus].
func Info() string { return CurrentStatus().String() }
