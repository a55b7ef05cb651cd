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
	read: readRolls, split: tenths, write: writeRolls, ext: ".mid", picture: "rolls",
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
	o.overlap = o.overlap || own // the parts are the same
	s, name := tunesSet(own)
	if err := (&reader{Options: o}).condition(s, name); err != nil {
		return nil, err
	}
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
		s.notes = append(s.notes, "note: train, valid and test are the same tunes, so that all can be on one map: the figures say nothing of other tunes")
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
	return Tunes(f.Builtin == builtinOwnKeys, tunesOptions(f))
}

// tunesOptions returns the options that built-in tunes of a form were read with.
func tunesOptions(f model.Form) Options {
	o := Options{Window: f.Window, Hop: f.Hop, Given: f.GivenFile, overlap: f.HeldHop == 0}
	if len(f.Given) > 0 && o.Given == "" {
		o.Given = labelGiven
	}
	return o
}

// writeRolls writes MIDI and a picture.
func writeRolls(w *sheet) error {
	if w.dim != music.Dims {
		return fmt.Errorf("%d dimensions, a piano roll has %d", w.dim, music.Dims)
	}
	grid := max(w.form.Rate, 1)
	if w.Means {
		for _, x := range w.Pieces {
			Sounding(x, w.dim)
		}
	}
	if err := w.each(func(f io.Writer, x []float32) error {
		return music.WriteMIDI(f, music.FromRows(x), music.MIDIOptions{StepsPerQuarter: grid, Title: w.Base})
	}); err != nil {
		return err
	}
	longest := 0
	for _, x := range w.Pieces {
		longest = max(longest, len(x)/w.dim)
	}
	var panels []figure.RollPanel
	data := func(list []shown) {
		for _, d := range list {
			piece := music.FromRows(d.x)
			panels = append(panels, figure.RollPanel{Title: "data: " + d.name, Steps: piece[:min(len(piece), longest)]})
		}
	}
	data(w.before)
	for i, x := range w.Pieces {
		if len(panels)+len(w.after) < 8 {
			panels = append(panels, figure.RollPanel{Title: w.title(i), Steps: music.FromRows(x), Sample: true})
		}
	}
	data(w.after)
	return w.draw(func(path string) error { return figure.Rolls(path, "Piano rolls", panels, grid) })
}

// Sounding gives rows of probabilities none of which says that a key rather sounds than not the
// most probable key: of an uncertain mean nothing would be left otherwise.
func Sounding(x []float32, dim int) {
	for at := 0; at+dim <= len(x); at += dim {
		row, best := x[at:at+dim], 0
		for j, p := range row {
			if p > row[best] {
				best = j
			}
		}
		if row[best] < 0.5 {
			row[best] = 1
		}
	}
}
