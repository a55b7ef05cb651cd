package music

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestRollCheck(t *testing.T) {
	good := Roll{{}, {21}, {21, 108}, {60, 64, 67}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		roll Roll
		want string
	}{
		{Roll{{}, {20}}, "step 1: note 20 is outside 21..108"},
		{Roll{{109}}, "step 0: note 109"},
		{Roll{{60}, {}, {64, 60}}, "step 2: note 60 after note 64"},
		{Roll{{60, 60}}, "step 0: note 60 after note 60"},
	} {
		if err := c.roll.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.roll, err, c.want)
		}
	}
}

func TestTranspose(t *testing.T) {
	r := Roll{{60, 64}, {}, {21}}
	up, err := r.Transpose(3)
	if err != nil || !reflect.DeepEqual(up, Roll{{63, 67}, {}, {24}}) {
		t.Errorf("got %v, %v", up, err)
	}
	back, err := up.Transpose(-3)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("got %v, %v", back, err)
	}
	for _, s := range []int{-1, 45, math.MaxInt, math.MinInt} {
		if _, err := r.Transpose(s); err == nil {
			t.Errorf("no error for a shift of %d", s)
		}
	}
}

func testRows[T float32 | float64](t *testing.T) {
	r := Roll{{21, 60, 108}, {}, {22}}
	rows := make([]T, len(r)*Dims)
	for i := range rows {
		rows[i] = T(math.NaN()) // must be overwritten
	}
	Rows(rows, r)
	for i, v := range rows {
		want := T(0)
		if i == 0 || i == 39 || i == 87 || i == 2*Dims+1 {
			want = 1
		}
		if v != want {
			t.Fatalf("rows[%d] = %v, want %v", i, v, want)
		}
	}
	if back := FromRows(rows); !reflect.DeepEqual(back, r) {
		t.Errorf("got %v back", back)
	}
	rows[1], rows[2], rows[3] = T(math.NaN()), 0.5, 0.51
	if back := FromRows(rows[:Dims]); !reflect.DeepEqual(back, Roll{{21, 24, 60, 108}}) {
		t.Errorf("probabilities: got %v", back)
	}
	Rows([]T{}, nil)
	if got := FromRows([]T{}); len(got) != 0 {
		t.Errorf("no rows give %v", got)
	}
}

func TestRows(t *testing.T) {
	t.Run("float32", testRows[float32])
	t.Run("float64", testRows[float64])
	wantPanic(t, "music: Rows: len(dst) = 87, want len(r)*88 = 88", func() { Rows(make([]float32, 87), Roll{{60}}) })
	wantPanic(t, "music: FromRows: len(rows) = 89", func() { FromRows(make([]float32, 89)) })
}

func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

func TestFill(t *testing.T) {
	got := fill(6, []span{{4, 6, 60}, {0, 3, 60}, {1, 2, 60}, {2, 5, 60}, {1, 3, 58}, {0, 1, 70}, {0, 1, 70}})
	want := Roll{{60, 70}, {58, 60}, {58, 60}, {60}, {60}, {60}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func testDataset() *Dataset {
	return &Dataset{
		Name: "d", StepsPerQuarter: 2,
		Train: []Piece{{"a", Roll{{60}, {60, 64}, {}}}, {"b", Roll{{21}}}},
		Valid: []Piece{{"c", Roll{{70}}}},
		Test:  []Piece{{"e", Roll{{108}, {108}}}},
	}
}

func TestDatasetCheck(t *testing.T) {
	if err := testDataset().Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(d *Dataset){
		"0 steps per quarter note":            func(d *Dataset) { d.StepsPerQuarter = 0 },
		"valid holds no piece":                func(d *Dataset) { d.Valid = nil },
		`train[1] "b": no steps`:              func(d *Dataset) { d.Train[1].Steps = nil },
		`test[0] "e": step 1: note 9 is out`:  func(d *Dataset) { d.Test[0].Steps[1] = []uint8{9} },
		`train[0] "a": step 1: note 60 after`: func(d *Dataset) { d.Train[0].Steps[1] = []uint8{64, 60} },
	} {
		d := testDataset()
		change(d)
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// The hash sees every change of the music and of the parts, and no change of names.
func TestHash(t *testing.T) {
	base := testDataset().Hash()
	if len(base) != 64 {
		t.Fatalf("hash %q, want 64 hex digits", base)
	}
	seen := map[string]string{base: "nothing"}
	for name, change := range map[string]func(d *Dataset){
		"another note":       func(d *Dataset) { d.Train[0].Steps[0] = []uint8{61} },
		"a note less":        func(d *Dataset) { d.Train[0].Steps[1] = []uint8{60} },
		"a step more":        func(d *Dataset) { d.Test[0].Steps = append(d.Test[0].Steps, []uint8{}) },
		"a step elsewhere":   func(d *Dataset) { d.Train[0].Steps, d.Train[1].Steps = d.Train[0].Steps[:2], Roll{{}, {21}} },
		"pieces swapped":     func(d *Dataset) { d.Train[0], d.Train[1] = d.Train[1], d.Train[0] },
		"parts swapped":      func(d *Dataset) { d.Valid, d.Test = d.Test, d.Valid },
		"a piece moved":      func(d *Dataset) { d.Train, d.Valid = d.Train[:1], append(d.Train[1:2:2], d.Valid...) },
		"a piece twice":      func(d *Dataset) { d.Valid = append(d.Valid, d.Valid[0]) },
		"notes to next step": func(d *Dataset) { d.Train[0].Steps = Roll{{60}, {60}, {64}} },
	} {
		d := testDataset()
		change(d)
		h := d.Hash()
		if other, ok := seen[h]; ok {
			t.Errorf("%s: the hash is that of: %s", name, other)
		}
		seen[h] = name
	}
	d := testDataset()
	d.Name, d.Train[0].Name, d.StepsPerQuarter = "other", "other", 1
	if d.Hash() != base {
		t.Error("names change the hash")
	}
	// Checkpoints keep the hash, so its definition must not drift.
	if want := "2f6cbb71"; !strings.HasPrefix(base, want) {
		t.Errorf("hash %s, want it to begin with %s", base, want)
	}
}

func TestDescribe(t *testing.T) {
	got := Describe(testDataset().Train)
	want := Stats{Pieces: 2, Steps: 4, Notes: 4, Empty: 1, Shortest: 1, Longest: 3, Low: 21, High: 64,
		MeanNote: (60 + 60 + 64 + 21) / 4.0, NotesPerStep: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Describe(testDataset().Test).Repeats; got != 1 {
		t.Errorf("repeats %v, want 1", got)
	}
	if got := Describe(nil); got != (Stats{}) {
		t.Errorf("nothing gives %+v", got)
	}
}

func TestNoteName(t *testing.T) {
	for n, want := range map[uint8]string{0: "C-1", 21: "A0", 60: "C4", 61: "C#4", 69: "A4", 108: "C8", 127: "G9"} {
		if got := NoteName(n); got != want {
			t.Errorf("note %d is %s, want %s", n, got, want)
		}
	}
}
