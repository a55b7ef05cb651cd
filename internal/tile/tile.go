package tile

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
)

// Float is the element type of a product.
type Float interface{ float32 | float64 }

const (
	maxVecs   = 4       // most vectors in a row of a panel
	tileCols  = 64      // most columns of a panel
	lineBytes = 64      // in a cache line
	callWork  = 1 << 16 // vectors times steps in one call, some 20 microseconds: no call can be preempted
)

// size is the number of bytes in an element.
func size[T Float]() int { return int(unsafe.Sizeof(T(0))) }

// is64 reports whether T is float64. The compiler knows the answer, unlike that of a type switch.
func is64[T Float]() bool { return unsafe.Sizeof(T(0)) == 8 }

// lanes is the number of elements in a vector, a power of 2.
func lanes[T Float](isa asm.ISA) int { return simd.Lanes(isa) * 4 / size[T]() }

// vectors returns the number of vectors in w columns, and of columns in the last of them.
func vectors(lanes, w int) (vecs, tail int) {
	vecs = (w + lanes - 1) >> bits.TrailingZeros(uint(lanes)) // a division takes four times as long
	return vecs, w - (vecs-1)*lanes
}

// A place is a matrix inside a slice: element (i, j) is data[at+i*row+j*col]. It may run
// backwards. In code that calls machine code, places are written field by field and passed by
// pointer: the compiler sees an operand escape that a method stores, and a copy of a whole place
// waits for the stores of its parts.
type place[T Float] struct {
	data         []T
	at, row, col int
}

func (p *place[T]) ptr(i, j int) *T { return &p.data[p.at+i*p.row+j*p.col] }

// move makes element (i, j) the first one.
func (p *place[T]) move(i, j int) { p.at += i*p.row + j*p.col }

func (p *place[T]) transpose() { p.row, p.col = p.col, p.row }

// strides returns those of op(X), where X is row-major with leading dimension ld.
func strides(trans bool, ld int) (row, col int) {
	if trans {
		return 1, ld
	}
	return ld, 1
}

// first returns the index of the first of count elements that BLAS means by an increment.
func first(inc, count int) int {
	if inc < 0 {
		return (1 - count) * inc
	}
	return 0
}

// A cut divides rows into tiles as equal as can be: with few chains at a time, each waits for
// itself.
type cut struct{ rows, tiles int }

// cutRows returns the cut of rows into tiles of at most so many.
func cutRows(rows, most int) cut { return cut{rows, (rows + most - 1) / most} }

// next returns the rows of the next tile and how many tiles from it on have as many.
func (c *cut) next() (rows, same int) {
	rows = (c.rows + c.tiles - 1) / c.tiles
	return rows, c.rows - c.tiles*(rows-1)
}

// skip goes on by so many tiles of that many rows.
func (c *cut) skip(tiles, rows int) {
	c.tiles -= tiles
	c.rows -= tiles * rows
}

// start is the start of the chains in C.
func start[T Float](beta T) int {
	switch beta {
	case 0:
		return 0
	case 1:
		return 1
	}
	return 2
}

// finish returns alpha*s + beta*c. c does not count if beta is 0.
func finish[T Float](alpha, s, beta, c T) T {
	if beta == 0 {
		c = 0
	} else {
		c = T(beta * c)
	}
	if is64[T]() {
		return alpha*s + c
	}
	return T(f32.FMA(float32(alpha), float32(s), float32(c)))
}

// Scale sets the m x n matrix C to beta*C, without a look at C if beta is 0.
func Scale[T Float](m, n int, beta T, c []T, ldc int) {
	if beta == 1 {
		return
	}
	for i := range m {
		row := c[i*ldc:][:n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// SetRows makes every row of the m x n matrix C the given one, or +0 if that is nil.
func SetRows[T Float](m, n int, row, c []T, ldc int) {
	for i := range m {
		if to := c[i*ldc:][:n]; row == nil {
			clear(to)
		} else {
			copy(to, row)
		}
	}
}

// Flush sets the denormals of x to +0. In float64 there are none to speak of.
func Flush[T Float](x []T) {
	if is64[T]() {
		return
	}
	for i, v := range x {
		if math.Float32bits(float32(v))&0x7f800000 == 0 {
			x[i] = 0
		}
	}
}
