package music

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gitlab.com/gomidi/midi/v2"
	"gitlab.com/gomidi/midi/v2/smf"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	maxMIDI      = 8 << 20 // bytes of a file
	ticksPerBeat = 480     // of the files we write; divisible by 2, 3, 4, 5, 6, 8 and 16
	drumChannel  = 9       // General MIDI keeps channel 10, counted from 1, for drums

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

// WriteMIDI writes r as a Standard MIDI File with one track. The highest note of a step is
// a little louder than the others, so that a melody can be heard.
func WriteMIDI(w io.Writer, r Roll, o MIDIOptions) error {
	if o.StepsPerQuarter == 0 {
		o.StepsPerQuarter = 1
	}
	if o.Tempo == 0 {
		o.Tempo = 120
	}
	if err := r.Check(); err != nil {
		return err
	}
	if o.StepsPerQuarter < 1 || ticksPerBeat%o.StepsPerQuarter != 0 {
		return fmt.Errorf("%d steps per quarter note, want a divisor of %d", o.StepsPerQuarter, ticksPerBeat)
	}
	if !(o.Tempo >= minTempo && o.Tempo <= maxTempo) {
		return fmt.Errorf("tempo %v, want %v to %v quarter notes a minute", o.Tempo, minTempo, maxTempo)
	}
	if o.Program > 127 {
		return fmt.Errorf("MIDI program %d, want 0 to 127", o.Program)
	}
	if len(r) > maxSteps {
		return fmt.Errorf("%d steps, want at most %d", len(r), maxSteps)
	}
	if o.Struck != nil && len(o.Struck) != len(r) {
		return fmt.Errorf("struck notes for %d steps, want %d", len(o.Struck), len(r))
	}

	var track smf.Track
	if o.Title != "" {
		track.Add(0, smf.MetaTrackSequenceName(o.Title))
	}
	track.Add(0, smf.MetaTempo(o.Tempo))
	track.Add(0, midi.ProgramChange(0, o.Program))
	step := uint32(ticksPerBeat / o.StepsPerQuarter)
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
		delta += step
	}
	for n := range on {
		if on[n] {
			add(midi.NoteOff(0, uint8(n)))
		}
	}
	track.Close(delta)

	s := smf.New()
	s.TimeFormat = smf.MetricTicks(ticksPerBeat)
	if err := s.Add(track); err != nil {
		return err
	}
	_, err := s.WriteTo(w)
	return err
}

// ReadMIDI reads a Standard MIDI File of format 0 or 1 and returns the notes of all its
// tracks and channels, without the drums, on a grid of stepsPerQuarter steps to the quarter
// note. Begin and end of a note go to the nearest step, and each note gets one step at
// least; a note that is never ended lasts to the end of its track. Tempo, loudness,
// programs and the pedal are left aside. The piece is as long as its longest track.
//
// Errors name the file and the offset of the byte at fault. Lengths in the file are checked
// against its size before anything is made of them. Files with a time code instead of
// ticks per quarter note, and files of format 2, are refused.
func ReadMIDI(path string, stepsPerQuarter int) (Roll, error) {
	data, err := infile.Read(path, maxMIDI)
	if err != nil {
		return nil, err
	}
	return ParseMIDI(path, data, stepsPerQuarter)
}

// ParseMIDI is ReadMIDI for a file that is in memory. name is used for errors.
func ParseMIDI(name string, data []byte, stepsPerQuarter int) (Roll, error) {
	if stepsPerQuarter < 1 || stepsPerQuarter > 64 {
		panic(fmt.Sprintf("music: ParseMIDI: stepsPerQuarter = %d, want 1 to 64", stepsPerQuarter))
	}
	// Package smf trusts the lengths in a file, and reads over foreign chunks by recursion.
	// So the structure is checked first, and smf sees only the tracks that passed.
	c := midiChecker{data: data, steps: int64(stepsPerQuarter)}
	if err := c.file(); err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w", name, c.at, err)
	}
	s, err := smf.ReadFrom(bytes.NewReader(c.clean))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}

	ticks := int64(c.division)
	round := func(t int64) int { return int((2*t*int64(stepsPerQuarter) + ticks) / (2 * ticks)) }
	var spans []span
	steps := 0
	for _, track := range s.Tracks {
		var now int64
		var begun [16][128]int64 // begin of a sounding note plus 1, 0 if it is silent
		end := func(channel, note uint8) {
			if b := begun[channel][note]; b > 0 {
				first := round(b - 1)
				last := max(round(now), first+1)
				spans = append(spans, span{first, last, note})
				steps = max(steps, last)
				begun[channel][note] = 0
			}
		}
		for _, e := range track {
			now += int64(e.Delta)
			var channel, note, velocity uint8
			switch {
			case e.Message.GetNoteStart(&channel, &note, &velocity):
				if channel != drumChannel {
					end(channel, note)
					begun[channel][note] = now + 1
				}
			case e.Message.GetNoteEnd(&channel, &note):
				end(channel, note)
			}
		}
		for channel := range begun {
			for note := range begun[channel] {
				end(uint8(channel), uint8(note))
			}
		}
		steps = max(steps, round(now))
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("%s: the file has no notes", name)
	}
	return fill(steps, spans), nil
}

// midiChecker walks over a file and checks every length and every note. What follows the
// last track is left aside.
type midiChecker struct {
	data     []byte
	at       int // offset of the byte it looks at
	steps    int64
	division uint16
	clean    []byte // header and tracks, without foreign chunks
}

var errMIDIEnd = errors.New("the file ends in the middle")

// need returns an error unless n more bytes are there.
func (c *midiChecker) need(n int) error {
	if len(c.data)-c.at < n {
		c.at = len(c.data)
		return errMIDIEnd
	}
	return nil
}

func (c *midiChecker) file() error {
	if len(c.data) == 0 {
		return errors.New("the file is empty")
	}
	if len(c.data) < 4 || string(c.data[:4]) != "MThd" {
		return errors.New("no MIDI file: it does not begin with MThd")
	}
	if err := c.need(14); err != nil {
		return err
	}
	length, format := binary.BigEndian.Uint32(c.data[4:]), binary.BigEndian.Uint16(c.data[8:])
	tracks := int(binary.BigEndian.Uint16(c.data[10:]))
	c.division = binary.BigEndian.Uint16(c.data[12:])
	switch {
	case length != 6:
		c.at = 4
		return fmt.Errorf("the header has %d bytes, want 6", length)
	case format > 1:
		c.at = 8
		return fmt.Errorf("format %d, want 0 or 1", format)
	case tracks == 0 || format == 0 && tracks != 1:
		c.at = 10
		return fmt.Errorf("%d tracks in a file of format %d", tracks, format)
	case c.division == 0 || c.division >= 1<<15:
		c.at = 12
		return fmt.Errorf("time division %#04x, want ticks per quarter note", c.division)
	}
	c.at = 14
	c.clean = append(c.clean, c.data[:14]...)
	for track := range tracks {
		// Chunks of other kinds may stand between the tracks.
		for {
			if err := c.need(8); err != nil {
				return fmt.Errorf("track %d: %w", track, err)
			}
			kind, length := string(c.data[c.at:c.at+4]), binary.BigEndian.Uint32(c.data[c.at+4:])
			if uint64(length) > uint64(len(c.data)-c.at-8) {
				c.at += 4
				return fmt.Errorf("track %d: the chunk says it has %d bytes, the file has %d more", track, length, len(c.data)-c.at-4)
			}
			c.at += 8
			if kind == "MTrk" {
				begin := c.at
				if err := c.track(c.at + int(length)); err != nil {
					return fmt.Errorf("track %d: %w", track, err)
				}
				c.clean = append(c.clean, c.data[begin-8:c.at]...)
				break
			}
			c.at += int(length)
		}
	}
	return nil
}

// track checks the events up to end.
func (c *midiChecker) track(end int) error {
	whole := c.data
	c.data = c.data[:end] // need and varLength stop here
	defer func() { c.data = whole }()
	var status byte
	var now int64
	for {
		if c.at == end {
			return errors.New("the track has no end-of-track event")
		}
		start := c.at
		delta, err := c.varLength()
		if err != nil {
			return err
		}
		now += int64(delta)
		if now*c.steps/int64(c.division) >= maxSteps {
			c.at = start
			return fmt.Errorf("the track is longer than %d steps", maxSteps)
		}
		if err := c.need(1); err != nil {
			return err
		}
		first := c.data[c.at]
		switch {
		case first == 0xff:
			if err := c.need(2); err != nil {
				return err
			}
			kind := c.data[c.at+1]
			c.at += 2
			start := c.at
			n, err := c.skip()
			if err != nil {
				return err
			}
			status = 0
			if kind == 0x51 && n != 3 {
				c.at = start
				return fmt.Errorf("a tempo of %d bytes, want 3", n)
			}
			if kind == 0x2f {
				if c.at != end {
					return fmt.Errorf("%d bytes after the end of the track", end-c.at)
				}
				return nil
			}
		case first == 0xf0 || first == 0xf7:
			c.at++
			if _, err := c.skip(); err != nil {
				return err
			}
			status = 0
		case first > 0xf0:
			return fmt.Errorf("status byte %#02x does not belong into a file", first)
		default:
			if first >= 0x80 {
				status = first
				c.at++
			} else if status == 0 {
				return fmt.Errorf("data byte %#02x, want a status byte", first)
			}
			if err := c.channelEvent(status); err != nil {
				return err
			}
		}
	}
}

// channelEvent checks the data bytes of an event with the given status.
func (c *midiChecker) channelEvent(status byte) error {
	n := 2
	if kind := status & 0xf0; kind == 0xc0 || kind == 0xd0 {
		n = 1
	}
	if err := c.need(n); err != nil {
		return err
	}
	for k := range n {
		if b := c.data[c.at+k]; b >= 0x80 {
			c.at += k
			return fmt.Errorf("status byte %#02x, want a data byte", b)
		}
	}
	if note := c.data[c.at]; status&0xf0 == 0x90 && status&0x0f != drumChannel && c.data[c.at+1] > 0 &&
		(note < Lowest || note > Highest) {
		return fmt.Errorf("note %d is outside %d..%d", note, Lowest, Highest)
	}
	c.at += n
	return nil
}

// skip passes over a length and as many bytes. It returns the length.
func (c *midiChecker) skip() (int, error) {
	start := c.at
	n, err := c.varLength()
	if err != nil {
		return 0, err
	}
	if left := len(c.data) - c.at; int(n) > left {
		c.at = start
		return 0, fmt.Errorf("an event says it has %d bytes, the track has %d more", n, left)
	}
	c.at += int(n)
	return int(n), nil
}

// varLength reads a number of at most four bytes with seven bits each.
func (c *midiChecker) varLength() (uint32, error) {
	var n uint32
	for k := range 4 {
		if err := c.need(1); err != nil {
			return 0, err
		}
		b := c.data[c.at]
		c.at++
		n = n<<7 | uint32(b&0x7f)
		if b < 0x80 {
			return n, nil
		}
		if k == 3 {
			c.at -= 4
		}
	}
	return 0, errors.New("a number of more than four bytes")
}
