package npy

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file is a version 1 file with this header and these elements.
func file(header string, elements ...byte) []byte {
	raw := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(raw, header...), elements...)
}

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		descr string
		raw   []byte
		want  []float64
	}{
		{"|b1", []byte{0, 1}, []float64{0, 1}},
		{"|u1", []byte{0, 255}, []float64{0, 255}},
		{"|i1", []byte{1, 255}, []float64{1, -1}},
		{"<u2", []byte{1, 2, 0, 255}, []float64{513, 65280}},
		{">u2", []byte{1, 2, 0, 255}, []float64{258, 255}},
		{"<i2", []byte{254, 255, 1, 0}, []float64{-2, 1}},
		{"<i4", []byte{254, 255, 255, 255, 1, 0, 0, 0}, []float64{-2, 1}},
		{">u4", []byte{255, 255, 255, 255, 0, 0, 0, 1}, []float64{4294967295, 1}},
		{"<i8", []byte{255, 255, 255, 255, 255, 255, 255, 255}, []float64{-1}},
		{"<u8", []byte{1, 0, 0, 0, 1, 0, 0, 0}, []float64{4294967297}},
		{"<f4", []byte{0, 0, 128, 63, 0, 0, 0, 192}, []float64{1, -2}},
		{">f8", []byte{63, 240, 0, 0, 0, 0, 0, 0}, []float64{1}},
	} {
		raw := file("{'descr': '"+c.descr+"', 'fortran_order': False, 'shape': ("+string('0'+byte(len(c.want)))+",), }\n", c.raw...)
		a, err := Parse("f", raw)
		if err != nil || !slices.Equal(a.Data, c.want) || !slices.Equal(a.Shape, []int{len(c.want)}) {
			t.Errorf("%s: %+v, %v", c.descr, a, err)
		}
	}
}

func TestOrderAndVersions(t *testing.T) {
	c := file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}", 1, 2, 3, 4, 5, 6)
	a, err := Parse("f", c)
	if want := []float64{1, 3, 5, 2, 4, 6}; err != nil || !slices.Equal(a.Data, want) {
		t.Errorf("Fortran order: %+v, %v", a, err)
	}
	header := `{"shape":(),"fortran_order":False,"descr":"|u1"}   `
	two := append([]byte(magic), 2, 0, byte(len(header)), 0, 0, 0)
	two = append(append(two, header...), 7)
	if a, err := Parse("f", two); err != nil || !slices.Equal(a.Data, []float64{7}) || len(a.Shape) != 0 {
		t.Errorf("version 2: %+v, %v", a, err)
	}
	if a, err := Parse("f", file("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 0)}")); err != nil || len(a.Data) != 0 {
		t.Errorf("no elements: %+v, %v", a, err)
	}
}

func TestDamaged(t *testing.T) {
	good := "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
	eight := make([]byte, 8)
	huge := append([]byte(magic), 2, 0, 255, 255, 255, 255)
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"byte 0: not a .npy", nil},
		{"byte 0: not a .npy", []byte("PK\x03\x04")},
		{"byte 8: the file ends", []byte(magic + "\x01\x00")},
		{"byte 30: the file ends", file(good, eight...)[:30]},
		{"byte 6: version 9", append([]byte(magic), 9, 0, 0, 0, 0, 0)},
		{"byte 8: header of 2147483647", huge},
		{"4 bytes of elements", file(good, eight[:4]...)},
		{"9 bytes of elements", file(good, append(eight, 0)...)},
		{"0 bytes of elements", file(good)},
		{"no dictionary", file("[1]", eight...)},
		{"no dictionary", file("", eight...)},
		{"no key \"shape\"", file("{'descr': '<f4', 'fortran_order': False}", eight...)},
		{"want a key", file("{'descr': '<f4', 'descr': '<f4'}", eight...)},
		{"want a key", file("{descr: 2}", eight...)},
		{"unknown key", file("{'colour': 2}", eight...)},
		{"neither True nor False", file(strings.Replace(good, "False", "Maybe", 1), eight...)},
		{`"-2" is not a size`, file(strings.Replace(good, "2,", "-2,", 1), eight...)},
		{"is not a size", file(strings.Replace(good, "2,", "99999999999,", 1), eight...)},
		{"want (...)", file(strings.Replace(good, "(2,)", "2", 1), eight...)},
		{"elements, but shape", file(strings.Replace(good, "(2,)", "(2147483647,2147483647,2147483647,2147483647)", 1), eight...)},
		{"9 dimensions", file(strings.Replace(good, "(2,)", "(1,1,1,1,1,1,1,1,2)", 1), eight...)},
		{`type "<f2"`, file(strings.Replace(good, "<f4", "<f2", 1), eight...)},
		{`type "|O"`, file(strings.Replace(good, "<f4", "|O", 1), eight...)},
		{`type "|f4"`, file(strings.Replace(good, "<f4", "|f4", 1), eight...)},
		{"element type", file(strings.Replace(good, "'<f4'", "[('a','<f4')]", 1), eight...)},
	} {
		if _, err := Parse("f", c.raw); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f: byte ") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file("{'descr': '<f4', 'fortran_order': True, 'shape': (1,2), }", make([]byte, 8)...))
	f.Add(file("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if a, err := Parse("f", raw); err == nil && len(a.Data) > len(raw) {
			t.Errorf("%d elements from %d bytes", len(a.Data), len(raw))
		}
	})
}

func TestReadZip(t *testing.T) {
	pack := func(names ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range names {
			w, err := z.Create(n)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(file("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 7))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.npz")
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	list, err := ReadZip(pack("x.npy", "y.npy"))
	if err != nil || len(list) != 2 || list[0].Name != "x" || list[1].Name != "y" || list[1].Data[0] != 7 {
		t.Errorf("%v, %v", list, err)
	}
	cut := pack("x.npy")
	raw, _ := os.ReadFile(cut)
	os.WriteFile(cut, raw[:len(raw)/2], 0o666)
	for path, want := range map[string]string{pack("x.txt"): "x.txt: want only", pack(): "no array", cut: "a.npz: zip"} {
		if _, err := ReadZip(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestFreyArray: the array holds the bytes that its description names.
func TestFreyArray(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	a, err := Read(filepath.Join(dir, "frey-face", "frey_faces.npy"))
	if err != nil {
		t.Fatal(err)
	}
	h := md5.New()
	for _, v := range a.Data {
		h.Write([]byte{byte(v)})
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != "687b39ec28b56c183474c235686975cf" || !slices.Equal(a.Shape, []int{1965, 28, 20}) || a.Type != "|u1" {
		t.Errorf("shape %v of %s, md5 %s", a.Shape, a.Type, sum)
	}
	if math.IsNaN(a.Data[0]) {
		t.Error("NaN")
	}
}
