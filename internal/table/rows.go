package table

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

// reader reads the rows of a table whose dialect is known.
type reader struct {
	splitter
	file    *infile.File
	dialect *dialect

	names    []string // of the fields, if there is a header
	hashed   bool     // rows may begin with #: their first field names the sequence
	comments int      // lines left out
	comment  int      // the first of them
	last     string   // the comment in the line before, and its number
	lastLine int
	blank    int // a blank line behind the first row
	blanks   int // all of them
	rows     int
}

// reader begins to read rows from the first one on.
func (t *Table) reader(f *infile.File) (*reader, error) {
	l, err := t.lines(f)
	if err != nil {
		return nil, err
	}
	r := &reader{splitter: splitter{lines: l, sep: t.dialect.sep}, file: f, dialect: &t.dialect}
	if r.dialect.said {
		if _, err := r.next(); err != nil {
			return nil, err
		}
	}
	if r.dialect.header {
		if err := r.header(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// content returns the next line that is no comment.
func (r *reader) content() ([]byte, error) {
	for {
		line, err := r.next()
		if err != nil {
			return nil, err
		}
		if !isComment(line, r.sep) {
			return line, nil
		}
		if r.hashed && line[0] == '#' {
			if bytes.Count(line, []byte{r.sep}) >= r.dialect.width-1 {
				return line, nil
			}
		}
		if r.comments == 0 {
			r.comment = r.first
		}
		r.comments++
		if r.rows == 0 {
			r.last, r.lastLine = string(line[:min(len(line), 1<<16)]), r.first
		}
	}
}

// header reads the names of the columns.
func (r *reader) header() error {
	for {
		line, err := r.content()
		if err != nil {
			return err
		}
		if r.isBlank(line) {
			if r.dialect.width == 1 {
				return r.missing("")
			}
			r.blanks++
			continue
		}
		if err := r.split(line); err != nil {
			return err
		}
		break
	}
	fields := r.fields
	for n := len(fields); n > 1 && n > r.dialect.width-1 && len(fields[n-1]) == 0; n-- {
		fields = fields[:n-1]
	}
	if r.dialect.rowNames {
		r.names = append(r.names, "")
	}
	for _, f := range fields {
		r.names = append(r.names, readable(f))
	}
	if len(r.names) != r.dialect.width {
		hint := ""
		if len(fields) == 1 && r.dialect.width == 2 && r.sep == ',' {
			hint = "; a single column of numbers needs decimal points"
		} else if len(fields) < r.dialect.width {
			hint = before
		}
		return fmt.Errorf("%s: line %d, the header, has %s, but the rows have %d%s", r.path, r.first, count(len(fields), "field"), r.dialect.width, hint)
	}
	r.hashed = strings.EqualFold(r.names[0], "sequence")
	return nil
}

// row returns the fields of the next row, or io.EOF.
func (r *reader) row() ([][]byte, error) {
	for {
		line, err := r.content()
		if err != nil {
			return nil, err
		}
		if !r.isBlank(line) {
			if r.blank > 0 {
				return nil, fmt.Errorf("%s: line %d is blank, between rows: if a row is missing, write its separators, or NaN; "+
					"if a sequence ends, name the sequence of every row in a column \"sequence\"", r.path, r.blank)
			}
			if err := r.split(line); err != nil {
				return nil, err
			}
			break
		}
		if r.dialect.width == 1 {
			name := ""
			if r.names != nil {
				name = r.names[0]
			}
			return nil, r.missing(name)
		}
		if r.blanks++; r.rows > 0 && r.blank == 0 {
			r.blank = r.first
		}
	}
	r.rows++
	n := len(r.fields) - r.dialect.trailing
	if n != r.dialect.width {
		return nil, r.ragged(len(r.fields))
	}
	for _, f := range r.fields[n:] {
		if len(f) > 0 {
			return nil, fmt.Errorf("%s: line %d holds %s behind the last column", r.path, r.first, quote(f))
		}
	}
	return r.fields[:n], nil
}

// isBlank reports whether a line holds nothing, not even a separator.
func (r *reader) isBlank(line []byte) bool {
	return len(trim(line)) == 0 && (r.sep != '\t' || bytes.IndexByte(line, '\t') < 0)
}

func (r *reader) missing(name string) error {
	return fmt.Errorf("%s: line %d, %s: a blank line: if a value is missing, write NaN", r.path, r.first, label(0, name))
}

func (r *reader) ragged(n int) error {
	hint := ""
	switch {
	case r.rows == 1 && r.names == nil:
		hint = before
	case r.dialect.trailing > 0:
		hint = fmt.Sprintf(", each row with %s at its end", count(r.dialect.trailing, "more separator"))
	}
	return fmt.Errorf("%s: line %d has %s, but the table has %s%s", r.path, r.first, count(n, "field"), count(r.dialect.width, "column"), hint)
}

const before = ": remove what comes before the table, or begin it with #"

// commentNames returns the names of the columns from a comment right before the first row,
// where some programs write them, or nil.
func (r *reader) commentNames() []string {
	if r.last == "" || r.lastLine != r.first-1 {
		return nil
	}
	text := bytes.TrimLeft([]byte(r.last), "#%/; \t")
	if bytes.HasPrefix([]byte(r.last), []byte("#"+string(r.sep))) && r.sep != blanks {
		text = []byte(r.last)[1:]
	}
	s := splitter{lines: newLines("", bytes.NewReader(nil)), sep: r.sep}
	if s.split(text) != nil || len(s.fields) != r.dialect.width || !isHeader(s.fields) {
		return nil
	}
	var names []string
	for _, f := range s.fields {
		names = append(names, readable(f))
	}
	return names
}
