package cell

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// Options are what a [Recurrent] layer may have beside what its kind has. The zero value is none.
type Options struct {
	// Peepholes has the gates of an LSTM see the state c, see [LSTM].
	Peepholes bool

	// CellClip, if not 0, bounds the state c of an LSTM: |c'| ≤ CellClip, before it passes into
	// h' and into the next step. As cell_clip of TensorFlow's LSTM, it passes no gradient where it
	// took effect. It does not go together with Peepholes.
	CellClip float64

	// Proj, if not 0, is the number of columns of h of an LSTM that projects its output:
	// h' = Whr (σ(o) tanh(c')), while c keeps Hidden. It is proj_size of torch.nn.LSTM. The steps
	// are then products of package blas and gates, one behind the other.
	//
	// Source: Sak, Senior and Beaufays 2014.
	Proj int

	// Heads, if larger than 1, makes Whh block-diagonal: the units of all gates and of the state are
	// split into so many heads of Hidden/Heads, and those of a head see the state of that head only.
	// Whh has Hidden/Heads columns and a step takes 1/Heads of the multiplications. It is for all
	// kinds, whose steps are then as with Proj, and does not go together with that.
	//
	// Source: Pöppel, Beck and Hochreiter 2024 (FlashRNN).
	Heads int

	// LayerNorm normalises the products of an LSTM or a GRU over the units of each, with gains
	// Gih and Ghh, before they are added up; that of an LSTM normalises c' too, on its way to h'
	// only. With LN(a) = (a - mean a) / sqrt(var a + 1e-5), ⊙ a product unit by unit:
	//
	//	LSTM    i f g o = Gih⊙LN(Wih x) + Ghh⊙LN(Whh h) + b      over all 4 Hidden units
	//	        c' as ever    h' = σ(o) tanh(Gc⊙LN(c') + Bc)
	//	GRU     r z = σ(Gih⊙LN(Wih x) + Ghh⊙LN(Whh h) + b)       over their 2 Hidden units
	//	        n = tanh(Gin⊙LN(Win x) + bn + r (Ghn⊙LN(Whn h) + bhn))    h' as ever
	//
	// B has the sum of the biases of both norms. The gains are 0 in a new layer, like everything;
	// 1 is usual. It does not go together with other options. What a step saves takes 4 to 5 times
	// the memory.
	//
	// Source: Ba, Kiros and Hinton 2016, equations 20 to 22, and the GRU of their appendix with z
	// for 1-z.
	LayerNorm bool
}

// check panics unless layers of a kind, whose form takes the options that it has, may have o.
func (o Options) check(fn string, kind Kind, takes Options) {
	lacks := func(option string) {
		panic(fmt.Sprintf("cell: %s: %s of kind %v, want none: the kind has no such option", fn, option, kind))
	}
	switch {
	case o.Peepholes && !takes.Peepholes:
		lacks("Peepholes")
	case o.CellClip != 0 && takes.CellClip == 0:
		lacks("CellClip")
	case o.Proj != 0 && takes.Proj == 0:
		lacks("Proj")
	case o.Heads != 0 && takes.Heads == 0:
		lacks("Heads")
	case o.LayerNorm && !takes.LayerNorm:
		lacks("LayerNorm")
	case o.LayerNorm && o != Options{LayerNorm: true}:
		panic("cell: " + fn + ": LayerNorm and another option, want one of them")
	case o.Heads > 1 && o.Proj > 0:
		panic("cell: " + fn + ": Heads and Proj, want one of them")
	case !(o.CellClip >= 0):
		panic(fmt.Sprintf("cell: %s: CellClip = %v, want at least 0", fn, o.CellClip))
	case o.CellClip > 0 && o.Peepholes:
		panic("cell: " + fn + ": CellClip and Peepholes, want one of them")
	}
	checkSize(fn, "Proj", o.Proj, MaxSize)
}

// A clip is the bound of the state c, if it is not 0, and its tanh.
type clip[T Float] struct{ c, tanh T }

func (k *clip[T]) set(c float64) {
	k.c = T(min(c, math.MaxFloat32)) // an infinite state is clipped too
	t := []T{k.c}
	kernels.Tanh(t, t)
	k.tanh = t[0]
}

// apply clips the states c after a step, and puts the outputs right that have seen them.
func (k *clip[T]) apply(m moment[T], h int) {
	for i := range m.n {
		c, y, o := m.cy[i*h:(i+1)*h], m.my[i*h:(i+1)*h], m.gates[i*m.ld+3*h:]
		for j, v := range c {
			switch {
			case v > k.c:
				c[j], y[j] = k.c, o[j]*k.tanh
			case v < -k.c:
				c[j], y[j] = -k.c, o[j]*-k.tanh
			}
		}
	}
}

// applyBackward stops the gradient of the states c that apply has clipped. That of o stands: the
// step has computed it from the state that o has seen.
func (k *clip[T]) applyBackward(m momentBack[T], h int) {
	for i := range m.n {
		c, dc, d := m.cy[i*h:(i+1)*h], m.dc[i*h:(i+1)*h], m.gates[i*m.ld:]
		for j, v := range c {
			if v == k.c || v == -k.c {
				d[j], d[h+j], d[2*h+j], dc[j] = 0, 0, 0, 0
			}
		}
	}
}
