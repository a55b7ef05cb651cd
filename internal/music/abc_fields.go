package music

import (
	"fmt"
	"strconv"
	"strings"
)

// metre is a time signature. ticks is 0 for "none".
type metre struct {
	ticks    int64
	compound bool // 6/8, 9/8, 12/8: tuplets count in threes
	unknown  bool // not understood
}

// parseMetre reads the value of M:. Few things depend on it; where one does, an unknown
// metre is an error there.
func parseMetre(s string) metre {
	s = strings.Trim(s, " .]")
	switch strings.ToLower(s) {
	case "c", "c|":
		return metre{ticks: wholeNote}
	case "none", "":
		return metre{}
	}
	s, _, _ = strings.Cut(s, "=") // "C = 4/4"
	if words := strings.Fields(s); len(words) > 1 && strings.Contains(words[0], "/") && strings.Contains(words[1], "/") {
		s = words[0] // of "2/4 3/4", which alternate
	}
	top, bottom, ok := strings.Cut(strings.TrimSpace(s), "/")
	den, err := strconv.Atoi(strings.TrimSpace(bottom))
	if !ok || err != nil || den < 1 || den > 128 {
		return metre{unknown: true}
	}
	num := 0
	for part := range strings.FieldsFuncSeq(top, func(c rune) bool { return c == '+' || c == '(' || c == ')' || c == ' ' }) {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 64 || num > 64 {
			return metre{unknown: true}
		}
		num += n
	}
	if num == 0 || int64(num)*wholeNote%int64(den) != 0 {
		return metre{unknown: true}
	}
	return metre{ticks: int64(num) * wholeNote / int64(den), compound: den == 8 && num%3 == 0 && num > 3}
}

// parseUnit reads the value of L:, which is 1/8 or another fraction.
func parseUnit(s string) (int64, error) {
	top, bottom, ok := strings.Cut(strings.Trim(s, " .]"), "/")
	num, err1 := strconv.Atoi(strings.TrimSpace(top))
	den, err2 := 1, error(nil)
	if ok {
		den, err2 = strconv.Atoi(strings.TrimSpace(bottom))
	}
	if err1 != nil || err2 != nil || num < 1 || num > 64 || den < 1 || den > 512 || num*wholeNote%den != 0 {
		return 0, fmt.Errorf("unit length %.40q, want for example 1/8", s)
	}
	return int64(num * wholeNote / den), nil
}

// parseTempo reads the value of Q: and returns quarter notes per minute, if it says how
// many. There may be text beside the tempo. "120" alone and "C=120", old forms, count the
// unit of L:, "C3=120" three of them.
func parseTempo(s string, unit int64) (bpm float64, ok bool) {
	for strings.Contains(s, `"`) {
		before, after, _ := strings.Cut(s, `"`)
		_, after, _ = strings.Cut(after, `"`)
		s = before + " " + after
	}
	beats, count, found := strings.Cut(s, "=")
	if !found {
		beats, count = "C", s
	}
	beat := 0.0 // quarter notes
	for b := range strings.FieldsSeq(beats) {
		if c, old := strings.CutPrefix(b, "C"); old {
			n, err := strconv.Atoi(c)
			if err != nil {
				n = 1
			}
			beat += float64(n) * 4 * float64(unit) / wholeNote
			continue
		}
		top, bottom, _ := strings.Cut(b, "/")
		n, err1 := strconv.Atoi(top)
		d, err2 := strconv.Atoi(bottom)
		if err1 != nil || err2 != nil || d < 1 {
			return 0, false
		}
		beat += 4 * float64(n) / float64(d)
	}
	digits := strings.TrimLeft(count, " \t")
	n, next := scanNumber(digits, 0)
	if next == 0 || n < 1 {
		return 0, false
	}
	bpm = float64(n) * beat
	return bpm, bpm >= minTempo && bpm <= maxTempo
}

// shift moves what a voice sounds, in semitones.
type shift struct{ clef, octave, transpose int }

func (s shift) semitones() int { return s.clef + s.octave + s.transpose }

// apply takes in one word of a field K: or V: if it is one that says how notes sound.
func (s *shift) apply(word string) (known bool, err error) {
	name, value, assigned := strings.Cut(word, "=")
	name, value = strings.ToLower(name), strings.Trim(value, `"`)
	number := func(limit int) (int, error) {
		n, err := strconv.Atoi(value)
		if err != nil || n < -limit || n > limit {
			return 0, fmt.Errorf("%s=%.40s, want a number within ±%d", name, value, limit)
		}
		return n, nil
	}
	switch {
	case assigned && name == "octave":
		n, err := number(4)
		s.octave = 12 * n
		return true, err
	case assigned && name == "transpose":
		n, err := number(48)
		s.transpose = n
		return true, err
	case assigned && name == "clef":
		s.setClef(value)
		return true, nil
	case assigned: // name, snm, middle, stafflines, ...: these only change what is printed
		return true, nil
	}
	return s.setClef(word), nil
}

// setClef takes in "treble", "bass3", "treble-8" and so on, if it is one. Only -8, +8, -15
// and +15 move the notes; 8, _8 and ^8 are just printed.
func (s *shift) setClef(word string) bool {
	word = strings.Trim(strings.ToLower(word), ",;")
	move := 0
	for _, c := range []struct {
		suffix string
		move   int
	}{{"-8", -12}, {"+8", 12}, {"-15", -24}, {"+15", 24}, {"_8", 0}, {"^8", 0}, {"_15", 0}, {"^15", 0}} {
		if w, ok := strings.CutSuffix(strings.TrimSuffix(word, "va"), c.suffix); ok {
			word, move = w, c.move
		}
	}
	switch strings.TrimRight(word, "12345678") {
	case "treble", "bass", "baritone", "tenor", "alto", "mezzosoprano", "soprano", "perc", "none", "g", "f", "c", "p", "auto":
		s.clef = move
		return true
	}
	return false
}

// isPercussion reports whether a word of V: or K: says that the voice is one of drums.
func isPercussion(word string) bool {
	word = strings.TrimPrefix(strings.ToLower(word), "clef=")
	return word == "perc" || word == "p"
}
