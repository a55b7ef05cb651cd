package music

import (
	"strings"
)

// voice collects the music of one voice while it is read.
type voice struct {
	id    string
	shift shift
	elems []elem

	key   key
	metre metre
	unit  int64
	ticks int64 // written so far
	bars  []Bar

	barStart  int64
	barOpen   bool              // the bar begins beside the start, a repeat or a double bar
	inBar     [7]accidentalMark // accidentals of this bar by letter
	tied      []pitch           // notes of the last element that are tied to the next
	slack     bool              // whether the last element can take a > or <
	brokenNum int64             // factor for the next element, 0 if none
	brokenDen int64
	tuplet    tuplet
}

type accidentalMark struct {
	set   bool
	value int8
}

// pitch is a note as written (step: 7 per octave) and as it sounds.
type pitch struct {
	step int
	note uint8
}

type tuplet struct {
	left     int
	num, den int64
	line     int
}

// elem is one thing in the course of a voice.
type elem struct {
	kind  elemKind
	ticks int64   // of a note or rest
	notes []uint8 // none for a rest
	tied  []uint8 // those of notes that are tied to the next element
	chord *chord  // nil ends the accompaniment
	bar   barline
	line  int
}

type elemKind uint8

const (
	elemNote elemKind = iota
	elemChord
	elemBar
)

// barline is what repeats need to know about a bar line.
type barline struct {
	endRepeat, startRepeat, double bool
	endings                        []int
}

func (v *voice) begin(r *abcReader) {
	v.key, v.metre, v.unit, v.barOpen = r.key, r.metre, r.unit, true
}

// music reads one line of music.
func (r *abcReader) music(line string) error {
	for i := 0; i < len(line); {
		next, err := r.symbol(line, i)
		if err != nil {
			return err
		}
		i = next
	}
	return nil
}

// symbol reads the symbol at line[i] and returns the index after it.
func (r *abcReader) symbol(line string, i int) (int, error) {
	v := r.current()
	c := line[i]
	col := i + 1
	switch {
	case c == ' ' || c == '\t' || c == '`' || c == ')' || c == '$':
		return i + 1, nil
	case c == '\\' && strings.TrimSpace(line[i+1:]) == "":
		return len(line), nil
	case c == 'y': // space
		_, _, next := scanLength(line, i+1)
		return next, nil
	case c == '"':
		return r.quoted(v, line, i)
	case c == '!' || c == '+':
		end := strings.IndexByte(line[i+1:], c)
		if end < 0 {
			return 0, r.errorf(col, "a decoration that does not end")
		}
		return i + end + 2, nil
	case c == '{':
		end := strings.IndexByte(line[i:], '}')
		if end < 0 {
			return 0, r.errorf(col, "grace notes that do not end")
		}
		return i + end + 1, nil
	case c == '(' && i+1 < len(line) && isDigit(line[i+1]):
		return r.tuplet(v, line, i)
	case c == '(' || c == '.' && i+1 < len(line) && line[i+1] == '(':
		return i + 1, nil // a slur
	case c == '<' || c == '>':
		return r.broken(v, line, i)
	case c == '|' || c == ':' || c == '[' && barAfterBracket(line, i+1) || c == '.' && i+1 < len(line) && line[i+1] == '|':
		return r.barline(v, line, i)
	case c == '[' && i+2 < len(line) && isLetter(line[i+1]) && line[i+2] == ':':
		end := strings.IndexByte(line[i:], ']')
		if end < 0 {
			return 0, r.errorf(col, "an inline field that does not end")
		}
		value := strings.TrimSpace(line[i+3 : i+end])
		return i + end + 1, r.bodyField(line[i+1], value, i+4)
	case c == '[' || c == '^' || c == '_' || c == '=' || c|0x20 >= 'a' && c|0x20 <= 'g':
		return r.note(v, line, i)
	case c == 'z' || c == 'x':
		num, den, next := scanLength(line, i+1)
		return next, r.add(v, col, nil, nil, num, den)
	case c == 'Z' || c == 'X':
		return r.wholeBarRest(v, line, i)
	case r.ornament[c]:
		return i + 1, nil
	case c == '&':
		return 0, r.errorf(col, "voice overlay (&) is not supported")
	case c == '-':
		return 0, r.errorf(col, "a tie without a note before it")
	default:
		return 0, r.errorf(col, "unexpected %q", rune(c))
	}
}

// barAfterBracket tells whether "[" at line[i-1] starts a bar line or an ending.
func barAfterBracket(line string, i int) bool {
	return i < len(line) && (line[i] == '|' || isDigit(line[i]))
}

// scanNumber reads decimal digits; a number too long to be meant gives -1.
func scanNumber(line string, i int) (n int64, next int) {
	for ; i < len(line) && isDigit(line[i]); i++ {
		if n >= 0 {
			n = n*10 + int64(line[i]-'0')
		}
		if n > 9999 {
			n = -1
		}
	}
	return n, i
}

// scanLength reads a length such as 3, 3/2, /2, / or //. Nothing is 1/1. A part that is
// no sensible number is returned as -1 and refused by add.
func scanLength(line string, i int) (num, den int64, next int) {
	num, den = 1, 1
	if i < len(line) && isDigit(line[i]) {
		num, i = scanNumber(line, i)
	}
	for i < len(line) && line[i] == '/' {
		i++
		if i < len(line) && isDigit(line[i]) {
			var n int64
			n, i = scanNumber(line, i)
			if n < 0 || den < 0 || den > 9999 {
				return num, -1, i
			}
			den *= n
		} else if den > 0 && den < 9999 {
			den *= 2
		}
	}
	return num, den, i
}

// scanPitch reads accidental, letter and octave marks. ok is false if there is no note.
func scanPitch(line string, i int) (sign string, letter int, step int, next int, ok bool) {
	start := i
	for i < len(line) && strings.IndexByte("^_=", line[i]) >= 0 {
		i++
	}
	sign = line[start:i]
	if _, known := accidentals[sign]; !known || i == len(line) {
		return "", 0, 0, start, false
	}
	c := line[i]
	if c|0x20 < 'a' || c|0x20 > 'g' {
		return "", 0, 0, start, false
	}
	letter = int(c&^0x20 - 'A')
	// Steps count from C, as octaves do: C D E F G A B.
	step = (letter + 5) % 7
	if c >= 'a' {
		step += 7
	}
	for i++; i < len(line) && (line[i] == '\'' || line[i] == ','); i++ {
		if line[i] == '\'' {
			step += 7
		} else {
			step -= 7
		}
	}
	return sign, letter, step, i, true
}

// semitoneOf gives the semitones of the steps C D E F G A B above C.
var semitoneOf = [7]int{0, 2, 4, 5, 7, 9, 11}

// pitchOf applies key, accidentals and shifts.
func (r *abcReader) pitchOf(v *voice, col int, sign string, letter, step int) (pitch, error) {
	// Middle C, step 0, is MIDI 60. Floor division, since steps may be negative.
	octave := step / 7
	if step%7 < 0 {
		octave--
	}
	note := 60 + 12*octave + semitoneOf[step-7*octave]
	shift := v.shift.semitones() + v.key.shift.semitones()
	if sign != "" {
		v.inBar[letter] = accidentalMark{true, accidentals[sign]}
	} else {
		for _, t := range v.tied {
			if t.step == step {
				return t, nil // a tie carries its accidental over the bar line
			}
		}
	}
	if m := v.inBar[letter]; m.set {
		note += int(m.value)
	} else {
		note += int(v.key.accidental[letter])
	}
	note += shift
	if note < Lowest || note > Highest {
		return pitch{}, r.errorf(col, "MIDI note %d is outside %d..%d", note, Lowest, Highest)
	}
	return pitch{step, uint8(note)}, nil
}

// maxChord is the most notes of a chord.
const maxChord = 64

// note reads a single note or a chord in brackets, with its length and tie.
func (r *abcReader) note(v *voice, line string, i int) (int, error) {
	col := i + 1
	var notes, tied []pitch
	num, den := int64(1), int64(1)
	if line[i] != '[' {
		sign, letter, step, next, ok := scanPitch(line, i)
		if !ok {
			return 0, r.errorf(col, "an accidental without a note")
		}
		p, err := r.pitchOf(v, col, sign, letter, step)
		if err != nil {
			return 0, err
		}
		notes = []pitch{p}
		i = next
	} else {
		i++
		for first := true; ; first = false {
			for i < len(line) && (line[i] == ' ' || r.ornament[line[i]]) {
				i++
			}
			if i < len(line) && line[i] == ']' {
				i++
				break
			}
			sign, letter, step, next, ok := scanPitch(line, i)
			if !ok {
				return 0, r.errorf(i+1, "want a note or ] in the chord")
			}
			p, err := r.pitchOf(v, i+1, sign, letter, step)
			if err != nil {
				return 0, err
			}
			n, d, after := scanLength(line, next)
			if first {
				num, den = n, d
			} else if n*den != num*d {
				return 0, r.errorf(i+1, "the notes of one chord differ in length")
			}
			i = after
			if len(notes) == maxChord {
				return 0, r.errorf(col, "a chord of more than %d notes", maxChord)
			}
			notes = append(notes, p)
			if i < len(line) && line[i] == '-' {
				tied = append(tied, p)
				i++
			}
		}
		if len(notes) == 0 {
			return 0, r.errorf(col, "a chord without notes")
		}
	}
	n, d, i := scanLength(line, i)
	if n < 0 || d < 0 {
		num, den = -1, -1
	} else if num > 0 && den > 0 {
		num, den = num*n, den*d
	}
	if i < len(line) && line[i] == '-' {
		tied = notes
		i++
	}
	return i, r.add(v, col, notes, tied, num, den)
}

// add appends a note, chord or rest that is num/den units long.
func (r *abcReader) add(v *voice, col int, notes, tied []pitch, num, den int64) error {
	if num <= 0 || den <= 0 || num > 9999 || den > 9999 {
		return r.errorf(col, "the length of the note is no fraction of small numbers")
	}
	scaled := v.unit * num // below 2^35
	if v.tuplet.left > 0 {
		scaled *= v.tuplet.num
		den *= v.tuplet.den
		v.tuplet.left--
	}
	if v.brokenDen != 0 {
		scaled *= v.brokenNum
		den *= v.brokenDen
		v.brokenNum, v.brokenDen = 0, 0
	}
	if scaled%den != 0 {
		return r.errorf(col, "the note is too short or too odd a fraction (finest: 1/%d of a whole note)", wholeNote)
	}
	ticks := scaled / den
	if ticks > maxTicks || v.ticks > maxTicks-ticks {
		return r.errorf(col, "the voice is longer than %d whole notes", maxTicks/wholeNote)
	}
	v.elems = append(v.elems, elem{kind: elemNote, ticks: ticks, notes: noteNumbers(notes), tied: noteNumbers(tied), line: r.line})
	v.ticks += ticks
	v.tied = tied
	v.slack = true
	return nil
}

func noteNumbers(p []pitch) []uint8 {
	if len(p) == 0 {
		return nil
	}
	n := make([]uint8, len(p))
	for i := range p {
		n[i] = p[i].note
	}
	return n
}

// wholeBarRest reads Z or Z4: that many bars of silence.
func (r *abcReader) wholeBarRest(v *voice, line string, i int) (int, error) {
	col := i + 1
	n, next := int64(1), i+1
	if next < len(line) && isDigit(line[next]) {
		n, next = scanNumber(line, next)
	}
	switch {
	case v.metre.ticks == 0:
		return 0, r.errorf(col, "a rest of whole bars without a metre")
	case v.ticks != v.barStart || v.brokenDen != 0 || v.tuplet.left > 0:
		return 0, r.errorf(col, "a rest of whole bars that does not begin at a bar line")
	case n < 1 || n*v.metre.ticks > maxTicks-v.ticks:
		return 0, r.errorf(col, "the voice is longer than %d whole notes", maxTicks/wholeNote)
	}
	for k := range n {
		v.elems = append(v.elems, elem{kind: elemNote, ticks: v.metre.ticks, line: r.line})
		v.ticks += v.metre.ticks
		if k < n-1 { // the bar line that follows ends the last one
			v.endBar(r.line, false)
		}
	}
	v.tied, v.slack = nil, false
	return next, nil
}

// broken reads > or < in one, two or three, between two notes: A>B is A3/2 B/2.
func (r *abcReader) broken(v *voice, line string, i int) (int, error) {
	col, c, n := i+1, line[i], int64(0)
	for ; i < len(line) && line[i] == c; i++ {
		n++
	}
	if n > 3 || !v.slack || v.brokenDen != 0 {
		return 0, r.errorf(col, "broken rhythm needs a note before it and at most three signs")
	}
	// The short note gets 1/2^n, the long one the rest of the two.
	den := int64(1) << n
	before, after := 2*den-1, int64(1)
	if c == '<' {
		before, after = after, before
	}
	last := &v.elems[len(v.elems)-1]
	scaled := last.ticks * before
	if last.kind != elemNote || scaled%den != 0 {
		return 0, r.errorf(col, "broken rhythm needs a note before it that is long enough")
	}
	v.ticks += scaled/den - last.ticks
	last.ticks = scaled / den
	v.brokenNum, v.brokenDen = after, den
	return i, nil
}

// tuplet reads (p, (p:q or (p:q:r: the next r notes last q/p of what is written.
func (r *abcReader) tuplet(v *voice, line string, i int) (int, error) {
	col := i + 1
	if v.tuplet.left > 0 {
		return 0, r.errorf(col, "a tuplet within a tuplet")
	}
	var n [3]int64
	i++
	for k := range n {
		if i < len(line) && isDigit(line[i]) {
			n[k], i = scanNumber(line, i)
		}
		if k == 2 || i == len(line) || line[i] != ':' {
			break
		}
		i++
	}
	p, q, count := n[0], n[1], n[2]
	if p < 2 || p > 9 || q < 0 || q > 9 || count < 0 || count > 99 {
		return 0, r.errorf(col, "want a tuplet such as (3 or (3:2:2 with numbers from 2 to 9")
	}
	if q == 0 {
		compound := int64(2)
		if v.metre.compound {
			compound = 3
		}
		q = [10]int64{2: 3, 3: 2, 4: 3, 5: compound, 6: 2, 7: compound, 8: 3, 9: compound}[p]
	}
	if count == 0 {
		count = p
	}
	v.tuplet = tuplet{int(count), q, p, r.line}
	return i, nil
}

// quoted reads a chord symbol or an annotation.
func (r *abcReader) quoted(v *voice, line string, i int) (int, error) {
	col := i + 1
	end := strings.IndexByte(line[i+1:], '"')
	if end < 0 {
		return 0, r.errorf(col, "a quotation that does not end")
	}
	text := strings.TrimSpace(line[i+1 : i+1+end])
	if text != "" && strings.IndexByte("^_<>@", text[0]) < 0 {
		c, err := parseChord(text)
		if err != nil {
			return 0, r.errorf(col, "%v", err)
		}
		// A symbol that stands after a bar line belongs to what follows.
		v.elems = append(v.elems, elem{kind: elemChord, chord: c, line: r.line})
		v.slack = false
	}
	return i + end + 2, nil
}

// barline reads a bar line with its repeats and endings.
func (r *abcReader) barline(v *voice, line string, i int) (int, error) {
	col := i + 1
	start := i
	for i < len(line) {
		c := line[i]
		if c == '[' && i+1 < len(line) && isDigit(line[i+1]) {
			break // an ending
		}
		if c != '|' && c != ':' && c != '.' && !(c == ']' && i > start) && !(c == '[' && i+1 < len(line) && (line[i+1] == '|' || line[i+1] == ']')) {
			break
		}
		if c == '.' && (i+1 == len(line) || line[i+1] != '|') {
			break
		}
		i++
	}
	run := line[start:i]
	var b barline
	marks := strings.Trim(run, ".[]")
	left := len(marks) - len(strings.TrimLeft(marks, ":"))
	right := len(marks) - len(strings.TrimRight(marks, ":"))
	switch {
	case marks == "::":
		left, right = 1, 1
	case marks != "" && left == len(marks), strings.Contains(strings.Trim(marks, ":"), ":"):
		return 0, r.errorf(col, "%q is no bar line", run)
	case left > 1 || right > 1:
		return 0, r.errorf(col, "more than one repeat (%s) is not supported", run)
	}
	b.endRepeat, b.startRepeat = left == 1, right == 1
	b.double = strings.Contains(run, "||") || strings.ContainsAny(run, "[]")

	if i+1 < len(line) && line[i] == '[' && isDigit(line[i+1]) {
		i++
	}
	if i < len(line) && isDigit(line[i]) {
		var err error
		if b.endings, i, err = r.endings(line, i); err != nil {
			return 0, err
		}
	}
	if v.brokenDen != 0 {
		return 0, r.errorf(col, "broken rhythm across a bar line")
	}
	if run != "" {
		v.endBar(r.line, b.endRepeat || b.startRepeat || b.double || b.endings != nil)
	}
	v.addBarline(b, r.line)
	return i, nil
}

// endings reads the numbers of an ending: 1 or 1,3 or 1-3.
func (r *abcReader) endings(line string, i int) (list []int, next int, err error) {
	col := i + 1
	for {
		first, after := scanNumber(line, i)
		last := first
		if after+1 < len(line) && line[after] == '-' && isDigit(line[after+1]) {
			last, after = scanNumber(line, after+1)
		}
		if first < 1 || last < first || last > 9 {
			return nil, 0, r.errorf(col, "the number of an ending is outside 1..9")
		}
		for n := first; n <= last; n++ {
			list = append(list, int(n))
		}
		i = after
		if i+1 >= len(line) || line[i] != ',' || !isDigit(line[i+1]) {
			return list, i, nil
		}
		i++
	}
}

// endBar notes the length of the bar that ends here. open says that this bar line is one
// beside which a bar may be short.
func (v *voice) endBar(line int, open bool) {
	if length := v.ticks - v.barStart; length > 0 {
		v.bars = append(v.bars, Bar{
			Voice: v.id, Line: line,
			Length: float64(length) / wholeNote, Metre: float64(v.metre.ticks) / wholeNote,
			Open: open || v.barOpen,
		})
		v.barOpen = open
	} else {
		v.barOpen = v.barOpen || open
	}
	v.barStart = v.ticks
	v.inBar = [7]accidentalMark{}
	v.slack = false
}

// addBarline appends b, or joins it to a bar line with nothing between: ":|" at the end of
// a line and "|:" or "[2" at the start of the next are one.
func (v *voice) addBarline(b barline, line int) {
	if n := len(v.elems); n > 0 && v.elems[n-1].kind == elemBar {
		last := &v.elems[n-1].bar
		last.endRepeat = last.endRepeat || b.endRepeat
		last.startRepeat = last.startRepeat || b.startRepeat
		last.double = last.double || b.double
		last.endings = append(last.endings, b.endings...)
		return
	}
	v.elems = append(v.elems, elem{kind: elemBar, bar: b, line: line})
}
