// Package progress shows on a terminal how a long run goes on: a bar that moves, with a
// status beside it. Where the output is no terminal, such as a log file, it writes one
// plain line per epoch instead.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar is the progress of one run. Its methods are not safe for concurrent use. Errors of
// the output are left aside: a run does not fail because nobody can watch it.
type Bar struct {
	w   io.Writer
	bar *progressbar.ProgressBar // nil where there is no terminal
}

// New starts the progress of a run of total steps, of which done are behind us, as after a
// resume. There is a bar if w is a terminal that can move its cursor.
func New(w io.Writer, total, done int) *Bar {
	return start(w, total, done, IsTerminal(w))
}

func start(w io.Writer, total, done int, terminal bool) *Bar {
	b := &Bar{w: w}
	if terminal {
		b.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(24),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionSetTheme(progressbar.ThemeASCII))
		_ = b.bar.Set(min(done, max(total, 1)))
	}
	return b
}

// Step moves the bar by n steps.
func (b *Bar) Step(n int) {
	if b.bar != nil {
		_ = b.bar.Add(n)
	}
}

// Epoch reports the end of an epoch: the status of the bar, or a line of its own where
// there is none. A status that does not fit beside the bar, about 40 columns of 80, wraps.
func (b *Bar) Epoch(status string) {
	if b.bar != nil {
		b.bar.Describe(status)
		return
	}
	fmt.Fprintln(b.w, status)
}

// Line writes a line that stays, above the bar if there is one.
func (b *Bar) Line(text string) {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	fmt.Fprintln(b.w, text)
	if b.bar != nil {
		_ = b.bar.RenderBlank()
	}
}

// Close ends the progress. The bar stays as it is, so that an interrupted run shows how far
// it came, and what is written next starts on a new line.
func (b *Bar) Close() {
	if b.bar != nil {
		_ = b.bar.RenderBlank()
		fmt.Fprintln(b.w)
		b.bar = nil
	}
}

// IsTerminal reports whether w is a terminal that can move its cursor.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr }) // a file, or what writes to one
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}
