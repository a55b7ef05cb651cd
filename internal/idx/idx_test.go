package idx

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

func file(rank byte, shape []uint32, data int) []byte {
	raw := []byte{0, 0, 8, rank}
	for _, n := range shape {
		raw = append(raw, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for i := range data {
		raw = append(raw, byte(i))
	}
	return raw
}

func TestParse(t *testing.T) {
	raw := file(3, []uint32{2, 3, 2}, 12)
	a, err := Parse("f", raw)
	if err != nil || !slices.Equal(a.Shape, []int{2, 3, 2}) || !bytes.Equal(a.Bytes(), raw[16:]) {
		t.Errorf("%+v, %v", a, err)
	}
	if !Is(raw) || Is([]byte("text")) || Is(nil) {
		t.Error("Is is wrong")
	}
	other := bytes.Clone(raw)
	other[2] = 0xa
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"f: byte 0: the file ends", nil},
		{"f: byte 3: the file ends", raw[:3]},
		{"magic number", []byte("text and more")},
		{"byte 2: element type 0xa", other},
		{"byte 3: 0 dimensions", file(0, nil, 3)},
		{"byte 3: 9 dimensions", file(9, []uint32{1, 1, 1, 1, 1, 1, 1, 1, 1}, 1)},
		{"byte 10: the file ends in the header", raw[:10]},
		{"byte 8: dimension 1 has no", file(2, []uint32{2, 0}, 2)},
		{"byte 27: the file ends after 11 bytes of elements, which is less than shape [2 3 2]", raw[:27]},
		{"byte 4: dimension 0 of 2147483648, but only 8 bytes", file(1, []uint32{1 << 31}, 8)},
		{"byte 12: dimension 2 of 2147483648, but only 8 bytes", file(3, []uint32{8, 1, 1 << 31}, 8)},
		{"byte 48: the file ends after 32 bytes of elements", file(3, []uint32{32, 32, 32}, 32)},
		{"byte 28: 1 bytes after", file(3, []uint32{2, 3, 2}, 13)},
	} {
		if _, err := Parse("f", c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// TestTypes: all types of elements that the format has.
func TestTypes(t *testing.T) {
	for typ, c := range map[byte]struct {
		name string
		raw  []byte
		want []float64
	}{
		8:   {"|u1", []byte{0, 255}, []float64{0, 255}},
		9:   {"|i1", []byte{0, 255}, []float64{0, -1}},
		0xb: {">i2", []byte{1, 2, 255, 254}, []float64{258, -2}},
		0xc: {">i4", []byte{0, 1, 0, 0, 255, 255, 255, 254}, []float64{65536, -2}},
		0xd: {">f4", []byte{0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, []float64{1, -2}},
		0xe: {">f8", []byte{0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, []float64{1, -2}},
	} {
		raw := append([]byte{0, 0, typ, 1, 0, 0, 0, 2}, c.raw...)
		if !Is(raw) {
			t.Errorf("%s: Is is wrong", c.name)
		}
		if _, err := Parse("f", bytes.Clone(append(raw, 0))); err == nil || !strings.Contains(err.Error(), "1 bytes after") {
			t.Errorf("%s: %v", c.name, err)
		}
		a, err := Parse("f", raw)
		if err != nil || a.Type != c.name || a.Len() != 2 {
			t.Errorf("%s: %+v, %v", c.name, a, err)
			continue
		}
		got := make([]float64, 2)
		if a.Read(got, 0); !slices.Equal(got, c.want) || (a.Bytes() != nil) != (typ == 8) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBudget: a small file that unpacks to much is refused by its size unpacked.
func TestBudget(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(file(1, []uint32{1 << 20}, 1<<20))
	z.Close()
	path := filepath.Join(t.TempDir(), "a-idx1-ubyte.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	budget := &infile.Budget{Max: 1<<20 + 8}
	if a, err := Read(path, budget); err != nil || a.Len() != 1<<20 || budget.Left() != 0 {
		t.Errorf("%v, %d left", err, budget.Left())
	}
	if _, err := Read(path, &infile.Budget{Max: 1 << 20}); err == nil || !strings.Contains(err.Error(), "ubyte.gz: ") || !strings.Contains(err.Error(), "-max-data") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(3, []uint32{2, 3, 2}, 12))
	f.Add(file(1, []uint32{1 << 31}, 3))
	f.Add([]byte{0, 0, 0xd, 1, 0, 0, 0, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := Parse("f", bytes.Clone(raw)) // which it keeps
		if err != nil {
			return
		}
		n := 1
		for _, s := range a.Shape {
			n *= s
		}
		if n != a.Len() || n > len(raw) {
			t.Errorf("shape %v, %d elements", a.Shape, a.Len())
		}
		a.Read(make([]float64, n), 0)
	})
}

// data returns the path of a file of the data sets that are not part of the project.
func data(t *testing.T, path ...string) string {
	t.Helper()
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	return filepath.Join(append([]string{dir}, path...)...)
}

func read(t *testing.T, path string) *Array {
	t.Helper()
	a, err := Read(path, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

type sums struct {
	sum        int
	mean, std  float64 // of the bytes
	low, high  byte
	over, zero float64 // fractions above 127 and equal to 0
}

func statistics(p []byte) sums {
	s := sums{low: 255}
	var squares, over, zero int
	for _, b := range p {
		v := int(b)
		s.sum, squares = s.sum+v, squares+v*v
		s.low, s.high = min(s.low, b), max(s.high, b)
		if b > 127 {
			over++
		}
		if b == 0 {
			zero++
		}
	}
	n := float64(len(p))
	s.mean = float64(s.sum) / n
	s.std = math.Sqrt(float64(squares)/n - s.mean*s.mean)
	s.over, s.zero = float64(over)/n, float64(zero)/n
	return s
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.Abs(got-want) > tol {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// checksum returns the MD5 of an idx file after unpacking.
func checksum(t *testing.T, path string) string {
	t.Helper()
	raw, err := new(infile.Budget).Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", md5.Sum(raw))
}

// TestMNIST compares the files with published and measured figures.
func TestMNIST(t *testing.T) {
	for name, want := range map[string]string{
		"train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb", "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
		"t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea", "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
	} {
		if got := checksum(t, data(t, "mnist", name)); got != want {
			t.Errorf("%s: md5 %s, want %s", name, got, want)
		}
	}
	for _, c := range []struct {
		name                  string
		n, sum                int
		mean, std, over, zero float64
		first                 []byte
		labels                []int
	}{
		{"train", 60000, 1567298545, 0.1306605, 0.3081078, 0.1322583, 0.8087977, []byte{5, 0, 4, 1, 9, 2, 1, 3, 1, 4},
			[]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}},
		{"t10k", 10000, 264923200, 0.1325146, 0.3104802, 0.1342295, 0.8072424, []byte{7, 2, 1, 0, 4, 1, 4, 9, 5, 9},
			[]int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}},
	} {
		a := read(t, data(t, "mnist", c.name+"-images-idx3-ubyte.gz"))
		if !slices.Equal(a.Shape, []int{c.n, 28, 28}) {
			t.Errorf("%s: shape %v", c.name, a.Shape)
		}
		s := statistics(a.Bytes())
		if s.sum != c.sum {
			t.Errorf("%s: sum of bytes %d, want %d", c.name, s.sum, c.sum)
		}
		near(t, c.name+" mean", s.mean/255, c.mean, 1e-7)
		near(t, c.name+" std", s.std/255, c.std, 1e-7)
		near(t, c.name+" over 127", s.over, c.over, 1e-7)
		near(t, c.name+" zero", s.zero, c.zero, 1e-7)
		if c.name == "train" {
			a, b := statistics(a.Bytes()[:50000*784]), statistics(a.Bytes()[50000*784:])
			near(t, "first 50000 mean", a.mean/255, 0.1309613, 1e-7)
			near(t, "first 50000 over 127", a.over, 0.1325623, 1e-7)
			near(t, "last 10000 mean", b.mean/255, 0.1291564, 1e-7)
			near(t, "last 10000 over 127", b.over, 0.1307385, 1e-7)
		} else {
			// The entropy of the pixels of a test image as Bernoulli probabilities.
			h := 0.0
			for _, v := range a.Bytes() {
				if p := float64(v) / 255; p > 0 && p < 1 {
					h -= p*math.Log(p) + (1-p)*math.Log1p(-p)
				}
			}
			near(t, "entropy per image", h/10000, 45.53, 0.005)
		}
		l := read(t, data(t, "mnist", c.name+"-labels-idx1-ubyte.gz"))
		counts := make([]int, 10)
		for _, d := range l.Bytes() {
			counts[d]++
		}
		if !slices.Equal(l.Shape, []int{c.n}) || !bytes.Equal(l.Bytes()[:10], c.first) || !slices.Equal(counts, c.labels) {
			t.Errorf("%s labels: shape %v, first %v, counts %v", c.name, l.Shape, l.Bytes()[:10], counts)
		}
	}
}

// TestFrey does the same for the video frames.
func TestFrey(t *testing.T) {
	a := read(t, data(t, "frey-face", "frey-faces-idx3-ubyte.gz"))
	if !slices.Equal(a.Shape, []int{1965, 28, 20}) {
		t.Fatalf("shape %v", a.Shape)
	}
	want := []byte{51, 170, 172, 171, 162, 165, 171, 176, 162, 184, 228, 222, 201, 194, 186, 206, 224, 226, 228, 194}
	if got := a.Bytes()[200:220]; !bytes.Equal(got, want) {
		t.Errorf("row 10 of the first image: %v", got)
	}
	for _, c := range []struct {
		name      string
		from, to  int
		low, high byte
		mean, std float64
		sum       int
	}{
		{"all", 0, 1965, 8, 238, 154.460870, 44.896223, 169968741},
		{"train", 0, 1565, 8, 235, 153.843026, 45.059774, 134828028},
		{"valid", 1565, 1765, 22, 238, 155.642759, 44.822338, 17431989},
		{"test", 1765, 1965, 21, 236, 158.113607, 43.467788, 17708724},
	} {
		s := statistics(a.Bytes()[c.from*560 : c.to*560])
		if s.low != c.low || s.high != c.high || s.sum != c.sum {
			t.Errorf("%s: %+v", c.name, s)
		}
		near(t, c.name+" mean", s.mean, c.mean, 5e-7)
		near(t, c.name+" std", s.std, c.std, 5e-7)
	}
}
