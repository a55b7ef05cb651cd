package music

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The real data: ELBOW_DATA names a folder that holds jsb-chorales/jsb-chorales-quarter.json.
func TestReadJSONChorales(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set: the Bach chorales are not there to be read")
	}
	path := filepath.Join(dir, "jsb-chorales", "jsb-chorales-quarter.json")
	d, err := ReadJSON(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	// Counted once with another program.
	want := []Stats{
		{Pieces: 229, Steps: 13807, Shortest: 25, Longest: 129, Notes: 53824, NotesPerStep: 3.89831, Low: 43, High: 96, MeanNote: 74.02677, Empty: 18},
		{Pieces: 76, Steps: 4602, Shortest: 32, Longest: 144, Notes: 17811, NotesPerStep: 3.87027, Low: 48, High: 96, MeanNote: 74.56841, Empty: 29},
		{Pieces: 77, Steps: 4725, Shortest: 32, Longest: 160, Notes: 18367, NotesPerStep: 3.88720, Low: 45, High: 96, MeanNote: 73.89432, Empty: 17},
	}
	for i, s := range d.splits() {
		got := Describe(*s.pieces)
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
	if got, want := d.Test[0].Steps[:3], (Roll{{72, 76, 79, 84}, {72, 76, 79, 84}, {71, 74, 79, 86}}); !reflect.DeepEqual(got, want) {
		t.Errorf("the test part begins with %v, want %v", got, want)
	}
	if d.Train[5].Name != "train/5" {
		t.Errorf("name %q, want train/5", d.Train[5].Name)
	}
	var b bytes.Buffer
	if err := WriteJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	again, err := ParseJSON("again", b.Bytes(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.Hash() != d.Hash() {
		t.Error("written and read again, the data differ")
	}
}

const goodJSON = `{"test": [[[60, 64], []]], "train": [[[21]], [[108, 60, 72], [60]]], "valid": [[[]]]}`

func TestParseJSON(t *testing.T) {
	d, err := ParseJSON("x.json", []byte(" \n"+goodJSON+"\n "), 4)
	if err != nil {
		t.Fatal(err)
	}
	want := &Dataset{
		Name: "x.json", StepsPerQuarter: 4,
		Train: []Piece{{"train/0", Roll{{21}}}, {"train/1", Roll{{60, 72, 108}, {60}}}},
		Valid: []Piece{{"valid/0", Roll{{}}}},
		Test:  []Piece{{"test/0", Roll{{60, 64}, {}}}},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got %+v, want %+v", d, want)
	}
}

// Every damage gives an error with the place, and the place is right.
func TestParseJSONDamaged(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "x.json: byte 0: the file is empty"},
		{"blank", " \n\t", "the file is empty"},
		{"no object", "[]", `byte 1: got "[", want an object`},
		{"a number", "12", "byte 2: got 12, want an object"},
		{"null", "null", "got null, want an object"},
		{"text", "hello", "byte 1: invalid character 'h'"},
		{"no keys", "{}", `byte 2: the key "train" is missing`},
		{"missing part", `{"train": [[[60]]], "test": [[[60]]]}`, `the key "valid" is missing`},
		{"unknown key", `{"train": [[[60]]], "extra": 1}`, `byte 27: unknown key "extra"`},
		{"long key", `{"` + strings.Repeat("k", 9999) + `": 1}`, "unknown key"},
		{"key twice", `{"train": [[[60]]], "train": [[[60]]]}`, `byte 27: the key "train" is there twice`},
		{"empty part", `{"train": []}`, "x.json: train, byte 12: no sequences"},
		{"empty sequence", `{"train": [[[60]], []]}`, "train, sequence 1, byte 21: the sequence has no steps"},
		{"part is object", `{"valid": {"a": 1}}`, `valid, byte 11: got "{", want a list of sequences`},
		{"part is null", `{"valid": null}`, "valid, byte 14: got null, want a list of sequences"},
		{"sequence is a note", `{"valid": [60]}`, "valid, sequence 0, byte 13: got 60, want a sequence"},
		{"step is a note", `{"test": [[[60], 61]]}`, "test, sequence 0, step 1, byte 19: got 61, want a step"},
		{"too low", `{"train": [[[60], [20]]]}`, "train, sequence 0, step 1, byte 21: note 20 is outside 21..108"},
		{"too high", `{"train": [[[109]]]}`, "train, sequence 0, step 0, byte 16: note 109 is outside"},
		{"negative", `{"train": [[[-60]]]}`, "note -60 is outside"},
		{"huge", `{"train": [[[99999999999999999999]]]}`, "note 99999999999999999999 is outside"},
		{"twice", `{"train": [[[60, 64, 60]]]}`, "train, sequence 0, step 0, byte 23: note 60 is there twice"},
		{"fraction", `{"train": [[[60.5]]]}`, "note 60.5 is no whole number"},
		{"float", `{"train": [[[60.0]]]}`, "note 60.0 is no whole number"},
		{"exponent", `{"train": [[[6e1]]]}`, "note 6e1 is no whole number"},
		{"string", `{"train": [[["60"]]]}`, `got the string "60", want a note`},
		{"true", `{"train": [[[true]]]}`, "got true, want a note"},
		{"NaN", `{"train": [[[NaN]]]}`, "train, sequence 0, step 0, byte 14: invalid character 'N'"},
		{"too deep", `{"train": [[[[60]]]]}`, `train, sequence 0, step 0, byte 14: got "[", want a note`},
		{"very deep", strings.Repeat("[", 1<<20), `byte 1: got "["`},
		{"very deep inside", `{"train": ` + strings.Repeat("[", 1<<20), `train, sequence 0, step 0, byte 14: got "["`},
		{"missing comma", `{"train": [[[60 64]]]}`, "train, sequence 0, step 0, byte 17: invalid character '6'"},
		{"extra comma", `{"train": [[[60,]]]}`, "train, sequence 0, step 0, byte 17: invalid character ']'"},
		{"wrong bracket", `{"train": [[[60}]]}`, "train, sequence 0, step 0, byte 16: invalid character '}'"},
		{"more data", goodJSON + "{}", `"{" after the end of the data`},
		{"rubbish after", goodJSON + "x", "invalid character 'x'"},
	} {
		d, err := ParseJSON("x.json", []byte(c.data), 1)
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
		if _, err := ParseJSON("x.json", []byte(goodJSON[:n]), 1); err == nil || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("cut off after %d bytes: error %v", n, err)
		}
	}
	_, err := ParseJSON("x.json", []byte(`{"train": [[[60], [61, 6`), 1)
	if want := "x.json: train, sequence 0, step 1, byte "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestReadJSONFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadJSON(filepath.Join(dir, "none.json"), 1); err == nil || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ReadJSON(dir, 1); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, maxJSON+1); err != nil { // a hole: takes no space
		t.Fatal(err)
	}
	if _, err := ReadJSON(big, 1); err == nil || !strings.Contains(err.Error(), "big.json: larger than the limit") {
		t.Errorf("large file: %v", err)
	}
}

func TestWriteJSON(t *testing.T) {
	d := testDataset()
	var b bytes.Buffer
	if err := WriteJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	again, err := ParseJSON("d", b.Bytes(), 2)
	if err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	if again.Hash() != d.Hash() {
		t.Errorf("got %+v back", again)
	}
	d.Valid[0].Steps[0] = []uint8{3}
	if err := WriteJSON(&b, d); err == nil {
		t.Error("a damaged roll was written")
	}
}

func FuzzParseJSON(f *testing.F) {
	f.Add([]byte(goodJSON))
	f.Add([]byte(`{"train": [[[60, 60]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := ParseJSON("f", data, 1)
		if err == nil {
			if err := d.Check(); err != nil {
				t.Error(err)
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
	d, err := ReadJSON(filepath.Join(dir, "jsb-chorales", "jsb-chorales-quarter.json"), 1)
	if err != nil {
		t.Fatal(err)
	}
	var on, steps [Dims]float64       // how often a note sounds
	var after, turns [Dims][2]float64 // likewise, after a step in which it did not, or did; no first steps
	each := func(pieces []Piece, f func(j int, prev int, x float64)) {
		for _, p := range pieces {
			rows := make([]float64, len(p.Steps)*Dims)
			Rows(rows, p.Steps)
			for i, x := range rows {
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
