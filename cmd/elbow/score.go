package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// What score leaves, with the extension of the format.
const (
	stepScores     = "scores"
	sequenceScores = "scores-sequences"
)

var scoreFormats = []string{"csv", "jsonl"}

// scoreFiles are the files of score.
var scoreFiles = func() (names []string) {
	names = append(names, dataset.BaseScores+".png", dataset.BaseScores+".svg")
	for _, ext := range scoreFormats {
		names = append(names, stepScores+"."+ext, sequenceScores+"."+ext)
	}
	return names
}()

// stepRow is a line of the scores of steps, sequenceRow one of those of sequences. A z-score is NaN,
// and not there in a file, where the training does not vary.
type stepRow struct {
	Part     string  `json:"part"`
	Sequence string  `json:"sequence"`
	Step     int     `json:"step"`
	Time     string  `json:"time,omitempty"` // of a table that has times
	NLL      float64 `json:"nll"`
	Recon    float64 `json:"recon"`
	KL       float64 `json:"kl"`
	Gain     float64 `json:"gain"`
	Z        float64 `json:"z"`
	Flagged  bool    `json:"flagged"`
	Missing  int     `json:"missing,omitempty"` // values of the step, which have no part in it
}

// strangest orders steps by their scores, the highest first, and before all those that are no numbers.
func strangest(a, b stepRow) int {
	of := func(v stepRow) float64 {
		if math.IsNaN(v.NLL) {
			return math.Inf(1)
		}
		return v.NLL
	}
	return cmp.Compare(of(b), of(a))
}

type sequenceRow struct {
	Part     string  `json:"part"`
	Sequence string  `json:"sequence"`
	Label    string  `json:"label"`
	Steps    int     `json:"steps"`
	NLL      float64 `json:"nll"`
	Recon    float64 `json:"recon"`
	KL       float64 `json:"kl"`
	Gain     float64 `json:"gain"`
	PerStep  float64 `json:"nll_per_step"`
	Z        float64 `json:"z"` // of nll_per_step, among the sequences of the training
	MaxZ     float64 `json:"max_z"`
	Flagged  int     `json:"flagged_steps"`
}

// scoring is what the flags of score say.
type scoring struct {
	comm    *dist.Comm
	config  model.EvalConfig
	flag    float64
	top     int
	format  string
	against string
}

// scored are pieces with their scores.
type scored struct {
	pieces []dataset.Piece
	scores []model.SequenceScore
}

func score(ctx context.Context, cmd *call) error {
	out := cmd.out
	var data dataFlags
	data.flags(cmd)
	from, dir := cmd.modelFlag(), cmd.outFlag()
	s := scoring{comm: ranksOf(ctx)}
	cmd.Float64Var(&s.flag, "flag", dataset.FlagAt, "flag steps whose score is at least that many standard deviations above the mean of the training")
	cmd.IntVar(&s.top, "top", 10, "steps to print, those with the highest scores first")
	cmd.StringVar(&s.format, "format", scoreFormats[0], "of the files: "+strings.Join(scoreFormats, " or "))
	cmd.StringVar(&s.against, "against", "", "data whose scores are the usual ones (default: the train part of the data of the training)")
	cmd.IntVar(&s.config.Samples, "samples", 1, "draws of z per sequence; above 1 the importance-weighted bound")
	cmd.Uint64Var(&s.config.Seed, "seed", 1, "seed of the draws of z")
	cmd.IntVar(&s.config.Threads, "threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := s.check(cmd.given()); err != nil {
		return err
	}
	for _, p := range []string{data.path, s.against} {
		if err := apart(p, *dir); err != nil {
			return err
		}
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	c := m.Settings()
	switch {
	case c.Likelihood == "":
		return fmt.Errorf("%s: a %s has no distribution over sequences", path, c.Model)
	case c.Latent == 0 && s.config.Samples > 1:
		return usagef("-samples %d: a %s has no latent variable to draw, its likelihood takes no samples", s.config.Samples, c.Model)
	}
	s.config.Anneal = annealing(c)
	d, err := data.openUncut(path, info, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n", describe(c))
	remark(out, d.Notes)
	compute := func() (all, usual *scored, err error) {
		if all, err = s.score(m, d, path, cmd.FlagSet); err != nil {
			return nil, nil, err
		}
		if s.against == "" && d.Hash == info.Hash {
			return all, all, nil
		}
		o, err := data.elsewhere(s.against).openUncut(path, info, out)
		if err != nil {
			return nil, nil, fmt.Errorf("the scores of the training: %w; -against says whose scores are the usual ones", err)
		}
		usual, err = s.score(m, o, path, cmd.FlagSet)
		return all, usual, err
	}
	if s.comm.Rank() > 0 {
		_, _, err := compute()
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(scoreFiles...); err != nil {
			return err
		}
		times, err := d.Times() // what can fail comes before what takes long
		if err != nil {
			return err
		}
		all, usual, err := compute()
		if err != nil {
			return err
		}
		return s.write(cmd, folder, d, all, usual.spreads(), times)
	})
}

// check reports flags that mean nothing.
func (s *scoring) check(given map[string]bool) error {
	if err := checkLimits(given, limit{"top", s.top, 0, 1 << 20}, limit{"samples", s.config.Samples, 1, 1 << 20}, limit{"threads", s.config.Threads, 1, cell.MaxThreads}); err != nil {
		return err
	}
	switch {
	case math.IsNaN(s.flag) || math.IsInf(s.flag, 0):
		return usagef("-flag %v: want a number", s.flag)
	case !slices.Contains(scoreFormats, s.format):
		return usagef("-format %.40q: want %s", s.format, strings.Join(scoreFormats, " or "))
	}
	return nil
}

// score scores all data.
func (s *scoring) score(m model.Model[float32], d *dataset.Data, path string, flags *flag.FlagSet) (*scored, error) {
	if err := m.Settings().CheckData(d.Data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &scored{pieces: d.Pieces()}
	var seqs []model.Sequence
	for i := range r.pieces {
		seqs = append(seqs, r.pieces[i].Sequence)
	}
	if err := room(m.Settings().MemoryToScoreSteps(seqs, d.Dim, s.config), "scoring", flags); err != nil {
		return nil, err
	}
	var err error
	r.scores, err = model.ScoreStepsOn(s.comm, m, seqs, s.config)
	return r, err
}

// spreads are how the scores of the training are distributed, of steps and, per step, of sequences.
type spreads struct {
	Steps     model.Spread `json:"steps"`
	Sequences model.Spread `json:"sequences"`
}

// spreads returns those of the train part or, of data without one, of all.
func (r *scored) spreads() spreads {
	const train = "train"
	whole := !slices.ContainsFunc(r.pieces, func(p dataset.Piece) bool { return slices.Contains(strings.Split(p.Parts(), "+"), train) })
	steps := func(yield func(float64) bool) {
		for i, q := range r.scores {
			for t, v := range q.Steps {
				if (whole || r.pieces[i].Part(t) == train) && !yield(v.NLL) {
					return
				}
			}
		}
	}
	sequences := func(yield func(float64) bool) {
		for i, q := range r.scores {
			if n := len(q.Steps); n > 0 && (whole || r.pieces[i].Parts() == train) && !yield(q.Sum().NLL/float64(n)) {
				return
			}
		}
	}
	return spreads{model.SpreadOf(steps), model.SpreadOf(sequences)}
}

// write writes the files and prints the highest scores.
func (s *scoring) write(cmd *call, folder *rundir.Dir, d *dataset.Data, r *scored, usual spreads, times dataset.Times) error {
	out, dir := cmd.out, folder.Root()
	leave := ""
	if times == nil {
		leave = "time"
	}
	steps, sequences := s.rows(r, usual, times)
	for _, ext := range scoreFormats {
		if ext != s.format { // of a run before this one
			if err := folder.Remove(stepScores+"."+ext, sequenceScores+"."+ext); err != nil {
				return err
			}
		}
	}
	if err := writeRows(filepath.Join(dir, stepScores+"."+s.format), s.format, steps, leave); err != nil {
		return err
	}
	if err := writeRows(filepath.Join(dir, sequenceScores+"."+s.format), s.format, sequences, ""); err != nil {
		return err
	}
	picture, err := s.draw(dir, d, r, steps, usual)
	if err != nil {
		return err
	}
	flagged := 0
	for _, q := range sequences {
		flagged += q.Flagged
	}
	top := slices.Clone(steps)
	slices.SortStableFunc(top, strangest)
	top = top[:min(s.top, len(top))]
	fmt.Fprintf(out, "training: %d steps, %.4f nats per step, standard deviation %.4f\n", usual.Steps.N, usual.Steps.Mean, usual.Steps.Std)
	missing := 0
	for _, v := range steps {
		missing += v.Missing
	}
	var inUnits *float64
	if missing > 0 {
		fmt.Fprintf(out, "%d values are missing, and part of no score\n", missing)
	} else if more, ok := unitNats(d.Form, d.Dim); ok {
		inUnits = &more
		fmt.Fprintf(out, "nats of standardised values; in the units of the data %.4f more per step\n", more)
	}
	fmt.Fprintf(out, "%d steps of %d sequences, %d flagged, whose score is at least %.4f (z %g)\n", len(steps), len(sequences), flagged,
		usual.Steps.Mean+float64(s.flag*usual.Steps.Std), s.flag)
	clock := func(text string) string { // a column, if there are times
		if times == nil {
			return ""
		}
		return fmt.Sprintf("  %-19s", message(text, maxMessage/6))
	}
	if len(top) > 0 {
		fmt.Fprintf(out, "%12s %9s  %8s%s  %s\n", "nats", "z", "step", clock("time"), "sequence")
	}
	for _, v := range top {
		fmt.Fprintf(out, "%12.4f %9.2f  %8d%s  %s\n", v.NLL, v.Z, v.Step, clock(v.Time), message(v.Sequence, maxMessage))
	}
	fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%s: %s.%s %s.%s %s", dir, stepScores, s.format, sequenceScores, s.format, picture)))
	return cmd.result(struct {
		Training  spreads       `json:"training"`
		Flag      float64       `json:"flag"`
		Flagged   int           `json:"flagged_steps"`
		Top       []stepRow     `json:"top"`
		Sequences []sequenceRow `json:"sequences"`
		InUnits   *float64      `json:"more_per_step_in_units,omitempty"` // than the nats of standardised values
	}{usual, s.flag, flagged, top, sequences, inUnits})
}

// draw draws the scores along the sequences that have the strangest steps.
func (s *scoring) draw(dir string, d *dataset.Data, r *scored, steps []stepRow, usual spreads) (file string, err error) {
	type strange struct {
		piece dataset.Piece
		steps []stepRow
		worst stepRow
	}
	var list []strange
	for i, q := range r.scores {
		if n := len(q.Steps); n > 0 {
			list = append(list, strange{r.pieces[i], steps[:n], slices.MinFunc(steps[:n], strangest)})
			steps = steps[n:]
		}
	}
	slices.SortStableFunc(list, func(a, b strange) int { return strangest(a.worst, b.worst) })
	var shown []dataset.Scored
	for _, q := range list[:min(len(list), dataset.ShownScores)] {
		p := dataset.Scored{Piece: q.piece}
		for _, v := range q.steps {
			p.NLL, p.Flagged = append(p.NLL, v.NLL), append(p.Flagged, v.Flagged)
		}
		shown = append(shown, p)
	}
	threshold := usual.Steps.Mean + float64(s.flag*usual.Steps.Std)
	if math.IsNaN(usual.Steps.Z(threshold)) {
		threshold = math.NaN() // nothing can be flagged
	}
	return dataset.DrawScores(dir, d.Form, d.Dim, shown, threshold)
}

// rows makes the lines of the files.
func (s *scoring) rows(r *scored, usual spreads, times dataset.Times) (steps []stepRow, sequences []sequenceRow) {
	for i, q := range r.scores {
		p, n := r.pieces[i], len(q.Steps)
		sum := q.Sum()
		row := sequenceRow{Part: p.Parts(), Sequence: p.Name, Label: p.Label, Steps: n, NLL: sum.NLL, Recon: sum.Recon, KL: sum.KL, Gain: sum.Gain,
			PerStep: sum.NLL / float64(n), MaxZ: math.NaN()}
		row.Z = usual.Sequences.Z(row.PerStep)
		for t, v := range q.Steps {
			z := usual.Steps.Z(v.NLL)
			hit := z >= s.flag || math.IsNaN(v.NLL)
			steps = append(steps, stepRow{Part: p.Part(t), Sequence: p.Name, Step: t, Time: times.At(i, t), NLL: v.NLL, Recon: v.Recon, KL: v.KL, Gain: v.Gain, Z: z, Flagged: hit, Missing: v.Missing})
			if hit {
				row.Flagged++
			}
			if !(row.MaxZ >= z) {
				row.MaxZ = z
			}
		}
		sequences = append(sequences, row)
	}
	return steps, sequences
}

// fields returns the columns of a row by name.
func (v stepRow) fields() [][2]string {
	return [][2]string{{"part", v.Part}, {"sequence", v.Sequence}, {"step", strconv.Itoa(v.Step)}, {"time", v.Time}, {"nll", figureOf(v.NLL)},
		{"recon", figureOf(v.Recon)}, {"kl", figureOf(v.KL)}, {"gain", figureOf(v.Gain)}, {"z", figureOf(v.Z)}, {"flagged", strconv.FormatBool(v.Flagged)}}
}

func (v sequenceRow) fields() [][2]string {
	return [][2]string{{"part", v.Part}, {"sequence", v.Sequence}, {"label", v.Label}, {"steps", strconv.Itoa(v.Steps)}, {"nll", figureOf(v.NLL)},
		{"recon", figureOf(v.Recon)}, {"kl", figureOf(v.KL)}, {"gain", figureOf(v.Gain)}, {"nll_per_step", figureOf(v.PerStep)}, {"z", figureOf(v.Z)},
		{"max_z", figureOf(v.MaxZ)}, {"flagged_steps", strconv.Itoa(v.Flagged)}}
}

// figureOf is a number in a table, with all its digits; one that is not there is empty.
func figureOf(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// writeRows writes a table as CSV, without a column to leave out, or as an object of JSON a line.
func writeRows[R interface{ fields() [][2]string }](path, format string, rows []R, leave string) error {
	return atomicfile.Write(path, 0o666, func(w io.Writer) error {
		if format == "jsonl" {
			for _, r := range rows {
				line, err := floatjson.Marshal(r)
				if err != nil {
					return err
				}
				if _, err := w.Write(append(line, '\n')); err != nil {
					return err
				}
			}
			return nil
		}
		t := csv.NewWriter(w)
		var none R
		for i := -1; i < len(rows); i++ {
			r, part := none, 0
			if i >= 0 {
				r, part = rows[i], 1
			}
			var line []string
			for _, f := range r.fields() {
				if f[0] != leave {
					line = append(line, f[part])
				}
			}
			t.Write(line)
		}
		t.Flush()
		return t.Error()
	})
}
