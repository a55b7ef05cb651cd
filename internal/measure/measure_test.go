package measure

import (
	"testing"
	"time"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestInterleave(t *testing.T) {
	var order []int
	low := Interleave(20,
		func() { order = append(order, 0); time.Sleep(time.Millisecond) },
		func() { order = append(order, 1) })
	for i, f := range order {
		if f != i%2 {
			t.Fatalf("call %d was of function %d", i, f)
		}
	}
	if len(order) != 40 || low[0] < 1e-3 {
		t.Errorf("%d calls, times %v", len(order), low)
	}
}

// TestRates only shows that there are rates, of any size: the machine may be busy.
func TestRates(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		if p := Peak(isa); (p > 0) != (isa != asm.Generic) {
			t.Errorf("peak %g", p)
		}
	})
	if r := CopyRate(1 << 16); r <= 0 {
		t.Errorf("copy rate %g", r)
	}
	if r := ReadRate(1 << 16); r <= 0 {
		t.Errorf("read rate %g", r)
	}
}
