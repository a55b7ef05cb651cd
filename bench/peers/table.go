package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
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
	{"Log/N=4096", "avx512", "libmvec", []float64{0.7}},
	{"Tanh/N=4096", "avx512", "sleef", []float64{4}},
	{"Tanh/N=4096", "avx512", "libmvec", []float64{0.8}},
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
}

// time is the tenth percentile of the samples of an implementation, in nanoseconds an element.
func (t *table) time(name, impl string) (float64, bool) {
	s := slices.Sorted(slices.Values(t.times[name][impl]))
	if len(s) == 0 {
		return 0, false
	}
	return s[len(s)/10] / float64(t.elems[name]), true
}

// print writes the time of every implementation of every case, and how many times ours fit
// into it: of the same vector width, and avx512 into the limit.
func (t *table) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ns/elem; behind a peer, its time over ours of that width\t")
	for _, name := range t.names {
		fmt.Fprintf(w, "%s", name)
		for _, impl := range t.impls[name] {
			ns, _ := t.time(name, impl)
			fmt.Fprintf(w, "\t%s %.3f", impl, ns)
			own := "avx512"
			if strings.HasSuffix(impl, "avx2") {
				own = "avx2"
			}
			if our, ok := t.time(name, own); ok && impl != own {
				fmt.Fprintf(w, " (%.2fx)", ns/our)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// printTargets writes one line per target and case.
func (t *table) printTargets(out io.Writer, list []target) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ntarget\timpl\tagainst\tratio\twanted\t")
	met, all := 0, 0
	for _, g := range list {
		for _, name := range t.names {
			our, ok := t.time(name, g.impl)
			if !ok || !matches(g.cases, name) {
				continue
			}
			against, reached := g.against, false
			var got, want []string
			if against == "" {
				against, reached = "ns/elem", our <= g.want[0]
				got, want = append(got, fmt.Sprintf("%.3f", our)), append(want, fmt.Sprintf("<= %g", g.want[0]))
			}
			for i, peer := range strings.Fields(g.against) {
				ns, ok := t.time(name, peer)
				if !ok {
					continue
				}
				reached = reached || ns/our >= g.want[i]
				got, want = append(got, fmt.Sprintf("%.2f", ns/our)), append(want, fmt.Sprintf("%g", g.want[i]))
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
