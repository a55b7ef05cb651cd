package table

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/elbow-go/elbow/internal/infile"
)

// Lines and characters are put together wherever a read has cut them.
func TestLines(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"\n", []string{""}},
		{"a", []string{"a"}},
		{"a\r", []string{"a"}},
		{"a\r\n", []string{"a"}},
		{"a\r\n\r\nb\r\rc\n\nd", []string{"a", "", "b", "", "c", "", "d"}},
		{"\r\n\n\r", []string{"", "", ""}},
		{"😀\r\nä", []string{"😀", "ä"}},
	} {
		for _, wide := range []bool{false, true} {
			var r io.Reader = strings.NewReader(c.text)
			if wide {
				r = &utf16Reader{r: iotest.OneByteReader(strings.NewReader(utf16Of(c.text, true))), big: true}
			}
			l := newLines("p", iotest.OneByteReader(r))
			l.buf = make([]byte, 2)
			var got []string
			for {
				line, err := l.next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(line))
				if l.line != len(got) || l.first != len(got) {
					t.Errorf("%q: lines %d to %d, want %d", c.text, l.first, l.line, len(got))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q: %q, want %q", c.text, got, c.want)
			}
		}
	}
	l := newLines("p", iotest.ErrReader(io.ErrClosedPipe))
	if _, err := l.next(); err != io.ErrClosedPipe {
		t.Error(err)
	}
}

// What a damaged file can make the reader allocate is bounded.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		content, want string
		max           int64
	}{
		{"1,2\n" + strings.Repeat("1", 2*maxLine), "line 2 is longer than the limit", 1 << 30},
		{"1,2\n1,\"" + strings.Repeat("1\n", maxLine), "line 2 is longer than the limit", 1 << 30},
		{strings.Repeat("1,", 1000) + "1\n", "-max-data", 100000},
		{"x,sequence\n" + strings.Repeat("1,a\n2,b\n", 10), "", 10000},
		{"x,sequence\n" + ids(1000), "-max-data", 100000},
	} {
		b := &infile.Budget{Max: c.max}
		_, err := Scan(put(t, "a.csv", c.content), b, nil)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.20q: %v, want %q", c.content, err, c.want)
		}
	}
}

func ids(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "1,%d\n", i)
	}
	return b.String()
}

// Each never gives more than Scan has promised, whatever happened to the file in between.
func TestChanged(t *testing.T) {
	const before = "sequence,x\na,1\nb,2\nb,3\n"
	for _, after := range []string{before + "a,4\n", "sequence,x\na,1\nb,2\n", "sequence,x\na,1\nc,2\nb,3\n", "sequence,x\na,1\nb,y\nb,3\n", "sequence,x\na,1,5\nb,2,5\n", ""} {
		path := put(t, "a.csv", before)
		table, err := Scan(path, new(infile.Budget), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(after), 0o666); err != nil {
			t.Fatal(err)
		}
		err = table.Each(func(seq, step int, values []float64) error {
			if step >= table.Sequences[seq].Rows {
				t.Errorf("%q: step %d of %d", after, step, table.Sequences[seq].Rows)
			}
			return nil
		})
		if err == nil || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q: %v", after, err)
		}
	}
	table, err := Scan(put(t, "a.csv", before), new(infile.Budget), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Each(func(int, int, []float64) error { return io.ErrShortWrite }); err != io.ErrShortWrite {
		t.Errorf("error of the callback: %v", err)
	}
}
