package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

func impute(ctx context.Context, cmd *call) error {
	out := cmd.out
	var data dataFlags
	data.flags(cmd)
	from := cmd.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
	dir := cmd.String("out", "run", "folder for the files")
	draws := cmd.Int("draws", 500, "ways in which a series may have gone, from which means and quantiles are taken")
	lag := cmd.Int("lag", 1, "later steps that have a say in a value; many need many draws")
	quantiles := cmd.String("quantiles", "0.1,0.9", "levels of the quantiles")
	seed := cmd.Uint64("seed", 1, "seed of the draws")
	threads := cmd.Int("threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := checkLimits(cmd.given(), limit{"threads", *threads, 1, cell.MaxThreads}, limit{"draws", *draws, 2, maxDraws}, limit{"lag", *lag, 0, 1 << 16}); err != nil {
		return err
	}
	levels, err := parseLevels(*quantiles)
	if err != nil {
		return err
	}
	if err := apart(data.path, *dir); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	if info.Form.Kind != model.FormSeries {
		return fmt.Errorf("%s: was trained on data of kind %s: values are missing in tables and arrays alone", path, info.Form.Kind)
	}
	d, err := data.openUncut(path, info, out)
	if err != nil {
		return err
	}
	c := m.Settings()
	if err := c.CheckData(d.Data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	remark(out, d.Notes)
	pieces := d.Pieces()
	missing, all := 0, 0
	for _, p := range pieces {
		for _, v := range p.Values(c.Data) {
			if all++; v != v {
				missing++
			}
		}
	}
	if missing == 0 { // a model that needs all values has not been refused then
		return fmt.Errorf("%s: no value is missing", d.Name)
	}
	done := dataset.Imputed{Levels: levels}
	m.Pack()
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := model.Impute(m, p.Sequence, model.ImputeConfig{Draws: *draws, Lag: *lag, Levels: levels, Seed: *seed, Threads: *threads})
		done.Names, done.Filled = append(done.Names, p.Name), append(done.Filled, f)
	}
	return within(*dir, func(folder *rundir.Dir) error {
		files := dataset.ImputedFiles()
		if err := folder.Reserve(files...); err != nil {
			return err
		}
		if err := dataset.WriteImputed(*dir, info.Form, c.Data, done); err != nil {
			return err
		}
		fmt.Fprintf(out, "filled in %d of %d values, with %d draws\n", missing, all, *draws)
		return cmd.left(*dir, files, map[string]any{"missing": missing, "values": all, "draws": *draws})
	})
}
