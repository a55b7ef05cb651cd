package music

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
)

// randomPiece returns a piece and the roll that it should be.
func randomPiece(rng *rand.Rand, steps, notes int) (Piece, Roll) {
	var list []timed
	rows := make([]float32, steps*Dims)
	for range notes {
		first := rng.IntN(steps)
		n := timed{int32(first), int32(min(steps, first+1+rng.IntN(20))), uint8(Lowest + rng.IntN(Dims))}
		if rng.IntN(10) == 0 {
			n.note = 60 // often the same one
		}
		list = append(list, n)
		for i := n.first; i < n.end; i++ {
			rows[int(i)*Dims+int(n.note)-Lowest] = 1
		}
	}
	return newPiece("p", steps, list), FromRows(rows)
}

// Rows of any steps are those of the roll, whatever order they are read in.
func TestPieceRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		steps := 1 + rng.IntN(300)
		p, r := randomPiece(rng, steps, rng.IntN(200))
		if got := p.Roll(); !reflect.DeepEqual(got, r) {
			t.Fatalf("a piece of %d steps: another roll", steps)
		}
		if again := NewPiece("p", r); !reflect.DeepEqual(again, p) {
			t.Fatalf("made of its roll, the piece is another one:\n got %+v\nwant %+v", again, p)
		}
		want := make([]float32, steps*Dims)
		Rows(want, r)
		var readers sync.WaitGroup
		for range 4 {
			from := rng.IntN(steps + 1)
			got := make([]float32, rng.IntN(steps-from+1)*Dims)
			readers.Go(func() {
				for i := range got {
					got[i] = 7 // must be overwritten
				}
				p.Read(got, from)
				if !slices.Equal(got, want[from*Dims:from*Dims+len(got)]) {
					t.Errorf("steps %d.. of %d: other rows", from, steps)
				}
			})
		}
		readers.Wait()
	}
	p := NewPiece("p", Roll{{60}, {}})
	wantPanic(t, "music: Piece.Read: len(dst) = 87, want a multiple of 88", func() { p.Read(make([]float32, 87), 0) })
	wantPanic(t, "music: Piece.Read: steps 1..3, want them within 0..2", func() { p.Read(make([]float32, 2*Dims), 1) })
	wantPanic(t, "music: Piece.Read: steps -1..0", func() { p.Read(make([]float32, Dims), -1) })
	p.Read(nil, 2)
}

// Notes that overlap or touch are one, and what lies beyond the end is cut off.
func TestNewPiece(t *testing.T) {
	p := newPiece("p", 6, []timed{{4, 9, 60}, {0, 3, 60}, {1, 2, 60}, {2, 5, 60}, {1, 3, 58}, {0, 1, 70}, {0, 1, 70}, {6, 7, 80}, {3, 3, 81}})
	if want := (Roll{{60, 70}, {58, 60}, {58, 60}, {60}, {60}, {60}}); !reflect.DeepEqual(p.Roll(), want) {
		t.Errorf("got %v, want %v", p.Roll(), want)
	}
	if p.notes() != 3 || p.Steps() != 6 {
		t.Errorf("%d notes in %d steps, want 3 in 6", p.notes(), p.Steps())
	}
}

// A piece takes memory by its notes and none by their length, and reading takes none.
func TestPieceMemory(t *testing.T) {
	const steps = 1 << 22
	p := newPiece("p", steps, []timed{{0, steps, 60}, {5, steps - 5, 64}})
	row := make([]float32, Dims)
	if n := testing.AllocsPerRun(10, func() { p.Read(row, steps/2) }); n != 0 {
		t.Errorf("reading allocates %v times", n)
	}
	if row[60-Lowest] != 1 || row[64-Lowest] != 1 || row[62-Lowest] != 0 {
		t.Errorf("got %v", row)
	}
	if cap(p.spans)+cap(p.byNote) > 8 {
		t.Errorf("%d spans and %d notes are kept", cap(p.spans), cap(p.byNote))
	}
}
