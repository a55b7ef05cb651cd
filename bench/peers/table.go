package main

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/klauspost/cpuid/v2"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench/internal/cases"
)

// A target says what a kernel is to reach in some cases.
type target struct {
	cases string // names separated by blanks; with a * at the end, all that start so
	impl  string
	// against holds peers, separated by blanks: reaching one is enough. Without any, the target
	// is a time.
	against string
	want    []float64 // for each peer, its time over ours; the time in nanoseconds an element
}

// The streaming limit is a target for forms without a logarithm of their own alone: softplus
// costs more than memory does.
var targets = []target{
	{"Exp/N=4096", "avx512", "sleef", []float64{1.9}},
	{"Exp/N=4096", "avx512", "libmvec", []float64{1}},
	{"Exp/N=4096", "avx2", "sleef-avx2", []float64{1.4}},
	{"Exp/N=4096", "avx2", "libmvec-avx2", []float64{1}},
	{"Log/N=4096", "avx512", "sleef", []float64{1.6}},
	{"Log/N=4096", "avx512", "libmvec", []float64{1}},
	{"Log/N=4096", "avx2", "libmvec-avx2", []float64{1}},
	{"Tanh/N=4096", "avx512", "sleef", []float64{4}},
	{"Tanh/N=4096", "avx512", "libmvec", []float64{1}},
	{"Tanh/N=4096", "avx2", "sleef-avx2", []float64{4}},
	{"Sigmoid/N=4096 Softplus/N=4096", "avx512", "libmvec", []float64{1}},
	{"Sigmoid/N=4096 Softplus/N=4096", "avx2", "libmvec-avx2", []float64{1}},
	{"GaussKL/B=256/Z=64/* GaussKL/B=256/Z=256/*", "avx512", "c", []float64{1.3}},
	{"GaussKLBackward/B=256/Z=64/* GaussKLBackward/B=256/Z=256/*", "avx512", "c", []float64{1.3}},
	{"GaussLogProb/B=256/Z=64/* GaussLogProb/B=256/Z=256/*", "avx512", "c", []float64{1.3}},
	{"GaussLogProbBackward/B=256/Z=64/* GaussLogProbBackward/B=256/Z=256/*", "avx512", "c", []float64{1.3}},
	{"GaussKL/B=256/Z=1024/form=Sigma GaussKLBackward/B=256/Z=1024/form=Sigma", "avx512", "limit", []float64{0.95}},
	{"GaussKL/B=256/Z=1024/form=LogVar GaussKLBackward/B=256/Z=1024/form=LogVar", "avx512", "limit", []float64{0.95}},
	{"GaussLogProb/B=256/Z=1024/form=Sigma GaussLogProbBackward/B=256/Z=1024/form=Sigma", "avx512", "limit", []float64{0.95}},
	{"GaussLogProb/B=256/Z=1024/form=LogVar GaussLogProbBackward/B=256/Z=1024/form=LogVar", "avx512", "limit", []float64{0.95}},
	{"GMMLogProb/*", "avx512", "c", []float64{1.3}},
	{"GMMLogProbBackward/*", "avx512", "c", []float64{1.3}},
	{"GMMLogProbBackward/B=128/K=20/X=200/form=Sigma GMMLogProbBackward/B=128/K=20/X=200/form=LogVar", "avx512", "limit", []float64{0.8}},
	{"BernoulliLogProb/* BernoulliLogProbBackward/*", "avx512", "c", []float64{1.5}},
	{"LatentStep/* LatentStepBackward/*", "avx512", "limit c", []float64{0.9, 1.5}},
	{"Normal/N=4096", "avx512", "", []float64{0.85}},
	{"Adam/N=4194304", "avx512", "limit", []float64{0.97}},
	{"Adam/N=65536", "avx512", "limit", []float64{0.85}},
	{"Adam/*", "avx512", "c", []float64{1}},
	// Whole sequences are ahead of everybody, products not behind.
	{"Sequence/*", "avx512", "torch", []float64{1.02}},
	{"Sequence/*", "avx512", "onnxruntime", []float64{1.02}},
	{"Sequence/*", "avx512", "onednn", []float64{1.02}},
	{"Train/model=vrnn/size=mid/*", "avx512", "torch", []float64{1.45}},
	{"Train/model=vrnn/size=mid/*", "avx512", "torch-batched", []float64{1.45}},
	{"Train/model=vrnn/size=mid/*", "avx512", "torch-delayed", []float64{1.45}},
	{"Train/model=vrnn/size=mid/*", "avx512", "torch-compiled", []float64{1.45}},
	{"Train/model=vrnn/size=large/*", "avx512", "torch", []float64{1.4}},
	{"Train/model=vrnn/size=large/*", "avx512", "torch-batched", []float64{1.4}},
	{"Train/model=vrnn/size=large/*", "avx512", "torch-delayed", []float64{1.4}},
	{"Train/model=vrnn/size=large/*", "avx512", "torch-compiled", []float64{1.4}},
	{"Train/model=vrnn/size=small/*", "avx512", "torch", []float64{1.5}},
	{"Train/model=vrnn/size=small/*", "avx512", "torch-batched", []float64{1.5}},
	{"Train/model=vrnn/size=small/*", "avx512", "torch-delayed", []float64{1.5}},
	{"Train/model=vrnn/size=small/*", "avx512", "torch-compiled", []float64{1.5}},
	{"Train/model=vae/*", "avx512", "torch", []float64{1.6}},
	{"Train/model=vrae-rnn/*", "avx512", "torch", []float64{1.25}},
	{"Train/model=vrae-lstm/*", "avx512", "torch", []float64{1.2}},
	{"Gemm/*", "avx512", "openblas", []float64{0.95}},
	{"Gemm/*", "avx512", "mkl", []float64{0.95}},
	{"Gemm/*", "avx512", "onednn", []float64{0.95}},
	{"GemmPacked/*", "avx512", "mkl", []float64{1}},
	{"GemmPacked/*", "avx512", "onednn", []float64{1}},
}

// A table has the samples of all cases.
type table struct {
	impl  *regexp.Regexp // those of peers that are measured
	notes []string       // what the figures have to be read with
	names []string       // of cases and of their parts
	rows  map[string]*row
}

// A row has the samples of a case or a part of one, in nanoseconds of a call.
type row struct {
	elems int
	flops float64 // of a case with products
	impls []string
	times map[string][]float64
	peak  []float64 // operations a second in every round, of the whole case
	parts []*row    // those of a case with parts, or the row itself
}

// row returns the row of a case, and adds it and those of its parts if they are not there yet.
func (t *table) row(c *cases.Case) *row {
	if r, ok := t.rows[c.Name()]; ok {
		return r
	}
	add := func(name string, flops float64) *row {
		r := &row{elems: c.Elems, flops: flops, times: map[string][]float64{}}
		t.names, t.rows[name] = append(t.names, name), r
		return r
	}
	var parts []*row
	for i, p := range c.Parts { // forward, backward
		parts = append(parts, add(strings.Replace(c.Name(), "pass=training", "pass="+p.Name, 1), c.Flops*float64(i+1)/3))
	}
	r := add(c.Name(), c.Flops)
	r.parts = parts
	if len(parts) == 0 {
		r.parts = []*row{r}
	}
	return r
}

// add adds a sample of each part, and their sum.
func (r *row) add(impl string, ns []float64) {
	sum := 0.0
	for i, p := range r.parts {
		sum += ns[i]
		if p != r {
			p.sample(impl, ns[i])
		}
	}
	r.sample(impl, sum)
	for _, p := range r.parts {
		p.peak = r.peak
	}
}

func (r *row) sample(impl string, ns float64) {
	if !slices.Contains(r.impls, impl) {
		r.impls = append(r.impls, impl)
	}
	r.times[impl] = append(r.times[impl], ns)
}

// median returns that of x, 0 if there is none.
func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if n := len(s); n > 0 {
		return (s[(n-1)/2] + s[n/2]) / 2
	}
	return 0
}

// time is the median of the samples of an implementation, in nanoseconds a call.
func (r *row) time(impl string) (float64, bool) {
	return median(r.times[impl]), len(r.times[impl]) > 0
}

// ratio is how many times our time fits into that of a peer: the median of the ratios within a
// round.
func (r *row) ratio(peer, our string) (float64, bool) {
	a, b := r.times[peer], r.times[our]
	if len(a) == 0 || len(a) != len(b) {
		return 0, false
	}
	var q []float64
	for i := range a {
		q = append(q, a[i]/b[i])
	}
	return median(q), true
}

// ofPeak is the share of the peak that an implementation reaches, 0 where there is none.
func (r *row) ofPeak(impl string) float64 {
	var q []float64
	for i, ns := range r.times[impl] {
		if i < len(r.peak) && r.peak[i] > 0 {
			q = append(q, r.flops/(ns*1e-9)/r.peak[i])
		}
	}
	return median(q)
}

// best is the fastest of our implementations on this machine, the first in every row.
func (r *row) best() string { return r.impls[0] }

// own is what a peer is compared with: ours of the same width.
func (r *row) own(impl string) string {
	if strings.HasSuffix(impl, "avx2") && len(r.times["avx2"]) > 0 {
		return "avx2"
	}
	return r.best()
}

// ours are the names of our implementations.
func ours(impl string) bool {
	return slices.ContainsFunc(asm.Available(), func(isa asm.ISA) bool { return isa.String() == impl || strings.HasPrefix(impl, isa.String()+"-") })
}

// print writes the time of every implementation of every case, and how many times ours fit
// into it.
func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nns an element, or us a call where there are products; behind a peer, its time over ours of that width\t")
	for _, name := range t.names {
		r := t.rows[name]
		fmt.Fprintf(w, "%s", name)
		for _, impl := range r.impls {
			ns, _ := r.time(impl)
			if r.flops > 0 {
				fmt.Fprintf(w, "\t%s %s", impl, microseconds(ns))
				if p := r.ofPeak(impl); p > 0 && ours(impl) {
					fmt.Fprintf(w, " (%.0f%% of peak)", 100*p)
				}
			} else {
				fmt.Fprintf(w, "\t%s %.3f", impl, ns/float64(r.elems))
			}
			if q, ok := r.ratio(impl, r.own(impl)); ok && impl != r.own(impl) {
				fmt.Fprintf(w, " (%.2fx)", q)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// microseconds writes nanoseconds with four digits, or all before the point.
func microseconds(ns float64) string {
	if ns >= 1e7 {
		return fmt.Sprintf("%.0f", ns/1e3)
	}
	return fmt.Sprintf("%.4g", ns/1e3)
}

// printMeans writes, for every kind of work with products and every peer, the geometric mean and
// the smallest of the ratios.
func (t *table) printMeans(out io.Writer) {
	type mean struct {
		sum   float64
		n     int
		least float64
		at    string
	}
	means, order := map[string]*mean{}, []string(nil)
	for _, name := range t.names {
		r := t.rows[name]
		if r.flops == 0 {
			continue
		}
		for _, impl := range r.impls[1:] {
			q, ok := r.ratio(impl, r.best())
			if !ok {
				continue
			}
			key := kindOf(name) + "\t" + impl
			m := means[key]
			if m == nil {
				m = &mean{least: math.Inf(1)}
				means[key], order = m, append(order, key)
			}
			m.sum, m.n = m.sum+math.Log(q), m.n+1
			if q < m.least {
				m.least, m.at = q, name
			}
		}
	}
	if len(order) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwork\tpeer\tgeometric mean of its time over ours\tcases\tleast\t")
	for _, key := range order {
		m := means[key]
		fmt.Fprintf(w, "%s\t%.2f\t%d\t%.2f\t%s\n", key, math.Exp(m.sum/float64(m.n)), m.n, m.least, m.at)
	}
	w.Flush()
}

// kindOf is a name without its sizes.
func kindOf(name string) string {
	var keep []string
	for i, s := range strings.Split(name, "/") {
		if key, _, _ := strings.Cut(s, "="); i == 0 || key == "kind" || key == "pass" || key == "model" {
			keep = append(keep, s)
		}
	}
	return strings.Join(keep, "/")
}

// writeSamples writes all samples as lines of a Go benchmark.
func (t *table) writeSamples(w io.Writer) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\npkg: github.com/elbow-go/elbow/bench\ncpu: %s\n", runtime.GOOS, runtime.GOARCH, strings.TrimSpace(cpuid.CPU.BrandName))
	for _, note := range t.notes {
		fmt.Fprintf(w, "# %s\n", strings.ReplaceAll(note, "\n", "\n# "))
	}
	for _, name := range t.names {
		r := t.rows[name]
		for _, impl := range r.impls {
			for _, ns := range r.times[impl] {
				fmt.Fprintf(w, "Benchmark%s/impl=%s 1 %.1f ns/op", name, impl, ns)
				if r.flops > 0 {
					fmt.Fprintf(w, " %.3f GFLOP/s\n", r.flops/ns)
				} else {
					fmt.Fprintf(w, " %.5f ns/elem\n", ns/float64(r.elems))
				}
			}
		}
	}
}

// printTargets writes one line per target and case.
func (t *table) printTargets(out io.Writer, list []target) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntarget\timpl\tagainst\tratio\twanted\t")
	met, all := 0, 0
	for _, g := range list {
		for _, name := range t.names {
			r := t.rows[name]
			our, ok := r.time(g.impl)
			if !ok || !matches(g.cases, name) {
				continue
			}
			against, reached := g.against, false
			var got, want []string
			if against == "" {
				our /= float64(r.elems)
				against, reached = "ns/elem", our <= g.want[0]
				got, want = append(got, fmt.Sprintf("%.3f", our)), append(want, fmt.Sprintf("<= %g", g.want[0]))
			}
			for i, peer := range strings.Fields(g.against) {
				q, ok := r.ratio(peer, g.impl)
				if !ok {
					continue
				}
				reached = reached || q >= g.want[i]
				got, want = append(got, fmt.Sprintf("%.2f", q)), append(want, fmt.Sprintf("%g", g.want[i]))
			}
			if len(got) == 0 {
				continue
			}
			all++
			verdict := "missed"
			if reached {
				verdict = "met"
				met++
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, g.impl, strings.ReplaceAll(against, " ", " | "), strings.Join(got, " | "), strings.Join(want, " | "), verdict)
		}
	}
	w.Flush()
	fmt.Fprintf(out, "%d of %d targets met\n", met, all)
}

// matches reports whether name is one of the patterns of a target.
func matches(patterns, name string) bool {
	for _, p := range strings.Fields(patterns) {
		if prefix, ok := strings.CutSuffix(p, "*"); name == p || ok && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
