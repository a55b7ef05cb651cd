package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// baseWalk is what the files of interpolate are called.
const baseWalk = "walk"

// maxBetween is how many samples there are between two ends at most.
const maxBetween = 1000

func interpolate(_ context.Context, cmd *call) error {
	out := cmd.out
	var data dataFlags
	data.flags(cmd)
	from, dir := cmd.modelFlag(), cmd.outFlag()
	between := cmd.Int("between", 3, "samples between the two")
	steps := cmd.Int("steps", 0, "steps of a sample (default: as A has)")
	draw := cmd.Bool("draw", false, "vrae: draw from the outputs in place of taking their means")
	seed := cmd.Uint64("seed", 1, "with -draw: seed of the draws")
	ends := cmd.names(2)
	if err := cmd.parse(); err != nil {
		return err
	}
	switch {
	case len(ends) < 2:
		return usagef("want two names: elbow interpolate A B")
	case *between < 0 || *between > maxBetween:
		return usagef("-between %d: want 0..%d", *between, maxBetween)
	case *steps < 0 || *steps > 1<<20:
		return usagef("-steps %d: want 1..%d", *steps, 1<<20)
	}
	for _, p := range append([]string{data.path}, ends...) {
		if err := apart(p, *dir); err != nil {
			return err
		}
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	dim := m.Settings().Data
	seqs, err := pickEnds(&data, ends, m, info, path, out)
	if err != nil {
		return err
	}
	count := *between + 2
	n := cmp.Or(*steps, seqs[0].Steps(dim))
	switch m.(type) {
	case *model.VRAE[float32]:
	case *model.VAE[float32]:
		if n != 1 || seqs[1].Steps(dim) != 1 || *draw {
			return fmt.Errorf("%s: a vae goes from one data point to another, by their means", path)
		}
	default:
		return fmt.Errorf("%s: a %s has no latent variable of a whole sequence, between which one could go", path, m.Settings().Model)
	}
	if err := room(drawing(m, count, n), "drawing", cmd.FlagSet); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(dataset.Files(info.Form.Kind, baseWalk, count)...); err != nil {
			return err
		}
		o := dataset.Output{Base: baseWalk, Means: !*draw, Before: seqs[:1], After: seqs[1:], Pieces: dataset.Split(walk(m, seqs, count, n, *draw, *seed), count)}
		for i := range count {
			o.Names = append(o.Names, fmt.Sprintf("%.0f %% of the way", math.Round(float64(100*i)/float64(count-1))))
		}
		files, err := dataset.Write(*dir, info.Form, dim, o)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := outdated(folder, info.Form.Kind, baseWalk, count, out); err != nil {
			return err
		}
		fmt.Fprintf(out, "from %s to %s\n", message(seqs[0].Name, maxMessage/3), message(seqs[1].Name, maxMessage/3))
		return cmd.left(*dir, files, map[string]any{"from": seqs[0].Name, "to": seqs[1].Name, "steps": n})
	})
}

// pickEnds returns the sequences of these names or files.
func pickEnds(data *dataFlags, ends []string, m model.Model[float32], info model.Info, path string, out io.Writer) ([]model.Sequence, error) {
	var seqs []model.Sequence
	for i, name := range ends {
		q, err := data.pick(name, func(f *dataFlags) (*dataset.Data, error) {
			reports := out
			if i > 0 {
				reports = io.Discard // said already
			}
			return latentData(f, m, info, path, reports)
		}, out)
		if err != nil {
			return nil, err
		}
		if q.Steps(m.Settings().Data) == 0 {
			return nil, fmt.Errorf("%s: a sequence of no steps", q.Name)
		}
		seqs = append(seqs, q)
	}
	return seqs, nil
}

// walk decodes count points on the straight line from the mean of z of one sequence to that of
// another, and likewise from the conditions of one to those of the other.
func walk(m model.Model[float32], ends []model.Sequence, count, steps int, draw bool, seed uint64) []float32 {
	codes := model.Encode(m, ends, 1)
	z := model.Interpolate(codes[0].Mean, codes[1].Mean, count)
	var given []float32
	if w := m.Settings().Given; w > 0 {
		given = model.Interpolate(dataset.GivenFor(ends[0].Given, w, steps), dataset.GivenFor(ends[1].Given, w, steps), count)
	}
	switch m := m.(type) {
	case *model.VAE[float32]:
		x := make([]float32, count*m.Data)
		m.Decode(x, z, given, count)
		return x
	case *model.VRAE[float32]:
		if draw {
			return m.Generate(z, given, count, steps, seed)
		}
		return m.Decode(z, given, count, steps)
	}
	panic("elbow: a model without a latent variable of a sequence")
}
