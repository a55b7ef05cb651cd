package music

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Open reads a data set from outside: a file in the JSON layout of ReadJSON, or a folder
// with the folders train, valid and test, each of which holds ABC and MIDI files (.abc,
// .mid, .midi). Files of other kinds in them are left aside. The pieces come in the order of
// the file names. stepsPerQuarter, 1 to 64, is the grid that ABC and MIDI are put on.
func Open(path string, stepsPerQuarter int) (*Dataset, error) {
	if stepsPerQuarter < 1 || stepsPerQuarter > 64 {
		return nil, fmt.Errorf("%s: %d steps per quarter note, want 1 to 64", path, stepsPerQuarter)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if !strings.EqualFold(filepath.Ext(path), ".json") {
			return nil, fmt.Errorf("%s: want a .json file or a folder with train, valid and test", path)
		}
		return ReadJSON(path, stepsPerQuarter)
	}
	d := &Dataset{Name: path, StepsPerQuarter: stepsPerQuarter}
	for _, s := range d.splits() {
		dir := filepath.Join(path, s.name)
		entries, err := os.ReadDir(dir) // sorted by name
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			file := filepath.Join(dir, e.Name())
			if e.IsDir() || !isMusicFile(file) {
				continue
			}
			pieces, err := OpenPieces(file, stepsPerQuarter)
			if err != nil {
				return nil, err
			}
			*s.pieces = append(*s.pieces, pieces...)
		}
		if len(*s.pieces) == 0 {
			return nil, fmt.Errorf("%s: no .abc, .mid or .midi file", dir)
		}
	}
	return d, nil
}

func isMusicFile(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".abc", ".mid", ".midi":
		return true
	}
	return false
}

// OpenPieces reads the pieces of one ABC or MIDI file, on the given grid. An ABC file may
// hold several.
func OpenPieces(path string, stepsPerQuarter int) ([]Piece, error) {
	if stepsPerQuarter < 1 || stepsPerQuarter > 64 {
		return nil, fmt.Errorf("%s: %d steps per quarter note, want 1 to 64", path, stepsPerQuarter)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".abc":
		tunes, err := ReadABC(path)
		if err != nil {
			return nil, err
		}
		pieces := make([]Piece, len(tunes))
		for i, t := range tunes {
			r, _ := t.Rolls(stepsPerQuarter)
			pieces[i] = Piece{t.Name, r}
		}
		return pieces, nil
	case ".mid", ".midi":
		r, err := ReadMIDI(path, stepsPerQuarter)
		if err != nil {
			return nil, err
		}
		return []Piece{{path, r}}, nil
	default:
		return nil, fmt.Errorf("%s: want a file .abc, .mid or .midi", path)
	}
}
