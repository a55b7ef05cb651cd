package music

import "strings"

// maxChord bounds the notes of one chord; pianists have ten fingers.
const maxChord = 64

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
	slashes := 0
	for ; i < len(line) && line[i] == '/'; i++ {
		slashes++
	}
	switch {
	case slashes == 0:
	case i == len(line) || !isDigit(line[i]):
		den = 1 << min(slashes, 20)
	default:
		if den, i = scanNumber(line, i); slashes > 1 || i < len(line) && line[i] == '/' {
			den = -1 // "//2" and "/2/" can mean two things
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
	if _, known := accidentals[sign]; !known || i == len(line) || !isNote(line[i]) {
		return "", 0, 0, start, false
	}
	c := line[i]
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
func (r *abcReader) pitchOf(v *voice, sign string, letter, step int) pitch {
	octave, degree := floorDiv(step, 7)
	note := 60 + 12*octave + semitoneOf[degree] // middle C is step 0
	place := letter
	if r.carry == carryOctave {
		place = step
	}
	if sign != "" {
		note += int(accidentals[sign])
		if r.carry != carryNot {
			if v.inBar == nil {
				v.inBar = map[int]int8{}
			}
			v.inBar[place] = accidentals[sign]
		}
	} else {
		for _, t := range v.tiedHere() {
			if t.step == step {
				return t // a tie carries its accidental over the bar line
			}
		}
		if m, ok := v.inBar[place]; ok {
			note += int(m)
		} else {
			note += int(v.key.accidental[letter])
		}
	}
	return pitch{step, note + v.shift.semitones() + v.key.shift.semitones() + v.move}
}

// written is a note as it stands in the text, num/den units long.
type written struct {
	pitch
	num, den int64
	tied     bool
}

// note reads a note or a chord, with its length and its tie.
func (r *abcReader) note(v *voice, line string, i int) (int, error) {
	col := i + 1
	var notes []written
	if line[i] != '[' {
		sign, letter, step, next, ok := scanPitch(line, i)
		if !ok {
			return 0, r.errorf(col, "an accidental without a note")
		}
		notes = []written{{pitch: r.pitchOf(v, sign, letter, step), num: 1, den: 1}}
		i = next
	} else {
		var err error
		if notes, i, err = r.chordNotes(v, line, i); err != nil {
			return 0, err
		}
		if len(notes) == 0 {
			return i, nil // "[]" means nothing
		}
	}
	num, den, i := scanLength(line, i)
	if i < len(line) && line[i] == '-' {
		for k := range notes {
			notes[k].tied = true
		}
		i++
	}
	return i, r.add(v, col, notes, num, den)
}

// maxHeld is the longest begin of a chord at the end of a line.
const maxHeld = 200

// chordEnds reports whether there is a closing bracket.
func chordEnds(line string) bool {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ']' && !quoted:
			return true
		}
	}
	return false
}

// chordNotes reads what stands between brackets.
func (r *abcReader) chordNotes(v *voice, line string, i int) (notes []written, next int, err error) {
	col := i + 1
	if !chordEnds(line[i:]) {
		if len(line)-i > maxHeld {
			return nil, 0, r.errorf(col, "a chord that does not end")
		}
		v.held = line[i:] // the next line may end it
		return nil, len(line), nil
	}
	for i++; ; {
		switch c := line[i]; {
		case c == ']':
			return notes, i + 1, nil
		case c == '"':
			if i, err = r.quoted(v, line, i); err != nil {
				return nil, 0, err
			}
			continue
		case c == '!' || c == '+':
			i = max(decorationEnd(line, i), i+1)
			continue
		case c == 'z' || c == 'x':
			_, _, i = scanLength(line, i+1)
			continue
		case strings.IndexByte("^_=", c) < 0 && !isNote(c):
			if c == '|' || c == ':' || c == '[' || c == '{' || isDigit(c) || c == '/' || c == '\'' || c == ',' {
				return nil, 0, r.errorf(i+1, "want a note or ] in the chord")
			}
			i++ // a blank, a slur, an ornament
			continue
		}
		sign, letter, step, after, ok := scanPitch(line, i)
		if !ok {
			return nil, 0, r.errorf(i+1, "want a note or ] in the chord")
		}
		if len(notes) == maxChord {
			return nil, 0, r.errorf(col, "a chord of more than %d notes", maxChord)
		}
		w := written{pitch: r.pitchOf(v, sign, letter, step)}
		w.num, w.den, i = scanLength(line, after)
		if i < len(line) && line[i] == '-' {
			w.tied = true
			i++
		}
		notes = append(notes, w)
	}
}

// ticksOf returns the length of a note that is num/den units long, with what tuplets and
// broken rhythm make of it. It is -1 if that is no exact number.
func (v *voice) ticksOf(num, den int64) int64 {
	if num <= 0 || den <= 0 || num > 9999 || den > 9999 {
		return -1
	}
	num *= v.unit
	if v.tuplet.left > 0 {
		num, den = num*v.tuplet.num, den*v.tuplet.den
	}
	if v.brokenDen != 0 {
		num, den = num*v.brokenNum, den*v.brokenDen
	}
	if num%den != 0 {
		return -1
	}
	return num / den
}

// add appends a note, a chord or a rest that is num/den times as long as written. A chord
// lasts as long as its first note.
func (r *abcReader) add(v *voice, col int, notes []written, num, den int64) error {
	e := elem{kind: elemNote, drum: v.percussion || v.key.percussion, layer: v.layer, line: r.line}
	var tied []pitch
	for k, n := range notes {
		if n.num*notes[0].den != notes[0].num*n.den && k > 0 {
			r.remarkHere("notes of chords differ in length from the first one and sound as long as that")
		}
		e.sounds = append(e.sounds, sound{n.pitch, n.tied})
		if n.tied {
			tied = append(tied, n.pitch)
		}
	}
	if len(notes) > 0 {
		if n := notes[0]; n.num < 0 || n.den < 0 || num < 0 || den < 0 {
			num = -1
		} else {
			num, den = num*n.num, den*n.den
		}
	}
	if e.ticks = v.ticksOf(num, den); e.ticks < 0 {
		return r.errorf(col, "the length of the note is no fraction of small numbers")
	}
	if e.ticks > maxTicks || v.ticks > maxTicks-e.ticks {
		return r.errorf(col, "the voice is longer than %d whole notes", maxTicks/wholeNote)
	}
	if v.tuplet.left > 0 {
		v.tuplet.left--
		v.tuplet.used = true
	}
	v.brokenNum, v.brokenDen = 0, 0
	v.elems = append(v.elems, e)
	v.ticks += e.ticks
	v.setTied(tied)
	v.slack = true
	return nil
}

// looseTie ties the last note to the next where the tie does not stand right after it, as
// in "A2 -A" or "A2 | -A". Without a note before it means nothing.
func (r *abcReader) looseTie(v *voice) {
	for k := len(v.elems) - 1; k >= max(0, len(v.elems)-8); k-- {
		e := &v.elems[k]
		if e.kind == elemChord || e.kind == elemBar {
			continue
		}
		if e.kind != elemNote || e.layer != v.layer {
			return
		}
		var tied []pitch
		for s := range e.sounds {
			e.sounds[s].tied = true
			tied = append(tied, e.sounds[s].pitch)
		}
		v.setTied(tied)
		return
	}
}
