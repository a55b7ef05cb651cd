package music

import "strings"

// barAfterBracket tells whether "[" at line[i-1] starts a bar line or an ending.
func barAfterBracket(line string, i int) bool {
	return i < len(line) && (line[i] == '|' || isDigit(line[i]))
}

// barline reads a bar line with its repeats and endings.
func (r *abcReader) barline(v *voice, line string, i int) (int, error) {
	start := i
	i = barEnd(line, i)
	b, known := parseBar(line[start:i])
	switch {
	case known:
	case v.atBarline(): // "| :" begins a repeat as "|:" does
		b.more = 2
	case beforeBar(line[i:]): // ": |" and such end one
		b.plays = 2
	default:
		r.remarkHere("colons that are no bar line are passed over")
		return i, nil
	}
	if i+1 < len(line) && line[i] == '[' && isDigit(line[i+1]) {
		i++
	}
	if i < len(line) && isDigit(line[i]) {
		var err error
		if b.endings, i, err = r.endings(line, i); err != nil {
			return 0, err
		}
	}
	if v.tuplet.left > 0 {
		r.remarkHere("tuplets go on after a bar line")
	}
	if line[start] != '[' || b.double {
		v.endBar(r.line, b.plays > 0 || b.more > 0 || b.double || b.endings != 0)
	}
	v.addBarline(b, r.line)
	return i, nil
}

// beforeBar reports whether a bar line is the next thing of a line but for blanks and
// annotations.
func beforeBar(line string) bool {
	for {
		line = strings.TrimLeft(line, " \t")
		if !strings.HasPrefix(line, `"`) {
			return strings.HasPrefix(line, "|") || strings.HasPrefix(line, "[|")
		}
		_, line, _ = strings.Cut(line[1:], `"`)
	}
}

// barEnd returns the index after the signs that make one bar line.
func barEnd(line string, i int) int {
	start := i
	for ; i < len(line); i++ {
		next := byte(' ')
		if i+1 < len(line) {
			next = line[i+1]
		}
		switch line[i] {
		case '|', ':':
		case ']':
			if i == start {
				return i
			}
		case '[':
			if next != '|' && next != ']' {
				return i
			}
		case '.':
			if next != '|' {
				return i
			}
		default:
			return i
		}
	}
	return i
}

// barOrnaments are the signs of a bar line that only change how it looks.
var barOrnaments = strings.NewReplacer("[", "", "]", "", ".", "")

// parseBar reads the signs of a bar line. Each colon before it stands for one repeat of what
// comes before, each colon after it for one of what comes then. What stands after a bracket
// that closes is a bar line of its own, as in "[|]:|". known is false for a colon alone.
func parseBar(run string) (b barline, known bool) {
	if i := strings.IndexByte(run, ']'); i >= 0 && i+1 < len(run) {
		b, _ = parseBar(run[:i+1])
		after, _ := parseBar(run[i+1:])
		b.join(after)
		return b, true
	}
	b.double = strings.Contains(run, "||") || strings.ContainsAny(run, "[]")
	marks := barOrnaments.Replace(run)
	left := len(marks) - len(strings.TrimLeft(marks, ":"))
	right := len(marks) - len(strings.TrimRight(marks, ":"))
	if left == len(marks) { // "::" is ":||:"
		if left == 1 {
			return b, false
		}
		left, right = left/2, left/2
	} else if left+right == 0 && strings.Contains(marks, ":") { // "|:|"
		right = 1
	}
	if left > 0 {
		b.plays = min(left+1, maxEnding)
	}
	if right > 0 {
		b.more = min(right+1, maxEnding)
	}
	return b, true
}

// join makes one of two bar lines with nothing between.
func (b *barline) join(after barline) {
	b.plays = max(b.plays, after.plays)
	b.more = max(b.more, after.more)
	b.double = b.double || after.double
	b.endings |= after.endings
}

// endings reads the numbers of an ending: 1 or 1,3 or 1-3.
func (r *abcReader) endings(line string, i int) (e endings, next int, err error) {
	col := i + 1
	for {
		first, after := scanNumber(line, i)
		last := first
		if after+1 < len(line) && line[after] == '-' && isDigit(line[after+1]) {
			last, after = scanNumber(line, after+1)
		}
		if first < 1 || last < first || last > maxEnding {
			return 0, 0, r.errorf(col, "the number of an ending is outside 1..%d", maxEnding)
		}
		e |= 1<<(last+1) - 1<<first
		i = after
		if i+1 >= len(line) || line[i] != ',' || !isDigit(line[i+1]) {
			return e, i, nil
		}
		i++
	}
}
