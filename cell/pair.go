package cell

import (
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// The pairs of a bidirectional [Stack]. Every layer runs forward in time; the other direction is
// its input and output reversed.

// pairForward runs a pair of layers forward; x is what both see.
func (s *StackSequence[T]) pairForward(level int, x []T, threads int) {
	forward, reverse := s.seqs[2*level], s.seqs[2*level+1]
	forward.runForward(x, threads)
	reverse.runForward(s.turnInput(level, x, threads), threads)
	y, out, hf, hr := s.both[level], s.stack.levelOut(level), s.pairOut(level, 0), s.pairOut(level, 1)
	s.moveAll(threads, mover[T]{dst: y, src: forward.H, ldd: out, lds: hf, cols: hf})
	s.moveAll(threads, mover[T]{dst: y, src: reverse.H, ldd: out, lds: hr, cols: hr,
		to: s.reverseAt(level), reverse: true, add: s.stack.Bidirectional == Sum})
}

// pairBackward runs a pair of layers backward; see layerBackward.
func (s *StackSequence[T]) pairBackward(level int, grad *Stack[T], g Grads[T], dx, dy, x []T, threads int) {
	st, rows := s.stack, s.shape.Rows()
	out, in := st.levelOut(level), st.levelIn(level)
	for d := range 2 {
		var dyd, dxd []T
		if dy != nil {
			h := s.pairOut(level, d)
			dyd = pages.Grow(s.turn[1], rows*h)
			s.turn[1] = dyd
			s.moveAll(threads, mover[T]{dst: dyd, src: dy, ldd: h, lds: out, cols: h, from: d * s.reverseAt(level), reverse: d == 1})
		}
		if d == 0 {
			s.layerBackward(2*level, grad, g, dx, dyd, x, threads)
			continue
		}
		if dx != nil {
			dxd = pages.Grow(s.turn[2], rows*in)
			s.turn[2] = dxd
		}
		s.layerBackward(2*level+1, grad, g, dxd, dyd, s.turnInput(level, x, threads), threads)
		if dx != nil {
			s.moveAll(threads, mover[T]{dst: dx, src: dxd, ldd: in, lds: in, cols: in, reverse: true, add: true})
		}
	}
}

// turnInput returns the input of a level as the reverse layer sees it.
func (s *StackSequence[T]) turnInput(level int, x []T, threads int) []T {
	n := s.stack.levelIn(level)
	s.turn[0] = pages.Grow(s.turn[0], s.shape.Rows()*n)
	s.moveAll(threads, mover[T]{dst: s.turn[0], src: x, ldd: n, lds: n, cols: n, reverse: true})
	return s.turn[0]
}

// pairOut returns the number of outputs of one direction of a pair.
func (s *StackSequence[T]) pairOut(level, direction int) int {
	return s.stack.Layers[2*level+direction].Out()
}

// reverseAt returns the first column of the outputs of a pair that the reverse layer writes.
func (s *StackSequence[T]) reverseAt(level int) int {
	if s.stack.Bidirectional == Sum {
		return 0
	}
	return s.pairOut(level, 0)
}

// moveAll moves rows of all sequences.
func (s *StackSequence[T]) moveAll(threads int, m mover[T]) {
	s.move = m
	par.Do(threads, s.shape.Batch(), s.movePart)
	s.move = mover[T]{}
}

func (s *StackSequence[T]) moveRows(b0, b1 int) { s.move.rows(s.shape, b0, b1) }
