package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// WeightPosterior is a Gaussian posterior over all parameters of a model, for full
// variational Bayes: a mean and a σ per parameter, and the prior N(0, 1). The means are the
// parameters of the model themselves, so that evaluation, sampling and checkpoints use them
// without knowing of it.
//
//	θ = μ + σ ε     ε ~ N(0, 1), one draw per update
//	loss = loss(θ) + weight Σ KL(N(μ, σ) || N(0, 1))
//
// An update is Draw, Pack and the two passes of the model, Restore, Backward, and a step on
// the parameters and LogSigma together. It works for any model, since all it sees is tensors.
//
// Source: Kingma and Welling 2014, appendix F; the KL term in closed form.
type WeightPosterior[T cell.Float] struct {
	LogSigma []cell.Tensor[T] // ln σ of every parameter, as NAME.log_sigma
	Grad     []cell.Tensor[T] // the gradient of LogSigma that Backward wrote

	params    []cell.Tensor[T]
	mean, eps [][]T
	drew      bool // eps are those of a Draw
	drawn     bool // the parameters are a draw, the means are in mean
	d, weight []T  // scratch
}

// weightLogSigma is where ln σ starts: σ = 0.0067, small against the weights of a fresh
// model, so that the first draws do not drown them.
const weightLogSigma = -5

// NewWeightPosterior returns a posterior around params, which are written to in place.
func NewWeightPosterior[T cell.Float](params []cell.Tensor[T]) *WeightPosterior[T] {
	w := &WeightPosterior[T]{params: params}
	most, rows := 0, 0
	for _, p := range params {
		n := len(p.Data)
		if rows := tensorRows(p); rows < 1 || n%rows != 0 {
			panic(fmt.Sprintf("model: NewWeightPosterior: %s has %d elements, which are not its shape %v", p.Name, n, p.Shape))
		}
		s := cell.Tensor[T]{Name: p.Name + ".log_sigma", Shape: p.Shape, Data: make([]T, n)}
		fill(s.Data, weightLogSigma)
		w.LogSigma = append(w.LogSigma, s)
		w.Grad = append(w.Grad, cell.Tensor[T]{Name: s.Name, Shape: s.Shape, Data: make([]T, n)})
		w.mean, w.eps = append(w.mean, make([]T, n)), append(w.eps, make([]T, n))
		most, rows = max(most, n), max(rows, tensorRows(p))
	}
	w.d, w.weight = make([]T, most), make([]T, rows)
	return w
}

// tensorRows returns how many rows a parameter has: a vector is one row.
func tensorRows[T cell.Float](t cell.Tensor[T]) int {
	if len(t.Shape) < 2 || len(t.Data) == 0 {
		return 1
	}
	return t.Shape[0]
}

// check panics unless the parameters are a draw, or are not.
func (w *WeightPosterior[T]) check(method string, drawn bool) {
	switch {
	case w.drawn && !drawn:
		panic("model: WeightPosterior." + method + ": the parameters are a draw: call Restore first")
	case !w.drawn && drawn:
		panic("model: WeightPosterior." + method + ": the parameters are no draw: call Draw first")
	}
}

// Draw puts a draw from the posterior in the place of the parameters. Tensor k takes its
// noise from step k. It panics after another Draw, before Restore.
func (w *WeightPosterior[T]) Draw(noise kernels.Noise) {
	w.check("Draw", false)
	w.drew, w.drawn = true, true
	for k, p := range w.params {
		rows := tensorRows(p)
		cols := len(p.Data) / rows
		copy(w.mean[k], p.Data)
		kernels.Normals(w.eps[k], noise, uint32(k), 0, rows, cols)
		kernels.GaussSample(p.Data, &kernels.Gauss[T]{Mu: w.mean[k], S: w.LogSigma[k].Data, Ld: cols, Form: kernels.LogSigma}, w.eps[k], rows, cols)
	}
}

// Restore puts the means back after Draw. It panics if there was none.
func (w *WeightPosterior[T]) Restore() {
	w.check("Restore", true)
	w.drawn = false
	for k, p := range w.params {
		copy(p.Data, w.mean[k])
	}
}

// Backward turns grads, the gradient of the loss at the parameters of the last Draw, into
// the gradient of the means, in place, and writes that of LogSigma to Grad. The KL term
// enters both with the given weight. The means have to be in their place.
//
//	dμ = dθ + weight μ     d lnσ = dθ ε σ + weight (σ² - 1)
func (w *WeightPosterior[T]) Backward(grads []cell.Tensor[T], weight float64) {
	const fn = "WeightPosterior.Backward"
	w.check("Backward", false)
	if !w.drew || len(grads) != len(w.params) {
		panic(fmt.Sprintf("model: %s: len(grads) = %d, want %d, after a Draw", fn, len(grads), len(w.params)))
	}
	for k, p := range w.params {
		if len(grads[k].Data) != len(p.Data) {
			panic(fmt.Sprintf("model: %s: the gradient of %s has %d elements, want %d", fn, p.Name, len(grads[k].Data), len(p.Data)))
		}
	}
	fill(w.weight, T(weight))
	for k, p := range w.params {
		rows := tensorRows(p)
		cols := len(p.Data) / rows
		dz := w.d[:len(p.Data)]
		copy(dz, grads[k].Data)
		kernels.LatentStepBackward(&kernels.GaussGrad[T]{Mu: grads[k].Data, S: w.Grad[k].Data}, nil, dz, w.weight,
			&kernels.Gauss[T]{Mu: p.Data, S: w.LogSigma[k].Data, Ld: cols, Form: kernels.LogSigma}, nil, w.eps[k], rows, cols)
	}
}

// KL returns KL(posterior || prior) in nats. The means have to be in their place.
func (w *WeightPosterior[T]) KL() float64 {
	w.check("KL", false)
	sum := 0.0
	for k, p := range w.params {
		rows := tensorRows(p)
		cols := len(p.Data) / rows
		kl := w.weight[:rows]
		kernels.GaussKLStandard(kl, &kernels.Gauss[T]{Mu: p.Data, S: w.LogSigma[k].Data, Ld: cols, Form: kernels.LogSigma}, rows, cols)
		for _, v := range kl {
			sum += float64(v)
		}
	}
	return sum
}
