package music

import (
	"fmt"
	"slices"
)

// endVoice closes a voice at the end of its tune: it plays the elements in order, with
// repeats, and adds what sounds to the tune.
func (r *abcReader) endVoice(t *Tune, v *voice) error {
	if v.tuplet.left > 0 {
		return fmt.Errorf("%s:%d:1: voice %s: a tuplet lacks %d notes", r.file, v.tuplet.line, v.id, v.tuplet.left)
	}
	if v.brokenDen != 0 {
		return fmt.Errorf("%s:%d:1: voice %s: broken rhythm without a note after it", r.file, v.elems[len(v.elems)-1].line, v.id)
	}
	v.endBar(r.line, true)
	if n := len(v.bars); n > 0 {
		v.bars[n-1].Open = true
	}
	t.Bars = append(t.Bars, v.bars...)
	order, err := v.order()
	if err != nil {
		return fmt.Errorf("%s:%w", r.file, err)
	}

	var now, chordStart int64
	var chordNow *chord
	endChord := func() {
		if chordNow != nil && now > chordStart {
			for _, n := range chordNow.notes() {
				t.events = append(t.events, event{chordStart, now, n})
			}
		}
	}
	held := map[uint8]int{} // events that are tied to the next element
	for _, i := range order {
		e := &v.elems[i]
		if e.kind == elemChord {
			endChord()
			chordStart = now
			chordNow = e.chord.transpose(v.shift.transpose + v.key.shift.transpose)
			continue
		}
		if e.ticks > maxTicks-now {
			return fmt.Errorf("%s:%d:1: voice %s is longer than %d whole notes when it is played", r.file, e.line, v.id, maxTicks/wholeNote)
		}
		next := map[uint8]int{}
		for _, n := range e.notes {
			k, ok := held[n]
			if ok {
				t.events[k].end = now + e.ticks
			} else {
				k = len(t.events)
				t.events = append(t.events, event{now, now + e.ticks, n})
			}
			if slices.Contains(e.tied, n) {
				next[n] = k
			}
		}
		held = next
		now += e.ticks
	}
	endChord()
	t.ticks = max(t.ticks, now)
	return nil
}

// order returns the notes and chord symbols of a voice in the order in which they are
// played. A part that is repeated begins at |:, else after the last :| or double bar, else
// at the start.
func (v *voice) order() ([]int, error) {
	var out []int
	var start, pass, passes int
	var explicit bool // the part began with |:
	var last bool     // in an ending of the last pass
	begin := func(at int, isExplicit bool) {
		start, pass, explicit, last = at, 1, isExplicit, false
		passes = v.passes(at, isExplicit)
	}
	begin(0, false)
	for i := 0; i < len(v.elems); i++ {
		e := &v.elems[i]
		if e.kind != elemBar {
			out = append(out, i)
			continue
		}
		b := &e.bar
		switch {
		case b.endRepeat && pass < passes:
			pass++
			i = start - 1
			continue
		case b.endRepeat && b.endings != nil:
			// The last pass took an earlier ending: the later ones are over.
			for i++; i < len(v.elems) && !v.elems[i].bar.endsPart(); i++ {
			}
			begin(i+1, i < len(v.elems) && v.elems[i].bar.startRepeat)
			continue
		case b.endRepeat || b.startRepeat:
			begin(i+1, b.startRepeat)
		case b.double && (!explicit || last):
			begin(i+1, false)
		}
		if b.endings == nil {
			continue
		}
		if last {
			return nil, fmt.Errorf("%d:1: voice %s: an ending after the last ending of its part", e.line, v.id)
		}
		for !slices.Contains(b.endings, pass) {
			for i++; i < len(v.elems) && v.elems[i].bar.endings == nil && !v.elems[i].bar.startRepeat; i++ {
			}
			if i == len(v.elems) || v.elems[i].bar.startRepeat {
				return nil, fmt.Errorf("%d:1: voice %s: no ending for repeat %d of the part", e.line, v.id, pass)
			}
			b = &v.elems[i].bar
		}
		last = pass == passes
	}
	return out, nil
}

// endsPart tells whether a part that is in its last ending ends here.
func (b *barline) endsPart() bool {
	return b.endings == nil && (b.endRepeat || b.startRepeat || b.double)
}

// passes says how often the part that begins at elems[start] is played if it ends in :|.
// start may be past the end. A part that did not begin with |: ends at a double bar, so
// that this looks at few elements even if there are many double bars.
func (v *voice) passes(start int, explicit bool) int {
	most := 0
	for i := start; i < len(v.elems); i++ {
		if v.elems[i].kind != elemBar {
			continue
		}
		b := &v.elems[i].bar
		if b.startRepeat || b.endings != nil && slices.Min(b.endings) <= most ||
			b.endings == nil && (b.endRepeat || b.double && (most > 0 || !explicit)) {
			break
		}
		for _, n := range b.endings {
			most = max(most, n)
		}
	}
	return max(most, 2)
}

// Rolls returns t on a grid of stepsPerQuarter steps to the quarter note, 1 to 64: the
// notes that sound when a step begins, and of these the ones that are struck there and not
// held from before. A note that begins and ends between two steps is not heard; OnGrid
// tells whether there is one that does not fit.
func (t *Tune) Rolls(stepsPerQuarter int) (sounding, struck Roll) {
	g := t.grid(stepsPerQuarter)
	ceil := func(ticks int64) int { return int((ticks*g + wholeNote - 1) / wholeNote) }
	var whole, first []span
	for _, e := range t.events {
		s := span{ceil(e.start), ceil(e.end), e.note}
		if s.first < s.end {
			whole = append(whole, s)
			first = append(first, span{s.first, s.first + 1, s.note})
		}
	}
	steps := ceil(t.ticks)
	return fill(steps, whole), fill(steps, first)
}

// OnGrid tells whether every note of t begins and ends with a step.
func (t *Tune) OnGrid(stepsPerQuarter int) bool {
	g := t.grid(stepsPerQuarter)
	for _, e := range t.events {
		if e.start*g%wholeNote != 0 || e.end*g%wholeNote != 0 {
			return false
		}
	}
	return true
}

// grid is the number of steps of a whole note.
func (t *Tune) grid(stepsPerQuarter int) int64 {
	if stepsPerQuarter < 1 || stepsPerQuarter > 64 {
		panic(fmt.Sprintf("music: Tune: stepsPerQuarter = %d, want 1 to 64", stepsPerQuarter))
	}
	return 4 * int64(stepsPerQuarter)
}
