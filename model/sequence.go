package model

// Sequence is one sequence of a data set. Its steps are in X, [steps, Dim], or come from
// Source.
//
// A value that is NaN is missing, see [Batch].Mask.
type Sequence struct {
	Name  string
	Label string // the class it belongs to, if that is known; only a classifier sees it
	X     []float32

	// Source, if not nil, takes the place of X. It lets a data set be held as what it was
	// read from, notes or bytes, which are made into rows when a batch is.
	Source Source

	// Given are the conditions of every step, [steps, Data.Given], see [Batch].Given. Sequences may share
	// them: what holds for a whole class needs to be in memory once, as many rows as its longest
	// sequence has steps. As X, they should be of the size of 1.
	Given []float32

	// Binarise says that the values are probabilities: a model sees ones and zeros that are
	// drawn from them again each time the sequence is put into a batch. The draw depends on
	// the noise of the batch, on the step and on the row, so every update of a training sees
	// another one and every evaluation with one seed the same.
	Binarise bool
}

// Source makes the rows of a sequence. Several goroutines may read from one.
type Source interface {
	// Steps returns the number of steps.
	Steps() int
	// Read overwrites dst with the rows of the steps from, from+1, ..., as many as it holds.
	Read(dst []float32, from int)
}

// Steps returns the number of steps of dim values.
func (s *Sequence) Steps(dim int) int {
	if s.Source != nil {
		return s.Source.Steps()
	}
	return len(s.X) / dim
}

// Read overwrites dst with the rows of the steps from, from+1, ..., as many as it holds.
func (s *Sequence) Read(dst []float32, from, dim int) {
	if s.Source != nil {
		s.Source.Read(dst, from)
		return
	}
	copy(dst, s.X[from*dim:])
}

// Values returns all values, [steps, dim], in memory of their own.
func (s *Sequence) Values(dim int) []float32 {
	x := make([]float32, s.Steps(dim)*dim)
	s.Read(x, 0, dim)
	return x
}

// Slice returns the steps from..to of s. It shares the memory of s.
func (s Sequence) Slice(from, to, dim int) Sequence {
	if len(s.Given) > 0 {
		n := len(s.Given) / s.Steps(dim)
		s.Given = s.Given[from*n : to*n : to*n]
	}
	if s.Source != nil {
		s.Source = section{s.Source, from, to - from}
	} else {
		s.X = s.X[from*dim : to*dim : to*dim]
	}
	return s
}

// section is a part of a source.
type section struct {
	Source
	from, steps int
}

func (s section) Steps() int                   { return s.steps }
func (s section) Read(dst []float32, from int) { s.Source.Read(dst, s.from+from) }

// walkRows is how many values [walk] has in memory at once, about.
const walkRows = 1 << 14

// walk calls f for every row of the sequences, in order, until it returns an error.
func walk(seqs []Sequence, dim int, f func(seq, step int, row []float32) error) error {
	var buf []float32
	for i := range seqs {
		s := &seqs[i]
		steps := s.Steps(dim)
		for at := 0; at < steps; {
			n := min(steps-at, max(walkRows/dim, 1))
			rows := s.X
			if s.Source == nil {
				rows = rows[at*dim : (at+n)*dim]
			} else {
				if len(buf) < n*dim {
					buf = make([]float32, n*dim)
				}
				rows = buf[:n*dim]
				s.Source.Read(rows, at)
			}
			for k := range n {
				if err := f(i, at+k, rows[k*dim:(k+1)*dim]); err != nil {
					return err
				}
			}
			at += n
		}
	}
	return nil
}
