package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/model"
)

func eval(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	var data dataFlags
	data.flags(flags)
	from := flags.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
	seed := flags.Uint64("seed", 1, "seed of the draws of z")
	batch := flags.Int("batch", 16, "sequences per pass; the draws do not depend on it")
	samples := flags.Int("samples", 1, "draws of z per sequence; above 1 the importance-weighted bound")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "goroutines")
	bf16 := flags.Bool("bf16", false, "round recurrent weights to bfloat16, as a program may that steps a few sequences at a time")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	if *batch < 1 || *threads < 1 || *samples < 1 {
		return usagef("-batch %d -samples %d -threads %d: want at least 1", *batch, *samples, *threads)
	}
	m, info, err := model.Load(checkpoint(*from))
	if err != nil {
		return err
	}
	if err := data.suitModel(m, checkpoint(*from)); err != nil {
		return err
	}
	d, err := data.load()
	if err != nil {
		return err
	}
	if err := m.Settings().CheckData(d.Data); err != nil {
		return fmt.Errorf("%s: %w", checkpoint(*from), err)
	}
	if *bf16 {
		p, ok := m.(model.BF16Packer)
		if !ok {
			return fmt.Errorf("%s: -bf16: a %s has no recurrent weights that could be rounded", checkpoint(*from), m.Settings().Model)
		}
		p.PackBF16()
	}
	scores := map[string]model.Score{}
	for split, seqs := range map[string][]model.Sequence{"train": d.Train, "valid": d.Valid, "test": d.Test} {
		scores[split] = model.Evaluate(m, seqs, model.EvalConfig{Batch: *batch, Samples: *samples, Seed: *seed, Threads: *threads})
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
		fmt.Fprintf(out, "note: it was trained on other data, %s\n", info.Name)
	}
	for _, split := range []string{"train", "valid", "test"} {
		printScore(out, split, scores[split])
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
