package dataset

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/table"
	"github.com/elbow-go/elbow/model"
)

// What a model is given and does not predict, its conditions, come from
//
//   - columns of the tables that are the data, by their names,
//   - the classes of sequences: labels beside images, folders of tunes and recordings,
//   - a table beside the data, with a row for every step or one for every sequence.
//
// What is learned of them on the train part, the classes and the scale of numbers, is in the form,
// and all later data are read by it.

// labelGiven asks for the classes of sequences, and is what that condition is called.
const labelGiven = "label"

// conditions are the conditions of a set, as raw values.
type conditions struct {
	columns []conditionColumn
	rows    [][]float64 // of every piece: a row for every step, or one for all of them
}

// conditionColumn is a column of conditions. Its values are numbers or, if it has texts, places in them.
type conditionColumn struct {
	name  string
	texts []string
}

// row returns the conditions of a step of a piece.
func (c *conditions) row(piece, step int) []float64 {
	n, rows := len(c.columns), c.rows[piece]
	if len(rows) == n {
		step = 0
	}
	return rows[step*n : (step+1)*n]
}

// givenColumns returns the names of the columns of tables that are given; none if conditions come
// from elsewhere.
func (r *reader) givenColumns() (names []string) {
	if r.Given == "" || isFile(r.Given) {
		return nil
	}
	for name := range strings.SplitSeq(r.Given, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// condition finds the conditions of a set that its kind has not taken from its tables.
func (r *reader) condition(s *set, path string) error {
	switch {
	case r.Given == "" || s.given != nil:
		return nil
	case isFile(r.Given):
		return r.beside(s)
	case r.Given == labelGiven:
		return s.byClass(path, r.class)
	}
	return fmt.Errorf("-given %.80q: neither %s, for the classes of %s, nor a table beside them", r.Given, labelGiven, path)
}

// byClass gives every piece the class that it belongs to, or the one that all of them have. Where there
// are no parts, the pieces of all classes are mixed evenly, so that every part that they are split into has its
// share of each: in the order of folders the last part would have the last classes alone.
func (s *set) byClass(root, all string) error {
	var texts []string
	place, counts := map[string]int{}, []int{}
	type ranked struct {
		piece
		class, rank int
	}
	list := make([]ranked, len(s.pieces))
	for i, p := range s.pieces {
		class := cmp.Or(all, p.class(root, s.form.Builtin != ""))
		if class == "" {
			return fmt.Errorf("%s: no class for -given %s: images have a file of labels beside them, other files lie in folders of classes", p.name, labelGiven)
		}
		k, ok := place[class]
		if !ok {
			k = len(place)
			place[class] = k
			texts, counts = append(texts, class), append(counts, 0)
		}
		list[i] = ranked{p, k, counts[k]}
		counts[k]++
	}
	if s.parts == nil {
		at := func(r ranked) float64 { return (float64(r.rank) + 0.5) / float64(counts[r.class]) }
		slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(at(a), at(b)) })
	}
	s.given = &conditions{columns: []conditionColumn{{labelGiven, texts}}}
	for i, r := range list {
		s.pieces[i] = r.piece
		s.given.rows = append(s.given.rows, []float64{float64(r.class)})
	}
	return nil
}

// class returns the class of a piece: its label, or the folder below root that its file lies in.
func (p *piece) class(root string, named bool) string {
	if p.label != "" && (named || p.label != p.name) {
		return p.label
	}
	dir, err := filepath.Rel(root, filepath.Dir(p.name))
	if err != nil || dir == "." || strings.HasPrefix(dir, "..") || partFolder(filepath.Base(dir)) >= 0 {
		return ""
	}
	return filepath.Base(dir)
}

// beside reads the table of conditions. Its column sequence names the pieces, if there are several.
func (r *reader) beside(s *set) error {
	t, err := table.Scan(r.Given, r.budget, func(string) bool { return true })
	if err != nil {
		return err
	}
	c := &conditions{rows: make([][]float64, len(s.pieces))}
	for j, name := range columnNames(model.Form{Columns: t.Columns}, len(t.Columns)) {
		c.columns = append(c.columns, conditionColumn{name, t.Classes[j]})
	}
	of := make([][]float64, len(t.Sequences))
	if err := t.Each(func(seq, _ int, values []float64) error {
		if err := r.budget.Take(r.Given, int64(8*len(values))); err != nil {
			return err
		}
		of[seq] = append(of[seq], values...)
		return nil
	}); err != nil {
		return err
	}
	place := map[string]int{}
	for i, q := range t.Sequences {
		place[q.Name] = i
	}
	for i := range s.pieces {
		p := &s.pieces[i]
		k := slices.IndexFunc(p.names(), func(name string) bool { _, ok := place[name]; return ok })
		seq := 0
		switch {
		case k >= 0:
			seq = place[p.names()[k]]
		case len(s.pieces) > 1 || t.Sequences[0].Name != "":
			return fmt.Errorf("%s: no rows for %q: its column sequence has the names of the sequences in the data", r.Given, p.name)
		}
		if n := t.Sequences[seq].Rows; n != 1 && n != p.steps {
			return fmt.Errorf("%s: %d rows for %q, want 1, or one for each of its %d steps", r.Given, n, p.name, p.steps)
		}
		c.rows[i] = of[seq]
	}
	s.given = c
	return nil
}

// names returns what a table may call a piece: by its name, by the end of it, and by its file with
// and without extension.
func (p *piece) names() []string {
	file := filepath.Base(p.name)
	_, end, _ := strings.Cut(p.name, ": ")
	return []string{p.name, end, file, strings.TrimSuffix(file, filepath.Ext(file))}
}

// learn returns the conditions of a form, as the train part has them: its classes, sorted, and the
// mean and the deviation of numbers, but for those that are all 0 or 1.
func (c *conditions) learn(train []span, raw bool) []model.Condition {
	list := make([]model.Condition, len(c.columns))
	for j, col := range c.columns {
		g := model.Condition{Name: col.name}
		each := func(f func(v float64)) {
			for _, at := range train {
				for t := at.from; t < at.to; t++ {
					if v := c.row(at.piece, t)[j]; v == v { // one that is missing is an error where it is encoded
						f(v)
					}
				}
			}
		}
		if col.texts != nil {
			seen := make([]bool, len(col.texts))
			each(func(v float64) { seen[int(v)] = true })
			for k, text := range col.texts {
				if seen[k] {
					g.Classes = append(g.Classes, text)
				}
			}
			slices.Sort(g.Classes)
			list[j] = g
			continue
		}
		bits, n, sum := true, 0.0, 0.0
		each(func(v float64) { bits, n, sum = bits && (v == 0 || v == 1), n+1, sum+v })
		if g.Scale = 1; !raw && !bits {
			g.Offset = sum / max(n, 1)
			squares := 0.0
			each(func(v float64) { squares += float64((v - g.Offset) * (v - g.Offset)) })
			if squares > 0 {
				g.Scale = math.Sqrt(squares / n)
			}
		}
		list[j] = g
	}
	return list
}

// encode returns the conditions of every piece as a model sees them. Pieces of one class share them.
func (s *set) encode(f model.Form) ([][]float32, error) {
	c, width := s.given, f.GivenWidth()
	for j, g := range f.Given {
		if j >= len(c.columns) || c.columns[j].name != g.Name || len(c.columns) > len(f.Given) {
			return nil, fmt.Errorf("the conditions are %s, the model was trained with %s", c, NameGiven(f))
		}
	}
	list, shared := make([][]float32, len(s.pieces)), map[string][]float32{}
	for i := range s.pieces {
		p := &s.pieces[i]
		if len(c.rows[i]) == len(c.columns) {
			row, err := c.encodeRow(nil, f, p, i, 0)
			if err != nil {
				return nil, err
			}
			key := fmt.Sprint(row)
			if len(shared[key]) < p.steps*width {
				shared[key] = slices.Repeat(row, p.steps)
			}
			list[i] = shared[key][:p.steps*width]
			continue
		}
		list[i] = make([]float32, 0, p.steps*width)
		for t := range p.steps {
			var err error
			if list[i], err = c.encodeRow(list[i], f, p, i, t); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// encodeRow appends the conditions of a step to dst.
func (c *conditions) encodeRow(dst []float32, f model.Form, p *piece, i, t int) ([]float32, error) {
	for j, v := range c.row(i, t) {
		g, text := f.Given[j], ""
		if texts := c.columns[j].texts; texts != nil {
			text = texts[int(v)]
		}
		var err error
		if dst, err = appendCondition(dst, g, text, v); err != nil {
			return nil, fmt.Errorf("%s, step %d: %w", p.name, t, err)
		}
	}
	return dst, nil
}

// appendCondition appends a condition, which is a text or, if that is empty, a number.
func appendCondition(dst []float32, g model.Condition, text string, v float64) ([]float32, error) {
	if len(g.Classes) == 0 {
		if text != "" {
			return nil, fmt.Errorf("%s: %.80q, want a number", g.Name, text)
		}
		x := float32((v - g.Offset) / g.Scale)
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("%s: %v, want a finite number", g.Name, v)
		}
		return append(dst, x), nil
	}
	if text == "" {
		text = fmt.Sprint(v)
	}
	k, ok := slices.BinarySearch(g.Classes, text)
	if !ok {
		return nil, fmt.Errorf("%s: %.80q is none of the classes of the training: %s", g.Name, text, someOf(g.Classes))
	}
	at := len(dst)
	dst = append(dst, make([]float32, len(g.Classes))...)
	dst[at+k] = 1
	return dst, nil
}

// someOf lists names, but not all of very many.
func someOf(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func (c *conditions) String() string {
	var names []string
	for _, col := range c.columns {
		names = append(names, col.name)
	}
	return someOf(names)
}

// NameGiven names the conditions of a form, with their classes.
func NameGiven(f model.Form) string {
	var names []string
	for _, g := range f.Given {
		name := g.Name
		if len(g.Classes) > 0 {
			name += " (" + someOf(g.Classes) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// givenBy returns what Options.Given is for data that are read by a form, and the class of all pieces if
// given says one. Otherwise given is a table that takes the place of the one of the training, which was
// beside its own data alone.
func givenBy(path, given string, m model.Info) (source, class string, err error) {
	f := m.Form
	var names []string
	for _, g := range f.Given {
		names = append(names, g.Name)
	}
	own := strings.Join(names, ",")
	switch {
	case len(f.Given) == 0 && given != "":
		return "", "", fmt.Errorf("-given %.80q: the model was trained without conditions", given)
	case len(f.Given) == 0:
		return "", "", nil
	case f.GivenFile == "" && (given == "" || given == own):
		return own, "", nil
	case OfClass(f):
		return labelGiven, strings.TrimPrefix(given, labelGiven+"="), nil
	case f.GivenFile == "":
		return "", "", fmt.Errorf("-given %.80q: the model reads its conditions, %s, from the data themselves", given, NameGiven(f))
	case given == "" && path != m.Name:
		return "", "", fmt.Errorf("%s: the model is given %s: say with -given which table has that for these data", path, NameGiven(f))
	case given == "":
		given = f.GivenFile
	}
	if !isFile(given) {
		return "", "", fmt.Errorf("-given %.80q: no such file: it has the conditions, %s", given, NameGiven(f))
	}
	return given, "", nil
}

// OfClass reports whether what is given is the class of a whole sequence.
func OfClass(f model.Form) bool {
	return f.Kind != model.FormSeries && f.GivenFile == "" && len(f.Given) == 1 && f.Given[0].Name == labelGiven
}

// Given returns conditions that are given to a model in so many steps: of a text such as 3, label=3 or
// price=2.5,kind=a, the same ones in all steps, or of a table with a row for every step or a single one.
// steps 0 stands for as many as there are rows, or one.
func Given(f model.Form, text string, steps int, b *infile.Budget) (rows []float32, err error) {
	if len(f.Given) == 0 {
		return nil, fmt.Errorf("-given %.80q: the model was trained without conditions", text)
	}
	width := f.GivenWidth()
	if isFile(text) {
		rows, err = givenTable(f, text, b)
	} else {
		rows, err = givenText(f, text)
	}
	switch n := len(rows) / width; {
	case err != nil:
		return nil, err
	case steps == 0:
		return rows, nil
	case n == 1:
		return slices.Repeat(rows, steps), nil
	case n < steps:
		return nil, fmt.Errorf("%s: %d rows for %d steps", text, n, steps)
	}
	return rows[:steps*width], nil
}

// GivenFor returns the first rows of conditions, as many as there are steps. The last one goes on.
func GivenFor(rows []float32, width, steps int) []float32 {
	if n := len(rows) / width; n < steps {
		return append(slices.Clone(rows), slices.Repeat(rows[(n-1)*width:], steps-n)...)
	}
	return rows[:steps*width]
}

// GivenOf returns the conditions of count sequences of so many steps, GivenFor those of seqs in turn; nil
// if the width is 0.
func GivenOf(seqs []model.Sequence, width, count, steps int) (all []float32) {
	for i := 0; i < count && width > 0; i++ {
		all = append(all, GivenFor(seqs[i%len(seqs)].Given, width, steps)...)
	}
	return all
}

// givenText reads conditions as name=value, with commas between them; of a single one the value does.
func givenText(f model.Form, text string) (row []float32, err error) {
	values := map[string]string{}
	if len(f.Given) == 1 && !strings.HasPrefix(text, f.Given[0].Name+"=") {
		values[f.Given[0].Name] = text
	} else {
		for part := range strings.SplitSeq(text, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if !ok {
				return nil, fmt.Errorf("-given %.80q: want a table, or NAME=VALUE for each of %s", text, NameGiven(f))
			}
			if _, ok := values[name]; ok {
				return nil, fmt.Errorf("-given %.80q: %.40q twice", text, name)
			}
			values[name] = value
		}
	}
	for _, g := range f.Given {
		value, ok := values[g.Name]
		if !ok {
			return nil, fmt.Errorf("-given %.80q: no value for %s; want NAME=VALUE for each of %s", text, g.Name, NameGiven(f))
		}
		delete(values, g.Name)
		var v float64
		if len(g.Classes) == 0 {
			if _, err := fmt.Sscanf(value+"\n", "%g\n", &v); err != nil {
				return nil, fmt.Errorf("-given %.80q: %s: %.40q is no number, and no file", text, g.Name, value)
			}
			value = ""
		}
		if row, err = appendCondition(row, g, value, v); err != nil {
			return nil, fmt.Errorf("-given %.80q: %w", text, err)
		}
	}
	for name := range values {
		return nil, fmt.Errorf("-given %.80q: the model is not given %.40q, but %s", text, name, NameGiven(f))
	}
	return row, nil
}

// givenTable reads conditions from a table that has them among its columns, in any order.
func givenTable(f model.Form, path string, b *infile.Budget) (rows []float32, err error) {
	t, err := table.Scan(path, b, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if len(t.Sequences) > 1 {
		return nil, fmt.Errorf("%s: rows of %d sequences, want those of one", path, len(t.Sequences))
	}
	names := columnNames(model.Form{Columns: t.Columns}, len(t.Columns))
	at := make([]int, len(f.Given))
	for j, g := range f.Given {
		if at[j] = slices.Index(names, g.Name); at[j] < 0 {
			return nil, fmt.Errorf("%s: no column %q; the model is given %s", path, g.Name, NameGiven(f))
		}
	}
	err = t.Each(func(_, step int, values []float64) error {
		if err := b.Take(path, int64(4*f.GivenWidth())); err != nil {
			return err
		}
		for j, g := range f.Given {
			v, text := values[at[j]], ""
			if texts := t.Classes[at[j]]; texts != nil {
				text = texts[int(v)]
			}
			if rows, err = appendCondition(rows, g, text, v); err != nil {
				return fmt.Errorf("%s, row %d: %w", path, step+1, err)
			}
		}
		return nil
	})
	return rows, err
}
