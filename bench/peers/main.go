package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench/internal/cases"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("peers: ")
	dir := flag.String("dir", "bench/peers", "where the C code is, in folder c")
	out := flag.String("o", "bench-peers.out", "file for the samples, as lines of a Go benchmark")
	sweeps := flag.Int("sweeps", 5, "times that all cases are measured")
	rounds := flag.Int("rounds", 8, "samples of each implementation in a sweep")
	run := flag.String("run", "", "measure only cases whose name matches this regular expression")
	flag.Parse()
	if err := measureAll(*dir, *out, *sweeps, *rounds, *run); err != nil {
		log.Fatal(err)
	}
}

// sampleTime is how long one sample lasts, in nanoseconds, if a call is shorter.
const sampleTime = 0.7e6

func measureAll(dir, out string, sweeps, rounds int, run string) error {
	match, err := regexp.Compile(run)
	if err != nil {
		return err
	}
	program, err := build(dir)
	if err != nil {
		return err
	}
	p, err := start(program)
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "goos: linux\ngoarch: amd64\npkg: github.com/elbow-go/elbow/bench\n")
	t := &table{impls: map[string][]string{}, elems: map[string]int{}, times: map[string]map[string][]float64{}}
	list := selected(match)
	for s := range sweeps {
		for _, make := range list {
			if err := t.measure(make(), p, rounds, s == 0); err != nil {
				return err
			}
		}
	}
	if len(t.names) == 0 {
		return fmt.Errorf("no case matches %s", run)
	}
	for _, name := range t.names {
		for _, impl := range t.impls[name] {
			for _, ns := range t.times[name][impl] {
				fmt.Fprintf(w, "Benchmark%s/impl=%s 1 %.1f ns/op %.5f ns/elem\n", name, impl, ns, ns/float64(t.elems[name]))
			}
		}
	}
	t.print(os.Stdout)
	t.printTargets(os.Stdout, targets)
	return w.Flush()
}

// families are those measured: what has peers, or a target of its own.
var families = []string{"Exp", "Log", "Tanh", "Sigmoid", "Softplus", "GaussKL", "GaussKLBackward", "GaussLogProb", "GaussLogProbBackward",
	"LatentStep", "LatentStepBackward", "GMMLogProb", "GMMLogProbBackward", "BernoulliLogProb", "BernoulliLogProbBackward", "Normal", "Adam"}

// leftOut are cases that no target is about.
var leftOut = regexp.MustCompile(`/N=(64|1048576)$|/B=16/|/B=64/X=88|^Adam/N=4096$`)

func selected(match *regexp.Regexp) (list []func() *cases.Case) {
	for _, f := range families {
		for _, make := range cases.Of(f) {
			if name := f + "/" + make().Keys; match.MatchString(name) && !leftOut.MatchString(name) {
				list = append(list, make)
			}
		}
	}
	return list
}

// A table has the samples of all cases, in nanoseconds of a call.
type table struct {
	names []string // of cases
	impls map[string][]string
	elems map[string]int
	times map[string]map[string][]float64
}

// isas are the instruction sets measured: what machines have that run the C code.
func isas() (list []asm.ISA) {
	for _, isa := range asm.Available() {
		if isa != asm.Generic {
			list = append(list, isa)
		}
	}
	slices.Reverse(list)
	return list
}

// measure adds samples of a case, after a check if it is the first time.
func (t *table) measure(c *cases.Case, p *process, rounds int, first bool) error {
	name := c.Name()
	family := c.Family
	if _, form, ok := strings.Cut(c.Keys, "form="); ok {
		family += "." + form
	}
	impls := p.impls[family]
	if first {
		t.names = append(t.names, name)
		t.elems[name], t.times[name] = c.Elems, map[string][]float64{}
		want := c.Result()
		for _, impl := range impls {
			if impl != "limit" {
				if err := p.check(c, family, impl, want); err != nil {
					return err
				}
			}
		}
		for _, isa := range isas() {
			t.impls[name] = append(t.impls[name], isa.String())
		}
		t.impls[name] = append(t.impls[name], impls...)
	}
	c.Reset()
	if err := p.load(c); err != nil {
		return err
	}
	times := t.times[name]
	for range rounds {
		// The first sample of a process that has waited is 10 to 20 % slower, and not counted.
		sample(c.Run)
		for _, isa := range isas() {
			asm.Use(isa)
			times[isa.String()] = append(times[isa.String()], sample(c.Run))
		}
		if len(impls) > 0 {
			if _, err := p.run(family, impls[0], sampleTime); err != nil {
				return err
			}
		}
		for _, impl := range impls {
			ns, err := p.run(family, impl, sampleTime)
			if err != nil {
				return err
			}
			times[impl] = append(times[impl], ns)
		}
	}
	return nil
}

// sample is the time of a call, taken as c/peer.c takes it.
func sample(f func()) float64 {
	f()
	start := time.Now()
	f()
	each := float64(time.Since(start))
	calls := max(1, int(sampleTime/max(1, each)))
	if each*2 > sampleTime {
		calls = 1
	}
	start = time.Now()
	for range calls {
		f()
	}
	return float64(time.Since(start)) / float64(calls)
}
