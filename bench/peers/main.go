package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench/internal/cases"
	"github.com/elbow-go/elbow/internal/measure"
)

// threads is how many each implementation may use.
var threads = 1

// options are the flags.
type options struct {
	out, only, shape, run, impl string
	sweeps, rounds              int
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("peers: ")
	var o options
	dir := flag.String("dir", "bench/peers", "where the sources of the peers are, in folders c and py")
	venv := flag.String("venv", "", "places of Python and libraries, as a list; default bin/venv in -dir")
	flag.StringVar(&o.out, "o", "bench-peers.out", "file for the samples, as lines of a Go benchmark")
	flag.StringVar(&o.only, "only", "", "measure only these suites, separated by commas: "+strings.Join(suiteNames(), ","))
	flag.StringVar(&o.shape, "shape", "", "measure only this shape: B,T,I,H of sequences, B,H of steps, M,N,K of products, the name of a model")
	flag.StringVar(&o.run, "run", "", "measure only cases whose name matches this regular expression")
	flag.StringVar(&o.impl, "impl", "", "measure only the peers' implementations whose name matches this regular expression, and ours")
	flag.IntVar(&o.sweeps, "sweeps", 0, "times that all cases are measured; default as the suite needs")
	flag.IntVar(&o.rounds, "rounds", 0, "samples of each implementation in a sweep; default as the suite needs")
	flag.IntVar(&threads, "threads", 1, "threads of each implementation")
	flag.Parse()
	runtime.GOMAXPROCS(threads)
	cases.Threads = threads
	path, err := filepath.Abs(*dir)
	if err == nil {
		b := &builder{path, []string{filepath.Join(path, "bin", "venv")}}
		if *venv != "" {
			b.venvs = filepath.SplitList(*venv)
		}
		err = measureAll(b, o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measureAll(b *builder, o options) error {
	list, err := selected(o)
	if err != nil {
		return err
	}
	file, err := os.Create(o.out)
	if err != nil {
		return err
	}
	defer file.Close()
	t := &table{rows: map[string]*row{}}
	if t.impl, err = regexp.Compile(o.impl); err != nil {
		return err
	}
	t.header()
	procs, err := t.startAll(b, list)
	if err != nil {
		return err
	}
	for _, s := range list {
		for sweep := range s.sweeps {
			for _, make := range s.makers {
				if err := t.measure(make.New(), procs, s, sweep == 0); err != nil {
					return err
				}
			}
		}
	}
	w := bufio.NewWriter(file)
	t.writeSamples(w)
	t.print(os.Stdout)
	t.printMeans(os.Stdout)
	t.printTargets(os.Stdout, targets)
	return w.Flush()
}

// say prints what the figures have to be read with, and keeps it for the file of the samples.
func (t *table) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Println(line)
	t.notes = append(t.notes, line)
}

// header says what measures, and where.
func (t *table) header() {
	allowed := "any"
	if text, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(text)) {
			if v, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
				allowed = strings.TrimSpace(v)
			}
		}
	}
	t.say("cpu: %s, processors %s of %d; threads: %d", strings.TrimSpace(cpuid.CPU.BrandName), allowed, runtime.NumCPU(), threads)
	t.say("ours: %s, %v", runtime.Version(), asm.Active())
}

// startAll starts the workers that the suites have work for, and prints what they are.
func (t *table) startAll(b *builder, list []suite) (procs []*process, err error) {
	if err := os.MkdirAll(filepath.Join(b.dir, "bin"), 0o777); err != nil {
		return nil, err
	}
	for _, w := range workers {
		if !slices.ContainsFunc(list, func(s suite) bool { return slices.Contains(s.peers, w.name) }) {
			continue
		}
		args, env, err := w.command(b)
		if err != nil {
			t.say("%s: left out: %v", w.name, err)
			continue
		}
		p, err := start(w.name, args, env)
		if err != nil {
			t.say("%s: left out: %v", w.name, err)
			continue
		}
		for _, line := range p.info {
			t.say("%s: %s", w.name, line)
		}
		procs = append(procs, p)
	}
	return procs, nil
}

// isas are the instruction sets of ours that are measured, best first.
func (s suite) isas() (list []asm.ISA) {
	for _, isa := range asm.Available() {
		if isa != asm.Generic && (s.allISAs || isa == asm.Active()) {
			list = append(list, isa)
		}
	}
	slices.Reverse(list)
	return list
}

// warm is how long the first of a process that has waited runs before it is timed.
const warm = 60 * time.Millisecond

// A contender is an implementation of a case by a peer.
type contender struct {
	p    *process
	impl string
}

// measure adds samples of a case, after a check if it is the first time.
func (t *table) measure(c *cases.Case, procs []*process, s suite, first bool) error {
	r := t.row(c)
	var peers []contender
	want := c.Result()
	for _, p := range procs {
		for _, impl := range p.impls[c.Peer] {
			if !t.impl.MatchString(impl) {
				continue
			}
			if first && impl != "limit" {
				if err := p.check(c, impl, want, s.tolerance); err != nil {
					t.say("%s: left out: %v", c.Name(), err)
					continue
				}
			}
			if first || len(r.parts[0].times[impl]) > 0 {
				peers = append(peers, contender{p, impl})
			}
		}
	}
	c.Reset()
	for i, k := range peers {
		if i == 0 || k.p != peers[i-1].p {
			if err := k.p.load(c); err != nil {
				return err
			}
		}
	}
	defer asm.Use(asm.Active())
	for range s.rounds {
		for i, isa := range s.isas() {
			asm.Use(isa)
			if c.Pack != nil {
				c.Pack()
			}
			if i == 0 {
				sample(c, float64(warm))
				r.peak = append(r.peak, measure.Peak(isa))
			}
			r.add(isa.String(), sample(c, s.sample))
		}
		for _, o := range c.Other {
			o.Run()
			sample(c, s.sample)
			r.add(asm.Active().String()+"-"+o.Name, sample(c, s.sample))
		}
		for i, k := range peers {
			if i == 0 || k.p != peers[i-1].p {
				if _, err := k.p.run(c.Peer, k.impl, float64(warm)); err != nil {
					return err
				}
			}
			ns, err := k.p.run(c.Peer, k.impl, s.sample)
			if err != nil {
				return err
			}
			r.add(k.impl, ns)
		}
	}
	return nil
}

// sample is the time of a call of each part of a case, taken as c/peer.c takes it: over about so
// many nanoseconds, or one call if that takes longer.
func sample(c *cases.Case, total float64) []float64 {
	parts := c.Parts
	if len(parts) == 0 {
		parts = []cases.Part{{Run: c.Run}}
	}
	times := make([]float64, len(parts))
	round := func() (sum float64) {
		for i, p := range parts {
			start := time.Now()
			p.Run()
			d := float64(time.Since(start))
			times[i] += d
			sum += d
		}
		return sum
	}
	each := round()
	if each*2 > total {
		return times
	}
	calls := int(total / max(1, each))
	clear(times)
	if len(parts) == 1 {
		start := time.Now()
		for range calls {
			parts[0].Run()
		}
		times[0] = float64(time.Since(start))
	} else {
		for range calls {
			round()
		}
	}
	for i := range times {
		times[i] /= float64(calls)
	}
	return times
}

// selected returns the suites of the flags, with their cases.
func selected(o options) (list []suite, err error) {
	match, err := regexp.Compile(o.run)
	if err != nil {
		return nil, err
	}
	all := suites
	if o.only != "" {
		all = nil
		for _, name := range strings.Split(o.only, ",") {
			i := slices.IndexFunc(suites, func(s suite) bool { return s.name == name })
			if i < 0 {
				return nil, fmt.Errorf("no suite %q: there are %s", name, strings.Join(suiteNames(), ", "))
			}
			all = append(all, suites[i])
		}
	}
	for _, s := range all {
		if o.shape != "" && s.of == nil {
			continue
		}
		if o.shape == "" {
			s.makers = s.all()
		} else if s.makers, err = s.of(o.shape); err != nil {
			return nil, fmt.Errorf("suite %s: %w", s.name, err)
		}
		s.makers = slices.DeleteFunc(s.makers, func(m cases.Maker) bool { return !match.MatchString(m.Family + "/" + m.Keys) })
		if o.sweeps > 0 {
			s.sweeps = o.sweeps
		}
		if o.rounds > 0 {
			s.rounds = o.rounds
		}
		if len(s.makers) > 0 {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no case matches %q", o.run)
	}
	return list, nil
}
