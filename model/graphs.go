package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/weights"
)

// Graphs returns what a runtime of ONNX needs to go on with a trained model, by name. x is a row of data as the model sees it: of classes
// a 1 in the column of the class, otherwise the data themselves. given [batch, Given] is its conditions, a further
// input of every graph if the model has any; those of a VRAE are columns of x behind the data. theta is the outputs, the parameters of p(x | ...) as the
// likelihood documents them; where that is Bernoulli or Gauss there is their mean too. Noise eps is N(0, I), states are [layers, batch,
// Hidden] and 0 at the beginning; c is that of an LSTM.
//
//	VAE         encoder   x -> mu, sigma                     decoder   z -> theta
//	VRAE        encoder   x [steps, batch, Data], lengths -> mu, sigma
//	RNN         step      x, h, c -> theta, hn, cn           theta is that of x, from h
//	VRNN        step      x, eps, h, c -> theta, mu, sigma, prior_mu, prior_sigma, hn, cn     z from the posterior
//	            predict   eps, h -> z, theta                 z from the prior; draw x from theta, then
//	            update    x, z, h, c -> hn, cn
//	STORN       step      x, eps, previous, h, c, r, rc -> theta, mu, sigma, next, hn, cn, rn, rcn
//	            predict   eps, previous, h, c -> theta, hn, cn       draw x from theta: previous of the next step is x - input_mean
//
// previous and next are x - input_mean of the step before and of this one, 0 at the beginning. VRNN-I is a VRNN with prior
// N(0, I). The error is that a model has no graphs, or what of it ONNX does not have.
func Graphs[T cell.Float](m Model[T]) (map[string]*weights.Graph[T], error) {
	checkThere("Graphs", "m", m != nil)
	g, ok := m.(interface {
		graphs(map[string]*weights.Graph[T]) error
	})
	if !ok {
		return nil, fmt.Errorf("model: Graphs: a %s is not written for ONNX; a vae, vrae, rnn, vrnn, vrnn-i or storn is", m.Settings().Model)
	}
	all := map[string]*weights.Graph[T]{}
	if err := g.graphs(all); err != nil {
		return nil, fmt.Errorf("model: Graphs: %w", err)
	}
	return all, nil
}

// graphOf is a graph that is being made of a model.
type graphOf[T cell.Float] struct {
	*weights.Graph[T]
	m *base[T]
}

// graph begins a graph.
func (m *base[T]) graph(all map[string]*weights.Graph[T], name string) graphOf[T] {
	all[name] = weights.NewGraph[T](name)
	return graphOf[T]{all[name], m}
}

// given adds the conditions of a row, if the model has any: none or one.
func (g graphOf[T]) given() []string {
	if n := g.m.given(); n > 0 {
		return []string{g.rows("given", n)}
	}
	return nil
}

// with returns x side by side with others, which may be none.
func (g graphOf[T]) with(others []string, x ...string) string { return g.Join(append(x, others...)...) }

// rows adds an input [batch, n].
func (g graphOf[T]) rows(name string, n int) string { return g.Input(name, "batch", n) }

// seen adds the input x and returns it less its mean.
func (g graphOf[T]) seen() string {
	n := len(g.m.Mean)
	return g.Op("Sub", nil, g.rows("x", n), g.Constant([]int{n}, g.m.Mean))
}

// number adds a constant number.
func (g graphOf[T]) number(v T) string { return g.Constant(nil, []T{v}) }

// sigma returns σ of what a head gives for it.
func (g graphOf[T]) sigma(a string, form kernels.ScaleForm) string {
	if form == kernels.LogVar {
		return g.Op("Exp", nil, g.Op("Mul", nil, a, g.number(0.5)))
	}
	return g.Op("Add", nil, g.Op("Softplus", nil, a), g.number(T(form.Floor())))
}

// gauss returns μ and σ of a head [μ | a], and makes them outputs; without a name that is left to others.
func (g graphOf[T]) gauss(head, prefix string) (mu, sigma string) {
	n := g.m.Latent
	mu, sigma = g.Columns(head, 0, n), g.sigma(g.Columns(head, n, 2*n), g.m.form)
	g.Output(prefix+"mu", mu, "batch", n)
	g.Output(prefix+"sigma", sigma, "batch", n)
	return mu, sigma
}

// draw returns μ + σ ε.
func (g graphOf[T]) draw(mu, sigma, eps string) string {
	return g.Op("Add", nil, mu, g.Op("Mul", nil, sigma, eps))
}

// theta makes the outputs of the likelihood, and their mean where that is one of them, outputs of the graph.
func (g graphOf[T]) theta(out string) {
	m := g.m
	width := m.outputs()
	if m.squash {
		out = g.Join(g.Op("Sigmoid", nil, g.Columns(out, 0, m.dim)), g.Columns(out, m.dim, width))
	}
	g.Output("theta", out, "batch", width)
	switch m.Likelihood {
	case Bernoulli:
		g.Output("mean", g.Op("Sigmoid", nil, out), "batch", m.dim)
	case Gauss:
		g.Output("mean", g.Columns(out, 0, m.dim), "batch", m.dim)
	}
}

// states adds the inputs of the states of a stack, the second one of an LSTM only.
func (g graphOf[T]) states(st *cell.Stack[T], h, c string) (string, string) {
	n := len(st.Layers)
	h = g.Input(h, n, "batch", g.m.Hidden)
	if _, cs := st.StateSizes(); cs == 0 {
		return h, ""
	}
	return h, g.Input(c, n, "batch", g.m.Hidden)
}

// step runs a step of a stack and makes the states after it outputs.
func (g graphOf[T]) step(st *cell.Stack[T], x, h, c, hn, cn string) (y string, err error) {
	y, hOut, cOut, err := g.Step(st, x, h, c)
	if err != nil {
		return "", err
	}
	g.Output(hn, hOut, len(st.Layers), "batch", g.m.Hidden)
	if cOut != "" {
		g.Output(cn, cOut, len(st.Layers), "batch", g.m.Hidden)
	}
	return y, nil
}

// top returns the state of the topmost layer [batch, Hidden].
func (g graphOf[T]) top(st *cell.Stack[T], h string) string {
	return g.Op("Gather", map[string]any{"axis": 0}, h, g.Index(len(st.Layers)-1))
}

func (m *VAE[T]) graphs(all map[string]*weights.Graph[T]) error {
	e := m.graph(all, "encoder")
	e.gauss(e.MLP(m.encoder, e.with(e.given(), e.seen())), "")
	d := m.graph(all, "decoder")
	d.theta(d.MLP(m.decoder, d.with(d.given(), d.rows("z", m.Latent))))
	return nil
}

func (m *VRAE[T]) graphs(all map[string]*weights.Graph[T]) (err error) {
	g := m.graph(all, "encoder")
	x, lengths, st := g.Input("x", "steps", "batch", m.Data+m.Given), g.Lengths("lengths", "batch"), cell.NewStackOf(cell.OneWay, 0, m.encoder)
	hn := ""
	if m.Config.Reverse {
		hn, err = g.Reverse(st, x, lengths)
	} else {
		_, hn, _, err = g.RaggedStack(st, x, lengths, "", "")
	}
	if err != nil {
		return err
	}
	g.gauss(g.Dense(m.head, g.top(st, hn)), "")
	return nil
}

func (m *VRNN[T]) graphs(all map[string]*weights.Graph[T]) error {
	if m.Skip > 0 {
		return fmt.Errorf("a %s with a linear skip is not written for ONNX", m.Config.Model)
	}
	g := m.graph(all, "step")
	phiX := g.MLP(m.phiX, g.seen())
	eps := ""
	if m.Latent > 0 {
		eps = g.rows("eps", m.Latent)
	}
	h, c := g.states(m.stack, "h", "c")
	top, given := g.top(m.stack, h), g.given()
	if m.Latent == 0 {
		g.theta(g.MLP(m.decoder, g.with(given, top)))
		_, err := g.step(m.stack, g.with(given, phiX), h, c, "hn", "cn")
		return err
	}
	mu, sigma := g.gauss(g.MLP(m.posterior, g.with(given, phiX, top)), "")
	if m.prior != nil {
		g.gauss(g.MLP(m.prior, g.with(given, top)), "prior_")
	}
	phiZ := g.MLP(m.phiZ, g.draw(mu, sigma, eps))
	g.theta(g.MLP(m.decoder, g.with(given, phiZ, top)))
	if _, err := g.step(m.stack, g.with(given, phiX, phiZ), h, c, "hn", "cn"); err != nil {
		return err
	}

	p := m.graph(all, "predict")
	z := p.rows("eps", m.Latent)
	h = p.Input("h", len(m.stack.Layers), "batch", m.Hidden)
	top, given = p.top(m.stack, h), p.given()
	if m.prior != nil {
		mu, sigma := p.gauss(p.MLP(m.prior, p.with(given, top)), "prior_")
		z = p.draw(mu, sigma, z)
	}
	p.Output("z", z, "batch", m.Latent)
	p.theta(p.MLP(m.decoder, p.with(given, p.MLP(m.phiZ, z), top)))

	u := m.graph(all, "update")
	phiX = u.MLP(m.phiX, u.seen())
	phiZ = u.MLP(m.phiZ, u.rows("z", m.Latent))
	h, c = u.states(m.stack, "h", "c")
	_, err := u.step(m.stack, u.with(u.given(), phiX, phiZ), h, c, "hn", "cn")
	return err
}

func (m *STORN[T]) graphs(all map[string]*weights.Graph[T]) error {
	for _, name := range []string{"step", "predict"} {
		g := m.graph(all, name)
		seen := ""
		if name == "step" {
			seen = g.seen()
		}
		z, previous := g.rows("eps", m.Latent), g.rows("previous", len(m.Mean))
		h, c := g.states(m.generator, "h", "c")
		given := g.given()
		if name == "step" {
			r, rc := g.states(m.recognition, "r", "rc")
			y, err := g.step(m.recognition, g.with(given, g.MLP(m.phiR, seen)), r, rc, "rn", "rcn")
			if err != nil {
				return err
			}
			mu, sigma := g.gauss(g.MLP(m.posterior, y), "")
			z = g.draw(mu, sigma, z)
			g.Output("next", seen, "batch", len(m.Mean))
		}
		y, err := g.step(m.generator, g.with(given, g.MLP(m.phiX, previous), g.MLP(m.phiZ, z)), h, c, "hn", "cn")
		if err != nil {
			return err
		}
		g.theta(g.MLP(m.decoder, y))
	}
	return nil
}
