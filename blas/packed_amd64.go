//go:build !purego

package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/internal/pages"
)

// pack copies op(B) [k, n] to the panels, which are empty, if isa has machine code that reads them.
// Few columns do not fill a vector: the plain product then turns the whole problem over.
func (q *panels) pack(isa asm.ISA, t Transpose, k, n int, b []float32, ldb int) {
	q.k, q.n = k, n
	if isa != asm.AVX512 && isa != asm.AVX2 || k == 0 || n <= lanes(isa)/2 {
		return
	}
	size := (n + lanes(isa) - 1) / lanes(isa) * lanes(isa) * k
	q.data = pages.Grow(q.data, size)
	var from place
	from.data = b
	from.row, from.col = strides(t, ldb)
	width := 4 * lanes(isa)
	for j := 0; j < n; j += width {
		vecs, tail := vectors(isa, min(width, n-j))
		row := vecs * lanes(isa)
		for k0 := 0; k0 < k; k0 += blockSteps {
			packPanelB(isa, &q.data[j*k+k0*row], 4*row, &from, k0, j, min(blockSteps, k-k0), vecs, tail)
		}
	}
}

// at returns the place of an element, and the distance of the steps of its panel in bytes.
func (q *panels) at(isa asm.ISA, k, j int) (*float32, int) {
	first := j / (4 * lanes(isa)) * 4 * lanes(isa)
	vecs, _ := vectors(isa, min(4*lanes(isa), q.n-first))
	row := vecs * lanes(isa)
	return &q.data[first*q.k+k*row+j-first], 4 * row
}

// gemm is C = A op(B) + beta C for the part of the panels that starts at row k0 and column j0.
// It returns false if there are no panels.
func (q *panels) gemm(isa asm.ISA, m, n, k, k0, j0 int, a []float32, lda int, beta float32, c []float32, ldc int) bool {
	if len(q.data) == 0 {
		return false
	}
	var r room
	p := product{isa: isa, k: k, packed: q, row: k0, col: j0, room: &r}
	p.a.data = a
	p.a.row, p.a.col = strides(NoTrans, lda)
	p.c.data = c
	p.c.row, p.c.col = ldc, 1
	p.multiply(m, n, 1, beta)
	r.free()
	return true
}
