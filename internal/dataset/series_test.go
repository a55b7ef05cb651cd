package dataset

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// rowsOf returns a table of n rows, whose columns are given by functions of the row.
func rowsOf(n int, names string, columns ...func(i int) float64) string {
	var b strings.Builder
	b.WriteString(names + "\n")
	for i := range n {
		for j, c := range columns {
			b.WriteString(strings.Repeat(",", min(j, 1)))
			fmt.Fprint(&b, c(i))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func saw(i int) float64 { return float64(i % 7) }

// TestNearlyConstant: a column that hardly varies in train is named, with its value.
func TestNearlyConstant(t *testing.T) {
	rare := func(i int) float64 { return map[bool]float64{true: 9, false: 2.5}[i%40 == 3] }
	often := func(i int) float64 { return map[bool]float64{true: 9, false: 2.5}[i%10 == 3] }
	late := func(i int) float64 { return map[bool]float64{true: 9, false: 1}[i > 190] } // in test
	d := open(t, datatest.One(t, "a.csv", rowsOf(200, "saw,rare,often,late", saw, rare, often, late)), Options{})
	var named []string
	for _, n := range d.Notes {
		if strings.Contains(n, "hardly varies") {
			named = append(named, n)
		}
	}
	if len(named) != 2 || !strings.HasPrefix(named[0], `note: column "rare" is 2.5 in 97.5 % of the steps of train`) || !strings.HasPrefix(named[1], `note: column "late" is 1 in 100 %`) {
		t.Errorf("%q", named)
	}
}

// TestLongSeries: a table with long sequences suggests updates within them, unless they are cut into windows.
func TestLongSeries(t *testing.T) {
	for _, c := range []struct {
		rows, window, want int
	}{{1000, 0, 0}, {1001, 0, 100}, {5000, 50, 0}} {
		if d := open(t, datatest.One(t, "a.csv", rowsOf(c.rows, "x", saw)), Options{Window: c.window}); d.Suits.Truncate != c.want {
			t.Errorf("%d rows, windows of %d: updates of %d steps, want %d", c.rows, c.window, d.Suits.Truncate, c.want)
		}
	}
}

// TestHeldWindows: windows of train overlap, those of valid and test do not, also when they are read by the form of
// a model. By the form of an earlier version they do.
func TestHeldWindows(t *testing.T) {
	path := datatest.One(t, "a.csv", rowsOf(200, "x", saw))
	d := open(t, path, Options{Window: 5})
	if got := shape(d); got != "1: 78/390 4/20 4/20" || d.Form.Hop != 2 {
		t.Errorf("%s, hop %d", got, d.Form.Hop)
	}
	again, err := OpenAs(path, "", info(d), false, new(infile.Budget))
	if err != nil || again.Hash != d.Hash || shape(again) != shape(d) {
		t.Errorf("read again: %v, %v", again, err)
	}
	if d := open(t, path, Options{Window: 5, Hop: 9}); d.Form.HeldHop != 0 || shape(d) != "1: 18/90 2/10 2/10" {
		t.Errorf("windows apart: %s, %+v", shape(d), d.Form)
	}
	old := info(d)
	old.Form.HeldHop, old.Hash = 0, ""
	if again, err = OpenAs(path, "", old, false, new(infile.Budget)); err != nil || !again.Whole || shape(again) != "1: 0/0 0/0 98/490" {
		t.Errorf("by an old form: %s, %v", shape(again), err)
	}
	tunes, err := Tunes(false, Options{Window: 50, Hop: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, heldHop := range []int{50, 0} {
		f := tunes.Form
		f.HeldHop = heldHop
		if d, err := TunesAs(f); err != nil || (d.Hash == tunes.Hash) != (heldHop > 0) || d.Form.HeldHop != heldHop {
			t.Errorf("tunes of %d: %v, %v", heldHop, d.Form, err)
		}
	}
	if own, err := Tunes(true, Options{Window: 50, Hop: 5}); err != nil || len(own.Train) != len(own.Valid) || own.Form.HeldHop != 0 {
		t.Errorf("own keys: %+v, %v", own.Form, err)
	}
}

// TestForecastCovered: of what was held back only the values that are there count.
func TestForecastCovered(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		truth   []float32
		known   int
		covered float64
	}{{[]float32{1, 9, nan, nan}, 2, 0.5}, {[]float32{1, 1, 9, 1}, 4, 0.75}, {[]float32{nan, nan, nan, nan}, 0, 0}, {nil, 0, 0}} {
		f := Forecast{Past: model.Sequence{Name: "a", X: []float32{1, 2, nan}}, Truth: c.truth, Draws: []float32{0, 0, 0, 0, 2, 2, 2, 2}, Count: 2, Levels: []float64{0.1, 0.9}}
		_, known, covered, err := WriteForecast(t.TempDir(), model.Form{Kind: model.FormSeries}, 1, f)
		if err != nil || known != c.known || covered != c.covered {
			t.Errorf("%v: %v, %d are known, of which %v are covered, want %d and %v", c.truth, err, known, covered, c.known, c.covered)
		}
	}
}

// TestMissingColumn: a column without a value in train is an error, but of data for a trained model it is not.
func TestMissingColumn(t *testing.T) {
	gone := func(from, to int) func(int) float64 {
		return func(i int) float64 { return map[bool]float64{true: math.NaN(), false: saw(i + 3)}[i >= from && i < to] }
	}
	there := open(t, datatest.One(t, "a.csv", rowsOf(200, "x,y", saw, gone(170, 200))), Options{})
	bits := func(i int) float64 { return float64(i % 2) }
	for _, c := range []string{rowsOf(200, "x,y", saw, gone(0, 200)), rowsOf(200, "x,y", saw, gone(0, 170)), rowsOf(200, "x,y", bits, gone(0, 200))} {
		path := datatest.One(t, "a.csv", c)
		if _, err := Open(path, Options{}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "a.csv: column 2 (y) has no value in train") {
			t.Errorf("%v", err)
		}
		if d, err := OpenUncut(path, "", model.Info{Form: there.Form, Config: model.Config{Data: 2}}, false, new(infile.Budget)); err != nil {
			t.Errorf("of a trained model: %v", err)
		} else if v := d.Test[0].Values(2)[1]; v == v {
			t.Errorf("of a trained model: %v is there", v)
		}
	}
}

// TestTooLarge: what no float32 can hold once it is standardised is an error with its place.
func TestTooLarge(t *testing.T) {
	once := func(step int) func(int) float64 {
		return func(i int) float64 { return map[bool]float64{true: 1e300, false: saw(i)}[i == step] }
	}
	fine := open(t, datatest.One(t, "a.csv", rowsOf(200, "x,y", saw, saw)), Options{})
	path := datatest.One(t, "a.csv", rowsOf(200, "x,y", saw, once(190)))
	for want, read := range map[string]func() (*Data, error){
		"steps 180 to 200, step 10: y: the value is too large": func() (*Data, error) { return Open(path, Options{}, new(infile.Budget)) },
		"a.csv, steps 180 to 200, step 10: y: ": func() (*Data, error) {
			return OpenUncut(path, "", model.Info{Form: fine.Form, Config: model.Config{Data: 2}}, false, new(infile.Budget))
		},
		"column 2 (y): the values are too large": func() (*Data, error) {
			return Open(datatest.One(t, "b.csv", rowsOf(200, "x,y", saw, once(5))), Options{}, new(infile.Budget))
		},
	} {
		if _, err := read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
