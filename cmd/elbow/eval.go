package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/model"
)

func eval(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	var data dataFlags
	data.flags(flags)
	from := flags.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
	seed := flags.Uint64("seed", 0, "seed of the draws of z (default: that of the training)")
	batch := flags.Int("batch", 0, "sequences per pass; the draws do not depend on it (default: as in training)")
	samples := flags.Int("samples", 0, "draws of z per sequence; above 1 the importance-weighted bound (default: as in training)")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "goroutines")
	anneal := model.DefaultAnnealing()
	flags.IntVar(&anneal.Runs, "runs", anneal.Runs, "rbm: chains of annealed importance sampling per step")
	flags.IntVar(&anneal.Temperatures, "temperatures", anneal.Temperatures, "rbm: temperatures that each chain goes through")
	bf16 := flags.Bool("bf16", false, "round recurrent weights to bfloat16, as a program may that steps a few sequences at a time")
	int8s := flags.Bool("int8", false, "quantise weights and what they are multiplied by to int8")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	reports := out
	if *asJSON {
		reports = nil // the output is nothing but the scores
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, n := range []struct {
		flag             string
		got, least, most int
	}{{"batch", *batch, 0, 1 << 20}, {"samples", *samples, 0, math.MaxInt}, {"threads", *threads, 1, cell.MaxThreads},
		{"runs", anneal.Runs, 2, 1 << 12}, {"temperatures", anneal.Temperatures, 1, 1 << 16}} {
		if given[n.flag] {
			n.least = max(n.least, 1)
		}
		if n.got < n.least || n.got > n.most {
			return usagef("-%s %d: want %d..%d", n.flag, n.got, n.least, n.most)
		}
	}
	if *bf16 && *int8s {
		return usagef("-bf16 -int8: want one of them")
	}
	m, info, err := model.Load(checkpoint(*from))
	if err != nil {
		return err
	}
	if given["samples"] && *samples > 1 && m.Settings().Latent == 0 {
		return usagef("-samples %d: a %s has no latent variable to draw, its likelihood takes no samples", *samples, m.Settings().Model)
	}
	info.Samples = max(info.Samples, 1)
	if given["seed"] {
		info.Seed = *seed
	}
	if given["samples"] {
		info.Samples = *samples
	}
	if given["batch"] {
		info.Batch = *batch
	}
	d, err := data.openAs(checkpoint(*from), info, reports)
	if err != nil {
		return err
	}
	if err := m.Settings().CheckData(d.Data); err != nil {
		return fmt.Errorf("%s: %w", checkpoint(*from), err)
	}
	if annealing(info.Config) == (model.Annealing{}) {
		if given["runs"] || given["temperatures"] {
			return usagef("-runs, -temperatures: the likelihood of a %s output needs no estimate", info.Config.Likelihood)
		}
		anneal = model.Annealing{}
	}
	score := model.EvalConfig{Anneal: anneal, Batch: info.Batch, Samples: info.Samples, Seed: info.Seed, Threads: *threads}
	for _, p := range d.Parts() {
		if err := drawable(len(p.Seqs), score.Samples); err != nil {
			return err
		}
		if err := room(info.Config.MemoryToScore(p.Seqs, d.Dim, score), "scoring "+p.Name, flags); err != nil {
			return err
		}
	}
	if *bf16 {
		p, ok := m.(model.BF16Packer)
		if !ok {
			return fmt.Errorf("%s: -bf16: a %s has no recurrent weights that could be rounded", checkpoint(*from), m.Settings().Model)
		}
		p.PackBF16()
	}
	if *int8s {
		m.(model.Int8Packer).PackInt8()
	}
	scores := map[string]model.Score{}
	for _, p := range d.Parts() {
		scores[p.Name] = model.Evaluate(m, p.Seqs, score)
	}
	if *asJSON {
		text, err := floatjson.MarshalIndent(scores)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", text)
		return err
	}
	fmt.Fprintf(out, "%s\n", describe(m.Settings()))
	if info.Hash != d.Hash {
		remark(out, []string{fmt.Sprintf("note: it was trained on other data, %q", info.Name)})
	}
	remark(out, d.Notes)
	for _, p := range d.Parts() {
		s := scores[p.Name]
		printScore(out, p.Name, s)
		if d.Form.Kind == model.FormText {
			fmt.Fprintf(out, "%-5s %s\n", p.Name, perCharacter(s.NLLPerStep/math.Ln2))
		}
	}
	return nil
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
