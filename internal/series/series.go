// Package series reads sequences of real numbers from tables: NumPy arrays and CSV files.
package series

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/npy"
	"github.com/elbow-go/elbow/internal/table"
)

// Sequence is a sequence of steps: X is [steps, Dim of the set].
type Sequence struct {
	Name string
	X    []float32
}

// Set is a data set in three parts.
type Set struct {
	Dim                int
	Train, Valid, Test []Sequence
}

// Read reads a data set:
//
//   - a .npz file with the arrays train, valid and test, or with one array,
//   - a .npy file,
//   - a .csv file,
//   - a folder with the folders train, valid and test of .npy and .csv files, or one of such
//     files without these folders.
//
// An array is [sequences, steps, dimensions] or, one sequence, [steps, dimensions]. A CSV
// file has one step a row; package table says what it can be. If a column is called sequence,
// the rows of a sequence are those with the same value in it, otherwise the file is one
// sequence.
//
// Where the parts are not given, they are 80, 10 and 10 of 100 sequences in order, or, if
// there are fewer than ten, of the time of each.
//
// Errors name the file and the place; numbers that are not finite are errors.
func Read(path string) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := new(Set)
	if info.IsDir() {
		return s, s.folder(path)
	}
	if strings.EqualFold(filepath.Ext(path), ".npz") {
		return s, s.zip(path)
	}
	all, err := s.file(path)
	if err != nil {
		return nil, err
	}
	return s, s.split(path, all)
}

// IsFile reports whether the name of a file is that of a table.
func IsFile(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy", ".npz", ".csv":
		return true
	}
	return false
}

type part struct {
	name string
	to   *[]Sequence
}

func (s *Set) parts() [3]part {
	return [3]part{{"train", &s.Train}, {"valid", &s.Valid}, {"test", &s.Test}}
}

func (s *Set) folder(dir string) error {
	if info, err := os.Stat(filepath.Join(dir, "train")); err != nil || !info.IsDir() {
		all, err := s.files(dir)
		if err != nil {
			return err
		}
		return s.split(dir, all)
	}
	for _, p := range s.parts() {
		var err error
		if *p.to, err = s.files(filepath.Join(dir, p.name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) files(dir string) ([]Sequence, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, err
	}
	var all []Sequence
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() || !IsFile(path) {
			continue
		}
		list, err := s.file(path)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no .npy or .csv file", dir)
	}
	return all, nil
}

func (s *Set) file(path string) ([]Sequence, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".npy":
		a, err := npy.Read(path, new(infile.Budget))
		if err != nil {
			return nil, err
		}
		return s.array(path, a)
	case ".csv":
		return s.table(path)
	}
	return nil, fmt.Errorf("%s: want a file .npy or .csv", path)
}

func (s *Set) zip(path string) error {
	arrays, unread, err := npy.ReadZip(path, new(infile.Budget))
	if err != nil {
		return err
	}
	if len(unread) > 0 {
		return errors.New(unread[0])
	}
	if len(arrays) == 1 {
		all, err := s.array(path, arrays[0])
		if err != nil {
			return err
		}
		return s.split(path, all)
	}
	for _, p := range s.parts() {
		for _, a := range arrays {
			if a.Name != p.name {
				continue
			}
			if *p.to, err = s.array(path+": "+a.Name, a); err != nil {
				return err
			}
		}
		if len(*p.to) == 0 {
			return fmt.Errorf("%s: no array %q; want train, valid and test, or one array", path, p.name)
		}
	}
	return nil
}

// width compares the dimensions of one more table with those before it.
func (s *Set) width(dim int) error {
	if dim < 1 {
		return errors.New("no column of numbers")
	}
	if s.Dim != 0 && s.Dim != dim {
		return fmt.Errorf("%d dimensions, but %d in what was read before", dim, s.Dim)
	}
	s.Dim = dim
	return nil
}

func (s *Set) array(name string, a *npy.Array) ([]Sequence, error) {
	n, steps := 1, 0
	switch len(a.Shape) {
	case 2:
		steps = a.Shape[0]
	case 3:
		n, steps = a.Shape[0], a.Shape[1]
	default:
		return nil, fmt.Errorf("%s: shape %v, want [sequences, steps, dimensions] or [steps, dimensions]", name, a.Shape)
	}
	dim := a.Shape[len(a.Shape)-1]
	if err := s.width(dim); err != nil {
		return nil, fmt.Errorf("%s: shape %v: %w", name, a.Shape, err)
	}
	if n == 0 || steps == 0 {
		return nil, fmt.Errorf("%s: shape %v: no steps", name, a.Shape)
	}
	list, buf := make([]Sequence, n), make([]float64, steps*dim)
	for i := range list {
		x := make([]float32, steps*dim)
		a.Read(buf, i*len(x))
		for k, v := range buf {
			if !finite(v) {
				return nil, fmt.Errorf("%s: sequence %d, step %d, dimension %d: %v", name, i, k/dim, k%dim, v)
			}
			x[k] = float32(v)
		}
		list[i] = Sequence{fmt.Sprintf("%s[%d]", name, i), x}
	}
	return list, nil
}

// finite reports whether v is a number that float32 can hold.
func finite(v float64) bool { return math.Abs(v) <= math.MaxFloat32 }

// table reads a table that is written as text.
func (s *Set) table(path string) ([]Sequence, error) {
	t, err := table.Scan(path, new(infile.Budget))
	if err != nil {
		return nil, err
	}
	if err := s.width(len(t.Columns)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	list := make([]Sequence, len(t.Sequences))
	for i, q := range t.Sequences {
		list[i] = Sequence{Name: path, X: make([]float32, 0, q.Rows*s.Dim)}
		if q.Name != "" {
			list[i].Name += ": " + q.Name
		}
	}
	return list, t.Each(func(seq, step int, values []float64) error {
		for j, v := range values {
			if !finite(v) {
				return fmt.Errorf("%s: step %d, column of values %d: %v is not a finite float32", list[seq].Name, step, j+1, v)
			}
			list[seq].X = append(list[seq].X, float32(v))
		}
		return nil
	})
}

// split makes the parts.
func (s *Set) split(path string, all []Sequence) error {
	if n := len(all); n >= 10 {
		a, b := n*8/10, n*9/10
		s.Train, s.Valid, s.Test = all[:a], all[a:b], all[b:]
		return nil
	}
	for _, q := range all {
		n := len(q.X) / s.Dim
		if n < 10 {
			return fmt.Errorf("%s: %s has %d steps: too few to be split into train, valid and test", path, q.Name, n)
		}
		from := 0
		for i, p := range s.parts() {
			to := n * (8 + i) / 10
			*p.to = append(*p.to, Sequence{fmt.Sprintf("%s, steps %d to %d", q.Name, from, to), q.X[from*s.Dim : to*s.Dim]})
			from = to
		}
	}
	return nil
}
