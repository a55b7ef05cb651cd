package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Encode returns the mean and σ of the posterior of every sequence, each [len(seqs),
// Latent], in the order of seqs. The model is packed. The sequences are read in batches of
// the given size; the result depends on neither that nor the number of goroutines. Missing values are
// filled in by means.
func (m *VRAE[T]) Encode(seqs []Sequence, batch, threads int) (mean, sigma []T) {
	const fn = "VRAE.Encode"
	z := m.Latent
	mean, sigma = make([]T, len(seqs)*z), make([]T, len(seqs)*z)
	m.checkPacked(fn, false)
	EvalConfig{Batch: batch, Threads: threads}.check(fn)
	checkSequences(fn, seqs, m.Config)
	p := m.NewPass(threads).(*vraePass[T])
	for _, places := range cut(byLength(seqs, m.Data), batch) {
		p.read(seqs, places)
		for k, i := range places {
			gaussiansOf(mean[i*z:], sigma[i*z:], p.enc.y[k*2*z:], m.form, 1, z)
		}
	}
	return mean, sigma
}

// read makes q of sequences, and fills in what is missing of them by means.
func (p *vraePass[T]) read(seqs []Sequence, places []int) {
	if p.batch == nil {
		p.batch = new(Batch[T])
	}
	p.hold()
	segment(p.batch, seqs, places, p.m.Config, 0, 0, 1, 0)
	p.start(p.batch, Objective{KLWeight: 1}, false)
	p.recognise()
}

// Decode returns what the decoder makes of count latent vectors z [count, Latent]: the
// means of its outputs over the given number of steps, [count, steps, Data]. given are the conditions of
// every step, [count, steps, Given], nil where the model has none. The model is packed. The number of
// steps is free, whatever the model was trained on.
func (m *VRAE[T]) Decode(z []T, given []float32, count, steps int) []T {
	checkResult("VRAE.Decode", count, steps, m.Data)
	checkLen("VRAE.Decode", "z", len(z), count, m.Latent)
	dst := make([]T, count*steps*m.Data)
	m.decode(m.sampler("VRAE.Decode", dst, Draw{Count: count, Steps: steps, Mean: true, Given: given}), z, nil)
	return dst
}

// Generate is [VRAE.Decode] with draws from the outputs in place of their means. The draws
// of sequence i depend on the seed and i, not on count. What is fed back is the mean, as in
// training, or the draw if the model was trained with a teacher.
func (m *VRAE[T]) Generate(z []T, given []float32, count, steps int, seed uint64) []T {
	checkResult("VRAE.Generate", count, steps, m.Data)
	checkLen("VRAE.Generate", "z", len(z), count, m.Latent)
	dst := make([]T, count*steps*m.Data)
	m.decode(m.sampler("VRAE.Generate", dst, Draw{Count: count, Steps: steps, Seed: seed, Given: given}), z, nil)
	return dst
}

// Sample implements [Model]: z from the prior, x from the outputs.
func (m *VRAE[T]) Sample(dst []T, d Draw, _ *States[T]) {
	s := m.sampler("VRAE.Sample", dst, d)
	z := make([]T, d.Count*m.Latent)
	kernels.Normals(z, s.prior, 0, 0, d.Count, m.Latent)
	m.decode(s, z, nil)
}

// Continue draws sequences that begin as prime [steps, Data] does, and returns what follows it,
// [d.Count, d.Steps, Data]. z of each is drawn from q(z | prime), or is its mean with d.Mean, and decoded over
// the steps of prime and d.Steps more; a decoder with a teacher sees prime itself there. d.Given are the
// conditions of what follows. The model is packed. It panics if d is out of range or prime or d have
// not the conditions of every step.
func (m *VRAE[T]) Continue(prime Sequence, d Draw) []T {
	const fn = "VRAE.Continue"
	before := prime.Steps(m.Data)
	checkResult(fn, d.Count, d.Steps, m.Data)
	checkResult(fn, d.Count, before, m.Data)
	checkSequences(fn, []Sequence{prime}, m.Config)
	checkExact(fn, "d.Given", len(d.Given), d.Count*d.Steps, m.Given)
	all := d
	all.Steps += before
	all.Given = nil
	for i, n := 0, d.Steps*m.Given; i < d.Count; i++ {
		all.Given = append(append(all.Given, prime.Given...), d.Given[i*n:(i+1)*n]...)
	}
	checkResult(fn, d.Count, all.Steps, m.Data)
	s := m.sampler(fn, make([]T, d.Count*all.Steps*m.Data), all)
	p, mean, sigma := m.NewPass(1).(*vraePass[T]), make([]T, m.Latent), make([]T, m.Latent)
	p.read([]Sequence{prime}, []int{0})
	gaussiansOf(mean, sigma, p.enc.y, m.form, 1, m.Latent)
	z := make([]T, d.Count*m.Latent)
	if !d.Mean {
		kernels.Normals(z, s.prior, 0, 0, d.Count, m.Latent)
	}
	for i := range d.Count {
		row := z[i*m.Latent : (i+1)*m.Latent]
		kernels.GaussSample(row, &kernels.Gauss[T]{Mu: mean, S: sigma, Ld: m.Latent, Form: kernels.Sigma}, row, 1, m.Latent)
	}
	m.decode(s, z, p.x[:before*m.Data])
	after := make([]T, 0, d.Count*d.Steps*m.Data)
	for i := range d.Count {
		after = append(after, s.dst[(i*all.Steps+before)*m.Data:(i+1)*all.Steps*m.Data]...)
	}
	return after
}

// Interpolate returns n latent vectors [n, Latent] on the straight line from a to b, both
// ends among them, for [VRAE.Decode] to turn into a piece that becomes another. It panics
// if n is below 2 or a and b differ in length.
func Interpolate[T cell.Float](a, b []T, n int) []T {
	checkSize("Interpolate", "n", n, 2, cell.MaxWeights/max(1, len(a)))
	if len(a) != len(b) {
		panic(fmt.Sprintf("model: Interpolate: len(b) = %d, want len(a) = %d", len(b), len(a)))
	}
	line := make([]T, 0, n*len(a))
	for i := range n {
		w := float64(i) / float64(n-1)
		for j := range a {
			line = append(line, T(float64((1-w)*float64(a[j]))+float64(w*float64(b[j]))))
		}
	}
	return line
}

// decode draws all steps, step by step, so that memory does not grow with their number. A teacher
// shows it the steps of prime.
func (m *VRAE[T]) decode(s *sampler[T], z, prime []T) {
	if s.Steps == 0 {
		return
	}
	n, d := s.Count, m.Data
	y, out, in := make([]T, n*m.Data), make([]T, n*m.output.Out), make([]T, n*m.decoder.In)
	stream := m.decoder.NewStream(n)
	h, _ := stream.States()
	m.start.Forward(h, z, n)
	for t := range s.Steps {
		join(in, y, s.give(t), n, d, m.Given)
		m.output.Forward(out, stream.Push(in), n)
		switch s.draw(t, out); {
		case m.Teacher && t*d < len(prime):
			for i := range y {
				y[i] = prime[t*d+i%d]
			}
		case s.Mean || m.Teacher:
			copy(y, s.x)
		default:
			m.like.mean(y, out, n, m.Data)
		}
	}
}
