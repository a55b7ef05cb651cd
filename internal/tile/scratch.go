package tile

import (
	"unsafe"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

const (
	chainRows = 64   // rows in a block of chains in scratch
	rowsK     = 2048 // steps that a product with a vector takes at once
)

// A scratch is the memory of one call, for elements of either type. The slices are made when they
// are first asked for.
type scratch struct {
	a, b   []float64                     // packed blocks of A and of B
	sums   []float64                     // that wait: see parts.go
	chains [chainRows * tileCols]float64 // of a block of C
	x      [rowsK]float64                // elements of a vector, side by side
	pairs  [plainRows / 2 * plainK]pair  // rows of A, packed for the plain tile
}

var scratches par.Spares[scratch]

// A Room holds the scratch of a call, from the first time that it is asked for to Free. It is
// no part of a product: the compiler would see the operands escape with the scratch.
type Room struct{ s *scratch }

func (r *Room) get() *scratch {
	if r.s == nil {
		r.s = scratches.Get()
	}
	return r.s
}

// Free gives the scratch back.
func (r *Room) Free() {
	if r.s != nil {
		scratches.Put(r.s)
	}
}

// grow returns the memory of block, in elements of type T, with room for n of them.
func grow[T Float](block *[]float64, n int) []T {
	if len(*block)*8 < n*size[T]() {
		*block = pages.Make[float64]((n*size[T]() + 7) / 8)
	}
	return as[T](*block)
}

// as returns memory as elements of type T.
func as[T Float](x []float64) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*8/size[T]())
}
