package music

import (
	"fmt"
	"io"

	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"
)

const (
	// ticksPerBeat is of the files we write, if the grid divides it; it is divisible by 2, 3,
	// 4, 5, 6, 8 and 16. On other grids a step has ticksPerStep.
	ticksPerBeat = 480
	ticksPerStep = 60

	// maxDelta is the longest time without an event; a delta time has 28 bits.
	maxDelta = 1 << 27

	// Tempo limits in quarter notes a minute. MIDI has 24 bits for the microseconds.
	minTempo = 4.0
	maxTempo = 1000.0
)

// MIDIOptions says how a roll sounds. The zero value of a field means its default.
type MIDIOptions struct {
	StepsPerQuarter int     // default 1
	Tempo           float64 // quarter notes per minute, default 120
	Program         uint8   // General MIDI program, counted from 0: 0 is a piano, 19 a church organ
	Title           string  // written into the file unless empty

	// Struck holds the notes that are struck at each step, even if they already sound.
	// If it is nil, a note is struck where it did not sound at the step before, and held
	// otherwise. If it is not, it has as many steps as the roll.
	Struck Roll
}

// complete sets the defaults and reports options that mean nothing, or not for r.
func (o *MIDIOptions) complete(r Roll) error {
	if o.StepsPerQuarter == 0 {
		o.StepsPerQuarter = 1
	}
	if o.Tempo == 0 {
		o.Tempo = 120
	}
	if o.StepsPerQuarter < 1 || o.StepsPerQuarter > MaxGrid {
		return fmt.Errorf("%d steps per quarter note, want 1 to %d", o.StepsPerQuarter, MaxGrid)
	}
	if !(o.Tempo >= minTempo && o.Tempo <= maxTempo) {
		return fmt.Errorf("tempo %v, want %v to %v quarter notes a minute", o.Tempo, minTempo, maxTempo)
	}
	if o.Program > 127 {
		return fmt.Errorf("MIDI program %d, want 0 to 127", o.Program)
	}
	if o.Struck != nil && len(o.Struck) != len(r) {
		return fmt.Errorf("struck notes for %d steps, want %d", len(o.Struck), len(r))
	}
	return r.Check()
}

// WriteMIDI writes r as a Standard MIDI File with one track. The highest note of a step is
// a little louder than the others, so that a melody can be heard.
func WriteMIDI(w io.Writer, r Roll, o MIDIOptions) error {
	if err := o.complete(r); err != nil {
		return err
	}
	var track smf.Track
	if o.Title != "" {
		track.Add(0, smf.MetaTrackSequenceName(o.Title))
	}
	track.Add(0, smf.MetaTempo(o.Tempo))
	track.Add(0, midi.ProgramChange(0, o.Program))
	beat := ticksPerBeat
	if beat%o.StepsPerQuarter != 0 {
		beat = o.StepsPerQuarter * ticksPerStep
	}
	step := uint32(beat / o.StepsPerQuarter)
	var delta uint32
	add := func(m midi.Message) {
		track.Add(delta, m)
		delta = 0
	}
	var on [Highest + 1]bool
	for i, notes := range r {
		var now, strike [Highest + 1]bool
		for _, n := range notes {
			now[n] = true
		}
		if o.Struck != nil {
			for _, n := range o.Struck[i] {
				if n > Highest || !now[n] {
					return fmt.Errorf("step %d: note %d is struck and does not sound", i, n)
				}
				strike[n] = true
			}
		}
		for n := range on {
			if on[n] && (!now[n] || strike[n]) {
				add(midi.NoteOff(0, uint8(n)))
				on[n] = false
			}
		}
		for k, n := range notes {
			if on[n] {
				continue
			}
			velocity := uint8(78)
			if k == len(notes)-1 {
				velocity = 100
			}
			add(midi.NoteOn(0, n, velocity))
			on[n] = true
		}
		if delta += step; delta > maxDelta {
			add(midi.Message(smf.MetaText(""))) // does nothing
		}
	}
	for n := range on {
		if on[n] {
			add(midi.NoteOff(0, uint8(n)))
		}
	}
	track.Close(delta)

	s := smf.New()
	s.TimeFormat = smf.MetricTicks(beat)
	if err := s.Add(track); err != nil {
		return err
	}
	_, err := s.WriteTo(w)
	return err
}
