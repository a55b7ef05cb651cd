package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"unsafe"

	"github.com/elbow-go/elbow/bench/internal/cases"
)

// A process is the C side: see c/peer.c for what it understands.
type process struct {
	cmd   *exec.Cmd
	in    *bufio.Writer
	out   *bufio.Reader
	impls map[string][]string // by family
}

func start(path string) (*process, error) {
	p := &process{cmd: exec.Command(path), impls: map[string][]string{}}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = bufio.NewWriter(in), bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	fmt.Fprintln(p.in, "list")
	for {
		line, err := p.answer()
		if err != nil {
			return nil, err
		}
		family, impl, ok := strings.Cut(line, " ")
		if !ok {
			return p, nil
		}
		p.impls[family] = append(p.impls[family], impl)
	}
}

// answer sends what was written and returns the next line of the answer.
func (p *process) answer() (string, error) {
	if err := p.in.Flush(); err != nil {
		return "", fmt.Errorf("peer: %w", err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("peer: %w", err)
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

// run returns the nanoseconds of one call, measured over about total of them.
func (p *process) run(family, impl string, total float64) (ns float64, err error) {
	fmt.Fprintf(p.in, "run %s %s %.0f\n", family, impl, total)
	line, err := p.answer()
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(line, &ns)
	return ns, err
}

// check compares one call with want, the result of c.
func (p *process) check(c *cases.Case, family, impl string, want []float32) error {
	c.Reset()
	if err := p.load(c); err != nil {
		return err
	}
	if _, err := p.run(family, impl, 0); err != nil {
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
			return err
		}
		for j, g := range got {
			if d := math.Abs(float64(g - want[j])); !(d <= 1e-4*math.Max(1, math.Abs(float64(want[j])))) {
				return fmt.Errorf("%s: impl=%s: array %d, element %d is %v, ours %v", c.Name(), impl, i, j, g, want[j])
			}
		}
		want = want[len(got):]
	}
	return nil
}

// raw is the memory of x.
func raw(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}
