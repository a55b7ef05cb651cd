package dataset

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/model"
)

// Imputed is what WriteImputed writes.
type Imputed struct {
	Names  []string // of the sequences
	Times  Times    // of their steps, or nil
	Filled []model.Imputation
	Levels []float64 // of the quantiles
}

// ImputedFiles returns the names of its files: the table with all values, and the values filled in.
func ImputedFiles() []string { return []string{"imputed.csv", "imputed-values.csv"} }

// WriteImputed writes, in the units of the data, a table with the columns of the data in which nothing is
// missing, and one of the values filled in, with their quantiles. Several sequences have a column sequence, and
// those with times a column time.
func WriteImputed(dir string, form model.Form, dim int, d Imputed) error {
	names := columnNames(form, dim)
	var first []string
	if len(d.Filled) > 1 {
		first = []string{"sequence"}
	}
	if d.Times != nil {
		first = append(first, "time")
	}
	number := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
	for _, f := range d.Filled {
		form.Raw(f.Mean, dim)
		for _, q := range f.Quantiles {
			form.Raw(q, dim)
		}
	}
	write := func(name string, header []string, rows func(t *csv.Writer, i int, id func(step int) []string)) error {
		return atomicfile.Write(filepath.Join(dir, name), 0o666, func(w io.Writer) error {
			t := csv.NewWriter(w)
			t.Write(append(first, header...))
			for i := range d.Filled {
				rows(t, i, func(step int) (id []string) {
					if len(d.Filled) > 1 {
						id = append(id, d.Names[i])
					}
					if d.Times != nil {
						id = append(id, d.Times.At(i, step))
					}
					return id
				})
			}
			t.Flush()
			return t.Error()
		})
	}
	err := write(ImputedFiles()[0], names, func(t *csv.Writer, i int, id func(step int) []string) {
		x := d.Filled[i].Mean
		for step := range len(x) / dim {
			line := id(step)
			for _, v := range x[step*dim:][:dim] {
				line = append(line, number(v))
			}
			t.Write(line)
		}
	})
	if err != nil {
		return err
	}
	header := []string{"step", "column", "mean"}
	for _, l := range d.Levels {
		header = append(header, fmt.Sprintf("%g%%", 100*l))
	}
	return write(ImputedFiles()[1], header, func(t *csv.Writer, i int, id func(step int) []string) {
		f := d.Filled[i]
		for at, missing := range f.Missing {
			if !missing {
				continue
			}
			line := append(id(at/dim), strconv.Itoa(at/dim), names[at%dim], number(f.Mean[at]))
			for _, q := range f.Quantiles {
				line = append(line, number(q[at]))
			}
			t.Write(line)
		}
	})
}
