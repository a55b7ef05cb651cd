package npy

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

// file is a version 1 file with this header and these elements.
func file(header string, elements ...byte) []byte {
	raw := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(raw, header...), elements...)
}

// saved is a file as NumPy writes it.
func saved(typ, shape string, elements ...byte) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", typ, shape)
	return file(header+strings.Repeat(" ", 117-len(header))+"\n", elements...)
}

func read(a *Array) []float64 {
	x := make([]float64, a.Len())
	a.Read(x, 0)
	return x
}

// TestHeaders: the ways in which a header has been written.
func TestHeaders(t *testing.T) {
	version := func(v byte, header string, elements ...byte) []byte {
		raw := append([]byte(magic), v, 0, byte(len(header)), byte(len(header)>>8), 0, 0)
		return append(append(raw, header...), elements...)
	}
	long := "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }"
	six, seq := []byte{1, 2, 3, 4, 5, 6}, []float64{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name  string
		raw   []byte
		shape []int
		want  []float64
	}{
		{"NumPy", saved("|u1", "2, 3", six...), []int{2, 3}, seq},
		{"Python 2", file(long, six...), []int{2, 3}, seq},
		{"Python 2, one dimension", file(strings.Replace(long, "(2L, 3L)", "(6L,)", 1), six...), []int{6}, seq},
		{"Python 2, unicode", file(strings.NewReplacer("'d", "u'd", "'|", "u'|", "'s", "u's").Replace(long), six...), []int{2, 3}, seq},
		{"version 2", version(2, `{"shape":(2,3),"fortran_order":False,"descr":"|u1"}   `, six...), []int{2, 3}, seq},
		{"version 3", version(3, long, six...), []int{2, 3}, seq},
		{"no spaces", file("{'descr':'|u1','fortran_order':False,'shape':(2,3,)}", six...), []int{2, 3}, seq},
		{"all kinds of spaces", file(" {\t'shape' :\n( 2 ,3\t) , 'fortran_order': False,'descr':'|u1' , }\x20\r\n", six...), []int{2, 3}, seq},
		{"one dimension", saved("|u1", "6,", six...), []int{6}, seq},
		{"a number", saved("|u1", "", 7), []int{}, []float64{7}},
		{"no elements", saved("<f8", "4, 0"), []int{4, 0}, []float64{}},
		{"no elements of many", saved("<f8", "9223372036854775807, 0, 9223372036854775807"), []int{9223372036854775807, 0, 9223372036854775807}, []float64{}},
		{"more dimensions", saved("<i2", "1, 1, 2, 1, 1, 3, 1, 1, 1", 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0), []int{1, 1, 2, 1, 1, 3, 1, 1, 1}, seq},
	} {
		a, err := Parse("f", c.raw)
		if err != nil || !slices.Equal(a.Shape, c.shape) || !slices.Equal(read(a), c.want) {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
}

// TestFortran: elements come in C order, whatever their width.
func TestFortran(t *testing.T) {
	order := func(typ, shape string, elements ...byte) []byte {
		return bytes.Replace(saved(typ, shape, elements...), []byte("False"), []byte("True "), 1)
	}
	for _, c := range []struct {
		raw  []byte
		want []float64
	}{
		{order("|u1", "2, 3", 1, 2, 3, 4, 5, 6), []float64{1, 3, 5, 2, 4, 6}},
		{order(">i2", "2, 3", 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6), []float64{1, 3, 5, 2, 4, 6}},
		{order("|u1", "2, 2, 2", 0, 1, 2, 3, 4, 5, 6, 7), []float64{0, 4, 2, 6, 1, 5, 3, 7}},
		{order("|u1", "3, 1, 2", 1, 2, 3, 4, 5, 6), []float64{1, 4, 2, 5, 3, 6}},
		{order("|u1", "1, 6", 1, 2, 3, 4, 5, 6), []float64{1, 2, 3, 4, 5, 6}},
		{order("|u1", "6,", 1, 2, 3, 4, 5, 6), []float64{1, 2, 3, 4, 5, 6}},
		{order("<f4", "0, 4"), []float64{}},
		{order("|u1", "", 9), []float64{9}},
	} {
		a, err := Parse("f", c.raw)
		if err != nil || !slices.Equal(read(a), c.want) {
			t.Errorf("%v, %v, want %v", a, err, c.want)
		}
	}
}

func TestDamaged(t *testing.T) {
	good := "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
	with := func(old, new string) []byte { return file(strings.Replace(good, old, new, 1), make([]byte, 8)...) }
	eight := make([]byte, 8)
	huge := append([]byte(magic), 2, 0, 255, 255, 255, 255)
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"byte 0: not a .npy", nil},
		{"byte 0: a zip file: .npz", []byte("PK\x03\x04")},
		{"byte 0: a pickle", []byte("\x80\x04\x95")},
		{"byte 0: an HDF5 file", []byte("\x89HDF\r\n\x1a\n")},
		{"byte 8: the file ends", []byte(magic + "\x01\x00")},
		{"byte 30: the file ends", file(good, eight...)[:30]},
		{"byte 6: version 9", append([]byte(magic), 9, 0, 0, 0, 0, 0)},
		{"byte 8: header of 2147483647", huge},
		{"byte 71: the file ends after 4 bytes of elements, which is less than shape [2] of <f4", file(good, eight[:4]...)},
		{"byte 67: the file ends after 0 bytes of elements", file(good)},
		{"byte 75: 1 bytes of elements too many", file(good, append(eight, 0)...)},
		{"8 bytes of elements too many", with("(2,)", "(0,)")},
		{"another array: want one in a file", append(file(good, eight...), file(good, eight...)...)},
		{"no dictionary", file("[1]", eight...)},
		{"no dictionary", file("{", eight...)},
		{"no dictionary", file("", eight...)},
		{`no key "shape"`, file("{'descr': '<f4', 'fortran_order': False}", eight...)},
		{"want a key", file("{'descr': '<f4', 'descr': '<f4'}", eight...)},
		{"want a key", file("{descr: 2}", eight...)},
		{"want a key", file("{,}", eight...)},
		{"want a comma", file("{'descr': '<f4' 'shape': (2,)}", eight...)},
		{"unknown key", file("{'colour': 2}", eight...)},
		{"neither True nor False", with("False", "Maybe")},
		{`"-2" is not a size`, with("2,", "-2,")},
		{`"+2" is not a size`, with("2,", "+2,")},
		{`"2.5" is not a size`, with("2,", "2.5,")},
		{`"" is not a size`, with("2,", "2,,")},
		{`"2 3" is not a size`, with("2,", "2 3")},
		{`"L" is not a size`, with("2,", "L")},
		{"is not a size", with("2,", "99999999999999999999,")},
		{"want (...)", with("(2,)", "2")},
		{"want (...)", with("(2,), }", "}")},
		{"the file ends after 8 bytes", with("(2,)", "(2147483647,2147483647,2147483647,2147483647)")},
		{"the file ends after 8 bytes", with("(2,)", "(9223372036854775807,9223372036854775807)")},
		{"the file ends after 8 bytes", with("(2,)", "(4611686018427387904,4)")},
		{"more than 32 dimensions", with("(2,)", "("+strings.Repeat("1,", 33)+")")},
		{`element type "|O" is objects: save it again with .astype(np.float32)`, with("<f4", "|O")},
		{`element type "<f16" is longer`, with("<f4", "<f16")},
		{`element type "<c8" is complex`, with("<f4", "<c8")},
		{`element type "<U7" is text`, with("<f4", "<U7")},
		{`element type "|S7" is text`, with("<f4", "|S7")},
		{`element type "<M8[ns]" is dates`, with("<f4", "<M8[ns]")},
		{`element type "<V2" is raw bytes, such as bfloat16`, with("<f4", "<V2")},
		{`element type "|f4" is`, with("<f4", "|f4")},
		{`element type "<i3" is not known`, with("<f4", "<i3")},
		{`element type "" is not known`, with("<f4", "")},
		{"a structured array", with("'<f4'", "[('a','<f4')]")},
		{"a structured array", with("'<f4'", "('<f4', (2,))")},
		{`element type "None`, with("'<f4'", "None")},
	} {
		_, err := Parse("f", c.raw)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f: byte ") || len(err.Error()) > 300 {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestIsBytes(t *testing.T) {
	for _, c := range []struct {
		raw  []byte
		want bool
	}{
		{saved("|u1", "20, 3, 2"), true}, {saved("|u1", "20, 3"), false}, {saved("<f4", "20, 3, 2"), false}, {saved("|i1", "20, 3, 2"), false},
		{saved("|u1", "20, 3, 2")[:50], false}, {[]byte("text"), false}, {nil, false},
	} {
		if IsBytes(c.raw, 3) != c.want {
			t.Errorf("%q: want %v", c.raw, c.want)
		}
	}
}

// put writes a file and returns its path.
func put(t testing.TB, name string, raw []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBudget: an array takes as much as its file; another order of its elements takes as
// much again until it is done.
func TestBudget(t *testing.T) {
	raw := saved("<f4", "1024, 1024", make([]byte, 4<<20)...)
	size := int64(len(raw))
	path := put(t, "a.npy", raw)
	b := &infile.Budget{Max: size}
	if a, err := Read(path, b); err != nil || a.Len() != 1<<20 || b.Left() != 0 {
		t.Errorf("%v, %d left", err, b.Left())
	}
	if _, err := Read(path, &infile.Budget{Max: size - 1}); err == nil || !strings.Contains(err.Error(), "a.npy: the data take more") {
		t.Error(err)
	}
	path = put(t, "a.npy", bytes.Replace(raw, []byte("False"), []byte("True "), 1))
	b = &infile.Budget{Max: 2 * size}
	if _, err := Read(path, b); err != nil || b.Left() != size+128 {
		t.Errorf("%v, %d left", err, b.Left())
	}
	if _, err := Read(path, &infile.Budget{Max: 2*size - 129}); err == nil || !strings.Contains(err.Error(), "a.npy: the data take more") {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,2), }", make([]byte, 8)...))
	f.Add(file("{'descr': '>i2', 'fortran_order': True, 'shape': (2L,2L), }", make([]byte, 8)...))
	f.Add(saved("|u1", "", 1))
	f.Add(saved("<f8", "9223372036854775807, 0"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := Parse("f", bytes.Clone(raw)) // which it keeps
		if err != nil {
			return
		}
		if a.Len() > len(raw) {
			t.Errorf("%d elements from %d bytes", a.Len(), len(raw))
		}
		read(a)
	})
}

// TestFreyArray: the array holds the bytes that its description names.
func TestFreyArray(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	a, err := Read(filepath.Join(dir, "frey-face", "frey_faces.npy"), new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	h := md5.Sum(a.Bytes())
	if sum := hex.EncodeToString(h[:]); sum != "687b39ec28b56c183474c235686975cf" || !slices.Equal(a.Shape, []int{1965, 28, 20}) || a.Type != "|u1" {
		t.Errorf("shape %v of %s, md5 %s", a.Shape, a.Type, sum)
	}
}
