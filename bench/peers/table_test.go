package main

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench/internal/cases"
)

// TestTargets: every target names cases that are measured, and as many figures as peers.
func TestTargets(t *testing.T) {
	list, err := selected(options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		for _, m := range s.makers {
			names = append(names, m.Family+"/"+m.Keys, strings.Replace(m.Family+"/"+m.Keys, "pass=training", "pass=backward", 1),
				strings.Replace(m.Family+"/"+m.Keys, "pass=training", "pass=forward", 1))
		}
	}
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

func TestSelected(t *testing.T) {
	list, err := selected(options{only: "sequences,products", shape: "3,4,5", rounds: 2})
	if err == nil {
		t.Errorf("%v: three sizes are no sequence", list)
	}
	list, err = selected(options{only: "sequences", shape: "3,4,5,6", run: "kind=lstm", rounds: 2})
	if err != nil || len(list) != 1 || len(list[0].makers) != 2 || list[0].rounds != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if m := list[0].makers[1]; m.Keys != "kind=lstm/B=3/T=4/I=5/H=6/pass=training" {
		t.Error(m.Keys)
	}
	for _, o := range []options{{only: "sequence"}, {run: "nothing"}, {run: "("}, {only: "models", shape: "huge"}} {
		if _, err := selected(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

// TestCases computes small cases of every kind of work twice, the second time after the work was
// done as in a measurement.
func TestCases(t *testing.T) {
	for _, o := range []options{
		{only: "sequences", shape: "2,3,4,5"}, {only: "quantized", shape: "2,3,4,5"}, {only: "steps", shape: "2,8"},
		{only: "products", shape: "3,4,5"}, {only: "models", shape: "jsb"},
	} {
		list, err := selected(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list[0].makers {
			c := m.New()
			first := c.Result()
			sample(c, 1e5)
			again := c.Result()
			if differ(again, first, 0, true) >= 0 || len(first) == 0 || c.Flops == 0 || c.Elems == 0 || c.Peer == "" {
				t.Errorf("%s: the second result is not the first, or sizes are missing", c.Name())
			}
			norm := 0.0
			for _, v := range first {
				norm += float64(v) * float64(v)
			}
			if norm == 0 || math.IsNaN(norm) {
				t.Errorf("%s: squares of the results sum up to %v", c.Name(), norm)
			}
		}
	}
}

func TestDiffer(t *testing.T) {
	want := []float32{1000, 1}
	if i := differ([]float32{1000, 1.5}, want, 1e-3, true); i >= 0 {
		t.Error("0.5 is a thousandth of the largest sum")
	}
	if i := differ([]float32{1000, 1.5}, want, 1e-3, false); i != 1 {
		t.Errorf("element %d differs, want 1", i)
	}
	if i := differ([]float32{float32(math.NaN()), 1}, want, 1, true); i != 0 {
		t.Errorf("element %d is NaN, want 0", i)
	}
}

func TestTable(t *testing.T) {
	best := asm.Active().String()
	tab := &table{rows: map[string]*row{}}
	r := tab.row(&cases.Case{Family: "Exp", Keys: "N=10", Elems: 10})
	for i, ns := range []float64{20, 40, 10} {
		r.add(best, []float64{ns})
		r.add("sleef", []float64{ns * float64(i+2)}) // 2, 3 and 4 times as long
	}
	if ns, ok := r.time(best); ns != 20 || !ok {
		t.Errorf("time %v, want the median, 20", ns)
	}
	if q, ok := r.ratio("sleef", best); q != 3 || !ok {
		t.Errorf("ratio %v, want the median of ratios, 3", q)
	}
	if _, ok := r.time("libmvec"); ok {
		t.Error("a time of nothing")
	}
	part := func() {}
	s := tab.row(&cases.Case{Family: "Sequence", Keys: "kind=lstm/B=1/pass=training", Elems: 1, Flops: 3e9, Parts: []cases.Part{{Name: "forward", Run: part}, {Name: "backward", Run: part}}})
	s.peak = []float64{1e10}
	s.add(best, []float64{2e8, 4e8})
	s.add("torch", []float64{6e8, 6e8})
	if p := s.ofPeak(best); math.Abs(p-0.5) > 1e-9 {
		t.Errorf("%v of the peak, want half", p)
	}
	if q, _ := tab.rows["Sequence/kind=lstm/B=1/pass=backward"].ratio("torch", best); q != 1.5 {
		t.Errorf("backward: ratio %v, want 1.5", q)
	}
	var out strings.Builder
	tab.print(&out)
	tab.printMeans(&out)
	tab.printTargets(&out, []target{
		{"Exp/*", best, "sleef", []float64{2.5}},
		{"Exp/N=10", best, "sleef libmvec", []float64{3.1, 1}},
		{"Exp/N=10", best, "", []float64{2}},
		{"Exp/N=1", best, "sleef", []float64{1}},
	})
	for _, want := range []string{`sleef 4\.000 \(3\.00x\)`, `pass=training .*50% of peak`, `Sequence/kind=lstm/pass=training +torch +2\.00 +1 +2\.00`, `Exp/N=10 .*3\.00 +2\.5 +met`,
		`3\.00 +3\.1 +missed`, `2\.000 +<= 2 +met`, `2 of 3 targets met`} {
		if ok, _ := regexp.MatchString(want, out.String()); !ok {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
