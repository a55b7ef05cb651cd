package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/progress"
)

// maxMessage is how long a line of a message may be, in bytes, with its end.
const maxMessage = 300

// message makes one line of a text that may hold anything, such as an error with pieces of a
// file: what does not print is escaped, and what is too long is cut where that hurts least, in
// quotations, in long words such as paths, then in the middle. A message begins with the file and
// the place, and ends with what to do.
func message(text string, limit int) string {
	text = printable(text)
	if len(text) > limit {
		text = quotation.ReplaceAllStringFunc(text, func(q string) string { return shorten(q, 48, 8) })
	}
	if len(text) > limit {
		text = longWord.ReplaceAllStringFunc(text, func(w string) string { return shorten(w, 96, 64) })
	}
	return shorten(text, limit, limit*2/5)
}

var (
	quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	longWord  = regexp.MustCompile(`\S{97,}`)
)

// printable escapes what does not print, and puts the lines of an error of several parts into one.
func printable(text string) string {
	var b strings.Builder
	for text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "); text != ""; {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case !unicode.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

// shorten cuts the middle out of a text of more than limit bytes, so that tail bytes of its end
// are kept.
func shorten(text string, limit, tail int) string {
	const gap = " ... "
	if len(text) <= limit {
		return text
	}
	head, from := limit-len(gap)-tail, len(text)-tail
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for from < len(text) && !utf8.RuneStart(text[from]) {
		from++
	}
	return text[:head] + gap + text[from:]
}

// complain prints an error, with a name before it and perhaps a hint after it.
func complain(w io.Writer, name string, err error, hint string) {
	fmt.Fprintf(w, "%s: %s%s\n", name, message(err.Error(), maxMessage-len(name)-len(hint)-len(": \n")), hint)
}

// remark prints notes on the data, each in one line.
func remark(w io.Writer, notes []string) {
	if o, ok := w.(*output); ok && o.json {
		w = o.errOut
	}
	for _, n := range notes {
		fmt.Fprintln(w, message(n, maxMessage-1))
	}
}

// output is standard output. It remembers the first error, which those who print do not look at:
// a training goes on when nobody can watch it, but the program does not end as if all were well.
type output struct {
	io.Writer
	unread func() // called when the reader is gone
	errOut io.Writer

	json    bool // what is written is for people, and nobody is to see it
	verbose bool

	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	if o.json {
		return len(p), nil
	}
	n, err := o.Writer.Write(p)
	if err != nil {
		o.mu.Lock()
		first := o.err == nil
		if first {
			o.err = err
		}
		o.mu.Unlock()
		if first && unread(err) {
			o.unread()
		}
	}
	return n, err
}

// failed returns the first error.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Fd lets package progress see whether there is a terminal.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(*os.File); ok && !o.json {
		return f.Fd()
	}
	return ^uintptr(0)
}

// chatter returns where to say how a command goes on: on a terminal or, elsewhere, only if that was
// asked for.
func chatter(w io.Writer) io.Writer {
	if o, ok := w.(*output); progress.IsTerminal(w) || ok && o.verbose {
		return w
	}
	return io.Discard
}
