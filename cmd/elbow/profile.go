package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/infile"
)

// A profile is a file about a run of the program for go tool pprof or go tool trace.
type profile struct {
	flag, usage string
	begin, end  func(w io.Writer) error
	is          func(head []byte) bool // whether a file that begins so is one
}

// isPprof reports the beginning of a profile, all of which are gzipped.
func isPprof(head []byte) bool { return infile.IsGzip(head) }

var profiles = []profile{
	{"cpuprofile", "write to this file what the time is spent on, for go tool pprof, which -tagfocus=phase=... narrows down to a part of a training", pprof.StartCPUProfile,
		func(io.Writer) error { pprof.StopCPUProfile(); return nil }, isPprof},
	{"memprofile", "write to this file what memory was allocated for, for go tool pprof", func(io.Writer) error { return nil },
		func(w io.Writer) error {
			runtime.GC() // what is in use is known then
			return pprof.Lookup("allocs").WriteTo(w, 0)
		}, isPprof},
	{"trace", "write to this file what ran when, for go tool trace", trace.Start, func(io.Writer) error { trace.Stop(); return nil },
		func(head []byte) bool { return len(head) > 2 && string(head[:3]) == "go " }},
}

// start begins to write a profile and returns what ends it. It is written beside the file and
// renamed or, where there is a device or a FIFO, straight into that.
func (p profile) start(path string) (stop func() error, err error) {
	if slices.Contains(allFiles(), filepath.Base(path)) {
		return nil, usagef("-%s %s: a file of the results has that name", p.flag, path)
	}
	begun, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	write := func(w io.Writer) error {
		if err := p.begin(w); err != nil {
			return err
		}
		close(begun)
		<-end
		return p.end(w)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = makeDir(filepath.Dir(path))
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("-%s %s: is a folder", p.flag, path)
	case !info.Mode().IsRegular():
		special, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		go func() { done <- errors.Join(write(special), special.Close()) }()
	default:
		// What is no profile is a slip, which should cost nobody a file.
		var old []byte
		if old, err = head(path, 3); err == nil && len(old) > 0 && !p.is(old) {
			err = fmt.Errorf("-%s %s: what is there is no profile, so it is not replaced", p.flag, path)
		}
		if err == nil {
			err = makeDir(filepath.Dir(path))
		}
	}
	if err != nil {
		return nil, err
	}
	if info == nil || info.Mode().IsRegular() {
		go func() { done <- atomicfile.Write(path, 0o666, write) }()
	}
	select {
	case <-begun:
		return func() error { close(end); return <-done }, nil
	case err := <-done:
		return nil, err
	}
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
