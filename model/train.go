package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/elbow-go/elbow/cell"
)

// Epoch is the record of one epoch, as it is written to metrics.jsonl.
type Epoch struct {
	Epoch    int                `json:"epoch"`
	Updates  uint32             `json:"updates"`
	Seconds  float64            `json:"seconds"` // of training so far
	KLWeight float64            `json:"kl_weight"`
	Rate     float64            `json:"lr,omitempty"` // of the last update; only where there is a schedule
	GradNorm float64            `json:"grad_norm"`    // mean over the updates of the epoch, before the clip
	Train    Score              `json:"train"`        // while the parameters moved, at KL weight 1
	Valid    Score              `json:"valid"`
	Best     bool               `json:"best"`
	Channels map[string]Channel `json:"channels"`            // on the valid split
	WeightKL float64            `json:"weight_kl,omitempty"` // KL of the weight posterior, nats, at the end of the epoch
}

// trainState is what a checkpoint remembers beside tensors. A position is inside an epoch:
// batch is the place in the epoch's order, segment the place in that batch.
type trainState struct {
	Epoch    int      `json:"epoch"` // epochs done
	Batch    int      `json:"batch"`
	Segment  int      `json:"segment"`
	Updates  uint32   `json:"updates"`
	Sum      Totals   `json:"sum"`      // of this epoch so far
	NormSum  float64  `json:"norm_sum"` // likewise
	NormN    int      `json:"norm_n"`
	Seconds  float64  `json:"seconds"`
	Best     *float64 `json:"best,omitempty"` // best valid bound, nats per step
	BestAt   int      `json:"best_at"`
	BadSince int      `json:"bad_since"` // epochs since the best
	Plateau  *plateau `json:"plateau,omitempty"`
	History  []Epoch  `json:"history"`
}

// Trainer trains a model. Set Dir to keep checkpoints there; Log, OnBatch and OnEpoch
// to follow.
type Trainer struct {
	Model  Model[float32]
	Data   *Data
	Config TrainConfig

	Dir     string
	Log     *slog.Logger      // nil is silent
	OnBatch func()            // called after every batch, see Progress
	OnEpoch func(Epoch) error // called after every epoch; an error ends the training

	// OnStop is called when the context of Run has ended and the checkpoint is written, or could
	// not be. That can be in the middle of an update, from another goroutine: a program that has to
	// end at once may do so then.
	OnStop func(error)

	changing sync.Mutex // held by Run where it reads or changes what a checkpoint stores, not while it calls the above

	updates
	state trainState
	bayes *WeightPosterior[float32] // nil without WeightPosterior
	ema   *average                  // nil without EMADecay
	train []Sequence                // the train split as this epoch sees it
	steps int                       // of the train split
	moves *transposer               // nil without Transpose
	cuts  [][]int
	h, c  []float32 // carried states [batch, State]

	shards *shards
}

// ErrDiverged is wrapped by the error of a training whose loss or gradient stopped being
// finite. The last checkpoint is from before that.
var ErrDiverged = errors.New("loss or gradient is not finite")

// NewTrainer prepares the training of m, which is initialised, on d. It panics if either is nil.
func NewTrainer(m Model[float32], d *Data, config TrainConfig) (*Trainer, error) {
	checkThere("NewTrainer", "m", m != nil)
	checkThere("NewTrainer", "d", d != nil)
	if err := errors.Join(config.Check(), d.Check()); err != nil {
		return nil, err
	}
	if err := errors.Join(m.Settings().CheckData(d), config.suits(m)); err != nil {
		return nil, err
	}
	t := &Trainer{Model: m, Data: d, Config: config}
	for i := range d.Train {
		t.steps += d.Train[i].Steps(d.Dim)
	}
	if t.train = d.Train; config.Transpose > 0 {
		var err error
		if t.moves, err = newTransposer(d, config); err != nil {
			return nil, err
		}
	}
	t.updates = newUpdates(m, config, t.steps)
	if config.WeightPosterior {
		t.bayes = NewWeightPosterior(t.params)
		t.params, t.grads = append(t.params, t.bayes.LogSigma...), append(t.grads, t.bayes.Grad...)
	}
	t.opt.bind(t.params)
	t.shards = newShards(m, config.Shards, config.Threads, nil)
	t.shards.gradTo(t.grad)
	if config.Schedule.Name == SchedulePlateau {
		t.state.Plateau = &plateau{Rate: config.Rate}
	}
	if config.EMADecay > 0 {
		var err error
		if t.ema, err = newAverage(m, config); err != nil {
			return nil, err
		}
	}
	t.cuts = cut(byLength(d.Train, d.Dim), config.Batch)
	t.h = make([]float32, min(config.Batch, len(d.Train))*config.samples()*m.State())
	t.c = make([]float32, len(t.h))
	return t, nil
}

// Resume prepares a training that goes on where the checkpoint in dir left it: it ends
// with the same bits as one that was never stopped. Epochs and threads are taken from
// config, which otherwise has to be what the training began with, if it is not nil; the
// data has to be the same.
func Resume(dir string, d *Data, epochs, threads int) (*Trainer, error) {
	path := filepath.Join(dir, CheckpointFile)
	c, err := readTensors(path)
	if err != nil {
		return nil, err
	}
	if c.Train == nil || c.State == nil {
		return nil, fmt.Errorf("model: %s: holds a model but no training to go on with", path)
	}
	if c.Data.Hash != d.Hash {
		return nil, fmt.Errorf("model: %s: was trained on other data: %s (%.12s), not %s (%.12s)", path, c.Data.Name, c.Data.Hash, d.Name, d.Hash)
	}
	m, err := c.model()
	if err != nil {
		return nil, err
	}
	config := *c.Train
	if epochs > 0 && epochs < c.State.Epoch {
		return nil, fmt.Errorf("model: %s: epochs = %d, but %d are done", path, epochs, c.State.Epoch)
	}
	if epochs > 0 {
		config.Epochs = epochs
	}
	config.Threads = threads
	t, err := NewTrainer(m, d, config)
	if err != nil {
		return nil, &placed{path, err}
	}
	t.Dir = dir
	if err := c.readAll(t.training()); err != nil {
		return nil, err
	}
	t.state = *c.State
	if config.Schedule.Name == SchedulePlateau {
		if err := t.state.Plateau.check(config.Rate); err != nil {
			return nil, fmt.Errorf("model: %s: header: %w", path, err)
		}
	}
	t.opt.Update = t.state.Updates
	if s := t.state; s.Epoch < 0 || s.Batch < 0 || s.Batch > len(t.cuts) || s.Segment < 0 || len(s.History) != s.Epoch {
		return nil, fmt.Errorf("model: %s: header: position epoch %d, batch %d, segment %d is not in this data", path, s.Epoch, s.Batch, s.Segment)
	}
	return t, nil
}

// training returns the tensors of the training state: those of the optimiser, the weight
// posterior, the average and the carried states.
func (t *Trainer) training() []cell.Tensor[float32] {
	ts := t.opt.tensors(t.params)
	if t.bayes != nil {
		ts = append(ts, t.bayes.LogSigma...)
	}
	if t.ema != nil {
		ts = append(ts, averaged(t.ema.params)...)
	}
	n := t.Model.State()
	if n == 0 {
		return ts
	}
	return append(ts, (&States[float32]{H: t.h, C: t.c}).tensors(n)...)
}

// Checkpoint writes the whole state of the training to Dir.
func (t *Trainer) Checkpoint() error {
	checkThere("Trainer.Checkpoint", "the model of a trainer that is not from NewTrainer or Resume", t.shards != nil)
	t.changing.Lock()
	defer t.changing.Unlock()
	return t.checkpoint()
}

func (t *Trainer) checkpoint() error {
	if t.Dir == "" {
		return nil
	}
	t.state.Updates = t.opt.Update
	h := header{Version: headerVersion, Model: t.Model.Settings(), Train: &t.Config, State: &t.state, Data: idOf(t.Data)}
	return writeTensors(filepath.Join(t.Dir, CheckpointFile), h, append(stored(t.Model), t.training()...))
}

// Progress returns how many batches are done, and how many there are if training does not
// stop early.
func (t *Trainer) Progress() (done, total int) {
	t.changing.Lock()
	defer t.changing.Unlock()
	return t.state.Epoch*len(t.cuts) + t.state.Batch, t.Config.Epochs * len(t.cuts)
}

// History returns the records of all epochs done.
func (t *Trainer) History() []Epoch {
	t.changing.Lock()
	defer t.changing.Unlock()
	return t.state.History
}

// Best returns the best valid bound so far and the number of epochs done then.
func (t *Trainer) Best() (bound float64, epoch int) {
	t.changing.Lock()
	defer t.changing.Unlock()
	if t.state.Best == nil {
		return math.Inf(1), 0
	}
	return *t.state.Best, t.state.BestAt
}

// Scored returns the model that is scored after every epoch and stored as the best: Model or, with
// EMADecay, the average of its parameters, packed as it was at the end of the last epoch.
func (t *Trainer) Scored() Model[float32] {
	if t.ema != nil {
		return t.ema.model
	}
	return t.Model
}

// Seconds returns how long the training took so far, resumed parts included.
func (t *Trainer) Seconds() float64 {
	t.changing.Lock()
	defer t.changing.Unlock()
	return t.state.Seconds
}

// Run trains until the epochs are done, patience is at its end or ctx is. In the last case
// it writes a checkpoint and returns the error of ctx. It does not return in the middle of an
// update, which can take seconds, but the checkpoint does not wait for that: see OnStop. Profiles tell what it
// spends time on by the label phase of its goroutines: batch, forward, backward, update or valid.
func (t *Trainer) Run(ctx context.Context) error {
	checkThere("Trainer.Run", "the model of a trainer that is not from NewTrainer or Resume", t.shards != nil)
	start, before := time.Now(), t.state.Seconds
	clock := func() { t.state.Seconds = before + time.Since(start).Seconds() }
	var saved error
	finished := make(chan struct{})
	save := func() {
		defer close(finished)
		t.changing.Lock()
		clock()
		saved = t.checkpoint()
		t.changing.Unlock()
		if t.OnStop != nil {
			t.OnStop(saved)
		}
	}
	stop := context.AfterFunc(ctx, save)
	t.changing.Lock()
	defer t.changing.Unlock()
	err := t.run(ctx, clock)
	switch ended := err != nil && (ctx.Err() != nil || t.shards.stopped); {
	case !stop():
		t.free(func() { <-finished })
	case ended:
		t.free(save) // of a context that can be asked only
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, saved)
}

// free runs what changes nothing that a checkpoint stores, so that one can be written meanwhile.
func (t *Trainer) free(f func()) {
	t.changing.Unlock()
	defer t.changing.Lock()
	f()
}

func (t *Trainer) run(ctx context.Context, clock func()) error {
	t.phases = newPhases(ctx)
	defer pprof.SetGoroutineLabels(ctx) // as they were
	t.Model.PackForTraining()
	for !t.state.ended(t.Config) {
		if err := t.epoch(ctx); err != nil {
			return err
		}
		clock()
		if err := t.endEpoch(); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether the epochs are done or patience is at its end.
func (s *trainState) ended(c TrainConfig) bool {
	return s.Epoch >= c.Epochs || c.Patience > 0 && s.BadSince >= c.Patience
}

// epoch trains from the current position to the end of the epoch.
func (t *Trainer) epoch(ctx context.Context) error {
	s := &t.state
	if t.Config.Reshuffle {
		t.cuts = deal(t.Data.Train, t.Data.Dim, t.Config.Batch, shuffle(len(t.Data.Train), streamItems, t.Config.Seed, s.Epoch))
	}
	if t.moves != nil {
		t.train = t.moves.epoch(s.Epoch)
	}
	order := shuffle(len(t.cuts), streamShuffle, t.Config.Seed, s.Epoch)
	for s.Batch < len(order) {
		batch := t.cuts[order[s.Batch]]
		for {
			if err := t.asked(ctx); err != nil {
				return err
			}
			last, err := t.update(batch)
			if err != nil {
				return err
			}
			s.Segment++
			if last {
				break
			}
		}
		s.Batch, s.Segment = s.Batch+1, 0
		if t.OnBatch != nil {
			t.free(t.OnBatch)
		}
	}
	return nil
}

// update makes one optimiser step with segment s.Segment of the batch and reports whether
// it was the last one.
func (t *Trainer) update(batch []int) (last bool, err error) {
	s, c, m := &t.state, t.Config, t.Model
	p := segmentOf{seqs: t.train, batch: batch, from: s.Segment * c.Truncate, length: c.Truncate, samples: c.samples(),
		noise: t.noise(c.Seed, streamTrain), phases: t.phases}
	if carry := s.Segment > 0 && (c.ResetEvery == 0 || s.Segment%c.ResetEvery != 0); carry {
		p.h, p.c = t.h, t.c
	}
	steps := p.steps(t.Data.Dim)
	longest := t.Data.Train[batch[0]].Steps(t.Data.Dim)
	last = c.Truncate == 0 || p.from+c.Truncate >= longest
	p.carry = !last
	if steps == 0 {
		return last, nil
	}

	if t.bayes != nil {
		t.bayes.Draw(t.noise(c.Seed, streamWeights))
		m.PackForTraining()
	}
	sum, err := t.gradient(p, c.objective(steps, c.klWeight(s.Epoch)))
	if t.bayes != nil {
		t.bayes.Restore()
	}
	if err == nil && !finite(sum.Loss) {
		err = t.diverged(s.Epoch+1, "loss", sum.Loss)
	}
	if err != nil {
		m.PackForTraining() // the copies are of the draw
		return last, err
	}
	if t.bayes != nil {
		t.bayes.Backward(t.grads[:len(t.bayes.Grad)], 1/float64(t.steps))
	}
	t.opt.Rate = t.rate(t.opt.Update + 1)
	size := t.descend(sum.Totals.Sequences, c)
	if !finite(size) {
		return last, t.diverged(s.Epoch+1, "gradient norm", size)
	}
	if t.ema != nil {
		t.ema.add(t.params[:len(t.ema.params)], t.opt.Update)
	}
	if !last {
		t.shards.final(t.h, t.c)
	}
	if s.Segment > 0 {
		sum.Totals.Sequences = 0 // counted with their first segment
	}
	s.Sum.Add(sum.Totals)
	s.NormSum += size
	s.NormN++
	return last, nil
}

// rate returns the learning rate of an update of the current epoch.
func (t *Trainer) rate(update uint32) float64 {
	return t.Config.Schedule.rate(t.Config.Rate, t.state.Epoch, update, t.state.Plateau)
}

// gradient computes the sums over a segment, and its gradient where they are finite. Nothing that is
// stored changes meanwhile, but that a posterior over the weights has put a draw in their place.
func (t *Trainer) gradient(p segmentOf, obj Objective) (shardSum, error) {
	if t.bayes == nil {
		t.changing.Unlock()
		defer t.changing.Lock()
	}
	return t.shards.gradient(p, obj)
}

// endEpoch scores the valid split, keeps the best parameters and writes the checkpoints.
func (t *Trainer) endEpoch() error {
	s := &t.state
	exact := t.Model.Settings().Latent == 0
	weight, rate := t.Config.klWeight(s.Epoch), t.rate(t.opt.Update)
	var valid Score
	var channels channels
	m, by := t.Scored(), t.shards
	if t.ema != nil {
		by = t.ema.shards
		m.Pack()
	}
	t.phases.begin(phaseValid)
	var err error
	t.free(func() { valid, channels, err = by.evaluate(t.Data.Valid, t.Config.Eval(), true) })
	if err != nil {
		return err
	}
	if figure := valid.Figure(); !finite(figure) {
		return fmt.Errorf("model: epoch %d: valid bound %v: %w", s.Epoch+1, figure, ErrDiverged)
	}
	s.Epoch++
	// During the warm-up the bound is not yet what is optimised, so the search for the
	// best starts again when the weight reaches 1.
	if s.Epoch == t.Config.KLWarmup {
		s.Best, s.BadSince = nil, 0
	}
	// At a KL weight of 1, best is the bound itself.
	best := valid.Figure() + float64((t.Config.finalKL()-1)*valid.KLPerStep)
	better := s.Best == nil || best < *s.Best
	if better {
		s.Best, s.BestAt, s.BadSince = &best, s.Epoch, 0
		if t.Dir != "" {
			e := t.Config.Eval()
			if err := save(filepath.Join(t.Dir, BestFile), m, t.Data, &evalID{e.Seed, e.Samples, e.Batch, e.Shards}); err != nil {
				return err
			}
		}
	} else if s.Epoch > t.Config.KLWarmup {
		s.BadSince++
	}
	if t.Config.Schedule.Name == SchedulePlateau && s.Epoch >= t.Config.KLWarmup {
		s.Plateau.see(best, t.Config.Schedule)
	}
	e := Epoch{Epoch: s.Epoch, Updates: t.opt.Update, Seconds: s.Seconds, KLWeight: weight,
		GradNorm: s.NormSum / float64(max(s.NormN, 1)), Train: s.Sum.Score(exact && !t.Config.Sampled && !t.Config.Importance), Valid: valid, Best: better, Channels: channels.result()}
	if t.Config.Schedule != (Schedule{}) {
		e.Rate = rate
	}
	if t.bayes != nil {
		e.WeightKL = t.bayes.KL()
	}
	s.History = append(s.History, e)
	s.Batch, s.Segment, s.Sum, s.NormSum, s.NormN = 0, 0, Totals{}, 0, 0
	if err := t.checkpoint(); err != nil {
		return err
	}
	if t.Log != nil {
		t.Log.Info("epoch", "epoch", e.Epoch, "train", e.Train.Figure(), "valid", e.Valid.Figure(), "kl", e.Valid.KLPerStep, "norm", e.GradNorm, "best", e.Best)
	}
	if t.OnEpoch != nil {
		t.free(func() { err = t.OnEpoch(e) })
	}
	return err
}
