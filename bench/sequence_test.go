package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// BenchmarkLSTMSequence is a batch of sequences of equal length through an LSTM layer: the
// input projection, all steps, and with pass=train the way back and all gradients. With spin=2
// two goroutines share every step; spin=1 is the same shape on one.
func BenchmarkLSTMSequence(b *testing.B) {
	for _, s := range shortened(sequenceShapes) {
		for _, train := range []bool{false, true} {
			pass := "forward"
			if train {
				pass = "train"
			}
			b.Run(fmt.Sprintf("pass=%s/B=%d/T=%d/I=%d/H=%d", pass, s[0], s[1], s[2], s[3]), func(b *testing.B) {
				newSequence(s[0], s[1], s[2], s[3]).bench(b, train)
			})
		}
	}
	for _, s := range shortened(spinShapes) {
		for _, spin := range []int{1, 2} {
			b.Run(fmt.Sprintf("pass=forward/B=%d/T=%d/I=%d/H=%d/spin=%d", s[0], s[1], s[2], s[3], spin), func(b *testing.B) {
				q := newSequence(s[0], s[1], s[2], s[3])
				q.threads, q.seq.Spin = spin, true
				q.bench(b, false)
			})
		}
	}
}

// A sequence has a layer and a batch. Where OpenBLAS is active it does all products, of the
// steps too, with our gate kernels behind them.
type sequence struct {
	batch, steps, in, h int
	threads             int // in cell
	layer, grad         *cell.Recurrent[float32]
	shape               *cell.Ragged
	seq                 *cell.Sequence[float32]
	x, dy, dx           []float32
	gates, hs, cs       []float32 // hs starts with the initial state
	dh, dc              []float32
}

func newSequence(batch, steps, in, h int) *sequence {
	small := func(r *rand.Rand) float32 { return normal(r) / 16 }
	rows := batch * steps
	s := &sequence{batch: batch, steps: steps, in: in, h: h, threads: 1, layer: cell.NewRecurrent[float32](cell.LSTM, in, h),
		shape: cell.NewRagged(), seq: cell.NewSequence[float32](), x: randoms(rows*in, normal), dy: randoms(rows*h, small),
		dx: pages.Make[float32](rows * in), gates: pages.Make[float32](rows * 4 * h), hs: pages.Make[float32]((rows + batch) * h), cs: pages.Make[float32](rows * h),
		dh: pages.Make[float32](batch * h), dc: pages.Make[float32](batch * h)}
	lengths := make([]int, batch)
	for i := range lengths {
		lengths[i] = steps
	}
	s.shape.Reset(lengths)
	for _, t := range s.layer.Tensors() {
		copy(t.Data, randoms(len(t.Data), small))
	}
	s.grad = s.layer.NewGrad()
	return s
}

func (s *sequence) forward() {
	if blas.Active().Name() == "go" {
		s.layer.Forward(s.seq, s.shape, s.x, nil, nil, s.threads)
		return
	}
	b, h, n := s.batch, s.h, s.batch*s.h
	kernels.SetRows(s.gates, s.layer.B, b*s.steps, 4*h, 4*h)
	blas.Gemm(blas.NoTrans, blas.Trans, b*s.steps, 4*h, s.in, 1, s.x, s.in, s.layer.Wih, s.in, 1, s.gates, 4*h)
	for t := range s.steps {
		g := s.gates[4*n*t:][:4*n]
		blas.Gemm(blas.NoTrans, blas.Trans, b, 4*h, h, 1, s.hs[n*t:], h, s.layer.Whh, h, 1, g, 4*h)
		kernels.LSTMStep(s.hs[n*(t+1):], s.cs[n*t:], g, s.before(t), nil, b, h, 4*h)
	}
}

// before is the cell state before step t; at the start it is 0.
func (s *sequence) before(t int) []float32 {
	if t == 0 {
		return nil
	}
	return s.cs[s.batch*s.h*(t-1):]
}

func (s *sequence) backward() {
	if blas.Active().Name() == "go" {
		s.layer.Backward(s.seq, s.grad, cell.Grads[float32]{DX: s.dx, DY: s.dy}, s.x, s.threads)
		return
	}
	b, h, n, rows := s.batch, s.h, s.batch*s.h, s.batch*s.steps
	clear(s.dc)
	for t := s.steps - 1; t >= 0; t-- {
		copy(s.dh, s.dy[n*t:])
		if t < s.steps-1 {
			blas.Gemm(blas.NoTrans, blas.NoTrans, b, h, 4*h, 1, s.gates[4*n*(t+1):], 4*h, s.layer.Whh, h, 1, s.dh, h)
		}
		g := s.gates[4*n*t:][:4*n]
		kernels.LSTMStepBackward(g, s.dc, s.dh, s.dc, g, s.before(t), s.cs[n*t:], nil, b, h, 4*h)
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, rows, s.in, 4*h, 1, s.gates, 4*h, s.layer.Wih, s.in, 0, s.dx, s.in)
	blas.Gemm(blas.Trans, blas.NoTrans, 4*h, s.in, rows, 1, s.gates, 4*h, s.x, s.in, 1, s.grad.Wih, s.in)
	blas.Gemm(blas.Trans, blas.NoTrans, 4*h, h, rows, 1, s.gates, 4*h, s.hs, h, 1, s.grad.Whh, h)
	kernels.AddColumnSums(s.grad.B, s.gates, rows, 4*h, 4*h)
}

// flops is the work of the products.
func (s *sequence) flops(train bool) float64 {
	f := 2 * float64(s.batch*s.steps) * float64(4*s.h) * float64(s.in+s.h)
	if train {
		f *= 3
	}
	return f
}

func (s *sequence) bench(b *testing.B, train bool) {
	forEachImpl(b, true, func(b *testing.B) {
		peak := gemmPeak()
		b.ReportAllocs()
		for b.Loop() {
			s.forward()
			if train {
				s.backward()
			}
		}
		peak.report(b, s.flops(train))
	}, func() []float32 {
		s.layer.PackForTraining()
		s.forward()
		if train {
			s.backward()
			return s.dx
		}
		if blas.Active().Name() == "go" {
			return s.seq.H
		}
		return s.hs[s.batch*s.h:]
	})
}
