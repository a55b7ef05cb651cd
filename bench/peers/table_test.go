package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestTargets: every target names cases that are measured, and as many figures as peers.
func TestTargets(t *testing.T) {
	var names []string
	for _, make := range selected(regexp.MustCompile("^(Adam/N=65536|[^A]|A[^d])")) { // 4 million parameters are slow to make
		names = append(names, make().Name())
	}
	names = append(names, "Adam/N=4194304")
	for _, g := range targets {
		for _, pattern := range strings.Fields(g.cases) {
			found := false
			for _, n := range names {
				found = found || matches(pattern, n)
			}
			if !found {
				t.Errorf("no case %s", pattern)
			}
		}
		if peers := len(strings.Fields(g.against)); len(g.want) != max(1, peers) {
			t.Errorf("%s: %d peers, %d figures", g.cases, peers, len(g.want))
		}
	}
}

func TestTable(t *testing.T) {
	tab := &table{names: []string{"Exp/N=10"}, impls: map[string][]string{"Exp/N=10": {"avx512", "sleef"}}, elems: map[string]int{"Exp/N=10": 10},
		times: map[string]map[string][]float64{"Exp/N=10": {
			"avx512": {90, 20, 30, 40, 50, 60, 70, 80, 10, 100},
			"sleef":  {50},
		}}}
	if ns, ok := tab.time("Exp/N=10", "avx512"); ns != 2 || !ok {
		t.Errorf("time %v, want the second of ten, an element: 2", ns)
	}
	if _, ok := tab.time("Exp/N=10", "libmvec"); ok {
		t.Error("a time of nothing")
	}
	var out strings.Builder
	tab.print(&out)
	tab.printTargets(&out, []target{
		{"Exp/*", "avx512", "sleef", []float64{2.5}},
		{"Exp/N=10", "avx512", "sleef libmvec", []float64{2.6, 1}},
		{"Exp/N=10", "avx512", "", []float64{2}},
		{"Exp/N=1", "avx512", "sleef", []float64{1}},
	})
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"", "sleef 5.000 (2.50x)", "", "", "2.50 +2.5 +met", "2.50 +2.6 +missed", "2.000 +<= 2 +met", "2 of 3 targets met"} {
		if ok, _ := regexp.MatchString(strings.NewReplacer("(", `\(`, ")", `\)`).Replace(want), lines[i]); !ok {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
}
