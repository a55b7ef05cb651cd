package asmtest

import (
	"reflect"
	"strings"
	"testing"
)

// Sums and the others are what the table below is about; only the first two are right.
func Sums(dst, x []float32, rows, ldx int) {
	if rows < 0 || ldx < 1 || len(dst) < rows || rows > 0 && (len(x)-1)/ldx < rows-1 || len(x) == 0 {
		panic("asmtest: Sums: that does not fit")
	}
	for i := range rows {
		dst[i] += x[i*ldx]
	}
}

type Table struct{}

func (t *Table) Row(x []float64, i int) float64 {
	if i < 0 || i >= len(x) {
		panic("asmtest: Row: i is out of range")
	}
	return x[i]
}

func wraps(x []float32, rows, cols int) { // with room for one row
	if rows < 0 || cols < 0 || len(x) < rows*cols {
		panic("asmtest: Sums: len(x)")
	}
	if rows > 0 && cols > 0 {
		_ = x[cols-1]
	}
}

func late(x []float32, n, _ int) {
	for i := range x {
		x[i] = 1
	}
	if n != len(x) {
		panic("asmtest: Sums: n is not len(x)")
	}
}

func beyond(x []float32, n, _ int) {
	if n > len(x) || n < 0 {
		panic("asmtest: Sums: n is too large")
	}
	_ = append(x, 1) // into the capacity behind x
}

func unnamed(x []float32, n, _ int) {
	if n < 0 {
		panic("asmtest: Others: n is negative")
	}
}

func never([]float32, int, int) { panic("asmtest: Sums: not today") }

func TestCalls(t *testing.T) {
	receiver := func(d *Draw, fn, param string, typ reflect.Type) (any, bool) {
		return new(Table), typ == reflect.TypeFor[*Table]()
	}
	good := []Func{{Name: "Sums", Forms: []any{Sums}}, {Name: "Table.Row", Says: "Row", Forms: []any{(*Table).Row}},
		{Name: "Slices", Forms: []any{func(x []float32) { clear(x) }}}, {Name: "Pointers", Forms: []any{func(*Table) {}}}}
	c := Calls{Package: "asmtest", Dir: "testdata", Funcs: good, Arg: receiver}
	if problems := c.incomplete(); len(problems) != 0 {
		t.Fatal(problems)
	}
	for _, f := range good {
		if err := c.try(f, 0, 3000); err != nil {
			t.Error(err)
		}
	}
	for want, f := range map[string]any{
		"runtime error: index out of range": wraps,
		"before the panic":                  late,
		"outside of the slices":             beyond,
		`want "asmtest: Sums: " and the`:    unnamed,
		"refused all of 3000 calls":         never,
	} {
		c.params["Sums"] = []string{"x", "n", "m"}
		if err := c.try(Func{Name: "Sums", Forms: []any{f}}, 0, 3000); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

func TestIncomplete(t *testing.T) {
	c := Calls{Package: "asmtest", Dir: "testdata", Funcs: []Func{
		{Name: "Table.Row", Forms: []any{(*Table).Row}},
		{Name: "Table.Column", Forms: []any{(*Table).Row}},
		{Name: "Sizeless", Forms: []any{Sums}},
	}}
	got := strings.Join(c.incomplete(), "\n")
	for _, want := range []string{"Sums takes sizes and is not in the table", "Slices takes sizes", "Pointers takes sizes", "Table.Column is in the table, and no exported"} {
		if !strings.Contains(got, want) {
			t.Errorf("problems %q, want %q among them", got, want)
		}
	}
	if n := len(c.incomplete()); n != 4 {
		t.Errorf("%d problems in %q, want 4", n, got)
	}
}

func TestReach(t *testing.T) {
	reach, err := Reach("testdata", "strings")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"inside": "Count Clone", ".Row": "Clone", ".Find": "Index Count Clone", "Sums": ""} {
		if got := strings.Join(reach[name], " "); got != want {
			t.Errorf("%s reaches %q, want %q", name, got, want)
		}
	}
}
