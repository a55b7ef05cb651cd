package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// OpenUncut is [OpenAs] for what follows a signal from its beginning to its end: every sequence is
// as long as it came, neither split into parts nor cut into windows. Without a path the data are those
// of the training that ship inside the program.
func OpenUncut(path, given string, m model.Info, strict bool, b *infile.Budget) (*Data, error) {
	var s *set
	k := &rolls
	var err error
	if path == "" {
		if err := checkBuiltin(m.Form); err != nil {
			return nil, err
		}
		s, path = tunesSet(m.Form.Builtin == builtinOwnKeys)
		if err := (&reader{Options: tunesOptions(m.Form)}).condition(s, path); err != nil {
			return nil, err
		}
	} else if s, k, err = openSet(path, given, m, strict, b); err != nil {
		return nil, err
	}
	cut, spans, err := s.known(k, path, m)
	if err != nil {
		return nil, err
	}
	uncut, form := *k, m.Form
	uncut.arrange, form.Window, form.Hop = nil, 0, 0
	d, err := s.data(&uncut, path, form, s.all())
	if err != nil {
		return nil, err
	}
	d.Whole, d.Hash, d.Form, d.times = true, cut.Hash, m.Form, s.times
	if spans != nil {
		for p, list := range spans {
			for _, at := range list {
				d.spans = append(d.spans, partSpan{at, partNames[p][0]})
			}
		}
		slices.SortStableFunc(d.spans, func(a, b partSpan) int { return cmp.Or(a.piece-b.piece, a.from-b.from) })
	}
	return d, nil
}

func checkBuiltin(f model.Form) error {
	if f.Builtin != builtinTunes && f.Builtin != builtinOwnKeys {
		return fmt.Errorf("no tunes %.40q ship inside this program", f.Builtin)
	}
	return nil
}

// partSpan is a span of a piece that belongs to a part.
type partSpan struct {
	span
	part string
}

// Piece is a sequence of data and the parts that its steps belong to.
type Piece struct {
	model.Sequence
	spans []partSpan
}

// wholePart is the part of data without parts.
const wholePart = "data"

// Pieces returns all sequences, in order, with their parts.
func (d *Data) Pieces() (list []Piece) {
	if d.spans == nil {
		for _, p := range d.Parts() {
			for _, s := range p.Seqs {
				list = append(list, Piece{s, []partSpan{{span{0, 0, s.Steps(d.Dim)}, p.Name}}})
			}
		}
		return list
	}
	spans := d.spans
	for i, s := range d.Test {
		n := 0
		for n < len(spans) && spans[n].piece == i {
			n++
		}
		list = append(list, Piece{s, spans[:n]})
		spans = spans[n:]
	}
	return list
}

// Times are the dates and times of the steps of every sequence of [Data.Pieces], as they stand in the columns
// of a table that are no data.
type Times [][]string

// At returns that of a step, empty in a sequence without.
func (t Times) At(piece, step int) string {
	if t == nil || t[piece] == nil {
		return ""
	}
	return t[piece][step]
}

// Times reads the dates and times of the steps, or returns nil if there are none.
func (d *Data) Times() (Times, error) {
	if d.times == nil {
		return nil, nil
	}
	return d.times()
}

// Part returns the name of the part that a step belongs to: train, valid, test or, of data without
// parts, data. Of what a training has left out it is empty.
func (p Piece) Part(step int) string {
	for _, s := range p.spans {
		if step >= s.from && step < s.to {
			return s.part
		}
	}
	return ""
}

// Parts returns the names of the parts of all steps, in the order of the steps, with + between them.
func (p Piece) Parts() string {
	var names []string
	for _, s := range p.spans {
		names = append(names, s.part)
	}
	return strings.Join(names, "+")
}
