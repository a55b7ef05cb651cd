package blastest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// guard is the NaN around and between the rows; its payload shows in a failure.
const guard32, guard64 = 0x7fc0dead, 0x7ff80000deadbeef

func guard[T blas.Float]() T {
	if _, ok := any(T(0)).(float32); ok {
		return T(math.Float32frombits(guard32))
	}
	return T(math.Float64frombits(guard64))
}

// bits tells any two values apart, NaN and signed zeros included.
func bits[T blas.Float](x T) uint64 {
	switch x := any(x).(type) {
	case float32:
		return uint64(math.Float32bits(x))
	case float64:
		return math.Float64bits(x)
	}
	panic("unreachable")
}

// A matrix is [rows, cols] with leading dimension ld inside buf, with guards in front,
// behind and between the rows. Vectors are matrices of one column.
type matrix[T blas.Float] struct {
	buf            []T
	off            int
	rows, cols, ld int
}

// newMatrix returns a matrix of values from gen, with gaps of pad elements between rows.
func newMatrix[T blas.Float](rng *rand.Rand, rows, cols, pad int, gen func(*rand.Rand) float64) matrix[T] {
	m := matrix[T]{off: 1 + rng.IntN(16), rows: rows, cols: cols, ld: cols + pad}
	m.buf = make([]T, m.off+max(0, rows*m.ld)+17)
	for i := range m.buf {
		m.buf[i] = guard[T]()
	}
	for i := range rows {
		for j := range cols {
			m.buf[m.off+i*m.ld+j] = T(gen(rng))
		}
	}
	return m
}

// data is the slice a caller passes: it ends with the last element.
func (m matrix[T]) data() []T {
	n := 0
	if m.rows > 0 && m.cols > 0 {
		n = (m.rows-1)*m.ld + m.cols
	}
	return m.buf[m.off : m.off+n : m.off+n]
}

func (m matrix[T]) at(i, j int) T { return m.buf[m.off+i*m.ld+j] }

func (m matrix[T]) set(i, j int, x T) { m.buf[m.off+i*m.ld+j] = x }

func (m matrix[T]) clone() matrix[T] {
	m.buf = slices.Clone(m.buf)
	return m
}

// lines returns the rows or else the columns of m, one after the other.
func (m matrix[T]) lines(rows bool) []T {
	x := make([]T, 0, m.rows*m.cols)
	if rows {
		for i := range m.rows {
			x = append(x, m.buf[m.off+i*m.ld:][:m.cols]...)
		}
		return x
	}
	for j := range m.cols {
		for i := range m.rows {
			x = append(x, m.at(i, j))
		}
	}
	return x
}

// sameBuffer fails unless m and was are the same in every bit, elements included or not.
func sameBuffer[T blas.Float](t *testing.T, what string, m, was matrix[T], elements bool) {
	t.Helper()
	for i, x := range m.buf {
		if bits(x) == bits(was.buf[i]) {
			continue
		}
		p := i - m.off
		inside := m.ld > 0 && p >= 0 && p < m.rows*m.ld && p%m.ld < m.cols
		if elements || !inside {
			t.Fatalf("%s: buffer[%d] (matrix starts at %d, %d x %d, ld %d) was %x, became %x",
				what, i, m.off, m.rows, m.cols, m.ld, bits(was.buf[i]), bits(x))
		}
	}
}

// The kinds of values. Each has its own way through a fast product.
var kinds = []struct {
	name string
	gen  func(*rand.Rand) float64
}{
	{"dense", func(r *rand.Rand) float64 { return r.NormFloat64() }},
	{"relu", func(r *rand.Rand) float64 { return max(0, r.NormFloat64()) }},
	{"binary", func(r *rand.Rand) float64 { return float64(r.IntN(2)) }},
	// Few bits: products and sums end in exact ties all the time.
	{"short", func(r *rand.Rand) float64 { return math.Ldexp(float64(r.IntN(1<<13)-1<<12), r.IntN(24)-12) }},
	// Two bits far apart: sums that are nearly, not exactly, ties.
	{"sparse", func(r *rand.Rand) float64 {
		return math.Ldexp(1+math.Ldexp(1, -8-r.IntN(16)), r.IntN(30)-15) * float64(1-2*r.IntN(2))
	}},
	{"wide", func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), r.IntN(80)-40) }},
	// Products and sums among the denormals and below, among zeros.
	{"tiny", func(r *rand.Rand) float64 {
		return math.Ldexp(1+float64(r.IntN(64))/64, -50-r.IntN(90)) * float64(r.IntN(3)-1)
	}},
	// Products of 2^-150 - 2^-182, half of the last denormal but for a bit that float64 loses
	// beside the others, which are up to 2^-126.
	{"brink", func(r *rand.Rand) float64 {
		return math.Ldexp(1+math.Ldexp(float64(1-2*r.IntN(2)), -16), []int{-63, -64, -75}[r.IntN(3)])
	}},
	{"denormal", func(r *rand.Rand) float64 { return math.Ldexp(float64(r.IntN(64)-32), -149) }},
}
