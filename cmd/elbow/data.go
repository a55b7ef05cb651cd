package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// dataFlags are the flags that choose the data.
type dataFlags struct {
	path string
	grid int
}

func (d *dataFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&d.path, "data", "", "piano rolls in the JSB JSON layout, or a folder with train, valid and test of ABC or MIDI files (default: the built-in tunes)")
	fs.IntVar(&d.grid, "grid", 0, "steps per quarter note of -data (default: 1 for JSON, 2 for a folder)")
}

// load returns the chosen data set, as music and as a model sees it.
func (f *dataFlags) load() (*music.Dataset, *model.Data, error) {
	set, err := music.Builtin(), error(nil)
	if f.path != "" {
		grid := f.grid
		if grid == 0 {
			grid = 2
			if strings.EqualFold(filepath.Ext(f.path), ".json") {
				grid = 1
			}
		}
		if set, err = music.Open(f.path, grid); err != nil {
			return nil, nil, err
		}
	}
	d := &model.Data{Name: set.Name, Dim: music.Dims, Hash: set.Hash(),
		Train: sequences(set.Train), Valid: sequences(set.Valid), Test: sequences(set.Test)}
	return set, d, nil
}

func sequences(pieces []music.Piece) []model.Sequence {
	seqs := make([]model.Sequence, len(pieces))
	for i, p := range pieces {
		x := make([]float32, len(p.Steps)*music.Dims)
		music.Rows(x, p.Steps)
		seqs[i] = model.Sequence{Name: p.Name, X: x}
	}
	return seqs
}

// makeDir makes the output folder and finds out whether files can be made in it, before
// hours of work are spent on them.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
