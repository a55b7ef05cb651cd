package kernels

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// The known answers of the Random123 library for philox4x32 with 10 rounds.
func TestPhiloxKnownAnswers(t *testing.T) {
	const m = math.MaxUint32
	for _, c := range []struct {
		ctr  [4]uint32
		k    [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{m, m, m, m}, [2]uint32{m, m}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.ctr, c.k[0], c.k[1]); got != c.want {
			t.Errorf("philox(%08x, %08x) = %08x, want %08x", c.ctr, c.k, got, c.want)
		}
	}
}

// TestNoisePlaces holds which counter and word makes which number, through the exported
// functions: seed low word first, block with the stream above it, step, row, update.
func TestNoisePlaces(t *testing.T) {
	n := Noise{Seed: 0x0123456789abcdef, Stream: 0xa5, Update: 77}
	const step, row, cols = 1 << 30, math.MaxUint32 - 1, 200
	words := make([]uint32, cols)
	Uint32s(words, n, step, row)
	for d := range uint32(cols) {
		g, w, j := d/64, d%64/16, d%16
		want := philox([4]uint32{16*g + j | 0xa5<<24, step, row, 77}, 0x89abcdef, 0x01234567)[w]
		if words[d] != want {
			t.Fatalf("Uint32s[%d] = %08x, want word %d of lane %d of group %d, %08x", d, words[d], w, j, g, want)
		}
	}
	u, z := make([]float32, cols), make([]float32, cols)
	Uniforms(u, n, step, row, 1, cols)
	Normals(z, n, step, row, 1, cols)
	all := make([]uint32, 256) // z needs partners beyond cols
	Uint32s(all, n, step, row)
	for d := range cols {
		want := min((float64(all[d]>>8)+0.5)*0x1p-24, 1-0x1p-24)
		if float64(u[d]) != float64(float32(want)) {
			t.Fatalf("Uniforms[%d] = %x, want %x", d, u[d], want)
		}
		p := d &^ 16 // the first of the pair
		v1, v2 := float64(uniform32(all[p])), float64(uniform32(all[p+16]))
		f := oracleCos
		if d != p {
			f = oracleSin
		}
		zd := math.Sqrt(-2*math.Log(v1)) * f(v2)
		// log 1.8 * 2^-24, halved by the root, which adds 1; sine or cosine 2; product 1.
		if math.Abs(float64(z[d])-zd) > math.Abs(zd)*5*0x1p-24 {
			t.Fatalf("Normals[%d] = %v, want %v", d, z[d], zd)
		}
	}
}

// TestNoiseParts: any part of the rows, steps and columns has the values of the whole, in float64 too.
func TestNoiseParts(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		testNoiseParts(t, "Normals", Normals[float32], Normals[float64])
		testNoiseParts(t, "Uniforms", Uniforms[float32], Uniforms[float64])
	})
}

func testNoiseParts(t *testing.T, name string, draw func(dst []float32, n Noise, step, row uint32, rows, cols int),
	wide func(dst []float64, n Noise, step, row uint32, rows, cols int)) {
	n := Noise{Seed: 99, Stream: 3, Update: 5}
	const rows, cols = 5, 150
	whole := make([]float32, rows*cols)
	draw(whole, n, 7, 10, rows, cols)
	for c := range cols + 1 {
		for _, r := range [][2]int{{0, 1}, {2, 5}, {4, 5}, {3, 3}} {
			part, doubles := make([]float32, (r[1]-r[0])*c), make([]float64, (r[1]-r[0])*c)
			draw(part, n, 7, 10+uint32(r[0]), r[1]-r[0], c)
			wide(doubles, n, 7, 10+uint32(r[0]), r[1]-r[0], c)
			for i := r[0]; i < r[1]; i++ {
				asmtest.SameFloats(t, fmt.Sprintf("%s row %d, %d columns", name, i, c),
					part[(i-r[0])*c:][:c], whole[i*cols:][:c])
			}
			for i, v := range doubles {
				if v != float64(part[i]) {
					t.Fatalf("%s: %d columns: float64[%d] = %v, float32 %v", name, c, i, v, part[i])
				}
			}
		}
	}
	draw(whole[:0], n, 0, 0, 0, 5)
	draw(whole[:0], n, 0, math.MaxUint32, 1, 0)
}

// TestNoiseKeys: every part of the name changes all numbers.
func TestNoiseKeys(t *testing.T) {
	base := Noise{Seed: 1, Stream: 2, Update: 3}
	draw := func(n Noise, step, row uint32) []float32 {
		z := make([]float32, 256)
		Normals(z, n, step, row, 1, 256)
		return z
	}
	z := draw(base, 4, 5)
	for name, other := range map[string][]float32{
		"seed low":  draw(Noise{Seed: 2, Stream: 2, Update: 3}, 4, 5),
		"seed high": draw(Noise{Seed: 1 | 1<<32, Stream: 2, Update: 3}, 4, 5),
		"stream":    draw(Noise{Seed: 1, Stream: 3, Update: 3}, 4, 5),
		"update":    draw(Noise{Seed: 1, Stream: 2, Update: 4}, 4, 5),
		"step":      draw(base, 5, 5),
		"row":       draw(base, 4, 6),
		"exchange":  draw(base, 5, 4),
	} {
		r := 0.0
		for i := range z {
			if z[i] == other[i] {
				t.Errorf("%s: number %d stays", name, i)
			}
			r += float64(z[i]) * float64(other[i])
		}
		if r /= 256; math.Abs(r) > 5.0/16 { // 5 standard errors, 1/sqrt(256)
			t.Errorf("%s: correlation %v", name, r)
		}
	}
}

func TestUniformEnds(t *testing.T) {
	for _, c := range []struct {
		w uint32
		u float32
	}{
		{0, 0x1p-25},
		{0xff, 0x1p-25},
		{0x100, 0x1.8p-24},
		{0x7fffffff, 0.5 - 0x1p-25},
		{0x80000000, 0.5}, // 1/2 + 2^-25 lies between two float32: to even
		{0xfffffe00, 1 - 0x1p-23},
		{0xffffffff, 1 - 0x1p-24},
	} {
		if u := uniform32(c.w); u != c.u {
			t.Errorf("uniform32(%#x) = %x, want %x", c.w, u, c.u)
		}
	}
	const largest = 5.887051 // sqrt(50 ln 2)
	for _, w := range []uint32{0, 0x40000000, 0x80000000, 0xffffffff} {
		if a, b := boxMuller(0, w); math.Abs(math.Hypot(float64(a), float64(b))-largest) > 1e-6 {
			t.Errorf("boxMuller(0, %#x) = %v, %v: not on the circle of %v", w, a, b, largest)
		}
		if a, b := boxMuller(math.MaxUint32, w); !(math.Hypot(float64(a), float64(b)) < 4e-4) {
			t.Errorf("boxMuller(max, %#x) = %v, %v", w, a, b)
		}
	}
}

// TestNormalMoments looks at mean, variance, skewness, kurtosis, the tails and the correlation
// of neighbours, each within 4.5 standard errors for its sample. The seed is fixed.
func TestNormalMoments(t *testing.T) {
	rows, cols := 4096, 256
	if testing.Short() {
		rows = 512
	}
	z := make([]float32, rows*cols)
	Normals(z, Noise{Seed: 2024}, 1, 0, rows, cols)
	n := float64(len(z))
	var m [5]float64
	tail := map[float64]float64{1: 0, 2: 0, 3: 0, 4: 0}
	lags := []int{1, 16, 32, 64, cols}
	corr, square := make([]float64, len(lags)), make([]float64, len(lags))
	for i, v := range z {
		x := float64(v)
		for k, p := 1, x; k <= 4; k, p = k+1, p*x {
			m[k] += p / n
		}
		for lim := range tail {
			if x > lim {
				tail[lim]++
			}
			if x < -lim {
				tail[lim]++
			}
		}
		for k, lag := range lags {
			if i >= lag {
				y := float64(z[i-lag])
				corr[k] += x * y / n
				square[k] += (x*x - 1) * (y*y - 1) / n
			}
		}
	}
	check := func(what string, got, want, variance float64) {
		t.Helper()
		if se := math.Sqrt(variance / n); math.Abs(got-want) > 4.5*se {
			t.Errorf("%s = %v, want %v ± %v", what, got, want, se)
		}
	}
	check("mean", m[1], 0, 1)
	check("second moment", m[2], 1, 2)
	check("third moment", m[3], 0, 15)
	check("fourth moment", m[4], 3, 96)
	for lim, k := range tail {
		p := math.Erfc(lim / math.Sqrt2)
		check(fmt.Sprintf("part beyond ±%v", lim), k/n, p, p*(1-p))
	}
	for k, lag := range lags {
		check(fmt.Sprintf("correlation at distance %d", lag), corr[k], 0, 1)
		check(fmt.Sprintf("correlation of squares at distance %d", lag), square[k], 0, 4)
	}
}

func TestUniformDistribution(t *testing.T) {
	rows, cols := 2048, 256
	if testing.Short() {
		rows = 256
	}
	u := make([]float32, rows*cols)
	Uniforms(u, Noise{Seed: 7, Stream: 1}, 0, 0, rows, cols)
	const bins = 256
	var count [bins]float64
	n := float64(len(u))
	for _, v := range u {
		if !(v > 0 && v < 1) {
			t.Fatalf("uniform %v outside (0, 1)", v)
		}
		count[int(v*bins)]++
	}
	chi := 0.0
	for _, c := range count {
		d := c - n/bins
		chi += d * d / (n / bins)
	}
	// 255 degrees of freedom: mean 255, standard deviation 22.6.
	if chi < 255-4.5*22.6 || chi > 255+4.5*22.6 {
		t.Errorf("chi-square of %d bins: %v, want 255 ± 22.6", bins, chi)
	}
}

func TestShuffle(t *testing.T) {
	for _, n := range []int{0, 1, 2, 31, 32, 33, 64, 1000} {
		p := make([]int, n)
		Shuffle(p, Noise{Seed: 4}, 1, 2)
		seen := make([]bool, n)
		for _, v := range p {
			if seen[v] {
				t.Fatalf("n=%d: %d twice in %v", n, v, p)
			}
			seen[v] = true
		}
		q := make([]int, n)
		Shuffle(q, Noise{Seed: 4}, 1, 2)
		if !slices.Equal(p, q) {
			t.Fatalf("n=%d: twice the same call, two results", n)
		}
		Shuffle(q, Noise{Seed: 4}, 2, 2)
		if n > 30 && slices.Equal(p, q) {
			t.Fatalf("n=%d: two steps, one result", n)
		}
	}
	// The doc comment, step by step.
	const n = 100
	words := make([]uint32, 2*n)
	Uint32s(words, Noise{Seed: 4}, 1, 2)
	var want, got [n]int
	for i := range want {
		x := new(big.Int).SetUint64(uint64(words[2*i])<<32 | uint64(words[2*i+1]))
		j := x.Mul(x, big.NewInt(int64(i+1))).Rsh(x, 64).Int64()
		want[i] = i
		want[i], want[j] = want[j], want[i]
	}
	Shuffle(got[:], Noise{Seed: 4}, 1, 2)
	if got != want {
		t.Errorf("Shuffle = %v, want %v", got, want)
	}
	count := map[[4]int]float64{}
	const runs = 24 * 500
	for i := range uint32(runs) {
		var p [4]int
		Shuffle(p[:], Noise{Seed: 11}, i, 0)
		count[p]++
	}
	chi := 0.0
	for _, c := range count {
		chi += (c - 500) * (c - 500) / 500
	}
	// 23 degrees of freedom: 61 is passed once in 25 000 seeds.
	if len(count) != 24 || chi > 61 {
		t.Errorf("%d of 24 permutations, chi-square %v", len(count), chi)
	}
	if got := panicText(func() { checkMost("Shuffle", "len(dst)", maxNoiseCols/2+1, maxNoiseCols/2) }); got != "kernels: Shuffle: len(dst) = 33554433, want at most 33554432" {
		t.Errorf("panic %q", got)
	}
}
