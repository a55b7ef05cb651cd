package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/elbow-go/elbow/bench/internal/cases"
)

// A process is one of the peers: see c/peer.c for what it understands.
type process struct {
	name  string
	cmd   *exec.Cmd
	in    *bufio.Writer
	out   *bufio.Reader
	info  []string            // what it is
	impls map[string][]string // by what the work is called
}

// environment is ours without what would change the peers, and with their number of threads.
func environment(extra []string) []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "OPENBLAS_") || strings.HasPrefix(s, "MKL_") || strings.HasPrefix(s, "OMP_") || strings.HasPrefix(s, "KMP_") || strings.HasPrefix(s, "LD_PRELOAD")
	})
	n := strconv.Itoa(threads)
	return append(append(env, "OMP_NUM_THREADS="+n, "MKL_NUM_THREADS="+n, "PEER_THREADS="+n, "PYTHONDONTWRITEBYTECODE=1"), extra...)
}

func start(name string, args, env []string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(args[0], args[1:]...), impls: map[string][]string{}}
	p.cmd.Stderr, p.cmd.Env = os.Stderr, environment(env)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = bufio.NewWriterSize(in, 1<<20), bufio.NewReaderSize(out, 1<<20)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if p.info, err = p.lines("info"); err != nil {
		return nil, err
	}
	list, err := p.lines("list")
	for _, line := range list {
		work, impl, _ := strings.Cut(line, " ")
		p.impls[work] = append(p.impls[work], impl)
	}
	return p, err
}

// lines sends a command and returns the lines of the answer, which a line "end" closes.
func (p *process) lines(command string) (list []string, err error) {
	fmt.Fprintln(p.in, command)
	for {
		line, err := p.answer()
		if err != nil || line == "end" {
			return list, err
		}
		list = append(list, line)
	}
}

// answer sends what was written and returns the next line of the answer.
func (p *process) answer() (string, error) {
	if err := p.in.Flush(); err != nil {
		return "", fmt.Errorf("%s: %w", p.name, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.name, err)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// load sends sizes and arrays of a case.
func (p *process) load(c *cases.Case) error {
	fmt.Fprint(p.in, "load ", len(c.Dims))
	for _, d := range c.Dims {
		fmt.Fprint(p.in, " ", d)
	}
	fmt.Fprint(p.in, " ", len(c.Arrays))
	for _, a := range c.Arrays {
		fmt.Fprint(p.in, " ", len(a.Data))
	}
	fmt.Fprintln(p.in)
	for _, a := range c.Arrays {
		p.in.Write(raw(a.Data))
	}
	return p.in.Flush()
}

// run returns the nanoseconds of one call of each part of the work, measured over about total of
// them; a total of 0 is one call.
func (p *process) run(work, impl string, total float64) (ns []float64, err error) {
	fmt.Fprintf(p.in, "run %s %s %.0f\n", work, impl, total)
	line, err := p.answer()
	if err != nil {
		return nil, err
	}
	for _, s := range strings.Fields(line) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: impl=%s: %s", p.name, impl, line)
		}
		ns = append(ns, v)
	}
	return ns, nil
}

// check compares one call with want, the result of c: every element of a kernel, and of sums as
// long as those of a layer every element in relation to the largest of its array.
func (p *process) check(c *cases.Case, impl string, want []float32, tolerance float64) error {
	c.Reset()
	if err := p.load(c); err != nil {
		return err
	}
	if _, err := p.run(c.Peer, impl, 0); err != nil {
		return err
	}
	for i, a := range c.Arrays {
		if a.Use&cases.Out == 0 {
			continue
		}
		fmt.Fprintf(p.in, "read %d\n", i)
		if err := p.in.Flush(); err != nil {
			return err
		}
		got := make([]float32, len(a.Data))
		if _, err := io.ReadFull(p.out, raw(got)); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if j := differ(got, want[:len(got)], tolerance, c.Flops > 0); j >= 0 {
			return fmt.Errorf("%s: impl=%s: array %d, element %d is %v, ours %v", c.Name(), impl, i, j, got[j], want[j])
		}
		want = want[len(got):]
	}
	return nil
}

// differ returns the index of the first element that is not near the one wanted, or -1.
func differ(got, want []float32, tolerance float64, sums bool) int {
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(float64(w)))
	}
	for i, g := range got {
		bound := math.Max(1, math.Abs(float64(want[i])))
		if sums {
			bound = largest
		}
		if d := math.Abs(float64(g - want[i])); !(d <= tolerance*bound) {
			return i
		}
	}
	return -1
}

// raw is the memory of x.
func raw(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}
