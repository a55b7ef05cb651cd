package music

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
)

// stats describes a list of pieces.
type stats struct {
	Pieces, Steps, Notes, Empty int // Empty: steps without a note
	Shortest, Longest           int // steps of a piece
	Low, High                   int // MIDI notes; 0 if there is none
	MeanNote, NotesPerStep      float64
	Repeats                     float64 // fraction of the steps that equal the step before, first steps not counted
}

func describe(pieces []Piece) stats {
	s := stats{Pieces: len(pieces), Shortest: math.MaxInt}
	sum, repeats, pairs := 0, 0, 0
	for _, piece := range pieces {
		r := piece.Roll()
		s.Steps += len(r)
		s.Shortest, s.Longest = min(s.Shortest, len(r)), max(s.Longest, len(r))
		for i, step := range r {
			if i > 0 {
				pairs++
				if slices.Equal(step, r[i-1]) {
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
	s.MeanNote = float64(sum) / float64(max(s.Notes, 1))
	s.NotesPerStep = float64(s.Notes) / float64(max(s.Steps, 1))
	s.Repeats = float64(repeats) / float64(max(pairs, 1))
	return s
}

// hash returns the SHA-256, in hex, of the music of d: which part holds which pieces.
func (d *Dataset) hash() string {
	h := sha256.New()
	var b []byte
	for _, s := range d.parts() {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(*s.pieces)))
		for i := range *s.pieces {
			p := &(*s.pieces)[i]
			b = binary.LittleEndian.AppendUint64(b, uint64(p.steps))
			for _, notes := range p.each() {
				b = append(b, uint8(len(notes)))
				b = append(b, notes...)
				if len(b) > 1<<12 {
					h.Write(b)
					b = b[:0]
				}
			}
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}
