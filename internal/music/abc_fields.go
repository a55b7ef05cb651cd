package music

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// metre is a time signature. ticks is 0 for "none".
type metre struct {
	ticks    int64
	compound bool // 6/8, 9/8, 12/8: tuplets count in threes
}

// parseMetre reads the value of M:.
func parseMetre(s string) (metre, error) {
	switch s {
	case "C", "C|":
		return metre{wholeNote, false}, nil
	case "none", "":
		return metre{}, nil
	}
	top, bottom, ok := strings.Cut(s, "/")
	den, err := strconv.Atoi(strings.TrimSpace(bottom))
	if !ok || err != nil || !isPowerOfTwo(den) {
		return metre{}, fmt.Errorf("metre %.40q, want for example 3/4, (2+3)/8, C or none", s)
	}
	top = strings.TrimSpace(top)
	if strings.HasPrefix(top, "(") && strings.HasSuffix(top, ")") {
		top = top[1 : len(top)-1]
	}
	num := 0
	for part := range strings.SplitSeq(top, "+") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > 64 || num > 64 {
			return metre{}, fmt.Errorf("metre %.40q, want for example 3/4, (2+3)/8, C or none", s)
		}
		num += n
	}
	return metre{int64(num) * wholeNote / int64(den), den == 8 && num%3 == 0 && num > 3}, nil
}

// isPowerOfTwo tells whether n is 1, 2, 4 ... 64, the denominators that occur.
func isPowerOfTwo(n int) bool { return n >= 1 && n <= 64 && n&(n-1) == 0 }

// parseUnit reads the value of L:.
func parseUnit(s string) (int64, error) {
	if s == "1" {
		return wholeNote, nil
	}
	den, ok := strings.CutPrefix(s, "1/")
	d, err := strconv.Atoi(den)
	if !ok || err != nil || !isPowerOfTwo(d) {
		return 0, fmt.Errorf("unit length %.40q, want 1/1, 1/2, 1/4 ... 1/64", s)
	}
	return wholeNote / int64(d), nil
}

// parseTempo reads the value of Q: and returns quarter notes per minute. ok is false if
// there is only text. "120" alone, an old form, counts the unit of L:, or quarter notes if
// there is none yet.
func parseTempo(s string, unit int64) (bpm float64, ok bool, err error) {
	bad := fmt.Errorf("tempo %.40q, want for example 1/4=120", s)
	rest := s
	for strings.Contains(rest, `"`) {
		before, after, _ := strings.Cut(rest, `"`)
		_, after, closed := strings.Cut(after, `"`)
		if !closed {
			return 0, false, bad
		}
		rest = before + after
	}
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return 0, false, nil
	}
	beat := 0.0
	if beats, count, found := strings.Cut(rest, "="); found {
		for b := range strings.FieldsSeq(beats) {
			top, bottom, _ := strings.Cut(b, "/")
			n, err1 := strconv.Atoi(top)
			d, err2 := strconv.Atoi(bottom)
			if err1 != nil || err2 != nil || n < 1 || n > 64 || !isPowerOfTwo(d) {
				return 0, false, bad
			}
			beat += float64(n) / float64(d)
		}
		rest = strings.TrimSpace(count)
	} else {
		beat = 0.25
		if unit > 0 {
			beat = float64(unit) / wholeNote
		}
	}
	count, err := strconv.Atoi(rest)
	if err != nil || count < 1 || count > 2000 || beat == 0 {
		return 0, false, bad
	}
	bpm = float64(count) * beat * 4
	if bpm < minTempo || bpm > maxTempo {
		return 0, false, fmt.Errorf("tempo %.40q is outside %v..%v quarter notes a minute", s, minTempo, maxTempo)
	}
	return bpm, true, nil
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
		if !s.setClef(value) {
			return true, fmt.Errorf("clef %.40q is not known", value)
		}
		return true, nil
	case assigned: // name, snm, middle, stafflines, ...: these only change what is printed
		return true, nil
	}
	return s.setClef(word), nil
}

// setClef takes in "treble", "bass3", "treble-8" and so on, if it is one.
func (s *shift) setClef(word string) bool {
	word = strings.ToLower(word)
	move := 0
	if w, ok := strings.CutSuffix(word, "-8"); ok {
		word, move = w, -12
	} else if w, ok := strings.CutSuffix(word, "+8"); ok {
		word, move = w, 12
	}
	switch strings.TrimRight(word, "12345") {
	case "treble", "bass", "alto", "tenor", "perc", "none", "g", "f", "c":
		s.clef = move
		return true
	}
	return false
}

// key is a key signature: the accidental of each letter, A to G, in semitones.
type key struct {
	accidental [7]int8
	shift      shift
}

// Where the sharps and flats of a signature stand, in the order in which they appear.
const sharpOrder = "FCGDAEB"

// signature returns the key signature with n sharps, or -n flats, |n| <= 7.
func signature(n int) (a [7]int8) {
	for i := range n {
		a[sharpOrder[i]-'A']++
	}
	for i := range -n {
		a[sharpOrder[6-i]-'A']--
	}
	return a
}

// modes gives for each mode how many sharps it has less than the major key of its tonic.
var modes = map[string]int{
	"": 0, "maj": 0, "ion": 0, "mix": 1, "dor": 2, "m": 3, "min": 3, "aeo": 3, "phr": 4, "loc": 5, "lyd": -1,
}

// parseKey reads the value of K:. A value that only names a clef keeps the key old.
func parseKey(s string, old key) (key, error) {
	k := key{shift: old.shift}
	words := strings.Fields(s)
	if len(words) == 0 {
		return k, nil
	}
	first := words[0]
	var probe shift
	switch {
	case strings.EqualFold(first, "none"), first == "HP": // Highland pipes, no signature
		words = words[1:]
	case first == "Hp": // Highland pipes, f and c sharp
		k.accidental = signature(2)
		words = words[1:]
	case first[0] >= 'A' && first[0] <= 'G' && !isClefWord(first):
		n, explicit, used, err := parseTonic(words)
		if err != nil {
			return key{}, err
		}
		if !explicit {
			k.accidental = signature(n)
		}
		words = words[used:]
	default:
		if known, err := probe.apply(first); !known && !isAccidental(first) {
			return key{}, fmt.Errorf("key %.40q is not known", s)
		} else if err != nil {
			return key{}, err
		}
		k.accidental = old.accidental
	}
	for _, w := range words {
		if isAccidental(w) {
			sign, letter := w[:len(w)-1], w[len(w)-1]&^0x20
			k.accidental[letter-'A'] = accidentals[sign]
			continue
		}
		known, err := k.shift.apply(w)
		if err != nil {
			return key{}, err
		}
		if !known {
			return key{}, fmt.Errorf("%.40q in key %.40q is not known", w, s)
		}
	}
	return k, nil
}

func isClefWord(w string) bool {
	var s shift
	return len(w) > 2 && s.setClef(w)
}

var accidentals = map[string]int8{"": 0, "^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}

// isAccidental tells whether a word is one like ^f or =B.
func isAccidental(w string) bool {
	if len(w) < 2 || len(w) > 3 {
		return false
	}
	c := w[len(w)-1] &^ 0x20
	_, ok := accidentals[w[:len(w)-1]]
	return ok && c >= 'A' && c <= 'G'
}

// parseTonic reads "Bb", "F#m", "Ddor", "A minor" or "D exp" from the first one or two
// words. It returns the number of sharps and how many words it used.
func parseTonic(words []string) (sharps int, explicit bool, used int, err error) {
	w := words[0]
	// Sharps of the major keys on the letters A to G.
	sharps = [7]int{3, 5, 0, 2, 4, -1, 1}[w[0]-'A']
	mode := w[1:]
	if rest, ok := strings.CutPrefix(mode, "#"); ok {
		sharps, mode = sharps+7, rest
	} else if rest, ok := strings.CutPrefix(mode, "b"); ok {
		sharps, mode = sharps-7, rest
	}
	used = 1
	if mode == "" && len(words) > 1 {
		next := strings.ToLower(words[1])
		if next == "exp" {
			return 0, true, 2, nil
		}
		if _, ok := lookupMode(next); ok {
			mode, used = next, 2
		}
	}
	flats, ok := lookupMode(strings.ToLower(mode))
	if !ok || mode == "M" { // would be taken for minor

		return 0, false, 0, fmt.Errorf("mode %.40q is not known", mode)
	}
	sharps -= flats
	if sharps < -7 || sharps > 7 {
		return 0, false, 0, errors.New("a key signature with more than seven accidentals")
	}
	return sharps, false, used, nil
}

// lookupMode finds a mode in lower case by its first three letters; "m" stands alone.
func lookupMode(s string) (int, bool) {
	if len(s) > 3 {
		s = s[:3]
	}
	n, ok := modes[s]
	return n, ok
}
