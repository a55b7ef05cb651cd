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

// doctor says what is used, also where variables could not be obeyed, which is an error all the same.
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
		return cmd.result(map[string]any{"isas": isas})
	}
	cpu := measure.ThisCPU()
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-8s %s\n", name, fmt.Sprintf(format, args...))
	}
	cores := fmt.Sprintf("%d logical cores", cpu.Cores)
	if mine := runtime.NumCPU(); mine < cpu.Cores {
		cores += fmt.Sprintf(", of which this process may use %d", mine) + unbind(ranksOf(ctx))
	}
	line("cpu", "%s, %s, caches %s L1d, %s L2, %s L3", cmp.Or(printable(cpu.Name), "unknown"), cores,
		kilobytes(cpu.L1D), kilobytes(cpu.L2), kilobytes(cpu.L3))
	line("isa", "%v, available: %s", asm.Active(), strings.Join(isas, " "))
	line("int8", "products of bytes: %s", dotLine(asm.Dot(), asm.HasDot()))
	line("blas", "%s, available: %s", blas.Info(), strings.Join(blas.Available(), " "))
	float := "denormals are kept, rounding is to nearest"
	if err := errors.Join(asm.FloatError(), asm.CheckFloat()); err != nil {
		float = "warning: " + printable(err.Error())
	}
	line("float", "%s", float)
	m := measureMachine()
	m.print(out)
	rows, err := m.measure(ctx, doctorWorks)
	if err != nil {
		return err
	}
	for _, r := range rows {
		line("kernel", "%-26s %8.1f GFLOP/s, %s of what peak and memory allow", r.name, r.flops/r.seconds/1e9, r.share())
	}
	line("threads", "GOMAXPROCS %d", runtime.GOMAXPROCS(0))
	line("go", "%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if err := m.draw(*svg, rows); err != nil {
		return err
	}
	return cmd.result(map[string]any{"cpu": cpu.Name, "cores": cpu.Cores, "usable_cores": runtime.NumCPU(), "l1d": cpu.L1D, "l2": cpu.L2, "l3": cpu.L3, "isa": asm.Active().String(), "isas": isas,
		"int8_dot": asm.Dot(), "blas": blas.Info(), "blas_available": blas.Available(), "float": float, "machine": m.figures(rows),
		"gomaxprocs": runtime.GOMAXPROCS(0), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
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
