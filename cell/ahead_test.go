package cell

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestAheadBits: a few steps at a time, with and without memory for the gates of all, give the bits of
// one product for all steps and one step after the other.
func TestAheadBits(t *testing.T) {
	blastest.UseGo(t)
	defer func(was int) { aheadBytes = was }(aheadBytes)
	aheadBytes = 1 // so at least aheadRows rows
	counts := []int{1, 2, 3}
	if testing.Short() {
		counts = []int{3}
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		for name, l := range layers[float32](5, 22, rng) {
			for _, lengths := range [][]int{{40}, {9, 9, 9, 9, 9}, {30, 29, 14, 4, 1, 0}, slices.Repeat([]int{3}, aheadRows+1)} {
				p := newProblem(l, rng, lengths...)
				s := NewSequence[float32]()
				s.Begin(l, p.shape, p.h0, p.c0)
				l.Project(s, p.x, 0, p.shape.Rows(), 0, l.In)
				for i := range p.shape.Steps() {
					l.Step(s, i, 0, p.shape.Batch())
				}
				for _, training := range []bool{false, true} {
					l.pack("TestAheadBits", training)
					for _, threads := range counts {
						for _, spin := range []bool{false, true} {
							got := NewSequence[float32]()
							shareAlways(t, spin)
							l.Forward(got, p.shape, p.x, p.h0, p.c0, threads)
							what := fmt.Sprintf("%s %v training=%v threads=%d spin=%v: ", name, lengths, training, threads, spin)
							asmtest.SameFloats(t, what+"H", got.H, s.H)
							asmtest.SameFloats(t, what+"HPrev", got.HPrev, s.HPrev)
							asmtest.SameFloats(t, what+"C", got.C, s.C)
							if training {
								asmtest.SameFloats(t, what+"gates", got.gates, s.gates)
							}
						}
					}
				}
			}
		}
	})
}

// TestTape: Forward takes memory for the gates of all steps only where they can go backward.
func TestTape(t *testing.T) {
	l := NewRecurrent[float32](LSTM, 5, 40)
	shape := NewRagged(slices.Repeat([]int{500}, 4)...)
	x := make([]float32, shape.Rows()*l.In)
	for _, training := range []bool{false, true} {
		l.pack("TestTape", training)
		s := NewSequence[float32]()
		l.Forward(s, shape, x, nil, nil, 2)
		rows := len(s.gates) / l.stride()
		if training && rows != shape.Rows() || !training && rows > l.ahead() {
			t.Errorf("training = %v: gates of %d rows of %d, %d of which are projected at once", training, rows, shape.Rows(), l.ahead())
		}
		s.Final(make([]float32, 4*40), nil)
	}
}
