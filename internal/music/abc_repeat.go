package music

import "fmt"

// unroller walks over the elements of a voice as they are played, with repeats. What is
// repeated is a section: it begins at |:, else after the last :| or double bar, else at the
// start.
type unroller struct {
	reader *abcReader
	voice  *voice
	elems  []elem // up to the end of the part
	at     int    // the element it is at
	out    []int  // the notes and chord symbols as they are played

	start        int  // of the section
	pass, passes int  // how often the section has begun, and how often it is to begin
	explicit     bool // it began with |:
	ending, last bool // within a numbered ending, and in that of the last pass
}

// repeats appends the notes and chord symbols among elems[from:to] in the order in which
// they are played.
func (r *abcReader) repeats(v *voice, out []int, from, to int) ([]int, error) {
	u := unroller{reader: r, voice: v, elems: v.elems[:to], out: out, at: from}
	u.begin(from, 0)
	for ; u.at < to; u.at++ {
		e := &u.elems[u.at]
		if e.kind == elemBar {
			if err := u.bar(e); err != nil {
				return nil, err
			}
			continue
		}
		if u.out = append(u.out, u.at); len(u.out) > maxEvents {
			return nil, &lineError{line: e.line, text: "the repeats make the tune too long"}
		}
	}
	return u.out, nil
}

// begin begins a section. more is how often |: says that it is played, or 0.
func (u *unroller) begin(at, more int) {
	u.start, u.pass, u.explicit, u.ending, u.last = at, 1, more > 0, false, false
	u.passes = max(countPasses(u.elems, at, u.explicit), more)
}

// again goes back to the begin of the section.
func (u *unroller) again() {
	u.pass++
	u.ending = false
	u.at = u.start - 1
}

// bar does what a bar line says.
func (u *unroller) bar(e *elem) error {
	b := &e.bar
	switch {
	case b.plays > 0 && u.pass < u.passes:
		u.again()
		return nil
	case b.plays == 0 && b.endings != 0 && u.ending && u.pass < u.passes:
		u.remark(e, "endings lack the sign of repetition (:|), which is assumed")
		u.again()
		return nil
	case b.plays > 0 && b.endings != 0 && u.ending:
		// The last pass took an earlier ending: the later ones are over.
		if u.seek(func(b *barline) bool { return b.endings == 0 && (b.plays > 0 || b.more > 0 || b.double) }) {
			u.begin(u.at+1, u.elems[u.at].bar.more)
		}
		return nil
	case b.plays > 0 && b.endings != 0: // ":|2" after a repeat without a first ending
	case b.plays > 0 || b.more > 0:
		if u.explicit && b.plays == 0 && !u.ending && u.at > u.start {
			u.remark(e, "repeats (|:) begin and do not end before the next, and are played once")
		}
		u.begin(u.at+1, b.more)
	case b.double && (!u.explicit || u.last):
		u.begin(u.at+1, 0)
	}
	if b.endings == 0 {
		return nil
	}
	return u.enter(e)
}

// enter goes into the ending of this pass, which is this one or one further on.
func (u *unroller) enter(e *elem) error {
	if u.last {
		return &lineError{line: e.line, text: fmt.Sprintf("voice %.20s: an ending after the last ending of its part", u.voice.id)}
	}
	for b := &e.bar; !b.endings.has(u.pass); {
		found := u.seek(func(b *barline) bool { return b.endings != 0 || b.more > 0 || b.plays > 0 })
		if found {
			b = &u.elems[u.at].bar
		}
		if found && b.endings == 0 && b.plays > 0 && u.pass == u.passes {
			u.begin(u.at+1, b.more) // what follows :| without a number is the last ending
			return nil
		}
		if !found || b.endings == 0 {
			return &lineError{line: e.line, text: fmt.Sprintf("voice %.20s: no ending for repeat %d of the part", u.voice.id, u.pass)}
		}
	}
	u.ending, u.last = true, u.pass == u.passes
	return nil
}

// seek goes to the next bar line of a kind. It reports whether there is one.
func (u *unroller) seek(is func(b *barline) bool) bool {
	for u.at++; u.at < len(u.elems); u.at++ {
		if e := &u.elems[u.at]; e.kind == elemBar && is(&e.bar) {
			return true
		}
	}
	return false
}

func (u *unroller) remark(e *elem, what string) {
	u.reader.remark(1, what, func() string { return u.reader.place(e.line, 0) })
}

// countPasses says how often the part that begins at elems[start] is played if it ends in
// :|. start may be past the end. A part that did not begin with |: ends at a double bar, so
// that this looks at few elements even if there are many double bars.
func countPasses(elems []elem, start int, explicit bool) int {
	most, plays := 0, 2
	for i := start; i < len(elems); i++ {
		if elems[i].kind != elemBar {
			continue
		}
		b := &elems[i].bar
		plays = max(plays, b.plays)
		if b.more > 0 || b.endings != 0 && b.endings.first() <= most ||
			b.endings == 0 && (b.plays > 0 || b.double && (most > 0 || !explicit)) {
			break
		}
		most = max(most, b.endings.last())
	}
	return max(most, plays)
}
