package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Encode writes μ and σ of q(z|x) of the rows of x [rows, Data] to mu and sigma
// [rows, Latent]; sigma may be nil. given [rows, Given] are the conditions of the rows, nil where the
// model has none. It panics if a slice is too short, given is not as long as that, or rows is
// negative.
func (m *VAE[T]) Encode(mu, sigma, x, given []T, rows int) {
	m.gaussians("VAE.Encode", net[T]{mlp: m.encoder}, mu, sigma, x, given, rows, m.Latent)
}

// Decode writes the mean of p(x|z) of the rows of z [rows, Latent] to x [rows, Data]. Otherwise as
// [VAE.Encode].
func (m *VAE[T]) Decode(x, z, given []T, rows int) {
	const fn = "VAE.Decode"
	m.checkPacked(fn, false)
	checkSize(fn, "rows", rows, 0, cell.MaxRows)
	checkLen(fn, "z", len(z), rows, m.Latent)
	checkExact(fn, "given", len(given), rows, m.Given)
	checkLen(fn, "x", len(x), rows, m.Data)
	m.like.mean(x, m.outputsAt(z, given, rows), rows, m.Data)
}

// outputsAt returns the parameters of p(x|z) of the rows of z and their conditions.
func (m *VAE[T]) outputsAt(z, given []T, rows int) []T {
	n := m.outputNet(m.decoder)
	beginNets(rows, &n)
	n.forward(0, rows, z[:rows*m.Latent], given)
	return n.Y
}

// Reconstruct writes to y [rows, Data] the mean of p(x|z) at the mean z of q(z|x), for the
// rows of x [rows, Data]; y may be x. Otherwise as [VAE.Encode].
func (m *VAE[T]) Reconstruct(y, x, given []T, rows int) {
	const fn = "VAE.Reconstruct"
	m.checkPacked(fn, false)
	checkSize(fn, "rows", rows, 0, cell.MaxRows)
	checkLen(fn, "x", len(x), rows, m.Data)
	checkLen(fn, "y", len(y), rows, m.Data)
	z := make([]T, rows*m.Latent)
	m.Encode(z, nil, x, given, rows)
	m.Decode(y, z, given, rows)
}

// Sample implements [Model]: z from the prior, x from p(x|z), every step a data point of
// its own.
func (m *VAE[T]) Sample(dst []T, d Draw, _ *States[T]) {
	s, count := m.sampler("VAE.Sample", dst, d), d.Count
	z := make([]T, count*m.Latent)
	for t := range d.Steps {
		kernels.Normals(z, s.prior, uint32(t), 0, count, m.Latent)
		s.draw(t, m.outputsAt(z, s.give(t), count))
	}
}
