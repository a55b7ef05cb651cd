package gonumblas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	elbow "github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/blastest"
)

// values returns n multiples of 2^-4 up to 4: every sum of up to 2^11 products is exact in
// float32, whatever its order, so that two implementations must agree in every bit.
func values[T float32 | float64](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.IntN(129)-64) / 16
	}
	return x
}

func TestAgainstGonum(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	ours, theirs := Implementation{}, gonum.Implementation{}
	trans := []blas.Transpose{blas.NoTrans, blas.Trans, blas.ConjTrans}
	for i := range 400 {
		m, n, k := rng.IntN(40), rng.IntN(40), 1+rng.IntN(150)
		tA, tB := trans[rng.IntN(3)], trans[rng.IntN(3)]
		alpha, beta := float64(rng.IntN(3)), float64(rng.IntN(3))
		const ld = 160
		what := fmt.Sprintf("case %d: %c%c m=%d n=%d k=%d alpha=%v beta=%v", i, tA, tB, m, n, k, alpha, beta)

		a, b, c := values[float32](rng, ld*160), values[float32](rng, ld*160), values[float32](rng, ld*160)
		want := append([]float32(nil), c...)
		ours.Sgemm(tA, tB, m, n, k, float32(alpha), a, ld, b, ld, float32(beta), c, ld)
		theirs.Sgemm(tA, tB, m, n, k, float32(alpha), a, ld, b, ld, float32(beta), want, ld)
		same(t, what, c, want)
		incX, incY := rng.IntN(3)+1, -1-rng.IntN(3)
		ours.Sgemv(tA, m, n, float32(alpha), a, ld, b, incX, float32(beta), c, incY)
		theirs.Sgemv(tA, m, n, float32(alpha), a, ld, b, incX, float32(beta), want, incY)
		same(t, what+" Gemv", c, want)

		a2, b2, c2 := values[float64](rng, ld*160), values[float64](rng, ld*160), values[float64](rng, ld*160)
		want2 := append([]float64(nil), c2...)
		ours.Dgemm(tA, tB, m, n, k, alpha, a2, ld, b2, ld, beta, c2, ld)
		theirs.Dgemm(tA, tB, m, n, k, alpha, a2, ld, b2, ld, beta, want2, ld)
		same(t, what, c2, want2)
		ours.Dgemv(tA, m, n, alpha, a2, ld, b2, incX, beta, c2, incY)
		theirs.Dgemv(tA, m, n, alpha, a2, ld, b2, incX, beta, want2, incY)
		same(t, what+" Gemv", c2, want2)
	}
}

func same[T float32 | float64](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i, g := range got {
		if g != want[i] {
			t.Fatalf("%s: element %d = %v, gonum has %v", what, i, g, want[i])
		}
	}
}

// backend is the adapter seen as one of package blas.
type backend struct{ Implementation }

func (backend) Name() string { return "gonumblas" }

// The suites of all backends. There is no TestValues: without machine code, float64 has gonum's NaN.
func TestGemm(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Gemm(t, backend{}, blastest.Options{}) })
}

func TestGemv(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) { blastest.Gemv(t, backend{}, blastest.Options{}) })
}

func TestPanics(t *testing.T)  { blastest.Panics(t, backend{}) }
func TestStrides(t *testing.T) { blastest.Strides(t, backend{}) }

// TestOthers: float64 goes to gonum under backend go without machine code, and to the active backend
// otherwise. gonum leaves out the zeros of A, and the others do not.
func TestOthers(t *testing.T) {
	was := elbow.Active().Name()
	defer elbow.Use(was)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, name := range elbow.Available() {
			if err := elbow.Use(name); err != nil {
				t.Fatal(err)
			}
			c := make([]float64, 1)
			Implementation{}.Dgemm(blas.NoTrans, blas.NoTrans, 1, 1, 2, 1, []float64{0, 1}, 2, []float64{math.NaN(), 3}, 1, 0, c, 1)
			if gonum := c[0] == 3; gonum != (name == "go" && asm.Active() == asm.Generic) {
				t.Errorf("under %s: 0*NaN + 1*3 = %v", name, c[0])
			}
		}
	})
}

// TestPacked: a matrix of gonum's that is packed beforehand gives the bits of Sgemm.
func TestPacked(t *testing.T) {
	was, name := blas32.Implementation(), elbow.Active().Name()
	defer func() { blas32.Use(was); elbow.Use(name) }()
	blas32.Use(Implementation{})
	if err := elbow.Use("go"); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(6, 6))
	a := blas32.General{Rows: 9, Cols: 40, Stride: 43, Data: make([]float32, 9*43)}
	b := blas32.General{Rows: 70, Cols: 40, Stride: 41, Data: make([]float32, 70*41)}
	for _, m := range []blas32.General{a, b} {
		for i := range m.Data {
			m.Data[i] = float32(rng.NormFloat64())
		}
	}
	want := blas32.General{Rows: 9, Cols: 70, Stride: 70, Data: make([]float32, 9*70)}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, b, 0, want)
	var p elbow.Packed[float32]
	p.Pack(blas.Trans, b.Cols, b.Rows, b.Data, b.Stride)
	got := make([]float32, 9*70)
	elbow.GemmPacked(a.Rows, 0, b.Cols, 0, b.Rows, a.Data, a.Stride, &p, 0, got, 70)
	same(t, "packed", got, want.Data)
}

// TestUnderGonum runs gonum's own front ends on the adapter.
func TestUnderGonum(t *testing.T) {
	was32, was64 := blas32.Implementation(), blas64.Implementation()
	defer func() { blas32.Use(was32); blas64.Use(was64) }()
	blas32.Use(Implementation{})
	blas64.Use(Implementation{})

	a := blas32.General{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 2, 3, 4, 5, 6}}
	c := blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 4)}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, a, 0, c)
	same(t, "blas32.Gemm", c.Data, []float32{14, 32, 32, 77})
	if n := blas32.Nrm2(blas32.Vector{N: 2, Inc: 1, Data: []float32{3, 4}}); n != 5 {
		t.Errorf("blas32.Nrm2, which is gonum's: %v, want 5", n)
	}

	// A solution through gonum's LAPACK, whose inner products are now ours.
	rng := rand.New(rand.NewPCG(5, 5))
	const n = 150
	m := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			m.Set(i, j, rng.NormFloat64())
		}
		m.Set(i, i, m.At(i, i)+2*n)
	}
	var inv, one mat.Dense
	if err := inv.Inverse(m); err != nil {
		t.Fatal(err)
	}
	one.Mul(m, &inv)
	for i := range n {
		for j := range n {
			want := 0.0
			if i == j {
				want = 1
			}
			if d := math.Abs(one.At(i, j) - want); !(d < 1e-13) {
				t.Fatalf("(M M^-1)[%d,%d] is %g off", i, j, d)
			}
		}
	}
}
