package model

import "math"

// Channel is the range of a quantity over all rows and dimensions of a split: what one
// looks at first when a training goes wrong.
type Channel struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`

	N int `json:"-"` // how many values there were
}

func (c *Channel) add(values []float32) {
	if c.N == 0 && len(values) > 0 {
		c.Min, c.Max = math.Inf(1), math.Inf(-1)
	}
	sum := 0.0
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range values {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		sum += float64(v)
	}
	if math.IsNaN(sum) { // the comparisons, a fifth of the cost of min and max, pass over NaN
		for _, v := range values {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	c.Min, c.Max = min(c.Min, float64(lo)), max(c.Max, float64(hi))
	n := c.N + len(values)
	if n > 0 {
		c.Mean += (sum - float64(c.Mean*float64(len(values)))) / float64(n)
	}
	c.N = n
}

// merge adds the values of another channel.
func (c *Channel) merge(d *Channel) {
	if c.N == 0 {
		*c = *d
	} else if d.N > 0 {
		c.Min, c.Max = min(c.Min, d.Min), max(c.Max, d.Max)
		c.N += d.N
		c.Mean += float64((d.Mean - c.Mean) * (float64(d.N) / float64(c.N)))
	}
}

// channels collects the channels of the passes of an evaluation, by name: the data x, mean
// and σ of the output (theta_mu, theta_sig), σ of the posterior (phi_sig) and of the prior
// (prior_sig), and what else a likelihood has to show.
type channels map[string]*Channel

func (c channels) add(name string, values []float32) {
	ch := c[name]
	if ch == nil {
		ch = new(Channel)
		c[name] = ch
	}
	ch.add(values)
}

// merge returns c with the values of others, which may be none.
func (c channels) merge(d channels) channels {
	if len(c) == 0 {
		return d
	}
	for name, ch := range d {
		if of := c[name]; of != nil {
			of.merge(ch)
		} else {
			c[name] = ch
		}
	}
	return c
}

func (c channels) result() map[string]Channel {
	r := make(map[string]Channel, len(c))
	for name, ch := range c {
		r[name] = *ch
	}
	return r
}
