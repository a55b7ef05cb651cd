package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// build compiles the C code in dir/c and returns the path of the program, in dir/bin.
func build(dir string) (string, error) {
	if runtime.GOARCH != "amd64" {
		return "", errors.New("the peers are for amd64 only")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return "", errors.New("gcc is missing: install it (Debian: gcc libsleef-dev)")
	}
	if err := gcc("", "-E", "-include", "sleef.h", "-o", os.DevNull, "-x", "c", os.DevNull); err != nil {
		return "", errors.New("sleef.h is missing: install SLEEF (Debian: libsleef-dev)")
	}
	bin, err := filepath.Abs(filepath.Join(dir, "bin"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(bin, 0o777); err != nil {
		return "", err
	}
	fast := []string{"-O3", "-ffast-math", "-march=native", "-mprefer-vector-width=512"}
	objects := []struct {
		name, source string
		flags        []string
	}{
		{"peer", "peer.c", []string{"-O2"}},
		{"sleef", "sleef.c", []string{"-O2", "-march=native", "-mavx2"}},
		{"limit", "limit.c", append(fast, "-funroll-loops", "-fvariable-expansion-in-unroller")},
		{"loops", "loops.c", append(fast, `-DPEERS=loops_peers`, `-DSUFFIX=""`)},
		{"loops-avx2", "loops.c", []string{"-O3", "-ffast-math", "-mavx2", "-mfma", `-DPEERS=loops_avx2_peers`, `-DSUFFIX="-avx2"`}},
	}
	// Linked without -ffast-math, which would set the processor to flush denormals.
	link := []string{"-o", filepath.Join(bin, "peer")}
	for _, o := range objects {
		object := filepath.Join(bin, o.name+".o")
		if err := gcc(filepath.Join(dir, "c"), append(o.flags, "-c", o.source, "-o", object)...); err != nil {
			return "", err
		}
		link = append(link, object)
	}
	return link[1], gcc("", append(link, "-lsleef", "-lmvec", "-lm")...)
}

func gcc(dir string, args ...string) error {
	cmd := exec.Command("gcc", args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gcc %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}
