package dataset

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/model"
)

// labels returns the texts of an SVG file in dir, of which there is a PNG as well.
func labels(t *testing.T, dir, base string) string {
	t.Helper()
	if info, err := os.Stat(filepath.Join(dir, base+".png")); err != nil || info.Size() < 5000 {
		t.Errorf("%s.png: %v", base, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, base+".svg"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestSeriesPicture: a picture of tables has a panel for every column, with data and pieces in it.
func TestSeriesPicture(t *testing.T) {
	dir := t.TempDir()
	f := model.Form{Kind: model.FormSeries, Columns: []string{"speed", "heat"}}
	q := model.Sequence{Name: "x/motor.csv", X: []float32{1, 5, 2, 6, 3, 7, 4, 8}}
	files, err := Write(dir, f, 2, Output{Base: BaseSample, Pieces: [][]float32{{1, 2, 3, 4, 5, 6}}, Before: []model.Sequence{q}})
	if got := strings.Join(files, " "); err != nil || got != "sample.csv series.png" {
		t.Fatalf("%q, %v", got, err)
	}
	svg := labels(t, dir, "series")
	for _, want := range []string{">speed<", ">heat<", ">data: motor.csv<", ">sample of the model<", ">step<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestScoresPicture: the scores of tables are drawn with their columns, those of other data alone; without steps there is
// nothing to draw.
func TestScoresPicture(t *testing.T) {
	q := Scored{Piece: Piece{Sequence: model.Sequence{Name: "x/motor.csv", X: []float32{1, 5, 2, 6, 3, 7}}}, NLL: []float64{1, 9, 1}, Flagged: []bool{false, true, false}}
	for kind, columns := range map[string]bool{model.FormSeries: true, model.FormWave: false} {
		dir := t.TempDir()
		file, err := DrawScores(dir, model.Form{Kind: kind, Columns: []string{"speed", "heat"}}, 2, []Scored{q, q}, 4)
		if file != "scores.png" || err != nil {
			t.Fatalf("%q, %v", file, err)
		}
		svg := labels(t, dir, "scores")
		if n := strings.Count(svg, ">flagged<"); n != 2 && !columns || n != 4 && columns || strings.Contains(svg, ">heat of motor.csv<") != columns {
			t.Errorf("%s: %d panels", kind, n)
		}
	}
	q.X = []float32{1, float32(math.NaN()), 2, float32(math.NaN()), 3, float32(math.NaN())}
	if panels := ScorePanels(model.Form{Kind: model.FormSeries}, 2, []Scored{q}, 4); len(panels) != 2 || panels[1].XLabel != "step" {
		t.Errorf("%d panels, want none of a column that is missing", len(panels))
	}
	if file, err := DrawScores(t.TempDir(), model.Form{Kind: model.FormSeries}, 2, []Scored{{}}, 4); file != "" || err != nil {
		t.Errorf("%q, %v", file, err)
	}
}

// TestNames: what sequences are called has what tells them apart.
func TestNames(t *testing.T) {
	of := func(names ...string) string {
		var list []Scored
		for _, n := range names {
			list = append(list, Scored{Piece: Piece{Sequence: model.Sequence{Name: n}}})
		}
		return strings.Join(namesOf(list), " ")
	}
	for got, want := range map[string]string{of("/a/b.csv"): "b.csv", of("/a/b/1", "/a/c/1"): "b/1 c/1", of("x", "y/x"): "x y/x", of("x", "x"): "x x", of(): ""} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTitleOfAll: one title for all pieces says once what they are.
func TestTitleOfAll(t *testing.T) {
	of := func(names ...string) string { return (&sheet{Output: Output{Names: names}}).titleOfAll() }
	for got, want := range map[string]string{
		of("copy: a", "copy: b", "copy: c", "copy: d"): "copy: a to d",
		of("a", "b", "c", "d"):                         "a to d",
		of("a", "b"):                                   "a, b",
		of():                                           "samples of the model",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
