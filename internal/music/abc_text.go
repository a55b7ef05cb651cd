package music

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// abcText makes text of a file: UTF-8, UTF-16 with a mark at its begin, or an old code of
// one byte a character, of which only the ASCII part matters. Typographic quotation marks,
// which word processors make of plain ones, become plain again.
func abcText(data []byte) string {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	}
	var text string
	if order != nil {
		units := make([]uint16, len(data)/2-1)
		for i := range units {
			units[i] = order.Uint16(data[2*i+2:])
		}
		text = string(utf16.Decode(units))
	} else {
		text = strings.TrimPrefix(string(data), "\ufeff")
	}
	if utf8.ValidString(text) {
		return quotes.Replace(text)
	}
	return oldQuotes.Replace(text)
}

var (
	quotes    = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "\u00a0", " ", "♯", "#", "♭", "b", "♮", "=")
	oldQuotes = strings.NewReplacer("\x93", `"`, "\x94", `"`, "\x84", `"`, "\x91", "'", "\x92", "'", "\xa0", " ")
)

// textLines yields the lines of a text, which end with \n, \r or both, and their numbers
// from 1.
func textLines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for n := 1; text != ""; n++ {
			i := strings.IndexAny(text, "\r\n")
			if i < 0 {
				yield(n, text)
				return
			}
			line := text[:i]
			if strings.HasPrefix(text[i:], "\r\n") {
				i++
			}
			text = text[i+1:]
			if !yield(n, line) {
				return
			}
		}
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

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isNote(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'g' }

// cutField splits "K: G". A line such as "A:|" or "A: |" is music, and so is "a:".
func cutField(line string) (name byte, value string, ok bool) {
	line = strings.TrimLeft(line, " \t")
	if len(line) < 2 || line[1] != ':' {
		return 0, "", false
	}
	name, value = line[0], strings.TrimSpace(line[2:])
	switch {
	case name == 'd' && strings.Contains(value, "*"): // decorations, as some programs have them
		return name, value, true
	case strings.HasPrefix(value, "|") || strings.HasPrefix(line[2:], ":"):
		return 0, "", false
	}
	return name, value, name >= 'A' && name <= 'Z' || strings.IndexByte("mrsw+", name) >= 0
}

// breaks yields the parts of a line that old programs and some web sites break with an
// exclamation mark, and where they begin. Decorations such as !trill! break nothing, nor
// do fields that are text.
func breaks(line string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if name, _, ok := cutField(line); ok && strings.IndexByte("KLMPQRV", name) < 0 {
			yield(0, line)
			return
		}
		begin := 0
		quoted := false
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '"':
				quoted = !quoted
			case line[i] != '!' || quoted:
			case decorationEnd(line, i) > 0:
				i = decorationEnd(line, i) - 1
			default:
				if !yield(begin, line[begin:i]) {
					return
				}
				begin = i + 1
			}
		}
		yield(begin, line[begin:])
	}
}

// decorationEnd returns the index after the decoration !...! or +...+ that begins at
// line[i], or 0 if the mark means something else. A decoration has a name, which is not
// music.
func decorationEnd(line string, i int) int {
	n := strings.IndexByte(line[i+1:], line[i])
	if n < 0 || n > 40 {
		return 0
	}
	name := strings.ToLower(line[i+1 : i+1+n])
	end := i + n + 2
	switch {
	case dynamics[name]:
		return end
	case strings.HasPrefix(name, "d.") || strings.HasPrefix(name, "da ") || strings.HasPrefix(name, "dal ") || strings.HasPrefix(name, "to "):
		return end
	case name == "" || strings.ContainsAny(name, " \t|[]\"") || strings.Trim(name, "abcdefgzx0123456789/,'^_=-:") == "":
		return 0
	}
	return end
}

// dynamics are the decorations whose names could be notes or numbers.
var dynamics = map[string]bool{"f": true, "ff": true, "fff": true, "ffff": true, "0": true, "1": true, "2": true, "3": true, "4": true, "5": true}

// looksLikeMusic reports whether a line that is no field is music for sure: it has a bar
// line, and nothing in it is against it.
func looksLikeMusic(line string) bool {
	if !strings.Contains(line, "|") {
		return false
	}
	notes := 0
	other := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"' || c == '!':
			if n := strings.IndexByte(line[i+1:], c); n >= 0 {
				i += n + 1
			}
		case isNote(c) || c == 'z':
			notes++
		case isLetter(c):
			other++
		}
	}
	return notes > 0 && other <= notes/4
}

// looksLikeText reports whether a line in the middle of a tune is text: it has no bar line,
// and half of its words are of letters only, two of which at least mean nothing in music.
func looksLikeText(line string, meaning *[256]bool) bool {
	if strings.ContainsAny(line, `|"![]{}`) || strings.HasSuffix(strings.TrimRight(line, " "), `\`) {
		return false
	}
	words, text := 0, 0
	for word := range strings.FieldsSeq(line) {
		words++
		word = strings.Trim(word, ".,;:?()-'")
		strange := 0
		for i := 0; i < len(word); i++ {
			if c := word[i]; !isLetter(c) {
				strange = -len(word)
			} else if !isNote(c) && !meaning[c] && strings.IndexByte("zxZXy", c) < 0 {
				strange++
			}
		}
		if strange > 1 {
			text++
		}
	}
	return text > 0 && 2*text >= words
}

// macro is a field m:, which says what stands for what in the music. If the left side ends
// in n or n and a length, that is any note, and the letters h to z of the right side are
// notes at an interval from it.
type macro struct {
	from, to string
	note     int // index of the n in from, or -1
}

const maxMacros = 100

// parseMacro reads the value of m:.
func parseMacro(value string) (macro, bool) {
	from, to, ok := strings.Cut(value, "=")
	m := macro{strings.TrimSpace(from), strings.TrimSpace(to), -1}
	if !ok || m.from == "" {
		return macro{}, false
	}
	m.note = strings.LastIndexByte(m.from, 'n')
	return m, true
}

// maxLine is the longest line of music that macros may make, in bytes.
const maxLine = 1 << 16

// expand replaces what the macro stands for in a line of music. It returns false if that
// makes the line too long.
func (m *macro) expand(line string) (string, bool) {
	if n := strings.Count(line, m.from); m.note < 0 && n > 0 {
		if len(line)+n*len(m.to) > maxLine {
			return "", false
		}
		return strings.ReplaceAll(line, m.from, m.to), true
	}
	if m.note < 0 {
		return line, true
	}
	before, after := m.from[:m.note], m.from[m.note+1:]
	var b strings.Builder
	for i := 0; i < len(line); {
		if strings.HasPrefix(line[i:], before) {
			// What stands for any length does not stand for no length.
			_, _, step, next, ok := scanPitch(line, i+len(before))
			if ok && strings.HasPrefix(line[next:], after) && !(after == "" && next < len(line) && (isDigit(line[next]) || line[next] == '/')) {
				for k := 0; k < len(m.to); k++ {
					if c := m.to[k]; c >= 'h' && c <= 'w' {
						b.WriteString(stepName(step + int(c) - 'n'))
					} else {
						b.WriteByte(c)
					}
				}
				i = next + len(after)
				if b.Len()+len(line)-i > maxLine {
					return "", false
				}
				continue
			}
		}
		b.WriteByte(line[i])
		i++
	}
	return b.String(), true
}

// stepName writes a note by its step from middle C.
func stepName(step int) string {
	octave, letter := floorDiv(step, 7)
	name := string("CDEFGAB"[letter])
	switch {
	case octave <= 0:
		return name + strings.Repeat(",", min(-octave, 9))
	default:
		return strings.ToLower(name) + strings.Repeat("'", min(octave-1, 9))
	}
}

// floorDiv divides so that the remainder is not negative.
func floorDiv(a, b int) (quotient, remainder int) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+b
	}
	return quotient, remainder
}
