package asmtest

import "testing"

func TestFence(t *testing.T) {
	for name, f := range map[string]*Fence{"system": NewFence(10), "plain": plainFence(10)} {
		for _, place := range []func(int) []float32{f.Head, f.Tail} {
			for n := range 11 {
				s := place(n)
				clear(s)
				if at, bad := f.Check(s); bad {
					t.Errorf("%s: Check of %d elements sees a write at %d", name, n, at)
				}
			}
			s := place(5)
			f.room[5] = 1 // outside of the head and of the tail, which starts behind 5
			if len(f.room) == 10 && &s[0] == &f.room[5] {
				f.room[4] = 1
			}
			if _, bad := f.Check(s); !bad {
				t.Errorf("%s: Check misses a write", name)
			}
		}
		f.Close()
	}
}
