//go:build mpi

package dist

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// mpirun starts this test's program on so many ranks, where the test named run does what do says.
func mpirun(t *testing.T, ranks int, do string) (string, error) {
	t.Helper()
	cmd := exec.Command("mpirun", "-n", fmt.Sprint(ranks), "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", os.Args[0], "-test.run", "^TestRank$")
	cmd.Env = append(os.Environ(), "DIST_TEST="+do, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestRank is what the ranks of the other tests do.
func TestRank(t *testing.T) {
	do := os.Getenv("DIST_TEST")
	if do == "" {
		t.Skip("started by the other tests")
	}
	c, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	switch do {
	case "sum":
		c.Bucket = 1000
		for _, leaves := range []int{8, 12} {
			for _, lengths := range [][]int{{5}, {0, 1, 7000, 0, 33}, {}} {
				if err := checkSum(c, leaves, lengths); err != nil {
					t.Error(err)
				}
			}
		}
		all, err := c.Gather([]byte(strings.Repeat("x", c.Rank())))
		if err != nil || len(all) != c.Size() || len(all[c.Size()-1]) != c.Size()-1 {
			t.Errorf("gathered %q, %v", all, err)
		}
		// What MPI cannot count is not begun, by any rank.
		counts := make([]int, c.Size())
		counts[c.Size()-1] = 1 << 31
		if err := c.lane(gatherLane).collect(nil, counts); err == nil || !strings.Contains(err.Error(), "2147483648 bytes") {
			t.Errorf("2^31 bytes: %v", err)
		}
		if err := c.Barrier(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			c.Abort(1)
		}
	case "abort":
		if c.Rank() == c.Size()-1 {
			c.Abort(7)
		}
		c.Barrier() // without end
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestMPI: processes have the bits of one, and the exit code of a rank that gives up is that of mpirun.
func TestMPI(t *testing.T) {
	for _, ranks := range []int{1, 2, 3, 5} {
		if out, err := mpirun(t, ranks, "sum"); err != nil {
			t.Errorf("%d ranks: %v\n%s", ranks, err, out)
		}
	}
	out, err := mpirun(t, 3, "abort")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Errorf("aborted with 7: %v\n%s", err, out)
	}
}
