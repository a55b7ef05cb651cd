package table

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/infile"
)

// FuzzScan gives the reader anything. What Scan accepts must come from Each as Scan said,
// and what it refuses must be refused in one readable line.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"x,y\n1,2\n3,4\n", ",a,b\n0,1,2\n1,2,3\n", "sequence;x\ra;1,5\rb;2\ra;3\r", "\"a\nb\"\t\"c\"\"\"\n1\t2\n",
		"# c\n 1 2\n3\t4\n", "t,b\n2020-01-01,true\n2020-01-02,false\n", "\xff\xfe1\x00,\x002\x00\n\x00", "1|2|\n3|4|\n", "1.5D+03 2\n1 NaN\n",
		"sep=;\n1;2\n", "\ufeff1,2\r\n3,4", "#,x\n1,2\n", zipped("1\n2\n")} {
		f.Add([]byte(s), uint8(0))
	}
	names := []string{"a.csv", "a.tsv", "a.dat", "a.csv.gz", "a.txt"}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, kind uint8) {
		path := filepath.Join(dir, names[int(kind)%len(names)])
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		Is(data, path)
		const most = 1 << 22
		b := &infile.Budget{Max: most}
		table, err := Scan(path, b, nil)
		if held := most - b.Left(); held > int64(len(data))*300+1000 {
			t.Errorf("%d bytes of data take %d", len(data), held)
		}
		if err != nil {
			if m := err.Error(); !strings.HasPrefix(m, path) || len(m)-len(path) > 250 || !utf8.ValidString(m) || strings.ContainsAny(m, "\n\r\x00") {
				t.Errorf("message %q", m)
			}
			return
		}
		for _, n := range table.Notes {
			if len(n) > 290 || !utf8.ValidString(n) || strings.ContainsAny(n, "\n\r\x00") {
				t.Errorf("note %q", n)
			}
		}
		for pass := range 2 {
			rows := make([]int, len(table.Sequences))
			seen := 0
			err := table.Each(func(seq, step int, values []float64) error {
				if step != rows[seq] || seq > seen || len(values) != len(table.Columns) {
					t.Fatalf("pass %d: sequence %d, step %d, %d values of %d", pass, seq, step, len(values), len(table.Columns))
				}
				for _, v := range values {
					if math.IsInf(v, 0) {
						t.Fatalf("value %v", v)
					}
				}
				seen = max(seen, seq+1)
				rows[seq]++
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range rows {
				if n != table.Sequences[i].Rows || n == 0 {
					t.Fatalf("%d rows of %d", n, table.Sequences[i].Rows)
				}
			}
		}
		if again, err := Scan(path, b, nil); err != nil || !reflect.DeepEqual(again.Sequences, table.Sequences) || !reflect.DeepEqual(again.Notes, table.Notes) {
			t.Fatalf("read again: %v", err)
		}
	})
}
