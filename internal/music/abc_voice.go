package music

import (
	"math/bits"
	"strings"
)

// voice collects the music of one voice while it is read.
type voice struct {
	id         string
	shift      shift
	percussion bool
	move       int // semitones, by a directive
	elems      []elem
	parts      []partMark

	key   key
	metre metre
	unit  int64
	ticks int64 // written so far
	bars  []Bar

	barStart int64
	barOpen  bool // the bar begins beside the start, a repeat or a double bar
	layer    int  // of the bar: the one after the n-th &
	barEnd   int64
	inBar    map[int]int8 // accidentals of this bar by letter, or by step
	tied     [][]pitch    // by layer: notes of the last element that are tied to the next
	slack    bool         // whether the last element can take a > or <
	held     string       // the begin of a chord at the end of a line, which the next one ends

	brokenNum, brokenDen int64 // factor for the next element, 0 if none
	tuplet               tuplet
}

// pitch is a note as written (step: 7 per octave) and as it sounds.
type pitch struct{ step, note int }

// tuplet says that the next notes last num/den of what is written.
type tuplet struct {
	left     int
	num, den int64
	used     bool // for one note at least
}

// elem is one thing in the course of a voice.
type elem struct {
	kind   elemKind
	drum   bool // percussion
	layer  int
	ticks  int64 // by which a note or rest moves on, and elemBack goes back
	sounds []sound
	chord  *chord // nil ends the accompaniment
	bar    barline
	line   int
}

// sound is a note of an element.
type sound struct {
	pitch
	tied bool // to the next element
}

type elemKind uint8

const (
	elemNote elemKind = iota // a note, a chord or a rest
	elemChord
	elemBar
	elemBack // to the begin of the bar, for another layer
)

// barline is what repeats need to know about a bar line.
type barline struct {
	plays   int // how often a repeat that ends here is played, 0 if none ends
	more    int // likewise for one that begins here, 0 if none begins
	double  bool
	endings endings // that begin here
}

// endings are the numbers of an ending: bit n is set if it is played in pass n.
type endings uint64

// maxEnding is the highest number of an ending.
const maxEnding = 32

func (e endings) has(pass int) bool { return e>>pass&1 != 0 }
func (e endings) first() int        { return bits.TrailingZeros64(uint64(e)) }
func (e endings) last() int         { return bits.Len64(uint64(e)) - 1 }

// partMark says that a part begins at an element.
type partMark struct {
	name byte
	at   int
	own  bool // it stands in this voice
}

func (v *voice) begin(r *abcReader) {
	v.key, v.metre, v.unit, v.move, v.barOpen = r.key, r.metre, r.unit, r.move, true
	v.percussion = v.percussion || r.percussion
}

// tiedHere returns the tied notes of the current layer.
func (v *voice) tiedHere() []pitch {
	if v.layer < len(v.tied) {
		return v.tied[v.layer]
	}
	return nil
}

func (v *voice) setTied(p []pitch) {
	for len(v.tied) <= v.layer {
		v.tied = append(v.tied, nil)
	}
	v.tied[v.layer] = p
}

// endBar notes the length of the bar that ends here. open says that this bar line is one
// beside which a bar may be short.
func (v *voice) endBar(line int, open bool) {
	v.endLayers(line)
	if length := v.ticks - v.barStart; length > 0 {
		v.bars = append(v.bars, Bar{
			Voice: v.id, Line: line,
			Length: float64(length) / wholeNote, Metre: float64(v.metre.ticks) / wholeNote,
			Open: open || v.barOpen,
		})
		v.barOpen = open
	} else {
		v.barOpen = v.barOpen || open
	}
	v.barStart = v.ticks
	clear(v.inBar)
	v.slack = false
}

// nextLayer goes back to the begin of the bar.
func (v *voice) nextLayer(line int) {
	v.barEnd = max(v.barEnd, v.ticks)
	v.elems = append(v.elems, elem{kind: elemBack, ticks: v.ticks - v.barStart, line: line})
	v.ticks = v.barStart
	v.layer++
	clear(v.inBar)
	v.slack = false
}

// endLayers goes on from the end of the longest layer of the bar.
func (v *voice) endLayers(line int) {
	if v.layer == 0 {
		return
	}
	if v.barEnd > v.ticks {
		v.elems = append(v.elems, elem{kind: elemNote, layer: v.layer, ticks: v.barEnd - v.ticks, line: line})
		v.ticks = v.barEnd
	}
	v.layer, v.barEnd = 0, 0
}

// addBarline appends b, or joins it to a bar line with nothing between: ":|" at the end of
// a line and "|:" or "[2" at the start of the next are one.
func (v *voice) addBarline(b barline, line int) {
	if n := len(v.elems); n > 0 && v.elems[n-1].kind == elemBar {
		v.elems[n-1].bar.join(b)
		return
	}
	v.elems = append(v.elems, elem{kind: elemBar, bar: b, line: line})
}

// partMark notes that a part begins, if it has the name of a part. In a tune with several voices the mark may stand in
// each of them, or in one for all.
func (r *abcReader) partMark(value string) {
	value = strings.Trim(value, ` ."()`)
	if len(value) != 1 || value[0] < 'A' || value[0] > 'Z' {
		return // "segno", "Chorus", "2"
	}
	current := r.current()
	for _, v := range r.voices {
		v.parts = append(v.parts, partMark{value[0], len(v.elems), v == current})
	}
}
