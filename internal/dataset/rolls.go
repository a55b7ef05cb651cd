package dataset

import (
	"fmt"
	"io"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// rolls are pieces of music as piano rolls: a step is a time of the grid, a dimension a key.
var rolls = kind{
	name: model.FormRoll, options: []string{"grid"},
	is: func(p *probe) bool {
		return music.Is(p.path) || music.IsMIDI(p.head)
	},
	read: readRolls, split: tenths, write: writeRolls, files: []string{midiFile, rollsFile + ".png", rollsFile + ".svg"},
	suits: func(*set, model.Form) Suits { return Suits{Model: model.ModelVRNN, Likelihood: model.Bernoulli} },
}

// readRolls reads files of the package music on the grid asked for.
func readRolls(r *reader, path string) (*set, error) {
	grid := r.Grid
	if grid == 0 {
		grid = 2
		if strings.HasSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".json") {
			grid = 1
		}
	}
	m, err := music.Open(path, grid, r.budget)
	if err != nil {
		return nil, err
	}
	return rollsOf(m), nil
}

func rollsOf(m *music.Dataset) *set {
	s := &set{dim: music.Dims, form: model.Form{Rate: m.StepsPerQuarter}, notes: m.Notes, skipped: m.Skipped}
	add := func(list []music.Piece) (at []int) {
		for i := range list {
			p := &list[i]
			at = append(at, len(s.pieces))
			s.pieces = append(s.pieces, piece{name: p.Name, label: p.Name, steps: p.Steps(), source: p})
		}
		return at
	}
	if add(m.All); len(m.All) == 0 {
		s.parts = &[3][]int{add(m.Train), add(m.Valid), add(m.Test)}
	}
	return s
}

// Tunes returns the tunes that ship inside the program, in several keys, or with own each
// in its own key. In the latter valid and test are the same tunes as train: a map of them is
// no claim about others.
func Tunes(own bool, o Options) (*Data, error) {
	s, name := tunesSet(own)
	return s.train(&rolls, name, o)
}

func tunesSet(own bool) (*set, string) {
	m, name := music.Builtin(), builtinTunes
	if own {
		m, name = music.OwnKeys(), builtinOwnKeys
	}
	s := rollsOf(m)
	s.form.Builtin = name
	if own {
		s.notes = append(s.notes, "valid and test are the tunes of train, so that all can be on one map")
	}
	return s, m.Name
}

// The values of model.Form.Builtin.
const (
	builtinTunes   = "tunes"
	builtinOwnKeys = "own keys"
)

// TunesAs returns the built-in tunes that a model was trained on, by its form.
func TunesAs(f model.Form) (*Data, error) {
	if err := checkBuiltin(f); err != nil {
		return nil, err
	}
	return Tunes(f.Builtin == builtinOwnKeys, Options{Window: f.Window, Hop: f.Hop})
}

const (
	midiFile  = "sample.mid"
	rollsFile = "rolls" // .png and .svg
)

// writeRolls writes the samples one after another as MIDI, and a picture.
func writeRolls(w *sheet) error {
	if w.dim != music.Dims {
		return fmt.Errorf("%d dimensions, a piano roll has %d", w.dim, music.Dims)
	}
	grid := max(w.form.Rate, 1)
	var all []float32
	for _, s := range w.samples {
		all = append(all, s...)
	}
	if err := w.file(midiFile, func(f io.Writer) error {
		return music.WriteMIDI(f, music.FromRows(all), music.MIDIOptions{StepsPerQuarter: grid, Title: "sample"})
	}); err != nil {
		return err
	}
	var panels []figure.RollPanel
	for _, d := range w.data {
		piece := music.FromRows(d.x)
		panels = append(panels, figure.RollPanel{Title: "data: " + d.name, Steps: piece[:min(len(piece), len(w.samples[0])/w.dim)]})
	}
	for i, s := range w.samples {
		if len(panels) < 8 {
			panels = append(panels, figure.RollPanel{Title: numbered("sample of the model", i, len(w.samples)), Steps: music.FromRows(s), Sample: true})
		}
	}
	return w.picture(rollsFile, func(path string) error { return figure.Rolls(path, "Piano rolls", panels, grid) })
}
