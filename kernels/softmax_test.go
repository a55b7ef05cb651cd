package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// oracleSoftmax returns the softmax of a row, its log-sum-exp and its largest element.
func oracleSoftmax(x []float32) (y []float64, lse, m float64) {
	m = math.Inf(-1)
	for _, v := range x {
		m = max(m, float64(v))
	}
	y = make([]float64, len(x))
	s := 0.0
	for j, v := range x {
		y[j] = math.Exp(float64(v) - m)
		s += y[j]
	}
	for j := range y {
		y[j] /= s
	}
	return y, m + math.Log(s), m
}

func TestSoftmax(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 1))
		for cols := 1; cols <= 300; cols += 1 + cols/70*37 {
			for _, rows := range []int{1, 3} {
				for _, sd := range []float64{0.1, 3, 40} {
					x := vecRandn[float32](rng, rows*cols, sd)
					got := make([]float32, rows*cols)
					lse := make([]float32, rows)
					Softmax(got, x, rows, cols)
					LogSumExp(lse, x, rows, cols)
					for i := range rows {
						want, wantLSE, m := oracleSoftmax(x[i*cols:][:cols])
						for j, w := range want {
							bound := (11 + float64(cols)/16 + m - float64(x[i*cols+j]) + math.Log(float64(cols))) * 0x1p-24
							if g := float64(got[i*cols+j]); math.Abs(g-w) > w*bound+0x1p-126 {
								t.Fatalf("cols=%d sd=%v Softmax[%d,%d] = %v, want %v: off by %v, bound %v",
									cols, sd, i, j, g, w, g/w-1, bound)
							}
						}
						bound := (8 + float64(cols)/16 + math.Abs(wantLSE) + 3*math.Log(float64(cols))) * 0x1p-24
						if g := float64(lse[i]); math.Abs(g-wantLSE) > bound {
							t.Fatalf("cols=%d sd=%v LogSumExp[%d] = %v, want %v: off by %v, bound %v",
								cols, sd, i, g, wantLSE, g-wantLSE, bound)
						}
					}
				}
			}
		}
	})
}

// TestSoftmaxLanes holds the order of the sum: 16 lanes, then halves.
func TestSoftmaxLanes(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 2))
		for cols := 1; cols < 70; cols++ {
			x := vecRandn[float32](rng, cols, 2)
			x[rng.IntN(cols)] = 9
			var l [16]float32
			for j, v := range x {
				l[j%16] += exp32(v - rowMax(x))
			}
			a := func(i int) float32 { return (l[i] + l[i+8]) + (l[i+4] + l[i+12]) }
			s := (a(0) + a(2)) + (a(1) + a(3))
			y, lse := make([]float32, cols), make([]float32, 1)
			Softmax(y, x, 1, cols)
			LogSumExp(lse, x, 1, cols)
			inv := 1 / s
			for j, v := range x {
				if w := exp32(v-rowMax(x)) * inv; y[j] != w {
					t.Fatalf("cols=%d Softmax[%d] = %x, want %x", cols, j, y[j], w)
				}
			}
			if w := rowMax(x) + log32(s); lse[0] != w {
				t.Fatalf("cols=%d LogSumExp = %x, want %x", cols, lse[0], w)
			}
		}
	})
}

func TestSoftmaxSpecial(t *testing.T) {
	testSoftmaxSpecial[float32](t)
	testSoftmaxSpecial[float64](t)
}

func testSoftmaxSpecial[T Float](t *testing.T) {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	same := func(a, b T) bool { return a == b || a != a && b != b }
	for _, c := range []struct {
		x, y []T
		lse  T
	}{
		{[]T{5}, []T{1}, 5},
		{[]T{-inf}, []T{nan}, -inf},
		{[]T{-inf, -inf, -inf}, []T{nan, nan, nan}, -inf},
		{[]T{-inf, 3, -inf}, []T{0, 1, 0}, 3},
		{[]T{1, inf, -inf}, []T{nan, nan, nan}, inf},
		{[]T{1, nan, -inf}, []T{nan, nan, nan}, nan},
		{[]T{nan, nan, nan}, []T{nan, nan, nan}, nan},
		{[]T{nan, inf, 0}, []T{nan, nan, nan}, nan},
		{[]T{3e38, -3e38}, []T{1, 0}, 3e38},
		{[]T{-3e38, -3e38}, []T{0.5, 0.5}, -3e38},
		{[]T{0, 0, 0, 0}, []T{0.25, 0.25, 0.25, 0.25}, T(math.Log(4))},
	} {
		n := len(c.x)
		// Two healthy rows around it must not notice.
		x := make([]T, 3*n)
		copy(x[n:], c.x)
		y, lse := make([]T, 3*n), make([]T, 3)
		Softmax(y, x, 3, n)
		LogSumExp(lse, x, 3, n)
		for j, w := range c.y {
			if !same(y[n+j], w) {
				t.Errorf("Softmax[%T](%v)[%d] = %v, want %v", inf, c.x, j, y[n+j], w)
			}
			if w := 1 / T(n); math.Abs(float64(y[j]-w)) > 1e-7 || y[2*n+j] != y[j] {
				t.Errorf("Softmax[%T](%v): the rows beside are %v", inf, c.x, y)
			}
		}
		if !same(lse[1], c.lse) {
			t.Errorf("LogSumExp[%T](%v) = %v, want %v", inf, c.x, lse[1], c.lse)
		}
	}
	lse := []T{1, 2, 3}
	LogSumExp(lse[:2], nil, 2, 0)
	if lse[0] != -inf || lse[1] != -inf || lse[2] != 3 {
		t.Errorf("LogSumExp[%T] of rows without columns: %v", inf, lse)
	}
	Softmax[T](nil, nil, 0, 5)
	Softmax[T](nil, nil, 5, 0)
	SoftmaxBackward[T](nil, nil, nil, 5, 0)
}

func TestSoftmaxBackward(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 3))
		for cols := 1; cols <= 70; cols++ {
			const rows = 3
			x, dy := vecRandn[float32](rng, rows*cols, 2), vecRandn[float32](rng, rows*cols, 1)
			y := make([]float32, rows*cols)
			Softmax(y, x, rows, cols)
			dx := make([]float32, rows*cols)
			SoftmaxBackward(dx, dy, y, rows, cols)
			for i := range rows {
				s, abs := 0.0, 0.0
				for j := range cols {
					p := float64(y[i*cols+j]) * float64(dy[i*cols+j])
					s += p
					abs += math.Abs(p)
				}
				for j := range cols {
					k := i*cols + j
					want := float64(y[k]) * (float64(dy[k]) - s)
					// s carries one rounding per term and fold, the difference and the product one each.
					bound := float64(y[k])*(abs*(float64(cols)/16+5)+2*math.Abs(float64(dy[k])-s))*0x1p-24 + 0x1p-140
					if math.Abs(float64(dx[k])-want) > bound {
						t.Fatalf("cols=%d dx[%d,%d] = %v, want %v, bound %v", cols, i, j, dx[k], want, bound)
					}
				}
			}
		}
	})
}

func TestSoftmaxFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 4))
	const rows, cols, h = 2, 7, 1e-6
	x, dy := vecRandn[float64](rng, rows*cols, 2), vecRandn[float64](rng, rows*cols, 1)
	y, dx, lse := make([]float64, rows*cols), make([]float64, rows*cols), make([]float64, rows)
	loss := func() (s, l float64) {
		out := make([]float64, rows*cols)
		Softmax(out, x, rows, cols)
		for k, v := range out {
			s += v * dy[k]
		}
		LogSumExp(lse, x, rows, cols)
		return s, lse[0] + lse[1]
	}
	Softmax(y, x, rows, cols)
	SoftmaxBackward(dx, dy, y, rows, cols)
	for k := range x {
		x0 := x[k]
		x[k] = x0 + h
		s1, l1 := loss()
		x[k] = x0 - h
		s0, l0 := loss()
		x[k] = x0
		if d := (s1 - s0) / (2 * h); math.Abs(d-dx[k]) > 1e-8 {
			t.Errorf("SoftmaxBackward[%d] = %v, finite difference %v", k, dx[k], d)
		}
		if d := (l1 - l0) / (2 * h); math.Abs(d-y[k]) > 1e-8 {
			t.Errorf("gradient of LogSumExp[%d] = %v, finite difference %v", k, y[k], d)
		}
	}
}
