package model

import (
	"math"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Adam is the optimiser of Kingma and Ba 2015, with the global clip before the update and
// the column clip after it.
type Adam struct {
	Rate, Beta1, Beta2, Epsilon float64
	// Beta1Decay makes β1 of update t β1 (1-Beta1Decay)^t, as in Chung et al. 2015.
	Beta1Decay float64
	// Clip scales the gradient down to this L2 norm over all tensors; 0 is off.
	Clip float64
	// ColumnClip bounds the L2 norm of the incoming weights of every unit, in the input
	// and dense matrices but not the recurrent ones; 0 is off.
	ColumnClip float64
	// Divisor divides the gradient before anything else; 0 is 1.
	Divisor float64

	Update uint32 // updates done
	M, V   [][]float32
}

// bind sizes the moments for the parameters ts.
func (a *Adam) bind(ts []cell.Tensor[float32]) {
	a.M, a.V = make([][]float32, len(ts)), make([][]float32, len(ts))
	for i, t := range ts {
		a.M[i], a.V[i] = make([]float32, len(t.Data)), make([]float32, len(t.Data))
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

// Step updates the parameters ts with the gradients gs, which it may scale, and returns
// the norm of the gradients before the clip. If that is not finite, nothing is written
// but the scaling.
func (a *Adam) Step(ts, gs []cell.Tensor[float32]) float64 {
	if a.M == nil {
		a.bind(ts)
	}
	scale := 1.0
	if a.Divisor != 0 {
		scale = 1 / a.Divisor
	}
	size := norm(gs)
	if math.IsNaN(size) || math.IsInf(size, 0) {
		return size
	}
	if s := float64(size * scale); a.Clip > 0 && s > a.Clip {
		scale *= a.Clip / s
	}
	a.Update++
	t := float64(a.Update)
	b1 := a.Beta1
	if a.Beta1Decay != 0 {
		b1 *= math.Pow(1-a.Beta1Decay, t-1)
	}
	c1, c2 := 1-math.Pow(b1, t), 1-math.Pow(a.Beta2, t)
	for i, p := range ts {
		g := gs[i].Data
		if scale != 1 {
			kernels.Scal(g, g, float32(scale))
		}
		kernels.Adam(p.Data, g, a.M[i], a.V[i], float32(a.Rate), float32(b1), float32(a.Beta2), float32(a.Epsilon), float32(c1), float32(c2))
		if a.ColumnClip > 0 && len(p.Shape) == 2 && !recurrent(p.Name) {
			clipRows(p.Data, p.Shape[1], a.ColumnClip)
		}
	}
	return size
}

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
