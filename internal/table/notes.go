package table

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// end decides what is left out and writes the notes.
func (s *scan) end() error {
	t := s.t
	t.budget.Return(int64(len(s.cols)) * scanBytes)
	if t.numbers.comma && !s.proved && t.dialect.sep != ';' {
		return fmt.Errorf("%s: line %d: every comma in a number is followed by three digits, as in %s: "+
			"a decimal sign, or a separator of thousands? Write decimal points", t.Path, s.grouped, quote(s.group))
	}
	if s.pairs && s.padded > 0 {
		return fmt.Errorf("%s: line %d has a whole number that begins with a zero, as decimals behind a comma do: "+
			"if commas are decimal signs, write points; if not, give the columns names", t.Path, s.padded)
	}
	if err := s.indices(); err != nil {
		return err
	}
	t.roles, t.classes = make([]role, len(s.cols)), make([]map[string]int, len(s.cols))
	for j, c := range s.cols {
		t.roles[j], t.classes[j] = c.role, c.class
		if c.role == isNumber || c.role == isTruth || c.role == isClass {
			t.Columns = append(t.Columns, c.name)
			t.Classes = append(t.Classes, names(c.class))
		}
	}
	for j, c := range s.cols {
		if mark, ok := c.numbersBut(); ok {
			return fmt.Errorf("%s: %s: %s in the first row is a missing value among numbers; if it names a class, the others need names that are no numbers", t.Path, label(j, c.name), quote([]byte(mark)))
		}
	}
	if len(t.Columns) == 0 {
		return fmt.Errorf("%s: no column of numbers", t.Path)
	}
	notes := t.Notes // of the rows
	t.Notes = nil
	s.form()
	t.Notes = append(t.Notes, notes...)
	s.columns()
	if s.missing > 0 {
		t.note("%s missing, the first in line %d", map[bool]string{true: "1 value is", false: fmt.Sprintf("%d values are", s.missing)}[s.missing == 1], s.lost)
	}
	if s.mixed > 0 {
		t.note("the rows of some sequences do not follow each other, the first in line %d: they were put together, in the order of the file", s.mixed)
	}
	return nil
}

// numbersBut reports whether a column was taken for text for a missing value in its first row alone.
func (c *column) numbersBut() (mark string, ok bool) {
	for text := range c.class {
		switch b := []byte(text); {
		case looksNumber(b, true):
			ok = true
		case isMissing(b) && c.class[text] == 0:
			mark = text
		case !isMissing(b):
			return "", false
		}
	}
	return mark, ok
}

// names returns the texts of classes in the order of their numbers.
func names(class map[string]int) []string {
	if class == nil {
		return nil
	}
	list := make([]string, len(class))
	for name, k := range class {
		list[k] = readable([]byte(name))
	}
	return list
}

func (t *Table) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// indices leaves out columns that count the rows.
func (s *scan) indices() error {
	values := 0
	for _, c := range s.cols {
		if (c.role == isNumber || c.role == isTruth) && !c.index {
			values++
		}
	}
	for j := range s.cols {
		c := &s.cols[j]
		if !c.index || c.role != isNumber {
			if c.index && c.name == "" && c.role == isTruth {
				return fmt.Errorf("%s: %s has no name: name it", s.t.Path, label(j, ""))
			}
			continue
		}
		switch counts := c.byRow || c.byStep; {
		case counts && (values > 0 || c.name == ""):
			c.role = isIndex
		case c.name == "":
			return fmt.Errorf("%s: line %d, %s has no name, and does not count the rows as an index does: name it, or remove it", s.t.Path, c.broken, label(j, ""))
		}
	}
	return nil
}

// form writes notes about the dialect.
func (s *scan) form() {
	t, d := s.t, s.t.dialect
	var how []string
	plain := d.sep == ',' || len(s.cols) == 1 || d.sep == '\t' && (ext(t.Path) == ".tsv" || ext(t.Path) == ".tab")
	if !plain {
		how = append(how, "separated by "+map[byte]string{';': "semicolons", '\t': "tabs", '|': "bars", blanks: "blanks", ',': "commas"}[d.sep])
	}
	if t.numbers.comma {
		how = append(how, "decimal commas")
	}
	if d.encoding != utf8Text {
		how = append(how, "UTF-16")
	}
	if d.trailing > 0 {
		how = append(how, count(d.trailing, "separator")+" at the end of every row")
	}
	if len(how) > 0 {
		t.note("read as a table with: %s", strings.Join(how, ", "))
	}
	if s.group != nil && !s.proved {
		t.note("%s in line %d, and all numbers like it, are taken for numbers with three decimals, not for thousands", quote(s.group), s.grouped)
	}
	if n := s.r.comments; n > 0 {
		t.note("%s left out as %s, the first is line %d", count(n, "line"), map[bool]string{true: "a comment", false: "comments"}[n == 1], s.r.comment)
	}
	if s.pairs && len(s.cols) == 2 && !s.bits {
		t.note("commas were taken to separate columns, which hold whole numbers only: if they are decimal signs, write points")
	}
	if s.ramp && (len(s.cols) > 2 || !s.signs[0] && s.signs[1]) {
		t.note("the first row counts the columns, and was taken for a row: remove it if it is a header, as pandas writes it for columns without names")
	}
}

// marks are numbers that stand for missing values in many archives.
var marks = map[float64]bool{-99: true, -200: true, -99.9: true, -99.99: true, -999: true, -999.25: true, -999.9: true, -999.99: true,
	-9999: true, -9999.9: true, -9999.99: true, -99999: true, -999999: true, -32768: true, -8888: true, -1e30: true, -1e20: true}

// columns writes notes about what the columns hold.
func (s *scan) columns() {
	t := s.t
	var index, clocks, truths, empty, constant, ticks, ids, twice, back, low []string
	seen := map[string]int{}
	for j, c := range s.cols {
		l := label(j, c.name)
		switch c.role {
		case isIndex:
			index = append(index, l)
		case isClock:
			clocks = append(clocks, l)
			if c.backwards > 0 {
				back = append(back, fmt.Sprintf("%s in line %d", l, c.backwards))
			}
		case isTruth:
			truths = append(truths, l)
		}
		if c.role == isNumber || c.role == isTruth {
			rising := s.rows > 2 && c.varies && !c.fell
			if marks[c.low] && c.second > c.low/2 && c.varies {
				low = append(low, fmt.Sprintf("%s, %v", l, c.low))
			}
			switch {
			case !c.seen:
				empty = append(empty, l)
			case s.rows > 1 && !c.varies:
				constant = append(constant, l)
			case rising && isClockName(c.name), rising && !t.Named && j == 0 && len(s.cols) > 1 && c.first <= 1:
				ticks = append(ticks, l)
			case isIDName(c.name):
				ids = append(ids, l)
			}
		}
		if c.name == "" {
			continue
		}
		if i, ok := seen[c.name]; ok {
			twice = append(twice, fmt.Sprintf("%s as column %d", l, i+1))
		}
		seen[c.name] = j
	}
	t.list("left out, since it counts the rows", "left out, since they count the rows", index)
	t.list("left out, since it holds dates or times", "left out, since they hold dates or times", clocks)
	t.list("goes back in time: the steps are in the order of the file", "go back in time: the steps are in the order of the file", back)
	t.list("holds true and false, read as 1 and 0", "hold true and false, read as 1 and 0", truths)
	t.list("has no value", "have no value", empty)
	t.list("is the same in every row", "are the same in every row", constant)
	t.list("rises with every row as a clock or an index does, and is read as values", "rise with every row as a clock or an index does, and are read as values", ticks)
	t.list("is read as values; if it names the sequence of a row, call it sequence", "are read as values; if one names the sequence of a row, call it sequence", ids)
	t.list("is far below all other values: if it stands for a missing value, write NaN", "are far below all other values: if they stand for missing values, write NaN", low)
	t.list("has a name that is not its own", "have names that are not their own", twice)
}

// list writes a note about some columns.
func (t *Table) list(one, several string, labels []string) {
	const most = 4
	switch n := len(labels); {
	case n == 1:
		t.note("%s %s", labels[0], one)
	case n > most:
		t.note("%s and %d more %s", strings.Join(labels[:most-1], ", "), n-most+1, several)
	case n > 1:
		t.note("%s %s", strings.Join(labels, ", "), several)
	}
}

// isClockName reports whether a name is one of a column of times.
func isClockName(name string) bool {
	name, _, _ = strings.Cut(strings.ToLower(name), "(")
	name, _, _ = strings.Cut(name, "[")
	name = strings.Trim(name, " _.'#<>")
	switch name {
	case "t", "ts", "tick", "ticks", "unix", "epoch", "seconds", "sec", "secs", "s", "ms", "ds", "step", "steps", "sample", "samples", "row", "n", "no", "nr", "frame", "index", "id":
		return true
	}
	return strings.Contains(name, "time") || strings.Contains(name, "date") || strings.Contains(name, "zeit") || strings.Contains(name, "datum")
}

// isIDName reports whether a name is one that people give to a column of names.
func isIDName(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "id", "ids", "uid", "uuid", "group", "series", "seq", "subject", "trial", "run", "session", "episode", "batch", "sequence_id", "sequenceid":
		return true
	}
	return strings.HasSuffix(name, "_id") || strings.HasSuffix(name, " id") || strings.HasSuffix(name, "-id")
}

// readable returns the text of a name, which is taken for Latin-1 if it is not UTF-8, as
// spreadsheets write it in the west of Europe.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
