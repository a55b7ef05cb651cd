package table

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// scan is the first pass over a table.
type scan struct {
	t      *Table
	r      *reader
	isText func(column string) bool
	cols   []column
	rows   int

	decimal byte    // the decimal sign, 0 as long as no number has one
	proved  bool    // one of the numbers with it cannot have separators of thousands
	group   []byte  // the first of the numbers that could
	grouped int     // its line
	ramp    bool    // the first row counts, as names that pandas gives
	signs   [2]bool // whether the first and the second row hold a decimal sign
	pairs   bool    // pairs of columns could be numbers that have decimal commas
	padded  int     // the first line in which a second number of a pair begins with a zero
	bits    bool    // all of them are 0 or 1

	seq, last int    // the sequence of this row and of the row before
	lastID    []byte // of the row before
	step      int    // of this row in its sequence
	missing   int    // values that are not there
	lost      int    // the line of the first one

	mixed int // the first line at which the rows of a sequence go on after others
}

// column is what the first pass learns of a column.
type column struct {
	name        string
	role        role
	first       float64
	seen        bool // a value was there
	prev        float64
	varies      bool
	low, second float64 // the two lowest values
	fell        bool    // a value was not above the one before it in its sequence

	index         bool // it could count the rows
	byRow, byStep bool // so far it does, over the file, in each sequence
	broken        int  // the line where it does not

	class map[string]int // of texts: their numbers

	clock     []byte // the time of the row before
	backwards int    // the line where times go back
}

// label names a column in a message. A name is foreign text.
func label(j int, name string) string {
	if name == "" {
		return fmt.Sprintf("column %d", j+1)
	}
	for _, c := range name {
		if c < ' ' || c > '~' && c < 0xa1 || strings.ContainsRune("()\"\\", c) || c == '\ufffd' || c > 0x2fff {
			return fmt.Sprintf("column %d (%s)", j+1, quote([]byte(name)))
		}
	}
	if len(name) > 30 {
		return fmt.Sprintf("column %d (%s)", j+1, quote([]byte(name)))
	}
	return fmt.Sprintf("column %d (%s)", j+1, name)
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func (s *scan) errorf(j int, format string, args ...any) error {
	return fmt.Errorf("%s: line %d, %s: %s", s.t.Path, s.r.first, label(j, s.cols[j].name), fmt.Sprintf(format, args...))
}

// What a column costs, about: in all, and for as long as the first pass takes.
const (
	columnBytes = 250
	scanBytes   = 200
)

// begin decides from the first row what the columns are.
func (s *scan) begin(fields [][]byte) error {
	t, r := s.t, s.r
	if err := t.budget.Take(t.Path, int64(len(fields))*columnBytes); err != nil {
		return err
	}
	if r.names == nil {
		if r.names = r.commentNames(); r.names != nil {
			t.note("the names of the columns are those of the comment in line %d", r.lastLine)
			r.comments--
		}
	}
	t.Named = r.names != nil
	s.cols = make([]column, len(fields))
	for j, f := range fields {
		c := &s.cols[j]
		if t.Named {
			c.name = r.names[j]
			if strings.EqualFold(c.name, "sequence") {
				if t.id >= 0 {
					return s.errorf(j, "column %d has this name too", t.id+1)
				}
				t.id, c.role = j, isID
				continue
			}
			c.index = isIndexName(c.name) && len(fields) > 1
			c.byRow, c.byStep = true, true
		}
		switch _, ok := truth(f); {
		case ok:
			c.role = isTruth
		case isTime(f):
			c.role = isClock
		case t.Named && s.isText != nil && !looksNumber(f, true) && s.isText(c.name):
			c.role, c.class = isClass, map[string]int{}
		}
	}
	if t.dialect.sep == ',' {
		s.decimal, s.proved = '.', true
	}
	s.ramp = !t.Named
	s.pairs = !t.Named && t.dialect.sep == ',' && len(fields)%2 == 0
	s.bits = true
	return s.text(fields)
}

// isIndexName reports whether a column may be an index that was written along with the
// table: pandas gives it no name, and one that says so when it reads the table again.
func isIndexName(name string) bool {
	return name == "" || name == "#" || strings.EqualFold(name, "index") || strings.HasPrefix(name, "Unnamed: ")
}

// text reports a field of the first row that is a word rather than a damaged number.
func (s *scan) text(fields [][]byte) error {
	words, first := 0, -1
	for j, f := range fields {
		if s.cols[j].role != isNumber || looksNumber(f, true) {
			continue
		}
		if len(f) > 0 && !isValue(f, true) && !looksDamaged(f) {
			words++
		}
		if first < 0 {
			if first = j; words == 0 {
				return nil // it is reported as a number that is none
			}
		}
	}
	named := s.t.Named
	if words == 0 || !named && len(fields) == 1 {
		return nil
	}
	f := quote(fields[first])
	switch {
	case named && words == len(fields) && words > 1:
		return s.errorf(first, "%s: a second line of names or units: remove it, or begin it with #", f)
	case named:
		return s.errorf(first, "%s is text: remove the column, write numbers, call it sequence if it names the sequence of a row, or name it in -given if a model is to be given it", f)
	}
	return s.errorf(first, "%s is not a number, and the line is no header, since not all of its fields are names", f)
}

// row takes in a row.
func (s *scan) row(fields [][]byte) error {
	if err := s.sequence(fields); err != nil {
		return err
	}
	num := &s.t.numbers
	same := s.rows > 0 && s.seq == s.last
	for j, f := range fields {
		c := &s.cols[j]
		switch c.role {
		case isNumber:
			v, ok := num.parse(f)
			if !ok || !s.proved {
				var err error
				if v, err = s.odd(j, f, v, ok); err != nil {
					return err
				}
			}
			s.value(c, v, same)
		case isTruth:
			v, ok := truth(f)
			if !ok && isMissing(f) {
				v, ok = s.gone(), true
			}
			if !ok {
				return s.errorf(j, "%s among true and false", s.or(f))
			}
			s.value(c, v, same)
		case isClass:
			if len(f) == 0 {
				return s.errorf(j, "an empty field among texts")
			}
			if _, ok := c.class[string(f)]; !ok {
				if err := s.t.budget.Take(s.t.Path, int64(2*len(f)+sequenceBytes)); err != nil {
					return err
				}
				c.class[string(f)] = len(c.class)
			}
		case isClock:
			if !isTime(f) {
				return s.errorf(j, "%s among dates or times", s.or(f))
			}
			if same && c.backwards == 0 && goesBack(c.clock, f) {
				c.backwards = s.r.first
			}
			c.clock = append(c.clock[:0], f...)
		}
	}
	if s.rows < 2 {
		s.early(fields)
	}
	if s.pairs {
		s.pair(fields)
	}
	s.last = s.seq
	s.rows++
	return nil
}

func (s *scan) or(f []byte) string {
	if len(f) == 0 {
		return "an empty field"
	}
	return quote(f)
}

// gone takes in a value that is missing.
func (s *scan) gone() float64 {
	if s.missing++; s.missing == 1 {
		s.lost = s.r.first
	}
	return math.NaN()
}

// value takes in a value.
func (s *scan) value(c *column, v float64, same bool) {
	if v != v {
		if c.index {
			c.byRow, c.byStep, c.broken = false, false, s.r.first
		}
		return
	}
	if !c.seen {
		c.seen = true
		c.first, c.prev, c.low, c.second = v, v, v, math.Inf(1)
		if v != math.Trunc(v) {
			c.byRow, c.byStep = false, false
			c.broken = s.r.first
		}
		return
	}
	if v != c.first {
		c.varies = true
	}
	if v < c.low {
		c.low, c.second = v, c.low
	} else if v < c.second && v > c.low {
		c.second = v
	}
	if same && v <= c.prev {
		c.fell = true
	}
	c.prev = v
	if c.index && (c.byRow || c.byStep) {
		c.byRow = c.byRow && v == c.first+float64(s.rows)
		c.byStep = c.byStep && v == c.first+float64(s.step)
		if !c.byRow && !c.byStep {
			c.broken = s.r.first
		}
	}
}

// sequenceBytes is about what a sequence costs beside its name, in the list and in the map.
const sequenceBytes = 120

// sequence finds the sequence of a row.
func (s *scan) sequence(fields [][]byte) error {
	t := s.t
	if t.id < 0 {
		if s.rows == 0 {
			t.Sequences = []Sequence{{}}
		}
		s.step = t.Sequences[0].Rows
		t.Sequences[0].Rows++
		return nil
	}
	f := fields[t.id]
	if s.rows == 0 || !bytes.Equal(f, s.lastID) {
		if len(f) == 0 {
			return s.errorf(t.id, "empty: every row needs the name of its sequence")
		}
		s.lastID = append(s.lastID[:0], f...)
		i, ok := t.index[string(f)]
		if !ok {
			if err := t.budget.Take(t.Path, int64(2*len(f)+sequenceBytes)); err != nil {
				return err
			}
			if t.index == nil {
				t.index = map[string]int{}
			}
			i = len(t.Sequences)
			t.index[string(f)] = i
			t.Sequences = append(t.Sequences, Sequence{Name: readable(f)})
		} else if s.mixed == 0 {
			s.mixed = s.r.first
		}
		s.seq = i
	}
	s.step = t.Sequences[s.seq].Rows
	t.Sequences[s.seq].Rows++
	return nil
}

// odd takes in a number that is written in a way not seen so far, or with a decimal sign
// that could be a separator of thousands.
func (s *scan) odd(j int, f []byte, v float64, ok bool) (float64, error) {
	num := &s.t.numbers
	point, comma := bytes.IndexByte(f, '.') >= 0, bytes.IndexByte(f, ',') >= 0
	if !ok && !num.fortran && bytes.IndexAny(f, "dD") > 0 {
		num.fortran = true
		s.t.note("exponents are written with D, the first in line %d", s.r.first)
		v, ok = num.parse(f)
	}
	if !ok && s.decimal == 0 && comma {
		num.comma = true
		v, ok = num.parse(f)
	}
	if !ok && isMissing(f) {
		return s.gone(), nil
	}
	if !ok {
		if s.t.dialect.sep == ',' && looksNumber(f, true) {
			return 0, s.errorf(j, "%s has a comma within: where commas separate columns, decimal signs are points", quote(f))
		}
		return 0, s.errorf(j, "%s", why(f, s.decimal))
	}
	if !point && !comma || s.proved {
		return v, nil
	}
	if s.decimal == 0 {
		s.decimal = '.'
		if comma {
			s.decimal = ','
		}
	}
	switch {
	case !isGroup(f):
		s.proved = true
	case s.group == nil:
		s.group, s.grouped = bytes.Clone(f), s.r.first
	}
	return v, nil
}

// early looks for names in the first two rows of a table without a header.
func (s *scan) early(fields [][]byte) {
	for j, f := range fields {
		s.signs[s.rows] = s.signs[s.rows] || bytes.ContainsAny(f, ".,")
		if s.rows == 0 && (!allDigits(f) || s.cols[j].first != s.cols[0].first+float64(j) || s.cols[0].first > 1) {
			s.ramp = false
		}
	}
}

// pair sees whether the fields could be the halves of numbers with decimal commas.
func (s *scan) pair(fields [][]byte) {
	for j := 0; j < len(fields); j += 2 {
		decimals, exponent, _ := bytes.Cut(fields[j+1], []byte("e"))
		if !allDigits(unsigned(fields[j])) || !allDigits(decimals) || len(exponent) > 0 && !allDigits(unsigned(exponent)) {
			s.pairs = false
			return
		}
		if s.padded == 0 && len(decimals) > 1 && decimals[0] == '0' {
			s.padded = s.r.first
		}
		s.bits = s.bits && isBit(fields[j]) && isBit(decimals)
	}
}

func isBit(b []byte) bool { return len(b) == 1 && b[0]>>1 == '0'>>1 }

// goesBack reports whether a time is before the one before it. It is known only for those
// that begin with the year, and are of the same form.
func goesBack(before, now []byte) bool {
	if len(before) != len(now) || len(now) < 6 || !allDigits(now[:4]) || !allDigits(before[:4]) {
		return false
	}
	return bytes.Compare(now, before) < 0
}
