package pages

import (
	"runtime"
	"testing"
)

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, least/4 - 1, least / 4, 5 << 20} {
		s := Make[float32](n)
		if len(s) != n || cap(s) < n {
			t.Fatalf("n = %d: length %d, capacity %d", n, len(s), cap(s))
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("n = %d: element %d is %g", n, i, s[i])
			}
			s[i] = float32(i)
		}
		runtime.GC()
		for i := range s {
			if s[i] != float32(i) {
				t.Fatalf("n = %d: element %d is %g after a collection", n, i, s[i])
			}
		}
	}
}

func TestGrow(t *testing.T) {
	s := Grow([]int(nil), 3)
	s[0] = 7
	short := Grow(s, 2)
	again := Grow(short, 3)
	if len(short) != 2 || len(again) != 3 || &again[0] != &s[0] || again[0] != 7 {
		t.Errorf("Grow made new memory where there was enough: %v %v %v", s, short, again)
	}
	if long := Grow(s, 100); len(long) != 100 || &long[0] == &s[0] {
		t.Errorf("Grow to 100: length %d", len(long))
	}
}
