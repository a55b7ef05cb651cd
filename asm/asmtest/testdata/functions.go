// Package testdata is the source that TestCalls reads the signatures of.
package testdata

import "strings"

type Table struct{}

type hidden int

func Sums(dst, x []float32, rows, ldx int) {}

func Sizeless(x float32, t Table) {}

func Pointers(t *Table) {}

func Slices(x []float32) {}

func (t *Table) Row(x []float64, i int) float64 { strings.Clone(""); return 0 }

func (h hidden) Column(i int) {}

func inside(n int) { var t Table; t.Row(nil, strings.Count("a", "b")) }

func (t *Table) Find(x string) { inside(strings.Index(x, "Fields")) }
