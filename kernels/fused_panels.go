package kernels

import (
	"math"
	"slices"
	"unsafe"

	"github.com/elbow-go/elbow/internal/pages"
)

// lineFloats is how many elements a cache line has.
const lineFloats = 16

// The panels of the machine code. A panel is what one tile of a product reads, step by step:
// the weights of up to four vectors of outputs. There are two kinds of sets.
//
//	gates    [panel][k][gate][lane]      a panel has all gates of a vector of units
//	columns  [panel][k][vector][lane]    a panel has four vectors of units side by side
//
// Lanes beyond the last unit are +0. In the last panel of columns there may be fewer vectors.
//
// Of weights in bfloat16 the pairs of full panels are in words, two steps in each, the even one
// in the lower half; only what is left behind them is in data.
type panelSet struct {
	data  []float32
	room  []float32 // data is in here, at the start of a cache line
	words []uint32
	first int // unit with which data starts
	lanes int
	units int
	steps int // k
	gates int // of a set of gates, or 0
}

// stepPanels are the sets of one layer. The second ones are those of a GRU, reset-before
// form: the weights of n.
type stepPanels struct{ forward, backward [2]panelSet }

func (p *stepPanels) empty() bool { return len(p.forward[0].data) == 0 && len(p.forward[0].words) == 0 }

func (p *stepPanels) clear() {
	for i := range p.forward {
		p.forward[i].data, p.backward[i].data, p.forward[i].words = nil, nil, nil
	}
}

// halve turns forward panels, whose weights have been rounded, into words.
func (p *stepPanels) halve() {
	for i := range p.forward {
		p.forward[i].halve()
	}
}

func (s *panelSet) halve() {
	if len(s.data) == 0 {
		return
	}
	pairs := s.units / (2 * s.width())
	first, row := pairs*2*s.width(), s.vecs(0)*s.lanes
	s.words = make([]uint32, 2*pairs*s.wordSteps()*row)
	for u := 0; u < first; u += s.width() {
		panel, words := s.data[s.at(u):][:s.steps*row], s.words[s.wordsAt(u):]
		for i, x := range panel {
			k, at := i/row, i%row
			words[k/2*row+at] |= math.Float32bits(x) >> 16 << (k % 2 * 16)
		}
	}
	s.data, s.room, s.first = slices.Clone(s.data[s.at(first):]), nil, first
}

// wordSteps is the number of words for the steps of a panel.
func (s *panelSet) wordSteps() int { return (s.steps + 1) / 2 }

// wordsAt is at for words.
func (s *panelSet) wordsAt(unit int) int {
	return unit / s.width() * s.wordSteps() * s.vecs(unit) * s.lanes
}

// wordsFrom is the place of the words of step k, which is even, in the panel of a unit.
func (s *panelSet) wordsFrom(unit, k int) *float32 {
	return (*float32)(unsafe.Pointer(&s.words[s.wordsAt(unit)+k/2*s.vecs(unit)*s.lanes]))
}

// packLanes packs the weights of a layer for vectors of the given length.
func (p *stepPanels) packLanes(kind StepKind, whh []float32, h, lanes int, training bool) {
	n := whh[min(len(whh), 2*h*h):] // of a GRU
	switch kind {
	case StepRNN:
		p.forward[0].packT(whh, lanes, h, h, 0)
	case StepLSTM:
		p.forward[0].packT(whh, lanes, h, h, 4)
	case StepGRU:
		p.forward[0].packT(whh, lanes, h, h, 3)
	case StepGRUBefore:
		p.forward[0].packT(whh, lanes, h, h, 2)
		p.forward[1].packT(n, lanes, h, h, 0)
	}
	switch {
	case !training:
	case kind == StepGRUBefore:
		p.backward[0].pack(whh, lanes, h, 2*h)
		p.backward[1].pack(n, lanes, h, h)
	default:
		p.backward[0].pack(whh, lanes, h, kind.Gates()*h)
	}
}

// width is the number of units of a panel, and vecs of its vectors.
func (s *panelSet) width() int {
	if s.gates > 0 {
		return s.lanes
	}
	return 4 * s.lanes
}

func (s *panelSet) vecs(unit int) int {
	if s.gates > 0 {
		return s.gates
	}
	return min(4, (s.units-unit+s.lanes-1)/s.lanes)
}

// at is the place of the panel that starts with a unit; all panels before it are full.
func (s *panelSet) at(unit int) int { return (unit - s.first) * max(1, s.gates) * s.steps }

// from is the place of what is elements behind step k in the panel of a unit, or nil if there
// is nothing.
func (s *panelSet) from(unit, k, elements int) *float32 {
	if unit < s.first || unit >= s.units {
		return nil
	}
	at := s.at(unit) + k*s.vecs(unit)*s.lanes + elements
	if at >= len(s.data) {
		return nil
	}
	return &s.data[at]
}

func (s *panelSet) resize(lanes, units, steps, gates int) {
	s.lanes, s.units, s.steps, s.gates, s.first = lanes, units, steps, gates, 0
	n := (units + lanes - 1) / lanes * lanes * max(1, gates) * steps
	if cap(s.room) < n+lineFloats {
		s.room = pages.Make[float32](n + lineFloats)
	}
	s.room = s.room[:n+lineFloats]
	off := int(-uintptr(unsafe.Pointer(&s.room[0]))/4) & (lineFloats - 1)
	s.data = s.room[off : off+n]
}

// packSteps is how many steps of a panel are packed before the next ones: they stay in the
// first cache while the lanes are filled in.
const packSteps = 64

// packT packs weights [gates*units, steps], or [units, steps] into columns if gates is 0.
func (s *panelSet) packT(w []float32, lanes, units, steps, gates int) {
	s.resize(lanes, units, steps, gates)
	for u := 0; u < units; u += s.width() {
		vecs := s.vecs(u)
		panel := s.data[s.at(u):][:steps*vecs*lanes]
		for k0 := 0; k0 < steps; k0 += packSteps {
			k1 := min(steps, k0+packSteps)
			for v := range vecs {
				unit, row := u, v*units+u
				if gates == 0 {
					unit, row = u+v*lanes, u+v*lanes
				}
				for lane := range lanes {
					at := (k0*vecs+v)*lanes + lane
					if unit+lane >= units {
						for range k1 - k0 {
							panel[at] = 0
							at += vecs * lanes
						}
						continue
					}
					for _, x := range w[(row+lane)*steps:][k0:k1] {
						panel[at] = flushDenormal(x)
						at += vecs * lanes
					}
				}
			}
		}
	}
}

// pack packs weights [steps, units] into columns.
func (s *panelSet) pack(w []float32, lanes, units, steps int) {
	s.resize(lanes, units, steps, 0)
	for u := 0; u < units; u += s.width() {
		width := s.vecs(u) * lanes
		panel := s.data[s.at(u):][:steps*width]
		n := min(width, units-u)
		for k := range steps {
			dst := panel[k*width:][:width]
			for j, x := range w[k*units+u:][:n] {
				dst[j] = flushDenormal(x)
			}
			clear(dst[n:])
		}
	}
}

// fusedOp is one pass of a fused step: a product and what follows each block of it.
type fusedOp uint8

const (
	opRNN fusedOp = iota
	opLSTM
	opGRU
	opGRUReset
	opGRUUpdate
	opRNNBackward
	opLSTMBackward
	opGRUBackward
	opGRUUpdateBackward
	opGRUResetBackward
	opRecurrentGrad
)

// A lateTile is the rows and the first unit of a tile whose gates are yet to be computed.
type lateTile struct{ row, rows, unit int }

// fusedStep has the arguments of one fused step.
type fusedStep struct {
	op                       fusedOp
	act                      Activation
	part                     StepPart
	batch, next, hidden, ldg int
	hy, cy, gates, hx, cx    []float32
	bhn, peephole            []float32
	dgates, dcx, dhx, dh     []float32
	dnext, dcy               []float32

	late bool // gates are computed among the product of the next tile
	last lateTile
}
