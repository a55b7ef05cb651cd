package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// baseReconstruction is what the files of reconstruct are called.
const baseReconstruction = "reconstruction"

func reconstruct(_ context.Context, cmd *call) error {
	out := cmd.out
	var data dataFlags
	data.flags(cmd)
	from, dir := cmd.modelFlag(), cmd.outFlag()
	of := cmd.String("of", "", "a file, of which the first sequence, or the name of a sequence of the data (default: the first ones of test)")
	count := cmd.Int("count", 0, "how many sequences (default: 1; images 64, drawings 16)")
	threads := cmd.Int("threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")
	if err := cmd.parse(); err != nil {
		return err
	}
	given := cmd.given()
	if err := checkLimits(given, limit{"threads", *threads, 1, cell.MaxThreads}, limit{"count", *count, 1, maxContinuations}); err != nil {
		return err
	}
	if *of != "" && given["count"] {
		return usagef("-of -count: want one of them")
	}
	for _, p := range []string{data.path, *of} {
		if err := apart(p, *dir); err != nil {
			return err
		}
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	seqs, err := toReconstruct(&data, *of, *count, m, info, path, out)
	if err != nil {
		return err
	}
	dim := m.Settings().Data
	if err := room(m.Settings().MemoryToEncode(seqs, dim, *threads), "reconstructing", cmd.FlagSet); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(dataset.Files(info.Form.Kind, baseReconstruction, len(seqs))...); err != nil {
			return err
		}
		o := dataset.Output{Base: baseReconstruction, Pieces: model.Reconstruct(m, seqs, *threads), Means: true, Before: seqs}
		for i := range seqs {
			name := seqs[i].Name
			if filepath.IsAbs(name) {
				name = filepath.Base(name)
			}
			o.Names = append(o.Names, "reconstruction: "+name)
		}
		rms := distance(o.Pieces, seqs, info.Form, dim)
		files, err := dataset.Write(*dir, info.Form, dim, o)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := outdated(folder, info.Form.Kind, baseReconstruction, len(seqs), out); err != nil {
			return err
		}
		more := map[string]any{"sequences": len(seqs)}
		if info.Form.Classes == 0 {
			fmt.Fprintf(out, "%d sequences, root mean square of the differences %.4g\n", len(seqs), rms)
			more["rms"] = rms
		}
		return cmd.left(*dir, files, more)
	})
}

// toReconstruct returns the sequence of the name or file of or, without, the first ones of the data,
// those of test before the others: count of them, or as many as are shown beside each other.
func toReconstruct(data *dataFlags, of string, count int, m model.Model[float32], info model.Info, path string, out io.Writer) ([]model.Sequence, error) {
	open := func(f *dataFlags) (*dataset.Data, error) { return latentData(f, m, info, path, out) }
	if of != "" {
		q, err := data.pick(of, open, out)
		return []model.Sequence{q}, err
	}
	d, err := open(data)
	if err != nil {
		return nil, err
	}
	n := cmp.Or(count, dataset.Beside(info.Form))
	var seqs []model.Sequence
	pieces := d.Pieces()
	for _, test := range []bool{true, false} {
		for i := 0; i < len(pieces) && len(seqs) < n; i++ {
			if (pieces[i].Parts() == "test") == test {
				seqs = append(seqs, pieces[i].Sequence)
			}
		}
	}
	return seqs, nil
}

// distance returns the root mean square of the differences between reconstructions and the data that are
// there, in the units of the data.
func distance(pieces [][]float32, seqs []model.Sequence, form model.Form, dim int) float64 {
	sum, n := 0.0, 0
	for i := range seqs {
		x, y := seqs[i].Values(dim), append([]float32(nil), pieces[i]...)
		form.Raw(x, dim)
		form.Raw(y, dim)
		for k := range x {
			if d := float64(x[k]) - float64(y[k]); d == d { // x may be missing
				sum += float64(d * d)
				n++
			}
		}
	}
	return math.Sqrt(sum / float64(max(n, 1)))
}
