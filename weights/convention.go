package weights

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Convention says how a library stores recurrent and dense layers: under which names, in which order
// of gates, which way round. The variables of this type are the table of them.
//
// Kinds are those that layers may be, of which the first that fits names, number and shapes of the
// tensors is taken. Where that does not tell, [Convention.As] does.
type Convention struct {
	Name   string
	Kinds  []cell.Kind
	States string // the order of the states of an LSTM, where the library has them in one list

	// ForgetBias is added to the bias of the forget gate, as BasicLSTMCell and LSTMCell of TensorFlow 1
	// do when they compute.
	// The biases that a file has are so much smaller than ours: writing and reading them rounds, so they may differ in the
	// last bit after a round trip, which is exact otherwise.
	ForgetBias float64

	sep   string            // between the parts of a name
	names *regexp.Regexp    // of a tensor: what goes before, and the groups layer, reverse and tail
	other *regexp.Regexp    // what in a name says that the direction is the reverse one
	both  *strings.Replacer // makes the names of both directions one
	stack *regexp.Regexp    // what goes before the names of a layer, by path: the group is that before all layers of a stack
	path  func(layerName) string
	gates map[int]string // by their number, each by a letter
	forms map[cell.Kind][]entry
	dense []entry
	conv  []entry // of one axis
}

// As returns c for layers of one kind: cell.RNNReLU, say, whose tensors are those of cell.RNNTanh.
func (c Convention) As(kind cell.Kind) Convention {
	c.Kinds = []cell.Kind{kind}
	return c
}

// An entry is a tensor of a layer. axes are its dimensions, each the product of some indices:
//
//	l layer  d direction  b of the two biases, first that of the input  g gate  h unit of the state
//	i input  r column of the state (Proj or Hidden)  p unit of the projection
//	x input, then column of the state  k gate, after which comes the bias within the reset
//
//	t tap of a convolution's kernel
//
// "gh i" is a matrix with a row for each unit of each gate, "i gh" its transpose.
type entry struct {
	tail  string
	holds part
	axes  string
	gates string // those it has, if not all of them in the order of the library
	may   bool   // it may be missing
}

// part is what of a layer a tensor holds.
type part uint8

const (
	inputs    part = iota // Wih
	states                // Whh
	joint                 // Wih and Whh
	biases                // the sum of both biases, both, or one of them and that within the reset
	biasIn                // the first of two biases
	biasState             // the second, which for n is that within the reset
	biasReset             // the bias within the reset
	peepholes
	projection
	denseW // or of a convolution
	denseB
)

// layerName is what makes the name of a tensor on the way out.
type layerName struct {
	kind          cell.Kind
	level         int
	pair, reverse bool
}

// suffix returns s and a number, or nothing for number 0.
func suffix(s string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d", s, n)
}

// PyTorch is the state dict of torch.nn.RNN, LSTM and GRU, and of RNNCell, LSTMCell and GRUCell, whose
// names have no _l0. Gates are i f g o and r z n. There are two biases, of which the second one of n is
// within the reset; all others are added up when they are read, and written as the sum and zeros.
// In training that is not the same: PyTorch has a gradient for both, so a step of SGD moves their sum twice
// as far, and weight decay pulls at each; Adam moves it up to twice as far.
var PyTorch = pyTorch

var pyTorch = Convention{
	Name: "PyTorch", Kinds: []cell.Kind{cell.LSTM, cell.GRU, cell.RNNTanh}, States: "h c", sep: ".",
	names: regexp.MustCompile(`^(?:(?P<dir>.*)\.)?(?P<tail>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh|weight|bias)(?:_l(?P<layer>\d+)(?P<reverse>_reverse)?)?$`),
	path: func(n layerName) string {
		if n.reverse {
			return fmt.Sprintf("*_l%d_reverse", n.level)
		}
		return fmt.Sprintf("*_l%d", n.level)
	},
	gates: map[int]string{4: "ifgo", 3: "rzn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: append(torchEntries(), entry{tail: "weight_hr", holds: projection, axes: "p h", may: true}),
		cell.GRU:  torchEntries(), cell.RNNTanh: torchEntries()}),
	dense: []entry{{tail: "weight", holds: denseW, axes: "h i"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
	conv:  []entry{{tail: "weight", holds: denseW, axes: "h i t"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
}

func torchEntries() []entry {
	return []entry{{tail: "weight_ih", holds: inputs, axes: "gh i"}, {tail: "weight_hh", holds: states, axes: "gh r"},
		{tail: "bias_ih", holds: biasIn, axes: "gh", may: true}, {tail: "bias_hh", holds: biasState, axes: "gh", may: true}}
}

// Keras is the weights of Keras 3, by their paths (w.path for w in model.weights), as in
//
//	np.savez("model.npz", **{w.path: w.numpy() for w in model.weights})
//
// Gates are i f c o, where c is our g, and z r h, where h is our n. Matrices are transposed. A GRU has
// two biases with reset_after=True and one without. The layers of a Bidirectional are forward_ and
// backward_.
var Keras = keras

var keras = Convention{
	Name: "Keras", Kinds: []cell.Kind{cell.LSTM, cell.GRU, cell.GRUBefore, cell.RNNTanh}, States: "h c", sep: "/",
	names: regexp.MustCompile(`^(?:(?P<dir>.*)/)?(?P<tail>kernel|recurrent_kernel|bias)$`),
	other: regexp.MustCompile(`(^|/)backward_`), both: strings.NewReplacer("forward_", "", "backward_", ""),
	stack: regexp.MustCompile(`^(?:(.*?)/)??(?:bidirectional(?:_\d+)?/)?(?:lstm|gru|simple_rnn)(?:_\d+)?/(?:lstm|gru|simple_rnn)_cell$`),
	path: func(n layerName) string {
		name := map[cell.Kind]string{cell.LSTM: "lstm", cell.GRU: "gru", cell.GRUBefore: "gru"}[n.kind]
		if name == "" {
			name = "simple_rnn"
		}
		way := ""
		switch {
		case n.reverse:
			way = suffixed("bidirectional", n.level) + "/backward_"
		case n.pair:
			way = suffixed("bidirectional", n.level) + "/forward_"
		}
		return way + suffixed(name, n.level) + "/" + name + "_cell/*"
	},
	gates: map[int]string{4: "ifgo", 3: "zrn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: kerasEntries("gh"), cell.GRU: kerasEntries("b gh"), cell.GRUBefore: kerasEntries("gh"), cell.RNNTanh: kerasEntries("gh")}),
	dense: []entry{{tail: "kernel", holds: denseW, axes: "i h"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
	conv:  []entry{{tail: "kernel", holds: denseW, axes: "t i h"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
}

func suffixed(name string, n int) string { return name + suffix("_", n) }

func kerasEntries(bias string) []entry {
	return []entry{{tail: "kernel", holds: inputs, axes: "i gh"}, {tail: "recurrent_kernel", holds: states, axes: "r gh"},
		{tail: "bias", holds: biases, axes: bias, may: true}}
}

// ONNX is the inputs W, R, B and P of the nodes RNN, LSTM and GRU: gates i o f c and z r h, peepholes
// i o f, both biases in one row, both directions in one tensor. What a node says beside them,
// such as linear_before_reset, [Recurrent] reads.
var ONNX = onnx

var onnx = Convention{
	Name: "ONNX", Kinds: []cell.Kind{cell.LSTM, cell.GRU, cell.RNNTanh}, States: "h c", sep: "/",
	names: regexp.MustCompile(`^(?:(?P<dir>.*)/)?(?P<tail>W|R|B|P)$`),
	path:  func(n layerName) string { return suffixed(n.kind.String(), n.level) + "/*" },
	gates: map[int]string{4: "iofg", 3: "zrn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: append(onnxEntries(), entry{tail: "P", holds: peepholes, axes: "d gh", gates: "iof", may: true}),
		cell.GRU:  onnxEntries(), cell.GRUBefore: onnxEntries(), cell.RNNTanh: onnxEntries()}),
	dense: []entry{{tail: "W", holds: denseW, axes: "i h"}, {tail: "B", holds: denseB, axes: "h", may: true}},
	conv:  []entry{{tail: "W", holds: denseW, axes: "h i t"}, {tail: "B", holds: denseB, axes: "h", may: true}},
}

func onnxEntries() []entry {
	return []entry{{tail: "W", holds: inputs, axes: "d gh i"}, {tail: "R", holds: states, axes: "d gh r"}, {tail: "B", holds: biases, axes: "d bgh", may: true}}
}

// TensorFlow1 is the variables of tf.nn.rnn_cell: BasicLSTMCell, LSTMCell with peepholes or a projection,
// GRUCell, which resets before the product, and BasicRNNCell. Input and state share a matrix; gates are i j f o, where
// j is our g, and r u, then the candidate, n. To the bias of f the cells add forget_bias, by default 1, which is no variable:
// see [Convention.ForgetBias]. The state of an LSTM is (c, h). The directions of bidirectional_dynamic_rnn
// are fw and bw. A BasicRNNCell is known by its name, or by [Convention.As].
var TensorFlow1 = tensorFlow1

var tensorFlow1 = Convention{
	Name: "TensorFlow 1", Kinds: []cell.Kind{cell.LSTM, cell.GRUBefore}, States: "c h", ForgetBias: 1, sep: "/",
	names: regexp.MustCompile(`^(?:(?P<dir>.*?)/)??(?P<tail>(?:(?:gates|candidate|projection)/)?kernel|(?:(?:gates|candidate)/)?bias|w_[ifo]_diag)(?::0)?$`),
	other: regexp.MustCompile(`(^|/)bw/`), both: strings.NewReplacer("fw/", "", "bw/", ""),
	path: func(n layerName) string {
		name := map[cell.Kind]string{cell.LSTM: "lstm_cell", cell.GRUBefore: "gru_cell"}[n.kind]
		if name == "" {
			name = "basic_rnn_cell"
		}
		way := ""
		switch {
		case n.reverse:
			way = "bw/"
		case n.pair:
			way = "fw/"
		}
		return fmt.Sprintf("cell_%d/%s%s/*", n.level, way, name)
	},
	gates: map[int]string{4: "igfo", 3: "rzn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: {{tail: "kernel", holds: joint, axes: "x gh"}, {tail: "bias", holds: biases, axes: "gh"},
			{tail: "w_i_diag", holds: peepholes, axes: "gh", gates: "i", may: true}, {tail: "w_f_diag", holds: peepholes, axes: "gh", gates: "f", may: true},
			{tail: "w_o_diag", holds: peepholes, axes: "gh", gates: "o", may: true}, {tail: "projection/kernel", holds: projection, axes: "h p", may: true}},
		cell.GRUBefore: {{tail: "gates/kernel", holds: joint, axes: "x gh", gates: "rz"}, {tail: "gates/bias", holds: biases, axes: "gh", gates: "rz"},
			{tail: "candidate/kernel", holds: joint, axes: "x gh", gates: "n"}, {tail: "candidate/bias", holds: biases, axes: "gh", gates: "n"}},
		cell.RNNTanh: {{tail: "kernel", holds: joint, axes: "x gh"}, {tail: "bias", holds: biases, axes: "gh"}}}),
	dense: []entry{{tail: "kernel", holds: denseW, axes: "i h"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
	conv:  []entry{{tail: "kernel", holds: denseW, axes: "t i h"}, {tail: "bias", holds: denseB, axes: "h", may: true}},
}

// OneDNN is the arguments of the RNN primitives of oneDNN as plain arrays, in the layout ldigo and, for
// biases, ldgo: weights_layer, weights_iter, bias, weights_peephole and weights_projection. Gates are i f c o
// and u r o, peepholes i f o; the bias of the linear-before-reset GRU has a fourth row, that within the
// reset, which tells it from the other one.
var OneDNN = oneDNN

var oneDNN = Convention{
	Name: "oneDNN", Kinds: []cell.Kind{cell.LSTM, cell.GRU, cell.GRUBefore, cell.RNNTanh}, States: "h c", sep: "/",
	names: regexp.MustCompile(`^(?:(?P<dir>.*)/)?(?P<tail>weights_layer|weights_iter|weights_peephole|weights_projection|bias)$`),
	path:  func(n layerName) string { return suffixed("rnn", n.level) + "/*" },
	gates: map[int]string{4: "ifgo", 3: "zrn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: append(onednnEntries("l d g h"), entry{tail: "weights_peephole", holds: peepholes, axes: "l d g h", gates: "ifo", may: true},
			entry{tail: "weights_projection", holds: projection, axes: "l d h p", may: true}),
		cell.GRU: onednnEntries("l d k h"), cell.GRUBefore: onednnEntries("l d g h"), cell.RNNTanh: onednnEntries("l d g h")}),
}

func onednnEntries(bias string) []entry {
	return []entry{{tail: "weights_layer", holds: inputs, axes: "l d i g h"}, {tail: "weights_iter", holds: states, axes: "l d r g h"},
		{tail: "bias", holds: biases, axes: bias, may: true}}
}

// Elbow is our own: the names of [cell.Stack.Tensors] and of the models of package model, gates i f g o
// and r z n, one bias, and bhn within the reset. It does not have layers with Heads or LayerNorm, whose
// tensors [Of] and [Load] keep.
var Elbow = elbow

var elbow = Convention{
	Name: "Elbow", Kinds: []cell.Kind{cell.LSTM, cell.GRU, cell.GRUBefore, cell.RNNTanh}, States: "h c", sep: ".",
	names: regexp.MustCompile(`^(?:(?P<dir>.*?)\.)??(?:(?P<layer>\d+)\.)?(?P<reverse>reverse\.)?(?P<tail>wih|whh|bhn|b|peephole|whr|w)$`),
	path: func(n layerName) string {
		name := suffix("", n.level)
		if name != "" {
			name += "."
		}
		if n.reverse {
			name += "reverse."
		}
		return name + "*"
	},
	gates: map[int]string{4: "ifgo", 3: "rzn", 1: "n"},
	forms: sharing(map[cell.Kind][]entry{
		cell.LSTM: append(elbowEntries(), entry{tail: "peephole", holds: peepholes, axes: "g h", gates: "ifo", may: true},
			entry{tail: "whr", holds: projection, axes: "p h", may: true}),
		cell.GRU:       append(elbowEntries(), entry{tail: "bhn", holds: biasReset, axes: "h"}),
		cell.GRUBefore: elbowEntries(), cell.RNNTanh: elbowEntries()}),
	dense: []entry{{tail: "w", holds: denseW, axes: "h i"}, {tail: "b", holds: denseB, axes: "h", may: true}},
	conv:  []entry{{tail: "w", holds: denseW, axes: "h t i"}, {tail: "b", holds: denseB, axes: "h", may: true}},
}

func elbowEntries() []entry {
	return []entry{{tail: "wih", holds: inputs, axes: "gh i"}, {tail: "whh", holds: states, axes: "gh r"}, {tail: "b", holds: biases, axes: "gh"}}
}

// sharing adds cell.RNNReLU, which no library stores otherwise than cell.RNNTanh.
func sharing(forms map[cell.Kind][]entry) map[cell.Kind][]entry {
	forms[cell.RNNReLU] = forms[cell.RNNTanh]
	return forms
}

// Conventions lists them.
func Conventions() []Convention {
	return []Convention{PyTorch, Keras, ONNX, TensorFlow1, OneDNN, Elbow}
}

// order returns the gates of an entry in its order, for layers of a kind.
func (c Convention) order(kind cell.Kind, e entry) string {
	if e.gates != "" {
		return e.gates
	}
	return c.gates[kind.Gates()]
}

// canonical is the order of gates of package cell, by their number, and that of peepholes.
var canonical = map[int]string{4: "ifgo", 3: "rzn", 1: "n"}

const canonicalPeepholes = "ifo"

// has reports whether layers of a kind have a tensor that holds p.
func (c Convention) has(kind cell.Kind, p part) bool {
	return slices.ContainsFunc(c.forms[kind], func(e entry) bool { return e.holds == p })
}
