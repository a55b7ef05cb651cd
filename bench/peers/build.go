package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// A builder makes the programs of the peers ready.
type builder struct {
	dir   string   // with the sources, in c and py
	venvs []string // where Python, its packages and libraries are
}

// A worker is a process of peers.
type worker struct {
	name string
	// command returns what to start, and with which environment, or why it is not there and
	// how it gets there.
	command func(b *builder) (args, env []string, err error)
}

// workers are all of them, in the order in which they are asked.
var workers = []worker{
	{"C loops", (*builder).loops}, {"SLEEF", (*builder).sleef}, {"OpenBLAS", (*builder).openblas}, {"MKL", (*builder).mkl},
	{"oneDNN", (*builder).onednn}, {"PyTorch", (*builder).torch}, {"ONNX Runtime", (*builder).onnx},
}

var (
	errGCC     = errors.New("gcc or g++ is missing (Debian: gcc g++)")
	errInstall = errors.New("not installed (make peers-install)")
)

func (b *builder) loops() (args, env []string, err error) {
	fast := []string{"-O3", "-ffast-math", "-march=native", "-mprefer-vector-width=512"}
	args, err = b.program("loops", []object{
		{"peer.c", "peer", []string{"-O2"}}, {"programs.c", "loops-list", []string{"-O2", "-DLOOPS"}},
		{"limit.c", "limit", append(fast, "-funroll-loops", "-fvariable-expansion-in-unroller")},
		{"loops.c", "loops", append(fast, `-DPEERS=loops_peers`, `-DSUFFIX=""`)},
		{"loops.c", "loops-avx2", []string{"-O3", "-ffast-math", "-mavx2", "-mfma", `-DPEERS=loops_avx2_peers`, `-DSUFFIX="-avx2"`}},
	}, "-lmvec", "-lm")
	return args, nil, err
}

func (b *builder) sleef() (args, env []string, err error) {
	if gcc("", "-E", "-include", "sleef.h", "-o", os.DevNull, "-x", "c", os.DevNull) != nil {
		return nil, nil, errors.New("sleef.h is missing (Debian: libsleef-dev)")
	}
	args, err = b.program("sleef", []object{{"peer.c", "peer", []string{"-O2"}}, {"programs.c", "sleef-list", []string{"-O2", "-DSLEEF"}},
		{"sleef.c", "sleef", []string{"-O2", "-march=native", "-mavx2"}}}, "-lsleef", "-lm")
	return args, nil, err
}

func (b *builder) blas(name string, patterns ...string) (args, env []string, err error) {
	lib, err := b.find(patterns...)
	if err != nil {
		return nil, nil, err
	}
	args, err = b.program("blas", []object{{"peer.c", "peer", []string{"-O2"}}, {"blas.c", "blas", []string{"-O2"}}}, "-ldl")
	return append(args, name, lib), []string{"LD_LIBRARY_PATH=" + filepath.Dir(lib), "MKL_THREADING_LAYER=" + map[bool]string{true: "SEQUENTIAL", false: "GNU"}[threads == 1]}, err
}

func (b *builder) openblas() (args, env []string, err error) {
	return b.blas("openblas", "lib/python*/site-packages/scipy_openblas32/lib/libscipy_openblas.so")
}

func (b *builder) mkl() (args, env []string, err error) {
	args, env, err = b.blas("mkl", "lib/libmkl_rt.so.*")
	if err != nil {
		return nil, nil, err
	}
	preload, err := b.intel()
	return args, append(env, preload...), err
}

func (b *builder) onednn() (args, env []string, err error) {
	lib, err := b.find("lib/libdnnl.so.3")
	if err != nil {
		return nil, nil, err
	}
	header, err := b.find("include/dnnl.hpp", "include/oneapi/dnnl/dnnl.hpp")
	if err != nil {
		return nil, nil, err
	}
	args, err = b.program("onednn", []object{{"peer.c", "peer", []string{"-O2"}},
		{"onednn.cc", "onednn", []string{"-O2", "-std=c++17", "-I" + strings.TrimSuffix(filepath.Dir(header), "/oneapi/dnnl")}}}, lib, "-lstdc++", "-lm", "-Wl,-rpath,"+filepath.Dir(lib))
	return args, nil, err
}

func (b *builder) torch() (args, env []string, err error) {
	args, err = b.python("torch_peer.py", "torch")
	if err != nil {
		return nil, nil, err
	}
	// Freed memory stays with the process: the next pass takes it without page faults.
	env = []string{"MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=99999999999", "MALLOC_TOP_PAD_=268435456", "PYTHONWARNINGS=ignore"}
	preload, err := b.intel()
	return args, append(env, preload...), err
}

func (b *builder) onnx() (args, env []string, err error) {
	args, err = b.python("onnx_peer.py", "onnxruntime")
	return args, nil, err
}

// python returns the command of a script that needs a package.
func (b *builder) python(script, needs string) ([]string, error) {
	packages, err := b.find("lib/python*/site-packages/" + needs)
	if err != nil {
		return nil, err
	}
	root, _, _ := strings.Cut(packages, "/lib/python")
	return []string{filepath.Join(root, "bin/python"), "-u", filepath.Join(b.dir, "py", script)}, nil
}

// intel is what makes MKL take the fastest code that it has on an AMD processor too. The answer
// to its question whose processor this is comes from a library loaded before it.
func (b *builder) intel() (env []string, err error) {
	if cpuid.CPU.VendorID == cpuid.Intel {
		return nil, nil
	}
	lib := filepath.Join(b.dir, "bin", "libintel.so")
	err = gcc("", "-O2", "-shared", "-fPIC", "-o", lib, filepath.Join(b.dir, "c", "intel.c"))
	return []string{"LD_PRELOAD=" + lib}, err
}

// find returns the first file of the patterns in any of the places.
func (b *builder) find(patterns ...string) (string, error) {
	for _, v := range b.venvs {
		for _, p := range patterns {
			if m, _ := filepath.Glob(filepath.Join(v, p)); len(m) > 0 {
				return filepath.Abs(m[0])
			}
		}
	}
	return "", errInstall
}

type object struct {
	source, name string
	flags        []string
}

// program compiles and links bin/name.
func (b *builder) program(name string, objects []object, libs ...string) ([]string, error) {
	if runtime.GOARCH != "amd64" {
		return nil, errors.New("the peers in C are for amd64 only")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return nil, errGCC
	}
	out := filepath.Join(b.dir, "bin", name)
	// Linked without -ffast-math, which would set the processor to flush denormals.
	link := []string{"-o", out}
	for _, o := range objects {
		file := filepath.Join(b.dir, "bin", o.name+".o")
		if err := gcc(filepath.Join(b.dir, "c"), slices.Concat(o.flags, []string{"-c", o.source, "-o", file})...); err != nil {
			return nil, err
		}
		link = append(link, file)
	}
	return []string{out}, gcc("", append(link, libs...)...)
}

func gcc(dir string, args ...string) error {
	cmd := exec.Command("gcc", args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gcc %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}
