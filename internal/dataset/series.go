package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/npy"
	"github.com/elbow-go/elbow/internal/table"
	"github.com/elbow-go/elbow/model"
)

// series is any other real numbers: a step is a row of a table, standardised unless all
// numbers are 0 or 1.
var series = kind{
	name: model.FormSeries,
	is: func(p *probe) bool {
		return p.has(".npy", ".npz") || table.Is(p.head, p.name)
	},
	read: readSeries, split: tenths, learn: learnSeries, check: checkSeries, write: writeSeries, ext: ".csv", picture: "series",
	suits: func(s *set, f model.Form) Suits {
		t := Suits{Model: model.ModelVRNN, Likelihood: model.Bernoulli}
		if len(f.Scale) > 0 {
			t.Likelihood = model.Gauss
		}
		if f.Window == 0 && slices.ContainsFunc(s.pieces, func(p piece) bool { return p.steps > longSeries }) {
			t.Truncate = 100
		}
		return t
	},
}

// longSeries is how many steps a sequence has at least that a training had better not read in one piece: it
// would make an update only at its end.
const longSeries = 1000

// numbers collects what readSeries finds.
type numbers struct {
	*set
	reader *reader
	named  string // the file whose columns the others must have
	tables []tableOf
	full   int   // columns, those of data and of conditions
	data   []int // which of them are data; nil: all
}

// tableOf is a table and the first of its sequences among the pieces.
type tableOf struct {
	*table.Table
	first int
}

// readSeries reads
//
//   - a table, in text, as package table does,
//   - a .npy file, or a .npz file with the arrays of the parts, or with one array,
//   - a folder with the folders train, valid and test of such files, or of such files, whose
//     names may say the part: train.csv and test.csv.
//
// An array is [sequences, steps, dimensions], [steps, dimensions] or [steps]. A value that is NaN is
// missing, and so is one where an array called mask, or with the name of a part mask_train, has 0.
func readSeries(r *reader, path string) (*set, error) {
	s := &numbers{set: new(set), reader: r}
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.IsDir():
		err = s.folder(path)
	case isZip(path):
		err = s.zip(path)
	default:
		_, err = s.file(path)
	}
	if err != nil {
		return nil, err
	}
	if len(s.pieces) == 0 {
		return nil, fmt.Errorf("%s: no steps", path)
	}
	s.full = s.dim
	if names := r.givenColumns(); names != nil {
		if err := s.give(path, names); err != nil {
			return nil, err
		}
	}
	if len(s.tables) > 0 {
		s.set.walk, s.set.fill = s.walk, s.fill
		if slices.ContainsFunc(s.tables, func(t tableOf) bool { return t.Timed() }) {
			s.set.times = s.times
		}
	}
	return s.set, nil
}

func isZip(path string) bool { return strings.EqualFold(filepath.Ext(path), ".npz") }

func (s *numbers) folder(dir string) error {
	parts, note, err := s.reader.folders(dir)
	if err != nil {
		return err
	}
	if parts[0] == "" {
		return s.flat(dir)
	}
	s.notes = append(s.notes, note...)
	s.parts = new([3][]int)
	for p, dir := range parts {
		if dir == "" {
			continue
		}
		files, err := s.files(dir)
		if err != nil {
			return err
		}
		if s.parts[p], err = s.readAll(files); err != nil {
			return err
		}
	}
	return nil
}

// flat reads a folder without folders of the parts. The names of its files may speak of them.
func (s *numbers) flat(dir string) error {
	files, err := s.files(dir)
	if err != nil {
		return err
	}
	parts, note, err := s.reader.byName(dir, files)
	if err != nil {
		return err
	}
	if parts[0] == nil {
		_, err := s.readAll(files)
		return err
	}
	s.notes = append(s.notes, note...)
	s.parts = new([3][]int)
	for p, files := range parts {
		if s.parts[p], err = s.readAll(files); err != nil {
			return err
		}
	}
	return nil
}

// files returns the tables and arrays of a folder.
func (s *numbers) files(dir string) (tables []string, err error) {
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		p, err := look(path, s.reader.budget)
		if err != nil {
			return nil, err
		}
		if p.ext != ".npy" && !table.Is(p.head, p.name) {
			s.notes = append(s.notes, fmt.Sprintf("%s: not read: no table", path))
			continue
		}
		tables = append(tables, path)
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("%s: no .npy file and no table", dir)
	}
	return tables, nil
}

// readAll reads files and returns the places of their sequences.
func (s *numbers) readAll(files []string) (at []int, err error) {
	for _, path := range files {
		more, err := s.file(path)
		if err != nil {
			return nil, err
		}
		at = append(at, more...)
	}
	return at, nil
}

func (s *numbers) file(path string) (at []int, err error) {
	if strings.EqualFold(filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz")), ".npy") {
		a, err := npy.Read(path, s.reader.budget)
		if err != nil {
			return nil, err
		}
		return s.array(path, a, nil, nil)
	}
	given := s.reader.givenColumns()
	t, err := table.Scan(path, s.reader.budget, func(column string) bool { return slices.Contains(given, column) })
	if err != nil {
		return nil, err
	}
	s.notes = append(s.notes, t.Notes...)
	if err := s.width(path, len(t.Columns)); err != nil {
		return nil, err
	}
	var columns []string
	if t.Named {
		columns = t.Columns
	}
	switch {
	case s.named == "":
		s.named, s.form.Columns = path, columns
	case len(columns) > 0 && len(s.form.Columns) > 0 && !slices.Equal(columns, s.form.Columns):
		return nil, fmt.Errorf("%s: columns %.80q, but %.80q in %s", path, columns, s.form.Columns, s.named)
	}
	s.tables = append(s.tables, tableOf{t, len(s.pieces)})
	for _, q := range t.Sequences {
		name := path
		if q.Name != "" {
			name += ": " + q.Name
		}
		at = append(at, len(s.pieces))
		s.pieces = append(s.pieces, piece{name: name, steps: q.Rows})
	}
	return at, nil
}

// width compares the dimensions of one more table with those before it.
func (s *numbers) width(path string, dim int) error {
	if dim < 1 {
		return fmt.Errorf("%s: no column of numbers", path)
	}
	if s.dim != 0 && s.dim != dim {
		return fmt.Errorf("%s: %d dimensions, but %d in what was read before", path, dim, s.dim)
	}
	s.dim = dim
	return nil
}

// section is the raw values of a sequence in an array.
type section struct {
	array *npy.Array
	first int // element
	dim   int
	mask  *npy.Array // of all elements, or of all steps; nil: none is missing but NaN
}

func (s section) Read(dst []float64, from int) {
	at := s.first + from*s.dim
	if s.array.Read(dst, at); s.mask == nil {
		return
	}
	each := s.array.Len() / s.mask.Len()
	there := make([]float64, len(dst)/each)
	s.mask.Read(there, at/each)
	for i := range dst {
		if there[i/each] == 0 {
			dst[i] = math.NaN()
		}
	}
}

// array adds the sequences of an array. lengths, if not nil, are the steps of each that
// count; what follows them is padding.
func (s *numbers) array(name string, a *npy.Array, lengths []int, mask *npy.Array) (at []int, err error) {
	n, steps, dim := 1, 0, 1
	switch len(a.Shape) {
	case 1:
		steps = a.Shape[0]
	case 2:
		steps, dim = a.Shape[0], a.Shape[1]
	case 3:
		n, steps, dim = a.Shape[0], a.Shape[1], a.Shape[2]
	default:
		return nil, fmt.Errorf("%s: shape %v, want [sequences, steps, dimensions], [steps, dimensions] or [steps]", name, a.Shape)
	}
	if err := s.width(name, dim); err != nil {
		return nil, err
	}
	if n == 0 || steps == 0 {
		return nil, fmt.Errorf("%s: shape %v: no steps", name, a.Shape)
	}
	if lengths != nil && len(lengths) != n {
		return nil, fmt.Errorf("%s: %d sequences, but %d lengths", name, n, len(lengths))
	}
	for i := range n {
		p := piece{name: fmt.Sprintf("%s[%d]", name, i), steps: steps, rows: section{a, i * steps * dim, dim, mask}}
		if lengths != nil {
			if p.steps = lengths[i]; p.steps > steps {
				return nil, fmt.Errorf("%s: sequence %d: length %d, but the array has %d steps", name, i, p.steps, steps)
			}
		}
		at = append(at, len(s.pieces))
		s.pieces = append(s.pieces, p)
	}
	return at, s.finite(name, at)
}

// finite reports the first value of the pieces that is infinite, and notes how many are missing.
func (s *numbers) finite(name string, at []int) error {
	buf, missing := make([]float64, s.dim), 0
	for i, k := range at {
		p := &s.pieces[k]
		for t := range p.steps {
			p.rows.Read(buf, t)
			for j, v := range buf {
				if v != v {
					missing++
				}
				if math.IsInf(v, 0) {
					return fmt.Errorf("%s: sequence %d, step %d, dimension %d: %v, want a finite number", name, i, t, j, v)
				}
			}
		}
	}
	if missing > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%s: missing values: %d", name, missing))
	}
	return nil
}

// walk calls f for all rows of data.
func (s *numbers) walk(f func(piece, step int, row []float64) error) error {
	data := make([]float64, len(s.data))
	return s.rows(func(piece, step int, row []float64, t *table.Table) error {
		if t == nil || s.data == nil {
			return f(piece, step, row)
		}
		return f(piece, step, s.pick(data, row))
	})
}

// pick copies the columns of data of a row to dst and returns them; all columns are the row itself.
func (s *numbers) pick(dst, row []float64) []float64 {
	if s.data == nil {
		return row
	}
	for k, j := range s.data {
		dst[k] = row[j]
	}
	return dst
}

// rows calls f for all rows, of tables with their columns of conditions, which stand in t.
func (s *numbers) rows(f func(piece, step int, row []float64, t *table.Table) error) error {
	next := 0
	for i := 0; i < len(s.pieces); i++ {
		if next < len(s.tables) && s.tables[next].first == i {
			t := s.tables[next]
			next++
			if err := t.Each(func(seq, step int, values []float64) error { return f(t.first+seq, step, values, t.Table) }); err != nil {
				return err
			}
			i += len(t.Sequences) - 1
			continue
		}
		p := &s.pieces[i]
		row := make([]float64, s.dim)
		for t := range p.steps {
			p.rows.Read(row, t)
			if err := f(i, t, row, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill keeps the rows of tables in memory, encoded by the form.
func (s *numbers) fill(f model.Form) error {
	c, data := newCode(f), make([]float64, len(s.data))
	for _, t := range s.tables {
		for i, q := range t.Sequences {
			if err := s.reader.budget.Take(t.Path, int64(q.Rows)*int64(s.dim)*4); err != nil {
				return err
			}
			s.pieces[t.first+i].x = make([]float32, q.Rows*s.dim)
		}
		if err := t.Each(func(seq, step int, values []float64) error {
			c.encode(s.pieces[t.first+seq].x[step*s.dim:(step+1)*s.dim], s.pick(data, values), s.dim)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// timeBytes is about what the time of a step takes.
const timeBytes = 40

// times reads the dates and times of all steps.
func (s *numbers) times() (Times, error) {
	all := make(Times, len(s.pieces))
	for _, t := range s.tables {
		if !t.Timed() {
			continue
		}
		for i, q := range t.Sequences {
			if err := s.reader.budget.Take(t.Path, int64(q.Rows)*timeBytes); err != nil {
				return nil, err
			}
			all[t.first+i] = make([]string, q.Rows)
		}
		if err := t.Times(func(seq, step int, text string) error {
			all[t.first+seq][step] = text
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// learnSeries standardises what is not all zeros and ones.
func learnSeries(s *set, train []span, o Options, f *model.Form) (err error) {
	f.Columns = s.form.Columns
	if o.Raw {
		return nil
	}
	seen := newModes(s.dim)
	if f.Offset, f.Scale, err = s.moments(train, seen); err != nil {
		return err
	}
	for j, n := range seen.n {
		if n == 0 {
			return fmt.Errorf("column %d (%s) has no value in train: all are missing: remove the column", j+1, columnNames(*f, s.dim)[j])
		}
	}
	other := errors.New("a value that is neither 0 nor 1")
	err = s.each(func(_, _ int, row []float64) error {
		for _, v := range row {
			if v != 0 && v != 1 && v == v {
				return other
			}
		}
		return nil
	})
	if err != other {
		f.Offset, f.Scale = nil, nil
		return err
	}
	for j, name := range columnNames(*f, s.dim) {
		if share := float64(seen.times[j]) / float64(max(seen.n[j], 1)); share >= almostAlways {
			s.notes = append(s.notes, fmt.Sprintf("note: column %.40q is %g in %.4g %% of the steps of train: the density of a value that hardly varies can be as high as it likes, "+
				"and others are then far outside, on which a training may diverge: leave the column out, or trust its nats little", name, seen.value[j], 100*share))
		}
	}
	return nil
}

// almostAlways is from which share of the steps on a column that has one value counts as nearly
// constant.
const almostAlways = 0.95

func checkSeries(s *set, f model.Form) error {
	if len(f.Columns) > 0 && len(s.form.Columns) > 0 && !slices.Equal(s.form.Columns, f.Columns) {
		return fmt.Errorf("columns %.80q, the model was trained on %.80q", s.form.Columns, f.Columns)
	}
	return nil
}

// columnNames returns the names of the dimensions of a table.
func columnNames(f model.Form, dim int) (names []string) {
	for j := range dim {
		name := "x" + strconv.Itoa(j)
		if j < len(f.Columns) {
			name = f.Columns[j]
		}
		names = append(names, name)
	}
	return names
}

// writeSeries writes tables that read like the data, with a column that names the sequence, and a
// picture of the columns.
func writeSeries(w *sheet) error {
	i := 0
	if err := w.each(func(f io.Writer, x []float32) error {
		t := csv.NewWriter(f)
		t.Write(append([]string{"sequence"}, columnNames(w.form, w.dim)...))
		var line []string
		for at := 0; at < len(x); at += w.dim {
			line = append(line[:0], strconv.Itoa(i))
			for _, v := range x[at : at+w.dim] {
				line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32))
			}
			t.Write(line)
		}
		i++
		t.Flush()
		return t.Error()
	}); err != nil {
		return err
	}
	return w.draw(func(path string) error { return figure.Series(path, "Series", w.columns()) })
}

// ColumnPanels returns the panels of the picture of tables, see [Output].
func ColumnPanels(f model.Form, dim int, o Output) []figure.Panel {
	return newSheet(f, dim, o).columns()
}

// columns returns a panel for each of the first dimensions, with the data and the pieces over each other:
// as many as can be told apart, and of the data no more steps than the longest piece has.
func (w *sheet) columns() (panels []figure.Panel) {
	const most = 6 // lines of a panel
	longest := 0
	for _, x := range w.Pieces {
		longest = max(longest, len(x))
	}
	for j, name := range columnNames(w.form, w.dim)[:min(w.dim, maxPanels)] {
		p := figure.Panel{Title: name, YLabel: " "}
		add := func(name string, x []float32) {
			if len(p.Lines) < most {
				p.Lines = append(p.Lines, column(name, x[:min(len(x), longest)], w.dim, j, 0))
			}
		}
		for _, d := range w.before {
			add("data: "+filepath.Base(d.name), d.x)
		}
		for i, x := range w.Pieces {
			if len(p.Lines)+min(len(w.after), 1) < most {
				add(w.title(i), x)
			}
		}
		for _, d := range w.after {
			add("data: "+filepath.Base(d.name), d.x)
		}
		panels = append(panels, p)
	}
	if n := len(panels); n > 0 {
		panels[n-1].XLabel = "step"
	}
	return panels
}

// maxPanels is how many columns of a table a picture shows.
const maxPanels = 8

// column returns dimension j of x [steps, dim] as a line, of which the first step is number first.
func column(name string, x []float32, dim, j, first int) figure.Line {
	l := figure.Line{Name: name}
	for i := j; i < len(x); i += dim {
		l.X, l.Y = append(l.X, float64(first+i/dim)), append(l.Y, float64(x[i]))
	}
	return l
}
