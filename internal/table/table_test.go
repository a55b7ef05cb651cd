package table

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/elbow-go/elbow/internal/infile"
)

// put writes a file and returns its path.
func put(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// describe reads a table and writes what it holds on a line: columns, then the steps of
// each sequence, with the notes on lines of their own.
func describe(path string) (string, error) {
	t, err := Scan(path, new(infile.Budget), nil)
	if err != nil {
		return "", err
	}
	rows := make([]string, len(t.Sequences))
	err = t.Each(func(seq, step int, values []float64) error {
		if len(values) != len(t.Columns) {
			return fmt.Errorf("%d values for %d columns", len(values), len(t.Columns))
		}
		if n := strings.Count(rows[seq], ";"); n != step {
			return fmt.Errorf("step %d follows step %d", step, n-1)
		}
		rows[seq] += strings.Trim(fmt.Sprint(values), "[]") + ";"
		return nil
	})
	s := "-"
	if t.Named {
		s = strings.Join(t.Columns, "|")
	}
	for i, r := range rows {
		s += " (" + t.Sequences[i].Name + ") " + strings.TrimSuffix(r, ";")
	}
	for _, n := range t.Notes {
		s += "\n" + n
	}
	return s, err
}

func utf16Of(s string, big bool) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// What is read, and how. The second line of want and those that follow are notes, in part.
func TestRead(t *testing.T) {
	semi := "read as a table with: separated by semicolons"
	for _, c := range []struct{ name, content, want string }{
		// Headers.
		{"a.csv", "1,-2\n3,4\n", "- () 1 -2;3 4"},
		{"a.csv", "x,y\n1,2\n3,4", "x|y () 1 2;3 4"},
		{"a.csv", "x\n1\n2\n", "x () 1;2"},
		{"a.csv", "x1,1h,Na\n1,2,3\n", "x1|1h|Na () 1 2 3"},
		{"a.csv", "\"a,b\",\"c\"\"d\",\"e\nf\"\n1,2,3\n", "a,b|c\"d|e\nf () 1 2 3"},
		{"a.csv", "Temp \xb0C,y\n1,2\n2,3\n", "Temp °C|y () 1 2;2 3"},
		{"a.csv", "0,1\n0.5,0.7\n", "- () 0 1;0.5 0.7\nthe first row counts the columns"},
		{"a.csv", "0\n0.5\n", "- () 0;0.5\nthe first row counts the columns"},
		{"a.csv", "x,y,x\n1,2,3\n2,3,5\n", "x|y|x () 1 2 3;2 3 5\ncolumn 3 (x) as column 1 has a name that is not its own"},
		// Missing values.
		{"a.csv", "1.5,\n0.5,0\n2,1\n", "- () 1.5 NaN;0.5 0;2 1\n1 value is missing, the first in line 1"},
		{"a.csv", ",1.5\n2,0\n1,2\n", "- () NaN 1.5;2 0;1 2\n1 value is missing, the first in line 1"},
		{"a.csv", "NA\n0.5\n1.5\n", "- () NaN;0.5;1.5\n1 value is missing"},
		{"a.csv", "x\n1\n\"\"\n2\n", "x () 1;NaN;2\n1 value is missing, the first in line 3"},
		{"a.csv", "x,y\n1,2\n,\n2,3\n", "x|y () 1 2;NaN NaN;2 3\n2 values are missing, the first in line 3"},
		{"a.csv", "x\ty\n1\t2\n\t\n2\t3\n", "x|y () 1 2;NaN NaN;2 3\nread as a table with: separated by tabs\n2 values are missing"},
		{"a.csv", "x,y\n1,-\n2,?\n3,null\n4,nan\n5,None\n6,#N/A\n7,***\n8,####\n9,1.#QNAN\n8,1\n7,2\n",
			"x|y () 1 NaN;2 NaN;3 NaN;4 NaN;5 NaN;6 NaN;7 NaN;8 NaN;9 NaN;8 1;7 2\n9 values are missing, the first in line 2"},
		{"a.csv", "x,y\ntrue,1\n,2\nfalse,3\n", "x|y () 1 1;NaN 2;0 3\ncolumn 1 (x) holds true and false\n1 value is missing, the first in line 3"},
		// Separators.
		{"a.csv", "0.5;0\n1.5;1\n", "- () 0.5 0;1.5 1\n" + semi},
		{"a.csv", "x;y\n0,5;0\n1,5;1\n", "x|y () 0.5 0;1.5 1\n" + semi + ", decimal commas"},
		{"a.csv", "0.5\t0\n1.5\t1\n", "- () 0.5 0;1.5 1\nread as a table with: separated by tabs"},
		{"a.tsv", "0,5\t0\n1.000,5\t1\n", "error"},
		{"a.tsv", "0,5\t0\n1,5\t1\n", "- () 0.5 0;1.5 1\nread as a table with: decimal commas"},
		{"a.dat", "  0.5   0\n 1.5 \t 1 \n", "- () 0.5 0;1.5 1\nread as a table with: separated by blanks"},
		{"a.dat", "0,5 0\n1,5 1\n", "- () 0.5 0;1.5 1\nread as a table with: separated by blanks, decimal commas"},
		{"a.csv", "0.5|0\n1.5|1\n", "- () 0.5 0;1.5 1\nread as a table with: separated by bars"},
		{"a.csv", "0.5, 0\n1.5,\t1 \n", "- () 0.5 0;1.5 1"},
		{"a.csv", "\"0.5\",\"0\"\n\"1.5\" , \"1\"\n", "- () 0.5 0;1.5 1"},
		{"a.csv", "sep=;\n0.5;0\n1.5;1\n", "- () 0.5 0;1.5 1\n" + semi},
		{"a.csv", "\"sep=,\"\nx,y\n1.5,1\n", "x|y () 1.5 1"},
		{"a.csv", "0.5,0,\n1.5,1,\n", "- () 0.5 0;1.5 1\nread as a table with: 1 separator at the end of every row"},
		{"a.csv", "x,y,\n0.5,0,\n1.5,1,\n", "x|y () 0.5 0;1.5 1\nread as a table with: 1 separator at the end of every row"},
		{"a.csv", "x,y\n0.5,0,\n1.5,1,\n", "x|y () 0.5 0;1.5 1\nread as a table with: 1 separator at the end of every row"},
		{"a.csv", "x,y,\n0.5,0\n1.5,1\n", "x|y () 0.5 0;1.5 1"},
		{"a.csv", "x;y\n1;2\n2;3\n2,5;3\n", "x|y () 1 2;2 3;2.5 3\n" + semi + ", decimal commas"},
		{"a.csv", "x;y\n1,234;2,345\n0;1\n", "x|y () 1.234 2.345;0 1\n" + semi + ", decimal commas\n\"1,234\" in line 2, and all numbers like it"},
		{"a.csv", "x;y\n1.234;2.345\n0;1\n", "x|y () 1.234 2.345;0 1\n" + semi + "\n\"1.234\" in line 2, and all numbers like it"},
		{"a.csv", "x;y\n1,234;2,345\n0,5;1\n", "x|y () 1.234 2.345;0.5 1\n" + semi + ", decimal commas"},
		{"a.csv", "Date;Time;x;;\n10/03/2004;18.00.00;2,6;;\n10/03/2004;19.00.00;2,7;;\n", "x () 2.6;2.7\n" + semi + ", decimal commas, 2 separators at the end of every row\ncolumn 1 (Date), column 2 (Time) left out"},
		{"a.csv", "\"#\",\"Temp, °C\"\n1,21.5\n2,21.6\n", "Temp, °C () 21.5;21.6\ncolumn 1 (#) left out"},
		{"a.dat", "x sequence\n0,0 b\n1,1 c\n", "x (b) 0 (c) 1.1\nread as a table with: separated by blanks, decimal commas"},
		// Lines and encodings.
		{"a.csv", "x,y\r\n1,2\r\n3,4\r\n", "x|y () 1 2;3 4"},
		{"a.csv", "x,y\r1,2\r3,4", "x|y () 1 2;3 4"},
		{"a.csv", "x,y\r1,2\n3,4\r\n5,6", "x|y () 1 2;3 4;5 6"},
		{"a.csv", "\ufeffx,y\n1,2\n", "x|y () 1 2"},
		{"a.csv", "\ufeff1,-2\n", "- () 1 -2"},
		{"a.csv", "\ufeff\"x\",\"y\"\n1,2\n", "x|y () 1 2"},
		{"a.csv", "\xff\xfe" + utf16Of("ä,😀\n1,2\n3,4\n", false), "ä|😀 () 1 2;3 4\nread as a table with: UTF-16"},
		{"a.csv", "\xfe\xff" + utf16Of("x\ty\r\n1\t2\r\n3\t4\r\n", true), "x|y () 1 2;3 4\nread as a table with: separated by tabs, UTF-16"},
		{"a.csv", utf16Of("x,y\n1,2\n3,4\n", false), "x|y () 1 2;3 4\nread as a table with: UTF-16"},
		{"a.csv", utf16Of("1,-2\n3,4\n", true), "- () 1 -2;3 4\nread as a table with: UTF-16"},
		{"a.csv.gz", zipped("x,y\n1,2\n3,4\n"), "x|y () 1 2;3 4"},
		{"a.tsv.gz", zipped("x\ty\n1\t2\n3\t4\n"), "x|y () 1 2;3 4"},
		{"a.csv", "x,y\n1,2\n3,4\n\n \n", "x|y () 1 2;3 4"},
		{"a.csv", "\nx,y\n\n1,2\n3,4", "x|y () 1 2;3 4"},
		// Comments.
		{"a.csv", "# a, b, c\n1,-2\n# d\n3,4\n", "- () 1 -2;3 4\n2 lines left out as comments, the first is line 1"},
		{"a.csv", "# x,y\n1,2\n3,4\n", "x|y () 1 2;3 4\nthe names of the columns are those of the comment in line 1"},
		{"a.dat", "#t x\n1 2\n3 4\n", "t|x () 1 2;3 4\nread as\nthe names of the columns"},
		{"a.csv", "% made by hand\n1,-2\n3,4\n", "- () 1 -2;3 4\n1 line left out as a comment, the first is line 1"},
		{"a.csv", "#,x,y\n1,2,3\n2,3,5\n", "x|y () 2 3;3 5\nthe names of the columns\ncolumn 1 left out, since it counts the rows"},
		{"a.csv", "// c\n; d\n1,-2\n3,4\n", "- () 1 -2;3 4\n2 lines left out"},
		{"a.csv", "sequence,x\n#1,2\n#1,3\n#2,4\n", "x (#1) 2;3 (#2) 4"},
		{"a.dat", "##########\n## run 7\n##########\n1 2\n2 4\n", "- () 1 2;2 4\nread as\n3 lines left out"},
		{"a.csv", "# x,y\n\n1,-2\n3,4\n", "- () 1 -2;3 4\n1 line left out as a comment"},
		// Numbers.
		{"a.csv", "+1,-.5,5.,1e3,1E-3\n0,0,0,0,0\n", "- () 1 -0.5 5 1000 0.001;0 0 0 0 0"},
		{"a.dat", "1.5D+03 2d0\n1.0D-2 3\n", "- () 1500 2;0.01 3\nread as\nexponents are written with D, the first in line 1"},
		{"a.csv", "x;y\n1,5D+03;2\n1;3\n", "x|y () 1500 2;1 3\n" + semi + ", decimal commas\nexponents"},
		{"a.csv", "x,on\n1,true\n2,FALSE\n", "x|on () 1 1;2 0\ncolumn 2 (on) holds true and false"},
		{"a.csv", "t,b\n1600000000,0\n1600000001,1\n1600000002,4\n", "t|b () 1.6e+09 0;1.600000001e+09 1;1.600000002e+09 4\ncolumn 1 (t) rises with every row"},
		{"a.csv", "x,y\n1,2\n1,3\n", "x|y () 1 2;1 3\ncolumn 1 (x) is the same in every row"},
		// Columns left out.
		{"a.csv", ",a,b\n0,0.5,0\n1,1.5,1\n2,2.5,4\n", "a|b () 0.5 0;1.5 1;2.5 4\ncolumn 1 left out, since it counts the rows"},
		{"a.csv", "Unnamed: 0,a\n1,0.5\n2,1.5\n", "a () 0.5;1.5\ncolumn 1 (Unnamed: 0) left out"},
		{"a.csv", ",Unnamed: 0,a\n0,0,0.5\n1,1,1.5\n", "a () 0.5;1.5\ncolumn 1, column 2 (Unnamed: 0) left out, since they count the rows"},
		{"a.csv", "index,a\n500,0.5\n501,1.5\n", "a () 0.5;1.5\ncolumn 1 (index) left out"},
		{"a.csv", "index,a\n5,0.5\n4,1.5\n", "index|a () 5 0.5;4 1.5"},
		{"a.csv", "index\n0\n1\n", "index () 0;1"},
		{"a.dat", "\"a\" \"b\"\n\"1\" 0.5 0\n\"2\" 1.5 1\n", "a|b () 0.5 0;1.5 1\nread as\ncolumn 1 left out, since it counts the rows"},
		{"a.csv", "\"a\",\"b\"\n\"1\",0.5,0\n\"2\",1.5,1\n", "a|b () 0.5 0;1.5 1\ncolumn 1 left out, since it counts the rows"},
		{"a.csv", ",sequence,a\n0,u,1\n1,u,2\n0,v,3\n", "a (u) 1;2 (v) 3\ncolumn 1 left out"},
		{"a.csv", ",sequence,a\n0,u,1\n1,u,2\n2,v,3\n", "a (u) 1;2 (v) 3\ncolumn 1 left out"},
		{"a.csv", "t,sequence\n1,a\n2,a\n1,b\n2,b\n", "t (a) 1;2 (b) 1;2\ncolumn 1 (t) rises with every row"},
		{"a.csv", "0,1\n1,-5\n2,3\n", "- () 0 1;1 -5;2 3\ncolumn 1 rises with every row"},
		{"a.csv", "t,b\n2020-01-01 00:00:00,0\n2020-01-01 00:01:00,1\n", "b () 0;1\ncolumn 1 (t) left out, since it holds dates or times"},
		{"a.csv", ",b\n2020-01-02,0\n2020-01-01,1\n", "b () 0;1\ncolumn 1 left out, since it holds dates or times\ncolumn 1 in line 3 goes back in time"},
		{"a.dat", "2020-01-01 00:00:00 5\n2020-01-01 00:01:00 6\n", "- () 5;6\nread as\ncolumn 1, column 2 left out, since they hold"},
		{"a.csv", "x,y\n1,2\n-999,3\n5,4\n", "x|y () 1 2;-999 3;5 4\ncolumn 1 (x), -999 is far below all other values"},
		{"a.csv", "1,5\n2,50\n", "- () 1 5;2 50\ncommas were taken to separate columns"},
		{"a.csv", "y,m\n1,05\n2,50\n", "y|m () 1 5;2 50"},
		{"a.csv", "\"  0.5\",\" 1 \"\n", "- () 0.5 1"},
		{"a.tsv", "\t#n\n1\t5\n2\t7\n", "#n () 5;7\ncolumn 1 left out, since it counts the rows"},
		// Sequences.
		{"a.csv", "b,Sequence,a\n1,s,2\n3,s,4\n5,t,6\n", "b|a (s) 1 2;3 4 (t) 5 6"},
		{"a.csv", "sequence,x\n1,2\n2,3\n1,4\n2,5\n", "x (1) 2;4 (2) 3;5\nthe rows of some sequences do not follow each other, the first in line 4"},
		{"a.csv", "x,sequence\n1,\"a, b\"\n2,\"a, b\"\n", "x (a, b) 1;2"},
		{"a.csv", "id,x\n1,2\n1,3\n2,4\n", "id|x () 1 2;1 3;2 4\ncolumn 1 (id) is read as values; if it names the sequence of a row"},
	} {
		got, err := describe(put(t, c.name, c.content))
		if c.want == "error" {
			if err == nil {
				t.Errorf("%.60q: %q, want an error", c.content, got)
			}
			continue
		}
		g, w := strings.Split(got, "\n"), strings.Split(c.want, "\n")
		if strings.Contains(c.want, "e\nf") { // a line break within a name
			g, w = []string{got}, []string{c.want}
		}
		ok := err == nil && len(g) == len(w) && g[0] == w[0]
		for i := 1; ok && i < len(w); i++ {
			ok = strings.Contains(g[i], w[i])
		}
		if !ok {
			t.Errorf("%.60q:\n got %q, %v\nwant %q", c.content, got, err, c.want)
		}
	}
}

// What is not read, and what is said of it.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"", "no row of numbers"},
		{"x,y\n", "no row of numbers"},
		{"# x\n", "no row of numbers"},
		{"\n\n", "no row of numbers"},
		// First lines that are no headers.
		{"x,2\n0.5,0\n", `line 1, column 1: "x" is not a number, and the line is no header`},
		{"x,\n0.5,0\n", `line 1, column 1: "x" is not a number, and the line is no header`},
		{"1.5x\n2\n", `line 1, column 1: "1.5x" is not a number`},
		{"15x\n2\n", `line 1, column 1: "15x" is not a number`},
		{"1e400,a\n2,3\n", `line 1, column 1: "1e400" is too large`},
		{"a,,b\n0,0.5,3\n", `line 1, column 1: "a" is not a number, and the line is no header`},
		{"x,y\nm,s\n1,2\n3,4\n", `line 2, column 1 (x): "m": a second line of names or units`},
		{"x,y\n(m),(s)\n1,2\n3,4\n", `a second line of names or units`},
		{"a,b,c\n1,2\n3,4\n", "line 1, the header, has 3 fields, but the rows have 2"},
		{"x\n0,5\n1,5\n2,5\n", "needs decimal points"},
		// Missing values.
		{"\n1\n2\n", "line 1, column 1: a blank line: if a value is missing, write NaN"},
		{"x\n1\n\n2\n", "line 3, column 1 (x): a blank line: if a value is missing, write NaN"},
		{"x\n1\n2\n\n", "line 4, column 1 (x): a blank line"},
		{"x,y\n1,2\n\n3,4\n", "line 3 is blank, between rows"},
		// Numbers.
		{"1,2\n3,inf\n", `line 2, column 2: "inf" is infinite`},
		{"1,2\n3,-Infinity\n", `"-Infinity" is infinite`},
		{"1,2\n3,1.#INF\n", `"1.#INF" is infinite`},
		{"1,2\n3,1e309\n", `"1e309" is too large`},
		{"1,2\n3,0x1F\n", `"0x1F" is hexadecimal`},
		{"1,2\n3,0x1p-2\n", `"0x1p-2" is hexadecimal`},
		{"1,2\n3,1_000\n", `"1_000" has underscores among its digits: write "1000"`},
		{"1,2\n3,5%\n", `"5%" has a percent sign`},
		{"1,2\n3,\u22125\n", `minus sign that is not "-"`},
		{"1,2\n3,\"1,234.5\"\n", `"1,234.5" has a separator of thousands, ","`},
		{"1,2\n3,\"1,5\"\n", `"1,5" has a comma within`},
		{"x;y\n1;1,234.5\n", `"1,234.5" has a separator of thousands, ","`},
		{"x;y\n1;1.234,5\n", `"1.234,5" has a separator of thousands, "."`},
		{"x;y\n1;1.234.567\n", `separator of thousands, "."`},
		{"x;y\n1;1 234\n", `separator of thousands, " "`},
		{"x;y\n1;1'234.50\n", `separator of thousands, "'"`},
		{"x\ty\n1,234\t5\n", "line 2: every comma in a number is followed by three digits"},
		{"x;y\n1;1,5\n1;2.5\n", `line 3, column 2 (y): "2.5" has a decimal point, but`},
		{"x;y\n1;1.5\n1;2,5\n", `line 3, column 2 (y): "2,5" has a decimal comma, but`},
		{"x;y\n1;1,5\n1;2.500\n", `"2.500" has a separator of thousands, ".", or another`},
		{"1,2\n3,abc\n", `line 2, column 2: "abc" is not a number`},
		{"1,2\n3,4 kg\n", `"4 kg" is not a number`},
		{"1,2\n3,2020-01-01\n", `is a date or a time among numbers`},
		{"1,2\n3,true\n", `"true" among numbers`},
		{"x,b\n1,true\n2,1\n", `line 3, column 2 (b): "1" among true and false`},
		{"t,b\n2020-01-01,1\nx,1\n", `line 3, column 1 (t): "x" among dates or times`},
		{"t,b\n2020-01-01,1\n,1\n", `line 3, column 1 (t): an empty field among dates`},
		{"1,5\n1,05\n", "line 2 has a whole number that begins with a zero"},
		// Columns.
		{"x,city\n1,Oslo\n2,Rome\n", `line 2, column 2 (city): "Oslo" is text: remove the column`},
		{",a\n0,1\n2,1\n", "line 3, column 1 has no name, and does not count the rows"},
		{",a\n0.5,1\n2,1\n", "line 2, column 1 has no name, and does not count the rows"},
		{"sequence,a,SEQUENCE\n0,1,2\n", "line 2, column 3 (SEQUENCE): column 1 has this name too"},
		{"sequence\na\n", "no column of numbers"},
		{"sequence,x\n,1\n", "line 2, column 1 (sequence): empty: every row needs"},
		// Rows.
		{"1,2\n3\n", "line 2 has 1 field, but the table has 2 columns"},
		{"1,2\n3,4,5\n6,7\n", "line 2 has 3 fields, but the table has 2 columns"},
		{"1,2,\n3,4\n5,6,\n", "line 2 has 2 fields, but the table has 2 columns, each row with 1 more separator at its end"},
		{"made by hand\n1,2\n3,4\n", "has 1 field, but the rows have 2"},
		{"12.5\n1,2\n3,4\n", "line 1 has 1 field, but the table has 2 columns: remove what comes before"},
		{"1,\"2\n3,4\n", "line 1, column 2: a quoted field does not end"},
		{"1,2\n1,\"2\"3\n3,4\n", `line 2, column 2: "3" follows the end of a quoted field`},
		{"a,\"b\r\nc\"\n1,2\n3,x\n", `line 4, column 2 ("b\r\nc"): "x" is not`},
		{"x,y,\n" + strings.Repeat("1,2,\n", 20000) + "3,4,5\n", `line 20002 holds "5" behind the last column`},
		{"x, y\n1 2, 3\n", `"2," is not a number`},
		// Files of another kind.
		{"PK\x03\x04\x14\x00", "a spreadsheet of Excel"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet"},
		{"<!DOCTYPE html><p>1", "HTML"},
		{"\ufeff \n<HTML>", "HTML"},
		{"<?xml version", "XML"},
		{"{\"a\": 1}\n{\"a\": 2}\n", "JSON"},
		{"[[1, 2],\n [3, 4]]\n", "JSON"},
		{"1,2\n\x00\x01\x02\x03\n", "a binary file"},
		{"1\x00,2,3\n", "a binary file"},
		{"BZh91AY", "bzip2"},
		{"\x89HDF\r\n\x1a\n", "HDF5"},
		{zipped(zipped("1,2\n")), "packed twice"},
		{"\xff\xfe1\x00,\x002\x00\n", "UTF-16 text that ends within a character"},
	} {
		path := put(t, "a.csv", c.content)
		got, err := describe(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%.60q: %q, %v, want %q", c.content, got, err, c.want)
		} else if n := len(err.Error()) - len(path); n > 230 {
			t.Errorf("%.60q: a message of %d bytes", c.content, n)
		}
	}
}

func TestIs(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       bool
	}{
		{"a.csv", "", true}, {"a.CSV", "x", true}, {"a.csv.gz", "x", true}, {"a.tsv", "", true}, {"a.tab", "", true}, {"a.dat", "", true},
		{"a.txt", "1 2\n3 4\n", true},
		{"a.txt", "1\n2\n3\n", true},
		{"a", "t;x\n0,5;1\n0,7;2\n0,", true},
		{"a.txt", "# c\n1\t2\n3\t4\n", true},
		{"a.txt", "2020-01-01 00:00\t4\n2020-01-01 00:10\t5\n", true},
		{"a.txt", utf16Of("1,2\r\n3,4\r\n", false), true},
		{"a.txt", "Call me Ishmael.\nSome years ago\n", false},
		{"a.txt", "one, two\nthree, four\n", false},
		{"a.txt", "1. Introduction\n2. Method\n", false},
		{"a.txt", "1 2\n3\n4 5\n", false},
		{"a.txt", "3.14159\n", false},
		{"a.txt", "", false}, {"a.txt", "\n\n\n", false}, {"a", "\x00\x01", false}, {"a.json", "[1, 2]\n[3, 4]\n", false},
	} {
		if got := Is([]byte(c.head), c.name); got != c.want {
			t.Errorf("%s, %q: %v", c.name, c.head, got)
		}
	}
}

func TestIsTime(t *testing.T) {
	for _, s := range strings.Split(`2020-01-31|2020/1/31|2020.01.31|31.01.2020|31.1.20|1/31/2020|31-Jan-2020|31 January 2020|Jan 31, 2020|2020-01|2020-Q1|2020-Jan-31
2020-01-31T12:30|2020-01-31 12:30:00|2020-01-31T12:30:00.123456789|2020-01-31T12:30:00Z|2020-01-31T12:30:00+01:00|2020-01-31 12:30:00 UTC|2020-01-31 12:30:00-0500|20200131T123000Z|1/31/2020 9:05:00 PM|31.01.2020 12:30:00,5
12:30|18.00.00|9:05 am|23:59:59.999|Fri Jan 31 12:30:00 2020|Fri Jan 31 12:30:00 CET 2020|Fri, 31 Jan 2020 12:30:00 GMT|3 days 00:10:00|0 days|-1 days +23:00:00`, "\n") {
		for _, s := range strings.Split(s, "|") {
			if !isTime([]byte(s)) {
				t.Errorf("%q is a time", s)
			}
		}
	}
	for _, s := range strings.Split("1.5|2020|2020.01|1e-5|1-2|12|1:5|1:0.5|25:61|25:00|12:75|12:30:99|2020-13-01|2020-01-32|a-b-c|mar|may|May 5x|12:30x!|1.2.3|10.0.0.1|1/2|3/4|2020-|-|12:|x 12:30|1,234.567|1.234.567|5 kg|12-34", "|") {
		if isTime([]byte(s)) {
			t.Errorf("%q is no time", s)
		}
	}
}

// TestTexts: columns that may hold text have classes; all others are as they are without.
func TestTexts(t *testing.T) {
	isText := func(column string) bool { return column == "sky" || column == "temp" || column == "Straße" }
	path := put(t, "a.csv", "temp,sky,sequence,Straße\n3,rain,a,west\n4.5,sun,a,ost\n5,rain,b,west\n")
	table, err := Scan(path, new(infile.Budget), isText)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(table.Columns, []string{"temp", "sky", "Straße"}) || table.Classes[0] != nil ||
		!slices.Equal(table.Classes[1], []string{"rain", "sun"}) || !slices.Equal(table.Classes[2], []string{"west", "ost"}) || len(table.Notes) > 0 {
		t.Errorf("columns %q of classes %q, notes %q", table.Columns, table.Classes, table.Notes)
	}
	var got []float64
	if err := table.Each(func(_, _ int, v []float64) error { got = append(got, v...); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []float64{3, 0, 0, 4.5, 1, 1, 5, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("values %v, want %v", got, want)
	}
	for _, text := range []string{"temp,sky\n3,none\n4,sun\n5,1\n", "temp,sky\n3,none\n4,none\n"} { // a class may be called so
		if table, err := Scan(put(t, "b.csv", text), new(infile.Budget), isText); err != nil || table.Classes[1][0] != "none" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"temp,sky\n3,rain\n4,\n":     "line 3, column 2 (sky): an empty field among texts",
		"temp,wind\n3,rain\n4,sun\n": "line 2, column 2 (wind): \"rain\" is text",
		"temp,sky\n3,1\n4,sun\n":     "line 3, column 2 (sky): ",
		"temp,sky\n3,NA\n4,1\n":      "column 2 (sky): \"NA\" in the first row is a missing value among numbers",
	} {
		if _, err := Scan(put(t, "b.csv", text), new(infile.Budget), isText); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
