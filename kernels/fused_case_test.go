package kernels

import (
	"fmt"
	"math/rand/v2"

	"github.com/elbow-go/elbow/internal/f32"
)

// The fused steps are tested against their parts: a product in two plain loops, and the gate
// kernel, which has tests of its own. Both run under the generic instruction set, so what is
// compared is every fused step with the definition of its bits.

type fusedKind struct {
	name string
	kind StepKind
	act  Activation
	peep bool
}

// fusedKinds are the layers that the tests of fused steps run.
var fusedKinds = []fusedKind{
	{"rnn", StepRNN, RNNTanh, false}, {"rnn-relu", StepRNN, RNNReLU, false},
	{"lstm", StepLSTM, 0, false}, {"lstm-peephole", StepLSTM, 0, true},
	{"gru", StepGRU, 0, false}, {"gru-before", StepGRUBefore, 0, false},
}

// A fusedCase has the arguments of a forward and a backward step. in holds what is read only.
type fusedCase[T Float] struct {
	kind                        int
	batch, next, h, ldg         int
	whh, bhn, peephole          []T
	hx, cx, gates, hy, cy       []T
	dgates, dcx, dh, dnext, dcy []T
}

func newFusedCase[T Float](kind, batch, next, h, gap int, seed uint64) *fusedCase[T] {
	rng := rand.New(rand.NewPCG(seed, uint64(1000*batch+h)))
	k := fusedKinds[kind]
	cols := stepLayouts[k.kind].saved * h
	c := &fusedCase[T]{kind: kind, batch: batch, next: next, h: h, ldg: cols + gap}
	draw := func(rows, cols, ld int) []T {
		s := make([]T, max(0, (rows-1)*ld+cols))
		for i := range rows {
			for j := range cols {
				s[i*ld+j] = T(rng.Float64()*2 - 1)
			}
		}
		return s
	}
	c.whh = draw(k.kind.Gates()*h, h, h)
	c.bhn, c.peephole = draw(1, h, h), draw(1, 3*h, 3*h)
	if !k.peep {
		c.peephole = nil
	}
	c.hx, c.cx, c.hy, c.cy = draw(batch, h, h), draw(batch, h, h), draw(batch, h, h), draw(batch, h, h)
	c.gates = draw(batch, cols, c.ldg)
	c.dgates, c.dcx, c.dh = draw(batch, cols, c.ldg), draw(batch, h, h), draw(batch, h, h)
	c.dnext, c.dcy = draw(next, cols, c.ldg), draw(batch, h, h)
	if rng.IntN(4) == 0 {
		c.cx = nil
	}
	if rng.IntN(4) == 0 {
		c.dcy = nil
	}
	return c
}

func (c *fusedCase[T]) outputs() map[string][]T {
	return map[string][]T{"hy": c.hy, "cy": c.cy, "gates": c.gates, "dgates": c.dgates, "dcx": c.dcx, "dh": c.dh}
}

// clone copies a case into memory of get.
func (c *fusedCase[T]) clone(get func(n int) []T) *fusedCase[T] {
	d := *c
	for _, s := range []*[]T{&d.whh, &d.bhn, &d.peephole, &d.hx, &d.cx, &d.gates, &d.hy, &d.cy, &d.dgates, &d.dcx, &d.dh, &d.dnext, &d.dcy} {
		if *s != nil {
			n := get(len(*s))
			copy(n, *s)
			*s = n
		}
	}
	return &d
}

// rows returns the case of the rows lo..hi.
func (c *fusedCase[T]) rows(lo, hi int) *fusedCase[T] {
	d := *c
	d.batch, d.next = hi-lo, max(0, min(hi, c.next)-lo)
	cut := func(s []T, ld int) []T {
		if s == nil {
			return nil
		}
		return s[min(len(s), lo*ld):]
	}
	d.hx, d.cx, d.hy, d.cy = cut(c.hx, c.h), cut(c.cx, c.h), cut(c.hy, c.h), cut(c.cy, c.h)
	d.dcx, d.dh, d.dcy = cut(c.dcx, c.h), cut(c.dh, c.h), cut(c.dcy, c.h)
	d.gates, d.dgates, d.dnext = cut(c.gates, c.ldg), cut(c.dgates, c.ldg), cut(c.dnext, c.ldg)
	return &d
}

func (c *fusedCase[T]) forward(w *StepWeights[T], falling bool) {
	c.forwardPart(w, StepPart{Falling: falling})
}

func (c *fusedCase[T]) backward(w *StepWeights[T], falling bool) {
	c.backwardPart(w, StepPart{Falling: falling})
}

// step returns the arguments of the steps.
func (c *fusedCase[T]) step(part StepPart) Step[T] {
	return Step[T]{H: c.hy, C: c.cy, Gates: c.gates, HPrev: c.hx, CPrev: c.cx, Peephole: c.peephole, Bhn: c.bhn, Act: fusedKinds[c.kind].act,
		Batch: c.batch, Ld: c.ldg, Part: part}
}

func (c *fusedCase[T]) forwardPart(w *StepWeights[T], part StepPart) {
	s := c.step(part)
	switch fusedKinds[c.kind].kind {
	case StepRNN:
		RNNFusedStep(&s, w)
	case StepLSTM:
		LSTMFusedStep(&s, w)
	case StepGRU:
		GRUFusedStep(&s, w)
	case StepGRUBefore:
		GRUBeforeFusedStep(&s, w)
	}
}

func (c *fusedCase[T]) backwardPart(w *StepWeights[T], part StepPart) {
	s := c.step(part)
	d := &StepGrad[T]{H: c.dh, C: c.dcy, Gates: c.dgates, Next: c.dnext, NextRows: c.next}
	switch fusedKinds[c.kind].kind {
	case StepRNN:
		RNNFusedStepBackward(d, &s, w)
	case StepLSTM:
		d.CPrev = c.dcx
		LSTMFusedStepBackward(d, &s, w)
	case StepGRU:
		d.HPrev = c.dcx
		GRUFusedStepBackward(d, &s, w)
	case StepGRUBefore:
		d.HPrev = c.dcx
		GRUBeforeFusedStepBackward(d, &s, w)
	}
}

// parts is forward and backward in parts.
func (c *fusedCase[T]) parts() {
	b, h, ld := c.batch, c.h, c.ldg
	at := func(s []T, i int) []T { return s[min(len(s), i):] }
	s, d := c.step(StepPart{}), &StepGrad[T]{H: c.dh, C: c.dcy, Gates: c.dgates, HPrev: c.dcx, CPrev: c.dcx}
	switch k := fusedKinds[c.kind]; k.kind {
	case StepRNN:
		testProduct(c.gates, ld, c.hx, h, c.whh, h, 1, b, h, h)
		RNNStep(&s, h)
		testProduct(c.dh, h, c.dnext, ld, c.whh, 1, h, c.next, h, h)
		RNNStepBackward(d, &s, h)
	case StepLSTM:
		testProduct(c.gates, ld, c.hx, h, c.whh, h, 1, b, 4*h, h)
		LSTMStep(&s, h)
		testProduct(c.dh, h, c.dnext, ld, c.whh, 1, h, c.next, h, 4*h)
		LSTMStepBackward(d, &s, h)
	case StepGRU:
		hn := at(c.gates, 3*h)
		SetRows(hn, c.bhn, b, h, ld)
		testProduct(c.gates, ld, c.hx, h, c.whh, h, 1, b, 2*h, h)
		testProduct(hn, ld, c.hx, h, at(c.whh, 2*h*h), h, 1, b, h, h)
		GRUStep(&s, h)
		testProduct(c.dh, h, c.dnext, ld, c.whh, 1, h, c.next, h, 2*h)
		testProduct(c.dh, h, at(c.dnext, 3*h), ld, at(c.whh, 2*h*h), 1, h, c.next, h, h)
		GRUStepBackward(d, &s, h)
	case StepGRUBefore:
		rh, wn := at(c.gates, 3*h), at(c.whh, 2*h*h)
		testProduct(c.gates, ld, c.hx, h, c.whh, h, 1, b, 2*h, h)
		GRUBeforeReset(&s, h)
		testProduct(at(c.gates, 2*h), ld, rh, ld, wn, h, 1, b, h, h)
		GRUBeforeUpdate(&s, h)
		testProduct(c.dh, h, c.dnext, ld, c.whh, 1, h, c.next, h, 2*h)
		GRUBeforeUpdateBackward(d, &s, h)
		clear(c.dh)
		testProduct(c.dh, h, at(c.dgates, 2*h), ld, wn, 1, h, b, h, h)
		GRUBeforeResetBackward(d, &s, h)
	}
}

// testProduct computes c[i][j] += sum over q of a[i][q] w[j*wj+q*wq], one chain an output.
func testProduct[T Float](c []T, ldc int, a []T, lda int, w []T, wj, wq, m, n, k int) {
	for i := range m {
		for j := range n {
			for q := range k {
				x, y, s := a[i*lda+q], w[j*wj+q*wq], c[i*ldc+j]
				if f, ok := any(x).(float32); ok {
					c[i*ldc+j] = T(f32.FMA(f, float32(y), float32(s)))
				} else {
					c[i*ldc+j] = s + x*y
				}
			}
		}
	}
}

func (c *fusedCase[T]) String() string {
	return fmt.Sprintf("%s B=%d next=%d H=%d ldg=%d", fusedKinds[c.kind].name, c.batch, c.next, c.h, c.ldg)
}

func (c *fusedCase[T]) pack(training bool) *StepWeights[T] {
	w := new(StepWeights[T])
	w.Pack(fusedKinds[c.kind].kind, c.whh, c.h, training)
	return w
}

func plainSlice[T Float](n int) []T { return make([]T, n) }
