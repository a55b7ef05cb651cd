package music

import (
	"errors"
	"fmt"
	"strings"
)

// key is a key signature: the accidental of each letter, A to G, in semitones.
type key struct {
	accidental [7]int8
	shift      shift
	doubt      string // what is doubtful in how it is written
	percussion bool
}

// Where the sharps and flats of a signature stand, in the order in which they appear.
const sharpOrder = "FCGDAEB"

// signature returns the key signature with n sharps, or -n flats. Beyond seven they double.
func signature(n int) (a [7]int8) {
	for i := range n {
		a[sharpOrder[i%7]-'A']++
	}
	for i := range -n {
		a[sharpOrder[6-i%7]-'A']--
	}
	return a
}

// modes gives for each mode how many sharps it has less than the major key of its tonic.
var modes = map[string]int{
	"": 0, "maj": 0, "ion": 0, "mix": 1, "dor": 2, "m": 3, "min": 3, "aeo": 3, "phr": 4, "loc": 5, "lyd": -1,
}

// parseKey reads the value of K:. A value that only names a clef keeps the key old. Words
// that are no mode, accidental or clef mean nothing.
func parseKey(s string, old key) (key, error) {
	k := key{shift: old.shift}
	words := splitWords(s)
	if len(words) == 0 {
		return k, nil
	}
	first := words[0]
	switch {
	case strings.EqualFold(first, "none"):
		words = words[1:]
	case first == "HP", first == "Hp": // Highland pipes, which have f and c sharp, be it printed or not
		k.accidental = signature(2)
		words = words[1:]
	case len(keyAccidentals(first)) > 0:
		k.accidental = old.accidental
	case isClefWord(first) || isSetting(first):
		k.accidental = old.accidental
	case isNote(first[0]):
		n, explicit, rest, err := parseTonic(words)
		if err != nil {
			return key{}, err
		}
		if !explicit {
			k.accidental = signature(n)
		}
		if len(first) == 1 && first[0] >= 'a' && len(rest) == len(words)-1 {
			k.doubt = "keys are one small letter, which is read as major"
		} else if strings.HasSuffix(first, "M") {
			k.doubt = "keys end in M, which is read as minor, as the standard has it"
		}
		words = rest
	default:
		return key{}, fmt.Errorf("key %.40q is not known", s)
	}
	for _, w := range words {
		if isMusic(w) {
			return key{}, errors.New("music in the field of the key")
		}
		for _, a := range keyAccidentals(w) {
			k.accidental[a.letter] = a.value
		}
		if _, err := k.shift.apply(w); err != nil {
			return key{}, err
		}
		k.percussion = k.percussion || isPercussion(w)
	}
	return k, nil
}

// isMusic reports whether a word in a field is music that somebody wrote behind it.
func isMusic(word string) bool { return strings.Contains(word, "|") && !strings.Contains(word, `"`) }

// isClefWord reports whether a word is the name of a clef and not that of a key.
func isClefWord(w string) bool {
	var s shift
	return len(w) > 2 && s.setClef(w)
}

// isSetting reports whether a word is one like clef=bass and not a key like Dmix=c.
func isSetting(w string) bool {
	name, _, ok := strings.Cut(strings.ToLower(w), "=")
	switch name {
	case "clef", "octave", "transpose", "middle", "m", "t", "stafflines", "staffscale", "style", "shift", "sound", "score", "instrument":
		return ok
	}
	return false
}

var accidentals = map[string]int8{"": 0, "^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}

// keyAccidental is one of the accidentals that may follow a key.
type keyAccidental struct {
	letter uint8
	value  int8
}

// keyAccidentals reads a word such as ^f, =B or ^f_b. It returns nothing for other words.
func keyAccidentals(w string) []keyAccidental {
	w = strings.Trim(w, ",;")
	var list []keyAccidental
	for i := 0; i < len(w); {
		sign := i
		for i < len(w) && strings.IndexByte("^_=", w[i]) >= 0 {
			i++
		}
		v, ok := accidentals[w[sign:i]]
		if !ok || i == sign || i == len(w) || !isNote(w[i]) {
			return nil
		}
		list = append(list, keyAccidental{w[i]&^0x20 - 'A', v})
		i++
	}
	return list
}

// parseTonic reads "Bb", "F#m", "Ddor", "A minor", "B flat major", "D exp" or "G^f" from the
// first words. It returns the number of sharps and the words that are left.
func parseTonic(words []string) (sharps int, explicit bool, rest []string, err error) {
	w := words[0]
	rest = words[1:]
	// Sharps of the major keys on the letters A to G.
	sharps = [7]int{3, 5, 0, 2, 4, -1, 1}[w[0]&^0x20-'A']
	mode := w[1:]
	if i := strings.IndexAny(mode, "^_="); i >= 0 { // accidentals without a blank before
		mode, rest = mode[:i], append([]string{mode[i:]}, rest...)
	}
	sign := 0
	switch {
	case strings.HasPrefix(mode, "#"):
		mode, sign = mode[1:], 7
	case strings.HasPrefix(mode, "b"):
		mode, sign = mode[1:], -7
	case mode == "" && len(rest) > 0 && (rest[0] == "#" || strings.EqualFold(rest[0], "sharp")):
		rest, sign = rest[1:], 7
	case mode == "" && len(rest) > 0 && (rest[0] == "b" || strings.EqualFold(rest[0], "flat")):
		rest, sign = rest[1:], -7
	}
	mode = strings.Trim(mode, " .,;?")
	if mode == "" && len(rest) > 0 {
		next := strings.ToLower(rest[0])
		if next == "exp" {
			return 0, true, rest[1:], nil
		}
		if _, ok := lookupMode(next); ok {
			mode, rest = rest[0], rest[1:]
		}
	}
	flats, ok := lookupMode(strings.ToLower(mode))
	if !ok {
		return 0, false, nil, fmt.Errorf("mode %.40q is not known", mode)
	}
	return sharps + sign - flats, false, rest, nil
}

// lookupMode finds a mode in lower case by its first three letters; "m" stands alone.
func lookupMode(s string) (int, bool) {
	if len(s) > 3 {
		s = s[:3]
	}
	n, ok := modes[s]
	return n, ok
}
