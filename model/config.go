package model

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
)

// Config says which model to build. The zero values of the widths stand for Hidden; see
// [Config.Resolve].
type Config struct {
	Model      string `json:"model"`      // rnn, vrnn, vrnn-i, storn, vrae, classifier, vae or regression
	Cell       string `json:"cell"`       // rnn, rnn-relu, lstm, gru or gru-before
	Likelihood string `json:"likelihood"` // bernoulli, gauss and so on, see there; of a regression gauss
	Data       int    `json:"data"`       // dimensions of one step
	Hidden     int    `json:"hidden"`     // recurrent state
	Latent     int    `json:"latent"`     // dimensions of z; 0 in an rnn
	Depth      int    `json:"depth"`      // hidden layers of every net; -1 stands for none (vae and regression)
	Layers     int    `json:"layers"`     // recurrent layers, on top of each other

	Dropout float64 `json:"dropout,omitempty"` // what training drops of h between recurrent layers

	PhiX      int `json:"phi_x"`     // width of the net that reads x
	PhiZ      int `json:"phi_z"`     // width of the net that reads z
	Prior     int `json:"prior"`     // width of the prior's hidden layers
	Posterior int `json:"posterior"` // width of the posterior's hidden layers
	Decoder   int `json:"decoder"`   // width of the decoder's hidden layers

	Components int `json:"components,omitempty"` // of a mixture
	Classes    int `json:"classes,omitempty"`    // of a categorical output
	Levels     int `json:"levels,omitempty"`     // of a logistic mixture: 256 for 8 bit

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
	Scale      string `json:"scale,omitempty"`      // softplus (plus 1e-4), or logvar: ln σ²

	// Of a regression: the first Given dimensions of a step are its inputs, the others what
	// the model describes. Noise is the σ around a draw in its sampled objective.
	Given int     `json:"given,omitempty"`
	Noise float64 `json:"noise,omitempty"`
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

var (
	models = []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN, ModelVAE, ModelRegression}
	inits  = []string{InitGlorot, InitUniform, InitNormal}

	mixtures = []string{GMM, BivariateMixture, LogisticMixture} // the likelihoods with components
)

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
	if c.Model == ModelVAE || c.Model == ModelRegression {
		c.Reverse, c.Teacher, c.Labels = false, false, nil
		return c.resolvePoints()
	}
	c.Activation, c.Means, c.Scale, c.Given, c.Noise = "", "", "", 0, 0
	single := c.Model == ModelVRAE || c.Model == ModelClassifier
	if single {
		defaultString(&c.Cell, cell.RNNTanh.String())
	}
	defaultString(&c.Cell, cell.LSTM.String())
	defaultString(&c.Likelihood, Bernoulli)
	defaultString(&c.Init, InitGlorot)
	if !slices.Contains(mixtures, c.Likelihood) {
		c.Components = 0
	} else if c.Components == 0 {
		c.Components = 20 // Chung et al. 2015
	}
	if c.Likelihood != Categorical {
		c.Classes = 0
	}
	if c.Likelihood != LogisticMixture {
		c.Levels = 0
	} else if c.Levels == 0 {
		c.Levels = 256
	}
	if single {
		return c.resolveVRAE()
	}
	c.Reverse, c.Teacher, c.Labels = false, false, nil
	for _, p := range []*int{&c.Depth, &c.Layers} {
		if *p == 0 {
			*p = 1
		}
	}
	if c.Model == ModelRNN {
		c.Latent, c.PhiZ, c.Prior, c.Posterior = 0, 0, 0, 0
	} else {
		for _, p := range []*int{&c.Latent, &c.PhiZ, &c.Prior, &c.Posterior} {
			if *p == 0 {
				*p = c.Hidden
			}
		}
	}
	if c.Model == ModelVRNNI || c.Model == ModelSTORN {
		c.Prior = 0
	}
	for _, p := range []*int{&c.PhiX, &c.Decoder} {
		if *p == 0 {
			*p = c.Hidden
		}
	}
	return c, c.check()
}

func defaultString(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func (c Config) check() error {
	if err := oneOf("model", c.Model, slices.Concat(models, []string{ModelVRAE, ModelClassifier})); err != nil {
		return err
	}
	if _, err := cell.ParseKind(c.Cell); err != nil {
		return fmt.Errorf("model: cell: %w", err)
	}
	if err := oneOf("init", c.Init, inits); err != nil {
		return err
	}
	sizes := []struct {
		name       string
		got, least int
	}{
		{"data", c.Data, 1}, {"hidden", c.Hidden, 1}, {"depth", c.Depth, 1}, {"layers", c.Layers, 1}, {"phi_x", c.PhiX, 1},
		{"decoder", c.Decoder, 1}, {"latent", c.Latent, 0}, {"phi_z", c.PhiZ, 0}, {"prior", c.Prior, 0}, {"posterior", c.Posterior, 0},
		{"components", c.Components, 0}, {"classes", c.Classes, 0},
	}
	for _, s := range sizes {
		if s.got < s.least || s.got > maxSize {
			return fmt.Errorf("model: %s = %d, want %d..%d", s.name, s.got, s.least, maxSize)
		}
	}
	if err := c.checkLikelihood(); err != nil {
		return err
	}
	if !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("model: dropout = %v, want at least 0 and less than 1", c.Dropout)
	}
	if c.Dropout > 0 && c.Layers < 2 {
		return fmt.Errorf("model: dropout = %v with one recurrent layer: it works between layers", c.Dropout)
	}
	if c.Model != ModelRNN && (c.Latent == 0 || c.PhiZ == 0 || c.Posterior == 0) {
		return fmt.Errorf("model: a %s needs latent, phi_z and posterior sizes above 0", c.Model)
	}
	return nil
}

// checkLikelihood reports an output that the configuration, whose sizes are in range,
// cannot have.
func (c Config) checkLikelihood() error {
	if err := oneOf("likelihood", c.Likelihood, likelihoods); err != nil {
		return err
	}
	if slices.Contains(mixtures, c.Likelihood) && (c.Components < 1 || c.Components > maxSize) {
		return fmt.Errorf("model: components = %d, want 1..%d", c.Components, maxSize)
	}
	if c.Likelihood == Categorical && (c.Data != 1 || c.Classes < 2) {
		return fmt.Errorf("model: data = %d, classes = %d: a categorical output needs data = 1 and at least 2 classes", c.Data, c.Classes)
	}
	if c.Likelihood == LogisticMixture && (c.Levels < 2 || c.Levels > 1<<16) {
		return fmt.Errorf("model: levels = %d, want 2..%d", c.Levels, 1<<16)
	}
	if (c.Likelihood == Bivariate || c.Likelihood == BivariateMixture) && c.Data != 3 {
		return fmt.Errorf("model: data = %d: a %s output needs 3 dimensions, a pen bit and two coordinates", c.Data, c.Likelihood)
	}
	if n := c.outputs(); n > maxSize {
		return fmt.Errorf("model: %s: %d outputs, want at most %d", c.Likelihood, n, maxSize)
	}
	return nil
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

// CheckData reports data that a model with the configuration cannot score.
func (c Config) CheckData(d *Data) error {
	if d.Dim != c.Data {
		return fmt.Errorf("model: data set %q has %d dimensions, the model %d", d.Name, d.Dim, c.Data)
	}
	if c.Likelihood == Categorical && d.Form.Classes != c.Classes {
		return fmt.Errorf("model: data set %q has %d classes, the model %d", d.Name, d.Form.Classes, c.Classes)
	}
	if c.Likelihood != Categorical && c.Likelihood != "" && d.Form.Classes > 0 {
		return fmt.Errorf("model: data set %q has the numbers of classes, which are no amounts: want the likelihood %q, not %q", d.Name, Categorical, c.Likelihood)
	}
	if n := d.Form.Levels; c.Likelihood == LogisticMixture && n > 0 && n != c.Levels {
		return fmt.Errorf("model: data set %q has %d levels, the model %d", d.Name, n, c.Levels)
	}
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			if c.Model == ModelClassifier && !slices.Contains(c.Labels, s.Label) {
				return fmt.Errorf("model: data set %q: sequence %q has the label %q, which is not one of the classes", d.Name, s.Name, s.Label)
			}
		}
		if c.Likelihood != LogisticMixture && !c.binary(0) {
			continue
		}
		if err := walk(seqs, d.Dim, func(i, step int, row []float32) error {
			for j, v := range row {
				if c.Likelihood == LogisticMixture && !(v >= -1 && v <= 1) {
					return fmt.Errorf("model: data set %q, sequence %d (%s), step %d: %v is not between the levels, want -1..1", d.Name, i, seqs[i].Name, step, v)
				}
				if c.binary(j) && !(v >= 0 && v <= 1) {
					return fmt.Errorf("model: data set %q, sequence %d (%s), step %d: %v cannot be the outcome of a bernoulli, want 0..1", d.Name, i, seqs[i].Name, step, v)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// binary reports whether the likelihood takes dimension j for a bit.
func (c Config) binary(j int) bool {
	switch c.Likelihood {
	case Bernoulli:
		return true
	case Bivariate, BivariateMixture:
		return j == 0
	}
	return false
}

func oneOf(what, got string, allowed []string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return fmt.Errorf("model: unknown %s %q, want one of %v", what, got, allowed)
}
