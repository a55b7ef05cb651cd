package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// The windows of the built-in tunes that a VRAE is trained on unless told otherwise: 50
// steps as in its paper, and enough of them for tunes this short.
const (
	tuneWindow = 50
	tuneHop    = 5
)

// toTrain reads the data of a training: what the flags say or, where it goes on from a
// checkpoint, what that was trained on. A VRAE learns the built-in tunes in windows unless
// told otherwise.
func (f *dataFlags) toTrain(s *settings, dir string, resume bool, out io.Writer) (*dataset.Data, error) {
	if resume {
		path := filepath.Join(dir, model.CheckpointFile)
		info, err := model.ReadInfo(path)
		if err != nil {
			return nil, err
		}
		return f.openAs(path, info, out)
	}
	if k, err := model.KindOf(s.model.Model); err == nil && f.path == "" && wholeSequences(k) {
		f.own = true
		if f.Window == 0 {
			f.Window = tuneWindow
			if f.Hop == 0 {
				f.Hop = tuneHop
			}
		}
	}
	f.Raw = s.model.Likelihood == model.Bernoulli
	return f.open(out)
}

// latentTunes sets what gives a map of the built-in tunes in half a minute on two cores. The
// KL weight is below 1 because with two dimensions for 50 steps of music the bound prefers
// to leave z unused.
func latentTunes(_ model.Kind, m model.Config, t model.TrainConfig, given map[string]bool) (model.Config, model.TrainConfig) {
	for _, v := range []struct {
		flag string
		p    *int
		v    int
	}{{"hidden", &m.Hidden, 128}, {"latent", &m.Latent, 2}, {"epochs", &t.Epochs, 150}, {"patience", &t.Patience, 0}} {
		if !given[v.flag] {
			*v.p = v.v
		}
	}
	if !given["cell"] {
		m.Cell = "gru"
	}
	if !given["lr"] {
		t.Rate = 3e-3
	}
	if !given["kl-weight"] {
		t.KLWeight = 0.1
	}
	return m, t
}

// vraeTraining is latentTunes for a row of a table.
func vraeTraining(t *model.TrainConfig) { _, *t = latentTunes(model.Kind{}, model.Config{}, *t, nil) }

var vraeTable = experiment{
	name:  "vrae",
	about: "Variational recurrent auto-encoders of the built-in tunes, each in its own key: maps of their latent spaces",
	unit:  "bound in nats per time step, lower is better; the paper has a picture, not a figure",
	data:  dataFlags{own: true, Options: dataset.Options{Window: tuneWindow, Hop: tuneHop}},
	value: nats,
	rows: []row{
		{name: "VRAE GRU, z=2", model: model.Config{Model: model.ModelVRAE, Cell: "gru", Hidden: 128, Latent: 2}, train: vraeTraining},
		{name: "VRAE GRU, z=20", model: model.Config{Model: model.ModelVRAE, Cell: "gru", Hidden: 128, Latent: 20}, train: vraeTraining},
		{name: "VRAE tanh RNN, z=2", model: model.Config{Model: model.ModelVRAE, Cell: "rnn", Hidden: 128, Latent: 2}, train: tanhTraining},
	},
	finish: vraeMaps,
}

// tanhTraining is for the cell of the paper, which needs smaller steps and more of them.
func tanhTraining(t *model.TrainConfig) {
	vraeTraining(t)
	t.Epochs, t.Rate, t.Clip = 300, 1e-3, 0.25
}

// vraeMaps leaves a map, a walk and a long piece beside every checkpoint of the table and
// prints how pure the map is.
func vraeMaps(ctx context.Context, r *tableRun) error {
	fmt.Fprintln(r.out)
	for i := range r.results {
		res := &r.results[i]
		if err := ctx.Err(); err != nil {
			fmt.Fprintln(r.out, "stopped; "+sameCommand)
			return err
		}
		m, _, err := model.Load(filepath.Join(res.Folder, model.BestFile))
		if err != nil {
			return err
		}
		v, ok := m.(*model.VRAE[float32])
		if !ok {
			return fmt.Errorf("%s: a %s has no latent map", res.Folder, m.Settings().Model)
		}
		var l latent
		err = within(res.Folder, func(*rundir.Dir) (err error) {
			if l, err = writeLatent(res.Folder, v, r.data, r.threads); err != nil {
				return err
			}
			return vraeWalk(res.Folder, v, r.data, res.Seed, r.threads)
		})
		if err != nil {
			return err
		}
		if !math.IsNaN(l.purity) {
			res.Purity = l.purity
		}
		if !math.IsNaN(l.apart) {
			res.Apart = l.apart
		}
		fmt.Fprintf(r.out, "%-28s seed %d: %s\n", res.Row, res.Seed, l)
	}
	return nil
}

// The folders of what vraeWalk leaves.
const (
	walkFolder = "walk"
	longFolder = "long"
)

// vraeWalk goes from the first window of the data to the last in nine steps through the
// latent space, and lets the decoder run on for 1024 steps from the middle of it.
func vraeWalk(dir string, m *model.VRAE[float32], d *dataset.Data, seed uint64, threads int) error {
	const points, long = 9, 1024
	ends := []model.Sequence{d.Train[0], d.Train[len(d.Train)-1]}
	steps := ends[0].Steps(d.Dim)
	for _, v := range []struct {
		folder       string
		x            []float32
		count, steps int
		data         []model.Sequence
		means        bool
	}{
		{walkFolder, walk(m, ends, points, steps, false, 0), points, steps, ends, true},
		{longFolder, m.Generate(make([]float32, m.Latent), nil, 1, long, seed), 1, long, nil, false},
	} {
		name := filepath.Join(dir, v.folder)
		if err := os.MkdirAll(name, 0o777); err != nil {
			return err
		}
		if _, err := dataset.Write(name, d.Form, d.Dim, dataset.Output{Base: dataset.BaseSample, Pieces: dataset.Split(v.x, v.count), Means: v.means, Before: v.data}); err != nil {
			return err
		}
	}
	return nil
}
