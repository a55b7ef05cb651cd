package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/klauspost/cpuid/v2"
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
	cpu := strings.TrimSpace(cpuid.CPU.BrandName)
	if cpu == "" {
		cpu = "unknown"
	}
	fmt.Fprintf(out, "cpu      %s, %d logical cores, caches %d KB L1d, %d KB L2, %d KB L3\n", cpu, runtime.NumCPU(),
		cpuid.CPU.Cache.L1D>>10, cpuid.CPU.Cache.L2>>10, cpuid.CPU.Cache.L3>>10)
	fmt.Fprintf(out, "isa      %v, available: %s\n", asm.Active(), strings.Join(isas, " "))
	fmt.Fprintf(out, "blas     %s, available: %s\n", info, strings.Join(blas.Available(), " "))
	float := "denormals are kept, rounding is to nearest"
	if err := errors.Join(asm.FloatError(), asm.CheckFloat()); err != nil {
		float = "warning: " + oneLine(err)
	}
	fmt.Fprintf(out, "float    %s\n", float)
	fmt.Fprintf(out, "threads  GOMAXPROCS %d\n", runtime.GOMAXPROCS(0))
	fmt.Fprintf(out, "go       %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
