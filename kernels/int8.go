package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// Products of int8. Weights are quantised once, by rows (outputs), inputs inside of every product, by rows
// (sequences), both by the same rule:
//
//	w [out, in] --Int8Weights.Pack--> int8, a scale per output --+
//	x [rows, in] ------------------->  int8, a scale per row ----+--GemmInt8--> c += x wᵀ
//
// The sums of products are int32, so exact: whatever instructions add them up in whatever order, the
// bits are the same.

// MaxInt8In is the most inputs of [Int8Weights]: a sum of so many products of ±127 fits an int32.
const MaxInt8In = (1<<31 - 1) / (127 * 127)

// int8Rows is a matrix whose rows are quantised as [Int8Weights] says.
type int8Rows struct {
	rows, cols int
	plain      bool // q is always signed
	biased     bool // q has 128 added, as an unsigned byte: see biasedRows
	q          []int8
	scale      []float32
	start      []float32 // bits of an int32: minus the sum of the negative elements, which some machine code starts at
}

// biasedRows reports whether rows have 128 added: the instruction of AVX-512 multiplies unsigned by
// signed bytes.
func biasedRows() bool { return asm.Dot() && asm.Active() == asm.AVX512 }

// int8Group is how many elements machine code takes at once.
const int8Group = 8

// stride is the distance of rows in bytes.
func (q *int8Rows) stride() int { return (q.cols + int8Group - 1) / int8Group * int8Group }

// quantize makes q the quantised rows of x [rows, cols], row stride ldx. It allocates only when q has never
// been so large.
func (q *int8Rows) quantize(x []float32, rows, cols, ldx int) {
	q.rows, q.cols = rows, cols
	ldq := q.stride()
	q.q, q.scale, q.start = pages.Grow(q.q, rows*ldq), pages.Grow(q.scale, rows), pages.Grow(q.start, rows)
	zero, magic := int8(0), float32(f32.Magic)
	if q.biased = biasedRows() && !q.plain; q.biased {
		zero, magic = -128, f32.Magic+128
	}
	if isa := asm.Active(); isa != asm.Generic {
		simd.QuantizeInt8(isa, &q.q[0], &q.scale[0], &q.start[0], &x[0], rows, cols, ldq, ldx, magic)
	} else {
		quantizeInt8Generic(q.q, q.scale, x, rows, cols, ldq, ldx, magic)
	}
	for end := ldq; cols < ldq && end <= len(q.q); end += ldq {
		for i := end - (ldq - cols); i < end; i++ {
			q.q[i] = zero
		}
	}
}

// Int8Weights is a weight matrix quantised to int8, in the order in which [GemmInt8] reads it, which is
// the same for all instruction sets. Every row x of the matrix is quantised by itself, as are those of the
// other operand:
//
//	m = max |x_k|    scale = m/127    q_k = round(x_k (127/m))    x_k ≈ scale q_k
//
// Both quotients are rounded to float32, the product in q only as a whole, to the nearest integer, ties
// to even; so -127 ≤ q ≤ 127, and the largest element of a row is ±127. A row in which m < 2^-120 has q = 0
// and scale = 0. A row with a NaN or an infinity has q = 0 and scale = NaN, so that a product with it is NaN.
//
// The zero value is empty. It may be shared by goroutines.
//
// Source: the symmetric dynamic quantisation of PyTorch and ONNX Runtime, with another range: without
// -128, sums of two products fit 16 bits.
type Int8Weights struct {
	out, in int
	w       []int8    // [panel][in/4][64 outputs][4 inputs], padded with zeros to whole panels and steps
	scale   []float32 // of the outputs
	start   []int32   // of the sums where 128 is added to all inputs
}

// int8Panel is how many outputs are side by side.
const int8Panel = 64

// Pack quantises the weights w [out, in], row stride ldw. It panics if a size is negative, in larger than
// [MaxInt8In], w or the stride too short. It allocates only when p has never been so large.
func (p *Int8Weights) Pack(w []float32, out, in, ldw int) {
	const fn = "Int8Weights.Pack"
	checkMatrix(fn, "w", len(w), out, in, ldw)
	checkMost(fn, "in", in, MaxInt8In)
	p.out, p.in = out, in
	if out == 0 || in == 0 { // the other one may be any number
		return
	}
	room := int8Rooms.Get()
	rows := &room.rows
	rows.plain = true
	rows.quantize(w, out, in, ldw)
	rows.plain = false
	ld, padded := rows.stride(), (out+int8Panel-1)/int8Panel*int8Panel
	p.w, p.scale, p.start = pages.Grow(p.w, padded*ld), pages.Grow(p.scale, padded), pages.Grow(p.start, padded)
	clear(p.w[(padded-int8Panel)*ld:]) // there may be outputs that do not exist
	clear(p.scale[copy(p.scale, rows.scale):])
	clear(p.start)
	for j := range out {
		panel := p.w[j/int8Panel*int8Panel*ld:]
		for k, q := range rows.q[j*ld:][:ld] {
			panel[(k/4*int8Panel+j%int8Panel)*4+k%4] = q
			p.start[j] -= 128 * int32(q)
		}
	}
	int8Rooms.Put(room)
}

// GemmInt8 adds to c [rows, out], row stride ldc, the product of the rows of x [rows, in], row stride ldx, with
// the weights w [out, in]. The rows are quantised as [Int8Weights] says.
//
//	t = Σ_k w_jk x_ik             exact, an int32
//	c_ij = fma(t scaleW_j, scaleX_i, c_ij)
//
// t and its product with the scale of the weights are rounded to float32. A NaN or an infinity in a row of x
// makes a row of c NaN, one in a row of w a column. The bits do not depend on the instruction set, nor on
// other rows and outputs. c must not overlap x.
//
// GemmInt8 panics if rows is negative, a slice or a stride too short. It starts no goroutine and allocates
// nothing in the steady state.
func GemmInt8(c, x []float32, w *Int8Weights, rows, ldc, ldx int) {
	const fn = "GemmInt8"
	if w == nil {
		panic(badNil(fn, "w"))
	}
	checkMatrix(fn, "c", len(c), rows, w.out, ldc)
	checkMatrix(fn, "x", len(x), rows, w.in, ldx)
	if rows == 0 || w.out == 0 || w.in == 0 {
		return
	}
	room := int8Rooms.Get()
	room.rows.quantize(x, rows, w.in, ldx)
	room.multiply(c, w, ldc)
	int8Rooms.Put(room)
}

// multiply adds the product of the quantised rows with w to c.
func (r *int8Room) multiply(c []float32, w *Int8Weights, ldc int) {
	x := &r.rows
	isa := asm.Active()
	if isa == asm.Generic {
		gemmInt8Generic(c, x, w, ldc)
		return
	}
	p := int8Product{isa: isa, x: x, w: w, dot: asm.Dot()}
	whole := w.out / int8Panel
	p.panels(c, ldc, 0, whole)
	if left := w.out % int8Panel; left > 0 {
		at := c[whole*int8Panel:]
		r.c = pages.Grow(r.c, x.rows*int8Panel)
		copyRows(r.c, at, x.rows, left, int8Panel, ldc)
		p.panels(r.c, int8Panel, whole, 1)
		copyRows(at, r.c, x.rows, left, ldc, int8Panel)
	}
}

// copyRows copies rows of cols elements.
func copyRows(dst, src []float32, rows, cols, ldd, lds int) {
	for i := range rows {
		copy(dst[i*ldd:][:cols], src[i*lds:])
	}
}

// An int8Product is a product in machine code.
type int8Product struct {
	isa asm.ISA
	dot bool
	x   *int8Rows
	w   *Int8Weights
}

// int8Work is the most products of one call of machine code: see simd.MaxElems.
const int8Work = 1 << 20

// panels does the product with n panels from one on, for columns of c from 0 on.
func (p *int8Product) panels(c []float32, ldc, from, n int) {
	most := simd.Int8Rows(p.isa)
	if p.dot {
		most = simd.Int8DotRows(p.isa)
	}
	tiles := (p.x.rows + most - 1) / most
	rows, larger := p.x.rows/tiles, p.x.rows%tiles // so many tiles have a row more
	panel := p.x.stride() * int8Panel
	for done := 0; done < n; {
		take := min(n-done, max(1, int8Work/(panel*p.x.rows)))
		at := c[done*int8Panel:]
		p.tiles(at, ldc, from+done, take, 0, larger, rows+1)
		p.tiles(at, ldc, from+done, take, larger*(rows+1), tiles-larger, rows)
		done += take
	}
}

// tiles does so many tiles of so many rows, from a row on.
func (p *int8Product) tiles(c []float32, ldc, panel, panels, row, tiles, rows int) {
	ld := p.x.stride()
	for tiles > 0 {
		n := min(tiles, max(1, int8Work/(ld*int8Panel*panels*rows)))
		args := simd.Int8Args{
			A: &p.x.q[row*ld], W: &p.w.w[panel*int8Panel*ld], RowScale: &p.x.scale[row], C: &c[row*ldc],
			Start: &p.w.start[panel*int8Panel], RowStart: &p.x.start[row], Scale: &p.w.scale[panel*int8Panel],
			ARow: ld, CRow: 4 * ldc, K: ld / int8Group, Panels: panels, Tiles: n, Rows: rows,
		}
		if p.dot {
			simd.Int8DotTiles(p.isa, &args)
		} else {
			simd.Int8Tiles(p.isa, &args)
		}
		row += n * rows
		tiles -= n
	}
}

// An int8Room is the memory of a call: quantised rows, and columns of c that are no whole panel.
type int8Room struct {
	rows int8Rows
	c    []float32
}

var int8Rooms par.Spares[int8Room]
