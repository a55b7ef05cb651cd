package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Config says which model to build. The zero values of the widths stand for Hidden; see
// [Config.Resolve].
type Config struct {
	Model      string `json:"model"`      // rnn, vrnn, vrnn-i, storn, vrae, classifier, vae or regression
	Cell       string `json:"cell"`       // rnn, rnn-relu, lstm, gru or gru-before
	Likelihood string `json:"likelihood"` // one of [Likelihoods], see there; of a regression gauss
	Data       int    `json:"data"`       // dimensions of one step
	Hidden     int    `json:"hidden"`     // recurrent state
	Latent     int    `json:"latent"`     // dimensions of z; 0 in an rnn
	Depth      int    `json:"depth"`      // hidden layers of every net; -1 stands for none (vae and regression)
	Layers     int    `json:"layers"`     // recurrent layers, on top of each other

	// Dropout is the share of h that training drops between recurrent layers, DropoutInput that of
	// x as the model sees it, which is not what it has to predict, DropoutHeads that of h as the
	// nets above the topmost recurrent layer see it. What is dropped of x counts as its mean.
	Dropout      float64 `json:"dropout,omitempty"`
	DropoutInput float64 `json:"dropout_input,omitempty"`
	DropoutHeads float64 `json:"dropout_heads,omitempty"`

	PhiX      int `json:"phi_x"`     // width of the net that reads x
	PhiZ      int `json:"phi_z"`     // width of the net that reads z
	Prior     int `json:"prior"`     // width of the prior's hidden layers
	Posterior int `json:"posterior"` // width of the posterior's hidden layers
	Decoder   int `json:"decoder"`   // width of the decoder's hidden layers

	Components int `json:"components,omitempty"` // of a mixture
	Rank       int `json:"rank,omitempty"`       // of a covariance of low rank
	Classes    int `json:"classes,omitempty"`    // of a categorical output
	Levels     int `json:"levels,omitempty"`     // of a logistic mixture: 256 for 8 bit
	Units      int `json:"units,omitempty"`      // hidden ones of a NADE or an RBM
	Gibbs      int `json:"gibbs,omitempty"`      // steps of an RBM's chains

	// SigmaFloor is added to the softplus that gives σ of the output; 0 is 1e-4. Standardised series
	// with stretches that hardly change want more, such as 0.01 to 0.1.
	SigmaFloor float64 `json:"sigma_floor,omitempty"`

	// Fill is what a model sees in the place of a missing value: the mean of what it expects there,
	// or with FillDraw a draw from it. With latent variables that is asked twice: of the prior, and
	// of the posterior that has seen what is there beside. A model of data points, which knows no
	// past, asks its prior first.
	Fill string `json:"fill,omitempty"`
	// Skip is how many of the last steps go straight to the outputs, in a linear map that starts from a
	// least-squares fit, and whose errors the posterior sees; of an rnn, vrnn or vrnn-i whose likelihood is
	// gauss, gauss-full, gauss-lowrank, student or student-full.
	Skip int `json:"skip,omitempty"`

	Init string `json:"init"` // glorot, uniform (-0.08, 0.08) or normal (0, 0.01²)

	// Of a vrae or a classifier: Reverse makes the encoder read sequences from their end,
	// Teacher feeds the data to a vrae's decoder in place of its own outputs, Labels are the
	// classes that a classifier tells apart.
	Reverse bool     `json:"reverse,omitempty"`
	Teacher bool     `json:"teacher,omitempty"`
	Labels  []string `json:"labels,omitempty"`

	// Of a vae or a regression: the nonlinearity of the hidden layers, the range of the means
	// of a Gaussian output, and the form in which heads give σ.
	Activation string `json:"activation,omitempty"` // tanh or relu
	Means      string `json:"means,omitempty"`      // linear, or unit: in (0, 1) through a sigmoid
	Scale      string `json:"scale,omitempty"`      // softplus (plus 1e-4, or SigmaFloor), or logvar: ln σ²

	// Given is how many numbers every step comes with that the model is given and does not predict,
	// its conditions: those of Batch.Given. Of a regression they are the first dimensions of the data
	// themselves, the others what the model describes; a classifier predicts nothing of its data, so
	// that there all of them are given.
	Given int `json:"given,omitempty"`

	Noise float64 `json:"noise,omitempty"` // of a regression: σ around a draw in its sampled objective
}

// The models.
const (
	ModelRNN   = "rnn"    // p(x_t | x_<t) from h_{t-1}, exact likelihood
	ModelVRNN  = "vrnn"   // latent variable per step, prior conditioned on h_{t-1}
	ModelVRNNI = "vrnn-i" // latent variable per step, prior N(0, I)
	ModelSTORN = "storn"  // the same prior, with a recurrent network of its own for the posterior
	ModelVRAE  = "vrae"   // latent variable per sequence

	ModelClassifier = "classifier" // p(class | sequence)

	ModelVAE        = "vae"        // latent variable per data point
	ModelRegression = "regression" // p(y | x) of data points
)

// The initialisers of the weight matrices other than the recurrent ones, which are orthogonal
// gate by gate.
const (
	InitGlorot  = "glorot"  // uniform within ±sqrt(6/(inputs + outputs)); Glorot and Bengio 2010
	InitUniform = "uniform" // uniform within ±0.08; Chung et al. 2015
	InitNormal  = "normal"  // N(0, 0.01²); Kingma and Welling 2014
)

var inits = []string{InitGlorot, InitUniform, InitNormal}

// maxSize bounds every size of a configuration, so that one read from a file cannot ask
// for more memory than a machine has.
const maxSize = 1 << 16

// Resolve returns c with its defaults filled in: an LSTM, a Bernoulli likelihood, Glorot
// weights, depth 1, one recurrent layer, the latent size and the widths of all nets equal to
// Hidden; for a VRAE a tanh RNN and a latent size of 20; for a VAE tanh layers and a latent
// size of 20; for a regression tanh layers and a Gaussian likelihood. What the
// model has no use for becomes 0, so that equal models have equal configurations. It reports
// what is not allowed.
func (c Config) Resolve() (Config, error) {
	defaultString(&c.Model, ModelVRNN)
	k, err := kindOf[float32](c.Model)
	if err != nil {
		return c, err
	}
	return k.resolve(c)
}

func defaultString(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// kind returns the kind of the recurrent cell.
func (c Config) kind() cell.Kind {
	kind, err := cell.ParseKind(c.Cell)
	if err != nil {
		panic("model: a configuration that was not resolved: " + err.Error())
	}
	return kind
}

// outputs returns how many outputs the likelihood needs.
func (c Config) outputs() int { return outputs(newLikelihood[float32](c), c.Data) }

// given returns how many columns Batch.Given has.
func (c Config) given() int {
	if c.Model == ModelRegression {
		return 0
	}
	return c.Given
}

// CheckData reports data that a model with the configuration cannot score.
func (c Config) CheckData(d *Data) error {
	if d.Dim != c.Data {
		return fmt.Errorf("model: data set %q has %d dimensions, the model %d", d.Name, d.Dim, c.Data)
	}
	if d.Given != c.given() {
		return fmt.Errorf("model: data set %q has conditions of %d numbers, the model is given %d", d.Name, d.Given, c.given())
	}
	k, err := kindOf[float32](c.Model)
	if err != nil {
		return err
	}
	m := k.build(c)
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		if err := m.parts().checkMissing(seqs); err != nil {
			return err
		}
	}
	return m.checkData(d)
}

// checkData reports data that the likelihood cannot score.
func (m *base[T]) checkData(d *Data) error {
	if err := m.like.suits(d.Form); err != nil {
		return fmt.Errorf("model: data set %q %w", d.Name, err)
	}
	b, ok := m.like.(bounded)
	if !ok {
		return nil
	}
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		if err := walk(seqs, d.Dim, func(i, step int, row []float32) error {
			for j, v := range row {
				if err := b.value(j, v); err != nil && v == v {
					return fmt.Errorf("model: data set %q, sequence %d (%s), step %d: %w", d.Name, i, seqs[i].Name, step, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(what, got string, allowed []string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return fmt.Errorf("model: unknown %s %q, want one of %v", what, got, allowed)
}

// placed is an error with the place that it is about, behind the name of the package.
type placed struct {
	place string
	err   error
}

func (e *placed) Error() string {
	return "model: " + e.place + ": " + strings.TrimPrefix(e.err.Error(), "model: ")
}

func (e *placed) Unwrap() error { return e.err }

// outOfRange reports a number that is not within lo..hi.
func outOfRange(name string, got, lo, hi float64) error {
	want := digits(lo) + ".." + digits(hi)
	if hi >= math.MaxFloat32 {
		want = "at least " + digits(lo)
	}
	return fmt.Errorf("model: %s = %s, want %s", name, digits(got), want)
}

// digits prints a number without an exponent, unless it is very large or small.
func digits(v float64) string {
	if a := math.Abs(v); a == 0 || a > 1e-5 && a < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
