package series

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// array is a .npy file of float64.
func array(shape string, values ...float64) string {
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + ")}"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return string(b)
}

func count(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
	}
	return v
}

// files writes files, named by pairs of name and content, and returns their folder.
func files(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func npz(t *testing.T, pairs ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.Create(pairs[i] + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(pairs[i+1]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// shape is "train/valid/test" with the steps of each sequence.
func shape(s *Set) string {
	var parts []string
	for _, p := range s.parts() {
		var n []int
		for _, q := range *p.to {
			n = append(n, len(q.X)/s.Dim)
		}
		parts = append(parts, fmt.Sprint(n))
	}
	return fmt.Sprintf("%d: %s", s.Dim, strings.Join(parts, " "))
}

func lines(n int, line string) string { return strings.Repeat(line+"\n", n) }

func TestRead(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{filepath.Join(files(t, "a.npy", array("20, 3, 2", count(120)...)), "a.npy"), "2: [3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3] [3 3] [3 3]"},
		{filepath.Join(files(t, "a.npy", array("20, 2", count(40)...)), "a.npy"), "2: [16] [2] [2]"},
		{npz(t, "x", array("20, 2", count(40)...)), "2: [16] [2] [2]"},
		{npz(t, "test", array("1, 2", 1, 2), "train", array("1, 3, 2", count(6)...), "valid", array("2, 2", 1, 2, 3, 4)), "2: [3] [2] [1]"},
		{filepath.Join(files(t, "a.csv", lines(10, "1, 2,3")), "a.csv"), "3: [8] [1] [1]"},
		{filepath.Join(files(t, "a.CSV", "x,y\n"+lines(10, "1,2")), "a.CSV"), "2: [8] [1] [1]"},
		{filepath.Join(files(t, "a.csv", "x,Sequence\n"+lines(10, "1,a")+lines(20, "2,b")), "a.csv"), "1: [8 16] [1 2] [1 2]"},
		{files(t, "train/a.csv", "1\n2", "train/b.npy", array("1, 1", 5), "train/readme.txt", "", "valid/a.csv", "1", "test/a.csv", "3"), "1: [2 1] [1] [1]"},
		{files(t, "a.csv", lines(10, "1"), "b.csv", lines(30, "1")), "1: [8 24] [1 3] [1 3]"},
	} {
		s, err := Read(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
		} else if got := shape(s); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	s, err := Read(filepath.Join(files(t, "a.csv", "b,sequence,a\n"+strings.Repeat("1,s,2\n3,s,4.5\n", 5)), "a.csv"))
	if err != nil || !slices.Equal(s.Train[0].X[:4], []float32{1, 2, 3, 4.5}) || !strings.Contains(s.Train[0].Name, "a.csv: s") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestDamaged(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/nonexistent.csv", "/nonexistent.csv"},
		{filepath.Join(files(t, "a.txt", "1"), "a.txt"), "a.txt: want a file .npy or .csv"},
		{filepath.Join(files(t, "a.csv", ""), "a.csv"), "a.csv: no row"},
		{filepath.Join(files(t, "a.csv", "x,y\n"), "a.csv"), "a.csv: no row"},
		{filepath.Join(files(t, "a.csv", "1,2\n3\n"), "a.csv"), "line 2 has 1 field"},
		{filepath.Join(files(t, "a.csv", "1,2\n3,x\n"), "a.csv"), `line 2, column 2: "x"`},
		{filepath.Join(files(t, "a.csv", "1,2\n3,NaN\n"), "a.csv"), `"NaN" is a missing value`},
		{filepath.Join(files(t, "a.csv", "1\n1e39\n"), "a.csv"), `1e+39 is not a finite`},
		{filepath.Join(files(t, "a.csv", "sequence\na\n"), "a.csv"), "a.csv: no column of numbers"},
		{filepath.Join(files(t, "a.csv", lines(9, "1")), "a.csv"), "9 steps: too few"},
		{filepath.Join(files(t, "a.npy", array("4", 1, 2, 3, 4)), "a.npy"), "shape [4]"},
		{filepath.Join(files(t, "a.npy", array("0, 4")), "a.npy"), "no steps"},
		{filepath.Join(files(t, "a.npy", array("4, 0")), "a.npy"), "no column"},
		{filepath.Join(files(t, "a.npy", array("1, 2, 2", 1, 2, 3, math.Inf(1))), "a.npy"), "sequence 0, step 1, dimension 1: +Inf"},
		{npz(t, "train", array("1, 1", 1), "test", array("1, 1", 1)), `no array "valid"`},
		{npz(t, "train", array("1, 1", 1), "valid", array("1, 2", 1, 2), "test", array("1, 1", 1)), "2 dimensions, but 1"},
		{files(t, "train/a.csv", "1", "valid/a.csv", "1"), "test"},
		{files(t, "readme", ""), "no .npy or .csv"},
		{files(t, "a.csv", lines(10, "1"), "b.csv", lines(10, "1,2")), "b.csv: 2 dimensions, but 1"},
	} {
		if _, err := Read(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.path, err, c.want)
		}
	}
}
