package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// maxCompared is how many trainings are compared at most.
const maxCompared = 1000

// compare shows in what trainings differ, and what they came to.
func compare(_ context.Context, cmd *call) error {
	names := cmd.names(maxCompared)
	if err := cmd.parse(); err != nil {
		return err
	}
	var runs []string
	var sums []*summary
	for _, name := range names {
		all := []string{name}
		if seeds, err := filepath.Glob(filepath.Join(name, "seed*", summaryFile)); err == nil && len(seeds) > 0 {
			all = seeds
			for i := range all {
				all[i] = filepath.Dir(all[i])
			}
		}
		for _, run := range all {
			sum, err := readSummary(filepath.Join(run, summaryFile))
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s: has no %s: it is no folder of a training, or of one that has not ended", run, summaryFile)
			} else if err != nil {
				return err
			}
			runs, sums = append(runs, run), append(sums, sum)
		}
	}
	if len(runs) < 2 {
		return usagef("want the folders of two trainings or more, or of one with -seeds")
	}
	settings := settingsThatDiffer(sums)
	w := tabwriter.NewWriter(cmd.out, 0, 0, 2, ' ', 0)
	row := func(name string, value func(i int) any) {
		fmt.Fprint(w, name)
		for i := range runs {
			fmt.Fprintf(w, "\t%s", message(fmt.Sprint(value(i)), 40))
		}
		fmt.Fprintln(w)
	}
	row("", func(i int) any { return runs[i] })
	for _, s := range settings {
		row(s.Name, func(i int) any {
			if v := s.Values[i]; v != nil {
				return v
			}
			return "-"
		})
	}
	figures := make([]runFigures, len(runs))
	for i, s := range sums {
		figures[i] = runFigures{Run: runs[i], Params: s.Params, Epochs: s.Epochs, BestEpoch: s.BestEpoch, Seconds: s.Seconds, Valid: s.Valid.NLLPerStep, Test: s.Test.NLLPerStep,
			KL: s.Test.KLPerStep, Exact: s.Test.Exact}
	}
	row("parameters", func(i int) any { return figures[i].Params })
	row("best epoch", func(i int) any { return fmt.Sprintf("%d of %d", figures[i].BestEpoch, figures[i].Epochs) })
	row("seconds", func(i int) any { return math.Round(figures[i].Seconds) })
	row("valid", func(i int) any { return figures[i].sign() + fmt.Sprintf("%.4f", figures[i].Valid) })
	row("test", func(i int) any { return figures[i].sign() + fmt.Sprintf("%.4f", figures[i].Test) })
	if slices.ContainsFunc(figures, func(f runFigures) bool { return !f.Exact }) {
		row("kl", func(i int) any { return fmt.Sprintf("%.4f", figures[i].KL) })
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(cmd.out, "valid, test and kl are nats per step, lower is better; ~ is a bound")
	return cmd.result(struct {
		Settings []differing  `json:"settings"`
		Runs     []runFigures `json:"runs"`
	}{settings, figures})
}

// runFigures is what a training came to.
type runFigures struct {
	Run       string  `json:"run"`
	Params    int     `json:"params"`
	Epochs    int     `json:"epochs"`
	BestEpoch int     `json:"best_epoch"`
	Seconds   float64 `json:"seconds"`
	Valid     float64 `json:"valid"`
	Test      float64 `json:"test"`
	KL        float64 `json:"kl_per_step"`
	Exact     bool    `json:"exact"`
}

// sign marks a bound.
func (f runFigures) sign() string {
	if f.Exact {
		return ""
	}
	return "~"
}

// differing is a setting that is not the same in all of some trainings; nil where there is none.
type differing struct {
	Name   string `json:"name"`
	Values []any  `json:"values"`
}

// settingsThatDiffer returns the settings in which trainings differ, but for the number of goroutines,
// which changes nothing, and the data if they do.
func settingsThatDiffer(sums []*summary) (list []differing) {
	all := make([]map[string]any, len(sums))
	names := map[string]bool{}
	for i, s := range sums {
		t := s.Train
		t.Threads = 0
		all[i] = flat("", members(s.Config, t))
		all[i]["data"] = s.DataHash
		for name := range all[i] {
			names[name] = true
		}
	}
	for name := range names {
		d := differing{Name: name}
		for i := range all {
			d.Values = append(d.Values, all[i][name])
		}
		if !slices.ContainsFunc(d.Values, func(v any) bool { return !reflect.DeepEqual(v, d.Values[0]) }) {
			continue
		}
		if name == "data" {
			for i, s := range sums {
				d.Values[i] = fmt.Sprintf("%s (%.8s)", s.Data, s.DataHash)
			}
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b differing) int { return compareNames(a.Name, b.Name) })
	return list
}

// compareNames orders settings: first the data and the model, then by name.
func compareNames(a, b string) int {
	order := []string{"seed", "cell", "likelihood", "model", "data"} // the last comes first
	if d := slices.Index(order, b) - slices.Index(order, a); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// flat returns the members of a value of JSON and of those within, by their names.
func flat(prefix string, v map[string]any) map[string]any {
	all := map[string]any{}
	for name, w := range v {
		if inner, ok := w.(map[string]any); ok {
			for k, x := range flat(prefix+name+".", inner) {
				all[k] = x
			}
			continue
		}
		all[prefix+name] = w
	}
	return all
}
