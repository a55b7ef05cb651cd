package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A test is a driver and the one routine that it is to look at.
type test struct {
	driver  string
	routine string
	level   int // of BLAS: 2 for matrix times vector, 3 for matrix times matrix
	c       bool
}

// tests are all of a level, for Fortran and for C, in float32 and float64.
func tests(level int) (list []test) {
	name := map[int]string{2: "gemv", 3: "gemm"}[level]
	for _, p := range []string{"s", "d"} {
		list = append(list,
			test{fmt.Sprintf("xblat%d%s", level, p), strings.ToUpper(p + name), level, false},
			test{fmt.Sprintf("x%scblat%d", p, level), "cblas_" + p + name, level, true})
	}
	return list
}

// ways are those of the shim to multiply.
var ways = []way{{"plain", true}, {"packed", false}, {"threads", false}, {"gonumblas", true}}

type way struct {
	name   string
	vector bool // has a product with a vector of its own
}

func (w way) tests() []test {
	if w.vector {
		return append(tests(3), tests(2)...)
	}
	return tests(3)
}

// summary is the file that a driver for Fortran writes to. One for C prints.
const summary = "summary"

// sizes are of the matrices, nine of them at most and none above 65, where the arrays of the drivers
// end: around the widths of vectors, tiles and panels.
const sizes = "0 1 2 3 7 16 33 65"

// input is what the driver reads: a value or several on a line, each line in its place.
func (t test) input() string {
	var b strings.Builder
	line := func(values any, what string) { fmt.Fprintf(&b, "%-24v %s\n", values, what) }
	if !t.c {
		line("'"+summary+"'", "SUMMARY FILE")
		line(6, "ITS UNIT")
	}
	line("'snapshot'", "SNAPSHOT FILE")
	line(-1, "ITS UNIT: NONE")
	line("F", "REWIND IT")
	line("T", "STOP ON FAILURES")
	line("F", "TEST ERROR EXITS")
	if t.c {
		line(2, "COLUMN-MAJOR AND ROW-MAJOR")
	}
	line(16.0, "THRESHOLD: ERROR OF A RESULT IN UNITS OF ITS ROUNDING")
	list := func(values, what string) {
		line(len(strings.Fields(values)), "NUMBER OF VALUES")
		line(values, what)
	}
	list(sizes, "SIZES")
	if t.level == 2 {
		list("0", "BANDS, FOR OTHER ROUTINES")
		list("1 2 -1 -2", "INCREMENTS")
	}
	list("0.0 1.0 0.7", "ALPHA")
	list("0.0 1.0 1.3", "BETA")
	line(t.routine+" T", "TEST IT, AND NO OTHER")
	return b.String()
}

// verdict reads what the driver says: how many calls it has made, all of them right.
func (t test) verdict(text string) (calls int, err error) {
	if _, found, ok := strings.Cut(text, "*******"); ok {
		// Before the call there may be a column of numbers.
		what, _, _ := strings.Cut(found, "\n")
		_, call, _ := strings.Cut(found, "FAILED ON CALL NUMBER:\n")
		call, _, _ = strings.Cut(call, "\n")
		return 0, fmt.Errorf("%w:%s %s", errFound, strings.TrimRight(what, " *"), strings.TrimSpace(call))
	}
	// The drivers for C say which layout. SGEMM also begins other names, so a blank follows.
	passed := regexp.MustCompile(`(?m)^ `+t.routine+` +PASSED THE (?:COLUMN-MAJOR|ROW-MAJOR)? *COMPUTATIONAL TESTS \( *(\d+) CALLS\)$`).FindAllStringSubmatch(text, -1)
	want := 1
	if t.c {
		want = 2
	}
	if len(passed) != want || !strings.Contains(text, "END OF TESTS") {
		return 0, fmt.Errorf("%s passed %d times, want %d and an end:\n%s", t.routine, len(passed), want, text)
	}
	for _, p := range passed {
		n, err := strconv.Atoi(p[1])
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%s: %q calls", t.routine, p[1])
		}
		calls += n
	}
	return calls, nil
}

// errFound is that a driver has found an error.
var errFound = errors.New("the driver has found an error")

// A runner knows where everything is.
type runner struct{ drivers, shim, dir string }

// both runs the driver on right products and on a wrong one.
func (r runner) both(t test, isa, way string) (calls int, err error) {
	if calls, err = r.run(t, isa, way, false); err != nil {
		return 0, err
	}
	switch _, err := r.run(t, isa, way, true); {
	case err == nil:
		return 0, errors.New("the planted error is not found")
	case !errors.Is(err, errFound):
		return 0, fmt.Errorf("with a planted error: %w", err)
	}
	return calls, nil
}

// timeLimit is for one driver, which takes seconds: a product that does not end is an error too.
const timeLimit = 5 * time.Minute

// run runs the driver in a folder of its own, as it writes to a file of fixed name.
func (r runner) run(t test, isa, way string, plant bool) (calls int, err error) {
	dir, err := os.MkdirTemp(r.dir, t.driver+"-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(r.drivers, t.driver))
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(t.input())
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "ELBOW_") && !strings.HasPrefix(e, "NETLIB_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "LD_PRELOAD="+r.shim, "LD_LIBRARY_PATH="+r.drivers, "ELBOW_ISA="+isa, "NETLIB_WAY="+way)
	if plant {
		cmd.Env = append(cmd.Env, "NETLIB_PLANT=1")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run()
	if !t.c {
		text, err := os.ReadFile(filepath.Join(dir, summary))
		if err != nil && failed == nil {
			return 0, err
		}
		stdout.Write(text)
	}
	calls, err = t.verdict(stdout.String())
	if errors.Is(err, errFound) {
		return 0, err
	}
	if failed != nil {
		return 0, fmt.Errorf("%w\n%s%s", failed, stdout.Bytes(), stderr.Bytes())
	}
	if want := fmt.Sprintf("shim: isa=%s way=%s", isa, way); err == nil && strings.TrimSpace(stderr.String()) != want {
		return 0, fmt.Errorf("standard error has %q, want %q", stderr.String(), want)
	}
	return calls, err
}
