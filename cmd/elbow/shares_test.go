package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/dist"
)

// onGoroutines runs a command line on ranks that are goroutines, and returns what rank 0 has printed.
func onGoroutines(t *testing.T, ranks int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	var group sync.WaitGroup
	for r, comm := range dist.Local(ranks) {
		group.Go(func() {
			var to io.Writer = io.Discard
			if r == 0 {
				to = &out
			}
			var errOut bytes.Buffer
			if code := run(withRanks(context.Background(), comm), args, to, &errOut); code != 0 {
				t.Errorf("rank %d of %v: exit code %d: %s", r, args, code, &errOut)
				comm.Abort(code)
			}
		})
	}
	group.Wait()
	return out.String()
}

// scoresIn returns the files of score in a folder.
func scoresIn(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{stepScores + ".csv", sequenceScores + ".csv"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}

// TestShares: eval and score print and leave on any number of ranks what they do in one process, and table what a
// process finds that is started again.
func TestShares(t *testing.T) {
	blastest.UseGo(t)
	data, base := write(t, "tiny.json", tinyJSON), t.TempDir()
	dir, odd := filepath.Join(base, "run"), write(t, "odd.json", strings.Replace(tinyJSON, "72", "73", 1))
	mustRun(t, "train", "-data", data, "-epochs", "1", "-hidden", "4", "-batch", "2", "-out", dir)
	for _, args := range []string{"eval -model " + dir, "eval -samples 3 -batch 1 -json -model " + dir, "score -out " + dir + " -model " + dir,
		"score -json -samples 2 -data " + odd + " -out " + dir + " -model " + dir} {
		want := mustRun(t, strings.Fields(args)...)
		files := scoresIn(t, dir)
		for _, ranks := range []int{2, 3} {
			if out := onGoroutines(t, ranks, strings.Fields(args)...); out != want || scoresIn(t, dir) != files {
				t.Errorf("%s, %d ranks: printed %s, want %s", args, ranks, out, want)
			}
		}
	}
	args := []string{"table", "jsb", "-quick", "-data", data, "-rows", "VRNN", "-seeds", "1..2", "-out", filepath.Join(base, "table")}
	out := onGoroutines(t, 3, args...)
	if again := mustRun(t, args...); again != out {
		t.Errorf("printed %s, and one process on the same folder %s", out, again)
	}
}
