package model

import (
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// Channel is the range of a quantity over all rows and dimensions of a split: what one
// looks at first when a training goes wrong.
type Channel struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`

	n int
}

func (c *Channel) add(values []float32) {
	if c.n == 0 && len(values) > 0 {
		c.Min, c.Max = math.Inf(1), math.Inf(-1)
	}
	sum := 0.0
	for _, v := range values {
		f := float64(v)
		c.Min, c.Max = math.Min(c.Min, f), math.Max(c.Max, f)
		sum += f
	}
	n := c.n + len(values)
	if n > 0 {
		c.Mean += (sum - c.Mean*float64(len(values))) / float64(n)
	}
	c.n = n
}

// channels watches the passes of an evaluation: the data x, mean and σ of the output
// (theta_mu, theta_sig), σ of the posterior (phi_sig) and of the prior (prior_sig).
type channels struct {
	p                                 *Pass[float32]
	x, mean, sigma, posterior, priors Channel
	mu, sig                           []float32
}

func newChannels(p *Pass[float32]) *channels { return &channels{p: p} }

// add takes in the batch of the last Forward.
func (c *channels) add() {
	p, m := c.p, c.p.m
	rows := p.batch.Shape.Rows()
	n := rows * m.Data
	c.mu, c.sig = grow(c.mu, n), grow(c.sig, n)
	m.like.moments(c.mu, c.sig, p.decoder.out(), rows, m.Data)
	c.x.add(p.batch.X[:n])
	c.mean.add(c.mu)
	c.sigma.add(c.sig)
	if m.Latent > 0 {
		c.heads(&c.posterior, p.posterior.out(), rows)
	}
	if m.prior != nil {
		c.heads(&c.priors, p.prior.out(), rows)
	}
}

// heads adds σ of a latent head, whose rows are [μ | a].
func (c *channels) heads(ch *Channel, out []float32, rows int) {
	z := c.p.m.Latent
	c.sig = grow(c.sig, z)
	for i := range rows {
		kernels.Softplus(c.sig, out[i*2*z+z:(i+1)*2*z])
		for j := range c.sig {
			c.sig[j] += kernels.ScaleEps
		}
		ch.add(c.sig)
	}
}

func (c *channels) result() map[string]Channel {
	r := map[string]Channel{"x": c.x, "theta_mu": c.mean, "theta_sig": c.sigma}
	if c.posterior.n > 0 {
		r["phi_sig"] = c.posterior
	}
	if c.priors.n > 0 {
		r["prior_sig"] = c.priors
	}
	return r
}
