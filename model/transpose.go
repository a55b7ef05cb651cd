package model

import (
	"cmp"
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// transposer moves the pieces of a train split up or down by some keys, each anew in every epoch:
// with probability prob by a number of semitones drawn from -most..most, all with the same
// probability, 0 among them. Where a note of the piece would leave the keyboard, fewer are drawn
// from: those that keep all its notes. So no note is ever lost, and a piece over the whole keyboard
// stays where it is.
//
// The draw depends on the seed, the epoch and the place of the piece in the split alone.
type transposer struct {
	most int
	prob float64
	seed uint64

	moved    []Sequence // what the epoch sees
	shifts   []shifted
	down, up []int     // of each piece, how far it may go
	u        []float32 // [pieces, 2]
}

// newTransposer looks for the lowest and the highest note of each piece.
func newTransposer(d *Data, config TrainConfig) (*transposer, error) {
	if d.Form.Kind != FormRoll || len(d.Form.Scale) > 0 {
		return nil, fmt.Errorf("model: transpose moves the notes of piano rolls, which data set %q does not hold", d.Name)
	}
	n := len(d.Train)
	t := &transposer{most: config.Transpose, prob: cmp.Or(config.TransposeProb, 0.5), seed: config.Seed,
		moved: make([]Sequence, n), shifts: make([]shifted, n), down: make([]int, n), up: make([]int, n), u: make([]float32, 2*n)}
	for i := range n {
		t.shifts[i] = shifted{seq: &d.Train[i], dim: d.Dim}
		t.down[i], t.up[i] = t.most, t.most
	}
	return t, walk(d.Train, d.Dim, func(i, _ int, row []float32) error {
		for j, v := range row {
			if v != 0 {
				t.down[i], t.up[i] = min(t.down[i], j), min(t.up[i], d.Dim-1-j)
			}
		}
		return nil
	})
}

// epoch returns the pieces as they are in an epoch, until the next call.
func (t *transposer) epoch(epoch int) []Sequence {
	kernels.Uniforms(t.u, kernels.Noise{Seed: t.seed, Stream: streamTranspose, Update: uint32(epoch)}, 0, 0, len(t.moved), 2)
	for i := range t.moved {
		s := &t.shifts[i]
		t.moved[i] = *s.seq
		if u := t.u[2*i:]; float64(u[0]) < t.prob {
			s.by = int(math.Floor(float64(float64(u[1])*float64(t.down[i]+t.up[i]+1)))) - t.down[i]
			t.moved[i].Source = s
		}
	}
	return t.moved
}

// shifted is a sequence whose values are some dimensions further up, or down where by is negative.
type shifted struct {
	seq     *Sequence
	by, dim int
}

// Steps implements [Source].
func (s *shifted) Steps() int { return s.seq.Steps(s.dim) }

// Read implements [Source].
func (s *shifted) Read(dst []float32, from int) {
	s.seq.Read(dst, from, s.dim)
	for ; len(dst) >= s.dim; dst = dst[s.dim:] {
		row := dst[:s.dim]
		if s.by >= 0 {
			copy(row[s.by:], row)
			clear(row[:s.by])
		} else {
			copy(row, row[-s.by:])
			clear(row[s.dim+s.by:])
		}
	}
}
