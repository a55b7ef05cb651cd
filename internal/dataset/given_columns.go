package dataset

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/internal/table"
)

// give makes columns conditions, and the others those of the set.
func (s *numbers) give(path string, names []string) error {
	all := columnNames(s.form, s.full)
	columns := s.form.Columns
	s.data, s.form.Columns = []int{}, nil
	var at []int
	for _, name := range names {
		j := slices.Index(all, name)
		if j < 0 || slices.Contains(at, j) {
			return fmt.Errorf("%s: -given %.80q: no such column of numbers or classes, or no other one; there are %s", path, name, someOf(all))
		}
		at = append(at, j)
	}
	for j := range s.full {
		if slices.Contains(at, j) {
			continue
		}
		s.data = append(s.data, j)
		if columns != nil {
			s.form.Columns = append(s.form.Columns, columns[j])
		}
	}
	if len(s.data) == 0 {
		return fmt.Errorf("%s: all columns are given, none is left to be predicted", path)
	}
	err := s.conditions(all, at)
	s.dim = len(s.data)
	return err
}

// conditions reads the columns at of all rows, which may hold texts, as conditions.
func (s *numbers) conditions(names []string, at []int) error {
	c := &conditions{rows: make([][]float64, len(s.pieces))}
	place, first := make([]map[string]int, len(at)), true
	for _, j := range at {
		c.columns = append(c.columns, conditionColumn{name: names[j]})
	}
	if err := s.rows(func(piece, _ int, row []float64, t *table.Table) error {
		if err := s.reader.budget.Take(s.pieces[piece].name, int64(8*len(at))); err != nil {
			return err
		}
		for k, j := range at {
			v, col := row[j], &c.columns[k]
			isText := t != nil && t.Classes[j] != nil
			if first && isText {
				place[k] = map[string]int{}
			}
			if isText != (place[k] != nil) {
				return fmt.Errorf("%s: -given %s is text in some of the data, and numbers in others", s.pieces[piece].name, col.name)
			}
			if isText {
				text := t.Classes[j][int(v)]
				n, ok := place[k][text]
				if !ok {
					n = len(col.texts)
					place[k][text] = n
					col.texts = append(col.texts, text)
				}
				v = float64(n)
			}
			c.rows[piece] = append(c.rows[piece], v)
		}
		first = false
		return nil
	}); err != nil {
		return err
	}
	for i := range s.pieces {
		if p := &s.pieces[i]; p.rows != nil {
			p.rows = columnsOf{p.rows, s.full, s.data}
		}
	}
	s.given = c
	return nil
}

// columnsOf are some columns of rows.
type columnsOf struct {
	rows
	full int
	at   []int
}

func (c columnsOf) Read(dst []float64, from int) {
	row := make([]float64, c.full)
	for ; len(dst) >= len(c.at); from++ {
		c.rows.Read(row, from)
		for k, j := range c.at {
			dst[k] = row[j]
		}
		dst = dst[len(c.at):]
	}
}
