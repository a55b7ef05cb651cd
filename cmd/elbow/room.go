package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/memory"
)

// sizeFlags are the flags on which it depends how much memory a command takes.
var sizeFlags = []string{"hidden", "latent", "depth", "layers", "components", "rank", "batch", "samples", "truncate", "preset", "steps", "count", "draws", "between",
	"frame", "levels", "window", "streams"}

// room reports a need for more memory than there is, of which a tenth is left to others. flags are
// those of the command, of which the error names the sizes that were given.
func room(need float64, what string, flags *flag.FlagSet) error {
	free := memory.Available()
	if need <= float64(atMost()) {
		return nil
	}
	var given []string
	if flags != nil {
		flags.Visit(func(f *flag.Flag) {
			if slices.Contains(sizeFlags, f.Name) {
				given = append(given, fmt.Sprintf("-%s %s", f.Name, f.Value))
			}
		})
	}
	hint := "with these data and settings"
	if len(given) > 0 {
		hint = "with " + strings.Join(given, " ")
	}
	return fmt.Errorf("%s takes about %s of memory %s, but %s are free: choose smaller sizes", what, amount(need), hint, amount(float64(free)))
}

// atMost returns the most bytes that data may be given.
func atMost() int64 { return int64(min(memory.Available(), 1<<60) / 10 * 9) }

// amount prints a number of bytes.
func amount(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB", "PB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g EB", n)
}

// limitGarbage has the collector work harder where the memory comes to its end, rather than let
// garbage take as much again as what is in use.
func limitGarbage() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(atMost())
	}
}
