package cases

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
)

// Kinds are the recurrent layers that have peers, and what the work with them is called there.
var Kinds = []cell.Kind{cell.LSTM, cell.GRU, cell.GRUBefore}

// Sequences are batches through a layer: as inference and as training, whose parts are the pass
// forward and the pass backward with all gradients.
func Sequences(kinds []cell.Kind, shapes []bench.Sequence) (list []Maker) {
	for _, kind := range kinds {
		for _, s := range shapes {
			keys := fmt.Sprintf("kind=%v/B=%d/T=%d/I=%d/H=%d", kind, s.B, s.T, s.I, s.H)
			list = append(list,
				maker("Sequence", keys+"/pass=inference", func() *Case { return inference(kind, s, false) }),
				maker("Sequence", keys+"/pass=training", func() *Case { return training(kind, s) }))
		}
	}
	return list
}

// A layer has the parameters of a recurrent layer as arrays, and its sequences.
type layer struct {
	*cell.Recurrent[float32]
	params []Array // wih, whh, b and, of a GRU, bhn
	seq    *cell.Sequence[float32]
	shape  *cell.Ragged
}

func newLayer(r source, kind cell.Kind, batch, steps, in, hidden int) *layer {
	l := &layer{Recurrent: cell.NewRecurrent[float32](kind, in, hidden), seq: cell.NewSequence[float32](), shape: equal(batch, steps)}
	for _, t := range l.Tensors() {
		copy(t.Data, r.normal(len(t.Data), 1/math.Sqrt(float64(hidden))))
		l.params = append(l.params, Array{t.Data, In})
	}
	return l
}

// equal is a batch of sequences of one length.
func equal(batch, steps int) *cell.Ragged {
	lengths := make([]int, batch)
	for i := range lengths {
		lengths[i] = steps
	}
	return cell.NewRagged(lengths...)
}

// flops is the work of the products of a pass forward.
func (l *layer) flops(rows int) float64 {
	return 2 * float64(rows) * float64(len(l.Wih)+len(l.Whh))
}

// inference is a pass with weights of float32, or of int8 and, to compare with, of others.
func inference(kind cell.Kind, s bench.Sequence, int8 bool) *Case {
	r := numbers()
	rows := s.B * s.T
	l, x := newLayer(r, kind, s.B, s.T, s.I, s.H), in(r.normal(rows*s.I, 1))
	y := out(rows * s.H)
	c := &Case{Peer: kind.String() + ".inference", Dims: []int{s.B, s.T, s.I, s.H}, Elems: rows, Flops: l.flops(rows),
		Arrays: append([]Array{y, x}, l.params...), Pack: l.Pack, Settle: func() { copy(y.Data, l.seq.H) },
		Run: func() { l.Forward(l.seq, l.shape, x.Data, nil, nil, Threads) }}
	if int8 {
		c.Peer = kind.String() + ".int8"
		c.Pack, c.Other = l.PackInt8, []Part{{"float32", l.Pack}, {"bf16", l.PackBF16}}
	}
	return c
}

func training(kind cell.Kind, s bench.Sequence) *Case {
	r := numbers()
	rows := s.B * s.T
	l, x, dy := newLayer(r, kind, s.B, s.T, s.I, s.H), in(r.normal(rows*s.I, 1)), in(r.normal(rows*s.H, 0.01))
	y, dx, g := out(rows*s.H), out(rows*s.I), l.NewGrad()
	c := &Case{Peer: kind.String() + ".training", Dims: []int{s.B, s.T, s.I, s.H}, Elems: rows, Flops: 3 * l.flops(rows), Pack: l.PackForTraining,
		Settle: func() { copy(y.Data, l.seq.H) }}
	c.Arrays = []Array{y, dx}
	for _, t := range g.Tensors() {
		c.Arrays = append(c.Arrays, Array{t.Data, Out})
	}
	c.Arrays = append(append(c.Arrays, x, dy), l.params...)
	c.in("forward", func() { l.Forward(l.seq, l.shape, x.Data, nil, nil, Threads) })
	c.in("backward", func() {
		cell.Zero(g.Tensors())
		l.Backward(l.seq, g, cell.Grads[float32]{DX: dx.Data, DY: dy.Data}, x.Data, Threads)
	})
	return c
}

// Steps are single steps of a layer with as many inputs as units, for streams side by side.
func Steps(kinds []cell.Kind, shapes [][2]int) (list []Maker) {
	for _, kind := range kinds {
		for _, s := range shapes {
			list = append(list, maker("Stream", fmt.Sprintf("kind=%v/B=%d/H=%d", kind, s[0], s[1]), func() *Case {
				b, h, r := s[0], s[1], numbers()
				l, x, y := newLayer(r, kind, b, 1, h, h), in(r.normal(b*h, 1)), out(b*h)
				stream := l.NewStream(b)
				return &Case{Peer: kind.String() + ".step", Dims: []int{b, h}, Elems: b, Flops: l.flops(b), Arrays: append([]Array{y, x}, l.params...),
					Pack: l.Pack, Other: []Part{{"bf16", l.PackBF16}}, Settle: func() { stream.Reset(); copy(y.Data, stream.Push(x.Data)) }, Run: func() { stream.Push(x.Data) }}
			}))
		}
	}
	return list
}

// Products are products with B packed by the call and, unless A is transposed, beforehand.
func Products(shapes []bench.Product) (list []Maker) {
	for _, s := range shapes {
		for _, packed := range []bool{false, true} {
			name := "Gemm"
			if packed {
				name = "GemmPacked"
			}
			if packed && s.TransA() {
				continue
			}
			keys := fmt.Sprintf("M=%d/N=%d/K=%d/tA=%c/tB=%c", s.M, s.N, s.K, s.Op[0], s.Op[1])
			list = append(list, maker(name, keys, func() *Case { return product(s, packed) }))
		}
	}
	return list
}

func product(s bench.Product, packed bool) *Case {
	r := numbers()
	tA, tB, lda, ldb := blas.NoTrans, blas.NoTrans, s.K, s.N
	if s.TransA() {
		tA, lda = blas.Trans, s.M
	}
	if s.TransB() {
		tB, ldb = blas.Trans, s.K
	}
	a, b, c := in(r.normal(s.M*s.K, 1)), in(r.normal(s.K*s.N, 1)), out(s.M*s.N)
	k := &Case{Peer: "product", Dims: []int{s.M, s.N, s.K, one(s.TransA()), one(s.TransB())}, Elems: s.M * s.N, Flops: 2 * float64(s.M) * float64(s.N) * float64(s.K),
		Arrays: []Array{c, a, b}}
	k.Run = func() { blas.GemmThreads(Threads, tA, tB, s.M, s.N, s.K, 1, a.Data, lda, b.Data, ldb, 0, c.Data, s.N) }
	if packed {
		var p blas.Packed[float32]
		k.Peer = "product.packed"
		k.Pack = func() { p.Pack(tB, s.K, s.N, b.Data, ldb) }
		k.Run = func() { blas.GemmPacked(s.M, 0, s.K, 0, s.N, a.Data, lda, &p, 0, c.Data, s.N) }
	}
	return k
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Quantized are sequences through layers with weights of int8.
func Quantized(kinds []cell.Kind, shapes []bench.Sequence) (list []Maker) {
	for _, kind := range kinds {
		for _, s := range shapes {
			list = append(list, maker("Quantized", fmt.Sprintf("kind=%v/B=%d/T=%d/I=%d/H=%d", kind, s.B, s.T, s.I, s.H), func() *Case {
				return inference(kind, s, true)
			}))
		}
	}
	return list
}

// Spun are sequences whose steps one and two goroutines share.
func Spun(shapes []bench.Sequence) (list []Maker) {
	for _, s := range shapes {
		for threads := 1; threads <= 2; threads++ {
			keys := fmt.Sprintf("kind=lstm/B=%d/T=%d/I=%d/H=%d/procs=%d", s.B, s.T, s.I, s.H, threads)
			list = append(list, maker("Spun", keys, func() *Case {
				r := numbers()
				l, x, y := newLayer(r, cell.LSTM, s.B, s.T, s.I, s.H), in(r.normal(s.B*s.T*s.I, 1)), out(s.B*s.T*s.H)
				return &Case{Elems: s.B * s.T, Flops: l.flops(s.B * s.T), Arrays: []Array{y, x}, Pack: l.Pack, Settle: func() { copy(y.Data, l.seq.H) },
					Run: func() { l.Forward(l.seq, l.shape, x.Data, nil, nil, threads) }}
			}))
		}
	}
	return list
}
