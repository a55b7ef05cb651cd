package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// The ranges of the means of a Gaussian output.
const (
	MeansLinear = "linear"
	MeansUnit   = "unit" // (0, 1), through a sigmoid
)

// The forms in which the heads of a VAE or a regression give σ.
const (
	ScaleSoftplus = "softplus" // σ = softplus(a) + 1e-4, of the output + SigmaFloor
	ScaleLogVar   = "logvar"   // a = ln σ²
)

// noLayers is the Depth of a net that is linear.
const noLayers = -1

// defaultNoise is the σ around a draw in the sampled objective of a regression.
const defaultNoise = 0.1

// fieldsPoints are the fields of the models of data points, whose likelihood is one of the names.
func fieldsPoints(names ...string) []field {
	return []field{fieldData, fieldHidden, fieldInit,
		number("depth", func(c *Config) *int { return &c.Depth }, 1, noLayers, maxDepth), fieldDecoder,
		choice("activation", func(c *Config) *string { return &c.Activation }, cell.Tanh.String(), cell.ReLU.String()),
		choice("means", func(c *Config) *string { return &c.Means }, MeansLinear, MeansUnit),
		choice("scale", func(c *Config) *string { return &c.Scale }, ScaleSoftplus, ScaleLogVar),
		fieldLikelihood(names...)}
}

// resolveVAE is [Config.Resolve] for the VAE.
func (c Config) resolveVAE() (Config, error) {
	r, err := c.take(append(fieldsPoints(Bernoulli, Gauss, GaussFull, Student, StudentFull, GaussLowRank), fieldGiven, fieldPosterior,
		number("latent", func(c *Config) *int { return &c.Latent }, 20, 1, maxSize))...)
	if err == nil && r.Means == MeansUnit && r.Likelihood != Gauss {
		err = fmt.Errorf("model: means %q is of a Gaussian output, the likelihood is %q", r.Means, r.Likelihood)
	}
	return r, err
}

// resolveRegression is [Config.Resolve] for the regression.
func (c Config) resolveRegression() (Config, error) {
	r, err := c.take(append(fieldsPoints(Gauss), number("given", func(c *Config) *int { return &c.Given }, 0, 1, c.Data-1))...)
	if r.Noise = c.Noise; r.Noise == 0 {
		r.Noise = defaultNoise
	}
	if err == nil && !(r.Noise >= 1e-6 && r.Noise <= 1e6) {
		err = outOfRange("noise", r.Noise, 1e-6, 1e6)
	}
	return r, err
}

// maxDepth bounds the number of layers that a configuration read from a file can ask for.
const maxDepth = 64

// layers returns the number of hidden layers of every net.
func (c Config) layers() int { return max(c.Depth, 0) }

func (c Config) activation() cell.Activation {
	if c.Activation == cell.Tanh.String() {
		return cell.Tanh
	}
	return cell.ReLU
}

func (c Config) scaleForm() kernels.ScaleForm {
	if c.Scale == ScaleLogVar {
		return kernels.LogVar
	}
	return kernels.SoftplusSigma
}
