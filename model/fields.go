package model

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
)

// field is a setting that a kind of model has a use for. It copies the setting from c, or its
// default if c does not have it, to r, and reports what is not allowed.
type field func(r *Config, c Config) error

// take returns a configuration of what the fields take from c. All else is 0.
func (c Config) take(fields ...field) (Config, error) {
	r := Config{Model: c.Model}
	for _, f := range fields {
		if err := f(&r, c); err != nil {
			return r, err
		}
	}
	return r, nil
}

// number is a field of least..most; preset is its default.
func number(name string, of func(*Config) *int, preset, least, most int) field {
	return func(r *Config, c Config) error {
		n := *of(&c)
		if n == 0 {
			n = preset
		}
		*of(r) = n
		return inRange(name, n, least, most)
	}
}

func inRange(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("model: %s = %d, want %d..%d", name, n, least, most)
	}
	return nil
}

// width is a number whose default is Hidden.
func width(name string, of func(*Config) *int) field {
	return func(r *Config, c Config) error { return number(name, of, c.Hidden, 1, maxSize)(r, c) }
}

// choice is one of a few names; the first of them is the default.
func choice(name string, of func(*Config) *string, names ...string) field {
	return func(r *Config, c Config) error {
		*of(r) = *of(&c)
		defaultString(of(r), names[0])
		return oneOf(name, *of(r), names)
	}
}

// The fields of more than one kind of model.
var (
	fieldData      = number("data", func(c *Config) *int { return &c.Data }, 0, 1, maxSize)
	fieldHidden    = number("hidden", func(c *Config) *int { return &c.Hidden }, 0, 1, maxSize)
	fieldDepth     = number("depth", func(c *Config) *int { return &c.Depth }, 1, 1, maxSize)
	fieldLayers    = number("layers", func(c *Config) *int { return &c.Layers }, 1, 1, maxSize)
	fieldPhiX      = width("phi_x", func(c *Config) *int { return &c.PhiX })
	fieldPhiZ      = width("phi_z", func(c *Config) *int { return &c.PhiZ })
	fieldPosterior = width("posterior", func(c *Config) *int { return &c.Posterior })
	fieldDecoder   = width("decoder", func(c *Config) *int { return &c.Decoder })
	fieldGiven     = number("given", func(c *Config) *int { return &c.Given }, 0, 0, maxSize)
	fieldInit      = choice("init", func(c *Config) *string { return &c.Init }, inits...)
)

// fieldCell is the kind of the recurrent cell.
func fieldCell(preset cell.Kind) field {
	return func(r *Config, c Config) error {
		r.Cell = c.Cell
		defaultString(&r.Cell, preset.String())
		if _, err := cell.ParseKind(r.Cell); err != nil {
			return fmt.Errorf("model: %w", err)
		}
		return nil
	}
}

// fieldDropout comes after the number of layers.
func fieldDropout(r *Config, c Config) error {
	for _, d := range []struct {
		name string
		of   func(*Config) *float64
	}{
		{"dropout", func(c *Config) *float64 { return &c.Dropout }},
		{"dropout_input", func(c *Config) *float64 { return &c.DropoutInput }},
		{"dropout_heads", func(c *Config) *float64 { return &c.DropoutHeads }},
	} {
		p := *d.of(&c)
		if *d.of(r) = p; !(p >= 0 && p < 1) {
			return fmt.Errorf("model: %s = %v, want at least 0 and less than 1", d.name, p)
		}
	}
	if c.Dropout > 0 && r.Layers < 2 {
		return fmt.Errorf("model: dropout = %v with one recurrent layer: it works between layers", c.Dropout)
	}
	return nil
}

// fieldLikelihood is one of the likelihoods, of which the first is the default, with the numbers
// that it needs. It comes after the dimensions of the data.
func fieldLikelihood(names ...string) field {
	return func(r *Config, c Config) error {
		if l := c.Likelihood; slices.Contains(Likelihoods(), l) && !slices.Contains(names, l) {
			return fmt.Errorf("model: likelihood %s is not for a %s, want one of %v", l, c.Model, names)
		}
		if err := choice("likelihood", func(c *Config) *string { return &c.Likelihood }, names...)(r, c); err != nil {
			return err
		}
		for _, f := range familyOf[float32](r.Likelihood).uses {
			if err := f(r, c); err != nil {
				return fmt.Errorf("%w for the likelihood %s", err, r.Likelihood)
			}
		}
		l := newLikelihood[float32](*r)
		if err := l.dims(r.Data); err != nil {
			return fmt.Errorf("model: data = %d: a %s output needs %w", r.Data, r.Likelihood, err)
		}
		if n := outputs(l, r.Data); n > maxSize {
			return fmt.Errorf("model: %s: %d outputs, want at most %d", r.Likelihood, n, maxSize)
		}
		return nil
	}
}
