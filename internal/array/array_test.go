package array

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

func read(a *Array) []float64 {
	x := make([]float64, a.Len())
	a.Read(x, 0)
	return x
}

func TestTypes(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		typ  string
		raw  []byte
		want []float64
	}{
		{"|b1", []byte{0, 1, 2}, []float64{0, 1, 1}},
		{"|u1", []byte{0, 255}, []float64{0, 255}},
		{"u1", []byte{7}, []float64{7}},
		{">u1", []byte{7, 8}, []float64{7, 8}},
		{"|i1", []byte{1, 255}, []float64{1, -1}},
		{"<u2", []byte{1, 2, 0, 255}, []float64{513, 65280}},
		{">u2", []byte{1, 2, 0, 255}, []float64{258, 255}},
		{"<i2", []byte{254, 255, 1, 0}, []float64{-2, 1}},
		{"=i4", []byte{254, 255, 255, 255, 1, 0, 0, 0}, []float64{-2, 1}},
		{">u4", []byte{255, 255, 255, 255, 0, 0, 0, 1}, []float64{4294967295, 1}},
		{"<i8", []byte{255, 255, 255, 255, 255, 255, 255, 255}, []float64{-1}},
		{"<u8", []byte{1, 0, 0, 0, 1, 0, 0, 0}, []float64{4294967297}},
		{">u8", []byte{255, 255, 255, 255, 255, 255, 255, 255}, []float64{1 << 64}},
		{"<f2", []byte{0, 0x3c, 1, 0, 0xff, 0x7b, 0, 0x7c, 0, 0x80, 0xff, 3, 0, 4}, []float64{1, 1. / (1 << 24), 65504, inf, 0, 1023. / (1 << 24), 1. / (1 << 14)}},
		{">f2", []byte{0xc0, 0, 0x35, 0x55}, []float64{-2, 1365. / 4096}},
		{"<f4", []byte{0, 0, 128, 63, 0, 0, 0, 192}, []float64{1, -2}},
		{">f8", []byte{63, 240, 0, 0, 0, 0, 0, 0}, []float64{1}},
	} {
		raw, width := bytes.Clone(c.raw), Width(c.typ)
		a := New([]int{1, len(c.want)}, c.typ, raw)
		if got := read(a); !slices.Equal(got, c.want) || len(raw) != width*a.Len() {
			t.Errorf("%s: %v, want %v", c.typ, got, c.want)
		}
		if (a.Bytes() != nil) != strings.HasSuffix(c.typ, "u1") {
			t.Errorf("%s: Bytes is %v", c.typ, a.Bytes())
		}
		one := make([]float64, 1)
		for i, want := range c.want {
			if a.Read(one, i); one[0] != want {
				t.Errorf("%s: element %d: %v, want %v", c.typ, i, one[0], want)
			}
		}
	}
	if v := read(New(nil, "<f2", []byte{1, 0x7e})); len(v) != 1 || !math.IsNaN(v[0]) {
		t.Errorf("%v, want NaN", v)
	}
	if v := read(New([]int{1}, "<f2", []byte{0, 0x80})); !math.Signbit(v[0]) {
		t.Errorf("%v, want -0", v)
	}
	for _, typ := range []string{"", "f", "f16", "<f16", "|f4", "<c8", "|O", "<U3", "|S1", "<M8[ns]", "|V2", "<<f4", "f4f4", "<i3", "|b2", "?"} {
		if w := Width(typ); w != 0 {
			t.Errorf("%q: width %d", typ, w)
		}
	}
}

func TestCount(t *testing.T) {
	const big = math.MaxInt
	for _, c := range []struct {
		shape   []int
		most, n int
		ok      bool
	}{
		{nil, 1, 1, true}, {nil, 0, 1, false}, {[]int{2, 3}, 6, 6, true}, {[]int{2, 3}, 5, 0, false},
		{[]int{big, big, big, big}, big, 0, false}, {[]int{1 << 32, 1 << 32}, big, 0, false}, {[]int{big, 2}, big, 0, false},
		{[]int{big, big, 0}, 0, 0, true}, {[]int{-1, -1}, 9, 0, false}, {[]int{big}, big, big, true},
	} {
		if n, ok := Count(c.shape, c.most); ok != c.ok || ok && n != c.n {
			t.Errorf("%v in %d: %d, %v", c.shape, c.most, n, ok)
		}
	}
}

func TestPanics(t *testing.T) {
	a := New([]int{3}, "|u1", []byte{1, 2, 3})
	for want, f := range map[string]func(){
		`array: New: type "<c8"`:               func() { New([]int{1}, "<c8", make([]byte, 8)) },
		"array: New: len(raw) = 7":             func() { New([]int{2}, "<f4", make([]byte, 7)) },
		"array: New: len(raw) = 4":             func() { New([]int{2}, "<f4", make([]byte, 4)) },
		"array: Read: from = 2, len(dst) = 2":  func() { a.Read(make([]float64, 2), 2) },
		"array: Read: from = -1, len(dst) = 1": func() { a.Read(make([]float64, 1), -1) },
		"array: Read: from = 4, len(dst) = 0":  func() { a.Read(nil, 4) },
		"array: Read: from = 0, len(dst) = 1":  func() { new(Array).Read(make([]float64, 1), 0) },
	} {
		func() {
			defer func() {
				if r, ok := recover().(string); !ok || !strings.HasPrefix(r, want) {
					t.Errorf("%v, want %q", r, want)
				}
			}()
			f()
			t.Errorf("no panic %q", want)
		}()
	}
	a.Read(nil, 3)
	new(Array).Read(nil, 0)
}
