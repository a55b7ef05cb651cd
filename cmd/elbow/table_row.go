package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// folderOf returns the folder of a row.
func (r *tableRun) folderOf(w row, seed uint64) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c == ',' || c == '=':
			return -1
		}
		return c
	}, strings.ToLower(w.name))
	return filepath.Join(r.dir, fmt.Sprintf("%s-seed%d", name, seed))
}

// settings returns the resolved settings of a row.
func (r *tableRun) settings(w row, seed uint64) (model.Config, model.TrainConfig, error) {
	m, t := w.model, model.DefaultTrainConfig()
	m.Data, m.Classes = r.data.Dim, r.data.Form.Classes
	if m.Likelihood == "" {
		m.Likelihood = r.data.Suits.Likelihood
	}
	if w.train != nil {
		w.train(&t)
	}
	if r.data.Suits.Truncate > 0 && r.data.Form.Streams > 0 {
		t.Truncate, t.Batch = r.data.Suits.Truncate, len(r.data.Train)
	}
	suitImages(&m, &t, r.data)
	t.Seed, t.Threads = seed, r.threads
	if r.quick {
		t.Epochs, t.KLWarmup = 2, min(t.KLWarmup, 1)
	}
	m, err := m.Resolve()
	return m, t, err
}

// row makes one row, or takes over what is already there, and scores it.
func (r *tableRun) row(ctx context.Context, w row, seed uint64) error {
	mc, tc, err := r.settings(w, seed)
	if err != nil {
		return err
	}
	return within(r.folderOf(w, seed), func(folder *rundir.Dir) error { return r.rowIn(ctx, folder, w, mc, tc) })
}

// writeConfig leaves the settings of a row, as train would, unless its data are a small part, which no
// setting of train says.
func (r *tableRun) writeConfig(folder *rundir.Dir, mc model.Config, tc model.TrainConfig) error {
	if r.quick {
		return nil
	}
	c := newCall(command{name: "train"}, nil, io.Discard)
	var s settings
	var data dataFlags
	s.flags(c)
	data.flags(c)
	o := r.experiment.data.Options
	o.Pixels = cmp.Or(o.Pixels, data.Pixels)
	data.path, data.Options = r.experiment.data.path, o
	s.resolve(mc, tc)
	return c.writeEffective(folder, nil)
}

// rowIn is row in its folder.
func (r *tableRun) rowIn(ctx context.Context, folder *rundir.Dir, w row, mc model.Config, tc model.TrainConfig) error {
	dir, seed := folder.Root(), tc.Seed
	sum, err := r.made(ctx, folder, mc, tc)
	if err != nil {
		return err
	}
	res := r.add(w, seed, dir, sum, sum.Test, 1, w.figures)
	fmt.Fprintln(r.out, res.line())
	for _, k := range w.samples {
		if err := ctx.Err(); err != nil {
			fmt.Fprintln(r.out, "stopped; "+sameCommand)
			return err
		}
		if r.quick && k > 5 {
			continue
		}
		score, err := r.bound(dir, sum, k)
		if err != nil {
			return err
		}
		fmt.Fprintln(r.out, r.add(w, seed, dir, sum, score, k, w.bounds[k]).line())
	}
	return nil
}

// made returns the summary of a training that is there or is made now.
func (r *tableRun) made(ctx context.Context, folder *rundir.Dir, mc model.Config, tc model.TrainConfig) (*summary, error) {
	sum, err := r.done(folder, mc, tc)
	if err != nil || sum != nil {
		return sum, err
	}
	return r.train(ctx, folder, mc, tc)
}

// done returns the summary of a row that was finished with the same settings and data.
func (r *tableRun) done(folder *rundir.Dir, mc model.Config, tc model.TrainConfig) (*summary, error) {
	if !folder.Listed() {
		if err := adopt(folder); err != nil {
			return nil, err
		}
	}
	if !folder.Owns(summaryFile) || !folder.Owns(model.BestFile) {
		return nil, nil
	}
	sum, err := readSummary(folder.Path(summaryFile))
	if err != nil {
		return nil, err
	}
	if sum.DataHash != r.data.Hash || len(differences(sum.Config, sum.Train, mc, tc)) > 0 {
		return nil, nil
	}
	return sum, nil
}

// train trains a row, from its checkpoint if there is one with these settings.
func (r *tableRun) train(ctx context.Context, folder *rundir.Dir, mc model.Config, tc model.TrainConfig) (*summary, error) {
	if err := room(mc.MemoryToTrain(tc, r.data.Data), "this training", nil); err != nil {
		return nil, err
	}
	t, err := r.goOn(folder, mc, tc)
	if err == nil && t == nil {
		if err = settled(folder, mc, tc, r.data.Hash, "its own settings and data", r.force, r.out); err == nil {
			t, err = begin(mc, tc, r.data, folder)
		}
		if err == nil {
			err = r.begun(folder, mc, tc)
		}
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(r.out, "\n%s: %s: %d parameters, seed %d\n", folder.Root(), describe(mc), cell.Count(t.Model.Tensors()), tc.Seed)
	if err := runTraining(ctx, t, folder, sameCommand, r.out); err != nil {
		return nil, err
	}
	anneal := annealing(mc)
	if r.quick && anneal.Runs > 0 {
		anneal = model.Annealing{Runs: 2, Temperatures: 10}
	}
	return finishTraining(t, r.data, folder.Root(), anneal)
}

// goOn returns the training of a row that was stopped, or nil if there is none with these settings
// and data.
func (r *tableRun) goOn(folder *rundir.Dir, mc model.Config, tc model.TrainConfig) (*model.Trainer, error) {
	if !folder.Owns(model.CheckpointFile) || folder.Owns(divergedFile) {
		return nil, nil
	}
	info, err := model.ReadInfo(folder.Path(model.CheckpointFile))
	if err != nil {
		return nil, err
	}
	old := info.Training
	if old == nil || old.Ended && folder.Owns(summaryFile) || info.Hash != r.data.Hash || len(differences(info.Config, old.Config, mc, tc)) > 0 {
		return nil, nil
	}
	t, err := model.Resume(folder.Root(), r.data.Data, 0, r.threads)
	if err != nil {
		return nil, err
	}
	return t, folder.Reserve(slices.Concat(trainFiles, sampleFiles(r.data.Form.Kind))...)
}

// bound scores the test part with k draws per sequence, or takes the score from the folder.
func (r *tableRun) bound(dir string, sum *summary, k int) (model.Score, error) {
	path := filepath.Join(dir, fmt.Sprintf("bound-%d.json", k))
	best, err := os.Stat(filepath.Join(dir, model.BestFile))
	if err != nil {
		return model.Score{}, err
	}
	var score model.Score
	if info, err := os.Stat(path); err == nil && !info.ModTime().Before(best.ModTime()) {
		raw, err := new(infile.Budget).Read(path)
		if err == nil {
			err = floatjson.Unmarshal(raw, &score)
		}
		if err != nil {
			return score, fmt.Errorf("%s: %w", path, err)
		}
		return score, nil
	}
	m, _, err := model.Load(filepath.Join(dir, model.BestFile))
	if err != nil {
		return score, err
	}
	score = model.Evaluate(m, r.data.Test, model.EvalConfig{Batch: sum.Train.Batch, Samples: k, Seed: sum.Seed, Shards: sum.Train.Shards, Threads: r.threads})
	return score, writeJSON(path, score)
}
