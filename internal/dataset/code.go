package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/elbow-go/elbow/model"
)

// code turns raw values into those that a model sees, by a form.
type code struct {
	form  model.Form
	ascii [128]float32 // classes of text
	other map[rune]float32
}

func newCode(f model.Form) *code {
	c := &code{form: f}
	if f.Kind != model.FormText {
		return c
	}
	// The last symbol stands for all that the others do not have.
	unknown := float32(f.Classes - 1)
	for i := range c.ascii {
		c.ascii[i] = unknown
	}
	c.other = map[rune]float32{}
	i := float32(0)
	for _, r := range f.Symbols {
		if r < 128 {
			c.ascii[r] = i
		} else {
			c.other[r] = i
		}
		i++
	}
	return c
}

// encode encodes the raw values of rows of dim, beginning at dimension 0. Values are scaled
// in float64 and rounded once.
func (c *code) encode(dst []float32, raw []float64, dim int) {
	f := &c.form
	switch {
	case f.Kind == model.FormText:
		for i, v := range raw {
			dst[i] = c.class(rune(v))
		}
	case f.Kind == model.FormImage:
		for i, v := range raw {
			dst[i] = pixel(float32(v), f.Pixels)
		}
	case f.Levels > 0:
		step, last := 65536/float64(f.Levels), float64(f.Levels-1)
		for i, v := range raw {
			n := min(max(math.Floor((v+32768)/step), 0), last)
			dst[i] = float32(2*n/last - 1)
		}
	case len(f.Scale) == 0:
		for i, v := range raw {
			dst[i] = float32(v)
		}
	case len(f.Scale) == 1:
		for i, v := range raw {
			dst[i] = float32((v - f.Offset[0]) / f.Scale[0])
		}
	default:
		for i, v := range raw {
			j := i % dim
			dst[i] = float32((v - f.Offset[j]) / f.Scale[j])
		}
	}
}

func (c *code) class(r rune) float32 {
	if r >= 0 && r < 128 {
		return c.ascii[r]
	}
	if k, ok := c.other[r]; ok {
		return k
	}
	return float32(c.form.Classes - 1)
}

// encoded is a piece as a model sees it.
type encoded struct {
	*piece
	dim  int
	code *code
}

func (e encoded) Steps() int { return e.steps }

// scratch holds slices of raw values for encoded.Read.
var scratch = sync.Pool{New: func() any { return new([]float64) }}

// Read implements [model.Source].
func (e encoded) Read(dst []float32, from int) {
	buf := scratch.Get().(*[]float64)
	defer scratch.Put(buf)
	n := max(4096/e.dim, 1) * e.dim
	if cap(*buf) < n {
		*buf = make([]float64, n)
	}
	raw := (*buf)[:n]
	for len(dst) > 0 {
		n := min(n, len(dst))
		e.rows.Read(raw[:n], from)
		e.code.encode(dst[:n], raw[:n], e.dim)
		dst = dst[n:]
		from += n / e.dim
	}
}

// each calls f for all rows of raw values, in the order of the pieces.
func (s *set) each(f func(piece, step int, row []float64) error) error {
	if s.walk != nil {
		return s.walk(f)
	}
	n := max(4096/s.dim, 1)
	buf := make([]float64, n*s.dim)
	for i, p := range s.pieces {
		for at := 0; at < p.steps; at += n {
			k := min(n, p.steps-at)
			p.rows.Read(buf[:k*s.dim], at)
			for t := range k {
				if err := f(i, at+t, buf[t*s.dim:(t+1)*s.dim]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// moments returns the mean and the deviation of every dimension over the rows of the spans,
// in two passes. A dimension that does not vary has the deviation 1.
//
// seen, if it is not nil, sees every value in each of them.
func (s *set) moments(spans []span, seen *modes) (mean, std []float64, err error) {
	in := make([][]span, len(s.pieces))
	for _, at := range spans {
		in[at.piece] = append(in[at.piece], at)
	}
	n := make([]float64, s.dim) // values that are there
	over := func(add func(j int, v float64)) error {
		clear(n)
		return s.each(func(piece, step int, row []float64) error {
			for _, at := range in[piece] {
				if step < at.from || step >= at.to {
					continue
				}
				for j, v := range row {
					if v == v {
						n[j]++
						add(j, v)
					}
				}
			}
			return nil
		})
	}
	mean, std = make([]float64, s.dim), make([]float64, s.dim)
	if err := over(func(j int, v float64) {
		mean[j] += v
		seen.vote(j, v)
	}); err != nil {
		return nil, nil, err
	}
	for j := range mean {
		mean[j] /= max(n[j], 1)
	}
	if err := over(func(j int, v float64) {
		c := v - mean[j]
		std[j] += float64(c * c)
		seen.count(j, v)
	}); err != nil {
		return nil, nil, err
	}
	for j := range std {
		if std[j] = math.Sqrt(std[j] / max(n[j], 1)); std[j] == 0 {
			std[j] = 1
		}
		if math.IsInf(mean[j], 0) || math.IsInf(std[j], 0) {
			return nil, nil, fmt.Errorf("column %d (%s): the values are too large to be standardised", j+1, columnNames(s.form, s.dim)[j])
		}
	}
	return mean, std, nil
}

// modes finds values that dimensions have almost always: those that may have a majority by voting, every
// other value taking one vote away (Boyer and Moore), which are then counted. A nil one does nothing.
type modes struct {
	value        []float64
	votes, times []int
	n            []int // values of a dimension
}

func newModes(dim int) *modes {
	return &modes{value: make([]float64, dim), votes: make([]int, dim), times: make([]int, dim), n: make([]int, dim)}
}

func (m *modes) vote(j int, v float64) {
	switch {
	case m == nil:
	case m.votes[j] == 0:
		m.value[j], m.votes[j] = v, 1
	case m.value[j] == v:
		m.votes[j]++
	default:
		m.votes[j]--
	}
}

func (m *modes) count(j int, v float64) {
	if m == nil {
		return
	}
	m.n[j]++
	if m.value[j] == v {
		m.times[j]++
	}
}

// hash returns the SHA-256, in hex, of what a model sees: the form, the dimensions and the
// three parts with their sequences, in order, and then the conditions. Names do not count. A value that is
// infinite by now is an error.
func hash(d *model.Data) (sum string, err error) {
	h := sha256.New()
	form, err := json.Marshal(d.Form)
	if err != nil {
		panic("dataset: hash: " + err.Error()) // strings and finite numbers only
	}
	h.Write(form)
	var b []byte
	u64 := func(n int) { b = binary.LittleEndian.AppendUint64(b, uint64(n)) }
	u64(d.Dim)
	n := max((1<<14)/d.Dim, 1)
	x := make([]float32, n*d.Dim)
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		u64(len(seqs))
		for i := range seqs {
			s := &seqs[i]
			steps := s.Steps(d.Dim)
			u64(steps)
			if s.Binarise {
				b = append(b, 1)
			}
			for at := 0; at < steps; at += n {
				rows := x[:min(n, steps-at)*d.Dim]
				s.Read(rows, at, d.Dim)
				for j, v := range rows {
					if math.IsInf(float64(v), 0) && err == nil {
						err = fmt.Errorf("%s, step %d: %s: the value is too large", s.Name, at+j/d.Dim, columnNames(d.Form, d.Dim)[j%d.Dim])
					}
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
				}
				h.Write(b)
				b = b[:0]
			}
		}
	}
	if d.Given > 0 {
		for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
			for i := range seqs {
				for _, v := range seqs[i].Given {
					b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
				}
				h.Write(b)
				b = b[:0]
			}
		}
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)), err
}
