package music

import (
	"html"
	"regexp"
	"strings"
)

// maxLayers is the most layers of a bar, A & B & C.
const maxLayers = 16

// music reads one line of music.
func (r *abcReader) music(line string) error {
	line = settle(line)
	for _, m := range r.macros {
		var ok bool
		if line, ok = m.expand(line); !ok {
			return r.errorf(1, "macros make the line longer than %d bytes", maxLine)
		}
	}
	v := r.current()
	i := r.wrapped(v, line)
	if v.held != "" {
		line, v.held = v.held+line, ""
	}
	for i < len(line) {
		next, err := r.symbol(line, i)
		if err != nil {
			return err
		}
		i = next
	}
	return nil
}

// entity is a character as HTML writes it.
var entity = regexp.MustCompile(`&(?:[a-z]{2,6}|#[0-9]{2,5});`)

// settle makes a line of music as it is meant: without what a mail program has made of an
// equals sign and of the end of the line (quoted-printable) and a web page of others (&gt;),
// and with accidentals beside their notes (^!3!c is !3!^c).
func settle(line string) string {
	if strings.Contains(line, "&") && strings.Contains(line, ";") {
		line = entity.ReplaceAllStringFunc(line, html.UnescapeString)
	}
	if strings.Contains(line, "=") {
		line = strings.ReplaceAll(line, "=3D", "=")
		line = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(line, " "), "="), "=20")
	}
	if !strings.Contains(line, "^!") && !strings.Contains(line, "_!") && !strings.Contains(line, "=!") {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); {
		start := i
		for i < len(line) && strings.IndexByte("^_=", line[i]) >= 0 {
			i++
		}
		sign := line[start:i]
		for sign != "" && i < len(line) && line[i] == '!' && decorationEnd(line, i) > 0 {
			end := decorationEnd(line, i)
			b.WriteString(line[i:end])
			i = end
		}
		b.WriteString(sign)
		if i < len(line) {
			b.WriteByte(line[i])
			i++
		}
	}
	return b.String()
}

// wrapped reads what is left of a note that was cut by the end of the line before, as in
// "d/" and "2" or "d" and "/", and returns the index after it.
func (r *abcReader) wrapped(v *voice, line string) int {
	if line == "" || !isDigit(line[0]) && line[0] != '/' || !v.slack || v.held != "" {
		return 0
	}
	num, den, next := scanLength(line, 0)
	last := &v.elems[len(v.elems)-1]
	before := last.ticks
	if num < 1 || den < 1 || !last.scale(num, den) || last.ticks > maxTicks-v.ticks {
		return 0
	}
	r.remarkHere("lines begin with the length of a note of the line before")
	v.ticks += last.ticks - before
	return next
}

// symbol reads the symbol at line[i] and returns the index after it.
func (r *abcReader) symbol(line string, i int) (int, error) {
	v := r.current()
	c := line[i]
	col := i + 1
	next := byte(' ')
	if i+1 < len(line) {
		next = line[i+1]
	}
	switch {
	case c == ' ' || c == '\t' || c == '`' || c == ')' || c == '\\':
		return i + 1, nil
	case c == 'y': // space
		_, _, next := scanLength(line, i+1)
		return next, nil
	case c == '"':
		return r.quoted(v, line, i)
	case c == '!' || c == '+':
		return r.decoration(v, line, i)
	case c == '{':
		end := strings.IndexByte(line[i:], '}')
		if end < 0 {
			return 0, r.errorf(col, "grace notes that do not end")
		}
		return i + end + 1, nil
	case c == '(' && isDigit(next):
		return r.tuplet(v, line, i)
	case c == '(' && next == '&':
		return 0, r.errorf(col, "layers of several bars (& are not supported")
	case c == '(' || c == '.' && next == '(':
		return i + 1, nil // a slur
	case c == '<' || c == '>':
		return r.broken(v, line, i)
	case c == '|' || c == ':' || c == '[' && barAfterBracket(line, i+1) || c == '.' && next == '|':
		return r.barline(v, line, i)
	case c == '[' && i+2 < len(line) && isLetter(next) && line[i+2] == ':':
		end := strings.IndexByte(line[i:], ']')
		if end < 0 {
			return 0, r.errorf(col, "an inline field that does not end")
		}
		value := strings.TrimSpace(line[i+3 : i+end])
		return i + end + 1, r.bodyField(next, value, i+4)
	case c == '[' && next == '"' && !chordFollows(line[i:]): // the name of an ending
		return i + 1, nil
	case c == '[' || c == '^' || c == '_' || c == '=' || isNote(c):
		return r.note(v, line, i)
	case c == 'z' || c == 'x':
		num, den, next := scanLength(line, i+1)
		return next, r.add(v, col, nil, num, den)
	case c == 'Z' || c == 'X':
		return r.wholeBarRest(v, line, i)
	case c == '&':
		if v.layer == maxLayers {
			return 0, r.errorf(col, "more than %d layers", maxLayers)
		}
		v.nextLayer(r.line)
		return i + 1, nil
	case c == '-':
		r.looseTie(v)
		return i + 1, nil
	case isDigit(c) && v.atBarline(): // an ending after a blank: "| 1 ABC"
		return r.barline(v, line, i)
	}
	return i + 1, r.other(c, col)
}

// chordFollows reports whether a bracket before a quotation begins a chord.
func chordFollows(line string) bool {
	quoted := false
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ']':
			return true
		case c == '|' || c == '[' || c == ':':
			return false
		}
	}
	return false
}

// other passes over a character that means nothing, unless it could belong to a note.
func (r *abcReader) other(c byte, col int) error {
	switch {
	case isDigit(c) || strings.IndexByte("',/", c) >= 0:
		return r.errorf(col, "unexpected %q", rune(c))
	case !r.ornament[c] && c != '$' && c != '*' && c != ';' && c < 0x80:
		r.remarkHere("characters that mean nothing in music are passed over")
	}
	return nil
}

// atBarline reports whether the last thing of the voice is a bar line.
func (v *voice) atBarline() bool { return len(v.elems) > 0 && v.elems[len(v.elems)-1].kind == elemBar }

// decoration passes over !trill! and +trill+, and reads +CEG+, an old form of a chord. Marks
// that are alone mean nothing.
func (r *abcReader) decoration(v *voice, line string, i int) (int, error) {
	if end := decorationEnd(line, i); end > 0 {
		switch name := strings.ToLower(line[i+1 : end-1]); {
		case strings.HasPrefix(name, "d.") || strings.HasPrefix(name, "da") || name == "coda" || name == "fine" || name == "segno":
			r.remarkHere("jumps (D.C., D.S., coda, fine) are not followed")
		}
		return end, nil
	}
	if line[i] == '+' {
		if n := strings.IndexByte(line[i+1:], '+'); n > 1 && strings.Trim(line[i+1:i+1+n], "abcdefgABCDEFG^_=,'/0123456789") == "" {
			after := i + n + 2
			end, err := r.note(v, "["+line[i+1:after-1]+"]"+line[after:min(after+16, len(line))], 0)
			return i + end, err
		}
	}
	return i + 1, nil
}

// quoted reads a chord symbol or an annotation.
func (r *abcReader) quoted(v *voice, line string, i int) (int, error) {
	end := strings.IndexByte(line[i+1:], '"')
	if end < 0 {
		return 0, r.errorf(i+1, "a quotation that does not end")
	}
	next := i + end + 2
	text := strings.TrimSpace(line[i+1 : next-1])
	if text == "" || strings.IndexByte("^_<>@", text[0]) >= 0 || v.layer > 0 {
		return next, nil
	}
	c, ok := parseChord(text)
	if !ok {
		r.remarkHere("texts in quotation marks are no chord symbols and do not sound")
		return next, nil
	}
	// A symbol that stands after a bar line belongs to what follows.
	v.elems = append(v.elems, elem{kind: elemChord, chord: c, line: r.line})
	v.slack = false
	return next, nil
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
	case n < 1 || n > maxTicks/v.metre.ticks || n*v.metre.ticks > maxTicks-v.ticks:
		return 0, r.errorf(col, "the voice is longer than %d whole notes", maxTicks/wholeNote)
	}
	for k := range n {
		v.elems = append(v.elems, elem{kind: elemNote, layer: v.layer, ticks: v.metre.ticks, line: r.line})
		v.ticks += v.metre.ticks
		if k < n-1 { // the bar line that follows ends the last one
			v.endBar(r.line, false)
		}
	}
	v.setTied(nil)
	v.slack = false
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
	v.ticks -= last.ticks
	if !last.scale(before, den) {
		return 0, r.errorf(col, "broken rhythm needs a note before it that is long enough")
	}
	v.ticks += last.ticks
	v.brokenNum, v.brokenDen = after, den
	return i, nil
}

// scale changes the length of an element, if it can be exact.
func (e *elem) scale(num, den int64) bool {
	if e.ticks*num%den != 0 {
		return false
	}
	e.ticks = e.ticks * num / den
	return true
}

// tuplet reads (p, (p:q or (p:q:r: the next r notes last q/p of what is written.
func (r *abcReader) tuplet(v *voice, line string, i int) (int, error) {
	col := i + 1
	if v.tuplet.left > 0 && v.tuplet.used {
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
	if q == 0 && p >= 2 && p <= 9 {
		compound := int64(2)
		if v.metre.compound {
			compound = 3
		}
		q = [10]int64{2: 3, 3: 2, 4: 3, 5: compound, 6: 2, 7: compound, 8: 3, 9: compound}[p]
	}
	if p < 1 || p > 99 || q < 1 || q > 99 || count < 0 || count > 99 {
		return 0, r.errorf(col, "want a tuplet such as (3 or (3:2:2")
	}
	if count == 0 {
		count = p
	}
	v.tuplet = tuplet{left: int(count), num: q, den: p}
	return i, nil
}
