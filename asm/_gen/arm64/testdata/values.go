// Command values runs instructions that were written by the generator, on random vectors and
// on those with the values that matter.
package main

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
)

type vec [4]uint32

func (v vec) f(i int) float32 { return math.Float32frombits(v[i]) }

func (v vec) d(i int) float64 { return math.Float64frombits(v.u64(i)) }

func (v vec) u64(i int) uint64 { return uint64(v[2*i]) | uint64(v[2*i+1])<<32 }

func (v vec) byte(i int) uint32 { return v[i/4] >> (i % 4 * 8) & 255 }

func (v vec) half(i int) uint32 { return v[i/2] >> (i % 2 * 16) & 0xFFFF }

// double makes a vector of two numbers of 64 bits, bytes of 16 and halves of 8.
func double(a, b uint64) vec {
	return vec{uint32(a), uint32(a >> 32), uint32(b), uint32(b >> 32)}
}

func bytes(f func(i int) uint32) (v vec) {
	for i := range 16 {
		v[i/4] |= f(i) << (i % 4 * 8)
	}
	return v
}

func halves(f func(i int) uint32) (v vec) {
	for i := range 8 {
		v[i/2] |= f(i) & 0xFFFF << (i % 2 * 16)
	}
	return v
}

func lanes(f func(i int) uint32) vec { return vec{f(0), f(1), f(2), f(3)} }

func floats(f func(i int) float32) vec {
	return lanes(func(i int) uint32 { return math.Float32bits(f(i)) })
}

func masks(f func(i int) bool) vec {
	return lanes(func(i int) uint32 {
		if f(i) {
			return math.MaxUint32
		}
		return 0
	})
}

// once is x*y+z rounded once.
func once(x, y, z float32) float32 {
	w := float64(x) * float64(y)
	if s := w + float64(z); math.IsNaN(s) || math.IsInf(s, 0) || s == 0 {
		return float32(s)
	}
	sum := new(big.Float).SetPrec(600).SetFloat64(w)
	r, _ := sum.Add(sum, big.NewFloat(float64(z))).Float32()
	return r
}

// bound is the greater or the lesser, or NaN if one of them is, even beside an infinity.
func bound(x, y float32, greater bool) float32 {
	switch {
	case x != x || y != y:
		return x + y
	case greater:
		return max(x, y)
	}
	return min(x, y)
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }

// fromInt rounds an integer to the nearest float32, to even in the middle.
func fromInt(x int64) float32 {
	r, _ := new(big.Float).SetInt64(x).Float32()
	return r
}

// toInt saturates; NaN is 0.
func toInt(x float64) uint32 {
	switch {
	case math.IsNaN(x):
		return 0
	case x >= math.MaxInt32:
		return math.MaxInt32
	case x <= math.MinInt32:
		return 1 << 31
	}
	return uint32(int32(x))
}

func selected(mask, x, y vec) vec {
	return lanes(func(i int) uint32 { return mask[i]&x[i] | y[i]&^mask[i] })
}

// table is n[m[i]] of bytes, or otherwise where the index is beyond it.
func table(n []uint32, m vec, otherwise func(i int) uint32) vec {
	return bytes(func(i int) uint32 {
		if at := int(m.byte(i)); at < len(n) {
			return n[at]
		}
		return otherwise(i)
	})
}

func allBytes(vs ...vec) (all []uint32) {
	for _, v := range vs {
		for i := range 16 {
			all = append(all, v.byte(i))
		}
	}
	return all
}

func zero(int) uint32 { return 0 }

// same reports whether two vectors agree as bits, NaNs apart.
func (in instruction) same(x, y vec) bool {
	for i := range x {
		if in.doubles && x.d(i/2) != x.d(i/2) && y.d(i/2) != y.d(i/2) {
			continue
		}
		if x[i] != y[i] && (in.doubles || x.f(i) == x.f(i) || y.f(i) == y.f(i)) {
			return false
		}
	}
	return true
}

type instruction struct {
	run     func(d, n, m *vec)
	want    func(d, n, m vec) vec
	doubles bool
}

// each makes the expectation of an operation that is one of lanes.
func each(f func(d, n, m uint32) uint32) func(d, n, m vec) vec {
	return func(d, n, m vec) vec {
		return lanes(func(i int) uint32 { return f(d[i], n[i], m[i]) })
	}
}

func eachFloat(f func(d, n, m float32) float32) func(d, n, m vec) vec {
	return func(d, n, m vec) vec {
		return floats(func(i int) float32 { return f(d.f(i), n.f(i), m.f(i)) })
	}
}

func eachTest(f func(n, m float32) bool) func(d, n, m vec) vec {
	return func(_, n, m vec) vec { return masks(func(i int) bool { return f(n.f(i), m.f(i)) }) }
}

// pick makes the expectation of an operation that moves lanes: 0-3 are those of n, 4-7 of m.
func pick(from ...int) func(d, n, m vec) vec {
	return func(_, n, m vec) vec {
		return lanes(func(i int) uint32 { return append(n[:], m[:]...)[from[i]] })
	}
}

func wants(ok bool) uint32 {
	if ok {
		return math.MaxUint32
	}
	return 0
}

var instructions = []instruction{
	{run: FADD, want: eachFloat(func(_, n, m float32) float32 { return n + m })},
	{run: FSUB, want: eachFloat(func(_, n, m float32) float32 { return n - m })},
	{run: FMUL, want: eachFloat(func(_, n, m float32) float32 { return n * m })},
	{run: FDIV, want: eachFloat(func(_, n, m float32) float32 { return n / m })},
	{run: FMLA, want: eachFloat(func(d, n, m float32) float32 { return once(n, m, d) })},
	{run: FMLS, want: eachFloat(func(d, n, m float32) float32 { return once(-n, m, d) })},
	{run: FMIN, want: eachFloat(func(_, n, m float32) float32 { return bound(n, m, false) })},
	{run: FMAX, want: eachFloat(func(_, n, m float32) float32 { return bound(n, m, true) })},
	{run: FABD, want: eachFloat(func(_, n, m float32) float32 { return abs(n - m) })},
	{run: FRECPS, want: eachFloat(func(_, n, m float32) float32 {
		if p := float64(n) * float64(m); math.IsNaN(p) && n == n && m == m {
			return 2 // of 0 and infinity
		}
		return once(-n, m, 2)
	})},
	{run: FCMEQ, want: eachTest(func(n, m float32) bool { return n == m })},
	{run: FCMGE, want: eachTest(func(n, m float32) bool { return n >= m })},
	{run: FCMGT, want: eachTest(func(n, m float32) bool { return n > m })},
	{run: FACGT, want: eachTest(func(n, m float32) bool { return abs(n) > abs(m) })},
	{run: FCMGT0, want: eachTest(func(n, _ float32) bool { return n > 0 })},
	{run: FCMLT0, want: eachTest(func(n, _ float32) bool { return n < 0 })},
	{run: FSQRT, want: eachFloat(func(_, n, _ float32) float32 { return float32(math.Sqrt(float64(n))) })},
	{run: FABS, want: each(func(_, n, _ uint32) uint32 { return n &^ (1 << 31) })},
	{run: FNEG, want: each(func(_, n, _ uint32) uint32 { return n ^ 1<<31 })},
	{run: FRINTN, want: eachFloat(func(_, n, _ float32) float32 { return float32(math.RoundToEven(float64(n))) })},
	{run: SCVTF, want: each(func(_, n, _ uint32) uint32 { return math.Float32bits(fromInt(int64(int32(n)))) })},
	{run: UCVTF, want: each(func(_, n, _ uint32) uint32 { return math.Float32bits(fromInt(int64(n))) })},
	{run: FCVTZS, want: each(func(_, n, _ uint32) uint32 { return toInt(float64(math.Float32frombits(n))) })},
	{run: FCVTNS, want: each(func(_, n, _ uint32) uint32 { return toInt(math.RoundToEven(float64(math.Float32frombits(n)))) })},

	{run: AND, want: each(func(_, n, m uint32) uint32 { return n & m })},
	{run: ORR, want: each(func(_, n, m uint32) uint32 { return n | m })},
	{run: EOR, want: each(func(_, n, m uint32) uint32 { return n ^ m })},
	{run: BIC, want: each(func(_, n, m uint32) uint32 { return n &^ m })},
	{run: ORN, want: each(func(_, n, m uint32) uint32 { return n | ^m })},
	{run: NOT, want: each(func(_, n, _ uint32) uint32 { return ^n })},
	{run: BSL, want: func(d, n, m vec) vec { return selected(d, n, m) }},
	{run: BIT, want: func(d, n, m vec) vec { return selected(m, n, d) }},
	{run: BIF, want: func(d, n, m vec) vec { return selected(m, d, n) }},

	{run: ADD, want: each(func(_, n, m uint32) uint32 { return n + m })},
	{run: SUB, want: each(func(_, n, m uint32) uint32 { return n - m })},
	{run: MUL, want: each(func(_, n, m uint32) uint32 { return n * m })},
	{run: ADDP, want: func(_, n, m vec) vec { return vec{n[0] + n[1], n[2] + n[3], m[0] + m[1], m[2] + m[3]} }},
	{run: UMAX, want: each(func(_, n, m uint32) uint32 { return max(n, m) })},
	{run: UMIN, want: each(func(_, n, m uint32) uint32 { return min(n, m) })},
	{run: CMEQ, want: each(func(_, n, m uint32) uint32 { return wants(n == m) })},
	{run: CMTST, want: each(func(_, n, m uint32) uint32 { return wants(n&m != 0) })},
	{run: CMGT, want: each(func(_, n, m uint32) uint32 { return wants(int32(n) > int32(m)) })},
	{run: CMHI, want: each(func(_, n, m uint32) uint32 { return wants(n > m) })},
	{run: UMULL, want: func(_, n, m vec) vec { return double(uint64(n[0])*uint64(m[0]), uint64(n[1])*uint64(m[1])) }},
	{run: UMULL2, want: func(_, n, m vec) vec { return double(uint64(n[2])*uint64(m[2]), uint64(n[3])*uint64(m[3])) }},

	{run: SHL, want: each(func(_, n, _ uint32) uint32 { return n << 5 })},
	{run: SLI, want: each(func(d, n, _ uint32) uint32 { return n<<5 | d&31 })},
	{run: USHR, want: each(func(_, n, _ uint32) uint32 { return n >> 5 })},
	{run: SSHR, want: each(func(_, n, _ uint32) uint32 { return uint32(int32(n) >> 5) })},
	{run: USRA, want: each(func(d, n, _ uint32) uint32 { return d + n>>5 })},
	{run: SRI, want: each(func(d, n, _ uint32) uint32 { return n>>5 | d&^(math.MaxUint32>>5) })},
	{run: USHLL, want: func(_, n, _ vec) vec { return lanes(func(i int) uint32 { return n.half(i) << 5 }) }},
	{run: USHLL2, want: func(_, n, _ vec) vec { return lanes(func(i int) uint32 { return n.half(4+i) << 5 }) }},
	{run: SHLL, want: func(_, n, _ vec) vec { return lanes(func(i int) uint32 { return n.half(i) << 16 }) }},
	{run: SHLL2, want: func(_, n, _ vec) vec { return lanes(func(i int) uint32 { return n.half(4+i) << 16 }) }},
	{run: SHRN, want: func(_, n, _ vec) vec {
		v := halves(func(i int) uint32 { return n[i%4] >> 5 })
		return vec{v[0], v[1], 0, 0}
	}},
	{run: SHRN2, want: func(d, n, _ vec) vec {
		v := halves(func(i int) uint32 { return n[i%4] >> 5 })
		return vec{d[0], d[1], v[2], v[3]}
	}},

	{run: ZIP1, want: pick(0, 4, 1, 5)}, {run: ZIP2, want: pick(2, 6, 3, 7)},
	{run: UZP1, want: pick(0, 2, 4, 6)}, {run: UZP2, want: pick(1, 3, 5, 7)},
	{run: TRN1, want: pick(0, 4, 2, 6)}, {run: TRN2, want: pick(1, 5, 3, 7)},
	{run: EXT, want: pick(1, 2, 3, 4)}, {run: REV64, want: pick(1, 0, 3, 2)}, {run: DUPE, want: pick(2, 2, 2, 2)},
	{run: INSE, want: func(d, n, _ vec) vec { return vec{d[0], d[1], d[2], n[1]} }},
	{run: TBL, want: func(_, n, m vec) vec { return table(allBytes(n), m, zero) }},
	{run: TBX, want: func(d, n, m vec) vec { return table(allBytes(n), m, d.byte) }},
	{run: TBL2, want: func(d, n, m vec) vec { return table(allBytes(d, n), m, zero) }},

	{run: FMLAE, want: func(d, n, m vec) vec { return floats(func(i int) float32 { return once(n.f(i), m.f(3), d.f(i)) }) }},
	{run: FMLSE, want: func(d, n, m vec) vec { return floats(func(i int) float32 { return once(-n.f(i), m.f(1), d.f(i)) }) }},
	{run: FMULE, want: func(_, n, m vec) vec { return floats(func(i int) float32 { return n.f(i) * m.f(2) }) }},
	{run: FMLA2d, want: func(d, n, m vec) vec {
		at := func(i int) uint64 { return math.Float64bits(math.FMA(n.d(i), m.d(i), d.d(i))) }
		return double(at(0), at(1))
	}, doubles: true},
	{run: FMLAE2d, want: func(d, n, m vec) vec {
		at := func(i int) uint64 { return math.Float64bits(math.FMA(n.d(i), m.d(1), d.d(i))) }
		return double(at(0), at(1))
	}, doubles: true},

	{run: FADDP, want: func(_, n, m vec) vec {
		return floats(func(i int) float32 {
			v := []vec{n, m}[i/2]
			return v.f(i%2*2) + v.f(i%2*2+1)
		})
	}},
	{run: FADDS, want: func(_, n, _ vec) vec { return vec{math.Float32bits(n.f(0) + n.f(1)), 0, 0, 0} }},
	{run: FMAXV, want: func(_, n, _ vec) vec {
		return vec{math.Float32bits(bound(bound(n.f(0), n.f(1), true), bound(n.f(2), n.f(3), true), true)), 0, 0, 0}
	}},
	{run: UMAXV, want: func(_, n, _ vec) vec { return vec{max(n[0], n[1], n[2], n[3]), 0, 0, 0} }},
	{run: ADDV, want: func(_, n, _ vec) vec { return vec{n[0] + n[1] + n[2] + n[3], 0, 0, 0} }},

	{run: LDRS, want: func(_, n, _ vec) vec { return vec{n[1], 0, 0, 0} }},
	{run: LDRD, want: func(_, n, _ vec) vec { return vec{n[2], n[3], 0, 0} }},
	{run: LD1E, want: func(d, n, _ vec) vec { return vec{d[0], d[1], n[0], d[3]} }},
	{run: LD1R, want: pick(0, 0, 0, 0)},
}

// special are the words that are drawn as often as random ones.
var special = []uint32{
	0, 1 << 31, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FC12345, 1, 0x007FFFFF, 0x7F7FFFFF,
	math.MaxUint32, 0x0F0E0D0C, 0x1F100001, 0x4B000001, 0x40490FDB, 0x3EFFFFFF,
}

func draw(rng *rand.Rand) (v vec) {
	kind := rng.IntN(4)
	for i := range v {
		switch kind {
		case 0:
			v[i] = rng.Uint32()
		case 1: // floats near 1, whose sums and products need all their bits
			v[i] = rng.Uint32()&0x807FFFFF | uint32(120+rng.IntN(14))<<23
		case 2:
			v[i] = special[rng.IntN(len(special))]
		case 3: // bytes of which half are indices into a table
			v[i] = rng.Uint32() & 0x1F1F1F1F
		}
	}
	return v
}

func main() {
	rng := rand.New(rand.NewPCG(1, 2))
	bad := false
	for _, in := range instructions {
		for range 3000 {
			d, n, m := draw(rng), draw(rng), draw(rng)
			got, want := d, in.want(d, n, m)
			in.run(&got, &n, &m)
			if !in.same(got, want) {
				name := runtime.FuncForPC(reflect.ValueOf(in.run).Pointer()).Name()
				fmt.Printf("%s of %08x %08x %08x is %08x, want %08x\n", strings.TrimPrefix(name, "main."), d, n, m, got, want)
				bad = true
				break
			}
		}
	}
	if bad {
		os.Exit(1)
	}
}
