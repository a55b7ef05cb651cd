package model

import (
	"math"
	"slices"
	"testing"
)

// testRolls is testData of 5 keys in the middle of 9, as piano rolls, with a piece that has the lowest
// key and one that has both ends.
func testRolls() *Data {
	d := testData(5)
	d.Form.Kind, d.Dim = FormRoll, 9
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for i, s := range seqs {
			var x []float32
			for row := range slices.Chunk(s.X, 5) {
				x = append(x, slices.Concat([]float32{0, 0}, row, []float32{0, 0})...)
			}
			seqs[i].X = x
		}
	}
	d.Train[0].X[0] = 1
	d.Train[1].X[0], d.Train[1].X[8] = 1, 1
	return d
}

// TestTranspose: pieces move as a whole, no note is lost, all moves that a piece can make come as
// often, and epochs draw anew.
func TestTranspose(t *testing.T) {
	d := testRolls()
	const epochs, prob = 4000, 0.75
	c := testTrainConfig()
	c.Transpose, c.TransposeProb = 2, prob
	tr, err := newTransposer(d, c)
	if err != nil {
		t.Fatal(err)
	}
	count := make([]map[int]int, len(d.Train))
	for i := range count {
		count[i] = map[int]int{}
	}
	row := make([]float32, d.Dim)
	for e := range epochs {
		seqs := tr.epoch(e)
		for i, s := range seqs {
			if s.Steps(d.Dim) != d.Train[i].Steps(d.Dim) {
				t.Fatalf("piece %d has %d steps", i, s.Steps(d.Dim))
			}
			by, step := 0, e%s.Steps(d.Dim)
			if s.Source != nil {
				by = tr.shifts[i].by
			}
			count[i][by]++
			s.Read(row, step, d.Dim)
			for j, v := range d.Train[i].X[step*d.Dim:][:d.Dim] {
				if k := j + by; v != 0 && (k < 0 || k >= d.Dim || row[k] != v) {
					t.Fatalf("epoch %d, piece %d moved by %d: step %d is %v", e, i, by, step, row)
				}
			}
			if sum(row) != sum(d.Train[i].X[step*d.Dim:][:d.Dim]) {
				t.Fatalf("epoch %d, piece %d moved by %d: step %d is %v", e, i, by, step, row)
			}
		}
	}
	for i, c := range count {
		lo, hi := -2, 2
		switch i {
		case 0:
			lo = 0
		case 1:
			lo, hi = 0, 0
		}
		for by := -3; by <= 3; by++ {
			want := 0.0
			if by >= lo && by <= hi {
				want = prob / float64(hi-lo+1)
			}
			if by == 0 {
				want += 1 - prob
			}
			if got := float64(c[by]) / epochs; math.Abs(got-want) > 5*math.Sqrt(want*(1-want)/epochs) {
				t.Errorf("piece %d is moved by %d in %v of the epochs, want %v", i, by, got, want)
			}
		}
	}
	if !slices.Equal(d.Train[2].X, testRolls().Train[2].X) {
		t.Error("the data were changed")
	}
}

func sum(x []float32) (s float32) {
	for _, v := range x {
		s += v
	}
	return s
}
