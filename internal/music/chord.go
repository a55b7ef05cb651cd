package music

import (
	"fmt"
	"strings"
)

// chord is a chord symbol: the pitch classes, 0 to 11 with C = 0, in the order in which
// they matter for the sound after the root, and the bass.
type chord struct {
	root, bass int
	intervals  []int
}

// chordKinds gives the intervals above the root, in semitones, the most telling ones first.
var chordKinds = map[string][]int{
	"": {4, 7, 0}, "maj": {4, 7, 0}, "M": {4, 7, 0},
	"m": {3, 7, 0}, "min": {3, 7, 0}, "-": {3, 7, 0},
	"5": {7, 0},
	"6": {4, 9, 0, 7}, "m6": {3, 9, 0, 7},
	"7": {4, 10, 0, 7}, "dom7": {4, 10, 0, 7},
	"maj7": {4, 11, 0, 7}, "M7": {4, 11, 0, 7},
	"m7": {3, 10, 0, 7}, "min7": {3, 10, 0, 7}, "-7": {3, 10, 0, 7}, "mM7": {3, 11, 0, 7},
	"9": {4, 10, 2, 0, 7}, "m9": {3, 10, 2, 0, 7}, "maj9": {4, 11, 2, 0, 7}, "add9": {4, 2, 0, 7},
	"dim": {3, 6, 0}, "o": {3, 6, 0}, "dim7": {3, 9, 6, 0}, "o7": {3, 9, 6, 0},
	"m7b5": {3, 10, 6, 0},
	"aug":  {4, 8, 0}, "+": {4, 8, 0}, "aug7": {4, 10, 8, 0}, "7+": {4, 10, 8, 0},
	"sus": {5, 7, 0}, "sus4": {5, 7, 0}, "sus2": {2, 7, 0}, "7sus4": {5, 10, 0, 7}, "7sus": {5, 10, 0, 7},
}

// parseChord reads "F#m7/C#". "N.C." gives nil: no chord from here on.
func parseChord(s string) (*chord, error) {
	if s == "N.C." || s == "NC" || s == "n.c." {
		return nil, nil
	}
	bad := fmt.Errorf("chord symbol %.40q is not known", s)
	root, rest, ok := pitchClass(s)
	if !ok {
		return nil, bad
	}
	kind, under, slash := strings.Cut(rest, "/")
	intervals, ok := chordKinds[kind]
	if !ok {
		return nil, bad
	}
	c := &chord{root, root, intervals}
	if slash {
		if under == "" {
			return nil, bad
		}
		bass, rest, ok := pitchClass(strings.ToUpper(under[:1]) + under[1:])
		if !ok || rest != "" {
			return nil, bad
		}
		c.bass = bass
	}
	return c, nil
}

// pitchClass reads a letter with an optional # or b.
func pitchClass(s string) (class int, rest string, ok bool) {
	if s == "" || s[0] < 'A' || s[0] > 'G' {
		return 0, "", false
	}
	class = semitoneOf[(s[0]-'A'+5)%7]
	switch rest = s[1:]; {
	case strings.HasPrefix(rest, "#"):
		return (class + 1) % 12, rest[1:], true
	case strings.HasPrefix(rest, "b"):
		return (class + 11) % 12, rest[1:], true
	}
	return class, rest, true
}

func (c *chord) transpose(semitones int) *chord {
	if c == nil || semitones%12 == 0 {
		return c
	}
	move := func(class int) int { return ((class+semitones)%12 + 12) % 12 }
	return &chord{move(c.root), move(c.bass), c.intervals}
}

// Where chord symbols sound: the bass within the octave from C2, two more notes within the
// octave from D3, below most melodies. Each pitch class has one place in an octave, so that
// common notes of neighbouring chords stay where they are and the others move little.
const (
	chordBass  = 36
	chordUpper = 50
)

// notes returns the bass note and two more notes: those that tell most about the chord and
// are not the bass. Over a bass that is foreign to the chord the root is one of them.
func (c *chord) notes() []uint8 {
	place := func(low, class int) uint8 { return uint8(low + ((class-low)%12+12)%12) }
	notes := []uint8{place(chordBass, c.bass)}
	var upper []int
	foreign := c.bass != c.root
	for _, i := range c.intervals {
		class := (c.root + i) % 12
		if class == c.bass {
			foreign = false
			continue
		}
		upper = append(upper, class)
	}
	if foreign {
		upper[1] = c.root
	}
	for _, class := range upper[:min(2, len(upper))] {
		notes = append(notes, place(chordUpper, class))
	}
	return notes
}
