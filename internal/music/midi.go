package music

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// Limits on time, in quarter notes. A file of a few bytes can ask for any length, so that
// of a piece may be no more than maxBase and maxPerNote for each of its notes.
const (
	maxBase     = 1 << 10 // 256 bars as a rule, nine minutes; also of silence at the ends
	maxPerNote  = 1 << 6
	maxQuarters = 1 << 17 // 18 hours
)

// outsideRemark goes on "12 ...".
var outsideRemark = fmt.Sprintf("notes outside %d..%d are left out", Lowest, Highest)

// What is lost of a file, said once with how often and where first.
const (
	tempoRemark   = "files have a tempo of their own, which is lost: a step is a part of a quarter note, and samples are written at 120 a minute"
	offGridRemark = "notes begin more than a quarter of a step off the grid of %d steps a quarter note and are moved; a finer -grid keeps more of them, for triplets a multiple of 3"
)

// parseMIDI reads the notes of all tracks and channels of a MIDI file, without the drums.
// Begin and end of a note go to the nearest step, and each note gets one step at least; one
// that is never ended lasts to the end of its track. A note that begins while its pitch
// sounds on the same channel ends the one before; the end of a note ends all of its pitch
// and channel. Loudness, programs and the pedal are left aside. The piece is as long as its
// longest track.
//
// Tempo matters only where ticks are those of a time code, which count seconds: these become
// quarter notes by the tempo in force, 120 a minute where there is none. In format 2 each
// track is a piece of its own; they are put one after another, as players do.
func (f *finder) parseMIDI(path string, data []byte) error {
	// A note takes 3 bytes of a file at least, and 24 here.
	if err := f.budget.Take(path, 8*int64(len(data))); err != nil {
		return err
	}
	defer f.budget.Return(8 * int64(len(data)))
	m, err := parseSMF(data)
	if err != nil {
		f.skip(path, err)
		return nil
	}
	p, err := f.midiPiece(path, m)
	if err != nil {
		if len(m.damage) > 0 {
			err = fmt.Errorf("%w (%s)", err, m.damage[0])
		}
		f.skip(path, err)
		return nil
	}
	for _, d := range m.damage {
		f.notes = append(f.notes, path+": "+d)
	}
	return f.add(path, path, p)
}

// midiPiece puts the notes of a file on the grid.
func (f *finder) midiPiece(path string, m *midiFile) (Piece, error) {
	c, err := newClock(m)
	if err != nil {
		return Piece{}, err
	}
	var notes []midiNote
	var length, drums int64
	for i := range m.tracks {
		t := &m.tracks[i]
		var begin int64
		if m.format == 2 {
			begin = length
		}
		for _, n := range t.notes {
			notes = append(notes, midiNote{c.at(begin + n.start), c.at(begin + n.end), n.note})
		}
		length = max(length, begin+t.length)
		drums += int64(t.drums)
		if t.outside > 0 {
			f.remark(t.outside, outsideRemark, func() string { return fmt.Sprintf("%s: byte %d", path, t.outsideAt) })
		}
	}
	if len(notes) == 0 {
		if drums > 0 {
			return Piece{}, errors.New("the file has notes for drums only (channel 10)")
		}
		return Piece{}, errors.New("the file has no notes")
	}
	if drums > 0 {
		f.remark(1, "files have drums (channel 10), which are left out", func() string { return path })
	}
	if c.tempos == nil && m.tempo() {
		f.remark(1, tempoRemark, func() string { return path })
	}
	return f.onGrid(path, c.quarter, notes, c.at(length))
}

// tempo reports whether a file has a tempo other than that of samples.
func (m *midiFile) tempo() bool {
	return slices.ContainsFunc(m.tracks, func(t midiTrack) bool {
		return slices.ContainsFunc(t.tempos, func(c midiTempo) bool { return c.micros != defaultTempo })
	})
}

// onGrid makes a piece of notes whose times are in units of 1/quarter of a quarter note.
func (f *finder) onGrid(path string, quarter int64, notes []midiNote, length int64) (Piece, error) {
	slices.SortFunc(notes, func(a, b midiNote) int { return cmp.Compare(a.start, b.start) })
	// Long silence at the ends is not music: a time code that starts with an hour, or the
	// end of a recording that nobody stopped.
	var last int64
	for _, n := range notes {
		last = max(last, n.end)
	}
	if length-last > maxBase*quarter {
		f.remark(1, fmt.Sprintf("files end with more than %d quarter notes of silence, which is left out", maxBase), func() string { return path })
		length = last
	}
	first := notes[0].start
	if first <= maxBase*quarter {
		first = 0
	} else {
		f.remark(1, fmt.Sprintf("files begin with more than %d quarter notes of silence, which is left out", maxBase), func() string { return path })
	}
	most := min(maxQuarters, maxBase+maxPerNote*int64(len(notes)))
	if n := (length - first) / quarter; n > most {
		return Piece{}, fmt.Errorf("the piece has %d quarter notes of time for %d notes, want at most %d", n, len(notes), most)
	}
	grid := int64(f.grid)
	round := func(t int64) int32 { return int32((2*(t-first)*grid + quarter) / (2 * quarter)) }
	steps := round(length)
	list := make([]timed, len(notes))
	off, offAt := 0, int64(0)
	for i, n := range notes {
		// Triplets are a third of a step off a grid that has none.
		if d := 4 * ((n.start-first)*grid - int64(round(n.start))*quarter); d > quarter || -d > quarter {
			if off++; off == 1 {
				offAt = n.start / quarter
			}
		}
		list[i] = timed{round(n.start), max(round(n.end), round(n.start)+1), n.note}
		steps = max(steps, list[i].end)
	}
	if off > 0 {
		f.remark(off, fmt.Sprintf(offGridRemark, f.grid), func() string { return fmt.Sprintf("%s: quarter note %d", path, offAt) })
	}
	return newPiece(path, int(steps), list), nil
}

// clock turns ticks into units of which quarter make a quarter note.
type clock struct {
	quarter int64

	// For ticks of a time code: a tick lasts micros/div microseconds.
	micros, div uint64
	tempos      []tempoSpan
}

// tempoSpan is a stretch of one tempo.
type tempoSpan struct {
	from   int64 // ticks
	begin  int64 // units
	micros uint64
}

// defaultTempo is 120 quarter notes a minute.
const defaultTempo = 500000

// newClock reads the division of the header.
func newClock(m *midiFile) (*clock, error) {
	if m.division == 0 {
		return nil, errors.New("the header says that a quarter note has 0 ticks")
	}
	if m.division < 1<<15 {
		return &clock{quarter: int64(m.division)}, nil
	}
	frames, perFrame := uint64(-int8(m.division>>8)), uint64(m.division&0xff)
	if frames == 0 || frames > 127 || perFrame == 0 {
		return nil, fmt.Errorf("the header has time division %#04x, which is no time code", m.division)
	}
	c := &clock{quarter: 1 << 20, micros: 1e6, div: frames * perFrame}
	if frames == 29 { // stands for 30000/1001
		c.micros, c.div = 1e6*1001, 30000*perFrame
	}
	var all []midiTempo
	var begin int64
	for _, t := range m.tracks {
		for _, tempo := range t.tempos {
			tempo.at += begin
			all = append(all, tempo)
		}
		if m.format == 2 {
			begin += t.length
		}
	}
	slices.SortStableFunc(all, func(a, b midiTempo) int { return cmp.Compare(a.at, b.at) })
	c.tempos = []tempoSpan{{micros: defaultTempo}}
	for _, t := range all {
		c.tempos = append(c.tempos, tempoSpan{t.at, c.at(t.at), uint64(t.micros)})
	}
	return c, nil
}

// farAway is longer than any piece may be. Twice that is still a number.
const farAway = 1 << 60

// at returns the place of a tick.
func (c *clock) at(tick int64) int64 {
	if c.tempos == nil {
		return tick
	}
	i, _ := slices.BinarySearchFunc(c.tempos, tick+1, func(s tempoSpan, at int64) int { return cmp.Compare(s.from, at) })
	s := c.tempos[i-1] // the last one that begins at tick or before
	// ticks * micros/div / tempo * quarter, rounded down. The ticks of a file are below
	// 2^28 for each of its bytes, which are fewer than 2^34.
	hi, lo := bits.Mul64(uint64(tick-s.from), c.micros*uint64(c.quarter))
	div := c.div * s.micros
	if hi >= div {
		return farAway
	}
	q, _ := bits.Div64(hi, lo, div)
	return int64(min(q+uint64(s.begin), farAway))
}
