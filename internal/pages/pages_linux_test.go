package pages

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

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
	at := uintptr(unsafe.Pointer(&s[0]))&^(large-1) + large
	if hugeAt(at) > 0 {
		return
	}
	// Emulators agree to anything, and older systems get there later: what does the system do if
	// it is asked for a single page?
	if madvise(at, large, madvCollapse) != 0 || hugeAt(at) == 0 {
		t.Skip("the system gives no large pages, or not at once")
	}
	t.Error("the system gives large pages, but Advise has not asked for them")
}

// hugeAt returns how many KB of large pages there are in the mapping of an address, as far as
// the system says.
func hugeAt(p uintptr) (kb int) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			inside = from <= p && p < to
		} else if text, is := strings.CutPrefix(lines.Text(), "AnonHugePages:"); is && inside {
			fmt.Sscanf(text, "%d", &kb)
			return kb
		}
	}
	return 0
}
