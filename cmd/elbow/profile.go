package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/rundir"
)

// startProfile starts a CPU profile and returns what ends it. It is written beside the file and
// renamed or, where there is a device or a FIFO, straight into that.
func startProfile(path string, dir *rundir.Dir) (stop func() error, err error) {
	if name, ok := dir.Name(path); ok {
		if slices.Contains(allFiles(), name) {
			return nil, usagef("-cpuprofile %s: a file of the training has that name", path)
		}
		if err := dir.Reserve(name); err != nil {
			return nil, err
		}
	}
	var special *os.File
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = makeDir(filepath.Dir(path))
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("-cpuprofile %s: is a folder", path)
	case !info.Mode().IsRegular():
		special, err = os.OpenFile(path, os.O_WRONLY, 0)
	default:
		// All profiles are gzipped. What is not is a slip, which should cost nobody a file.
		var old []byte
		if old, err = head(path, 2); err == nil && len(old) > 0 && !infile.IsGzip(old) {
			err = fmt.Errorf("-cpuprofile %s: what is there is no profile, so it is not replaced", path)
		}
		if err == nil {
			err = makeDir(filepath.Dir(path))
		}
	}
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := pprof.StartCPUProfile(&buf); err != nil {
		return nil, err
	}
	start := time.Now()
	return func() error {
		pprof.StopCPUProfile()
		var err error
		if special != nil {
			_, err = special.Write(buf.Bytes())
			err = errors.Join(err, special.Close())
		} else {
			err = atomicfile.WriteFile(path, buf.Bytes(), 0o666)
		}
		if err != nil {
			return fmt.Errorf("CPU profile of %v: %w", time.Since(start).Round(time.Second), err)
		}
		return nil
	}, nil
}

// head returns the first n bytes of a file, or fewer if it is shorter.
func head(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}
