package cell

import (
	"unsafe"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/tile"
)

// The steps of a forward pass, a few at a time:
//
//	for each few steps
//	    project their input          one product for all of their rows
//	    for each of them             the step, which finds its gates in the second cache
//
// The product of all steps of a long sequence would put its gates into memory, from where the steps
// would get them back. That of a single row would read all of Wih for it, and push Whh out of the
// cache. Where no backward pass is to come, all steps use the memory of the first few.

// aheadBytes is how much of the second cache the gates of a few steps may take. The rest is for the
// weights. Tests change it.
var aheadBytes = tile.L2() / 4

// aheadRows is the least number of rows whose product reads the weights no slower than it computes.
const aheadRows = 16

// ahead returns how many rows are projected at once, unless a step has more.
func (l *Recurrent[T]) ahead() int {
	return max(aheadRows, aheadBytes/max(1, l.stride()*int(unsafe.Sizeof(T(0)))))
}

// until returns the step up to which those from t on are projected at once.
func (s *Sequence[T]) until(t int) int {
	most := s.layer.ahead()
	_, rows := s.shape.Step(t)
	for t++; t < s.shape.Steps(); t++ {
		_, n := s.shape.Step(t)
		if rows += n; rows > most {
			break
		}
	}
	return t
}

// tape makes room for the gates of all steps, or, if nothing goes backward, for those of a few.
func (s *Sequence[T]) tape(keep bool) {
	rows := s.shape.Rows()
	if s.kept = keep; !keep {
		rows = min(rows, max(s.shape.Batch(), s.layer.ahead()))
	}
	s.gates = pages.Grow(s.gates, rows*s.layer.stride())
}

// firstRow returns the row whose gates are the first of s.gates while the steps from t on are run.
func (s *Sequence[T]) firstRow(t int) int {
	if s.kept {
		return 0
	}
	off, _ := s.shape.Step(t)
	return off
}

// forwardRows runs the sequences b0..b1 forward.
func (s *Sequence[T]) forwardRows(b0, b1 int) {
	l := s.layer
	for t0, t1 := 0, 0; t0 < s.shape.Steps(); t0 = t1 {
		t1 = s.until(t0)
		first := s.firstRow(t0)
		if b0 == 0 && b1 == s.shape.Batch() {
			lo, _ := s.shape.Step(t0)
			hi, _ := s.shape.Step(t1)
			s.project(lo, hi, first, 0, s.outputs())
		} else {
			for t := t0; t < t1; t++ {
				off, n := s.shape.Step(t)
				if n = min(n, b1); n > b0 {
					s.project(off+b0, off+n, first, 0, s.outputs())
				}
			}
		}
		for t := t0; t < t1; t++ {
			l.step(s, t, b0, b1, first)
		}
	}
}

// project projects the input of the rows lo..hi to the outputs j0..j1; s.gates start with row first.
func (s *Sequence[T]) project(lo, hi, first, j0, j1 int) {
	l := s.layer
	l.project(s.gates[(lo-first)*l.stride():], s.x[lo*l.In:], hi-lo, 0, l.In, j0, j1)
}

// outputs returns how many rows Wih has.
func (s *Sequence[T]) outputs() int { return s.layer.cell.form().gates * s.hidden }
