package table

import (
	"bytes"
	"fmt"
	"io"
)

// blanks as a separator stands for any run of blanks and tabs.
const blanks = ' '

// splitter cuts lines into fields.
type splitter struct {
	*lines
	sep    byte
	fields [][]byte
	spans  []span
	quoted bool // the first field was in quotes
}

// span is a place in a line.
type span struct{ from, to int }

// split cuts the line that was read last into fields, without quotes and the blanks around
// and within them. A quoted field may go over several lines. The fields are valid until the
// next line is read.
func (s *splitter) split(line []byte) error {
	s.fields, s.quoted = s.fields[:0], false
	switch {
	case bytes.IndexByte(line, '"') >= 0:
		return s.splitQuoted(line)
	case s.sep == blanks:
		s.splitBlanks(line)
	default:
		for {
			i := bytes.IndexByte(line, s.sep)
			if i < 0 {
				break
			}
			s.fields = append(s.fields, trim(line[:i]))
			line = line[i+1:]
		}
		s.fields = append(s.fields, trim(line))
	}
	return nil
}

func (s *splitter) splitBlanks(line []byte) {
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return
		}
		from := i
		for i < len(line) && !isBlank(line[i]) {
			i++
		}
		s.fields = append(s.fields, line[from:i])
	}
}

// splitQuoted does what split does where quotes are in the line. Reading on can move the
// line, so fields are places in it until its end is known.
func (s *splitter) splitQuoted(line []byte) (err error) {
	s.spans = s.spans[:0]
	for i := 0; ; i++ { // a field each time; i is behind the separator before it
		for i < len(line) && isBlank(line[i]) && (line[i] != s.sep || s.sep == blanks) {
			i++
		}
		var at span
		switch {
		case i == len(line) && s.sep == blanks:
			// Blanks at the end separate nothing.
		case i < len(line) && line[i] == '"':
			if line, at, i, err = s.unquote(line, i); err != nil {
				return err
			}
			s.quoted = s.quoted || len(s.spans) == 0
			s.spans = append(s.spans, at)
		default:
			at.from = i
			for i < len(line) && !s.isSep(line[i]) {
				i++
			}
			at.to = i
			s.spans = append(s.spans, at)
		}
		if i == len(line) {
			break
		}
	}
	for _, at := range s.spans {
		s.fields = append(s.fields, trim(line[at.from:at.to]))
	}
	return nil
}

// unquote reads the quoted field at i and returns the place of its content and that of the
// separator behind it. A field that goes on in the next line makes line longer.
func (s *splitter) unquote(line []byte, i int) (longer []byte, at span, next int, err error) {
	opened := s.line
	i++
	at = span{i, i}
	for doubled := false; ; {
		switch {
		case i == len(line):
			line, err = s.more()
			if err == io.EOF {
				err = fmt.Errorf("%s: line %d, column %d: a quoted field does not end", s.path, opened, len(s.spans)+1)
			}
			if err != nil {
				return nil, at, 0, err
			}
			continue
		case line[i] != '"':
		case i+1 < len(line) && line[i+1] == '"':
			doubled = true
			i++
		default:
			for i++; i < len(line) && isBlank(line[i]) && !s.isSep(line[i]); i++ {
			}
			if i < len(line) && !s.isSep(line[i]) {
				err = fmt.Errorf("%s: line %d, column %d: %s follows the end of a quoted field", s.path, s.line, len(s.spans)+1, quote(line[i:]))
			}
			return line, at, i, err
		}
		if doubled { // what comes behind moves up
			line[at.to] = line[i]
		}
		at.to++
		i++
	}
}

func (s *splitter) isSep(c byte) bool { return c == s.sep || s.sep == blanks && isBlank(c) }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// trim removes the blanks at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isBlank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
