package model

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// family is a kind of likelihood p(x_t | ...). x has D = Config.Data dimensions, K is
// Config.Components, all logarithms are in nats, and every scale is softplus(a) + Config.SigmaFloor
// unless Config.Scale or the likelihood says otherwise. Its name is that used in configurations; the comment there has
// in brackets a row of outputs of the decoder, in the order of its columns.
type family[T cell.Float] struct {
	name string
	uses []field // the numbers of a configuration that it has a use for
	// build returns the likelihood of a resolved configuration.
	build func(Config) likelihood[T]
}

// families lists the likelihoods.
func families[T cell.Float]() []family[T] {
	return []family[T]{
		{Bernoulli, []field{fieldFill}, newBernoulli[T]},
		{Gauss, []field{fieldFloor, fieldFill}, newGauss[T]},
		{GMM, []field{fieldFloor, fieldComponents, fieldFill}, newGMM[T]},
		{Categorical, []field{fieldClasses, fieldFill}, newCategorical[T]},
		{Bivariate, []field{fieldFloor, fieldFill}, newBivariate[T]},
		{BivariateMixture, []field{fieldFloor, fieldComponents, fieldFill}, newBivariateMixture[T]},
		{LogisticMixture, []field{fieldFloor, fieldComponents, fieldLevels, fieldFill}, newLogistic[T]},
		{NADE, []field{fieldUnits}, newNADE[T]},
		{GaussFull, []field{fieldFill}, newGaussFull[T]},
		{Student, []field{fieldFill}, newStudent[T]},
		{StudentFull, []field{fieldFill}, newStudentFull[T]},
		{GaussLowRank, []field{fieldRank, fieldFill}, newGaussLowRank[T]},
		{RBM, []field{fieldUnits, fieldGibbs}, newRBM[T]},
	}
}

// Likelihoods returns the names of all likelihoods.
func Likelihoods() []string {
	var names []string
	for _, f := range families[float32]() {
		names = append(names, f.name)
	}
	return names
}

// normalised returns those whose probabilities can be computed: all but one.
func normalised() []string {
	return slices.DeleteFunc(Likelihoods(), func(name string) bool { return name == RBM })
}

// familyOf returns the kind of likelihood with the given name.
func familyOf[T cell.Float](name string) family[T] {
	for _, f := range families[T]() {
		if f.name == name {
			return f
		}
	}
	panic("model: a configuration that was not resolved: likelihood " + name)
}

// newLikelihood returns the likelihood of a resolved configuration.
func newLikelihood[T cell.Float](c Config) likelihood[T] { return familyOf[T](c.Likelihood).build(c) }

// fieldComponents is of the mixtures; its default is that of Chung et al. 2015.
var fieldComponents = number("components", func(c *Config) *int { return &c.Components }, 20, 1, maxSize)

// fieldFloor is what is added to the softplus of a scale, or 0 for the default. A scale that is no softplus
// has none.
func fieldFloor(r *Config, c Config) error {
	if r.Scale != ScaleLogVar {
		r.SigmaFloor = c.SigmaFloor
	}
	if v := r.SigmaFloor; v != 0 && !(v >= 1e-9 && v <= 1e9) {
		return outOfRange("sigma_floor", v, 1e-9, 1e9)
	}
	return nil
}

// outputForm returns the form in which the outputs of a decoder give σ.
func (c Config) outputForm() kernels.ScaleForm {
	if c.SigmaFloor > 0 && c.Scale != ScaleLogVar {
		return kernels.SoftplusFloor(float32(c.SigmaFloor))
	}
	return c.scaleForm()
}

// likelihood is the output distribution p(x_t | ...) of a model: out holds the outputs of
// the decoder for every row, dim is the number of dimensions of the data.
type likelihood[T cell.Float] interface {
	// dims reports what data of dim dimensions lack to be its outcome.
	dims(dim int) error
	// suits reports data of a form that it cannot score.
	suits(f Form) error
	// heads returns the sizes of the parts of a row of outputs, which are layers of their
	// own, side by side.
	heads(dim int) []int
	// inputs returns how many numbers a model sees of a row of data, encode writes them:
	// u is [rows, inputs].
	inputs(dim int) int
	encode(u, x []T, rows, dim int)
	// inputMean returns the mean of what encode writes.
	inputMean(stats Stats) []float64
	// initBias sets the biases of the output layer, which are 0, from statistics of the
	// training data.
	initBias(b []T, stats Stats)
	// sample draws x for the rows row0... of a step.
	sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int)
	// mean writes the mean of the output, of a distribution over classes its mode.
	mean(x, out []T, rows, dim int)
	// channels calls add with what is monitored of the output.
	channels(add func(name string, values []T), out []T, rows, dim int)
}

// direct is a likelihood without parameters of its own: all others are [parametric].
type direct[T cell.Float] interface {
	// logProb computes lp[row] = ln p(x[row] | out[row]) in nats, summed over the dimensions that
	// the mask, if there is one, says are there.
	logProb(lp, x, mask, out []T, rows, dim int)
	// backward computes the gradient of Σ dlp lp with respect to out.
	backward(dout, dlp, x, mask, out []T, rows, dim int)
}

// joint is a likelihood whose dimensions depend on each other.
type joint[T cell.Float] interface {
	// impute fills in what the mask says is missing of x, the rows row0... of a step, given what is there of a row:
	// by draws or by means.
	impute(x, mask, out []T, draw bool, noise kernels.Noise, step, row0 uint32, rows, dim int)
}

// bounded is a likelihood that some numbers cannot be the outcome of.
type bounded interface {
	// value reports v as the value of dimension j.
	value(j int, v float32) error
}

// indexed is a likelihood whose data are indices, which have to be in range.
type indexed[T cell.Float] interface {
	checkIndices(fn string, x, mask []T)
}

// parametric is a likelihood with parameters of its own.
type parametric[T cell.Float] interface {
	// slots returns where they are.
	slots(dim int) []slot[T]
	// work returns what computes its terms in a pass.
	work() worker[T]
}

// worker is a parametric likelihood at work in a pass. All slices belong to the whole batch.
type worker[T cell.Float] interface {
	// begin prepares for a batch, beginBackward for its gradient.
	begin(r run[T])
	beginBackward()
	// logProb and backward are those of a [direct] likelihood, for the rows lo..hi.
	logProb(lp, out []T, lo, hi int)
	backward(dout, dlp, out []T, lo, hi int)
	// paramGrad adds part i of parts of the gradient of the parameters to those of grad.
	paramGrad(grad likelihood[T], i, parts int)
}

// run is what a worker is to do.
type run[T cell.Float] struct {
	x, mask  []T // [rows, dim]; there may be no mask
	shape    *cell.Ragged
	dim      int
	means    []T           // of the dimensions of x in the training data
	noise    kernels.Noise // of its own draws; the stream is the worker's choice
	step     uint32        // of the first step, for the noise
	row0     int           // of the first row of every step, likewise
	anneal   Annealing
	training bool
}

// estimator is a worker whose terms are not log-likelihoods, or not exact.
type estimator interface {
	// mark says so in the totals of a batch.
	mark(t Totals) Totals
}

// outputs returns how many outputs a row needs.
func outputs[T cell.Float](l likelihood[T], dim int) int {
	n := 0
	for _, h := range l.heads(dim) {
		n += h
	}
	return n
}

// from returns s without its first n elements, or nothing if it has no rows at all.
func from[T any](s []T, n int) []T { return s[min(n, len(s)):] }

// plain is a likelihood of amounts, in any number of dimensions, which a model sees as they are.
type plain[T cell.Float] struct{}

func (plain[T]) inputs(dim int) int              { return dim }
func (plain[T]) encode(u, x []T, rows, dim int)  { copy(u, x[:rows*dim]) }
func (plain[T]) inputMean(stats Stats) []float64 { return stats.Mean }

func (plain[T]) dims(int) error { return nil }

func (plain[T]) suits(f Form) error {
	if f.Classes > 0 {
		return fmt.Errorf("has the numbers of classes, which are no amounts: want the likelihood %q", Categorical)
	}
	return nil
}

// sigmas writes σ of rows of cols columns of a in a form of a head, LogVar or a softplus; a has the row
// stride ld.
func sigmas[T cell.Float](sigma, a []T, form kernels.ScaleForm, rows, cols, ld int) {
	sigma = sigma[:rows*cols]
	for i := range rows {
		copy(sigma[i*cols:(i+1)*cols], a[i*ld:])
	}
	if form == kernels.LogVar {
		kernels.Scal(sigma, sigma, 0.5)
		kernels.Exp(sigma, sigma)
		return
	}
	kernels.Softplus(sigma, sigma)
	for i := range sigma {
		sigma[i] += T(form.Floor())
	}
}
