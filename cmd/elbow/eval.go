package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// evaluation is what a call of eval asks for.
type evaluation struct {
	data                    dataFlags
	seed                    uint64
	batch, samples, threads int
	anneal                  model.Annealing
	bf16, int8              bool
	given                   map[string]bool
}

func eval(ctx context.Context, cmd *call) error {
	out := cmd.out
	e := evaluation{anneal: model.DefaultAnnealing()}
	e.flags(cmd)
	from := cmd.modelFlag()
	if err := cmd.parse(); err != nil {
		return err
	}
	e.given = cmd.given()
	if err := e.check(); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	score, err := e.config(m.Settings(), &info)
	if err != nil {
		return err
	}
	d, err := e.data.openAs(path, info, out)
	if err != nil {
		return err
	}
	if err := m.Settings().CheckData(d.Data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range d.Parts() {
		if err := drawable(len(p.Seqs), score.Samples); err != nil {
			return err
		}
		if err := room(info.Config.MemoryToScore(p.Seqs, d.Dim, score), "scoring "+p.Name, cmd.FlagSet); err != nil {
			return err
		}
	}
	if err := e.round(m, path); err != nil {
		return err
	}
	scores := map[string]model.Score{}
	for _, p := range d.Parts() {
		if scores[p.Name], err = model.EvaluateOn(ranksOf(ctx), m, p.Seqs, score); err != nil {
			return err
		}
	}
	printScores(out, m, info, d, scores)
	return cmd.result(inUnits(scores, d))
}

func (e *evaluation) flags(flags *call) {
	e.data.flags(flags)
	flags.Uint64Var(&e.seed, "seed", 0, "seed of the draws of z (default: that of the training)")
	flags.IntVar(&e.batch, "batch", 0, "sequences per pass; the draws do not depend on it (default: as in training)")
	flags.IntVar(&e.samples, "samples", 0, "draws of z per sequence; above 1 the importance-weighted bound (default: as in training)")
	flags.IntVar(&e.threads, "threads", runtime.GOMAXPROCS(0), "goroutines")
	flags.IntVar(&e.anneal.Runs, "runs", e.anneal.Runs, "rbm: chains of annealed importance sampling per step")
	flags.IntVar(&e.anneal.Temperatures, "temperatures", e.anneal.Temperatures, "rbm: temperatures that each chain goes through")
	flags.BoolVar(&e.bf16, "bf16", false, "round recurrent weights to bfloat16, as a program may that steps a few sequences at a time")
	flags.BoolVar(&e.int8, "int8", false, "quantise weights and what they are multiplied by to int8")
}

// check reports flags that are out of range, or of which one forbids another.
func (e *evaluation) check() error {
	if err := checkLimits(e.given, limit{"batch", e.batch, 1, 1 << 20}, limit{"samples", e.samples, 1, math.MaxInt}, limit{"threads", e.threads, 1, cell.MaxThreads},
		limit{"runs", e.anneal.Runs, 2, 1 << 12}, limit{"temperatures", e.anneal.Temperatures, 1, 1 << 16}); err != nil {
		return err
	}
	if e.bf16 && e.int8 {
		return usagef("-bf16 -int8: want one of them")
	}
	return nil
}

// config returns how to score with a model of the given settings: as in training but for what was
// given, which goes to info as well.
func (e *evaluation) config(settings model.Config, info *model.Info) (model.EvalConfig, error) {
	if e.given["samples"] && e.samples > 1 && settings.Latent == 0 {
		return model.EvalConfig{}, usagef("-samples %d: a %s has no latent variable to draw, its likelihood takes no samples", e.samples, settings.Model)
	}
	info.Samples = max(info.Samples, 1)
	if e.given["seed"] {
		info.Seed = e.seed
	}
	if e.given["samples"] {
		info.Samples = e.samples
	}
	if e.given["batch"] {
		info.Batch = e.batch
	}
	if annealing(info.Config) == (model.Annealing{}) {
		if e.given["runs"] || e.given["temperatures"] {
			return model.EvalConfig{}, usagef("-runs, -temperatures: the likelihood of a %s output needs no estimate", info.Config.Likelihood)
		}
		e.anneal = model.Annealing{}
	}
	return model.EvalConfig{Anneal: e.anneal, Batch: info.Batch, Samples: info.Samples, Seed: info.Seed, Shards: info.Shards, Threads: e.threads}, nil
}

// round has the model of the file at path compute with fewer bits, if asked to.
func (e *evaluation) round(m model.Model[float32], path string) error {
	if e.bf16 {
		p, ok := m.(model.BF16Packer)
		if !ok {
			return fmt.Errorf("%s: -bf16: a %s has no recurrent weights that could be rounded", path, m.Settings().Model)
		}
		p.PackBF16()
	}
	if e.int8 {
		m.(model.Int8Packer).PackInt8()
	}
	return nil
}

// inUnits returns the scores of all parts, with their nats in the units of the data beside those of standardised values.
func inUnits(scores map[string]model.Score, d *dataset.Data) map[string]any {
	all := map[string]any{}
	more, ok := unitNats(d.Form, d.Dim)
	for name, s := range scores {
		score := members(s)
		if ok && s.Missing == 0 {
			score["nll_per_step_in_units"] = s.NLLPerStep + more
		}
		all[name] = score
	}
	return all
}

func printScores(out io.Writer, m model.Model[float32], info model.Info, d *dataset.Data, scores map[string]model.Score) {
	fmt.Fprintf(out, "%s\n", describe(m.Settings()))
	if info.Hash != d.Hash {
		remark(out, []string{fmt.Sprintf("note: it was trained on other data, %q", info.Name)})
	}
	remark(out, d.Notes)
	for _, p := range d.Parts() {
		s := scores[p.Name]
		printScore(out, p.Name, s)
		more, ok := unitNats(d.Form, d.Dim)
		printUnits(out, p.Name, s, more, ok)
		if d.Form.Kind == model.FormText {
			fmt.Fprintf(out, "%-5s %s\n", p.Name, perCharacter(s.NLLPerStep/math.Ln2))
		}
	}
}

// drawable reports more draws than the noise has rows for: from there on they would come again.
func drawable(sequences, samples int) error {
	const rows = 1 << 32
	if most := rows / max(sequences, 1); samples > most {
		return usagef("-samples %d: want at most %d for %d sequences", samples, most, sequences)
	}
	return nil
}

// checkpoint returns the file that a -model flag means.
func checkpoint(from string) string {
	if info, err := os.Stat(from); err == nil && info.IsDir() {
		return filepath.Join(from, model.BestFile)
	}
	return from
}
