package music

import (
	"errors"
	"strings"
)

// carry says which notes of a bar an accidental holds for.
type carry int

const (
	carryPitch  carry = iota // those of its letter, in all octaves
	carryOctave              // those at its place on the staff
	carryNot                 // the one it stands at
)

// carryNames are the words of the directive.
var carryNames = [...]string{carryPitch: "pitch", carryOctave: "octave", carryNot: "not"}

// headerField handles a field between X: and K:.
func (r *abcReader) headerField(name byte, value string) error {
	t := r.tune
	switch name {
	case 'T':
		appendText(&t.Title, value)
	case 'C':
		appendText(&t.Composer, value)
	case 'O':
		appendText(&t.Origin, value)
	case 'N':
		appendText(&t.Notes, value)
	case 'M':
		r.metre = parseMetre(value)
	case 'L':
		u, err := parseUnit(value)
		if err != nil {
			return r.errorf(3, "%v", err)
		}
		r.unit = u
	case 'Q':
		r.textTempo = value
	case 'V':
		_, err := r.openVoice(value, 3)
		return err
	case 'K':
		k, err := parseKey(value, key{})
		if err != nil {
			return r.errorf(3, "%v", err)
		}
		r.key = k
		if k.doubt != "" {
			r.remarkHere(k.doubt)
		}
		return r.startBody()
	case 'P':
		order, ok := parseOrder(value)
		if !ok {
			r.remarkHere("part orders (P:) are text and not followed")
		}
		r.order = order
	default:
		r.anyField(name, value)
	}
	return nil
}

// anyField handles the fields that mean the same everywhere, and passes over others.
func (r *abcReader) anyField(name byte, value string) {
	switch name {
	case 'U':
		if value != "" {
			r.ornament[value[0]] = true
		}
	case 'm':
		if m, ok := parseMacro(value); ok && len(r.macros) < maxMacros {
			r.macros = append(r.macros, m)
		}
	case 'I':
		r.directive(value)
	}
}

func appendText(dst *string, s string) {
	if *dst != "" && s != "" {
		*dst += "; "
	}
	*dst += s
}

// startBody fixes the defaults and gives the voices declared so far the key.
func (r *abcReader) startBody() error {
	r.inBody = true
	if r.unit == 0 {
		if r.metre.unknown {
			return r.errorf(3, "no unit length (L:), and the metre is not understood")
		}
		r.unit = wholeNote / 8
		if r.metre.ticks > 0 && 4*r.metre.ticks < 3*wholeNote {
			r.unit = wholeNote / 16
		}
	}
	if bpm, ok := parseTempo(r.textTempo, r.unit); ok {
		r.tune.Tempo = bpm
	}
	for _, v := range r.voices {
		v.begin(r)
	}
	if len(r.voices) > 0 {
		r.voice = r.voices[0]
	}
	return nil
}

// bodyField handles a field after K:. col is where its value starts.
func (r *abcReader) bodyField(name byte, value string, col int) error {
	// Before the first voice a field holds for all.
	key, metre, unit := &r.key, &r.metre, &r.unit
	if v := r.voice; v != nil {
		key, metre, unit = &v.key, &v.metre, &v.unit
	}
	switch name {
	case 'K':
		k, err := parseKey(value, *key)
		if err != nil {
			return r.errorf(col, "%v", err)
		}
		if k.doubt != "" {
			r.remarkHere(k.doubt)
		}
		*key = k
	case 'M':
		*metre = parseMetre(value)
	case 'L':
		u, err := parseUnit(value)
		if err != nil {
			return r.errorf(col, "%v", err)
		}
		*unit = u
	case 'V':
		v, err := r.openVoice(value, col)
		if err != nil {
			return err
		}
		r.voice = v
	case 'P':
		r.partMark(value)
	default:
		r.anyField(name, value) // a tune has one tempo here, that of the header
	}
	return nil
}

// current is the voice that music goes to; a tune without V: has one that is named "1".
func (r *abcReader) current() *voice {
	if r.voice == nil {
		r.voice = r.newVoice("1")
	}
	return r.voice
}

func (r *abcReader) newVoice(id string) *voice {
	v := &voice{id: id}
	r.byID[id] = v
	r.voices = append(r.voices, v)
	if r.inBody {
		v.begin(r)
	}
	return v
}

const maxVoices = 64

// openVoice finds or makes the voice of a field V:, such as "2 clef=bass octave=-1".
func (r *abcReader) openVoice(value string, col int) (*voice, error) {
	words := splitWords(value)
	if len(words) == 0 {
		return nil, r.errorf(col, "a voice without a name")
	}
	v := r.byID[words[0]]
	if v == nil {
		if len(r.voices) == maxVoices {
			return nil, r.errorf(col, "more than %d voices", maxVoices)
		}
		v = r.newVoice(words[0])
	}
	for _, w := range words[1:] {
		// Other words are name="...", a clef and the like.
		if isMusic(w) {
			return nil, r.errorf(col, "music in the field of the voice")
		}
		if _, err := v.shift.apply(w); err != nil {
			return nil, r.errorf(col, "%v", err)
		}
		if isPercussion(w) {
			v.percussion = true
		}
	}
	return v, nil
}

// splitWords splits at blanks that are not within quotation marks, and joins "clef = bass".
func splitWords(s string) []string {
	for _, c := range []string{" =", "= "} {
		for strings.Contains(s, c) {
			s = strings.ReplaceAll(s, c, "=")
		}
	}
	quoted := false
	return strings.FieldsFunc(s, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return !quoted && (c == ' ' || c == '\t')
	})
}

// parseOrder reads the order of parts, such as A(AB)3C2, where dots, blanks and dashes mean
// nothing. ok is false if it is text.
func parseOrder(s string) (order []byte, ok bool) {
	order, rest, err := orderOf(strings.Trim(s, ` "`), 0)
	return order, err == nil && rest == ""
}

// maxOrder is the most parts of an order when it is written out.
const maxOrder = 1000

var errOrder = errors.New("no order")

// orderOf reads up to a closing parenthesis.
func orderOf(s string, depth int) (order []byte, rest string, err error) {
	for s != "" && s[0] != ')' {
		c := s[0]
		var group []byte
		s = s[1:]
		switch {
		case c == '(' && depth < 8:
			if group, s, err = orderOf(s, depth+1); err != nil || s == "" {
				return nil, "", errOrder
			}
			s = s[1:]
		case c >= 'A' && c <= 'Z':
			group = []byte{c}
		case c == '.' || c == ' ' || c == '-':
			continue
		default:
			return nil, "", errOrder
		}
		times, next := int64(1), 0
		if s != "" && isDigit(s[0]) {
			times, next = scanNumber(s, 0)
			s = s[next:]
		}
		if times < 0 || len(order)+int(times)*len(group) > maxOrder {
			return nil, "", errOrder
		}
		for range times {
			order = append(order, group...)
		}
	}
	return order, s, nil
}
