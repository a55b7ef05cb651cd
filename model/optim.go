package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// The optimisers, by the names used in configurations.
const (
	OptimizerAdam    = "adam"    // Kingma and Ba 2015
	OptimizerAdamW   = "adamw"   // with decoupled weight decay; Loshchilov and Hutter 2019
	OptimizerAdagrad = "adagrad" // Duchi, Hazan and Singer 2011
	OptimizerSGD     = "sgd"     // with momentum β1, none if that is 0
)

var optimizers = []string{OptimizerAdam, OptimizerAdamW, OptimizerAdagrad, OptimizerSGD}

// Optimizer turns gradients into changes of the parameters: divisor, weight decay, global
// clip, then the step of its method, which [kernels.Adam], [kernels.Adagrad] or [kernels.SGD]
// describes, then the column clip.
type Optimizer struct {
	Method string // one of the names above; empty is Adam

	// Beta2 and Epsilon must be set for Adam and AdamW, Epsilon for Adagrad too. Beta1 may be 0: no
	// first moment, no momentum.
	Rate, Beta1, Beta2, Epsilon float64
	// Beta1Decay makes the β1 of update t = 1, 2, .. of Adam
	//
	//	m = β1_t m + (1-β1_t) g     β1_t = β1 (1-Beta1Decay)^(t-1)
	//
	// while the bias correction stays 1 - β1^t, with the β1 that does not decay. This is what the
	// code of Chung et al. 2015 computes (class Adam of their library cle, with lambd for
	// 1-Beta1Decay). Kingma and Ba 2015 have the decay in their proof only, section 4.
	Beta1Decay float64
	// Clip scales the gradient down to this L2 norm over all tensors; 0 is off.
	Clip float64
	// ColumnClip bounds the L2 norm of the incoming weights of every unit, in the input
	// and dense matrices but not the recurrent ones; 0 is off.
	ColumnClip float64
	// Divisor divides the gradient before anything else; 0 is 1.
	Divisor float64
	// Decay adds Decay w to the gradient of every matrix w. That is the gradient of
	// -ln p(w)/N under the prior N(0, I) when Decay is 1/N; see TrainConfig.WeightDecay.
	//
	// AdamW multiplies every matrix by 1 - Rate Decay instead, and its gradient stays as it is; a
	// Decay of 0 would be Adam, so there it must be set.
	// Vectors never decay: biases, and the gains and shifts of normalisations, for which a
	// value of 0 is not the simplest one.
	Decay float64

	// Threads is how many goroutines share the elements of a step; 0 is 1. The bits do not depend on it.
	Threads int

	Update uint32 // updates done

	// M holds the first moments of Adam or the momentum of SGD, V the second moments of
	// Adam or the sums of squares of Adagrad; what the method has no use for is nil.
	M, V [][]float32
}

// bind sizes the state for the parameters ts.
func (o *Optimizer) bind(ts []cell.Tensor[float32]) {
	state := func() [][]float32 {
		s := make([][]float32, len(ts))
		for i, t := range ts {
			s[i] = pages.Make[float32](len(t.Data))
		}
		return s
	}
	if o.first() {
		o.M = state()
	}
	if o.second() {
		o.V = state()
	}
}

// first and second report whether the method keeps M and V.
func (o *Optimizer) first() bool  { return o.adam() || o.Method == OptimizerSGD && o.Beta1 > 0 }
func (o *Optimizer) second() bool { return o.adam() || o.Method == OptimizerAdagrad }

func (o *Optimizer) adam() bool {
	return o.Method == "" || o.Method == OptimizerAdam || o.Method == OptimizerAdamW
}

// tensors returns the state for the parameters ts under the names that checkpoints use:
// adam.m.NAME and adam.v.NAME, adagrad.s.NAME, sgd.m.NAME.
func (o *Optimizer) tensors(ts []cell.Tensor[float32]) []cell.Tensor[float32] {
	first, second := "adam.m.", "adam.v."
	switch o.Method {
	case OptimizerAdagrad:
		second = "adagrad.s."
	case OptimizerSGD:
		first = "sgd.m."
	}
	var state []cell.Tensor[float32]
	for i, t := range ts {
		if o.M != nil {
			state = append(state, cell.Tensor[float32]{Name: first + t.Name, Shape: t.Shape, Data: o.M[i]})
		}
		if o.V != nil {
			state = append(state, cell.Tensor[float32]{Name: second + t.Name, Shape: t.Shape, Data: o.V[i]})
		}
	}
	return state
}

// check panics unless a step can be made.
func (o *Optimizer) check(ts, gs []cell.Tensor[float32]) {
	const fn = "Optimizer.Step"
	if o.Method != "" && !slices.Contains(optimizers, o.Method) {
		panic(fmt.Sprintf("model: %s: Method = %.40q, want one of %q", fn, o.Method, optimizers))
	}
	unit := func(v float64) bool { return v >= 0 && float32(v) < 1 } // a moment with 1 would never move
	if !(o.Rate >= 0) || !unit(o.Beta1) || !unit(o.Beta2) || !(o.Beta1Decay >= 0 && o.Beta1Decay <= 1) {
		panic(fmt.Sprintf("model: %s: Rate = %v, Beta1 = %v, Beta2 = %v, Beta1Decay = %v, want at least 0 and below 1 but for the rate", fn, o.Rate, o.Beta1, o.Beta2, o.Beta1Decay))
	}
	if o.Method != OptimizerSGD && !(float32(o.Epsilon) > 0) {
		panic(fmt.Sprintf("model: %s: Epsilon = %v, want more than 0", fn, o.Epsilon))
	}
	if o.adam() && o.Beta2 == 0 {
		panic(fmt.Sprintf("model: %s: Beta2 = 0, want it set: 0.999 is usual", fn))
	}
	if o.Method == OptimizerAdamW && o.Decay == 0 {
		panic(fmt.Sprintf("model: %s: Decay = 0 of %s, want it set, or %s", fn, OptimizerAdamW, OptimizerAdam))
	}
	if len(gs) != len(ts) {
		panic(fmt.Sprintf("model: %s: len(gs) = %d, want len(ts) = %d", fn, len(gs), len(ts)))
	}
	for i, t := range ts {
		if len(gs[i].Data) != len(t.Data) {
			panic(fmt.Sprintf("model: %s: the gradient of %s has %d elements, want %d", fn, t.Name, len(gs[i].Data), len(t.Data)))
		}
		for _, state := range [...][][]float32{o.M, o.V} {
			if state != nil && (len(state) != len(ts) || len(state[i]) != len(t.Data)) {
				panic(fmt.Sprintf("model: %s: the state of %s is that of other parameters", fn, t.Name))
			}
		}
	}
}

// norm returns the L2 norm of all gradients: 64 float32 lanes per tensor, the tensors
// added in float64 in order.
func norm(gs []cell.Tensor[float32]) float64 {
	sum := 0.0
	for _, g := range gs {
		sum += kernels.SumSquares(g.Data)
	}
	return math.Sqrt(sum)
}

// Step updates the parameters ts with the gradients gs, which it may change, and returns
// the norm of the gradients, weight decay included, before divisor and clip. If that is not
// finite, the parameters and the state stay as they are. It panics if gs are not the gradients of
// ts, the state is that of other parameters, or a setting is out of range.
func (o *Optimizer) Step(ts, gs []cell.Tensor[float32]) float64 {
	o.check(ts, gs)
	if o.M == nil && o.V == nil {
		o.bind(ts)
	}
	scale := 1.0
	if o.Divisor != 0 {
		scale = 1 / o.Divisor
	}
	if o.Decay != 0 && o.Method != OptimizerAdamW {
		for i, p := range ts {
			if decays(p) {
				kernels.Axpy(gs[i].Data, p.Data, float32(o.Decay/scale))
			}
		}
	}
	size := norm(gs)
	if math.IsNaN(size) || math.IsInf(size, 0) {
		return size
	}
	if s := float64(size * scale); o.Clip > 0 && s > o.Clip {
		scale *= o.Clip / s
	}
	o.Update++
	t := uint64(o.Update)
	b1 := o.Beta1
	if o.Beta1Decay != 0 {
		b1 *= f64.Pow(1-o.Beta1Decay, t-1)
	}
	c1, c2 := 1-f64.Pow(o.Beta1, t), 1-f64.Pow(o.Beta2, t)
	adam := kernels.AdamSettings[float32]{LR: float32(o.Rate), Beta1: float32(b1), Beta2: float32(o.Beta2), Eps: float32(o.Epsilon),
		C1: float32(c1), C2: float32(c2)}
	if o.Threads > 1 {
		o.fork(ts, gs, float32(scale), adam)
	} else {
		o.move(ts, gs, float32(scale), adam, 0, 1)
	}
	return size
}

// fork is move on several goroutines. It is apart from Step because what its closure captures is moved
// to the heap on entry.
func (o *Optimizer) fork(ts, gs []cell.Tensor[float32], scale float32, adam kernels.AdamSettings[float32]) {
	par.Do(o.Threads, o.Threads, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			o.move(ts, gs, scale, adam, i, o.Threads)
		}
	})
}

// move moves part i of parts of every parameter, which are rows of a matrix, by gradients times scale. adam
// has the settings of the other methods too.
func (o *Optimizer) move(ts, gs []cell.Tensor[float32], scale float32, adam kernels.AdamSettings[float32], i, parts int) {
	sgd := kernels.SGDSettings[float32]{LR: adam.LR, Momentum: float32(o.Beta1)}
	adagrad := kernels.AdagradSettings[float32]{LR: adam.LR, Eps: adam.Eps}
	for t, tensor := range ts {
		width := 1
		if len(tensor.Shape) == 2 {
			width = max(1, tensor.Shape[1])
		}
		lo, hi := share(len(tensor.Data)/width, i, parts)
		lo, hi = lo*width, hi*width
		p, g := tensor.Data[lo:hi], gs[t].Data[lo:hi]
		adam.Scale = scale
		if scale != 1 && !o.adam() {
			kernels.Scal(g, g, scale)
		}
		switch o.Method {
		case OptimizerAdagrad:
			kernels.Adagrad(p, g, o.V[t][lo:hi], &adagrad)
		case OptimizerSGD:
			var m []float32
			if o.M != nil {
				m = o.M[t][lo:hi]
			}
			kernels.SGD(p, g, m, &sgd)
		default:
			adam.Decay = 0
			if o.Method == OptimizerAdamW && decays(tensor) {
				adam.Decay = float32(o.Decay)
			}
			kernels.Adam(p, g, &kernels.Moments[float32]{M: o.M[t][lo:hi], V: o.V[t][lo:hi]}, &adam)
		}
		if o.ColumnClip > 0 && len(tensor.Shape) == 2 && !recurrent(tensor.Name) {
			clipRows(p, width, o.ColumnClip)
		}
	}
}

// decays reports whether weight decay is for the parameter: for matrices only.
func decays(p cell.Tensor[float32]) bool { return len(p.Shape) == 2 }

func recurrent(name string) bool {
	return strings.HasSuffix(name, ".whh") || strings.HasSuffix(name, ".peephole")
}

// clipRows scales down the rows of w whose L2 norm is above limit.
func clipRows(w []float32, cols int, limit float64) {
	for i := 0; i < len(w); i += cols {
		row := w[i : i+cols]
		if n := math.Sqrt(kernels.SumSquares(row)); n > limit {
			kernels.Scal(row, row, float32(limit/n))
		}
	}
}
