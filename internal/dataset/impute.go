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
	Filled []model.Imputation
	Levels []float64 // of the quantiles
}

// ImputedFiles returns the names of its files: the table with all values, and the values filled in.
func ImputedFiles() []string { return []string{"imputed.csv", "imputed-values.csv"} }

// WriteImputed writes, in the units of the data, a table with the columns of the data in which nothing is
// missing, and one of the values filled in, with their quantiles. Several sequences have a column sequence.
func WriteImputed(dir string, form model.Form, dim int, d Imputed) error {
	names := columnNames(form, dim)
	var first []string
	if len(d.Filled) > 1 {
		first = []string{"sequence"}
	}
	number := func(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
	for _, f := range d.Filled {
		form.Raw(f.Mean, dim)
		for _, q := range f.Quantiles {
			form.Raw(q, dim)
		}
	}
	write := func(name string, header []string, rows func(t *csv.Writer, i int, id []string)) error {
		return atomicfile.Write(filepath.Join(dir, name), 0o666, func(w io.Writer) error {
			t := csv.NewWriter(w)
			t.Write(append(first, header...))
			for i := range d.Filled {
				var id []string
				if first != nil {
					id = []string{d.Names[i]}
				}
				rows(t, i, id)
			}
			t.Flush()
			return t.Error()
		})
	}
	err := write(ImputedFiles()[0], names, func(t *csv.Writer, i int, id []string) {
		for x := d.Filled[i].Mean; len(x) > 0; x = x[dim:] {
			line := id
			for _, v := range x[:dim] {
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
	return write(ImputedFiles()[1], header, func(t *csv.Writer, i int, id []string) {
		f := d.Filled[i]
		for at, missing := range f.Missing {
			if !missing {
				continue
			}
			line := append(id, strconv.Itoa(at/dim), names[at%dim], number(f.Mean[at]))
			for _, q := range f.Quantiles {
				line = append(line, number(q[at]))
			}
			t.Write(line)
		}
	})
}
