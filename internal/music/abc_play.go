package music

import (
	"fmt"
	"slices"
)

// endVoice closes a voice at the end of its tune: it plays the elements in order, with
// repeats, and adds what sounds to the tune.
func (r *abcReader) endVoice(t *Tune, v *voice) error {
	if v.held != "" {
		return &lineError{line: r.line, text: fmt.Sprintf("voice %.20s: the chord %.40q does not end", v.id, v.held)}
	}
	if v.brokenDen != 0 {
		return &lineError{line: v.elems[len(v.elems)-1].line, text: fmt.Sprintf("voice %.20s: broken rhythm without a note after it", v.id)}
	}
	v.endBar(r.line, true)
	if n := len(v.bars); n > 0 {
		v.bars[n-1].Open = true
	}
	t.Bars = append(t.Bars, v.bars...)
	order, err := r.playOrder(v)
	if err != nil {
		return err
	}
	p := player{tune: t, voice: v, held: make([]map[int]int, maxLayers+1)}
	for _, i := range order {
		if err := p.play(&v.elems[i]); err != nil {
			return err
		}
	}
	p.endChord()
	if p.drums > 0 {
		r.remark(p.drums, "notes of percussion voices are left out", func() string { return r.place(r.start, 0) })
	}
	if p.outside > 0 {
		r.remark(p.outside, outsideRemark, func() string { return r.place(r.start, 0) })
	}
	t.ticks = max(t.ticks, p.now)
	return nil
}

// maxEvents is the most notes of a tune after repeats.
const maxEvents = 1 << 20

// player adds what a voice sounds to its tune.
type player struct {
	tune           *Tune
	voice          *voice
	now            int64
	chord          *chord
	chordStart     int64
	held           []map[int]int // by layer: the events of notes that are tied to the next element
	drums, outside int
}

func (p *player) play(e *elem) error {
	switch e.kind {
	case elemChord:
		p.endChord()
		p.chordStart = p.now
		p.chord = e.chord.transpose(p.voice.shift.transpose + p.voice.key.shift.transpose)
		return nil
	case elemBack:
		p.now -= e.ticks
		return nil
	}
	if e.ticks > maxTicks-p.now || len(p.tune.events) > maxEvents {
		return &lineError{line: e.line, text: fmt.Sprintf("voice %.20s is longer than %d whole notes when it is played", p.voice.id, maxTicks/wholeNote)}
	}
	var next map[int]int
	for _, s := range e.sounds {
		k, ok := p.held[e.layer][s.note]
		switch {
		case e.drum:
			p.drums++
			continue
		case s.note < Lowest || s.note > Highest:
			p.outside++
			continue
		case ok && p.tune.events[k].end == p.now:
			p.tune.events[k].end = p.now + e.ticks
		default:
			k = len(p.tune.events)
			p.tune.events = append(p.tune.events, event{p.now, p.now + e.ticks, uint8(s.note)})
		}
		if s.tied {
			if next == nil {
				next = map[int]int{}
			}
			next[s.note] = k
		}
	}
	p.held[e.layer] = next
	p.now += e.ticks
	return nil
}

// endChord adds what the chord symbol of now sounds.
func (p *player) endChord() {
	if p.chord != nil && p.now > p.chordStart {
		for _, n := range p.chord.notes() {
			p.tune.events = append(p.tune.events, event{p.chordStart, p.now, n})
		}
	}
}

// playOrder returns the elements of a voice in the order in which they are played: part by
// part if there is an order of parts and the parts are there.
func (r *abcReader) playOrder(v *voice) ([]int, error) {
	parts := v.sections()
	missing := slices.ContainsFunc(r.order, func(name byte) bool { _, ok := parts[name]; return !ok })
	if len(r.order) == 0 || missing {
		if missing {
			r.remark(1, "part orders (P:) name parts that are not there, and are not followed", func() string { return r.place(r.start, 0) })
		}
		return r.repeats(v, nil, 0, len(v.elems))
	}
	first := len(v.elems)
	for _, p := range parts {
		first = min(first, p[0])
	}
	out, err := r.repeats(v, nil, 0, first) // what comes before the first part
	for _, name := range r.order {
		if err != nil {
			break
		}
		out, err = r.repeats(v, out, parts[name][0], parts[name][1])
	}
	return out, err
}

// sections returns where each part begins and ends. A mark in the voice itself counts more
// than one in another voice, and the first of a name more than others.
func (v *voice) sections() map[byte][2]int {
	chosen := map[byte]partMark{}
	for _, own := range []bool{true, false} {
		for _, p := range v.parts {
			if _, ok := chosen[p.name]; !ok && p.own == own {
				chosen[p.name] = p
			}
		}
	}
	sections := map[byte][2]int{}
	for name, p := range chosen {
		end := len(v.elems)
		for _, q := range v.parts {
			if q.at > p.at && (q.own || q == chosen[q.name]) {
				end = min(end, q.at)
			}
		}
		sections[name] = [2]int{p.at, end}
	}
	return sections
}

// piece puts t on a grid of stepsPerQuarter steps to the quarter note: the notes that sound
// when a step begins. lost is how many notes begin and end between two steps.
func (t *Tune) piece(stepsPerQuarter int) (p Piece, lost int) {
	whole, _, lost := t.onGrid(stepsPerQuarter)
	return newPiece(t.Name, t.steps(stepsPerQuarter), whole), lost
}

// onGrid returns the notes on a grid, and the first steps of each.
func (t *Tune) onGrid(stepsPerQuarter int) (whole, first []timed, lost int) {
	for _, e := range t.events {
		n := timed{ceilStep(e.start, stepsPerQuarter), ceilStep(e.end, stepsPerQuarter), e.note}
		if n.first < n.end {
			whole = append(whole, n)
			first = append(first, timed{n.first, n.first + 1, n.note})
		} else {
			lost++
		}
	}
	return whole, first, lost
}

// Rolls returns t on a grid of stepsPerQuarter steps to the quarter note, 1 to MaxGrid: the
// notes that sound when a step begins, and of these the ones that are struck there and not
// held from before. A note that begins and ends between two steps is not heard; OnGrid
// tells whether there is one that does not fit.
func (t *Tune) Rolls(stepsPerQuarter int) (sounding, struck Roll) {
	whole, first, _ := t.onGrid(checkGrid(stepsPerQuarter))
	steps := t.steps(stepsPerQuarter)
	a, b := newPiece("", steps, whole), newPiece("", steps, first)
	return a.Roll(), b.Roll()
}

// OnGrid tells whether every note of t begins and ends with a step.
func (t *Tune) OnGrid(stepsPerQuarter int) bool {
	g := 4 * int64(checkGrid(stepsPerQuarter))
	for _, e := range t.events {
		if e.start*g%wholeNote != 0 || e.end*g%wholeNote != 0 {
			return false
		}
	}
	return true
}

func (t *Tune) steps(stepsPerQuarter int) int { return int(ceilStep(t.ticks, stepsPerQuarter)) }

// ceilStep is the first step that begins at a time or after it.
func ceilStep(ticks int64, stepsPerQuarter int) int32 {
	return int32((ticks*4*int64(stepsPerQuarter) + wholeNote - 1) / wholeNote)
}

func checkGrid(stepsPerQuarter int) int {
	if stepsPerQuarter < 1 || stepsPerQuarter > MaxGrid {
		panic(fmt.Sprintf("music: Tune: stepsPerQuarter = %d, want 1 to %d", stepsPerQuarter, MaxGrid))
	}
	return stepsPerQuarter
}
