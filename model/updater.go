package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// updates is how a model is updated, by a [Trainer] and by an [Updater].
type updates struct {
	learner Model[float32]
	opt     Optimizer
	grad    gradient
	// What the optimiser moves and the gradients of it; the list of a model is not free.
	params, grads []cell.Tensor[float32]
	phases        phases // of a Trainer
}

// gradient is memory for a gradient.
type gradient struct {
	model   Model[float32]
	tensors []cell.Tensor[float32]
	data    [][]float32 // of the tensors, stage by stage
	stages  []int       // where in data those of a stage end
}

func newGradient(m Model[float32]) gradient {
	g := gradient{model: m.NewGrad()}
	g.tensors = g.model.Tensors()
	of, count := make([]int, len(g.tensors)), 1
	if m, ok := m.(interface{ stages() ([]int, int) }); ok {
		of, count = m.stages()
	}
	for stage := range count {
		for i, t := range g.tensors {
			if of[i] == stage {
				g.data = append(g.data, t.Data)
			}
		}
		g.stages = append(g.stages, len(g.data))
	}
	return g
}

// stage returns the part of data that is of a stage.
func (g *gradient) stage(i int) [][]float32 {
	if i == 0 {
		return g.data[:g.stages[0]]
	}
	return g.data[g.stages[i-1]:g.stages[i]]
}

// of computes loss and gradient of a batch, the gradient only where the loss is finite.
func (g *gradient) of(p Pass[float32], b *Batch[float32], obj Objective, ph phases) (loss float64) {
	ph.begin(phaseForward)
	p.Forward(b, obj, true)
	if loss = p.Loss(); finite(loss) {
		ph.begin(phaseBackward)
		if p, ok := p.(interface{ overwrite() bool }); !ok || !p.overwrite() {
			cell.Zero(g.tensors)
		}
		p.Backward(g.model)
	}
	return loss
}

// newUpdates prepares updates of m. A prior on the weights counts once for all of steps steps.
func newUpdates(m Model[float32], c TrainConfig, steps int) updates {
	u := updates{learner: m, grad: newGradient(m), params: m.Tensors()}
	u.grads = u.grad.tensors
	u.opt = Optimizer{Method: c.Optimizer, Rate: c.Rate, Beta1: c.Beta1, Beta2: c.Beta2, Epsilon: c.Epsilon,
		Beta1Decay: c.Beta1Decay, Clip: c.Clip, ColumnClip: c.ColumnClip, Decay: c.WeightDecay / float64(steps), Threads: c.Threads}
	if c.Optimizer == OptimizerAdamW {
		u.opt.Decay = c.WeightDecay
	}
	return u
}

// noise returns the noise of the next update.
func (u *updates) noise(seed uint64, stream uint8) kernels.Noise {
	return kernels.Noise{Seed: seed, Stream: stream, Update: u.opt.Update + 1}
}

// objective returns what an update with a batch of so many steps descends.
func (c TrainConfig) objective(steps int, klWeight float64) Objective {
	return Objective{KLWeight: klWeight, FreeBits: c.FreeBits, Scale: 1 / float64(steps),
		Samples: c.samples(), Sampled: c.Sampled, Importance: c.Importance, Method: c.Method}
}

// descend makes the step of the optimiser with the gradient of so many sequences that is there, and
// returns its norm.
func (u *updates) descend(sequences int, c TrainConfig) (size float64) {
	if c.DivideByBatch {
		u.opt.Divisor = float64(sequences)
	}
	u.phases.begin(phaseUpdate)
	size = u.opt.Step(u.params, u.grads)
	u.learner.PackForTraining()
	return size
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// diverged returns the error of the next update, whose loss or gradient norm, as what says, is v. The
// epoch is 0 where there are none.
func (u *updates) diverged(epoch int, what string, v float64) error {
	place := ""
	if epoch > 0 {
		place = fmt.Sprintf("epoch %d, ", epoch)
	}
	return fmt.Errorf("model: %supdate %d: %s %v: %w", place, u.opt.Update+1, what, v, ErrDiverged)
}

// Updater makes one update of a model after another, with batches that come from anywhere: to learn
// online, from a stream as it comes, or in a loop of one's own. There are no parts for validation
// and testing, no epochs and no early stopping; the updates are those of a [Trainer], bit for bit.
//
// A stream that is scored before it is learned from needs a [Scorer] of the same model beside it:
// it carries its state on, while the parameters change between its pieces.
//
// An Updater belongs to one caller, and while Step runs the model is nobody else's.
type Updater struct {
	updates
	pass   Pass[float32]
	config TrainConfig
}

// NewUpdater prepares updates of m, which is initialised. Of the settings Batch, Epochs and Patience
// do not matter. Those that a data set or its epochs are needed for are refused: a schedule, a warm-up,
// shards, cuts and moves of sequences, averages and priors of the weights; the decay of adamw is none. It
// packs m and panics if m is nil.
func NewUpdater(m Model[float32], config TrainConfig) (*Updater, error) {
	checkThere("NewUpdater", "m", m != nil)
	if err := errors.Join(config.Check(), config.suits(m), config.suitsUpdater()); err != nil {
		return nil, err
	}
	u := &Updater{updates: newUpdates(m, config, 1), pass: m.NewPass(config.Threads), config: config}
	u.opt.bind(u.params)
	m.PackForTraining()
	return u, nil
}

// suitsUpdater reports settings that need the data set of a [Trainer].
func (c TrainConfig) suitsUpdater() error {
	for _, v := range []struct {
		name string
		set  bool
	}{
		{"schedule", c.Schedule != (Schedule{})}, {"kl_warmup", c.KLWarmup > 0},
		{"shards", c.Shards > 1}, {"reshuffle", c.Reshuffle}, {"truncate", c.Truncate > 0}, {"transpose", c.Transpose > 0},
		{"ema_decay", c.EMADecay > 0}, {"weight_posterior", c.WeightPosterior},
		{"weight_decay without " + OptimizerAdamW, c.WeightDecay > 0 && c.Optimizer != OptimizerAdamW},
	} {
		if v.set {
			return fmt.Errorf("model: %s is for a Trainer, which knows all of its data, not for an Updater", v.name)
		}
	}
	return nil
}

// Step makes one update: the gradient of the objective of b per step, the clip, the step of the
// optimiser. It returns the terms of b under the parameters as they were before, whose rows are
// those of [Updater.Pass]. With Samples above 1, b has every sequence that many times. The noise of
// b is set to that of the update. What goes on from the last batch has its states, of
// Pass().Final, in b.H and b.C. A batch without rows changes nothing.
//
// If the loss or the gradient is not finite, the error wraps [ErrDiverged] and the parameters stay
// as they are. Step panics as [Pass].Forward does if b does not fit the model. Once the memory
// is there, with one thread, it allocates nothing.
func (u *Updater) Step(b *Batch[float32]) (Totals, error) {
	const fn = "Updater.Step"
	checkThere(fn, "b", b != nil)
	checkThere(fn, "b.Shape", b.Shape != nil)
	if b.Shape.Rows() == 0 {
		return Totals{}, nil
	}
	b.Noise = u.noise(u.config.Seed, streamTrain)
	k := u.config.samples()
	loss := u.grad.of(u.pass, b, u.config.objective(b.Shape.Rows()/k, u.config.finalKL()), u.phases)
	if !finite(loss) {
		return u.pass.Totals(), u.diverged(0, "loss", loss)
	}
	if size := u.descend(b.Shape.Batch()/k, u.config); !finite(size) {
		return u.pass.Totals(), u.diverged(0, "gradient norm", size)
	}
	return u.pass.Totals(), nil
}

// Model returns the model that is updated. After every Step it is packed for training.
func (u *Updater) Model() Model[float32] { return u.learner }

// Pass returns the pass of the last Step, for the terms of its rows and the states after it.
func (u *Updater) Pass() Pass[float32] { return u.pass }

// Updates returns how many updates were made.
func (u *Updater) Updates() int { return int(u.opt.Update) }

// SetRate sets the learning rate of the updates to come. It panics if the rate is negative or not a number.
func (u *Updater) SetRate(rate float64) {
	if !(rate >= 0) {
		panic(fmt.Sprintf("model: Updater.SetRate: rate = %v, want at least 0", rate))
	}
	u.config.Rate, u.opt.Rate = rate, rate
}

// Save writes a checkpoint to path: the model, the state of the optimiser and the states of a
// stream, if there are any, from which [LoadUpdater] goes on with the same bits. data names what the
// model learns from; its sequences are not read. It panics if data is nil or the states are not whole rows.
func (u *Updater) Save(path string, data *Data, from *States[float32]) error {
	const fn = "Updater.Save"
	checkThere(fn, "data", data != nil)
	ts := append(stored(u.learner), u.opt.tensors(u.params)...)
	if n := u.learner.State(); from != nil && n > 0 {
		if len(from.H)%n != 0 || len(from.C) != len(from.H) {
			panic(fmt.Sprintf("model: %s: len(from.H) = %d, len(from.C) = %d, want the same multiple of %d", fn, len(from.H), len(from.C), n))
		}
		ts = append(ts, from.tensors(n)...)
	}
	h := header{Version: headerVersion, Model: u.learner.Settings(), Train: &u.config, Updates: u.opt.Update, Data: idOf(data)}
	return writeTensors(path, h, ts)
}

// LoadUpdater reads what [Updater.Save] has written, or the checkpoint of a [Trainer] whose model is
// to go on learning online: its settings of epochs end with them, and there are no states. States are
// nil if there are none.
func LoadUpdater(path string, threads int) (*Updater, *States[float32], error) {
	c, err := readTensors(path)
	if err != nil {
		return nil, nil, err
	}
	if c.Train == nil {
		return nil, nil, fmt.Errorf("model: %s: holds a model but no optimiser to go on with", path)
	}
	m, err := c.model()
	if err != nil {
		return nil, nil, err
	}
	config := *c.Train
	config.Threads = threads
	if c.State != nil {
		c.Updates = c.State.Updates
		config.Schedule, config.KLWarmup, config.Reshuffle, config.Shards = Schedule{}, 0, false, 0
		config.Truncate, config.ResetEvery, config.Transpose, config.TransposeProb = 0, 0, 0, 0
	}
	u, err := NewUpdater(m, config)
	if err != nil {
		return nil, nil, &placed{path, err}
	}
	u.opt.Update = c.Updates
	if err := c.readAll(u.opt.tensors(u.params)); err != nil {
		return nil, nil, err
	}
	h, n := c.tensors.Tensor(stateH), m.State()
	if c.State != nil || h == nil || n == 0 || len(h.Shape) != 2 || h.Shape[1] != n {
		return u, nil, nil
	}
	s := &States[float32]{H: make([]float32, h.Shape[0]*n), C: make([]float32, h.Shape[0]*n)}
	return u, s, c.readAll(s.tensors(n))
}
