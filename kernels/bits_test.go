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
	"MultivariateLogProb":                           0x6ab6c2b0,
	"MultivariateLogProbBackward":                   0xbc66a136,
	"MultivariateSample":                            0x566561b9,
	"MultivariateLogProb/diagonal":                  0x9a9aeb3e,
	"MultivariateLogProbBackward/diagonal":          0x530597b9,
	"MultivariateSample/diagonal":                   0xfd54d430,
	"MultivariateLogProb/student":                   0x7a6d78ac,
	"MultivariateLogProbBackward/student":           0xce31ee95,
	"MultivariateSample/student":                    0x566561b9,
	"MultivariateLogProb/student,diagonal":          0xf541487a,
	"MultivariateLogProbBackward/student,diagonal":  0xdcc4308c,
	"MultivariateSample/student,diagonal":           0xfd54d430,
	"MultivariateLogProb/rank":                      0xc933acdf,
	"MultivariateLogProbBackward/rank":              0x94cebaf8,
	"MultivariateSample/rank":                       0x48dabfaf,
	"MultivariateLogProb/student,rank":              0xddfa646f,
	"MultivariateLogProbBackward/student,rank":      0x9c0deef2,
	"MultivariateSample/student,rank":               0x895bd8bd,
	"MultivariateLogProb/rank,mask":                 0xa4cbb852,
	"MultivariateLogProbBackward/rank,mask":         0x9764eae8,
	"MultivariateLogProb/student,rank,mask":         0x78821b3d,
	"MultivariateLogProbBackward/student,rank,mask": 0x18c07f3f,
	"Exp":                                  0x5e3dd361,
	"GemmInt8":                             0x95ee5cc9,
	"GemmInt8/dot=off":                     0x95ee5cc9,
	"Log":                                  0xae9a8959,
	"Tanh":                                 0x09c80983,
	"Sigmoid":                              0x69dff525,
	"Softplus":                             0x8dcc49e0,
	"ReLU":                                 0xe1fc2d25,
	"Square":                               0x2807c54e,
	"Sqrt":                                 0x9a1fb813,
	"Magnitude":                            0x3eee5496,
	"TanhBackward":                         0x824790f9,
	"SigmoidBackward":                      0x4c5f4ad2,
	"SoftplusBackward":                     0x914ac0cd,
	"ReLUBackward":                         0xbdc58814,
	"Axpy":                                 0x175e6430,
	"Scal":                                 0xa24dfdd0,
	"Adam":                                 0x356979a4,
	"Adam/decay":                           0xc9d67844,
	"SGD":                                  0x2ff48648,
	"SGD/plain":                            0x847d6fad,
	"Adagrad":                              0x0af7bb73,
	"SumSquares":                           0x4f8ce8e0,
	"SetRows":                              0xf20546bb,
	"AddColumnSums":                        0xe248756d,
	"AddColumnProducts":                    0xe9e09973,
	"Softmax":                              0x06d9c879,
	"SoftmaxBackward":                      0x799adfac,
	"LayerNorm":                            0x5eeb3dfe,
	"LayerNormBackward":                    0xb9ffaa20,
	"LogSumExp":                            0xdd2fb338,
	"Uniforms":                             0x41f8676c,
	"Normals":                              0x6e542ac2,
	"RNNStep/tanh":                         0x365df98b,
	"RNNStepBackward/tanh":                 0x332e3fd9,
	"RNNStep/relu":                         0x6f572b9e,
	"RNNStepBackward/relu":                 0xd828bfcd,
	"LSTMStep":                             0x17e52f74,
	"LSTMStepBackward":                     0xe29689ae,
	"LSTMStep/peephole":                    0x57c16018,
	"LSTMStepBackward/peephole":            0x3cd15344,
	"GRUStep":                              0x7f864117,
	"GRUStepBackward":                      0xf1698717,
	"GRUBeforeReset":                       0xcdd82bc7,
	"GRUBeforeUpdate":                      0x7106b044,
	"GRUBeforeUpdateBackward":              0xb475d569,
	"GRUBeforeResetBackward":               0xd42aecf2,
	"GaussKL":                              0xaaedeb25,
	"GaussKLStandard":                      0x4c85d20c,
	"GaussKLBackward":                      0x049220bc,
	"GaussKLStandardBackward":              0x4204962f,
	"GaussLogProb":                         0x169c6b1d,
	"GaussLogProbBackward":                 0xaa5dfc37,
	"GaussSample":                          0xc5573265,
	"GaussSampleBackward":                  0x8197c37c,
	"LatentStep":                           0xf5579154,
	"LatentStepBackward":                   0xf2deb31d,
	"GMMLogProb":                           0xb3af13d5,
	"GMMLogProbBackward":                   0xf1797c4d,
	"GMMLogProb/dense":                     0xb3af13d5,
	"GMMLogProbBackward/dense":             0x8a9984fa,
	"GMMLogProb/d=2":                       0x9243998c,
	"GMMLogProbBackward/d=2":               0x5c3744c3,
	"BivariateMixtureLogProb":              0x03375146,
	"BivariateMixtureLogProbBackward":      0x1942516b,
	"BivariateLogProb":                     0x117bbb69,
	"BivariateLogProbBackward":             0x2b9af992,
	"LogisticMixtureLogProb/d=1":           0x8ad126c0,
	"LogisticMixtureLogProbBackward/d=1":   0xb76bd80f,
	"LogisticMixtureLogProb/d=3":           0xfddd8397,
	"LogisticMixtureLogProbBackward/d=3":   0xb4ab7f15,
	"LogisticMixtureLogProb/k=3":           0x6940ee9f,
	"BernoulliLogProb":                     0xbf8989e1,
	"BernoulliLogProbBackward":             0x1a1457fd,
	"CategoricalLogProb":                   0xcc3935c6,
	"CategoricalLogProbBackward":           0x76bfebdd,
	"BernoulliLogProb/mask":                0xfe41dfd2,
	"BernoulliLogProbBackward/mask":        0x44e2239d,
	"BivariateLogProb/mask":                0x5c793e6b,
	"BivariateLogProbBackward/mask":        0x7e34fec1,
	"BivariateMixtureLogProb/mask":         0xf7d73d42,
	"BivariateMixtureLogProbBackward/mask": 0xdc7b6bd5,
	"CategoricalLogProb/mask":              0xde44ba40,
	"CategoricalLogProbBackward/mask":      0xb50822fd,
	"GMMLogProb/dense,mask":                0xe0ae771f,
	"GMMLogProb/mask":                      0xe0ae771f,
	"GMMLogProbBackward/dense,mask":        0x01012957,
	"GMMLogProbBackward/mask":              0x00ab442e,
	"GaussKL/mask":                         0xfe90c507,
	"GaussKLBackward/mask":                 0xa267e186,
	"GaussKLStandard/mask":                 0x54aed32a,
	"GaussKLStandardBackward/mask":         0xb1d27f62,
	"GaussLogProb/mask":                    0x9d46a809,
	"GaussLogProbBackward/mask":            0x9c87dd72,
	"LogisticMixtureLogProb/d=3,mask":      0x829357da,
	"LogisticMixtureLogProb/k=3,mask":      0xdbc501f4,
	"LogisticMixtureLogProbBackward/d=3,mask":           0x3088a5cd,
	"MultivariateLogProb/mask":                          0x10ac2542,
	"MultivariateLogProbBackward/mask":                  0x6c1df23c,
	"MultivariateLogProb/diagonal,mask":                 0xb6c7fa8f,
	"MultivariateLogProbBackward/diagonal,mask":         0x89c77f2c,
	"MultivariateLogProb/student,mask":                  0x2656f93a,
	"MultivariateLogProbBackward/student,mask":          0x86445a56,
	"MultivariateLogProb/student,diagonal,mask":         0xe4fc6a1a,
	"MultivariateLogProbBackward/student,diagonal,mask": 0x6488f098,
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
