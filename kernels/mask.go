package kernels

// What is missing, see the package comment.

// A span is a part of a matrix in which nothing is missing: whole rows, or neighbours in one.
type span struct{ row, col, rows, cols int }

// A spans walks over the spans of a matrix [rows, cols] with a mask.
type spans[T Float] struct {
	span
	mask  []T
	width int // of a row
	at    int // where the next one is looked for
	sum   [1]T
}

func newSpans[T Float](mask []T, rows, cols int) spans[T] {
	return spans[T]{mask: mask[:rows*cols], width: cols}
}

// next goes on to the next span, if there is one.
func (s *spans[T]) next() bool {
	for s.at < len(s.mask) && s.mask[s.at] == 0 {
		s.at++
	}
	if s.at == len(s.mask) {
		return false
	}
	first, end := s.at, len(s.mask)
	s.row, s.col = first/s.width, first%s.width
	if s.col > 0 {
		end = (s.row + 1) * s.width
	}
	for s.at < end && s.mask[s.at] != 0 {
		s.at++
	}
	s.rows, s.cols = 1, s.at-first
	if s.cols >= s.width {
		s.rows, s.cols = s.cols/s.width, s.width
		s.at = first + s.rows*s.width
	}
	return true
}

// of returns a matrix whose rows are ld elements apart, and its entries each elements wide, from
// the span on; nil if x is nil. x may be empty: mixtures may have no components.
func (s *spans[T]) of(x []T, ld, each int) []T {
	return from(x, min(s.row*ld+s.col*each, len(x)))
}

// values returns the place of the values of the rows of the span, add adds what is there to those
// of v, which have been cleared. v may be nil.
func (s *spans[T]) values(v []T) []T {
	switch {
	case v == nil:
		return nil
	case s.cols == s.width:
		return v[s.row : s.row+s.rows]
	}
	return s.sum[:]
}

func (s *spans[T]) add(v []T) {
	if v != nil && s.cols < s.width {
		v[s.row] += s.sum[0]
	}
}

// complete returns in how many of the rows from row i on nothing is missing, up to the first one of
// which something is.
func complete[T Float](mask []T, i, rows, cols int) int {
	for at, v := range mask[i*cols : rows*cols] {
		if v == 0 {
			return at / cols
		}
	}
	return rows - i
}

// clearMissing sets the gradients of missing entries to 0: x, if not nil, has each elements for
// every entry, and rows that are ld elements apart.
func clearMissing[T Float](x, mask []T, rows, cols, ld, each int) {
	if x == nil || each == 0 {
		return
	}
	for i, v := range mask[:rows*cols] {
		if v == 0 {
			clear(x[i/cols*ld+i%cols*each:][:each])
		}
	}
}

// clearRow sets row i of a matrix to 0, if there is the matrix.
func clearRow[T Float](x []T, i, cols, ld int) { clear(rowAt(x, i, cols, ld)) }

// masked is gaussKL or, without kl, gaussLogProb of what is not missing. Here and in the other
// likelihoods it is not the function with the mask that is called for the spans: what a function
// that calls itself is given counts as escaping.
func (a *gaussArgs[T]) masked(kl bool) {
	clear(a.v[:min(a.rows, len(a.v))])
	for s := newSpans(a.mask, a.rows, a.n); s.next(); {
		part := gaussArgs[T]{form: a.form, rows: s.rows, n: s.cols, ldx: a.ldx, ld: a.ld,
			v: s.values(a.v), w: from(a.w, s.row), x: s.of(a.x, a.ldx, 1), dx: s.of(a.dx, a.ldx, 1),
			muQ: s.of(a.muQ, a.ld, 1), sQ: s.of(a.sQ, a.ld, 1), muP: s.of(a.muP, a.ld, 1), sP: s.of(a.sP, a.ld, 1),
			dmuQ: s.of(a.dmuQ, a.ld, 1), dsQ: s.of(a.dsQ, a.ld, 1), dmuP: s.of(a.dmuP, a.ld, 1), dsP: s.of(a.dsP, a.ld, 1)}
		if kl {
			gaussKLAll(&part)
		} else {
			gaussLogProbAll(&part)
		}
		s.add(a.v)
	}
	clearMissing(a.dx, a.mask, a.rows, a.n, a.ldx, 1)
	for _, d := range [][]T{a.dmuQ, a.dsQ, a.dmuP, a.dsP} {
		clearMissing(d, a.mask, a.rows, a.n, a.ld, 1)
	}
}
