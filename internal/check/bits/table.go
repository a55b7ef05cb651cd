package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A row has the results of a training in all columns.
type row struct {
	training
	cells []cell
	done  sync.WaitGroup // of all cells
}

type cell struct {
	files files
	err   error
}

// compare runs all trainings in all columns and prints each row as soon as it is complete.
func compare(out io.Writer, dir string, trainings []training, columns []column) error {
	begin := time.Now()
	t := table{out: out, columns: columns}
	for _, r := range trainings {
		t.wide = max(t.wide, len(r.name))
	}
	t.header()
	for _, r := range start(dir, trainings, columns) {
		r.done.Wait()
		t.row(r)
	}
	for _, w := range t.wrong {
		fmt.Fprintf(out, "\n%s\n", w)
	}
	if len(t.wrong) > 0 {
		return errors.New("not the same everywhere")
	}
	fmt.Fprintf(out, "%d trainings, %d columns, %.0f s: the same everywhere\n", len(trainings), len(columns), time.Since(begin).Seconds())
	return nil
}

// start lets all trainings run, as many at a time as there are processors, row by row.
func start(dir string, trainings []training, columns []column) []*row {
	rows := make([]*row, len(trainings))
	for i, t := range trainings {
		rows[i] = &row{training: t, cells: make([]cell, len(columns))}
		rows[i].done.Add(len(columns))
	}
	type job struct {
		row    *row
		column int
	}
	jobs := make(chan job)
	for range runtime.NumCPU() {
		go func() {
			for j := range jobs {
				c := &j.row.cells[j.column]
				c.files, c.err = run(dir, j.row.training, columns[j.column])
				j.row.done.Done()
			}
		}()
	}
	go func() {
		for _, r := range rows {
			for i := len(columns) - 1; i >= 0; i-- { // the emulator, which takes longest, first
				jobs <- job{r, i}
			}
		}
		close(jobs)
	}()
	return rows
}

// A table is what is printed.
type table struct {
	out     io.Writer
	columns []column
	wide    int      // width of the names of trainings
	wrong   []string // what is said below the table
}

// shown is how many digits of a hash the table has.
const shown = 12

func (t *table) header() {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	t.line("", names)
}

// row prints a row; the first column is what the others are compared with.
func (t *table) row(r *row) {
	ref, texts := r.cells[0], make([]string, len(t.columns))
	for i, c := range r.cells {
		switch {
		case c.err != nil:
			texts[i] = "FAILED"
			if ref.err == nil || i == 0 {
				t.wrong = append(t.wrong, fmt.Sprintf("%s, %s: %v", r.name, t.columns[i].name, c.err))
			}
		case i == 0:
			texts[i] = c.files.sum()[:shown]
		case ref.err != nil:
			texts[i] = "?"
		case c.files.sum() == ref.files.sum():
			texts[i] = "same"
		default:
			texts[i] = "OTHER"
			for _, d := range differences(ref.files, c.files, t.columns[0].name, t.columns[i].name) {
				t.wrong = append(t.wrong, r.name+": "+d)
			}
		}
	}
	t.line(r.name, texts)
}

func (t *table) line(name string, texts []string) {
	line := fmt.Sprintf("%-*s", t.wide, name)
	for i, text := range texts {
		width := max(len(t.columns[i].name), len("FAILED"))
		if i == 0 {
			width = shown
		}
		line += fmt.Sprintf("  %-*s", width, text)
	}
	fmt.Fprintln(t.out, strings.TrimRight(line, " "))
}
