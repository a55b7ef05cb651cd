package main

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
	"gonum.org/v1/gonum/mat"
)

// vowelsTable compares outputs for real-valued series: vector autoregressions, then recurrent networks
// whose outputs have independent dimensions, all covariances, and heavy tails.
var vowelsTable = experiment{
	name:   "vowels",
	about:  "Japanese vowels, 12 cepstral coefficients a frame: outputs with and without covariance and heavy tails, beside vector autoregressions",
	unit:   "nats per frame of standardised values, lower is better",
	folder: "vowels",
	read: func(f *dataFlags, out io.Writer) (*dataset.Data, error) {
		return dataset.Vowels(f.path, f.budget(out))
	},
	value:  nats,
	finish: autoregressions,
	rows: []row{
		{name: "GRU, diagonal, no skip", model: model.Config{Model: model.ModelRNN, Cell: "gru", Likelihood: model.Gauss, Hidden: 64}, train: func(t *model.TrainConfig) {
			vowelTraining(t)
			t.Optimizer, t.WeightDecay = "", 0
		}},
		{name: "GRU, diagonal, skip", model: vowelModel(model.ModelRNN, model.Gauss), train: vowelTraining},
		{name: "GRU, full, skip", model: vowelModel(model.ModelRNN, model.GaussFull), train: vowelTraining},
		{name: "GRU, full, t, skip", model: vowelModel(model.ModelRNN, model.StudentFull), train: vowelTraining},
		{name: "VRNN, full, skip", model: vowelModel(model.ModelVRNN, model.GaussFull), train: func(t *model.TrainConfig) {
			vowelTraining(t)
			t.KLWarmup = 20 // without it the latent variables stay unused
		}, samples: []int{20}},
	},
}

func vowelModel(kind, likelihood string) model.Config {
	return model.Config{Model: kind, Cell: "gru", Likelihood: likelihood, Hidden: 64, Latent: 8, Skip: 3, DropoutHeads: 0.3}
}

func vowelTraining(t *model.TrainConfig) {
	t.Batch, t.Rate, t.Epochs, t.Patience, t.Reshuffle = 16, 3e-3, 50, 0, true
	t.Optimizer, t.WeightDecay = model.OptimizerAdamW, 0.1
	t.Schedule = model.Schedule{Name: model.ScheduleCosine, TMax: 50}
}

// autoregressions adds vector autoregressions, fitted to the train part, to the results.
func autoregressions(_ context.Context, r *tableRun) error {
	for _, v := range []struct {
		lags    int
		student bool
	}{{1, false}, {3, false}, {3, true}} {
		f, err := fitVAR(r.data.Data, v.lags, v.student)
		if err != nil {
			return err
		}
		d := f.dim
		name, likelihood, params := fmt.Sprintf("VAR(%d)", v.lags), model.GaussFull, d*(d*v.lags+1)+d*(d+1)+d
		if v.student {
			name, likelihood, params = name+fmt.Sprintf(", t of %.1f", f.nu), model.StudentFull, params+1
		}
		valid := f.score(r.data.Valid)
		r.results = append(r.results, result{Row: name, Model: "var", Likelihood: likelihood, Params: params,
			Valid: &valid, Test: f.score(r.data.Test), Exact: true, Unit: r.unit})
	}
	return nil
}

// autoregression is x_t = W [1 x_{t-1} ... x_{t-p}] + noise, normal or of a t distribution with one degree of
// freedom nu; before its first step a sequence stands still, and first steps have a normal of their own.
type autoregression struct {
	dim, lags int
	w         *mat.Dense
	scale     *mat.Cholesky // of the covariance, or of the matrix of a t
	nu        float64       // 0: normal
	mean      *mat.Dense    // of first steps, one row
	first     *mat.Cholesky
}

// varSteps is how often expectation maximisation goes over the data: nu moves by less than 1e-3 then.
const varSteps = 60

// fitVAR fits by least squares or, for a t, by expectation maximisation (Lange, Little and Taylor 1989).
func fitVAR(d *model.Data, lags int, student bool) (*autoregression, error) {
	f := &autoregression{dim: d.Dim, lags: lags, scale: new(mat.Cholesky), first: new(mat.Cholesky)}
	x, y, first := f.steps(d.Train)
	n, _ := y.Dims()
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = 1
	}
	steps := 1
	if student {
		f.nu, steps = 5, varSteps
	}
	for range steps {
		if err := f.regress(x, y, weights); err != nil {
			return nil, err
		}
		if student {
			q := f.distances(x, y)
			f.nu = bestNu(q, f.dim, f.logDet())
			for i, v := range q {
				weights[i] = (f.nu + float64(f.dim)) / (f.nu + v)
			}
		}
	}
	count, _ := first.Dims()
	f.mean = mat.NewDense(1, f.dim, nil)
	for j := range f.dim {
		f.mean.Set(0, j, mat.Sum(first.ColView(j))/float64(count))
	}
	r, cov := f.fromMean(first), mat.NewSymDense(f.dim, nil)
	cov.SymOuterK(1/float64(count-1), r.T())
	if !f.first.Factorize(cov) {
		return nil, fmt.Errorf("the covariance of the first steps of %d sequences is singular", count)
	}
	return f, nil
}

// fromMean returns first steps less their mean.
func (f *autoregression) fromMean(first *mat.Dense) *mat.Dense {
	r := mat.DenseCopyOf(first)
	r.Apply(func(_, j int, v float64) float64 { return v - f.mean.At(0, j) }, r)
	return r
}

// steps returns the regressors and the values of all steps but the first ones, and those.
func (f *autoregression) steps(seqs []model.Sequence) (x, y, first *mat.Dense) {
	d, in := f.dim, 1+f.lags*f.dim
	var xs, ys, fs []float64
	for _, q := range seqs {
		for t := range len(q.X) / d {
			row := make([]float64, d)
			for j := range row {
				row[j] = float64(q.X[t*d+j])
			}
			if t == 0 {
				fs = append(fs, row...)
				continue
			}
			ys = append(ys, row...)
			past := make([]float64, in)
			past[0] = 1
			for k := range f.lags {
				for j := range d {
					past[1+k*d+j] = float64(q.X[max(t-1-k, 0)*d+j])
				}
			}
			xs = append(xs, past...)
		}
	}
	return mat.NewDense(len(xs)/in, in, xs), mat.NewDense(len(ys)/d, d, ys), mat.NewDense(len(fs)/d, d, fs)
}

// regress finds the weights and the scale by weighted least squares.
func (f *autoregression) regress(x, y *mat.Dense, weights []float64) error {
	n, _ := x.Dims()
	weighted := func(i, _ int, v float64) float64 { return math.Sqrt(weights[i]) * v }
	var a, b mat.Dense
	a.Apply(weighted, x)
	b.Apply(weighted, y)
	f.w = new(mat.Dense)
	if err := f.w.Solve(&a, &b); err != nil {
		return fmt.Errorf("autoregression: %w", err)
	}
	var r mat.Dense
	r.Mul(&a, f.w)
	r.Sub(&b, &r)
	cov := mat.NewSymDense(f.dim, nil)
	cov.SymOuterK(1/float64(n), r.T())
	if !f.scale.Factorize(cov) {
		return fmt.Errorf("autoregression: the covariance of %d steps is singular", n)
	}
	return nil
}

func (f *autoregression) logDet() float64 { return f.scale.LogDet() }

// distances returns the squares of the residuals in units of the scale.
func (f *autoregression) distances(x, y *mat.Dense) []float64 {
	var r mat.Dense
	r.Mul(x, f.w)
	r.Sub(y, &r)
	return squares(&r, f.scale)
}

// squares returns r' C^-1 r of every row r, C given by its factor.
func squares(r *mat.Dense, c *mat.Cholesky) []float64 {
	var s mat.Dense
	if err := c.SolveTo(&s, r.T()); err != nil {
		panic(err) // it was factorised, so it has the right size and is regular
	}
	n, _ := r.Dims()
	q := make([]float64, n)
	for i := range q {
		q[i] = mat.Dot(r.RowView(i), s.ColView(i))
	}
	return q
}

// varNats is the sum of the negative log-densities of steps with the distances q.
func varNats(q []float64, dim int, logDet, nu float64) (sum float64) {
	d := float64(dim)
	base := logDet/2 + d/2*math.Log(2*math.Pi)
	if nu > 0 {
		a, _ := math.Lgamma(nu / 2)
		b, _ := math.Lgamma((nu + d) / 2)
		base = logDet/2 + a - b + d/2*math.Log(nu*math.Pi)
	}
	for _, v := range q {
		if sum += base; nu > 0 {
			sum += (nu + d) / 2 * math.Log1p(v/nu)
		} else {
			sum += v / 2
		}
	}
	return sum
}

// bestNu searches the degrees of freedom that suit the distances best, by golden section in the logarithm.
func bestNu(q []float64, dim int, logDet float64) float64 {
	const golden = 0.6180339887498949
	lo, hi := 0.0, math.Log(200)
	for hi-lo > 1e-4 {
		a, b := hi-golden*(hi-lo), lo+golden*(hi-lo)
		if varNats(q, dim, logDet, math.Exp(a)) < varNats(q, dim, logDet, math.Exp(b)) {
			hi = b
		} else {
			lo = a
		}
	}
	return math.Exp((lo + hi) / 2)
}

// score returns the nats per step of sequences, first ones included.
func (f *autoregression) score(seqs []model.Sequence) float64 {
	x, y, first := f.steps(seqs)
	sum := varNats(f.distances(x, y), f.dim, f.logDet(), f.nu) + varNats(squares(f.fromMean(first), f.first), f.dim, f.first.LogDet(), 0)
	n, _ := y.Dims()
	m, _ := first.Dims()
	return sum / float64(n+m)
}
