package table

import (
	"bytes"
	"io"
	"math"
	"path/filepath"
	"strings"
)

// dialect is how a table is written.
type dialect struct {
	encoding encoding
	mark     int // bytes of the byte order mark
	sep      byte
	said     bool // the first line says "sep=" and the separator, as Excel wants it
	width    int  // fields of a row
	trailing int  // empty fields, without a name, behind those of every row
	header   bool // the first line gives names
	rowNames bool // the header has no name for the first field, not even an empty one
}

// Separators in the order in which they are preferred where several fit.
var separators = []byte{'\t', ';', '|', ',', blanks}

// How much of a table is looked at to tell its dialect: so many bytes, but no fewer than
// so many lines.
const (
	sampleBytes = 1 << 16
	sampleLines = 3
)

// sample returns the first lines.
func sample(l *lines) ([]byte, error) {
	var text []byte
	for n := 0; n < sampleLines || len(text) < sampleBytes; n++ {
		line, err := l.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		text = append(append(text, line...), '\n')
	}
	return text, nil
}

// candidate is what a sample looks like with one separator.
type candidate struct {
	dialect
	rows  int     // lines of the sample that are no header
	score float64 // the part of rows as wide as most, times the part of fields that are values
	sure  bool    // every row is as wide as the others and has values only
}

// detect finds the dialect of the sample.
func detect(text []byte, name string) candidate {
	if sep, rest, ok := saidSep(text); ok {
		c := try(rest, sep)
		c.said = true
		return c
	}
	best := candidate{dialect: dialect{sep: ','}, score: -1}
	for _, sep := range separators {
		c := try(text, sep)
		if c.width == 1 && sep != ',' {
			continue // a single column has no separator
		}
		if c.width == 1 {
			c.score = 0
		}
		if ext(name) == ".tsv" && sep == '\t' && c.width > 1 {
			c.score++
		}
		if c.score > best.score {
			best = c
		}
	}
	return best
}

// saidSep reads a first line such as sep=;
func saidSep(text []byte) (sep byte, rest []byte, ok bool) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.Trim(trim(line), `"`)
	if len(line) != 5 || !strings.EqualFold(string(line[:4]), "sep=") || bytes.IndexByte(separators, line[4]) < 0 {
		return 0, text, false
	}
	return line[4], rest, true
}

// ext returns the extension of a name in small letters, that before .gz if it has both.
func ext(name string) string {
	e := strings.ToLower(filepath.Ext(name))
	if e == ".gz" {
		e = strings.ToLower(filepath.Ext(name[:len(name)-3]))
	}
	return e
}

// row is what try keeps of a line.
type row struct {
	fields, values int
	open           int  // empty fields at its end
	quoted         bool // the first field is in quotes
}

// try reads a sample with one separator.
func try(text []byte, sep byte) candidate {
	s := &splitter{lines: newLines("", bytes.NewReader(text)), sep: sep}
	c := candidate{dialect: dialect{sep: sep}, sure: true}
	var first [][]byte
	var rows []row
	for {
		line, err := s.next()
		if err != nil {
			break
		}
		if len(trim(line)) == 0 || isComment(line, sep) {
			continue
		}
		if s.split(line) != nil {
			// A quoted field that does not end, perhaps since the sample does.
			c.sure = false
			break
		}
		if first == nil {
			for _, f := range s.fields {
				first = append(first, bytes.Clone(f))
			}
		}
		rows = append(rows, s.look())
	}
	if len(rows) == 0 {
		c.sure = false
		return c
	}
	c.decide(first, rows)
	return c
}

// look counts the values among the fields of the line split last.
func (s *splitter) look() row {
	n := len(s.fields)
	r := row{fields: n, quoted: s.quoted}
	for r.open < n-1 && len(s.fields[n-1-r.open]) == 0 {
		r.open++
	}
	for _, f := range s.fields {
		if isValue(f, s.sep != ',') {
			r.values++
		}
	}
	return r
}

// isValue reports whether a field holds what a row of a table of numbers may hold.
func isValue(f []byte, comma bool) bool {
	if looksNumber(f, comma) {
		return true
	}
	_, ok := truth(f)
	return ok || isMissing(f) || isInfinite(f) || isTime(f)
}

// decide fills in the form of the rows.
func (c *candidate) decide(first [][]byte, rows []row) {
	head, body := rows[0], rows
	names := first[:len(first)-head.open]
	c.header = isHeader(names)
	if c.header && len(rows) > 1 {
		body = rows[1:]
	}
	c.width = common(body)
	c.trailing = c.width
	for _, r := range body {
		if r.fields == c.width {
			c.trailing = min(c.trailing, r.open)
		}
	}
	if c.header && head.fields == c.width {
		// A last column may have values but no name, or a name but no values.
		c.header = head.open <= c.trailing
		c.trailing = min(c.trailing, head.open)
	}
	if c.header && len(rows) == 1 {
		body = nil
	} else if !c.header {
		body = rows
	}
	wide, fields, values := 0, 0, 0
	for _, r := range body {
		if r.fields == c.width {
			wide++
		}
		fields += r.fields
		values += r.values
	}
	c.width -= c.trailing
	c.rows = len(body)
	if c.rows > 0 {
		c.score = float64(wide) / float64(c.rows) * float64(values) / float64(fields)
	}
	c.sure = c.sure && wide == c.rows && values == fields
	// R gives names of rows, in quotes, but no name for their column. Where commas separate,
	// they could be decimal signs of a single column instead.
	c.rowNames = c.header && len(names) == c.width-1 && c.rows > 0 && (c.sep != ',' || body[0].quoted)
	if c.header && len(names) != c.width && !c.rowNames {
		c.score /= 2
		c.sure = false
	}
}

// common returns the most frequent number of fields.
func common(rows []row) int {
	count, best := map[int]int{}, 0
	for _, r := range rows {
		count[r.fields]++
	}
	most := math.MinInt
	for _, r := range rows { // in order, so that the first of several wins
		if n := count[r.fields]; n > most {
			most, best = n, r.fields
		}
	}
	return best
}

// isHeader reports whether the fields of a line are names of columns: none is empty, a
// number, or anything else that stands in rows. Only the first may be empty, as pandas
// writes it for an index.
func isHeader(fields [][]byte) bool {
	for j, f := range fields {
		if len(f) == 0 && j == 0 && len(fields) > 1 {
			continue
		}
		if len(f) == 0 || isValue(f, true) || looksDamaged(f) {
			return false
		}
	}
	if len(fields) == 1 { // such as 12x is rather a damaged row than a name
		rest := len(bytes.TrimLeft(fields[0], "0123456789"))
		return rest > 1 || rest == len(fields[0])
	}
	return len(fields) > 0
}

// isComment reports whether a line is none of the table. What begins a comment begins no
// number; marks of Excel for missing values begin with # too, and are none.
func isComment(line []byte, sep byte) bool {
	for len(line) > 0 && isBlank(line[0]) && (line[0] != sep || sep == blanks) {
		line = line[1:]
	}
	if len(line) == 0 {
		return false
	}
	switch line[0] {
	case '%':
		return true
	case ';':
		return sep != ';'
	case '/':
		return len(line) > 1 && line[1] == '/'
	case '#':
		end := bytes.IndexByte(line, sep)
		if end < 0 {
			return !missingMarks[string(trim(line))]
		}
		field := trim(line[:end])
		wide := len(field) > 1 && len(bytes.Trim(field, "#")) == 0 && sep != blanks // a value too wide for Excel
		return !wide && !missingMarks[string(field)]
	}
	return false
}
