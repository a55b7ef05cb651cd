package main

import (
	"fmt"
	"io"

	"github.com/elbow-go/elbow/internal/progress"
)

// reading returns what follows the reading of files that take long. On a terminal it is one
// line that changes, elsewhere a line for each file.
func reading(out io.Writer) func(path string, read, size int64) {
	out = chatter(out)
	last := ""
	return func(path string, read, size int64) {
		if progress.IsTerminal(out) {
			share := ""
			if size > 0 {
				share = fmt.Sprintf(", %d %%", min(100*read/size, 100))
			}
			fmt.Fprintf(out, "\r\x1b[Kreading %s: %d MB%s\r", message(path, 60), read>>20, share)
			return
		}
		if path != last {
			last = path
			fmt.Fprintln(out, message("reading "+path, maxMessage-1))
		}
	}
}
