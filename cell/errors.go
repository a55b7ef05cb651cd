package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
)

// checkLen panics unless slice arg of function fn has at least want elements.
func checkLen(fn, arg string, got, want int) {
	if got < want {
		badLen(fn, arg, got, want)
	}
}

//go:noinline
func badLen(fn, arg string, got, want int) {
	panic(fmt.Sprintf("cell: %s: len(%s) = %d, want at least %d", fn, arg, got, want))
}

// checkRange panics unless lo..hi is a range of columns (or rows, or steps) within 0..n.
func checkRange(fn, what string, lo, hi, n int) {
	if lo < 0 || hi < lo || hi > n {
		panic(fmt.Sprintf("cell: %s: %s = %d..%d, want a range within 0..%d", fn, what, lo, hi, n))
	}
}

// packing is what a layer knows about its packed copies.
type packing struct {
	ready    bool
	training bool
	isa      asm.ISA
}

// check panics unless the layer is packed for the instruction set in use.
func (p *packing) check(fn string, training bool) {
	switch {
	case !p.ready:
		panic("cell: " + fn + ": the layer is not packed: call Pack or PackForTraining after its parameters were written")
	case training && !p.training:
		panic("cell: " + fn + ": the layer is packed for inference only: call PackForTraining")
	case p.isa != asm.Active():
		panic(fmt.Sprintf("cell: %s: the layer is packed for isa = %v, want %v: call Pack or PackForTraining again after asm.Use", fn, p.isa, asm.Active()))
	}
}

func (p *packing) set(training bool) {
	*p = packing{ready: true, training: training, isa: asm.Active()}
}
