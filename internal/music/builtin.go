package music

import (
	"embed"
	"fmt"
	"sync"
)

//go:embed tunes/*.abc
var tuneFiles embed.FS

// The tunes that ship inside the binary, in the order of the data set. They were typed in
// by hand from the melodies as they are commonly known, and the harmonies are our own. All
// are traditional, or their composer has been dead for more than a hundred years; the
// headers of the files give origin and year.
var (
	trainTunes = []string{
		"ode_to_joy", "frere_jacques", "ah_vous_dirai_je", "au_clair_de_la_lune", "london_bridge", "row_your_boat",
		"greensleeves", "amazing_grace", "yankee_doodle", "god_save_the_king", "deck_the_halls", "korobeiniki",
		"good_king_wenceslas", "haenschen_klein", "sakura", "augustin", "first_noel", "pop_goes_the_weasel",
	}
	validTunes = []string{"auld_lang_syne", "oh_susanna", "minuet_in_g"}
	testTunes  = []string{"old_hundredth", "brahms_lullaby", "drunken_sailor"}
)

// trainShifts are the transpositions of each training tune, in semitones: all twelve keys,
// the nearest way. A model of so little music otherwise learns the keys of the tunes by
// heart. Valid and test stay in the keys they are written in.
var trainShifts = []int{0, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5}

// builtinGrid is the grid of the built-in data set: eighth notes.
const builtinGrid = 2

// loadBuiltin reads the embedded tunes once.
var loadBuiltin = sync.OnceValue(func() map[string]*Tune {
	tunes := map[string]*Tune{}
	for _, names := range [][]string{trainTunes, validTunes, testTunes} {
		for _, name := range names {
			data, err := tuneFiles.ReadFile("tunes/" + name + ".abc")
			if err != nil {
				panic(err) // the lists above and the folder differ
			}
			list, skipped := ParseABC(name, data)
			if len(list) != 1 || len(skipped) > 0 {
				panic(fmt.Sprintf("music: %s: %d tunes, %q", name, len(list), skipped))
			}
			tunes[name] = list[0]
		}
	}
	return tunes
})

// Tunes returns the built-in tunes: those for training, for validation and for the test.
// The caller must not change them.
func Tunes() (train, valid, test []*Tune) {
	tunes := loadBuiltin()
	pick := func(names []string) []*Tune {
		list := make([]*Tune, len(names))
		for i, name := range names {
			list[i] = tunes[name]
		}
		return list
	}
	return pick(trainTunes), pick(validTunes), pick(testTunes)
}

// Builtin returns the data set that ships inside the binary: the built-in tunes on a grid
// of eighth notes, the training tunes in several transpositions. It is the same at every
// call and on every machine. Names of transposed copies end in, for example, "-5".
func Builtin() *Dataset {
	train, valid, test := Tunes()
	d := &Dataset{Name: "tunes", StepsPerQuarter: builtinGrid}
	for _, shift := range trainShifts {
		for _, t := range train {
			d.Train = append(d.Train, t.transposed(shift))
		}
	}
	for _, t := range valid {
		d.Valid = append(d.Valid, t.transposed(0))
	}
	for _, t := range test {
		d.Test = append(d.Test, t.transposed(0))
	}
	return d
}

// transposed returns t on the grid of the built-in data set, moved by some semitones.
func (t *Tune) transposed(semitones int) Piece {
	if semitones == 0 {
		p, _ := t.piece(builtinGrid)
		return p
	}
	r, _ := t.Rolls(builtinGrid)
	r, err := r.Transpose(semitones)
	if err != nil {
		panic(fmt.Sprintf("music: %s: %v", t.Name, err)) // no built-in tune comes near the ends
	}
	return NewPiece(fmt.Sprintf("%s%+d", t.Name, semitones), r)
}
