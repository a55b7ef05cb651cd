package music

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The ABC notation, version 2.1 of the standard (abcnotation.com/wiki/abc:standard:v2.1) and
// the older forms that are in circulation, as far as it decides what sounds:
//
//   - fields X T C O N M L Q K V P m U in the header, K M L V P m U also in the body, on a
//     line of their own or inline as [K:G], where K M L hold for the voice they stand in;
//     fields before the first tune hold for all tunes;
//   - notes with accidentals, octave marks and lengths (A2, A/2, A//, A3/2); rests z x, whole
//     bars Z X; chords [CEG] and, of old, +CEG+; ties; broken rhythm > >> <; tuplets (3 and
//     (p:q:r; several layers of one voice, A2 & c2;
//   - bar lines of all kinds, repeats ::| also, first and second (up to ninth) endings, and
//     the order of parts, P:A(AB)2;
//   - keys with all modes, with extra accidentals, "exp" and none; clefs with octave marks,
//     octave= and transpose=;
//   - chord symbols "Am7/G", which sound as a bass note and two more notes of the chord;
//   - several voices, each with its own repeats;
//   - macros.
//
// What does not decide which notes sound is read over, however it is written: grace notes,
// decorations, slurs, annotations such as "^slow", lyrics, tempo, layout, directives, text,
// and letters that mean nothing. Jumps (D.C., D.S.) are not followed, as in other programs
// that play ABC; they are remarked upon. A tune of which it is not clear what sounds (an
// unknown key, a length that is none, a chord or a quotation without end) is left out.
//
// An accidental holds to the end of the bar, in all octaves, as the standard's default says.

// A tick is the unit of time: a whole note has wholeNote of them. 2^12 allows for short
// notes and dots, the other factors for tuplets, so that all lengths are exact.
const wholeNote = 1 << 12 * 27 * 5 * 7 * 11 * 13

// maxTicks is the longest voice: 1024 whole notes, after repeats.
const maxTicks = wholeNote << 10

// Tune is one tune of an ABC file.
type Tune struct {
	Name     string // the file it is from, and "#X" if that file has several
	Title    string // T: fields, joined by "; "; Composer is C:, Origin is O:, Notes is N:
	Composer string
	Origin   string
	Notes    string
	Tempo    float64 // quarter notes per minute, from Q:, otherwise 120
	Bars     []Bar   // as written, voice by voice, without repeats

	ticks  int64 // the longest voice
	events []event
}

// Bar is one bar of one voice as it stands in the file. Lengths are in whole notes.
type Bar struct {
	Voice         string
	Line          int     // where it ends
	Length, Metre float64 // Metre is 0 if there is none
	// Open is set where a bar may be shorter than the metre, because the rest of it is
	// elsewhere: at the begin and the end of a voice and beside repeats and double bars.
	Open bool
}

// event is a note that sounds from start to end, in ticks.
type event struct {
	start, end int64
	note       uint8
}

// ParseABC reads all tunes of an ABC file. It also returns a line for each tune that cannot
// be read: file, place and reason. name stands for the file in messages and names.
func ParseABC(name string, data []byte) (tunes []*Tune, skipped []string) {
	f := &finder{}
	err := f.tunes(name, data, func(_ string, t *Tune) error {
		tunes = append(tunes, t)
		return nil
	})
	if err != nil {
		f.skipped = append(f.skipped, err.Error())
	}
	if len(tunes) == 1 && len(f.skipped) == 0 {
		tunes[0].Name = name
	}
	return tunes, f.skipped
}

// parseABC reads the tunes of an ABC file and puts them on the grid.
func (f *finder) parseABC(path string, data []byte) error {
	first, skipped := len(f.pieces), len(f.skipped)
	err := f.tunes(path, data, func(place string, t *Tune) error {
		p, lost := t.piece(f.grid)
		if lost > 0 {
			f.remark(lost, fmt.Sprintf("notes fall between two of %d steps to the quarter note and do not sound", f.grid), func() string { return place })
		}
		return f.add(path, place, p)
	})
	if len(f.pieces) == first+1 && len(f.skipped) == skipped {
		f.pieces[first].Name = path
	}
	return err
}

// tunes calls each for the tunes of a file, with a name for messages.
func (f *finder) tunes(path string, data []byte, each func(place string, t *Tune) error) error {
	r := abcReader{finder: f, file: path, each: each, names: map[string]int{}}
	for n, line := range textLines(abcText(data)) {
		if r.readLine(n, line); r.stop != nil {
			return r.stop
		}
	}
	r.endTune()
	if r.stop == nil && r.count == 0 {
		f.notes = append(f.notes, path+": no tune (no field X: or K:)")
	}
	return r.stop
}

// abcReader holds the state between the lines of a file.
type abcReader struct {
	*finder
	file  string
	each  func(place string, t *Tune) error
	stop  error          // what each returned
	count int            // tunes that began
	names map[string]int // how often a number X: was there

	line, base int     // the line and the byte in it where what is read begins
	block      bool    // between %%begin... and %%end...
	preface    []field // fields before the first X:, which hold for all tunes
	pending    []field // fields since the last empty line, outside of tunes

	tune       *Tune // nil between tunes
	number     string
	start      int  // line of X:
	failed     bool // the tune cannot be read: wait for its end
	inBody     bool
	metre      metre
	unit       int64 // from L:, 0 if there was none
	key        key
	macros     []macro
	order      []byte // of parts, from P: in the header
	carry      carry
	move       int  // semitones, by a directive
	percussion bool // likewise
	ornament   [256]bool
	byID       map[string]*voice
	voices     []*voice
	voice      *voice // the current one
	textTempo  string // Q: as it stands, which is read when L: is known
}

type field struct {
	line  int
	name  byte
	value string
}

// lineError is an error with its line and the byte in it, from 1.
type lineError struct {
	line, col int
	text      string
}

func (e *lineError) Error() string { return e.text }

// errorf makes an error at a byte of the part of a line that is being read, from 1.
func (r *abcReader) errorf(col int, format string, args ...any) error {
	return &lineError{r.line, r.base + col, fmt.Sprintf(format, args...)}
}

// place names the tune that is being read, and a line in it.
func (r *abcReader) place(line, col int) string {
	s := r.file + ": tune"
	if r.number != "" {
		s += fmt.Sprintf(" %.20s", r.number)
	}
	if r.tune.Title != "" {
		s += fmt.Sprintf(" %.40q", r.tune.Title)
	}
	s += fmt.Sprintf(", line %d", line)
	if col > 0 {
		s += fmt.Sprintf(", column %d", col)
	}
	return s
}

// remarkHere remarks on something in the current line.
func (r *abcReader) remarkHere(what string) {
	r.remark(1, what, func() string {
		if r.tune == nil {
			return fmt.Sprintf("%s: line %d", r.file, r.line)
		}
		return r.place(r.line, 0)
	})
}

// fail gives the tune up.
func (r *abcReader) fail(err error) {
	if err == nil || r.failed {
		return
	}
	r.failed = true
	at := &lineError{line: r.start}
	errors.As(err, &at)
	r.skip(r.place(at.line, at.col), err)
}

func (r *abcReader) readLine(n int, line string) {
	r.line = n
	if start := strings.TrimLeft(line, " \t"); strings.HasPrefix(start, "%%") {
		r.directive(start[2:])
		return
	}
	if name, _, ok := cutField(line); r.block && !(ok && name == 'X') {
		return // text or PostScript
	}
	r.block = false
	if i := commentStart(line); i >= 0 {
		if strings.TrimSpace(line[:i]) == "" {
			return // a line that is all comment does not end a tune
		}
		line = line[:i]
	}
	if strings.Trim(line, " \t\x1a") == "" {
		r.blank()
		return
	}
	for at, part := range breaks(line) {
		if r.base = at; strings.TrimSpace(part) != "" {
			r.readPart(part)
		}
	}
	r.base = 0
}

// directive handles what follows %%, of which little decides what sounds.
func (r *abcReader) directive(s string) {
	name, value, _ := strings.Cut(strings.TrimSpace(s), " ")
	switch {
	case strings.HasPrefix(name, "begin"):
		r.block = true
	case strings.HasPrefix(name, "end"):
		r.block = false
	case name == "propagate-accidentals":
		for kind, word := range carryNames {
			if strings.TrimSpace(value) == word {
				r.carry = carry(kind)
			}
		}
	case name == "MIDI" && r.tune != nil:
		r.player(strings.Fields(value))
	}
}

// player handles the instructions to players (%%MIDI) that say which notes sound.
func (r *abcReader) player(words []string) {
	if len(words) == 0 {
		return
	}
	n := 0
	if len(words) > 1 {
		var err error
		if n, err = strconv.Atoi(words[len(words)-1]); err != nil || n < -127 || n > 127 {
			return
		}
	}
	move, percussion := &r.move, &r.percussion
	if r.voice != nil {
		move, percussion = &r.voice.move, &r.voice.percussion
	}
	switch words[0] {
	case "transpose":
		*move = n
	case "rtranspose":
		*move += n
	case "channel":
		*percussion = n == drumChannel+1
	case "nobarlines":
		r.carry = carryNot
	}
}

// blank handles an empty line. It ends a tune that has music; many have one earlier.
func (r *abcReader) blank() {
	if r.tune != nil && r.hasMusic() {
		r.endTune()
	}
	if r.tune == nil {
		if r.count == 0 {
			r.preface = append(r.preface, r.pending...)
		}
		r.pending = nil
	}
}

func (r *abcReader) hasMusic() bool {
	if r.failed && r.inBody {
		return true
	}
	for _, v := range r.voices {
		if v.ticks > 0 {
			return true
		}
	}
	return false
}

// maxPending is how many fields are kept that belong to no tune yet.
const maxPending = 1000

func (r *abcReader) readPart(line string) {
	name, value, isField := cutField(line)
	switch {
	case isField && name == 'X':
		r.endTune()
		r.startTune(value)
	case r.tune == nil && isField:
		_, err := parseKey(value, key{})
		if name == 'K' && err == nil && len(r.pending) > 0 {
			r.startTune("") // a tune without X:
			r.fail(r.headerField(name, value))
		} else if len(r.pending)+len(r.preface) < maxPending {
			r.pending = append(r.pending, field{r.line, name, value})
		}
	case r.tune == nil:
		if looksLikeMusic(line) {
			r.remarkHere("lines look like music and are not read: an empty line ends a tune")
		}
	case r.failed:
		r.inBody = r.inBody || name == 'K'
	case isField && r.inBody:
		r.fail(r.bodyField(name, value, strings.IndexByte(line, ':')+2))
	case isField:
		r.fail(r.headerField(name, value))
	case r.inBody && looksLikeText(line, &r.ornament):
		r.remarkHere("lines of music are taken for text")
	case r.inBody:
		r.fail(r.music(line))
	case looksLikeMusic(line):
		r.remarkHere("tunes have no key (K:) and are read without sharps and flats")
		r.startBody()
		r.fail(r.music(line))
	}
}

func (r *abcReader) startTune(number string) {
	r.count++
	r.tune = &Tune{Tempo: 120}
	r.number, r.start, r.failed, r.inBody = number, r.line, false, false
	r.metre, r.unit, r.key = metre{ticks: wholeNote}, 0, key{}
	r.macros, r.order, r.carry, r.move, r.percussion, r.textTempo = nil, nil, carryPitch, 0, false, ""
	r.ornament = [256]bool{}
	for _, c := range ".~HLMOPSTuv" {
		r.ornament[c] = true
	}
	r.byID, r.voices, r.voice = map[string]*voice{}, nil, nil
	here := r.line
	for i, f := range append(r.preface[:len(r.preface):len(r.preface)], r.pending...) {
		if f.name == 'K' || f.name == 'V' || f.name == 'P' || f.name == 'T' && i < len(r.preface) {
			continue // not of a tune
		}
		r.line = f.line
		if r.headerField(f.name, f.value) != nil {
			r.remarkHere("fields before a tune are not understood")
		}
	}
	r.line = here
	if r.count == 1 {
		r.preface = append(r.preface, r.pending...)
	}
	r.pending = nil
}

// endTune completes the tune that is open, if any.
func (r *abcReader) endTune() {
	if r.tune == nil {
		return
	}
	t := r.tune
	if !r.failed && !r.inBody {
		r.fail(&lineError{line: r.start, text: "the tune has no field K: and no music"})
	}
	for _, v := range r.voices {
		if !r.failed {
			r.fail(r.endVoice(t, v))
		}
	}
	if !r.failed && len(t.events) == 0 {
		r.fail(&lineError{line: r.start, text: "the tune has no notes"})
	}
	if !r.failed {
		t.Name = r.file + "#" + r.name()
		r.stop = r.each(r.place(r.start, 0), t)
	}
	r.tune, r.voices, r.voice, r.byID = nil, nil, nil, nil
}

// name returns a name for a tune that no other tune of the file has.
func (r *abcReader) name() string {
	name := strings.Join(strings.Fields(r.number), " ")
	if name == "" || len(name) > 40 {
		name = "line" + strconv.Itoa(r.start)
	}
	r.names[name]++
	if n := r.names[name]; n > 1 {
		name += "." + strconv.Itoa(n)
	}
	return name
}
