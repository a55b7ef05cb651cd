package main

import (
	"math"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/nab"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// The settings of the networks of table nab, the same for all series.
const (
	nabPiece   = 32   // steps that are scored before the network learns from them
	nabPieces  = 8    // of an update: the newest, and older ones at random
	nabEpochs  = 30   // over the probation
	nabRate    = 5e-3 // of Adam in the probation
	nabOnline  = 1e-3 // and after it
	nabFloor   = 0.05 // of sigma, in standard deviations of the probation
	nabDelay   = 150  // values that the delayed network does not see
	nabDelayed = 3    // its updates after every piece
	nabMost    = 50   // of a surprise that is the square of an error
)

// nabStandard returns the values of a series less their mean in the probation, in units of their
// standard deviation there. Beyond 5 of those the logarithm takes over: what is far out of all that
// was known is so at any distance, and must not ruin what was learned.
func nabStandard(s *nab.Series) []float32 {
	spread := model.SpreadOf(slices.Values(s.Values[:s.Probation()]))
	if spread.Std == 0 {
		spread.Std = 1
	}
	y := make([]float32, len(s.Values))
	for t, v := range s.Values {
		z := (v - spread.Mean) / spread.Std
		if a := math.Abs(z); a > 5 {
			z = math.Copysign(5+f64.Log(a-4), z)
		}
		y[t] = float32(z)
	}
	return y
}

// nabClock returns the time of day and of week of every row as two harmonics each, [rows, nabTimes].
func nabClock(s *nab.Series) []float32 {
	const day, week = 86400, 7 * 86400
	g := make([]float32, 0, len(s.Times)*nabTimes)
	for _, t := range s.Times {
		for _, period := range []int64{day, week} {
			phase := float64(t.Unix()%period) / float64(period)
			for k := 2.0; k <= 4; k += 2 {
				g = append(g, float32(f64.CosPi(k*phase)), float32(f64.CosPi(float64(k*phase)-0.5)))
			}
		}
	}
	return g
}

const nabTimes = 8

// What the delayed network sees of the values up to nabDelay before the one that it describes: some of
// them, and means of the last ones.
var nabLags, nabWidths = []int{0, 1, 2, 4, 8}, []int{16, 64}

// nabPast returns for every row, [rows, nabSeen], what the delayed network sees of the values y, and
// the time.
func nabPast(s *nab.Series, y []float32) []float32 {
	sums := make([]float64, len(y)+1)
	for t, v := range y {
		sums[t+1] = sums[t] + float64(v)
	}
	clock := nabClock(s)
	past := make([]float32, 0, len(y)*nabSeen)
	for t := range y {
		for _, lag := range nabLags {
			past = append(past, y[max(t-1-nabDelay-lag, 0)])
		}
		hi := max(t-nabDelay, 1)
		for _, width := range nabWidths {
			lo := max(hi-width, 0)
			past = append(past, float32((sums[hi]-sums[lo])/float64(hi-lo)))
		}
		past = append(past, clock[t*nabTimes:(t+1)*nabTimes]...)
	}
	return past
}

var nabSeen = len(nabLags) + len(nabWidths) + nabTimes

// nabSurprises returns how much every value of a series surprised a network that predicts the next
// value from all before and from the time of day and week: -ln p, in nats.
func nabSurprises(s *nab.Series, seed uint64) ([]float64, error) {
	y := nabStandard(s)
	o, err := newOnline(model.Config{Model: model.ModelRNN, Cell: "gru", Likelihood: model.Gauss, Data: 1, Given: nabTimes, Hidden: 16, SigmaFloor: nabFloor},
		y, nabClock(s), seed)
	if err != nil {
		return nil, err
	}
	r := make([]float64, len(y))
	return r, o.run(s.Probation(), 1, func(lo, hi int) {
		for t, v := range o.pass.StepLogProb() {
			r[lo+t] = -float64(v)
		}
	})
}

// nabDelays is nabSurprises of a network that does not see the last nabDelay values, so that a new level
// surprises it as long as it is new. The surprise is z²/2, at most nabMost, where z is the error in
// units of the predicted deviation.
func nabDelays(s *nab.Series, seed uint64) ([]float64, error) {
	y := nabStandard(s)
	past := nabPast(s, y)
	x := make([]float32, 0, len(y)*(nabSeen+1))
	for t, v := range y {
		x = append(append(x, past[t*nabSeen:(t+1)*nabSeen]...), v)
	}
	o, err := newOnline(model.Config{Model: model.ModelRegression, Data: nabSeen + 1, Given: nabSeen, Hidden: 32, SigmaFloor: nabFloor}, x, nil, seed)
	if err != nil {
		return nil, err
	}
	m := o.updater.Model().(*model.Regression[float32])
	mu, sigma := make([]float32, nabPiece), make([]float32, nabPiece)
	r := make([]float64, len(y))
	return r, o.run(s.Probation(), nabDelayed, func(lo, hi int) {
		m.Predict(mu, sigma, past[lo*nabSeen:hi*nabSeen], hi-lo)
		for t := lo; t < hi; t++ {
			z := float64(y[t]-mu[t-lo]) / float64(sigma[t-lo])
			r[t] = min(float64(z*z)/2, nabMost)
		}
	})
}

// online is a network that learns a series piece by piece.
type online struct {
	updater *model.Updater
	pass    model.Pass[float32]
	seed    uint64

	steps, dim, given int
	piece, batch      *model.Batch[float32]
	x, conditions     []float32 // of all steps, [steps, dim] and [steps, given]
	h, c              []float32 // states before every piece
	draws             []float64
}

// newOnline returns the network of a configuration for the rows x and what is given beside them.
func newOnline(config model.Config, x, conditions []float32, seed uint64) (*online, error) {
	m, err := model.New[float32](config)
	if err != nil {
		return nil, err
	}
	m.Init(seed, model.Stats{Mean: make([]float64, config.Data)})
	train := model.DefaultTrainConfig()
	train.Rate, train.Clip, train.Seed = nabRate, 1, seed
	o := &online{seed: seed, x: x, conditions: conditions, steps: len(x) / config.Data, dim: config.Data, draws: make([]float64, nabPieces)}
	o.given = len(conditions) / o.steps
	if o.updater, err = model.NewUpdater(m, train); err != nil {
		return nil, err
	}
	o.pass = m.NewPass(1)
	n, lengths := m.State(), make([]int, nabPieces)
	for i := range lengths {
		lengths[i] = nabPiece
	}
	states := (o.steps/nabPiece + 2) * n
	o.h, o.c = make([]float32, states), make([]float32, states)
	o.piece = &model.Batch[float32]{Shape: cell.NewRagged(nabPiece)}
	o.batch = &model.Batch[float32]{Shape: cell.NewRagged(lengths...), X: make([]float32, nabPieces*nabPiece*o.dim),
		Given: make([]float32, nabPieces*nabPiece*o.given), H: make([]float32, nabPieces*n), C: make([]float32, nabPieces*n)}
	return o, nil
}

// run learns the probation in epochs and then goes through the series: each calls score with the rows
// of every piece, of which o.pass knows the terms, before updates updates are made with it.
func (o *online) run(probation, updates int, scored func(lo, hi int)) error {
	known := probation / nabPiece
	for range nabEpochs {
		for i := range known {
			o.score(i)
		}
		for range (known + nabPieces - 1) / nabPieces {
			if err := o.learn(known, -1); err != nil {
				return err
			}
		}
	}
	o.updater.SetRate(nabOnline)
	for i := 0; i*nabPiece < o.steps; i++ {
		lo, hi := o.score(i)
		scored(lo, hi)
		if i < known || hi-lo < nabPiece {
			continue
		}
		for range updates {
			if err := o.learn(i+1, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// score runs piece i from the state before it, and keeps that after it.
func (o *online) score(i int) (lo, hi int) {
	lo, hi = i*nabPiece, min((i+1)*nabPiece, o.steps)
	o.piece.Shape.Reset([]int{hi - lo})
	o.piece.X, o.piece.Given = o.x[lo*o.dim:hi*o.dim], o.conditions[lo*o.given:hi*o.given]
	o.piece.H, o.piece.C = o.states(i)
	o.pass.Forward(o.piece, model.Bound(hi-lo), false)
	o.pass.Final(o.states(i + 1))
	return lo, hi
}

// states returns those before piece i.
func (o *online) states(i int) (h, c []float32) {
	n := o.updater.Model().State()
	return o.h[i*n : (i+1)*n], o.c[i*n : (i+1)*n]
}

// learn makes an update with pieces of the first known ones, drawn at random but for newest, if that is
// not negative. Each goes on from the state that it was scored with.
func (o *online) learn(known, newest int) error {
	b, n := o.batch, o.updater.Model().State()
	kernels.Uniforms(o.draws, kernels.Noise{Seed: o.seed, Stream: nabStream, Update: uint32(o.updater.Updates())}, 0, 0, 1, nabPieces)
	for k, u := range o.draws {
		i := min(int(u*float64(known)), known-1)
		if k == 0 && newest >= 0 {
			i = newest
		}
		for t := range nabPiece {
			from, to := i*nabPiece+t, b.Shape.Row(t, k)
			copy(b.X[to*o.dim:(to+1)*o.dim], o.x[from*o.dim:])
			copy(b.Given[to*o.given:(to+1)*o.given], o.conditions[from*o.given:])
		}
		h, c := o.states(i)
		copy(b.H[k*n:], h)
		copy(b.C[k*n:], c)
	}
	_, err := o.updater.Step(b)
	return err
}

// nabStream is the noise stream of the pieces that are drawn, none of package model's.
const nabStream = 64
