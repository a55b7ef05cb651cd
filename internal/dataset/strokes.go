package dataset

import (
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	pen "github.com/elbow-go/elbow/internal/strokes"
	"github.com/elbow-go/elbow/model"
)

// strokes are drawings: a step is a movement of the pen.
var strokes = kind{
	name: model.FormStrokes,
	folder: func(names []string) bool {
		for _, n := range names {
			if strings.HasSuffix(n, "_points.npy") {
				return true
			}
		}
		return false
	},
	read: readStrokes, split: tenths, learn: learnStrokes, write: writeStrokes, picture: "strokes",
	suits: func(*set, model.Form) Suits {
		return Suits{Model: model.ModelVRNN, Likelihood: model.BivariateMixture}
	},
}

// path is the raw values of a drawing.
type pathOf []float32

func (p pathOf) Read(dst []float64, from int) {
	for i, v := range p[from*pen.Dims:][:len(dst)] {
		dst[i] = float64(v)
	}
}

func readStrokes(r *reader, path string) (*set, error) {
	d, err := pen.Read(path, r.budget)
	if err != nil {
		return nil, err
	}
	s := &set{dim: pen.Dims, parts: new([3][]int)}
	for p, list := range [][]pen.Drawing{d.Train, d.Valid, d.Test} {
		for _, q := range list {
			label, _, _ := strings.Cut(q.Name, "/")
			s.parts[p] = append(s.parts[p], len(s.pieces))
			s.pieces = append(s.pieces, piece{name: q.Name, label: label, steps: len(q.Steps) / pen.Dims, rows: pathOf(q.Steps)})
		}
	}
	s.notes = d.Skipped
	return s, nil
}

// learnStrokes scales the offsets; the pen bit stays.
func learnStrokes(s *set, train []span, _ Options, f *model.Form) (err error) {
	if f.Offset, f.Scale, err = s.moments(train, nil); err != nil {
		return err
	}
	f.Offset[0], f.Scale[0] = 0, 1
	return nil
}

func writeStrokes(w *sheet) error {
	if w.dim != pen.Dims {
		return fmt.Errorf("%d dimensions, pen strokes have %d", w.dim, pen.Dims)
	}
	var panels []figure.DrawingPanel
	data := func(list []shown) {
		if len(list) > 0 {
			panels = append(panels, figure.DrawingPanel{Title: "data", Drawings: valuesOf(list)})
		}
	}
	data(w.before)
	panels = append(panels, figure.DrawingPanel{Title: w.titleOfAll(), Drawings: w.Pieces, Sample: true})
	data(w.after)
	return w.draw(func(path string) error { return figure.Drawings(path, "Pen strokes", panels) })
}

func valuesOf(list []shown) (x [][]float32) {
	for _, d := range list {
		x = append(x, d.x)
	}
	return x
}
