package table

import (
	"bytes"
	"fmt"
	"io"
)

// maxLine bounds a line, or a record whose quoted fields hold line ends, in bytes. It also
// bounds what a file without line ends can make the reader allocate.
const maxLine = 4 << 20

// lines cuts a stream into lines, which end with LF, CRLF or CR, in any mixture.
type lines struct {
	r      io.Reader
	path   string
	buf    []byte
	start  int // of the lines returned last
	from   int // of what was not returned yet
	to     int // end of what was read
	lf, cr int // no LF, no CR lies between from and here
	eof    bool
	first  int // number of the first line of those returned last
	line   int // number of the last one
}

func newLines(path string, r io.Reader) *lines {
	return &lines{r: r, path: path, buf: make([]byte, 1<<17)}
}

// next returns the next line without its end, or io.EOF. It is valid until the next call.
func (l *lines) next() ([]byte, error) {
	l.start, l.first = l.from, l.line+1
	return l.more()
}

// more returns what next returned together with the following line, the line end between
// them included, or io.EOF if there is none.
func (l *lines) more() ([]byte, error) {
	for {
		l.lf, l.cr = l.seek(l.lf, '\n'), l.seek(l.cr, '\r')
		end := min(l.lf, l.cr)
		switch {
		case end == l.to && !l.eof, end == l.to-1 && l.buf[end] == '\r' && !l.eof:
			// The line goes on, or it is not seen yet whether an LF follows the CR.
			if err := l.fill(); err != nil {
				return nil, err
			}
			continue
		case end == l.to && l.from == l.to:
			return nil, io.EOF
		}
		l.line++
		l.from = min(end+1, l.to)
		if l.from < l.to && l.buf[end] == '\r' && l.buf[l.from] == '\n' {
			l.from++
		}
		return l.buf[l.start:end], nil
	}
}

// seek returns where the first c at or behind at lies, or to.
func (l *lines) seek(at int, c byte) int {
	at = max(at, l.from)
	if at < l.to && l.buf[at] == c {
		return at
	}
	if i := bytes.IndexByte(l.buf[at:l.to], c); i >= 0 {
		return at + i
	}
	return l.to
}

// fill reads on.
func (l *lines) fill() error {
	if l.to-l.start > maxLine {
		return fmt.Errorf("%s: line %d is longer than the limit of %d bytes, or a quoted field in it does not end", l.path, l.first, maxLine)
	}
	if n := l.start; n > 0 {
		copy(l.buf, l.buf[n:l.to])
		l.start, l.from, l.to, l.lf, l.cr = 0, l.from-n, l.to-n, l.lf-n, l.cr-n
	}
	if l.to == len(l.buf) {
		grown := make([]byte, 2*len(l.buf))
		copy(grown, l.buf[:l.to])
		l.buf = grown
	}
	for range 100 { // of reads that give nothing
		n, err := l.r.Read(l.buf[l.to:])
		l.to += n
		if err == io.EOF {
			l.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return fmt.Errorf("%s: %w", l.path, io.ErrNoProgress)
}
