//go:build linux || darwin

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// endSignals are the signals that end a command.
var endSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

const canLimitFiles = true

// limitFiles bounds the size of the files that this process can write.
func limitFiles(size uint64) {
	limit := unix.Rlimit{Cur: size, Max: size}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o600) }

// TestUnread: results that nobody reads are no error to speak of, printed or as JSON.
func TestUnread(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	mustRun(t, "train", "-data", write(t, "tiny.json", tinyJSON), "-out", dir, "-epochs", "1", "-hidden", "4")
	for _, args := range [][]string{{"compare", dir, dir}, {"compare", dir, dir, "-json"}, {"score", "-model", dir, "-out", dir, "-json"}} {
		var errOut bytes.Buffer
		if code := run(t.Context(), args, closedPipe{}, &errOut); code != codeUnread || errOut.Len() > 0 {
			t.Errorf("elbow %v: exit code %d: %s", args, code, &errOut)
		}
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }
