package bench_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/measure"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

func BenchmarkLSTMStep(b *testing.B)         { steps(b, cell.LSTM, false, "") }
func BenchmarkLSTMStepBackward(b *testing.B) { steps(b, cell.LSTM, true, "") }
func BenchmarkRNNStep(b *testing.B)          { steps(b, cell.RNNTanh, false, "") }

func BenchmarkGRUStep(b *testing.B) {
	steps(b, cell.GRU, false, "/kind=after")
	steps(b, cell.GRUBefore, false, "/kind=before")
}

func BenchmarkGRUStepBackward(b *testing.B) {
	steps(b, cell.GRU, true, "/kind=after")
	steps(b, cell.GRUBefore, true, "/kind=before")
}

// steps benchmarks a step whose input part is already there: the recurrent product and the
// gates.
func steps(b *testing.B, kind cell.Kind, back bool, key string) {
	for _, s := range shortened(bench.Steps) {
		b.Run(fmt.Sprintf("B=%d/H=%d%s", s[0], s[1], key), func(b *testing.B) {
			newStep(kind, s[0], s[1]).bench(b, back)
		})
	}
}

// A step has the arguments of one recurrent step and of its gradient. As in package cell it is
// a fused step; where OpenBLAS is active it is a product and a gate kernel, to compare with.
type step struct {
	kind             cell.Kind
	batch, h, ld     int
	falling          bool
	bf16, int8       bool // weights
	weights          kernels.StepWeights[float32]
	whh, bhn         []float32
	pre, gates       []float32
	hx, cx, hy, cy   []float32
	out, dh, dc, dhx []float32 // out is the gradient of hy
	dgates, dnext    []float32
	dcy              []float32
}

var stepKinds = map[cell.Kind]kernels.StepKind{cell.RNNTanh: kernels.StepRNN, cell.LSTM: kernels.StepLSTM,
	cell.GRU: kernels.StepGRU, cell.GRUBefore: kernels.StepGRUBefore}

func newStep(kind cell.Kind, batch, h int) *step {
	cols := max(1, kind.Gates())
	if cols == 3 {
		cols = 4 // and hn, or rh
	}
	small := func(r *rand.Rand) float32 { return normal(r) / 16 }
	n, ld := batch*h, cols*h
	if ld%1024 == 0 {
		ld += 16 // as in package cell
	}
	s := &step{kind: kind, batch: batch, h: h, ld: ld, whh: randoms(kind.Gates()*h*h, small), bhn: randoms(h, normal),
		pre: randoms(batch*ld, normal), gates: pages.Make[float32](batch * ld), hx: randoms(n, func(r *rand.Rand) float32 { return r.Float32()*2 - 1 }),
		cx: randoms(n, normal), hy: pages.Make[float32](n), cy: pages.Make[float32](n), out: randoms(n, normal),
		dh: pages.Make[float32](n), dc: pages.Make[float32](n), dhx: pages.Make[float32](n), dgates: pages.Make[float32](batch * ld),
		dnext: randoms(batch*ld, small), dcy: randoms(n, normal)}
	return s
}

// pack has to come before the first step under another implementation.
func (s *step) pack() {
	switch kind := stepKinds[s.kind]; {
	case s.bf16:
		s.weights.PackBF16(kind, s.whh, s.h)
	case s.int8:
		s.weights.PackInt8(kind, s.whh, s.h)
	default:
		s.weights.Pack(kind, s.whh, s.h, true)
	}
}

// start puts the pre-activations back to what they were.
func (s *step) start() { copy(s.gates, s.pre) }

func (s *step) fused() bool { return blas.Active().Name() == "go" }

func (s *step) forward() {
	b, h, ld := s.batch, s.h, s.ld
	s.falling = !s.falling
	step := kernels.Step[float32]{H: s.hy, C: s.cy, Gates: s.gates, HPrev: s.hx, CPrev: s.cx, Bhn: s.bhn, Batch: b, Ld: ld,
		Part: kernels.StepPart{Falling: s.falling}}
	if s.fused() {
		switch s.kind {
		case cell.RNNTanh:
			kernels.RNNFusedStep(&step, &s.weights)
		case cell.LSTM:
			kernels.LSTMFusedStep(&step, &s.weights)
		case cell.GRU:
			kernels.GRUFusedStep(&step, &s.weights)
		case cell.GRUBefore:
			kernels.GRUBeforeFusedStep(&step, &s.weights)
		}
		return
	}
	whh := s.whh
	mulT := func(c, a, w []float32, n, lda int) {
		blas.Gemm(blas.NoTrans, blas.Trans, b, n, h, 1, a, lda, w, h, 1, c, ld)
	}
	switch s.kind {
	case cell.RNNTanh:
		mulT(s.gates, s.hx, whh, h, h)
		kernels.RNNStep(&step, h)
	case cell.LSTM:
		mulT(s.gates, s.hx, whh, 4*h, h)
		kernels.LSTMStep(&step, h)
	case cell.GRU:
		hn := s.gates[3*h:]
		kernels.SetRows(hn, s.bhn, b, h, ld)
		mulT(s.gates, s.hx, whh, 2*h, h)
		mulT(hn, s.hx, whh[2*h*h:], h, h)
		kernels.GRUStep(&step, h)
	case cell.GRUBefore:
		rh := s.gates[3*h:]
		mulT(s.gates, s.hx, whh, 2*h, h)
		kernels.GRUBeforeReset(&step, h)
		mulT(s.gates[2*h:], rh, whh[2*h*h:], h, ld)
		kernels.GRUBeforeUpdate(&step, h)
	}
}

func (s *step) backward() {
	b, h, ld := s.batch, s.h, s.ld
	s.falling = !s.falling
	copy(s.dh, s.out)
	d := kernels.StepGrad[float32]{H: s.dh, C: s.dcy, Gates: s.dgates, HPrev: s.dhx, CPrev: s.dc, Next: s.dnext, NextRows: b}
	step := kernels.Step[float32]{H: s.hy, C: s.cy, Gates: s.gates, HPrev: s.hx, CPrev: s.cx, Batch: b, Ld: ld,
		Part: kernels.StepPart{Falling: s.falling}}
	if s.fused() {
		switch s.kind {
		case cell.RNNTanh:
			kernels.RNNFusedStepBackward(&d, &step, &s.weights)
		case cell.LSTM:
			kernels.LSTMFusedStepBackward(&d, &step, &s.weights)
		case cell.GRU:
			kernels.GRUFusedStepBackward(&d, &step, &s.weights)
		case cell.GRUBefore:
			kernels.GRUBeforeFusedStepBackward(&d, &step, &s.weights)
		}
		return
	}
	whh := s.whh
	mul := func(a, w []float32, k int, beta float32) {
		blas.Gemm(blas.NoTrans, blas.NoTrans, b, h, k, 1, a, ld, w, h, beta, s.dh, h)
	}
	switch s.kind {
	case cell.RNNTanh:
		mul(s.dnext, whh, h, 1)
		kernels.RNNStepBackward(&d, &step, h)
	case cell.LSTM:
		mul(s.dnext, whh, 4*h, 1)
		kernels.LSTMStepBackward(&d, &step, h)
	case cell.GRU:
		mul(s.dnext, whh, 2*h, 1)
		mul(s.dnext[3*h:], whh[2*h*h:], h, 1)
		kernels.GRUStepBackward(&d, &step, h)
	case cell.GRUBefore:
		mul(s.dnext, whh, 2*h, 1)
		kernels.GRUBeforeUpdateBackward(&d, &step, h)
		mul(s.dgates[2*h:], whh[2*h*h:], h, 0)
		kernels.GRUBeforeResetBackward(&d, &step, h)
	}
}

// BenchmarkLSTMStepBF16 is BenchmarkLSTMStep with weights in bfloat16, for few rows.
func BenchmarkLSTMStepBF16(b *testing.B) {
	for _, s := range shortened([][2]int{{1, 512}, {1, 1024}, {8, 1024}, {1, 256}}) {
		b.Run(fmt.Sprintf("B=%d/H=%d", s[0], s[1]), func(b *testing.B) {
			step := newStep(cell.LSTM, s[0], s[1])
			step.bf16 = true
			step.bench(b, false)
		})
	}
}

// flops is the work of the recurrent product, forward or backward.
func (s *step) flops() float64 { return 2 * float64(s.batch) * float64(len(s.whh)) }

func (s *step) bench(b *testing.B, back bool) {
	run := s.forward
	if back {
		run = s.backward
	}
	forEachImpl(b, !s.bf16 && !s.int8, func(b *testing.B) {
		peak := gemmPeak()
		b.ReportAllocs()
		for b.Loop() {
			run()
		}
		peak.report(b, s.flops())
	}, func() []float32 {
		s.pack()
		s.start()
		s.forward()
		if !back {
			return s.hy
		}
		s.backward()
		return s.dgates
	})
}

// stepStates are states and gradients that a step meets in a long sequence. Without a guard
// any of them may fill with denormals, at a hundred times the cost.
var stepStates = []struct {
	name string
	set  func(s *step)
}{
	{"normal", func(s *step) {}},
	{"decaying", func(s *step) { // a silent input: c halves in every step
		clear(s.pre)
		scale(s.cx, 0x1p-57)
		scale(s.hx, 0x1p-58)
	}},
	{"tiny", func(s *step) { scale(s.cx, 0x1p-57); scale(s.hx, 0x1p-110) }},
	{"saturated", func(s *step) { scale(s.pre, 1e4); scale(s.cx, 1e4) }},
	{"padded", func(s *step) { clear(s.pre); clear(s.hx); clear(s.cx) }},
	{"vanishing", func(s *step) { scale(s.out, 0x1p-140); scale(s.dnext, 0x1p-70); scale(s.dcy, 0x1p-140) }},
}

func scale(x []float32, by float32) {
	for i := range x {
		x[i] *= by
	}
}

// BenchmarkLSTMStepState is one shape of BenchmarkLSTMStep, forward and backward, with several
// steps after each other in each of these states: no state should take more than 1.2 times
// the time of the normal one. x-normal is that ratio, of times measured in turn.
func BenchmarkLSTMStepState(b *testing.B) {
	const batch, h = 32, 256
	for _, st := range stepStates {
		b.Run(fmt.Sprintf("state=%s/B=%d/H=%d", st.name, batch, h), func(b *testing.B) {
			s, ref := newStep(cell.LSTM, batch, h), newStep(cell.LSTM, batch, h)
			st.set(s)
			round := func(s *step) {
				for range 4 { // each goes on from what the last one left
					s.start()
					s.forward()
					s.hx, s.hy, s.cx, s.cy = s.hy, s.hx, s.cy, s.cx
				}
				s.backward()
				s.dgates, s.dnext = s.dnext, s.dgates
				s.backward()
				s.dgates, s.dnext = s.dnext, s.dgates
			}
			reset := newStep(cell.LSTM, batch, h)
			st.set(reset)
			again := func(s, from *step) {
				copy(s.hx, from.hx)
				copy(s.cx, from.cx)
				copy(s.dnext, from.dnext)
			}
			normal := newStep(cell.LSTM, batch, h)
			forEachImpl(b, false, func(b *testing.B) {
				ref.pack()
				b.ReportAllocs()
				for b.Loop() {
					again(s, reset)
					round(s)
				}
				low := measure.Interleave(30, func() { again(s, reset); round(s) }, func() { again(ref, normal); round(ref) })
				b.ReportMetric(low[0]/low[1], "x-normal")
			}, func() []float32 { s.pack(); again(s, reset); round(s); return s.dnext })
		})
	}
}
