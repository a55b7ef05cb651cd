package bench

import "strings"

// gemmShape is one product C [m,n] = op(A) [m,k] op(B) [k,n]. op has a letter for each of A
// and B: N as stored, T transposed.
type gemmShape struct {
	m, n, k int
	op      string
	from    string // the model, or what it is typical of
}

// short is the number of shapes of a list that -short keeps: the first ones.
const short = 3

// The three products of a layer: y = x W^T is NT, dx = dy W is NN, dW += dy^T x is TN.
var gemmShapes = []gemmShape{
	{32, 1024, 256, "NT", "LSTM step, 256 units, batch 32: recurrent product"},
	{32, 256, 1024, "NN", "the same step backward"},
	{1024, 256, 2048, "TN", "its weight gradient over 64 steps"},

	{1, 1024, 256, "NT", "LSTM step, streaming"},
	{8, 256, 64, "NT", "LSTM step, 64 units, small batch"},
	{16, 128, 32, "NT", "VRNN-32 on JSB chorales, batch 16: LSTM gates"},
	{16, 32, 32, "NT", "the same, a hidden layer"},
	{16, 32, 128, "NN", "the same, gates backward"},
	{1000, 32, 88, "NT", "the same, phi_x over 62 steps of 16 rows"},
	{88, 32, 1000, "TN", "the same, weight gradient of the output layer"},
	{32, 512, 128, "NT", "VRNN-128 on spoken digits, batch 32: LSTM gates"},
	{100, 500, 784, "NT", "VAE on MNIST, batch 100: encoder; Kingma and Welling 2014"},
	{100, 784, 500, "NT", "the same, decoder"},
	{100, 500, 784, "NN", "the same, decoder backward"},
	{500, 784, 100, "TN", "the same, weight gradient"},
	{2048, 1024, 256, "NT", "input projection of a whole sequence, 256 units"},
	{64, 64, 64, "NN", "square, fits the first cache"},
	{128, 128, 128, "NN", "square"},
	{256, 256, 256, "NN", "square"},
	{512, 512, 512, "NN", "square"},
}

// gemm64Shapes are products of float64, which only others' programs have.
var gemm64Shapes = []gemmShape{
	{512, 512, 512, "NN", "square"},
	{64, 64, 64, "NN", "square, fits the first cache"},
	{512, 512, 512, "NT", "square"},
	{512, 512, 512, "TN", "square"},
	{512, 512, 512, "TT", "square"},
	{8, 8, 8, "NN", "small"},
	{16, 32, 32, "NT", "small"},
	{256, 256, 256, "NN", "square"},
	{1000, 32, 88, "NT", "many rows"},
	{100, 784, 500, "NT", "a layer"},
	{512, 1, 512, "NN", "a column"},
	{1024, 1024, 1024, "NN", "square"},
}

// gemv64Shapes are sizes of the matrix of a product with a vector.
var gemv64Shapes = [][2]int{{1024, 1024}, {300, 300}, {4, 4}, {64, 64}, {4096, 4096}, {10000, 10}, {10, 10000}}

func (s gemmShape) transA() bool { return strings.HasPrefix(s.op, "T") }
func (s gemmShape) transB() bool { return strings.HasSuffix(s.op, "T") }

// stepShapes are B, H of recurrent steps.
var stepShapes = [][2]int{
	{32, 256},
	{1, 256},
	{16, 64}, // LSTM-64 on JSB chorales
	{8, 64},
	{32, 64},
	{128, 64},
	{8, 128},
	{32, 128},
	{128, 128},
	{8, 256},
	{128, 256},
	{1, 512}, // weights beyond the second cache
	{8, 512},
	{32, 512},
	{128, 512},
	{1, 1024},
	{8, 1024},
	{32, 1024},
	{128, 1024},
}

// sequenceShapes are B, T, I, H of whole sequences.
var sequenceShapes = [][4]int{
	{32, 64, 128, 256},
	{1, 64, 128, 256},
	{16, 60, 32, 32}, // VRNN-32 on JSB chorales: the LSTM
	{32, 64, 64, 128},
	{64, 100, 88, 128}, // RNN on piano rolls
	{32, 64, 256, 512},
}

// spinShapes are those of single sequences whose steps two goroutines share. The weights of 512
// units are twice as large as a second cache of 2 MB.
var spinShapes = [][4]int{
	{1, 64, 128, 256},
	{1, 64, 128, 512},
	{1, 64, 128, 1024},
}

// trainShapes are B, T, H of whole models in training.
var trainShapes = [][3]int{
	{16, 60, 32}, // VRNN-32 on JSB chorales
}

// vaeShapes are B, H, Z of VAEs in training.
var vaeShapes = [][3]int{
	{100, 500, 20}, // MNIST, Kingma and Welling 2014
}
