package model

import (
	"math"
	"slices"

	"github.com/elbow-go/elbow/asm"
)

// What follows estimates, before anything is allocated, how much memory a use of a model takes, in
// bytes: settings can be within their ranges and ask for more than any machine has. The figures
// are a little above what is measured, see the test, and floats because they may be above any int.

const float32Bytes = 4

// matrices returns the number of parameters, but for the biases, and how many values a step of a
// sequence leaves behind in all layers.
func (c Config) matrices() (params, outputs float64) {
	for _, l := range c.landmarks() {
		if len(l.shape) < 2 {
			continue
		}
		params += product(float64(l.shape[0]), float64(l.shape[1]))
		outputs += float64(l.shape[0]) // that of whh stands for states
	}
	return params, outputs
}

// row returns how many values a step of a sequence takes in a pass, with draws and gradients or,
// outside of training, what is monitored of the output.
func (c Config) row(training bool) float64 {
	_, outputs := c.matrices()
	n := outputs + float64(2*max(c.Layers, 1)*c.Hidden+6*c.Latent+3*c.inputs()+2*c.given())
	if training {
		if c.DropoutInput > 0 {
			n += float64(c.inputs())
		}
		if c.DropoutHeads > 0 {
			n += float64(4 * c.Hidden) // two stacks at most
		}
		return n + outputs
	}
	if c.Likelihood == "" {
		return n
	}
	return n + float64(c.outputs())
}

// inputs returns how many values a model sees of a step.
func (c Config) inputs() int {
	if c.Likelihood == "" {
		return c.Data
	}
	return max(newLikelihood[float32](c).inputs(c.Data), c.Data)
}

// MemoryToHold returns what a model takes that is ready for forward passes: parameters and
// packed weights.
func (c Config) MemoryToHold() float64 {
	params, _ := c.matrices()
	return product(2+packings(), float32Bytes, params)
}

// packings returns how many copies of the parameters Pack makes: plain Go needs none.
func packings() float64 {
	if asm.Active() == asm.Generic {
		return 0
	}
	return 1
}

// MemoryToTrain returns what a training takes beside its data: parameters, packed weights for both
// directions, gradients, moments of the optimiser, an average, a pass over the largest batch, and at its end
// the best parameters once more. c is resolved.
func (c Config) MemoryToTrain(t TrainConfig, d *Data) float64 {
	params, _ := c.matrices()
	copies := 1 + float64(gradients(t.shards(), t.Threads)) + 2*packings() // value, gradients, packed for both directions
	if t.WeightPosterior {
		copies += 4
	}
	o := Optimizer{Method: t.Optimizer, Beta1: t.Beta1}
	moments := 0.0
	for _, kept := range []bool{o.first(), o.second()} {
		if kept {
			moments++
		}
	}
	if t.WeightPosterior {
		moments *= 2
	}
	e := t.Eval()
	// What an evaluation has in hand, the pass of the training keeps.
	pass := product(float32Bytes, c.largest(d.Train, d.Dim, t.Batch, t.Truncate, true), float64(t.samples())) + c.inHand(e)
	scored := c.MemoryToScore(d.Valid, d.Dim, e)
	if t.EMADecay > 0 { // the average is a model of its own, with its own pass
		copies += 1 + packings()
		pass += scored
	}
	const again = 2 // the file of the best parameters, and what reading leaves behind
	return product(float32Bytes, params, copies+moments+again) + c.MemoryToHold() +
		max(pass, scored, c.MemoryToScore(d.Test, d.Dim, e))
}

// MemoryToScore returns what [Evaluate] takes beside the model and the data.
func (c Config) MemoryToScore(seqs []Sequence, dim int, e EvalConfig) float64 {
	k := 1
	if c.Latent > 0 {
		k = max(e.Samples, 1)
	}
	size, draws := e.split(k)
	pass := product(float32Bytes, c.largest(seqs, dim, size, 0, false), float64(draws))
	return pass + product(8, float64(min(size, max(len(seqs), 1))), float64(k)) + c.inHand(e)
}

// MemoryToSample returns what [Sample] takes beside the model, with what it returns.
func (c Config) MemoryToSample(count, steps int) float64 {
	return product(float32Bytes, float64(count), product(float64(steps), float64(c.Data))+c.row(false))
}

// MemoryToImpute returns what [Impute] takes beside the model and the data, with what it returns for all of the
// sequences, one after the other.
func (c Config) MemoryToImpute(seqs []Sequence, i ImputeConfig) float64 {
	values, past, rows := 0.0, 0.0, 1.0
	k, err := KindOf(c.Model)
	whole := err == nil && k.Latent == LatentSequence
	for _, q := range seqs {
		missing := 0.0
		for _, v := range q.Values(c.Data) {
			if values++; v != v {
				missing++
			}
		}
		if whole {
			past, rows = max(past, missing), max(rows, float64(q.Steps(c.Data)))
		} else {
			past = max(past, min(missing, product(float64(i.Lag)+1, float64(c.Data))))
		}
	}
	copies := 2.0 // states and draws, which are copied when they are drawn anew, have no more than a pass
	if whole {    // and are not
		copies = 1
	}
	return product(float32Bytes, values, float64(2+len(i.Levels))) + product(float32Bytes, float64(i.Draws), 2*past+product(copies, rows, c.row(false)))
}

// product is not part of a sum, as far as the compiler is concerned.
func product(factors ...float64) float64 {
	p := 1.0
	for _, f := range factors {
		p *= f
	}
	return float64(p)
}

// chained is a likelihood whose score takes more than a pass.
type chained interface {
	// inHand returns how many values a goroutine has in hand while it scores.
	inHand(dim int, a Annealing) int
}

// inHand returns what goroutines have in hand while they score.
func (c Config) inHand(e EvalConfig) float64 {
	if c.Likelihood == "" {
		return 0
	}
	l, ok := newLikelihood[float32](c).(chained)
	if !ok {
		return 0
	}
	return product(float32Bytes, float64(max(e.Threads, 1)), float64(l.inHand(c.Data, e.Anneal)))
}

// uneven is a likelihood that takes more for some rows of the data than for others.
type uneven interface {
	// rowValues returns how many values the row x takes in a pass.
	rowValues(x []float32, training bool) int
}

// largest returns how many values the largest batch takes in a pass, whichever sequences, or segments
// of truncate steps, come together.
func (c Config) largest(seqs []Sequence, dim, batch, truncate int, training bool) float64 {
	if truncate == 0 {
		truncate = math.MaxInt
	}
	values := make([]float64, len(seqs))
	if c.Likelihood != "" {
		if l, ok := newLikelihood[float32](c).(uneven); ok {
			n := 0.0
			walk(seqs, dim, func(i, t int, x []float32) error {
				if t%truncate == 0 {
					n = 0
				}
				n += float64(l.rowValues(x, training))
				values[i] = max(values[i], n)
				return nil
			})
		}
	}
	row := c.row(training)
	for i := range seqs {
		values[i] += product(float64(min(seqs[i].Steps(dim), truncate)), row)
	}
	slices.Sort(values)
	n := 0.0
	for _, v := range values[max(0, len(values)-batch):] {
		n += v
	}
	return n
}
