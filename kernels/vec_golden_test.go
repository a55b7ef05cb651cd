package kernels

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"
)

// bitsCRC is a checksum of the bits of x, all NaN counted as one.
func bitsCRC(sum uint32, x ...float32) uint32 {
	var b [4]byte
	for _, v := range x {
		u := math.Float32bits(v)
		if v != v {
			u = 0x7fc00000
		}
		binary.LittleEndian.PutUint32(b[:], u)
		sum = crc32.Update(sum, crc32.IEEETable, b[:])
	}
	return sum
}

// TestVecGolden pins the bits: they are the same on every architecture, also where the Go
// compiler fuses x*y + z, and with every compiler. A change of these numbers changes the
// results of every program built on the package.
func TestVecGolden(t *testing.T) {
	got := map[string]uint32{}
	for _, c := range scalarFuncs {
		for i := uint64(0); i < 1<<32; i += 50021 {
			x := math.Float32frombits(uint32(i))
			if c.lo == math.Inf(-1) || x >= 0 && x <= 1 {
				got[c.name] = bitsCRC(got[c.name], c.f(x))
			}
		}
	}
	rng := rand.New(rand.NewPCG(10, 1))
	const rows, cols = 40, 100
	a, b := vecRandn[float32](rng, rows*cols, 3), vecRandn[float32](rng, rows*cols, 1)
	out, col := make([]float32, rows*cols), make([]float32, cols)
	Softmax(out, a, rows, cols)
	got["Softmax"] = bitsCRC(0, out...)
	SoftmaxBackward(out, b, out, rows, cols)
	got["SoftmaxBackward"] = bitsCRC(0, out...)
	LogSumExp(col, a, rows, cols)
	got["LogSumExp"] = bitsCRC(0, col...)
	AddColumnProducts(col, a, b, rows, cols, cols, cols)
	got["AddColumnProducts"] = bitsCRC(0, col...)
	Axpy(out, a, 0.3)
	got["Axpy"] = bitsCRC(0, out...)
	got["SumSquares"] = bitsCRC(0, float32(SumSquares(a)))
	for name, f := range map[string]func(dx, dy, y []float32){"TanhBackward": TanhBackward[float32],
		"SigmoidBackward": SigmoidBackward[float32], "SoftplusBackward": SoftplusBackward[float32]} {
		f(out, a, b)
		got[name] = bitsCRC(0, out...)
	}
	n := Noise{Seed: 1 << 40, Stream: 9, Update: 3}
	Uniforms(out, n, 1, 2, rows, cols)
	got["Uniforms"] = bitsCRC(0, out...)
	Normals(out, n, 1, 2, rows, cols)
	got["Normals"] = bitsCRC(0, out...)
	m, v := make([]float32, rows*cols), make([]float32, rows*cols)
	for i := range 5 {
		Adam(a, b, m, v, 1e-3, 0.9, 0.999, 1e-8, 0.1*float32(i+1), 0.001*float32(i+1))
		SGD(b, a, m, 1e-3, 0.9)
		Adagrad(b, a, v, 1e-3, 1e-8)
	}
	got["optimisers"] = bitsCRC(bitsCRC(bitsCRC(bitsCRC(0, a...), b...), m...), v...)
	for name, sum := range got {
		if want, ok := vecGolden[name]; !ok || sum != want {
			t.Errorf("%q: %#08x,", name, sum)
		}
	}
}

var vecGolden = map[string]uint32{
	"AddColumnProducts": 0x2a185564,
	"Axpy":              0xc27e4ccd,
	"LogSumExp":         0x548bc407,
	"Normals":           0x4d08a736,
	"SigmoidBackward":   0xd893e1e4,
	"Softmax":           0xed882ef3,
	"SoftmaxBackward":   0x002255db,
	"SoftplusBackward":  0x9bb4db63,
	"SumSquares":        0xbdc9e296,
	"TanhBackward":      0xf72a8f1c,
	"Uniforms":          0x2022df13,
	"cos32":             0x7dd54997,
	"exp32":             0x5a4da4a5,
	"gateSigmoid32":     0xfcf6ba14,
	"gateTanh32":        0xa7d1980b,
	"log1pUnit32":       0x157d3550,
	"log32":             0x6a24a4eb,
	"optimisers":        0x92559749,
	"sigmoid32":         0xfa712643,
	"sin32":             0x71582d5b,
	"softplus32":        0x02c36346,
	"tanh32":            0xe8967cef,

	"softplusDerivative32":               0xa6409af1,
	"softplusDerivative32 of softplus32": 0xd9cfa441,
}
