package music

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// Piece is a roll with a name. It holds notes, not steps, so that it takes memory in
// proportion to what a file says, however long its notes are: rows are made when a batch
// needs them. Several goroutines may read from one piece.
type Piece struct {
	Name string

	steps  int
	spans  []span      // by note, then by begin; those of one note neither overlap nor touch
	byNote []noteSpans // the notes that occur, ascending
}

// span is the time from step first to the step before end.
type span struct{ first, end int32 }

// noteSpans is a note of the piece and where its spans begin.
type noteSpans struct {
	note  uint8
	begin int32
}

// timed is a note that sounds from step first to the step before end.
type timed struct {
	first, end int32
	note       uint8
}

// pieceBytes and spanBytes are what a piece takes in memory, about, and each of its spans.
const (
	pieceBytes = 256
	spanBytes  = 8
)

// newPiece makes a piece of notes that may overlap, in any order. It sorts them.
func newPiece(name string, steps int, notes []timed) Piece {
	slices.SortFunc(notes, func(a, b timed) int {
		return cmp.Or(cmp.Compare(a.note, b.note), cmp.Compare(a.first, b.first))
	})
	p := Piece{Name: name, steps: steps}
	for _, n := range notes {
		n.end = min(n.end, int32(steps))
		if n.first >= n.end {
			continue
		}
		if len(p.byNote) == 0 || p.byNote[len(p.byNote)-1].note != n.note {
			p.byNote = append(p.byNote, noteSpans{n.note, int32(len(p.spans))})
		} else if last := &p.spans[len(p.spans)-1]; n.first <= last.end {
			last.end = max(last.end, n.end)
			continue
		}
		p.spans = append(p.spans, span{n.first, n.end})
	}
	p.spans, p.byNote = slices.Clip(p.spans), slices.Clip(p.byNote)
	return p
}

// builder makes a piece step by step.
type builder struct {
	steps int
	notes []timed
	open  [Highest + 1]int // 1 + the index of the last note of each number
}

// step adds a step at which the given notes sound.
func (b *builder) step(notes []uint8) {
	at := int32(b.steps)
	for _, n := range notes {
		if k := b.open[n]; k > 0 && b.notes[k-1].end >= at {
			b.notes[k-1].end = at + 1
			continue
		}
		b.notes = append(b.notes, timed{at, at + 1, n})
		b.open[n] = len(b.notes)
	}
	b.steps++
}

func (b *builder) piece(name string) Piece { return newPiece(name, b.steps, b.notes) }

// NewPiece makes a piece of a roll, which must pass Check.
func NewPiece(name string, r Roll) Piece {
	var b builder
	for _, step := range r {
		b.step(step)
	}
	return b.piece(name)
}

// Steps returns the number of steps.
func (p *Piece) Steps() int { return p.steps }

// notes returns the number of its notes; one that is struck again while it sounds, or right
// after it, counts as one.
func (p *Piece) notes() int { return len(p.spans) }

// of returns the spans of byNote[k].
func (p *Piece) of(k int) []span {
	if k+1 < len(p.byNote) {
		return p.spans[p.byNote[k].begin:p.byNote[k+1].begin]
	}
	return p.spans[p.byNote[k].begin:]
}

// Read overwrites dst with the rows of the steps from, from+1, ..., as many as it holds:
// dst[i*Dims+d] is 1 where note Lowest+d sounds at step from+i, otherwise 0. It panics if
// dst does not hold whole rows or the piece has no such steps.
func (p *Piece) Read(dst []float32, from int) {
	n := len(dst) / Dims
	if len(dst)%Dims != 0 {
		panic(fmt.Sprintf("music: Piece.Read: len(dst) = %d, want a multiple of %d", len(dst), Dims))
	}
	if from < 0 || n > p.steps-from {
		panic(fmt.Sprintf("music: Piece.Read: steps %d..%d, want them within 0..%d", from, from+n, p.steps))
	}
	if n == 0 {
		return
	}
	clear(dst)
	for k := range p.byNote {
		column := dst[p.byNote[k].note-Lowest:]
		spans := p.of(k)
		i, _ := slices.BinarySearchFunc(spans, from, func(s span, at int) int { return cmp.Compare(int(s.end), at+1) })
		for ; i < len(spans) && int(spans[i].first) < from+n; i++ {
			for at := max(int(spans[i].first), from); at < min(int(spans[i].end), from+n); at++ {
				column[(at-from)*Dims] = 1
			}
		}
	}
}

// each yields the steps in order with the notes that sound at them, ascending. The slice is
// used again for the next step.
func (p *Piece) each() iter.Seq2[int, []uint8] {
	return func(yield func(int, []uint8) bool) {
		at := make([]int, len(p.byNote)) // the first span of each note that is not over
		notes := make([]uint8, 0, len(p.byNote))
		for i := range p.steps {
			notes = notes[:0]
			for k := range p.byNote {
				spans := p.of(k)
				for at[k] < len(spans) && int(spans[at[k]].end) <= i {
					at[k]++
				}
				if at[k] < len(spans) && int(spans[at[k]].first) <= i {
					notes = append(notes, p.byNote[k].note)
				}
			}
			if !yield(i, notes) {
				return
			}
		}
	}
}

// Roll returns the whole piece as a roll.
func (p *Piece) Roll() Roll {
	r := make(Roll, p.steps)
	for i, notes := range p.each() {
		r[i] = append([]uint8{}, notes...)
	}
	return r
}
