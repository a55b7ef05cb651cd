package music

import "strings"

// chord is a chord symbol: the pitch classes, 0 to 11 with C = 0, in the order in which
// they matter for the sound after the root, and the bass.
type chord struct {
	root, bass int
	intervals  []int
}

// parseChord reads "F#m7/C#" and its many spellings. "N.C." gives nil: no chord from here
// on. ok is false if the text is no chord.
func parseChord(s string) (c *chord, ok bool) {
	s, _, _ = strings.Cut(s, ";") // other lines of text may follow
	s = strings.Trim(s, " .:?*()")
	switch strings.ToLower(s) {
	case "n.c", "nc", "n.c.", "no chord", "tacet":
		return nil, true
	}
	if c, ok := parseNamed(s); ok {
		return c, true
	}
	if before, _, found := strings.Cut(s, "("); found { // "C (Em)" has another chord to choose
		return parseNamed(strings.TrimSpace(before))
	}
	return nil, false
}

// parseNamed reads the name of one chord: its root, its kind and its bass. A small letter is
// a root only before an m, as in "em"; alone it means minor to some and nothing to others.
func parseNamed(s string) (*chord, bool) {
	if s == "" {
		return nil, false
	}
	root, rest, ok := pitchClass(strings.ToUpper(s[:1]) + s[1:])
	if !ok || s[0] >= 'a' && (!strings.HasPrefix(rest, "m") || strings.HasPrefix(rest, "ma")) {
		return nil, false
	}
	c := &chord{root: root, bass: root}
	if kind, under, found := cutLast(rest, "/"); found && under != "" {
		// "D/f+" is an old form of "D/f#"; "G/dim" and "E7/b9" have no bass.
		bass, after, ok := pitchClass(strings.ToUpper(under[:1]) + strings.Replace(under[1:], "+", "#", 1))
		if ok && strings.Trim(after, " )") == "" {
			c.bass, rest = bass, kind
		}
	}
	k := chordKind{third: 4, fifth: 7}
	if !k.parse(rest) {
		return nil, false
	}
	c.intervals = k.intervals()
	return c, true
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// chordKind is what a chord is made of, in semitones above the root; 0 is nothing.
type chordKind struct{ third, fifth, sixth, seventh, ninth int }

// chordTokens are the parts of the name of a kind, the longer ones before their prefixes.
// A seventh of 11 beside a third says that the seventh that follows is a major one.
var chordTokens = []struct {
	token string
	apply func(k *chordKind, major *bool)
}{
	{"major", func(k *chordKind, major *bool) { *major = true }},
	{"minor", func(k *chordKind, _ *bool) { k.third = 3 }},
	{"maj", func(k *chordKind, major *bool) { *major = true }},
	{"min", func(k *chordKind, _ *bool) { k.third = 3 }},
	{"dim", (*chordKind).dim},
	{"aug", func(k *chordKind, _ *bool) { k.fifth = 8 }},
	{"dom", func(*chordKind, *bool) {}},
	{"sus2", func(k *chordKind, _ *bool) { k.third = 2 }},
	{"sus9", func(k *chordKind, _ *bool) { k.third = 2 }},
	{"sus4", func(k *chordKind, _ *bool) { k.third = 5 }},
	{"sus", func(k *chordKind, _ *bool) { k.third = 5 }},
	{"add13", func(k *chordKind, _ *bool) { k.sixth = 9 }},
	{"add11", func(*chordKind, *bool) {}},
	{"add9", func(k *chordKind, _ *bool) { k.ninth = 2 }},
	{"add6", func(k *chordKind, _ *bool) { k.sixth = 9 }},
	{"add4", func(*chordKind, *bool) {}},
	{"add2", func(k *chordKind, _ *bool) { k.ninth = 2 }},
	{"no3", func(k *chordKind, _ *bool) { k.third = 0 }},
	{"no5", func(k *chordKind, _ *bool) { k.fifth = 0 }},
	{"alt", func(k *chordKind, _ *bool) { k.seventh, k.fifth = 10, 8 }},
	{"ma", func(k *chordKind, major *bool) { *major = true }},
	{"mi", func(k *chordKind, _ *bool) { k.third = 3 }},
	{"M", func(k *chordKind, major *bool) { *major = true }},
	{"m", func(k *chordKind, _ *bool) { k.third = 3 }},
	{"j", func(k *chordKind, major *bool) { *major = true }},
	{"\u0394", func(k *chordKind, major *bool) { k.seventh, *major = 11, true }}, // a triangle
	{"\u2206", func(k *chordKind, major *bool) { k.seventh, *major = 11, true }},
	{"\u00f8", func(k *chordKind, _ *bool) { k.third, k.fifth, k.seventh = 3, 6, 10 }}, // half diminished
	{"\u00b0", (*chordKind).dim},
	{"\u00ba", (*chordKind).dim},
	{"o", (*chordKind).dim},
	{"-5", func(k *chordKind, _ *bool) { k.fifth = 6 }},
	{"b5", func(k *chordKind, _ *bool) { k.fifth = 6 }},
	{"+5", func(k *chordKind, _ *bool) { k.fifth = 8 }},
	{"#5", func(k *chordKind, _ *bool) { k.fifth = 8 }},
	{"b9", func(k *chordKind, _ *bool) { k.ninth = 1 }},
	{"-9", func(k *chordKind, _ *bool) { k.ninth = 1 }},
	{"#9", func(k *chordKind, _ *bool) { k.ninth = 3 }},
	{"+9", func(k *chordKind, _ *bool) { k.ninth = 3 }},
	{"#11", func(*chordKind, *bool) {}},
	{"b13", func(*chordKind, *bool) {}},
	{"+", func(k *chordKind, _ *bool) { k.fifth = 8 }},
	{"-", func(k *chordKind, _ *bool) { k.third = 3 }},
	{"69", func(k *chordKind, _ *bool) { k.sixth, k.ninth = 9, 2 }},
	{"6/9", func(k *chordKind, _ *bool) { k.sixth, k.ninth = 9, 2 }},
	{"13", func(k *chordKind, major *bool) { k.extend(7, *major); k.extend(9, *major) }},
	{"11", func(k *chordKind, major *bool) { k.extend(7, *major); k.extend(9, *major) }},
	{"9", func(k *chordKind, major *bool) { k.extend(7, *major); k.extend(9, *major) }},
	{"7", func(k *chordKind, major *bool) { k.extend(7, *major) }},
	{"6", func(k *chordKind, _ *bool) { k.sixth = 9 }},
	{"5", func(k *chordKind, _ *bool) { k.third = 0 }},
	{"4", func(k *chordKind, _ *bool) { k.third = 5 }},
	{"2", func(k *chordKind, _ *bool) { k.ninth = 2 }},
	{" ", func(*chordKind, *bool) {}}, {"(", func(*chordKind, *bool) {}}, {")", func(*chordKind, *bool) {}},
	{",", func(*chordKind, *bool) {}}, {"/", func(*chordKind, *bool) {}},
}

func (k *chordKind) dim(*bool) { k.third, k.fifth = 3, 6 }

// extend adds the seventh or the ninth of a chord that is called by a number.
func (k *chordKind) extend(degree int, major bool) {
	switch {
	case degree == 9:
		k.ninth = 2
	case k.seventh != 0:
	case major:
		k.seventh = 11
	case k.third == 3 && k.fifth == 6:
		k.seventh = 9
	default:
		k.seventh = 10
	}
}

// parse reads the name of a kind, such as "m7b5" or "maj9".
func (k *chordKind) parse(s string) bool {
	major := false
	for s != "" {
		n := 0
		for _, t := range chordTokens {
			// Words may be in capitals, m and M differ.
			if len(t.token) <= len(s) && (s[:len(t.token)] == t.token || len(t.token) > 1 && strings.EqualFold(s[:len(t.token)], t.token)) {
				t.apply(k, &major)
				n = len(t.token)
				break
			}
		}
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

// intervals returns the notes of the chord, the most telling ones first.
func (k *chordKind) intervals() []int {
	var list []int
	if k.third > 0 {
		list = append(list, k.third)
	}
	if k.sixth+k.seventh+k.ninth == 0 { // a triad
		if k.fifth > 0 {
			list = append(list, k.fifth)
		}
		return append(list, 0)
	}
	for _, n := range []int{k.seventh, k.sixth, k.ninth} {
		if n > 0 {
			list = append(list, n)
		}
	}
	switch k.fifth {
	case 0:
		return append(list, 0)
	case 7:
		return append(list, 0, 7)
	}
	return append(list, k.fifth, 0)
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
	if foreign && len(upper) > 1 {
		upper[1] = c.root
	}
	for _, class := range upper[:min(2, len(upper))] {
		notes = append(notes, place(chordUpper, class))
	}
	return notes
}
