package main

import (
	"context"
	"fmt"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

func sample(_ context.Context, cmd *call) error {
	from, dir := cmd.modelFlag(), cmd.outFlag()
	var s sampling
	cmd.IntVar(&s.count, "count", 0, "how many samples (default: 1; images 64, drawings 16)")
	cmd.IntVar(&s.steps, "steps", 0, "steps of a sample (default: 128; text 1000, drawings 120)")
	cmd.Uint64Var(&s.seed, "seed", 1, "seed of the draws")
	cmd.BoolVar(&s.mean, "mean", false, "take the means of the outputs in place of draws; images are always means")
	what := cmd.String("given", "", "what the model is given: the class, as 3, or NAME=VALUE for each condition, with commas between them, or a table with a row for every step")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := checkLimits(cmd.given(), limit{"steps", s.steps, 1, 1 << 20}, limit{"count", s.count, 1, 1 << 12}); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	form := info.Form
	if *what != "" || form.GivenWidth() > 0 {
		if s, err = s.under(form, *what, cmd.given()["steps"]); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	count, steps := s.sizes(form)
	if err := room(drawing(m, count, steps), "drawing", cmd.FlagSet); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(dataset.Files(form.Kind, dataset.BaseSample, count)...); err != nil {
			return err
		}
		files, err := writeSamples(*dir, m, form, s, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := outdated(folder, form.Kind, dataset.BaseSample, count, cmd.out); err != nil {
			return err
		}
		return cmd.left(*dir, files, map[string]any{"steps": steps, "seed": s.seed})
	})
}
