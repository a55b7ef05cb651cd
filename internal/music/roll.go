package music

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// The keys of the piano as MIDI note numbers, A0 to C8, and how many there are.
const (
	Lowest  = 21
	Highest = 108
	Dims    = Highest - Lowest + 1
)

// maxSteps is the most steps that a reader makes of one piece: nine hours of sixteenth
// notes at 120 beats per minute. A file of a few bytes can ask for any number.
const maxSteps = 1 << 18

// Roll is a piece of music on a regular grid: one element per step, the MIDI notes that
// sound there, ascending, without duplicates, all within Lowest..Highest. An empty step is
// silence.
type Roll [][]uint8

// Piece is a roll with a name.
type Piece struct {
	Name  string
	Steps Roll
}

// Dataset is a set of pieces in three parts. StepsPerQuarter says how long a step is.
type Dataset struct {
	Name               string
	StepsPerQuarter    int
	Train, Valid, Test []Piece
}

// Check returns an error that names the first step that breaks the rules of a Roll.
func (r Roll) Check() error {
	for i, step := range r {
		for k, n := range step {
			if n < Lowest || n > Highest {
				return fmt.Errorf("step %d: note %d is outside %d..%d", i, n, Lowest, Highest)
			}
			if k > 0 && n <= step[k-1] {
				return fmt.Errorf("step %d: note %d after note %d, want ascending notes", i, n, step[k-1])
			}
		}
	}
	return nil
}

// Transpose returns a copy of r moved by the given number of semitones, or an error if a
// note leaves the keyboard.
func (r Roll) Transpose(semitones int) (Roll, error) {
	out := make(Roll, len(r))
	for i, step := range r {
		moved := make([]uint8, len(step))
		for k, n := range step {
			m := int(n) + semitones
			if m < Lowest || m > Highest {
				return nil, fmt.Errorf("step %d: note %d moved by %d is outside %d..%d", i, n, semitones, Lowest, Highest)
			}
			moved[k] = uint8(m)
		}
		out[i] = moved
	}
	return out, nil
}

// span is a note that sounds from step first to the step before end.
type span struct {
	first, end int
	note       uint8
}

// fill makes a roll of the given length from notes that may overlap. It takes at most one
// pass over the steps for each of the notes 0..127, however many spans there are.
func fill(steps int, spans []span) Roll {
	slices.SortFunc(spans, func(a, b span) int {
		if a.note != b.note {
			return int(a.note) - int(b.note)
		}
		return a.first - b.first
	})
	r := make(Roll, steps)
	for i := range r {
		r[i] = []uint8{}
	}
	filled := 0 // the steps before this one are done for the note
	for k, s := range spans {
		if k == 0 || s.note != spans[k-1].note {
			filled = 0
		}
		for i := max(s.first, filled); i < s.end; i++ {
			r[i] = append(r[i], s.note)
		}
		filled = max(filled, s.end)
	}
	return r
}

// Rows writes r into dst as a 0/1 matrix [len(r), Dims]: dst[i*Dims+d] is 1 where note
// Lowest+d sounds at step i. All of dst is overwritten. r must pass Check.
// It panics if len(dst) is not len(r)*Dims.
func Rows[T float32 | float64](dst []T, r Roll) {
	if len(dst) != len(r)*Dims {
		panic(fmt.Sprintf("music: Rows: len(dst) = %d, want len(r)*%d = %d", len(dst), Dims, len(r)*Dims))
	}
	clear(dst)
	for i, step := range r {
		row := dst[i*Dims : (i+1)*Dims]
		for _, n := range step {
			row[n-Lowest] = 1
		}
	}
}

// FromRows is the inverse of Rows: a note sounds where its element is above 1/2, so that
// probabilities may be given as well. NaN is silence. It panics if len(rows) is not a
// multiple of Dims.
func FromRows[T float32 | float64](rows []T) Roll {
	if len(rows)%Dims != 0 {
		panic(fmt.Sprintf("music: FromRows: len(rows) = %d, want a multiple of %d", len(rows), Dims))
	}
	r := make(Roll, len(rows)/Dims)
	for i := range r {
		r[i] = []uint8{}
		for d, v := range rows[i*Dims : (i+1)*Dims] {
			if v > 0.5 {
				r[i] = append(r[i], uint8(Lowest+d))
			}
		}
	}
	return r
}

// Stats describes a list of pieces.
type Stats struct {
	Pieces, Steps, Notes, Empty int // Empty: steps without a note
	Shortest, Longest           int // steps of a piece
	Low, High                   int // MIDI notes; 0 if there is none
	MeanNote, NotesPerStep      float64
	Repeats                     float64 // fraction of the steps that equal the step before, first steps not counted
}

// Describe counts what a list of pieces holds.
func Describe(pieces []Piece) Stats {
	s := Stats{Pieces: len(pieces)}
	sum, repeats, pairs := 0, 0, 0
	for p, piece := range pieces {
		n := len(piece.Steps)
		s.Steps += n
		if p == 0 || n < s.Shortest {
			s.Shortest = n
		}
		s.Longest = max(s.Longest, n)
		for i, step := range piece.Steps {
			if i > 0 {
				pairs++
				if slices.Equal(step, piece.Steps[i-1]) {
					repeats++
				}
			}
			if len(step) == 0 {
				s.Empty++
			}
			for _, note := range step {
				v := int(note)
				if s.Notes == 0 || v < s.Low {
					s.Low = v
				}
				s.High = max(s.High, v)
				s.Notes++
				sum += v
			}
		}
	}
	if s.Notes > 0 {
		s.MeanNote = float64(sum) / float64(s.Notes)
	}
	if s.Steps > 0 {
		s.NotesPerStep = float64(s.Notes) / float64(s.Steps)
	}
	if pairs > 0 {
		s.Repeats = float64(repeats) / float64(pairs)
	}
	return s
}

// split is one of the three parts of a data set with the name it has in files and errors.
type split struct {
	name   string
	pieces *[]Piece
}

func (d *Dataset) splits() [3]split {
	return [3]split{{"train", &d.Train}, {"valid", &d.Valid}, {"test", &d.Test}}
}

// Check returns an error that names the first place where d is not a usable data set: no
// grid, an empty part, a piece without steps, or a roll that breaks its rules.
func (d *Dataset) Check() error {
	if d.StepsPerQuarter < 1 {
		return fmt.Errorf("%s: %d steps per quarter note, want at least 1", d.Name, d.StepsPerQuarter)
	}
	for _, s := range d.splits() {
		if len(*s.pieces) == 0 {
			return fmt.Errorf("%s: %s holds no piece", d.Name, s.name)
		}
		for i, p := range *s.pieces {
			err := p.Steps.Check()
			if err == nil && len(p.Steps) == 0 {
				err = errors.New("no steps")
			}
			if err != nil {
				return fmt.Errorf("%s: %s[%d] %q: %w", d.Name, s.name, i, p.Name, err)
			}
		}
	}
	return nil
}

// Hash returns the SHA-256, in hex, of what a model sees of d: which part holds which
// sequences, in order. Names and the length of a step do not count. A checkpoint keeps it,
// so that training is not resumed on other data by mistake.
//
// The canonical form, all numbers little-endian: for each of train, valid, test the number
// of pieces (8 bytes); for each piece its number of steps (8 bytes); for each step its
// number of notes (1 byte) and the notes (1 byte each), ascending.
func (d *Dataset) Hash() string {
	h := sha256.New()
	var b []byte
	for _, s := range d.splits() {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(*s.pieces)))
		h.Write(b)
		for _, p := range *s.pieces {
			b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(p.Steps)))
			for _, step := range p.Steps {
				b = append(b, uint8(len(step)))
				b = append(b, step...)
			}
			h.Write(b)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// NoteName returns the name of a MIDI note with its octave, sharps only: 60 is "C4".
func NoteName(note uint8) string {
	names := [12]string{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"}
	return fmt.Sprintf("%s%d", names[note%12], int(note)/12-1)
}
