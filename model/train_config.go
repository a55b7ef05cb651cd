package model

import (
	"errors"
	"fmt"
	"math"
)

// TrainConfig says how to train. All of it but Threads and Epochs has to be the same when
// training goes on from a checkpoint.
type TrainConfig struct {
	Epochs   int `json:"epochs"`
	Patience int `json:"patience"` // epochs without a better valid bound before training stops; 0 is never
	Batch    int `json:"batch"`

	Optimizer     string  `json:"optimizer,omitempty"` // adam (the default), adamw, adagrad or sgd
	Rate          float64 `json:"lr"`
	Beta1         float64 `json:"beta1"` // the momentum of sgd
	Beta2         float64 `json:"beta2"`
	Epsilon       float64 `json:"epsilon"`
	Clip          float64 `json:"clip"`            // global norm; 0 is off
	ColumnClip    float64 `json:"column_clip"`     // see Optimizer
	Beta1Decay    float64 `json:"beta1_decay"`     // see Optimizer
	DivideByBatch bool    `json:"divide_by_batch"` // gradient divided by the batch size once more

	Schedule Schedule `json:"schedule,omitzero"` // of the learning rate

	KLWarmup int `json:"kl_warmup"` // epochs until the KL weight is 1
	// KLWeight is the weight of the KL term after the warm-up, which rises to it; 0 is 1, the
	// bound. The best parameters are those with the best valid bound at that weight.
	KLWeight float64 `json:"kl_weight,omitempty"`
	FreeBits float64 `json:"free_bits"` // nats of KL per step that cost nothing more when saved

	// WeightDecay is the precision of a normal prior on the weight matrices: 1 is N(0, I),
	// and training descends to the MAP estimate. WeightPosterior is full variational Bayes
	// over all parameters instead; see the type. The prior counts once for all steps of the
	// train split, so its part of the loss per step is one over their number. With adamw
	// WeightDecay is as in torch.optim.AdamW, but for vectors, which do not decay: every update
	// multiplies the matrices by 1 - lr WeightDecay. See [Optimizer].
	WeightDecay     float64 `json:"weight_decay,omitempty"`
	WeightPosterior bool    `json:"weight_posterior,omitempty"`

	// EMADecay is the decay of an exponential moving average of the parameters, taken after every
	// update; 0 is none. The average is what is scored, early stopping looks at and the best
	// checkpoint holds, while training goes on from the parameters themselves.
	EMADecay float64 `json:"ema_decay,omitempty"`

	// Reshuffle deals all sequences out anew in every epoch, so that a batch has sequences of
	// all lengths; without it batches are of similar length, and only their order changes.
	// Where the length says much about a sequence, as in speech, batches of one length each
	// pull in their own direction, and dealt ones learn faster.
	Reshuffle bool `json:"reshuffle,omitempty"`

	// Transpose moves each training piece of a piano roll, with probability TransposeProb in every
	// epoch, by a number of semitones drawn from -Transpose..Transpose; 0 is off. A piece is moved
	// as far as all its notes stay on the keyboard. TransposeProb is 0.5 if it is 0.
	Transpose     int     `json:"transpose,omitempty"`
	TransposeProb float64 `json:"transpose_prob,omitempty"`

	// Samples is the number of draws per sequence, 0 is 1; Sampled and Importance choose
	// the estimator. See Objective. With Importance the valid bound is that of as many draws.
	Samples    int  `json:"samples,omitempty"`
	Sampled    bool `json:"sampled,omitempty"`
	Importance bool `json:"importance,omitempty"`

	// Method is how a VAE learns from the draws, see the methods; empty is aevb.
	Method string `json:"method,omitempty"`

	// Truncate cuts sequences into segments of that many steps, with an update after each
	// and the state carried over; the state is set to zero before every ResetEvery-th
	// segment. 0 is off for both.
	Truncate   int `json:"truncate"`
	ResetEvery int `json:"reset_every"`

	// Shards is in how many parts a batch is split, by sequences; 0 is 1. Each is computed by itself,
	// and what they come to is summed along a fixed binary tree, so that the bits depend on the number of
	// shards, but not on how many goroutines share them out among themselves. The terms of the objective do
	// not depend on it, beyond rounding, but that MethodBaseline takes a baseline from the shard.
	Shards int `json:"shards,omitempty"`

	Seed    uint64 `json:"seed"`
	Threads int    `json:"threads"`
}

// DefaultTrainConfig returns the settings used unless told otherwise. The patience is long
// because a bound from one sample of z per step is noisy.
func DefaultTrainConfig() TrainConfig {
	return TrainConfig{Epochs: 400, Patience: 50, Batch: 16, Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 5, Seed: 1, Threads: 1}
}

// Check reports settings that are out of range.
func (c TrainConfig) Check() error {
	for _, v := range []struct {
		name        string
		got, lo, hi float64
	}{
		{"epochs", float64(c.Epochs), 0, 1 << 30}, {"patience", float64(c.Patience), 0, 1 << 30}, {"batch", float64(c.Batch), 1, 1 << 20},
		{"lr", c.Rate, 0, 1e3}, {"beta1", c.Beta1, 0, 1 - 1e-7}, {"beta2", c.Beta2, 0, 1 - 1e-7}, {"epsilon", c.Epsilon, 1e-30, 1},
		{"samples", float64(c.Samples), 0, 1 << 16}, {"clip", c.Clip, 0, math.MaxFloat32}, {"column_clip", c.ColumnClip, 0, math.MaxFloat32}, {"beta1_decay", c.Beta1Decay, 0, 1},
		{"kl_warmup", float64(c.KLWarmup), 0, 1 << 30}, {"free_bits", c.FreeBits, 0, math.MaxFloat32},
		{"kl_weight", c.KLWeight, 0, math.MaxFloat32},
		{"truncate", float64(c.Truncate), 0, 1 << 30}, {"reset_every", float64(c.ResetEvery), 0, 1 << 30}, {"threads", float64(c.Threads), 1, 4096},
		{"shards", float64(c.Shards), 0, maxShards},
		{"weight_decay", c.WeightDecay, 0, math.MaxFloat32}, {"ema_decay", c.EMADecay, 0, 1 - 1e-7},
		{"transpose", float64(c.Transpose), 0, maxSize}, {"transpose_prob", c.TransposeProb, 0, 1},
	} {
		if !(v.got >= v.lo && v.got <= v.hi) {
			return outOfRange(v.name, v.got, v.lo, v.hi)
		}
	}
	if err := c.Schedule.check(); err != nil {
		return err
	}
	if c.Method != "" {
		if err := oneOf("method", c.Method, methods); err != nil {
			return err
		}
	}
	if c.Optimizer != "" {
		return oneOf("optimizer", c.Optimizer, optimizers)
	}
	return nil
}

func (c TrainConfig) samples() int { return max(c.Samples, 1) }
func (c TrainConfig) shards() int  { return max(c.Shards, 1) }

// klWeight returns the weight of the KL term when epochs epochs are done.
func (c TrainConfig) klWeight(done int) float64 { return c.finalKL() * warmup(done, c.KLWarmup) }

func (c TrainConfig) finalKL() float64 {
	if c.KLWeight == 0 {
		return 1
	}
	return c.KLWeight
}

// weighsKL reports whether the KL term counts for anything but itself.
func (c TrainConfig) weighsKL() bool { return c.finalKL() != 1 || c.KLWarmup > 0 || c.FreeBits > 0 }

// suits reports settings that the model cannot be trained with.
func (c TrainConfig) suits(m Model[float32]) error {
	s, parts := m.Settings(), partsOf(m)
	switch {
	case !parts.kind.knows(c.Method):
		return fmt.Errorf("model: a %s cannot learn by the method %s", s.Model, c.Method)
	case c.Method != "" && c.Method != MethodPathwise && c.Importance:
		return fmt.Errorf("model: the importance bound has no method %s", c.Method)
	case c.Method == MethodWakeSleep && (c.weighsKL() || c.Sampled):
		return fmt.Errorf("model: %s descends no KL term: it takes neither sampled nor kl_weight, kl_warmup and free_bits", c.Method)
	case c.WeightPosterior && (c.WeightDecay > 0 || c.ColumnClip > 0):
		return errors.New("model: weight_posterior has its own prior, it takes neither weight_decay nor column_clip")
	case s.Latent == 0 && !parts.drawn && (c.samples() > 1 || c.Sampled || c.Importance):
		return fmt.Errorf("model: a %s has no latent variables to take samples of", s.Model)
	case s.Latent == 0 && c.weighsKL():
		return fmt.Errorf("model: a %s has no KL term for kl_weight, kl_warmup and free_bits", s.Model)
	case c.FreeBits > 0 && (c.Sampled || c.Importance):
		return errors.New("model: free_bits needs the KL divergence in closed form, not a sampled one")
	case c.Truncate > 0 && c.Importance:
		return errors.New("model: truncate cuts sequences, the importance bound is one of whole sequences")
	case c.Truncate > 0 && m.State() == 0:
		return fmt.Errorf("model: truncate cuts sequences, a %s carries no state from one part to the next", s.Model)
	case c.ResetEvery > 0 && c.Truncate == 0:
		return errors.New("model: reset_every counts segments, which truncate makes")
	case c.TransposeProb > 0 && c.Transpose == 0:
		return errors.New("model: transpose_prob is how often pieces are moved, which transpose does")
	case c.Optimizer == OptimizerAdamW && !(c.WeightDecay > 0 && float64(c.Rate*c.WeightDecay) < 1):
		return fmt.Errorf("model: optimizer %s: weight_decay = %v, want it above 0, or it is %s, and lr times it below 1", c.Optimizer, c.WeightDecay, OptimizerAdam)
	case c.Beta2 == 0 && (&Optimizer{Method: c.Optimizer}).adam():
		return errors.New("model: beta2 = 0, want it set: 0.999 is usual")
	case c.Beta1Decay > 0 && !(&Optimizer{Method: c.Optimizer}).adam():
		return fmt.Errorf("model: beta1_decay is for %s, not %s", OptimizerAdam, c.Optimizer)
	}
	return c.Schedule.suits(c)
}

// Eval returns how the valid split is scored after every epoch: with as many samples as
// training takes for the importance bound, otherwise with one.
func (c TrainConfig) Eval() EvalConfig {
	e := EvalConfig{Batch: c.Batch, Seed: c.Seed, Shards: c.Shards, Threads: c.Threads}
	if c.Importance {
		e.Samples = c.Samples
	}
	return e
}
