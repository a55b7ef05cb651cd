package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/measure"
	"github.com/elbow-go/elbow/kernels"
)

// doctor is run after environment, so variables that could not be obeyed have already
// failed.
func doctor(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	onlyISAs := flags.Bool("isas", false, "print the available instruction sets only, one a line")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	var isas []string
	for _, isa := range asm.Available() {
		isas = append(isas, isa.String())
	}
	if *onlyISAs {
		fmt.Fprintln(out, strings.Join(isas, "\n"))
		return nil
	}
	info := blas.Info()
	cpu := measure.ThisCPU()
	fmt.Fprintf(out, "cpu      %s, %d logical cores, caches %s L1d, %s L2, %s L3\n", cmp.Or(printable(cpu.Name), "unknown"), runtime.NumCPU(),
		kilobytes(cpu.L1D), kilobytes(cpu.L2), kilobytes(cpu.L3))
	fmt.Fprintf(out, "isa      %v, available: %s\n", asm.Active(), strings.Join(isas, " "))
	fmt.Fprintf(out, "blas     %s, available: %s\n", info, strings.Join(blas.Available(), " "))
	float := "denormals are kept, rounding is to nearest"
	if err := errors.Join(asm.FloatError(), asm.CheckFloat()); err != nil {
		float = "warning: " + printable(err.Error())
	}
	fmt.Fprintf(out, "float    %s\n", float)
	measured(out, cpu.L2)
	fmt.Fprintf(out, "threads  GOMAXPROCS %d\n", runtime.GOMAXPROCS(0))
	fmt.Fprintf(out, "go       %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// kilobytes is the size of a cache, unknown if n is 0.
func kilobytes(n int) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d KB", n>>10)
}

// measured prints what one core does at this moment. l2 is the size of its L2 cache, or 0.
func measured(out io.Writer, l2 int) {
	if p := measure.Peak(asm.Active()); p > 0 {
		fmt.Fprintf(out, "peak     %.0f GFLOP/s of float32 multiply-adds on one core with %v\n", p/1e9, asm.Active())
	}
	const beyond = 256 << 20
	line := "reads    GB/s on one core:"
	if l2 > 0 {
		line += fmt.Sprintf(" L2 %.0f,", measure.ReadRate(l2/2)/1e9)
	}
	fmt.Fprintf(out, "%s %d MB %.0f\n", line, beyond>>20, measure.ReadRate(beyond)/1e9)
	for _, k := range []struct {
		name  string
		unit  string
		count float64 // per call, in billions
		call  func()
	}{
		{"product of 256 x 256 matrices", "GFLOP/s", 2 * 256 * 256 * 256 / 1e9, productCall(256)},
		{"LSTM step, 32 sequences, 256 units", "GFLOP/s", 2 * 32 * 4 * 256 * 256 / 1e9, stepCall(32, 256)},
		{"exp of 4096 numbers", "numbers/ns", 4096 / 1e9, vectorCall(4096, kernels.Exp[float32])},
		{"tanh of 4096 numbers", "numbers/ns", 4096 / 1e9, vectorCall(4096, kernels.Tanh[float32])},
	} {
		fmt.Fprintf(out, "kernel   %-36s %6.1f %s\n", k.name, k.count/measure.Fastest(30, k.call), k.unit)
	}
}

func productCall(n int) func() {
	a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	return func() { blas.Gemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, a, n, b, n, 0, c, n) }
}

// stepCall is one step of a layer whose input part is done: Step leaves activated gates in
// its place, from which it can start again.
func stepCall(batch, hidden int) func() {
	l, s, shape := cell.NewRecurrent[float32](cell.LSTM, 1, hidden), cell.NewSequence[float32](), new(cell.Ragged)
	shape.Reset(slices.Repeat([]int{1}, batch))
	cell.Uniform(l.Whh, hidden, -0.1, 0.1, kernels.Noise{Seed: 1}, 0)
	l.Pack()
	s.Begin(l, shape, nil, nil)
	l.Project(s, make([]float32, batch), 0, batch, 0, 1)
	return func() { l.Step(s, 0, 0, batch) }
}

func vectorCall(n int, f func(dst, x []float32)) func() {
	x, dst := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i%16) - 8
	}
	return func() { f(dst, x) }
}
