package pages

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"
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

// What is in a slice stays when its pages are exchanged, and they are large ones then.
func TestAdvise(t *testing.T) {
	s := make([]uint64, 4<<20)
	for i := range s {
		s[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	if err := Advise(s); err != nil {
		t.Skipf("no large pages: %v", err)
	}
	for i := range s {
		if s[i] != uint64(i)*0x9e3779b97f4a7c15 {
			t.Fatalf("element %d has changed", i)
		}
	}
	if testing.Short() {
		return // an emulator, which runs tests with -short, agrees to anything
	}
	kb, err := hugeAt(uintptr(unsafe.Pointer(&s[len(s)/2])))
	if err != nil {
		t.Skip(err)
	}
	if kb < 2048 {
		t.Errorf("the system has agreed to large pages, and gives %d KB of them", kb)
	}
}

// hugeAt returns how many KB of large pages there are in the mapping of an address, or an error
// where the system does not say.
func hugeAt(p uintptr) (kb int, err error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			inside = from <= p && p < to
		} else if text, is := strings.CutPrefix(lines.Text(), "AnonHugePages:"); is && inside {
			_, err = fmt.Sscanf(text, "%d", &kb)
			return kb, err
		}
	}
	return 0, fmt.Errorf("%s says nothing of large pages", f.Name())
}
