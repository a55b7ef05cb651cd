package music

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

// The real data: ELBOW_DATA names a folder that holds jsb-chorales/jsb-chorales-quarter.json.
func TestReadJSONChorales(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set: the Bach chorales are not there to be read")
	}
	path := filepath.Join(dir, "jsb-chorales", "jsb-chorales-quarter.json")
	d, err := Open(path, 1, &infile.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Skipped) > 0 || len(d.Notes) > 1 {
		t.Errorf("left out: %q; notes: %q", d.Skipped, d.Notes)
	}
	// Counted once with another program.
	want := []stats{
		{Pieces: 229, Steps: 13807, Shortest: 25, Longest: 129, Notes: 53824, NotesPerStep: 3.89831, Low: 43, High: 96, MeanNote: 74.02677, Empty: 18},
		{Pieces: 76, Steps: 4602, Shortest: 32, Longest: 144, Notes: 17811, NotesPerStep: 3.87027, Low: 48, High: 96, MeanNote: 74.56841, Empty: 29},
		{Pieces: 77, Steps: 4725, Shortest: 32, Longest: 160, Notes: 18367, NotesPerStep: 3.88720, Low: 45, High: 96, MeanNote: 73.89432, Empty: 17},
	}
	for i, s := range d.parts() {
		got := describe(*s.pieces)
		if s.name == "test" && math.Abs(got.Repeats-0.107) > 0.0005 {
			t.Errorf("test: %.4f of the steps are repeats, want 0.107", got.Repeats)
		}
		got.Repeats = 0
		got.MeanNote = math.Round(got.MeanNote*1e5) / 1e5
		got.NotesPerStep = math.Round(got.NotesPerStep*1e5) / 1e5
		if got != want[i] {
			t.Errorf("%s:\n got %+v\nwant %+v", s.name, got, want[i])
		}
	}
	if got, want := d.Test[0].Roll()[:3], (Roll{{72, 76, 79, 84}, {72, 76, 79, 84}, {71, 74, 79, 86}}); !reflect.DeepEqual(got, want) {
		t.Errorf("the test part begins with %v, want %v", got, want)
	}
	if d.Train[5].Name != "train/5" {
		t.Errorf("name %q, want train/5", d.Train[5].Name)
	}
	if want := "4a2cdea2b6228cb5f683292c13632620910f249db83c328397c324d4800d313d"; d.hash() != want {
		t.Errorf("hash %s, want %s", d.hash(), want)
	}
}

const goodJSON = `{"test": [[[60, 64], []]], "train": [[[21]], [[108, 60, 72], [60]]], "valid": [[[61], []]]}`

// parseJSON reads a data set that is in memory.
func parseJSON(text string, grid int) (*Dataset, error) {
	f := &finder{grid: grid, budget: &infile.Budget{}}
	d := &Dataset{Name: "x.json", StepsPerQuarter: grid}
	if err := f.parseJSON("x.json", []byte(text), d); err != nil {
		return nil, err
	}
	return f.finish(d)
}

func TestParseJSON(t *testing.T) {
	c4 := NewPiece("all/0", Roll{{60}})
	c4.Name = "train/0"
	for _, c := range []struct {
		name, text string
		want       Dataset
	}{
		{"three parts", " \n" + goodJSON + "\n ", Dataset{
			Train: []Piece{NewPiece("train/0", Roll{{21}}), NewPiece("train/1", Roll{{60, 72, 108}, {60}})},
			Valid: []Piece{NewPiece("valid/0", Roll{{61}, {}})},
			Test:  []Piece{NewPiece("test/0", Roll{{60, 64}, {}})},
		}},
		{"unisons, rests", `{"train": [[[60, 64, 60], [-1], [-1, 62], [null, 63], null, []]]}`, Dataset{
			All: []Piece{NewPiece("train/0", Roll{{60, 64}, {}, {62}, {63}, {}, {}})},
		}},
		{"one part", `{"train": [[[60]]], "valid": []}`, Dataset{All: []Piece{c4}}},
		{"two parts", `{"train": [[[60]]], "test": [[[61]]], "valid": null}`, Dataset{Train: []Piece{c4}, Test: []Piece{NewPiece("test/0", Roll{{61}})}}},
		{"a list", "\ufeff" + `[[[60]], [[61.0], [6.2e1]]]`, Dataset{All: []Piece{NewPiece("all/0", Roll{{60}}), NewPiece("all/1", Roll{{61}, {62}})}}},
		{"outside, other keys", `{"fps": {"a": [1]}, "train": [[[20, 60], [109], [-60], [1e999, 61]]]}`, Dataset{
			All:   []Piece{NewPiece("train/0", Roll{{60}, {}, {}, {61}})},
			Notes: []string{`x.json: the key "fps" is not read`, "4 notes outside 21..108 are left out; the first: x.json: train, sequence 0, step 0"},
		}},
		{"left out", `{"train": [[[60]], [[60], ["61"]], [[60], 61], 62, [[62.5]], [[], [-1]], [[63]], [[64]], [[65]], [[66]], [[67]]]}`, Dataset{
			All: []Piece{c4, NewPiece("train/6", Roll{{63}}), NewPiece("train/7", Roll{{64}}), NewPiece("train/8", Roll{{65}}), NewPiece("train/9", Roll{{66}}), NewPiece("train/10", Roll{{67}})},
			Skipped: []string{
				`x.json: train, sequence 1, step 1, byte 31: got the string "61", want a note`,
				`x.json: train, sequence 2, step 1, byte 44: got 61, want a step, which is a list of notes`,
				`x.json: train, sequence 3, byte 49: got 62, want a sequence, which is a list of steps`,
				`x.json: train, sequence 4, step 0, byte 57: note 62.5 is no whole number`,
				`x.json: train, sequence 5: the piece has no notes`,
			},
		}},
		{"twice", `{"train": [[[60]], [[60]]], "test": [[[60]]]}`, Dataset{
			Train: []Piece{c4, NewPiece("train/1", Roll{{60}})}, Test: []Piece{NewPiece("test/0", Roll{{60}})},
			Notes: []string{`2 pieces are the same as one before them, the first: "train/1" as "train/0"; 1 of valid and test are also in train`},
		}},
	} {
		got, err := parseJSON(c.text, 4)
		c.want.Name, c.want.StepsPerQuarter = "x.json", 4
		if err != nil || !reflect.DeepEqual(got, &c.want) {
			t.Errorf("%s: error %v\n got %+v\nwant %+v", c.name, err, got, &c.want)
		}
	}
}

// Every damage gives an error with the place, and the place is right.
func TestParseJSONDamaged(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "x.json: byte 0: the file is empty"},
		{"blank", " \n\t", "the file is empty"},
		{"nothing", "[]", "x.json: no piece of music in it"},
		{"a number", "12", "byte 2: got 12, want an object"},
		{"null", "null", "got null, want an object"},
		{"text", "hello", "byte 1: invalid character 'h'"},
		{"no keys", "{}", `byte 2: the key "train" is missing`},
		{"no train", `{"valid": [[[60]]], "test": [[[60]]]}`, `the key "train" is missing`},
		{"other keys only", `{"notes": [[[60]]]}`, `the key "train" is missing`},
		{"key twice", `{"train": [[[60]]], "train": [[[60]]]}`, `byte 27: the key "train" is there twice`},
		{"key twice by other names", `{"train": [[[60]]], "val": [[[60]]], "valid": [[[60]]]}`, `the key "valid" is there twice`},
		{"empty part", `{"train": []}`, "x.json: no piece of music in it"},
		{"empty sequence", `{"train": [[]]}`, "x.json: train, sequence 0: the piece has no notes"},
		{"part is object", `{"valid": {"a": 1}}`, `valid, byte 11: got "{", want a list of sequences`},
		{"a sequence less than the half", `{"train": [[[60]], 1, 2]}`, "x.json: 2 of 3 pieces cannot be read, the first: x.json: train, sequence 1, byte 20: got 1, want a sequence"},
		{"true", `{"train": [[[true]]]}`, "train, sequence 0, step 0, byte 17: got true, want a note"},
		{"NaN", `{"train": [[[NaN]]]}`, "train, sequence 0, byte 14: invalid character 'N'"},
		{"too deep", `{"train": [[[[60]]]]}`, `train, sequence 0, step 0, byte 14: got "[", want a note`},
		{"very deep", strings.Repeat("[", 1<<20), `exceeded max depth`},
		{"very deep inside", `{"train": ` + strings.Repeat("[", 1<<20), `train, sequence 0, byte 10010: invalid character '[' exceeded max depth`},
		{"missing comma", `{"train": [[[60 64]]]}`, "train, sequence 0, byte 17: invalid character '6'"},
		{"extra comma", `{"train": [[[60,]]]}`, "train, sequence 0, byte 17: invalid character ']'"},
		{"wrong bracket", `{"train": [[[60}]]}`, "train, sequence 0, byte 16: invalid character '}'"},
		{"more data", goodJSON + "{}", `"{" after the end of the data`},
		{"rubbish after", goodJSON + "x", "invalid character 'x'"},
	} {
		d, err := parseJSON(c.data, 1)
		if err == nil || !strings.HasPrefix(err.Error(), "x.json: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if d != nil {
			t.Errorf("%s: data beside the error", c.name)
		}
		if err != nil && len(err.Error()) > 250 {
			t.Errorf("%s: a message of %d bytes", c.name, len(err.Error()))
		}
	}
}

// A file cut off anywhere is an error with a place.
func TestParseJSONTruncated(t *testing.T) {
	for n := range len(goodJSON) {
		if _, err := parseJSON(goodJSON[:n], 1); err == nil || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("cut off after %d bytes: error %v", n, err)
		}
	}
	_, err := parseJSON(`{"train": [[[60], [61, 6`, 1)
	if want := "x.json: train, sequence 0, byte "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(goodJSON))
	f.Add([]byte(`{"train": [[[60, 60]]]}`))
	f.Add([]byte(`[[[60, -1], null, [20.0]], 5, [[61]]]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseJSON(string(data), 1)
		if err != nil {
			return
		}
		for _, part := range d.parts() {
			for _, p := range *part.pieces {
				if err := p.Roll().Check(); err != nil || p.notes() == 0 {
					t.Errorf("%d notes, %v", p.notes(), err)
				}
			}
		}
	})
}

// TestChoraleBaselines computes what needs no network, in nats per step of the test part:
// all logits zero, independent notes with the frequencies of the train part, and a Markov
// chain of first order for each note. A reader that mixed up parts or notes would miss them.
func TestChoraleBaselines(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set: the Bach chorales are not there to be read")
	}
	d, err := Open(filepath.Join(dir, "jsb-chorales", "jsb-chorales-quarter.json"), 1, &infile.Budget{})
	if err != nil {
		t.Fatal(err)
	}
	var on, steps [Dims]float64       // how often a note sounds
	var after, turns [Dims][2]float64 // likewise, after a step in which it did not, or did; no first steps
	each := func(pieces []Piece, f func(j int, prev int, x float64)) {
		for _, p := range pieces {
			rows := make([]float32, p.Steps()*Dims)
			p.Read(rows, 0)
			for i, row := range rows {
				x := float64(row)
				prev := -1 // there is no step before
				if i >= Dims {
					prev = int(rows[i-Dims])
				}
				f(i%Dims, prev, x)
			}
		}
	}
	each(d.Train, func(j, prev int, x float64) {
		on[j] += x
		steps[j]++
		if prev >= 0 {
			after[j][prev] += x
			turns[j][prev]++
		}
	})
	nll := func(p, x float64) float64 { return -x*math.Log(p) - (1-x)*math.Log1p(-p) }
	zero, free, markov, n := 0.0, 0.0, 0.0, 0.0
	each(d.Test, func(j, prev int, x float64) {
		zero += nll(0.5, x)
		p := (on[j] + 0.5) / (steps[j] + 1)
		free += nll(p, x)
		if prev >= 0 {
			p = (after[j][prev] + 0.5) / (turns[j][prev] + 1)
		}
		markov += nll(p, x)
		n++
	})
	n /= Dims
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"zero logits", zero / n, 60.997}, {"independent notes", free / n, 11.060}, {"Markov chains", markov / n, 10.469}} {
		if math.Abs(c.got-c.want) > 6e-4 {
			t.Errorf("%s: %.4f nats per step, want %.3f", c.name, c.got, c.want)
		}
	}
}
