package dataset

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/model"
)

// BaseScores is what the picture of scores is called.
const BaseScores = "scores"

// Scored is a sequence with the score of each of its steps, and which of them are unusual.
type Scored struct {
	Piece
	NLL     []float64
	Flagged []bool
}

// FlagAt is how many standard deviations above the mean a score is unusual, unless a user says otherwise.
const FlagAt = 4

// ShownScores is how many sequences a picture of scores shows.
const ShownScores = 3

// ScorePanels returns the panels of a picture of scores along sequences, at most [ShownScores], each with the score from
// which steps are flagged, and of tables the columns of the first sequence. Flagged steps are marked in all of them. What has
// no finite value has no panel.
func ScorePanels(form model.Form, dim int, list []Scored, threshold float64) (panels []figure.Panel) {
	names := namesOf(list[:min(len(list), ShownScores)])
	for i, q := range list[:len(names)] {
		if len(q.NLL) == 0 {
			continue
		}
		p := figure.Panel{Title: names[i], YLabel: "nats"}
		nll := figure.Line{Name: "score of the step", X: make([]float64, len(q.NLL)), Y: q.NLL}
		for i := range nll.X {
			nll.X[i] = float64(i)
		}
		p.Lines = []figure.Line{nll, q.marks(nll)}
		if last := float64(len(q.NLL) - 1); !math.IsNaN(threshold) {
			p.Lines = append(p.Lines, figure.Line{Name: "flagged from here on", X: []float64{0, last}, Y: []float64{threshold, threshold}, Dashed: true})
		}
		panels = append(panels, p)
	}
	if len(panels) == 0 {
		return nil
	}
	if form.Kind == model.FormSeries {
		q := list[0]
		x := q.Values(dim)
		form.Raw(x, dim)
		for j, name := range columnNames(form, dim)[:min(dim, maxPanels-len(panels))] {
			c := column("data", x, dim, j, 0)
			panels = append(panels, figure.Panel{Title: fmt.Sprintf("%s of %s", name, names[0]), YLabel: " ", Lines: []figure.Line{c, q.marks(c)}})
		}
	}
	panels = slices.DeleteFunc(panels, func(p figure.Panel) bool { return !slices.ContainsFunc(p.Lines[0].Y, isFinite) })
	if len(panels) > 0 {
		panels[len(panels)-1].XLabel = "step"
	}
	return panels
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// DrawScores draws the [ScorePanels] as PNG and SVG. It returns the name of the first file, or none if there are no steps to
// be drawn.
func DrawScores(dir string, form model.Form, dim int, list []Scored, threshold float64) (file string, err error) {
	panels := ScorePanels(form, dim, list, threshold)
	if len(panels) == 0 {
		return "", nil
	}
	for _, ext := range []string{".svg", ".png"} {
		file = BaseScores + ext
		if err := figure.Series(filepath.Join(dir, file), "Scores, the strangest sequences", panels); err != nil {
			return "", err
		}
	}
	return file, nil
}

// namesOf returns the names of sequences without the folders that hold all of them.
func namesOf(list []Scored) (names []string) {
	for _, q := range list {
		names = append(names, filepath.ToSlash(q.Name))
	}
	for len(names) > 0 {
		dir, _, found := strings.Cut(names[0], "/")
		for _, n := range names {
			found = found && strings.HasPrefix(n, dir+"/")
		}
		if !found {
			break
		}
		for i := range names {
			names[i] = names[i][len(dir)+1:]
		}
	}
	return names
}

// marks returns what a line has at the flagged steps.
func (q *Scored) marks(l figure.Line) figure.Line {
	m := figure.Line{Name: "flagged", Dots: true}
	for i, hit := range q.Flagged {
		if hit {
			m.X, m.Y = append(m.X, l.X[i]), append(m.Y, l.Y[i])
		}
	}
	return m
}
