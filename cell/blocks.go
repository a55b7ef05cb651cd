package cell

import (
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/kernels"
)

// The product with the recurrent weights. With heads Whh is block-diagonal: block i belongs to head
// i mod Heads of gate i / Heads and has the weights from that head's part of the state to the same
// part of the gate, d = Hidden/Heads rows and columns.
//
//	        head 0   head 1
//	gate 0  block 0  -             rows of Whh: block 0, block 1, block 2, ...
//	        -        block 1
//	gate 1  block 2  -
//	        -        block 3

// fused reports whether the steps are the fused ones of package kernels. Otherwise they are products
// by the blocks of Whh, of which there is one without heads, and gates behind them.
func (l *Recurrent[T]) fused() bool { return l.Proj == 0 && l.Heads <= 1 && !l.LayerNorm }

// columns returns how many columns Whh has.
func (l *Recurrent[T]) columns() int { return l.Out() / max(1, l.Heads) }

// resetBlocks has the products read Whh again.
func (l *Recurrent[T]) resetBlocks() {
	n := 0
	if !l.fused() {
		n = 1
		if l.Heads > 1 {
			n = l.Kind.Gates() * l.Heads
		}
	}
	if len(l.blocks) != n {
		l.blocks = make([]products[T], n)
	}
	for i := range l.blocks {
		l.blocks[i].reset()
	}
}

// block returns where the block with a row of Whh ends, or most if that is less, and the first
// column of the state that it sees.
func (l *Recurrent[T]) block(row, most int) (end, column int) {
	if l.Heads <= 1 {
		return most, 0
	}
	d := l.Hidden / l.Heads
	return min(most, row-row%d+d), row / d % l.Heads * d
}

// column returns the column of the saved gates that has the product with a row of Whh, and later
// its gradient.
func (l *Recurrent[T]) column(row int) int {
	if l.LayerNorm {
		f := l.cell.form()
		return (f.saved+f.gates)*l.Hidden + row
	}
	return l.sumColumn(row)
}

// inputColumn is column for Wih.
func (l *Recurrent[T]) inputColumn() int {
	if l.LayerNorm {
		return l.cell.form().saved * l.Hidden
	}
	return 0
}

// sumColumn returns the column where the product with a row of Whh is added up: where there is a bias
// inside the reset, that of n lies behind the gates.
func (l *Recurrent[T]) sumColumn(row int) int {
	if l.cell.form().bhn && row >= 2*l.Hidden {
		return row + l.Hidden
	}
	return row
}

// projectState adds the product of n states h with Whh to the gates that see them.
func (l *Recurrent[T]) projectState(gates, h []T, n, ld int) {
	l.projectRows(gates, h, n, 0, l.cell.form().sees()*l.Hidden, ld, l.Out())
}

// projectRows adds the product of n rows of h, ldh apart, with the rows lo..hi of Whh, all of some gates.
func (l *Recurrent[T]) projectRows(gates, h []T, n, lo, hi, ld, ldh int) {
	k := l.columns()
	for i, row := l.firstBlock(lo), lo; row < hi; i++ {
		end, at := l.block(row, hi)
		l.blocks[i].project(gates[l.column(row):], h[at:], l.Whh[row*k:], nil, n, 0, end-row, end-row, k, 0, k, ld, ldh)
		row = end
	}
}

// firstBlock returns the number of the block with the first row of a gate, row.
func (l *Recurrent[T]) firstBlock(row int) int {
	if row == 0 {
		return 0
	}
	return row / (l.Hidden / max(1, l.Heads))
}

// stateGrad adds to dh what flows back through Whh from the n rows of gradients after.
func (l *Recurrent[T]) stateGrad(dh, after []T, n int) {
	if l.fused() {
		kernels.RecurrentGrad(dh, after, &l.whh, n, l.stride())
		return
	}
	if n == 0 {
		return
	}
	l.rowsGrad(dh, after, n, 0, l.cell.form().sees()*l.Hidden, true)
}

// rowsGrad computes what flows back through the rows lo..hi of Whh, all of some gates, from n rows of
// gradients after, or adds it to dh. Without add they are those of one gate.
func (l *Recurrent[T]) rowsGrad(dh, after []T, n, lo, hi int, add bool) {
	k := l.columns()
	for i, row := l.firstBlock(lo), lo; row < hi; i++ {
		end, at := l.block(row, hi)
		l.blocks[i].inputGrad(dh[at:], after[l.column(row):], l.Whh[row*k:], n, end-row, k, 0, k, l.Out(), l.stride(), add)
		row = end
	}
}

// productGrad adds the gradient of the rows lo..hi of Wih, of its first columns, which have seen x, and of
// Whh, which has seen rows h, ldh apart: rows all of one gate or of gates that lie beside each other in what is
// saved. Where the two products were added up, they have the same gradient, which is then read for both at once.
func (l *Recurrent[T]) productGrad(grad *Recurrent[T], s *Sequence[T], x, h []T, ldh, columns, lo, hi int) {
	k, w, rows, input, at := l.columns(), l.stride(), s.shape.Rows(), l.inputColumn(), l.column(lo)-lo
	if l.Heads <= 1 && at == input {
		sides := [...]blas.Side[T]{{N: columns, B: x, Ldb: columns, C: grad.Wih[lo*l.In:], Ldc: l.In}, {N: k, B: h, Ldb: ldh, C: grad.Whh[lo*k:], Ldc: k}}
		blas.GemmTN(hi-lo, []int{rows}, s.gates[at+lo:], w, 1, sides[:])
		return
	}
	tMul(grad.Wih[lo*l.In:], s.gates[input+lo:], x, hi-lo, columns, rows, l.In, w, columns)
	for row := lo; row < hi; {
		end, column := l.block(row, hi)
		tMul(grad.Whh[row*k:], s.gates[at+row:], h[column:], end-row, k, rows, k, w, ldh)
		row = end
	}
}
