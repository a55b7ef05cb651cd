package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
)

// TestRoom: no flag within its range ends in a trace or in the end of the process for want of
// memory. What does not fit is an error that names the flag, and nothing is left in the folder.
func TestRoom(t *testing.T) {
	blastest.UseGo(t)
	data := write(t, "x.csv", strings.Repeat("1,2\n3,5\n-2,9\n", 30))
	vrnn, vrae := filepath.Join(t.TempDir(), "vrnn"), filepath.Join(t.TempDir(), "vrae")
	mustRun(t, "train", "-data", data, "-out", vrnn, "-epochs", "1", "-hidden", "4")
	mustRun(t, "train", "-data", data, "-out", vrae, "-epochs", "1", "-hidden", "4", "-model", "vrae", "-likelihood", "gauss")
	limit := 5 * time.Second
	if testing.Short() {
		limit = time.Minute // on a busy machine an emulator took 8.5 s for one line
	}
	for _, line := range []string{
		"train -hidden 65536", "train -hidden 65536 -model rnn -cell rnn", "train -hidden 65536 -model vae -depth 2", "train -hidden 65536 -model vrae",
		"train -hidden 65536 -model storn", "train -samples 65536 -hidden 512", "train -samples 65536 -importance -hidden 512",
		"train -layers 65536 -hidden 512", "train -depth 65536 -hidden 512", "train -hidden 16384 -latent 65536",
		"train -components 10000 -likelihood gmm -hidden 65536", "train -batch 1048576 -samples 65536 -hidden 512", "train -preset chung -hidden 65536",
		"eval -samples 4611686018427387904", "eval -samples 9223372036854775807", "eval -batch 1048576 -samples 4000000000",
		"sample -steps 1048576 -count 4096", "eval -max-data 1000TiB", "train -max-data 1000TiB",
		"sample -steps 1048576 -count 4096 -mean", "interpolate -between 1000 -steps 1048576",
	} {
		args := strings.Fields(line)
		flag := args[1]
		out := filepath.Join(t.TempDir(), "run")
		switch args[0] {
		case "train":
			args = append(args, "-data", data, "-out", out, "-epochs", "1")
		case "eval":
			args = append(args, "-data", data, "-model", vrnn)
		case "sample":
			args = append(args, "-model", vrnn, "-out", out)
		case "interpolate":
			name := data + ", steps 0 to 72" // its first part
			args = append(append([]string{"interpolate", name, name}, args[1:]...), "-data", data, "-model", vrae, "-out", out)
		}
		start := time.Now()
		code, _, errOut := elbow(context.Background(), args...)
		if code != 1 && code != 2 || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, flag) || strings.Contains(errOut, "goroutine") {
			t.Errorf("elbow %s: exit code %d: %q", line, code, errOut)
		}
		if took := time.Since(start); took > limit {
			t.Errorf("elbow %s: took %v, want at most %v", line, took, limit)
		}
	}
}

func TestAmount(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 4.2e9: "4.2 GB", 1e30: "1e+12 EB", 512e3: "512 kB"} {
		if got := amount(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
