package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
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
		if _, err := os.Stat(filepath.Join(name, summaryFile)); errors.Is(err, fs.ErrNotExist) {
			if inner, err := filepath.Glob(filepath.Join(name, "*", summaryFile)); err == nil && len(inner) > 0 {
				all = inner
				for i := range all {
					all[i] = filepath.Dir(all[i])
				}
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
		return usagef("want the folders of two trainings or more, or one with trainings in it")
	}
	settings := settingsThatDiffer(sums)
	figures := make([]runFigures, len(runs))
	for i, s := range sums {
		figures[i] = figuresOf(runs[i], s)
	}
	const beside = 4 // fit on a screen
	if err := printRuns(cmd.out, settings, figures, len(runs) > beside); err != nil {
		return err
	}
	return cmd.result(struct {
		Settings []differing  `json:"settings"`
		Runs     []runFigures `json:"runs"`
	}{settings, figures})
}

// printRuns prints the table of some trainings: a line each, or a column each.
func printRuns(out io.Writer, settings []differing, figures []runFigures, lines bool) error {
	var table [][]string // of columns, if trainings are lines
	column := func(name string, value func(i int, f runFigures) any) {
		c := []string{name}
		for i, f := range figures {
			c = append(c, message(fmt.Sprint(value(i, f)), 80))
		}
		table = append(table, c)
	}
	column("", func(_ int, f runFigures) any { return f.Run })
	for _, s := range settings {
		column(s.Name, func(i int, _ runFigures) any {
			if v := s.Values[i]; v != nil {
				return v
			}
			return "-"
		})
	}
	column("parameters", func(_ int, f runFigures) any { return f.Params })
	column("best epoch", func(_ int, f runFigures) any { return fmt.Sprintf("%d of %d", f.BestEpoch, f.Epochs) })
	column("seconds", func(_ int, f runFigures) any { return math.Round(f.Seconds) })
	column("valid", func(_ int, f runFigures) any { return f.figure(f.Valid) })
	column("test", func(_ int, f runFigures) any { return f.figure(f.Test) })
	if slices.ContainsFunc(figures, func(f runFigures) bool { return !f.Exact }) {
		column("kl", func(_ int, f runFigures) any { return fmt.Sprintf("%.4f", f.KL) })
	}
	if lines {
		turned := make([][]string, len(figures)+1)
		for i := range turned {
			for _, c := range table {
				turned[i] = append(turned[i], c[i])
			}
		}
		table = turned
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range table {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "valid, test and kl are nats per step, lower is better; ~ is a bound")
	return err
}

// runFigures is what a training came to.
type runFigures struct {
	Run       string  `json:"run"`
	Folder    string  `json:"folder,omitempty"`
	Seed      uint64  `json:"seed"`
	Params    int     `json:"params"`
	Epochs    int     `json:"epochs"`
	BestEpoch int     `json:"best_epoch"`
	Seconds   float64 `json:"seconds"`
	Valid     float64 `json:"valid"`
	Test      float64 `json:"test"`
	KL        float64 `json:"kl_per_step"`
	Exact     bool    `json:"exact"`
}

// figuresOf returns what a training came to.
func figuresOf(name string, s *summary) runFigures {
	return runFigures{Run: name, Seed: s.Seed, Params: s.Params, Epochs: s.Epochs, BestEpoch: s.BestEpoch, Seconds: s.Seconds, Valid: s.Valid.NLLPerStep,
		Test: s.Test.NLLPerStep, KL: s.Test.KLPerStep, Exact: s.Test.Exact}
}

// figure prints nats, with a mark if they are a bound.
func (f runFigures) figure(nats float64) string {
	if f.Exact {
		return fmt.Sprintf("%.4f", nats)
	}
	return fmt.Sprintf("~%.4f", nats)
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
