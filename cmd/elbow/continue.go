package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// baseContinuation is what the files of continue are called, but for those of a forecast.
const baseContinuation = "continuation"

// maxDraws is how many continuations there are at most: those that are files are fewer.
const (
	maxDraws         = 1 << 16
	maxContinuations = 1 << 12
)

// continuing is what the flags of continue say.
type continuing struct {
	data      dataFlags
	prime     string
	prompt    string
	held      int
	threads   int
	quantiles string
	levels    []float64
	said      string // of the conditions to come
	model.Draw

	given map[string]bool
}

func (c *continuing) flags(fs *call) {
	c.data.flags(fs)
	fs.Lookup("given").Usage = "what is given in the steps to come: a table with a row for each of them, or NAME=VALUE for each condition, with commas between them (default: of steps that are held their own, of a class that of the sequence)"
	fs.StringVar(&c.prime, "prime", "", "what to go on from: a file, of which the first sequence, or the name of a sequence of the data")
	fs.StringVar(&c.prompt, "prompt", "", "text: what to go on from")
	fs.IntVar(&c.held, "held", 0, "hold the last steps of the sequence back, as many, and continue what is before them: a forecast is then compared with them")
	fs.IntVar(&c.Steps, "steps", 0, "steps to go on for (default: 128, or those held; text 1000, drawings 120, tables 50)")
	fs.IntVar(&c.Count, "draws", 0, "continuations (default: 1; of tables 200, from which quantiles are taken)")
	fs.Uint64Var(&c.Seed, "seed", 1, "seed of the draws")
	fs.BoolVar(&c.Mean, "mean", false, "take the means of the outputs in place of draws")
	fs.StringVar(&c.quantiles, "quantiles", "0.1,0.5,0.9", "tables: levels of the quantiles of a forecast")
	fs.Float64Var(&c.Temperature, "temperature", 1, "text: below 1 more of what is probable, above 1 less")
	fs.IntVar(&c.TopK, "top-k", 0, "text: draw among so many most probable characters; 0: all")
	fs.Float64Var(&c.TopP, "top-p", 1, "text: draw among the most probable characters that have that probability together")
	fs.IntVar(&c.threads, "threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")
}

func continueData(_ context.Context, cmd *call) error {
	out := cmd.out
	var c continuing
	c.flags(cmd)
	from, dir := cmd.modelFlag(), cmd.outFlag()
	if err := cmd.parse(); err != nil {
		return err
	}
	c.given = cmd.given()
	if err := c.check(); err != nil {
		return err
	}
	for _, p := range []string{c.data.path, c.prime} {
		if err := apart(p, *dir); err != nil {
			return err
		}
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	if err := c.suits(m, info, path); err != nil {
		return err
	}
	if c.said = c.data.Given; !dataset.OfClass(info.Form) {
		c.data.Given = "" // it is not of the past
	}
	past, truth, err := c.past(m, info, path, out)
	if err != nil {
		return err
	}
	if err := room(drawing(m, c.Count, past.Steps(m.Settings().Data)+c.Steps), "drawing", cmd.FlagSet); err != nil {
		return err
	}
	c.warn(m, info, path, past, out)
	return within(*dir, func(folder *rundir.Dir) error {
		names := dataset.Files(info.Form.Kind, baseContinuation, c.Count)
		if info.Form.Kind == model.FormSeries {
			names = dataset.ForecastFiles()
		}
		if err := folder.Reserve(names...); err != nil {
			return err
		}
		return c.write(cmd, folder, m, info.Form, past, truth)
	})
}

// check reports flags that mean nothing.
func (c *continuing) check() error {
	if err := checkLimits(c.given, limit{"steps", c.Steps, 1, 1 << 20}, limit{"draws", c.Count, 1, maxDraws}, limit{"held", c.held, 1, 1 << 20},
		limit{"top-k", c.TopK, 1, 1 << 20}, limit{"threads", c.threads, 1, cell.MaxThreads}); err != nil {
		return err
	}
	switch {
	case c.prime == "" && c.prompt == "":
		return usagef("-prime says what to go on from: a file or the name of a sequence of the data; of a text, -prompt")
	case c.prime != "" && c.prompt != "":
		return usagef("-prime -prompt: want one of them")
	case c.prompt != "" && c.held > 0:
		return usagef("-held %d: it is for the end of -prime", c.held)
	case !(c.Temperature > 0) || !(c.TopP > 0):
		return usagef("-temperature %v -top-p %v: want above 0", c.Temperature, c.TopP)
	}
	var err error
	if c.levels, err = parseLevels(c.quantiles); err != nil {
		return err
	}
	return c.data.check()
}

// parseLevels returns the levels of quantiles in ascending order.
func parseLevels(list string) (levels []float64, err error) {
	for text := range strings.SplitSeq(list, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return nil, usagef("-quantiles %.80q: want numbers from 0 to 1, with commas between them", list)
		}
		levels = append(levels, v)
	}
	slices.Sort(levels)
	if n := len(levels); len(slices.Compact(levels)) < n {
		return nil, usagef("-quantiles %.80q: want each number once", list)
	}
	return levels, nil
}

// suits reports a model that cannot go on, and sets what suits the data.
func (c *continuing) suits(m model.Model[float32], info model.Info, path string) error {
	k, err := model.KindOf(m.Settings().Model)
	if err != nil {
		return err
	}
	kind := info.Form.Kind
	if !k.Carried && !wholeSequences(k) || kind == model.FormImage {
		return fmt.Errorf("%s: the steps of a %s of %ss do not follow each other: there is nothing to continue", path, k.Name, cmp.Or(kind, "step"))
	}
	if c.prompt != "" && kind != model.FormText {
		return usagef("-prompt: it is for text, the model was trained on data of kind %s", kind)
	}
	for _, name := range []string{"temperature", "top-k", "top-p"} {
		if c.given[name] && kind != model.FormText {
			return usagef("-%s: it is for text, the model was trained on data of kind %s", name, kind)
		}
	}
	if c.given["quantiles"] && kind != model.FormSeries {
		return usagef("-quantiles: they are for tables, the model was trained on data of kind %s", kind)
	}
	if !c.given["temperature"] {
		c.Temperature = 0
	}
	if !c.given["top-p"] {
		c.TopP = 0
	}
	if err := c.Check(m.Settings()); err != nil {
		return usageError{err}
	}
	_, steps := dataset.SampleSizes(info.Form)
	series := kind == model.FormSeries
	if series {
		steps = 50
	}
	c.Steps = cmp.Or(c.Steps, c.held, steps)
	if c.Count == 0 {
		if c.Count = 1; series && !c.Mean {
			c.Count = 200
		}
	}
	if !series && c.Count > maxContinuations {
		return usagef("-draws %d: want 1..%d, which are files", c.Count, maxContinuations)
	}
	return nil
}

// past returns what is continued, and what followed it if that is held back.
func (c *continuing) past(m model.Model[float32], info model.Info, path string, out io.Writer) (past model.Sequence, truth []float32, err error) {
	dim := m.Settings().Data
	if c.prompt != "" {
		q, unknown := dataset.Prompt(info.Form, c.prompt)
		if err := c.toCome(info.Form, &q, nil, dim); err != nil {
			return q, nil, err
		}
		if unknown > 0 {
			remark(out, []string{fmt.Sprintf("note: %d characters of the prompt are not in the text of the training", unknown)})
		}
		return q, nil, nil
	}
	past, err = c.data.pick(c.prime, func(f *dataFlags) (*dataset.Data, error) {
		d, err := f.openUncut(path, info, out)
		if err == nil {
			err = m.Settings().CheckData(d.Data)
		}
		return d, err
	}, out)
	if err != nil {
		return past, nil, err
	}
	n := past.Steps(dim)
	if n <= c.held {
		return past, nil, fmt.Errorf("%s: %d steps, of which -held %d leaves none to go on from", past.Name, n, c.held)
	}
	var given []float32
	if c.held > 0 {
		after := past.Slice(n-c.held, n-c.held+min(c.held, c.Steps), dim)
		truth, given, past = after.Values(dim), after.Given, past.Slice(0, n-c.held, dim)
	}
	if truth != nil && c.Steps > c.held {
		return past, nil, usagef("-steps %d: want at most the %d that are held", c.Steps, c.held)
	}
	return past, truth, c.toCome(info.Form, &past, given, dim)
}

// warn says where the model has not been in its training: it may drift there.
func (c *continuing) warn(m model.Model[float32], info model.Info, path string, past model.Sequence, out io.Writer) {
	d, err := c.data.elsewhere("").openAs(path, info, nil)
	if err != nil || len(d.Train) == 0 {
		return // how long the sequences of the training were is not known
	}
	dim, longest := m.Settings().Data, 0
	for i := range d.Train {
		longest = max(longest, d.Train[i].Steps(dim))
	}
	if end := past.Steps(dim) + c.Steps; c.Steps > longest || end > longest && len(d.Train) > 1 {
		remark(out, []string{fmt.Sprintf("note: it goes on to step %d, the longest sequence of the training has %d: beyond that it may drift", end, longest)})
	}
}

// draw draws the continuations.
func (c *continuing) draw(m model.Model[float32], past model.Sequence) []float32 {
	if v, ok := m.(*model.VRAE[float32]); ok {
		return v.Continue(past, c.Draw)
	}
	s := model.NewScorer(m, model.EvalConfig{Samples: c.Count, Seed: c.Seed, Threads: c.threads})
	s.Score(past)
	return s.Continue(c.Draw)
}

// write writes the continuations as the data were, each after what it continues, or a forecast.
func (c *continuing) write(cmd *call, folder *rundir.Dir, m model.Model[float32], form model.Form, past model.Sequence, truth []float32) error {
	out, dir := cmd.out, folder.Root()
	dim := m.Settings().Data
	if past.Steps(dim) == 0 {
		return errors.New("a sequence of no steps: there is nothing to continue")
	}
	x := c.draw(m, past)
	if form.Kind == model.FormSeries {
		files, known, covered, err := dataset.WriteForecast(dir, form, dim, dataset.Forecast{Past: past, Truth: truth, Draws: x, Count: c.Count, Levels: c.levels})
		if err != nil {
			return err
		}
		more := map[string]any{"after": past.Name, "from": past.Steps(dim), "steps": c.Steps, "draws": c.Count, "quantiles": c.levels}
		fmt.Fprintf(out, "%d steps after step %d of %s, %d draws\n", c.Steps, past.Steps(dim), message(past.Name, maxMessage/2), c.Count)
		if known > 0 {
			more["held"], more["covered"] = known, covered
			fmt.Fprintf(out, "%.1f %% of the %d values held back are within the interval that should hold %.4g %%\n", 100*covered, known, 100*(c.levels[len(c.levels)-1]-c.levels[0]))
		}
		return cmd.left(dir, files, more)
	}
	o := dataset.Output{Base: baseContinuation, Means: c.Mean, Before: []model.Sequence{past}}
	var texts []string
	for i, piece := range dataset.Split(x, c.Count) {
		if form.Kind == model.FormText {
			texts = append(texts, dataset.Text(form, past.Values(dim))+dataset.Text(form, piece))
			fmt.Fprintln(out, texts[i])
		}
		o.Pieces = append(o.Pieces, append(past.Values(dim), piece...))
		name := "continued"
		if c.Count > 1 {
			name += " " + strconv.Itoa(i+1)
		}
		o.Names = append(o.Names, fmt.Sprintf("%s, from step %d", name, past.Steps(dim)))
	}
	files, err := dataset.Write(dir, form, dim, o)
	if err != nil {
		return err
	}
	if err := outdated(folder, form.Kind, baseContinuation, c.Count, out); err != nil {
		return err
	}
	more := map[string]any{"after": past.Name, "from": past.Steps(dim), "steps": c.Steps}
	if texts != nil {
		more["text"] = texts
	}
	return cmd.left(dir, files, more)
}
