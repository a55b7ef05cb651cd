//go:build linux || darwin

package main

import (
	"os"
	"syscall"

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
