package table

import (
	"bytes"
	"strconv"
	"strings"
	"unsafe"
)

// numbers reads numbers as a table writes them.
type numbers struct {
	comma   bool // the decimal sign is a comma
	fortran bool // exponents may be written with D
	scratch []byte
}

// parse returns the finite number that b is, or false.
func (n *numbers) parse(b []byte) (float64, bool) {
	if v, ok := n.short(b); ok {
		return v, true
	}
	if n.comma || n.fortran {
		if n.comma && (bytes.IndexByte(b, '.') >= 0 || bytes.HasSuffix(b, comma)) {
			return 0, false
		}
		n.scratch = n.scratch[:0]
		for _, c := range b {
			switch {
			case n.comma && c == ',':
				c = '.'
			case n.fortran && (c == 'D' || c == 'd'):
				c = 'e'
			}
			n.scratch = append(n.scratch, c)
		}
		b = n.scratch
	}
	if len(b) == 0 {
		return 0, false
	}
	v, err := strconv.ParseFloat(unsafe.String(&b[0], len(b)), 64)
	// ParseFloat also reads what no table means: 0x1p3, 1_000.
	if err != nil || v-v != 0 || isHex(b) || bytes.IndexByte(b, '_') >= 0 {
		return 0, false
	}
	return v, true
}

var powers = [16]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// short reads numbers of at most fifteen digits without an exponent, as most tables have
// them, in half the time. Both the digits and the power of ten are exact then, so that their
// quotient is the float64 nearest to the number.
func (n *numbers) short(b []byte) (float64, bool) {
	digits := unsigned(b)
	if len(digits) == 0 || len(digits) > 16 {
		return 0, false
	}
	sign := byte('.')
	if n.comma {
		sign = ','
	}
	whole, point := int64(0), -1
	for i, c := range digits {
		switch d := c - '0'; {
		case d <= 9:
			whole = 10*whole + int64(d)
		case c == sign && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	decimals := 0
	if point >= 0 {
		decimals = len(digits) - 1 - point
	}
	switch {
	case point < 0 && len(digits) == 16, point >= 0 && len(digits) == 1, n.comma && point == len(digits)-1:
		return 0, false
	}
	v := float64(whole) / powers[decimals]
	if b[0] == '-' {
		v = -v
	}
	return v, true
}

func isHex(b []byte) bool {
	b = unsigned(b)
	return len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x'
}

// unsigned returns b without the sign it begins with.
func unsigned(b []byte) []byte {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		return b[1:]
	}
	return b
}

// looksNumber reports whether b is a number, with a decimal comma if that is possible.
func looksNumber(b []byte, comma bool) bool {
	if len(b) == 0 || len(b) > 1000 || bytes.IndexByte(numeric, b[len(b)-1]) < 0 {
		return false // without the cost of an error of strconv
	}
	if _, ok := (&numbers{fortran: true}).parse(b); ok {
		return true
	}
	if !comma || bytes.IndexByte(b, ',') < 0 {
		return false
	}
	_, ok := (&numbers{comma: true, fortran: true}).parse(b)
	return ok
}

// A comma at the end of a number is more likely a separator.
var comma = []byte(",")

var numeric = []byte("0123456789.,")

// missingMarks are what tables write where there is no value.
var missingMarks = map[string]bool{}

func init() {
	for _, s := range strings.Fields(`NA na N/A n/a N.A. n.a. #NA #N/A NaN nan NAN Nan -NaN -nan +NaN +nan NaT <NA> <NaN> (null)
		NULL null Null None none NONE nil Nil NIL missing Missing MISSING ? - -- --- . .. ... \N
		1.#IND -1.#IND 1.#QNAN -1.#QNAN 1.#SNAN 1.#IO nan(ind) -nan(ind) nan(snan)
		#DIV/0! #NULL! #REF! #NAME? #NUM! #VALUE! #ERROR! #CALC! #SPILL! #FIELD! #GETTING_DATA`) {
		missingMarks[s] = true
	}
	missingMarks["#N/A N/A"] = true
}

// isMissing reports whether b stands for a value that is not there; an empty field does.
func isMissing(b []byte) bool {
	return missingMarks[string(b)] || len(bytes.Trim(b, "*")) == 0 || len(b) > 1 && len(bytes.Trim(b, "#")) == 0
}

// truth returns the value of true and false, as 1 and 0.
func truth(b []byte) (v float64, ok bool) {
	if len(b) > 5 {
		return 0, false
	}
	switch string(b) {
	case "true", "True", "TRUE":
		return 1, true
	case "false", "False", "FALSE":
		return 0, true
	}
	return 0, false
}

// isInfinite reports whether b is a way of writing infinity.
func isInfinite(b []byte) bool {
	switch strings.ToLower(string(unsigned(b[:min(len(b), 12)]))) {
	case "inf", "infinity", "1.#inf", "∞", "inf.":
		return true
	}
	return false
}

// isThousands reports whether b is a number whose digits are in groups of three, and
// returns what separates them. With a point or a comma it may be a decimal sign as well,
// if there is one group only; sure is false then.
func isThousands(b []byte) (sep string, sure bool) {
	b = unsigned(b)
	for _, sep := range []string{",", ".", "'", " ", "\u00a0", "\u202f", "\u2009", "’", "\xa0"} {
		groups := bytes.Split(b, []byte(sep))
		last := len(groups) - 1
		if last < 1 || len(groups[0]) > 3 || !allDigits(groups[0]) || groups[0][0] == '0' {
			continue
		}
		tail := groups[last]
		if len(tail) > 3 && (tail[3] == '.' || tail[3] == ',') && string(tail[3:4]) != sep && (len(tail) == 4 || allDigits(tail[4:])) {
			groups[last], sure = tail[:3], true
		}
		ok := true
		for _, g := range groups[1:] {
			ok = ok && len(g) == 3 && allDigits(g)
		}
		if ok {
			return sep, sure || last > 1 || sep != "," && sep != "."
		}
	}
	return "", false
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// isGroup reports whether b may be a whole number with one separator of thousands as well
// as a number with three digits behind a decimal sign.
func isGroup(b []byte) bool {
	if len(b) > 16 {
		return false
	}
	sep, sure := isThousands(b)
	return sep != "" && !sure
}

// looksDamaged reports whether b begins as a number and is made of what numbers are made
// of, so that it is no name of a column: 1_000, $5, 1.2.3, 0x1F.
func looksDamaged(b []byte) bool {
	s := bytes.TrimLeft(b, "+-\u2212$€£('\" ")
	if len(s) > 1 && (s[0] == '.' || s[0] == ',') {
		s = s[1:]
	}
	if len(s) == 0 || s[0] < '0' || s[0] > '9' {
		return false
	}
	return isHex(b) || len(bytes.Trim(s, "0123456789+-.,eEdD_%'$()\"; \u2212\u00a0\u202f\u2009’€£")) == 0 || isCut(s)
}

// isCut reports whether b is a number with decimals and one more character.
func isCut(b []byte) bool {
	rest := bytes.TrimLeft(b, "0123456789.,")
	return len(rest) == 1 && bytes.ContainsAny(b, ".,")
}

// why says what is wrong with a field that should be a number. Decimal is the sign that
// numbers have in the table, 0 as long as none is known.
func why(b []byte, decimal byte) string {
	q := quote(b)
	switch {
	case isInfinite(b):
		return q + " is infinite: want a finite number"
	case isTime(b):
		return q + " is a date or a time among numbers"
	}
	if _, ok := truth(b); ok {
		return q + " among numbers"
	}
	plain := strings.NewReplacer("_", "", "D", "e", "d", "e").Replace(string(b[:min(len(b), 1000)]))
	_, err := strconv.ParseFloat(plain, 64)
	switch {
	case isHex(b):
		return q + " is hexadecimal: write decimal numbers"
	case err == nil && bytes.IndexByte(b, '_') >= 0:
		return q + " has underscores among its digits: write " + quote([]byte(strings.ReplaceAll(string(b), "_", "")))
	case err != nil && isRange(err):
		return q + " is too large for a float64"
	case bytes.HasSuffix(b, []byte("%")):
		return q + " has a percent sign: take it from the whole column"
	case bytes.HasPrefix(b, []byte("\u2212")):
		return q + ` has a minus sign that is not "-"`
	}
	if sep, _ := isThousands(b); sep != "" {
		return q + " has a separator of thousands, " + strconv.Quote(sep) + ", or another decimal sign than the table: write numbers without separators"
	}
	if looksNumber(b, true) {
		if decimal == ',' {
			return q + " has a decimal point, but numbers before it have a decimal comma"
		}
		if decimal == '.' {
			return q + " has a decimal comma, but numbers before it have a decimal point"
		}
	}
	return q + " is not a number"
}

func isRange(err error) bool {
	n, ok := err.(*strconv.NumError)
	return ok && n.Err == strconv.ErrRange
}

// quote quotes foreign text and cuts it short.
func quote(b []byte) string {
	const most = 60 // bytes of the result
	for n := 30; ; n /= 2 {
		cut := b[:min(len(b), n)]
		for len(cut) < len(b) && len(cut) > 0 && b[len(cut)]&0xc0 == 0x80 {
			cut = cut[:len(cut)-1] // not within a character
		}
		s := strconv.Quote(string(cut))
		if len(cut) < len(b) {
			s = s[:len(s)-1] + `..."`
		}
		if len(s) <= most || n == 1 {
			return s
		}
	}
}
