package kernels

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// bitsCRC goes on with a checksum by the bits of x, all NaN counted as one.
func bitsCRC(sum uint32, x ...float32) uint32 {
	var b [4 << 8]byte
	for len(x) > 0 {
		n := min(len(x), len(b)/4)
		for i, v := range x[:n] {
			u := math.Float32bits(v)
			if u&^signBit > 0x7f800000 {
				u = 0x7fc00000
			}
			binary.LittleEndian.PutUint32(b[4*i:], u)
		}
		sum = crc32.Update(sum, crc32.IEEETable, b[:4*n])
		x = x[n:]
	}
	return sum
}

// TestGolden pins the bits of the float32 results, so that no compiler, architecture or rewrite
// changes them unseen: a change of these numbers changes the results of every program built on the
// package. Rows of 70 go past four vectors, one of 1100 past the renormalisation of the product.
func TestGolden(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, k := range table[float32]() {
			sum := uint32(0)
			for _, form := range k.forms() {
				for _, size := range [][2]int{{9, 70}, {1, 1100}} {
					c := k.newCall(shape{form, size[0], size[1], 0}, 0).fill(9, drawUsual)
					c.run()
					for i, a := range k.arrays {
						if a.out {
							sum = bitsCRC(sum, c.a[i]...)
						}
					}
				}
			}
			if want, ok := golden[k.name]; !ok || sum != want {
				t.Errorf("%q: %#08x,", k.name, sum)
			}
		}
	})
}

var golden = map[string]uint32{
	"Exp":                                0x5e3dd361,
	"GemmInt8":                           0x95ee5cc9,
	"GemmInt8/dot=off":                   0x95ee5cc9,
	"Log":                                0xae9a8959,
	"Tanh":                               0x09c80983,
	"Sigmoid":                            0x69dff525,
	"Softplus":                           0x8dcc49e0,
	"ReLU":                               0xe1fc2d25,
	"Square":                             0x2807c54e,
	"Sqrt":                               0x9a1fb813,
	"Magnitude":                          0x3eee5496,
	"TanhBackward":                       0x824790f9,
	"SigmoidBackward":                    0x4c5f4ad2,
	"SoftplusBackward":                   0x914ac0cd,
	"ReLUBackward":                       0xbdc58814,
	"Axpy":                               0x175e6430,
	"Scal":                               0xa24dfdd0,
	"Adam":                               0x356979a4,
	"Adam/decay":                         0xc9d67844,
	"SGD":                                0x2ff48648,
	"SGD/plain":                          0x847d6fad,
	"Adagrad":                            0x0af7bb73,
	"SumSquares":                         0x4f8ce8e0,
	"SetRows":                            0xf20546bb,
	"AddColumnSums":                      0xe248756d,
	"AddColumnProducts":                  0xe9e09973,
	"Softmax":                            0x06d9c879,
	"SoftmaxBackward":                    0x799adfac,
	"LayerNorm":                          0x5eeb3dfe,
	"LayerNormBackward":                  0xb9ffaa20,
	"LogSumExp":                          0xdd2fb338,
	"Uniforms":                           0x41f8676c,
	"Normals":                            0x6e542ac2,
	"RNNStep/tanh":                       0x365df98b,
	"RNNStepBackward/tanh":               0x332e3fd9,
	"RNNStep/relu":                       0x6f572b9e,
	"RNNStepBackward/relu":               0xd828bfcd,
	"LSTMStep":                           0x17e52f74,
	"LSTMStepBackward":                   0xe29689ae,
	"LSTMStep/peephole":                  0x57c16018,
	"LSTMStepBackward/peephole":          0x3cd15344,
	"GRUStep":                            0x7f864117,
	"GRUStepBackward":                    0xf1698717,
	"GRUBeforeReset":                     0xcdd82bc7,
	"GRUBeforeUpdate":                    0x7106b044,
	"GRUBeforeUpdateBackward":            0xb475d569,
	"GRUBeforeResetBackward":             0xd42aecf2,
	"GaussKL":                            0xd0665090,
	"GaussKLStandard":                    0x5168b76e,
	"GaussKLBackward":                    0xead3ae6d,
	"GaussKLStandardBackward":            0xf1085105,
	"GaussLogProb":                       0xa2b1ef49,
	"GaussLogProbBackward":               0xe794efde,
	"GaussSample":                        0x7c3c3336,
	"GaussSampleBackward":                0x7faabb41,
	"LatentStep":                         0xd6af2b55,
	"LatentStepBackward":                 0xe562cc9c,
	"GMMLogProb":                         0x9e2b467c,
	"GMMLogProbBackward":                 0xb2f9e0f3,
	"GMMLogProb/dense":                   0x9e2b467c,
	"GMMLogProbBackward/dense":           0xc2659bf7,
	"GMMLogProb/d=2":                     0x85e46951,
	"GMMLogProbBackward/d=2":             0x72a4dde9,
	"BivariateMixtureLogProb":            0xb8f5c0b4,
	"BivariateMixtureLogProbBackward":    0x576f6ec0,
	"BivariateLogProb":                   0xa674911f,
	"BivariateLogProbBackward":           0x1452396a,
	"LogisticMixtureLogProb/d=1":         0x18aa17e4,
	"LogisticMixtureLogProbBackward/d=1": 0x7d5b20cd,
	"LogisticMixtureLogProb/d=3":         0xd289068b,
	"LogisticMixtureLogProbBackward/d=3": 0x1eb26d5f,
	"LogisticMixtureLogProb/k=3":         0xf86468ca,
	"BernoulliLogProb":                   0xbf8989e1,
	"BernoulliLogProbBackward":           0x1a1457fd,
	"CategoricalLogProb":                 0xcc3935c6,
	"CategoricalLogProbBackward":         0x76bfebdd,
}

// TestVecGolden pins the bits of the functions of one argument over all their range, as TestGolden
// does those of the kernels.
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
	for name, sum := range got {
		if want, ok := vecGolden[name]; !ok || sum != want {
			t.Errorf("%q: %#08x,", name, sum)
		}
	}
}

var vecGolden = map[string]uint32{
	"cos32":         0x7dd54997,
	"exp32":         0x5a4da4a5,
	"gateSigmoid32": 0xfcf6ba14,
	"gateTanh32":    0xa7d1980b,
	"log1pUnit32":   0x157d3550,
	"log32":         0x6a24a4eb,
	"sigmoid32":     0xfa712643,
	"sqrt32":        0x3e825586,
	"sin32":         0x71582d5b,
	"softplus32":    0x02c36346,
	"tanh32":        0xe8967cef,

	"softplusDerivative32":               0xa6409af1,
	"softplusDerivative32 of softplus32": 0xd9cfa441,
}
