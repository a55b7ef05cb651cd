// Package table reads tables of numbers that are written as text, a step a row.
//
// What programs write is recognised: separated by commas, semicolons, tabs, bars or blanks,
// with a header or without one, decimal points or commas, quoted fields, comments, any line
// ends, UTF-8 and UTF-16, packed with gzip. What is recognised but cannot be a value is left
// out with a note: an index, dates and times. A value that is missing, an empty field or a mark
// such as NaN, NA or null, is NaN. Everything else that is no number is an error with the line and
// the column; no field is passed over.
//
// A table is read in passes, since it can be larger than what should be in memory:
//
//	file --Budget--> bytes --lines--> lines --splitter--> fields --numbers--> values
//	                                    |
//	                                 dialect, from the first lines
//
// Scan is the first pass, which checks all of it, and Each is one of those that follow. Lines
// and fields are cut by hand: encoding/csv must be told the separator, passes over blank lines,
// wants LF, knows no runs of blanks, and takes longer, with numbers of four digits twice as long.
package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/elbow-go/elbow/internal/infile"
)

// Table is what is known of a table.
type Table struct {
	Path      string
	Columns   []string   // names of the columns of values, in order; "" where the table gives none
	Named     bool       // the table has a header
	Classes   [][]string // of every column: the texts in it, in order, which its values count; nil of numbers
	Sequences []Sequence // in the order of their first rows
	Notes     []string   // what a user should know: what is not plain, and what was left out and why

	budget  *infile.Budget
	dialect dialect
	numbers numbers
	roles   []role           // of the fields of a row
	classes []map[string]int // likewise, of texts
	id      int              // the field that names the sequence, or -1
	index   map[string]int   // of sequences by the field
}

// Sequence is a run of rows, in the order of the file. Name is what the column of names
// holds, or "" if the whole table is one sequence.
type Sequence struct {
	Name string
	Rows int
}

// role is what the fields of a column are to a reader.
type role uint8

const (
	isNumber role = iota
	isTruth       // true and false, read as 1 and 0
	isClock       // a date or a time, left out of the values
	isIndex       // counts the rows, left out
	isID          // names the sequence
	isClass       // text, whose values are numbers of classes
)

// Is reports whether a file with this name and these first bytes of content could be a
// table: by the name, .csv, .tsv, .tab or .dat, packed or not, or by content, lines of
// numbers that have one separator and the same number of fields.
func Is(head []byte, name string) bool {
	switch ext(name) {
	case ".csv", ".tsv", ".tab", ".dat":
		return true
	}
	encoding, mark, err := look(head)
	if err != nil || len(head) == 0 {
		return false
	}
	text, _ := sample(newLines("", decode("", bytes.NewReader(head[mark:]), encoding)))
	for range 2 {
		if len(text) == 0 {
			break
		}
		if c := detect(text, name); c.sure && c.rows > 1 {
			return true
		}
		text = text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1] // the last line may be cut
	}
	return false
}

// Each reads the table once more and calls f for every row: the sequence it belongs to, its
// step in it, and its values, which are valid until f returns; one that is missing is NaN. It ends with the first error
// of f, and with one if the table is no longer what Scan has seen.
func (t *Table) Each(f func(seq, step int, values []float64) error) error {
	return t.each(func(seq, step int, _ []byte, values []float64) error { return f(seq, step, values) })
}

// Timed reports whether there are columns of dates or times.
func (t *Table) Timed() bool { return slices.Contains(t.roles, isClock) }

// Times is Each with the dates and times of a row in place of its values, as they are written, with a
// blank between those of two columns.
func (t *Table) Times(f func(seq, step int, text string) error) error {
	return t.each(func(seq, step int, clock []byte, _ []float64) error { return f(seq, step, readable(clock)) })
}

// each is Each and Times.
func (t *Table) each(f func(seq, step int, clock []byte, values []float64) error) error {
	r, err := t.open()
	if err != nil {
		return err
	}
	defer r.file.Close()
	num := t.numbers // with a scratch of its own
	num.scratch = nil
	values := make([]float64, 0, len(t.Columns))
	steps := make([]int, len(t.Sequences))
	seq := 0
	var last []byte // the field that named it
	var clock []byte
	for {
		fields, err := r.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		values, clock = values[:0], clock[:0]
		for j, b := range fields {
			ok := true
			var v float64
			switch t.roles[j] {
			case isNumber:
				v, ok = num.parse(b)
				values = append(values, v)
			case isTruth:
				v, ok = truth(b)
				values = append(values, v)
			case isClass:
				var k int
				k, ok = t.classes[j][string(b)]
				values = append(values, float64(k))
			case isClock:
				if len(clock) > 0 {
					clock = append(clock, ' ')
				}
				clock = append(clock, b...)
			case isID:
				if !bytes.Equal(b, last) {
					last = append(last[:0], b...)
					seq, ok = t.index[string(b)]
				}
			}
			if !ok && (t.roles[j] == isNumber || t.roles[j] == isTruth) && isMissing(b) {
				values[len(values)-1], ok = math.NaN(), true
			}
			if !ok {
				return t.changed(r.first)
			}
		}
		if steps[seq] == t.Sequences[seq].Rows {
			return t.changed(r.first)
		}
		if err := f(seq, steps[seq], clock, values); err != nil {
			return err
		}
		steps[seq]++
	}
	for i, n := range steps {
		if n != t.Sequences[i].Rows {
			return t.changed(r.line)
		}
	}
	return nil
}

func (t *Table) changed(line int) error {
	return fmt.Errorf("%s: line %d: the file has changed while it was read", t.Path, line)
}

// Scan looks at the whole table once: its dialect, its columns and its sequences. Every
// field is checked. Errors name the file, the line and the column. isText reports whether the
// column of a name may hold text, whose values are then classes; nil stands for none.
func Scan(path string, b *infile.Budget, isText func(column string) bool) (*Table, error) {
	t := &Table{Path: path, budget: b, id: -1}
	r, err := t.start()
	if err != nil {
		return nil, err
	}
	defer r.file.Close()
	s := &scan{t: t, r: r, isText: isText}
	for {
		fields, err := r.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if s.rows == 0 {
			if err := s.begin(fields); err != nil {
				return nil, err
			}
		}
		if err := s.row(fields); err != nil {
			return nil, err
		}
	}
	if s.rows == 0 {
		return nil, fmt.Errorf("%s: no row of numbers", path)
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return t, nil
}

// start opens the table for the first time and finds its dialect.
func (t *Table) start() (*reader, error) {
	f, err := t.budget.Open(t.Path)
	if err != nil {
		return nil, err
	}
	ok := false
	defer func() {
		if !ok {
			f.Close()
		}
	}()
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	encoding, mark, err := look(head[:n])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Path, err)
	}
	t.dialect = dialect{encoding: encoding, mark: mark}
	l, err := t.lines(f)
	if err != nil {
		return nil, err
	}
	text, err := sample(l)
	if err != nil {
		return nil, err
	}
	c := detect(text, t.Path)
	c.encoding, c.mark = encoding, mark
	t.dialect = c.dialect
	r, err := t.reader(f)
	ok = err == nil
	return r, err
}

// open opens the table for one more pass.
func (t *Table) open() (*reader, error) {
	f, err := t.budget.Open(t.Path)
	if err != nil {
		return nil, err
	}
	r, err := t.reader(f)
	if err != nil {
		f.Close()
	}
	if err == io.EOF { // before the first row
		err = t.changed(1)
	}
	return r, err
}

// lines begins to read the lines of a table from its first one on.
func (t *Table) lines(f *infile.File) (*lines, error) {
	if err := f.Rewind(); err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, f, int64(t.dialect.mark)); err != nil {
		return nil, err
	}
	return newLines(t.Path, decode(t.Path, f, t.dialect.encoding)), nil
}

func decode(path string, r io.Reader, e encoding) io.Reader {
	if e == utf8Text {
		return r
	}
	return &utf16Reader{r: r, path: path, big: e == utf16Big}
}
