package music

import (
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

// The ABC notation, version 2.1 of the standard (abcnotation.com/wiki/abc:standard:v2.1), in
// the part that decides what sounds:
//
//   - fields X T C O N M L Q K V in the header, K M L V also in the body, on a line of their
//     own or inline as [K:G], where K M L hold for the voice they stand in; all other
//     information fields are read over, and so is a change of tempo in the body;
//   - notes with accidentals, octave marks and lengths (A2, A/2, A//, A3/2); rests z x, whole
//     bars Z X; chords [CEG]; ties; broken rhythm > >> <; tuplets (3 and (p:q:r;
//   - bar lines of all kinds, repeats, first and second (up to ninth) endings;
//   - keys with all modes, with extra accidentals, "exp" and none; clefs with octave marks,
//     octave= and transpose=;
//   - chord symbols "Am7/G", which sound as a bass note and two more notes of the chord;
//   - several voices, each with its own repeats.
//
// Grace notes, decorations, slurs, annotations such as "^slow", lyrics and layout are read
// over, since they do not decide which notes sound. What would change the notes and is not
// supported (voice overlay &, macros m:, a part order P:AABB, more than one repeat ::|,
// chords whose notes differ in length, chord symbols we do not know) is an error.
//
// An accidental holds to the end of the bar, in all octaves, as the standard's default says.

// A tick is the unit of time: a whole note has wholeNote of them. 1024 = 2^10 allows for
// short notes and dots, 315 = 9*7*5 for tuplets, so that all lengths are exact.
const wholeNote = 1024 * 315

const (
	maxABC   = 1 << 20         // bytes of a file
	maxTicks = wholeNote << 10 // the longest voice: 1024 whole notes, after repeats
)

// Tune is one tune of an ABC file.
type Tune struct {
	Name     string // the file it is from, and "#X" if that file has several
	Title    string // T: fields, joined by "; "; Composer is C:, Origin is O:, Notes is N:
	Composer string
	Origin   string
	Notes    string
	Tempo    float64 // quarter notes per minute, from Q:, otherwise 120
	Bars     []Bar   // as written, voice by voice, without repeats

	voices []*voice
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

// ReadABC reads all tunes of an ABC file. Errors name the file, the line and the column,
// counted in bytes from 1.
func ReadABC(path string) ([]*Tune, error) {
	data, err := infile.Read(path, maxABC)
	if err != nil {
		return nil, err
	}
	return ParseABC(path, data)
}

// ParseABC is ReadABC for a file that is in memory. name is used for errors and names.
func ParseABC(name string, data []byte) ([]*Tune, error) {
	if len(data) > maxABC {
		return nil, fmt.Errorf("%s: larger than the limit of %d bytes", name, maxABC)
	}
	r := abcReader{file: name}
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for i, line := range strings.Split(text, "\n") {
		r.line = i + 1
		if err := r.readLine(line); err != nil {
			return nil, err
		}
	}
	if err := r.endTune(); err != nil {
		return nil, err
	}
	if len(r.tunes) == 0 {
		return nil, fmt.Errorf("%s: no tune (no field X:)", name)
	}
	if len(r.tunes) > 1 {
		for i, t := range r.tunes {
			t.Name = fmt.Sprintf("%s#%s", name, r.numbers[i])
		}
	}
	return r.tunes, nil
}

// abcError is an error with its place.
func (r *abcReader) errorf(col int, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %s", r.file, r.line, col, fmt.Sprintf(format, args...))
}

// abcReader holds the state between the lines of a file.
type abcReader struct {
	file    string
	line    int
	tunes   []*Tune
	numbers []string // their X: fields
	preface []field  // fields before the first X:, which hold for all tunes

	tune     *Tune // nil between tunes
	inBody   bool
	metre    metre
	unit     int64 // from L:, 0 if there was none
	key      key
	start    int // line of X:
	ornament [256]bool
	byID     map[string]*voice
	voice    *voice // the current one
}

type field struct {
	line  int
	name  byte
	value string
}

func (r *abcReader) readLine(line string) error {
	if i := commentStart(line); i >= 0 {
		if strings.TrimSpace(line[:i]) == "" {
			return nil // a line that is all comment does not end a tune
		}
		line = line[:i]
	}
	if strings.TrimSpace(line) == "" {
		return r.endTune()
	}
	name, value, isField := cutField(line)
	switch {
	case isField && name == 'X':
		if err := r.endTune(); err != nil {
			return err
		}
		return r.startTune(value)
	case r.tune == nil && len(r.tunes) == 0 && isField:
		r.preface = append(r.preface, field{r.line, name, value})
		return nil
	case r.tune == nil:
		return nil // free text between tunes
	case isField && r.inBody:
		return r.bodyField(name, value, 3)
	case isField:
		return r.headerField(name, value)
	case !r.inBody:
		return r.errorf(1, "music before the field K:, which ends the header")
	default:
		return r.music(line)
	}
}

// commentStart is the index of the % that starts a comment, or -1.
func commentStart(line string) int {
	for i := 0; i < len(line); i++ {
		if line[i] == '%' && (i == 0 || line[i-1] != '\\') {
			return i
		}
	}
	return -1
}

// cutField splits "K: G". A line such as "A:|" is music.
func cutField(line string) (name byte, value string, ok bool) {
	if len(line) < 2 || line[1] != ':' || !isLetter(line[0]) && line[0] != '+' {
		return 0, "", false
	}
	if rest := line[2:]; strings.HasPrefix(rest, "|") || strings.HasPrefix(rest, ":") {
		return 0, "", false
	}
	return line[0], strings.TrimSpace(line[2:]), true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (r *abcReader) startTune(number string) error {
	r.tune = &Tune{Name: r.file, Tempo: 120}
	r.numbers = append(r.numbers, number)
	r.inBody, r.start = false, r.line
	r.metre, r.unit, r.key = metre{wholeNote, false}, 0, key{}
	r.ornament = [256]bool{}
	for _, c := range ".~HLMOPSTuv" {
		r.ornament[c] = true
	}
	r.byID, r.voice = map[string]*voice{}, nil
	for _, f := range r.preface {
		here := r.line
		r.line = f.line
		if f.name == 'K' || f.name == 'V' {
			return r.errorf(1, "field %c: before the first X:", f.name)
		}
		if err := r.headerField(f.name, f.value); err != nil {
			return err
		}
		r.line = here
	}
	return nil
}

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
		m, err := parseMetre(value)
		if err != nil {
			return r.errorf(3, "%v", err)
		}
		r.metre = m
	case 'L':
		u, err := parseUnit(value)
		if err != nil {
			return r.errorf(3, "%v", err)
		}
		r.unit = u
	case 'Q':
		return r.tempo(value, 3)
	case 'V':
		_, err := r.openVoice(value, 3)
		return err
	case 'K':
		k, err := parseKey(value, key{})
		if err != nil {
			return r.errorf(3, "%v", err)
		}
		r.key = k
		return r.startBody()
	case 'U':
		if value != "" {
			r.ornament[value[0]] = true
		}
	case 'P':
		if value != "" {
			return r.errorf(3, "a part order (P: in the header) is not supported")
		}
	case 'm', 's':
		return r.errorf(1, "field %c: is not supported", name)
	}
	return nil
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
		r.unit = wholeNote / 8
		if r.metre.ticks > 0 && 4*r.metre.ticks < 3*wholeNote {
			r.unit = wholeNote / 16
		}
	}
	for _, v := range r.tune.voices {
		v.begin(r)
	}
	if len(r.tune.voices) > 0 {
		r.voice = r.tune.voices[0]
	}
	return nil
}

// bodyField handles a field after K:. col is where its value starts.
func (r *abcReader) bodyField(name byte, value string, col int) error {
	switch name {
	case 'K', 'M', 'L':
		v := r.current()
		switch name {
		case 'K':
			k, err := parseKey(value, v.key)
			if err != nil {
				return r.errorf(col, "%v", err)
			}
			v.key = k
		case 'M':
			m, err := parseMetre(value)
			if err != nil {
				return r.errorf(col, "%v", err)
			}
			v.metre = m
		case 'L':
			u, err := parseUnit(value)
			if err != nil {
				return r.errorf(col, "%v", err)
			}
			v.unit = u
		}
	case 'Q':
		// A tune has one tempo here, that of the header.
		return nil
	case 'V':
		v, err := r.openVoice(value, col)
		if err != nil {
			return err
		}
		r.voice = v
	case 'm', 's':
		return r.errorf(1, "field %c: is not supported", name)
	case 'U':
		if value != "" {
			r.ornament[value[0]] = true
		}
	}
	return nil
}

// current is the voice that music goes to; a tune without V: has one that is named "1".
func (r *abcReader) current() *voice {
	if r.voice == nil {
		r.voice = &voice{id: "1"}
		r.byID["1"] = r.voice
		r.tune.voices = append(r.tune.voices, r.voice)
		r.voice.begin(r)
	}
	return r.voice
}

const maxVoices = 64

// openVoice finds or makes the voice of a field V:, such as "2 clef=bass octave=-1".
func (r *abcReader) openVoice(value string, col int) (*voice, error) {
	words := strings.Fields(value)
	if len(words) == 0 {
		return nil, r.errorf(col, "a voice without a name")
	}
	v := r.byID[words[0]]
	if v == nil {
		if len(r.tune.voices) == maxVoices {
			return nil, r.errorf(col, "more than %d voices", maxVoices)
		}
		v = &voice{id: words[0]}
		r.byID[v.id] = v
		r.tune.voices = append(r.tune.voices, v)
		if r.inBody {
			v.begin(r)
		}
	}
	// The other words are name=..., which may hold blanks, and the like; only those that
	// move the notes matter.
	for _, w := range words[1:] {
		if _, err := v.shift.apply(w); err != nil {
			return nil, r.errorf(col, "%v", err)
		}
	}
	return v, nil
}

func (r *abcReader) tempo(value string, col int) error {
	bpm, ok, err := parseTempo(value, r.unit)
	if err != nil {
		return r.errorf(col, "%v", err)
	}
	if ok {
		r.tune.Tempo = bpm
	}
	return nil
}

// endTune completes the tune that is open, if any.
func (r *abcReader) endTune() error {
	if r.tune == nil {
		return nil
	}
	t := r.tune
	r.tune = nil
	if !r.inBody {
		return fmt.Errorf("%s:%d:1: the tune has no field K", r.file, r.start)
	}
	for _, v := range t.voices {
		if err := r.endVoice(t, v); err != nil {
			return err
		}
	}
	if t.ticks == 0 {
		return fmt.Errorf("%s:%d:1: the tune has no notes", r.file, r.start)
	}
	r.tunes = append(r.tunes, t)
	return nil
}
