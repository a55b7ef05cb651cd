package bench

import "strings"

// Product is one product C [M,N] = op(A) [M,K] op(B) [K,N]. Op has a letter for each of A and
// B: N as stored, T transposed.
type Product struct {
	M, N, K int
	Op      string
	From    string // the model, or what it is typical of
}

// TransA and TransB say whether A and B are stored transposed.
func (s Product) TransA() bool { return strings.HasPrefix(s.Op, "T") }
func (s Product) TransB() bool { return strings.HasSuffix(s.Op, "T") }

// Short is the number of shapes of a list that -short keeps: the first ones.
const Short = 3

// Products are those of layers and of squares. A layer has three: y = x W^T is NT, dx = dy W is
// NN, dW += dy^T x is TN.
var Products = []Product{
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

// PeerProducts are those that bench/peers measures beside other libraries: squares, and the
// products of layers of 64 to 1024 units for one sequence up to a whole batch of them.
var PeerProducts = []Product{
	{64, 64, 64, "NN", "square"}, {128, 128, 128, "NN", "square"}, {256, 256, 256, "NN", "square"},
	{512, 512, 512, "NN", "square"}, {1024, 1024, 1024, "NN", "square"}, {2048, 2048, 2048, "NN", "square"},
	{1024, 1024, 1024, "NT", "square"}, {1024, 1024, 1024, "TN", "square"},
	{1, 256, 64, "NT", "LSTM step, 64 units"}, {8, 256, 64, "NT", "the same"}, {32, 256, 64, "NT", "the same"},
	{128, 256, 64, "NT", "the same"},
	{1, 1024, 256, "NT", "LSTM step, 256 units"}, {8, 1024, 256, "NT", "the same"}, {32, 1024, 256, "NT", "the same"},
	{64, 1024, 256, "NT", "the same"}, {128, 1024, 256, "NT", "the same"},
	{1, 2048, 512, "NT", "LSTM step, 512 units"}, {8, 2048, 512, "NT", "the same"}, {32, 2048, 512, "NT", "the same"},
	{64, 2048, 512, "NT", "the same"}, {128, 2048, 512, "NT", "the same"},
	{32, 4096, 1024, "NT", "LSTM step, 1024 units"}, {128, 4096, 1024, "NT", "the same"},
	{32, 256, 1024, "NN", "LSTM step backward, 256 units"}, {64, 256, 1024, "NN", "the same"},
	{32, 512, 2048, "NN", "LSTM step backward, 512 units"}, {64, 512, 2048, "NN", "the same"},
	{1024, 256, 1600, "TN", "weight gradient over 50 steps of 32 rows, 256 units"},
	{2048, 512, 6400, "TN", "the same over 100 steps of 64 rows, 512 units"},
	{6400, 1024, 256, "NT", "input projection of 100 steps of 64 rows, 256 units"}, {6400, 2048, 512, "NT", "the same, 512 units"},
	{100, 500, 784, "NT", "VAE on MNIST: encoder"}, {500, 784, 100, "TN", "the same, weight gradient"},
	{3200, 88, 500, "NT", "VRAE on piano rolls, 50 steps of 64 rows: output; Fabius and van Amersfoort 2014"},
	{32, 256, 256, "NT", "VRNN of 512 units: a hidden layer in the loop"}, {1280, 256, 256, "NT", "the same, over all steps"},
	{3584, 100, 100, "NT", "VRNN of 100 units on 28 steps of 128 rows: a hidden layer"},
}

// Products64 are products of float64, which only others' programs have.
var Products64 = []Product{
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

// Matrices64 are rows and columns of matrices of float64 that a vector is multiplied by.
var Matrices64 = [][2]int{{1024, 1024}, {300, 300}, {4, 4}, {64, 64}, {4096, 4096}, {10000, 10}, {10, 10000}}

// StepsInt8 are B, H of recurrent steps with weights of int8: streams of one sequence and of a few.
var StepsInt8 = [][2]int{{1, 512}, {1, 1024}, {8, 512}, {1, 256}, {8, 256}, {8, 1024}, {32, 256}, {32, 512}, {32, 1024}}

// Steps are B, H of recurrent steps.
var Steps = [][2]int{
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

// PeerSteps are B, H of single steps with as many inputs as units, as a stream takes them.
var PeerSteps = [][2]int{{1, 64}, {1, 128}, {1, 256}, {1, 384}, {1, 512}, {1, 1024}, {4, 256}, {32, 256}, {4, 512}, {32, 512}}

// A Sequence is a batch of B sequences of T steps through a recurrent layer of I inputs and H
// units.
type Sequence struct{ B, T, I, H int }

// Sequences are those of the benchmarks.
var Sequences = []Sequence{
	{32, 64, 128, 256},
	{1, 64, 128, 256},
	{16, 60, 32, 32}, // VRNN-32 on JSB chorales: the LSTM
	{32, 64, 64, 128},
	{64, 100, 88, 128}, // RNN on piano rolls
	{32, 64, 256, 512},
}

// PeerSequences are those that bench/peers measures beside other libraries: PyTorch's benchmark
// of recurrent layers (benchmarks/fastrnns: 64 sequences of 100 steps, 512 units), what oneDNN's
// benchdnn lists for training and for inference (inputs/rnn/shapes_training: GNMT's encoder,
// 128 sequences, 1024 units, here of 50 steps, and pytorch_testcase, 500 units;
// shapes_inference: 30 steps of one sequence, 512 units), and smaller ones.
var PeerSequences = []Sequence{
	{64, 100, 256, 256}, {1, 100, 64, 64}, {1, 100, 256, 256}, {1, 100, 512, 512}, {16, 100, 128, 128},
	{32, 50, 256, 256}, {64, 100, 512, 512}, {128, 50, 1024, 1024}, {64, 50, 500, 500}, {1, 30, 512, 512},
}

// SmallBatches are those of 2 to 16 sequences, where reading weights and arithmetic take turns.
var SmallBatches = []Sequence{
	{2, 20, 512, 512}, {4, 20, 512, 512}, {8, 20, 512, 512}, {16, 20, 512, 512},
	{2, 20, 1024, 1024}, {4, 20, 1024, 1024}, {8, 20, 1024, 1024}, {16, 20, 1024, 1024},
}

// QuantizedSequences are those for layers with weights in int8: one sequence to 32 of them.
var QuantizedSequences = []Sequence{
	{1, 100, 256, 256}, {1, 100, 512, 512}, {1, 50, 1024, 1024}, {8, 50, 512, 512}, {8, 20, 1024, 1024}, {32, 50, 512, 512},
}

// SpunSequences are those of single sequences whose steps two goroutines share. The weights of
// 512 units are twice as large as a second cache of 2 MB.
var SpunSequences = []Sequence{
	{1, 64, 128, 256},
	{1, 64, 128, 512},
	{1, 64, 128, 1024},
}

// A Ragged batch has sequences of these lengths through a layer of I inputs and H units.
type Ragged struct {
	Lengths []int
	I, H    int
}

// Raggeds are batches of pieces of different lengths, and the same number of the longest length,
// to compare with.
var Raggeds = []Ragged{
	{falling(32, 93, 10), 256, 256},
	{falling(64, 98, 3), 128, 128},
	{falling(32, 93, 93), 256, 256},
}

// falling returns n lengths from the longest to the shortest, in equal steps.
func falling(n, longest, shortest int) (lengths []int) {
	for i := range n {
		lengths = append(lengths, longest-i*(longest-shortest)/(n-1))
	}
	return lengths
}

// Stacks are sequences through several layers, and how many.
var Stacks = []struct {
	Sequence
	Layers int
}{
	{Sequence{16, 60, 88, 64}, 2}, // piano rolls
	{Sequence{1, 60, 88, 64}, 2},
	{Sequence{32, 50, 200, 256}, 3},
}

// Convs are convolutions over steps.
var Convs = []struct {
	B, T, I, O     int
	Kernel, Stride int
}{
	{64, 4, 129, 128, 3, 1},  // the first layer of Silero VAD, for the chunks of 64 streams
	{64, 4, 128, 64, 3, 2},   // and its second
	{1, 1000, 80, 384, 3, 1}, // the first layer of Whisper tiny, for 10 s of speech
	{16, 50, 16, 33, 3, 2},   // the example of torch.nn.Conv1d, channels and batch as there
}

// MLPs are rows, inputs, width and outputs of nets with one hidden layer.
var MLPs = [][4]int{
	{100, 784, 500, 40}, // VAE on MNIST: encoder; Kingma and Welling 2014
	{16, 64, 32, 88},    // VRNN-32 on JSB chorales: decoder, in a step
	{960, 64, 32, 88},   // the same, over all steps
}

// A Model is a whole model in training. Its name is that of package model and, after a hyphen, may
// say its cell; all hidden layers of its nets are F wide.
type Model struct {
	Size, Name          string
	B, T, X, F, H, Z, D int    // batch, steps, data, width of nets, recurrent units, latent variables, hidden layers of a net
	From                string // where it is from
}

// Models are those of the benchmarks.
var Models = []Model{
	{"jsb", "vrnn", 16, 60, 88, 32, 32, 32, 1, "VRNN-32 on JSB chorales"},
	{"mnist", "vae", 100, 1, 784, 500, 0, 20, 1, "Kingma and Welling 2014, section 5"},
	{"jsb", "vrae-rnn", 16, 60, 88, 0, 64, 20, 0, "Fabius and van Amersfoort 2014, with fewer units"},
	{"jsb", "vrae-lstm", 16, 60, 88, 0, 64, 20, 0, "the same with an LSTM"},
	{"jsb", "rnn", 16, 60, 88, 32, 32, 0, 1, "the baseline of Chung et al. 2015"},
	{"jsb", "vrnn-i", 16, 60, 88, 32, 32, 32, 1, "its variant with the prior N(0, I)"},
	{"jsb", "storn", 16, 60, 88, 32, 32, 32, 1, "Bayer and Osendorfer 2014"},
	{"table", "regression", 100, 1, 28, 64, 0, 0, 1, "rows of a table"},
	{"jsb", "classifier", 16, 60, 88, 0, 64, 0, 0, "a head on the encoder of the VRAE"},
}

// PeerModels are those that bench/peers measures beside PyTorch.
var PeerModels = []Model{
	{"jsb", "vrnn", 16, 60, 88, 32, 32, 32, 1, "VRNN-32 on JSB chorales"},
	{"mnist", "vae", 100, 1, 784, 500, 0, 20, 1, "Kingma and Welling 2014, section 5"},
	{"small", "vrnn", 128, 28, 28, 100, 100, 16, 2, "rows of images of 28 x 28 pixels"},
	{"mid", "vrnn", 32, 40, 200, 256, 512, 64, 2, "a quarter of the next"},
	{"large", "vrnn", 32, 40, 200, 600, 2000, 200, 4, "Chung et al. 2015, section 4: speech, frames of 200 samples"},
	{"rolls", "vrae-rnn", 64, 50, 88, 0, 500, 20, 0, "Fabius and van Amersfoort 2014, section 3: 500 units, 20 latent variables"},
	{"rolls", "vrae-lstm", 64, 50, 88, 0, 500, 20, 0, "the same with an LSTM"},
}
