package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
)

// version says what this program was built from.
func version(_ context.Context, cmd *call) error {
	if err := cmd.parse(); err != nil {
		return err
	}
	built := map[string]string{}
	number := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		number = cmp.Or(info.Main.Version, number)
		for _, s := range info.Settings {
			built[s.Key] = s.Value
		}
	}
	revision := built["vcs.revision"]
	if revision != "" && built["vcs.modified"] == "true" {
		revision += ", changed since"
	}
	tags := cmp.Or(built["-tags"], "none")
	fmt.Fprintf(cmd.out, "elbow %s\n", strings.TrimSpace(number+" "+revision))
	fmt.Fprintf(cmd.out, "%s %s/%s, build tags %s, isa %v, blas %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, tags, asm.Active(), blas.Info())
	return cmd.result(map[string]any{"version": number, "revision": built["vcs.revision"], "modified": built["vcs.modified"] == "true", "go": runtime.Version(),
		"platform": runtime.GOOS + "/" + runtime.GOARCH, "tags": built["-tags"], "isa": asm.Active().String(), "blas": blas.Info()})
}
