package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/measure"
)

// doctor is run after environment, so variables that could not be obeyed have already
// failed.
func doctor(ctx context.Context, cmd *call) error {
	out := cmd.out
	svg := cmd.String("svg", "", "draw a roofline of what is measured into this file, which must not be there yet")
	onlyISAs := cmd.Bool("isas", false, "print the available instruction sets only, one a line")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := checkPicture(*svg); err != nil {
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
	fmt.Fprintf(out, "int8     products of bytes: %s\n", dotLine(asm.Dot(), asm.HasDot()))
	fmt.Fprintf(out, "blas     %s, available: %s\n", info, strings.Join(blas.Available(), " "))
	float := "denormals are kept, rounding is to nearest"
	if err := errors.Join(asm.FloatError(), asm.CheckFloat()); err != nil {
		float = "warning: " + printable(err.Error())
	}
	fmt.Fprintf(out, "float    %s\n", float)
	m := measureMachine()
	m.print(out)
	rows, err := m.measure(ctx, doctorWorks)
	if err != nil {
		return err
	}
	for _, r := range rows {
		fmt.Fprintf(out, "kernel   %-26s %8.1f GFLOP/s, %s of what peak and memory allow\n", r.name, r.flops/r.seconds/1e9, r.share())
	}
	fmt.Fprintf(out, "threads  GOMAXPROCS %d\n", runtime.GOMAXPROCS(0))
	fmt.Fprintf(out, "go       %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return m.draw(*svg, rows)
}

// dotLine says whether products of bytes use the instruction that some machines have for them, which this
// one may have.
func dotLine(used, has bool) string {
	switch {
	case used:
		return "by the instruction for them"
	case has:
		return "by other instructions: that for them is there, but ELBOW_DOT or ELBOW_ISA forbids it"
	}
	return "by other instructions: that for them is not there"
}

// kilobytes is the size of a cache, unknown if n is 0.
func kilobytes(n int) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d KB", n>>10)
}
