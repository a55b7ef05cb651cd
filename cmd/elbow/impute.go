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
	from, dir := cmd.modelFlag(), cmd.outFlag()
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
	d, err := data.openFor(m, info, path, out)
	if err != nil {
		return err
	}
	dim := m.Settings().Data
	pieces := d.Pieces()
	missing, all := 0, 0
	var seqs []model.Sequence
	for _, p := range pieces {
		seqs = append(seqs, p.Sequence)
		for _, v := range p.Values(dim) {
			if all++; v != v {
				missing++
			}
		}
	}
	if missing == 0 { // a model that needs all values has not been refused then
		return fmt.Errorf("%s: no value is missing", d.Name)
	}
	config := model.ImputeConfig{Draws: *draws, Lag: *lag, Levels: levels, Seed: *seed, Threads: *threads}
	if err := room(m.Settings().MemoryToImpute(seqs, config), "filling in", cmd.FlagSet); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		files := dataset.ImputedFiles()
		if err := folder.Reserve(files...); err != nil {
			return err
		}
		times, err := d.Times()
		if err != nil {
			return err
		}
		done := dataset.Imputed{Levels: levels, Times: times}
		m.Pack()
		for _, p := range pieces {
			if err := ctx.Err(); err != nil {
				return err
			}
			f := model.Impute(m, p.Sequence, config)
			done.Names, done.Filled = append(done.Names, p.Name), append(done.Filled, f)
		}
		if err := dataset.WriteImputed(*dir, info.Form, dim, done); err != nil {
			return err
		}
		fmt.Fprintf(out, "filled in %d of %d values, with %d draws\n", missing, all, *draws)
		return cmd.left(*dir, files, map[string]any{"missing": missing, "values": all, "draws": *draws})
	})
}
