//go:build !mpi

package main

import (
	"strings"
	"testing"
)

// TestRanksWithoutMPI: a program without MPI that mpirun starts says what to build.
func TestRanksWithoutMPI(t *testing.T) {
	c := process(t, -1, "version")
	c.Env = append(c.Env, "OMPI_COMM_WORLD_SIZE=2")
	out, err := c.CombinedOutput()
	if err == nil || c.ProcessState.ExitCode() != codeError || !strings.Contains(string(out), "go build -tags mpi") {
		t.Errorf("%v: %s", err, out)
	}
}
