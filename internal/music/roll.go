package music

import "fmt"

// The keys of the piano as MIDI note numbers, A0 to C8, and how many there are.
const (
	Lowest  = 21
	Highest = 108
	Dims    = Highest - Lowest + 1
)

// Roll is a piece of music on a regular grid: one element per step, the MIDI notes that
// sound there, ascending, without duplicates, all within Lowest..Highest. An empty step is
// silence.
type Roll [][]uint8

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

// NoteName returns the name of a MIDI note with its octave, sharps only: 60 is "C4".
func NoteName(note uint8) string {
	names := [12]string{"C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"}
	return fmt.Sprintf("%s%d", names[note%12], int(note)/12-1)
}
