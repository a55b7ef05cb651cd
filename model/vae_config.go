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
	ScaleSoftplus = "softplus" // σ = softplus(a) + 1e-4
	ScaleLogVar   = "logvar"   // a = ln σ²
)

var (
	activations = []string{cell.Tanh.String(), cell.ReLU.String()}
	means       = []string{MeansLinear, MeansUnit}
	scales      = []string{ScaleSoftplus, ScaleLogVar}
)

// noLayers is the Depth of a net that is linear.
const noLayers = -1

// defaultNoise is the σ around a draw in the sampled objective of a regression.
const defaultNoise = 0.1

// resolvePoints is [Config.Resolve] for the models of data points: tanh layers, and 20
// latent dimensions.
func (c Config) resolvePoints() (Config, error) {
	if c.Model == ModelRegression {
		defaultString(&c.Likelihood, Gauss)
	}
	defaultString(&c.Likelihood, Bernoulli)
	defaultString(&c.Init, InitGlorot)
	defaultString(&c.Activation, cell.Tanh.String())
	defaultString(&c.Means, MeansLinear)
	defaultString(&c.Scale, ScaleSoftplus)
	c.Cell, c.PhiX, c.PhiZ, c.Prior = "", 0, 0, 0
	c.Layers, c.Dropout, c.Components, c.Classes, c.Levels = 0, 0, 0, 0, 0
	if c.Depth == 0 {
		c.Depth = 1
	}
	if c.Decoder == 0 {
		c.Decoder = c.Hidden
	}
	if c.Model == ModelVAE {
		c.Given, c.Noise = 0, 0
		if c.Posterior == 0 {
			c.Posterior = c.Hidden
		}
		if c.Latent == 0 {
			c.Latent = 20
		}
	} else {
		c.Latent, c.Posterior = 0, 0
		if c.Noise == 0 {
			c.Noise = defaultNoise
		}
	}
	return c, c.checkPoints()
}

func (c Config) checkPoints() error {
	for _, v := range []struct {
		what, got string
		allowed   []string
	}{
		{"likelihood", c.Likelihood, []string{Bernoulli, Gauss}}, {"init", c.Init, inits}, {"activation", c.Activation, activations},
		{"means", c.Means, means}, {"scale", c.Scale, scales},
	} {
		if err := oneOf(v.what, v.got, v.allowed); err != nil {
			return err
		}
	}
	// The numbers a model has no use for are 0.
	latent, given, noise := 0, 0, 0
	if c.Model == ModelVAE {
		latent = 1
	} else {
		given, noise = 1, 1
	}
	for _, s := range []struct {
		name            string
		got, least, max float64
	}{
		{"data", float64(c.Data), 1, maxSize}, {"hidden", float64(c.Hidden), 1, maxSize}, {"decoder", float64(c.Decoder), 1, maxSize},
		{"depth", float64(c.Depth), noLayers, maxDepth}, {"latent", float64(c.Latent), float64(latent), float64(latent * maxSize)},
		{"posterior", float64(c.Posterior), float64(latent), float64(latent * maxSize)},
		{"given", float64(c.Given), float64(given), float64(given * (c.Data - 1))}, {"noise", c.Noise, float64(noise) * 1e-6, float64(noise) * 1e6},
	} {
		if !(s.got >= s.least && s.got <= s.max) {
			return fmt.Errorf("model: %s = %v, want %v..%v", s.name, s.got, s.least, s.max)
		}
	}
	if c.Means == MeansUnit && c.Likelihood != Gauss {
		return fmt.Errorf("model: means %q is of a Gaussian output, the likelihood is %q", c.Means, c.Likelihood)
	}
	if c.Model == ModelRegression && c.Likelihood != Gauss {
		return fmt.Errorf("model: a %s needs the likelihood %q, got %q", c.Model, Gauss, c.Likelihood)
	}
	return nil
}

// maxDepth bounds the number of layers that a configuration read from a file can ask for.
const maxDepth = 64

// layers returns the number of hidden layers of every net.
func (c Config) layers() int { return max(c.Depth, 0) }

func (c Config) activation() cell.Activation {
	if c.Activation == cell.ReLU.String() {
		return cell.ReLU
	}
	return cell.Tanh
}

func (c Config) scaleForm() kernels.ScaleForm {
	if c.Scale == ScaleLogVar {
		return kernels.LogVar
	}
	return kernels.SoftplusSigma
}

// pointLandmarks is [Config.landmarks] for the models of data points.
func (c Config) pointLandmarks() []landmark {
	if c.Model == ModelRegression {
		return c.netLandmarks([]landmark{{meanTensor, []int{c.Given}}}, "net", c.Given, c.Decoder, 2*(c.Data-c.Given))
	}
	ls := c.netLandmarks([]landmark{{meanTensor, []int{c.Data}}}, "encoder", c.Data, c.Posterior, 2*c.Latent)
	return c.netLandmarks(ls, "decoder", c.Latent, c.Decoder, c.outputs())
}
