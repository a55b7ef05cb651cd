package model

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// The values of [Config].Fill; FillMean is the default.
const (
	FillMean = "mean"
	FillDraw = "draw"
)

// fieldFill is of the models that fill in what is missing.
func fieldFill(r *Config, c Config) error {
	switch c.Fill {
	case "", FillMean: // one way to say it
	case FillDraw:
		if c.fills() {
			r.Fill = c.Fill
		}
	default:
		return oneOf("fill", c.Fill, []string{FillMean, FillDraw})
	}
	return nil
}

// fillers are the models that have something to put in the place of missing values.
var fillers = []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN, ModelVRAE, ModelVAE}

func (c Config) fills() bool { return slices.Contains(fillers, c.Model) }

// masks reports why the model cannot do with missing values, nil if it can.
func (m *base[T]) masks() error {
	if !m.fills() {
		return fmt.Errorf("a %s has no expectation of its inputs that could stand in their place, so none may be missing; want one of %v", m.Model, fillers)
	}
	if why, ok := whole[m.Likelihood]; ok {
		return fmt.Errorf("the likelihood %s wants all values: %s", m.Likelihood, why)
	}
	return nil
}

// whole are the likelihoods that cannot leave out values, and why.
var whole = map[string]string{
	NADE: "it expects every dimension given all those before it, and has no marginal without one of them",
	RBM:  "its gradient and its scores are from chains that begin at all of them",
}

// CheckMissing reports values that are missing in sequences if the model needs all of them.
func CheckMissing[T cell.Float](m Model[T], seqs []Sequence) error {
	checkThere("CheckMissing", "m", m != nil)
	return partsOf(m).checkMissing(seqs)
}

func (m *base[T]) checkMissing(seqs []Sequence) error {
	why := m.masks()
	if why == nil {
		return nil
	}
	return walk(seqs, m.Data, func(i, step int, row []float32) error {
		for j, v := range row {
			if v != v {
				return fmt.Errorf("model: sequence %d (%s), step %d, dimension %d: a value is missing: %w", i, seqs[i].Name, step, j, why)
			}
		}
		return nil
	})
}

// missing returns how many values a mask leaves out.
func missing[T cell.Float](mask []T) (n int) {
	for _, v := range mask {
		if v == 0 {
			n++
		}
	}
	return n
}

// rowsOf returns the rows lo..hi of x [rows, cols], nil if x is nil.
func rowsOf[T cell.Float](x []T, lo, hi, cols int) []T {
	if x == nil {
		return nil
	}
	return x[lo*cols : hi*cols]
}

// filling is the memory of what a pass puts in the place of missing values.
type filling[T cell.Float] struct {
	x     []T  // all values [rows, Data]
	guess []T  // what is expected in their place
	draw  bool // they are draws, whatever the configuration says
	still bool // they stay as they are, for tests
}

// filling returns that of a pass.
func (p *passBase[T]) filling() *filling[T] { return &p.fill }

// begin returns a copy of x to be filled in.
func (f *filling[T]) begin(x []T) []T {
	if !f.still {
		f.x, f.guess = pages.Grow(f.x, len(x)), pages.Grow(f.guess, len(x))
		copy(f.x, x)
	}
	return f.x
}

// draws reports whether missing values are filled in by draws.
func (p *passBase[T]) draws() bool {
	return p.fill.draw || p.model.Fill == FillDraw && !p.lat.still
}

// fillIn fills in what is missing in the rows lo..hi, the rows row... of step t of the batch, given the
// outputs of all rows.
func (p *passBase[T]) fillIn(out []T, t, row uint32, lo, hi int) {
	if p.fill.still {
		return
	}
	d, w := p.model.Data, p.width
	x, guess, step := p.fill.x[lo*d:hi*d], p.fill.guess[lo*d:hi*d], p.lat.step0+t
	noise := p.batch.Noise
	noise.Stream = streamFill
	if l, ok := p.model.like.(joint[T]); ok {
		l.impute(x, p.mask[lo*d:hi*d], out[lo*w:hi*w], p.draws(), noise, step, row, hi-lo, d)
		return
	}
	if p.draws() {
		p.model.like.sample(guess, out[lo*w:hi*w], noise, step, row, hi-lo, d)
	} else {
		p.model.like.mean(guess, out[lo*w:hi*w], hi-lo, d)
	}
	for i, there := range p.mask[lo*d : hi*d] {
		if there == 0 {
			x[i] = guess[i]
		}
	}
}

// guess makes z of the rows lo..hi, the rows row... of step t, the means of heads or draws from them,
// as fillIn does x.
func (p *passBase[T]) guess(heads []T, t, row uint32, lo, hi int) {
	eps := p.lat.rows(p.lat.eps, lo, hi)
	if clear(eps); p.draws() {
		noise := p.batch.Noise
		noise.Stream = streamFillZ
		kernels.Normals(eps, noise, p.lat.step0+t, row, hi-lo, p.lat.size)
	}
	p.drawOf(heads, lo, hi)
}

// drawOf makes z a draw from heads; without, from N(0, I).
func (p *passBase[T]) drawOf(heads []T, lo, hi int) {
	if heads == nil {
		copy(p.lat.rows(p.lat.z, lo, hi), p.lat.rows(p.lat.eps, lo, hi))
	} else {
		p.lat.draw(heads, lo, hi)
	}
}
