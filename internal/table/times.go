package table

import (
	"bytes"
	"strings"
)

// isTime reports whether b is a date, a time of day, both, or a span of time, as programs
// write them: 2020-01-31, 31.01.2020, 1/31/20, 31-Jan-2020, 2020-01-31T12:30:00.5+01:00,
// 12:30, 9:05:00 PM, 3 days 00:10:00, Fri Jan 31 12:30:00 2020, 2020-Q1.
func isTime(b []byte) bool {
	if len(b) < 4 || len(b) > 48 || !bytes.ContainsAny(b, ":-/.") && !hasLetter(b) {
		return false
	}
	c := clock{b: b}
	c.sign()
	if n, ok := c.digits(1, 9); ok && n >= 0 && (c.word("days") || c.word("day")) {
		c.skip(" ,")
		return c.done() || c.sign() && c.time() && c.done()
	}
	c = clock{b: b}
	if len(c.letters()) >= 3 && !isMonth(string(b[:c.i])) {
		c.skip(" ,") // a day of the week
	} else {
		c.i = 0
	}
	start := c.i
	if c.date() {
		if c.done() {
			return true
		}
		at := c.i
		if c.skip("Tt ,_"); c.i > at && c.stamp() && c.zone() && c.done() {
			return true
		}
	}
	c.i = start
	if c.monthDay() && c.skip(" ") && c.stamp() && c.skip(" ") { // as ctime writes it
		if len(c.letters()) > 0 {
			c.skip(" ") // the zone
		}
		if _, ok := c.digits(4, 4); ok && c.done() {
			return true
		}
	}
	c.i = start
	return start == 0 && c.time() && c.zone() && c.done()
}

func hasLetter(b []byte) bool {
	return bytes.ContainsFunc(b, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' })
}

// clock reads b from i on. Its methods read a part of a time and report whether it was
// there; i is anywhere within the part if it was not.
type clock struct {
	b []byte
	i int
}

func (c *clock) done() bool { return c.i == len(c.b) }

func (c *clock) sign() bool {
	if !c.done() && (c.b[c.i] == '-' || c.b[c.i] == '+') {
		c.i++
	}
	return true
}

// skip passes over any number of the characters.
func (c *clock) skip(set string) bool {
	for !c.done() && strings.IndexByte(set, c.b[c.i]) >= 0 {
		c.i++
	}
	return true
}

// one reads one of the characters.
func (c *clock) one(set string) (byte, bool) {
	if c.done() || strings.IndexByte(set, c.b[c.i]) < 0 {
		return 0, false
	}
	c.i++
	return c.b[c.i-1], true
}

// word reads a word in small letters or capitals, after blanks.
func (c *clock) word(w string) bool {
	at := c.i
	c.skip(" ")
	if len(c.b)-c.i >= len(w) && strings.EqualFold(string(c.b[c.i:c.i+len(w)]), w) {
		c.i += len(w)
		return true
	}
	c.i = at
	return false
}

func (c *clock) letters() string {
	from := c.i
	for !c.done() && (c.b[c.i]|0x20 >= 'a' && c.b[c.i]|0x20 <= 'z') {
		c.i++
	}
	return string(c.b[from:c.i])
}

// digits reads a number of at least min and at most max digits that no digit follows.
func (c *clock) digits(least, most int) (n int, ok bool) {
	from := c.i
	for !c.done() && c.b[c.i] >= '0' && c.b[c.i] <= '9' {
		if c.i-from == most {
			return 0, false
		}
		n = 10*n + int(c.b[c.i]-'0')
		c.i++
	}
	return n, c.i-from >= least
}

func isMonth(s string) bool {
	if len(s) < 3 {
		return false
	}
	for _, m := range []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"} {
		if len(s) <= len(m) && strings.EqualFold(s, m[:len(s)]) {
			return true
		}
	}
	return strings.EqualFold(s, "sept")
}

// date reads a date in any order of its parts.
func (c *clock) date() bool {
	from := c.i
	a, ok := c.digits(1, 8)
	switch n := c.i - from; {
	case n == 0:
		return c.monthDay() && c.skip(" ,") && c.year(2)
	case n == 8: // 20200131, only if a time follows
		return !c.done() && c.b[c.i]|0x20 == 't' && day(a%100) && month(a/100%100)
	case n == 4:
		return c.yearFirst()
	case !ok || n > 2:
		return false
	}
	sep, ok := c.one("-/. ")
	at := c.i
	if isMonth(c.letters()) {
		if _, same := c.one(string(sep)); !same {
			c.skip(" ")
		}
		return ok && day(a) && c.year(2)
	}
	c.i = at
	b, two := c.digits(1, 2)
	_, same := c.one(string(sep))
	return ok && sep != ' ' && two && same && (day(a) && month(b) || month(a) && day(b)) && c.year(2)
}

// yearFirst reads what follows the four digits of a year.
func (c *clock) yearFirst() bool {
	sep, _ := c.one("-/.")
	if q, ok := c.one("QqWwM"); ok {
		n, ok := c.digits(1, 2)
		return ok && n > 0 && (n <= 4 || n <= 53 && q|0x20 == 'w' || month(n))
	}
	if sep == 0 {
		return false
	}
	if at := c.i; !isMonth(c.letters()) {
		c.i = at
		if m, ok := c.digits(1, 2); !ok || !month(m) {
			return false
		}
	}
	if c.done() {
		return sep != '.' // a month; with a point it is a number
	}
	_, same := c.one(string(sep))
	d, ok := c.digits(1, 2)
	return same && ok && day(d)
}

// monthDay reads Jan 31.
func (c *clock) monthDay() bool {
	if !isMonth(c.letters()) {
		return false
	}
	c.skip(" ")
	d, ok := c.digits(1, 2)
	return ok && day(d)
}

func (c *clock) year(least int) bool {
	from := c.i
	_, ok := c.digits(least, 4)
	return ok && c.i-from != 3
}

func day(n int) bool   { return n >= 1 && n <= 31 }
func month(n int) bool { return n >= 1 && n <= 12 }

// stamp reads a time of day as it follows a date: with colons, without them, or the hour
// alone with a zone.
func (c *clock) stamp() bool {
	at := c.i
	if c.time() {
		return true
	}
	c.i = at
	n, ok := c.digits(4, 6)
	return ok && c.i-at != 5 && n < 250000
}

// time reads a time of day.
func (c *clock) time() bool {
	h, ok := c.digits(1, 2)
	sep, _ := c.one(":.")
	if !ok || h > 24 || sep == 0 {
		return false
	}
	if m, ok := c.digits(2, 2); !ok || m > 59 {
		return false
	}
	if _, same := c.one(string(sep)); !same && sep == '.' {
		return false // 12.30 is a number
	} else if same {
		if s, ok := c.digits(2, 2); !ok || s > 60 {
			return false
		}
		if _, point := c.one(".,:"); point {
			if _, ok := c.digits(1, 12); !ok {
				return false
			}
		}
	}
	_ = c.word("am") || c.word("pm") || c.word("a.m.") || c.word("p.m.")
	return true
}

// zone reads a zone, which may be absent.
func (c *clock) zone() bool {
	if c.done() {
		return true
	}
	c.skip(" ")
	if n := len(c.letters()); n > 5 {
		return false
	}
	if _, signed := c.one("+-"); !signed {
		return true
	}
	if _, ok := c.digits(1, 4); !ok {
		return false
	}
	if _, colon := c.one(":"); colon {
		_, ok := c.digits(2, 2)
		return ok
	}
	return true
}
