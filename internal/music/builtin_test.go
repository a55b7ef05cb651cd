package music

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func allTunes() []*Tune {
	train, valid, test := Tunes()
	return slices.Concat(train, valid, test)
}

// The lists in the code and the folder hold the same tunes, each once.
func TestBuiltinFiles(t *testing.T) {
	files, err := filepath.Glob("tunes/*.abc")
	if err != nil {
		t.Fatal(err)
	}
	var inFolder []string
	for _, f := range files {
		inFolder = append(inFolder, strings.TrimSuffix(filepath.Base(f), ".abc"))
	}
	inLists := slices.Sorted(slices.Values(slices.Concat(trainTunes, validTunes, testTunes)))
	if !slices.Equal(inLists, inFolder) {
		t.Errorf("lists and folder differ:\n%q\n%q", inLists, inFolder)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if list, skipped := ParseABC(f, data); len(skipped) > 0 || len(list) != 1 {
			t.Errorf("%s: %d tunes, left out: %q", f, len(list), skipped)
		}
	}
}

func TestBuiltinHeaders(t *testing.T) {
	year := regexp.MustCompile(`\b1[5-8]\d\d\b`)
	life := regexp.MustCompile(`^(trad\.|anon\.|\S.* \((?:about )?1\d\d\d-(1\d\d\d)\))$`)
	for _, tune := range allTunes() {
		if tune.Title == "" || tune.Notes == "" {
			t.Errorf("%s: title %q, notes %q", tune.Name, tune.Title, tune.Notes)
		}
		if !year.MatchString(tune.Origin) {
			t.Errorf("%s: origin %q names no year before 1900", tune.Name, tune.Origin)
		}
		m := life.FindStringSubmatch(tune.Composer)
		if m == nil {
			t.Errorf("%s: composer %q, want trad., anon. or a name with years", tune.Name, tune.Composer)
		} else if m[2] > "1920" {
			t.Errorf("%s: %s died less than a hundred years ago", tune.Name, tune.Composer)
		}
	}
}

// Bars add up to the metre. A bar may be short at the begin of a tune, and then the last
// bar makes up for it; inside, only the two halves of a bar around a double bar may be.
func TestBuiltinBars(t *testing.T) {
	for _, tune := range allTunes() {
		byVoice := map[string][]Bar{}
		for _, b := range tune.Bars {
			byVoice[b.Voice] = append(byVoice[b.Voice], b)
		}
		var total float64
		for id, bars := range byVoice {
			sum, part := 0.0, 0.0
			for i, b := range bars {
				sum += b.Length
				if b.Metre == 0 || b.Length > b.Metre || b.Length < b.Metre && !b.Open {
					t.Errorf("%s:%d: voice %s: bar %d lasts %v, want %v", tune.Name, b.Line, id, i+1, b.Length, b.Metre)
				}
				if b.Length < b.Metre {
					part += b.Length
				}
				if part == b.Metre {
					part = 0
				}
			}
			if part != 0 {
				t.Errorf("%s: voice %s: the short bars do not add up to whole ones", tune.Name, id)
			}
			if total != 0 && sum != total {
				t.Errorf("%s: voice %s lasts %v, another one %v", tune.Name, id, sum, total)
			}
			total = sum
		}
	}
}

func TestBuiltinNotes(t *testing.T) {
	for _, tune := range allTunes() {
		if !tune.OnGrid(builtinGrid) {
			t.Errorf("%s: a note is off the grid of eighth notes", tune.Name)
		}
		r, struck := tune.Rolls(builtinGrid)
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", tune.Name, err)
		}
		s := describe([]Piece{NewPiece(tune.Name, r)})
		if s.Low < 36 || s.High > 84 {
			t.Errorf("%s: notes from %d to %d, want within 36..84", tune.Name, s.Low, s.High)
		}
		if s.NotesPerStep <= 2 || s.NotesPerStep > 4.5 {
			t.Errorf("%s: %.2f notes a step, want 2 to 4.5", tune.Name, s.NotesPerStep)
		}
		for i := range r {
			for _, n := range struck[i] {
				if !slices.Contains(r[i], n) {
					t.Errorf("%s: step %d: note %d is struck but does not sound", tune.Name, i, n)
				}
			}
		}
		t.Logf("%-22s %4d steps, %d..%d, %.2f notes a step, %2.0f%% repeats, tempo %v",
			tune.Name, s.Steps, s.Low, s.High, s.NotesPerStep, 100*s.Repeats, tune.Tempo)
	}
}

func TestBuiltinDataset(t *testing.T) {
	d := Builtin()
	seen := map[string]string{}
	for _, s := range d.parts() {
		st := describe(*s.pieces)
		t.Logf("%-5s %+v", s.name, st)
		want := [2]int{250, 500}
		if s.name == "train" {
			want = [2]int{20000, 25000}
		}
		if st.Steps < want[0] || st.Steps > want[1] {
			t.Errorf("%s: %d steps, want %d to %d", s.name, st.Steps, want[0], want[1])
		}
		for _, p := range *s.pieces {
			tune := strings.TrimRight(p.Name, "+-0123456789")
			if other, ok := seen[tune]; ok && other != s.name {
				t.Errorf("%s is in %s and in %s", tune, other, s.name)
			}
			seen[tune] = s.name
			if s.name != "train" && tune != p.Name {
				t.Errorf("%s holds the transposed copy %s", s.name, p.Name)
			}
		}
	}
	if len(seen) < 12 {
		t.Errorf("%d tunes, want at least 12", len(seen))
	}
	// No two pieces are the same music, whatever their names.
	if same := d.duplicates(); same != nil {
		t.Error(same)
	}
}

// The data set is part of what a result means: this hash changes only on purpose.
func TestBuiltinHash(t *testing.T) {
	const want = "a1bc7a3ab15180b33f33e48a1393b4cb8116b53631494cf6a984206fb080df38"
	a, b := Builtin().hash(), Builtin().hash()
	if a != b {
		t.Errorf("two calls give %s and %s", a, b)
	}
	if a != want {
		t.Errorf("hash %s, want %s", a, want)
	}
}

// Melody and bass end on the same note, the keynote. This catches slips of the hand.
func TestBuiltinEndings(t *testing.T) {
	for _, tune := range allTunes() {
		if tune.Name == "first_noel" {
			continue // its melody ends on the third
		}
		r, _ := tune.Rolls(builtinGrid)
		last := r[len(r)-1]
		low, high := last[0], last[len(last)-1]
		if low%12 != high%12 {
			t.Errorf("%s ends on %s over %s", tune.Name, NoteName(high), NoteName(low))
		}
	}
}

// Entropy of the note frequencies: what a model without memory can reach. It bounds the
// difficulty of the set from above and keeps it from becoming trivial.
func TestBuiltinIsNotTrivial(t *testing.T) {
	d := Builtin()
	rows := func(pieces []Piece) (freq [Dims]float64, steps int) {
		for _, p := range pieces {
			steps += p.Steps()
			for _, step := range p.Roll() {
				for _, n := range step {
					freq[n-Lowest]++
				}
			}
		}
		return freq, steps
	}
	train, n := rows(d.Train)
	test, m := rows(d.Test)
	nll := 0.0
	for k := range train {
		p := (train[k] + 0.5) / (float64(n) + 1)
		nll -= test[k]*math.Log(p) + (float64(m)-test[k])*math.Log(1-p)
	}
	nll /= float64(m)
	t.Logf("independent notes with train frequencies: %.3f nats per test step", nll)
	if nll < 5 {
		t.Errorf("independent notes reach %.3f nats per step, want a harder set", nll)
	}
}
