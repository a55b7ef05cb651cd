package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/tile"
)

// A Packed is the second operand of many products, in the order in which they read it: the
// weight of a layer. The zero value is an empty matrix; [Packed.Pack] fills it, [GemmPacked]
// multiplies by it.
//
// It has a copy only where products read one: under an instruction set with machine code.
// Otherwise it remembers B and no more. It may be read by many goroutines at a time.
type Packed[T Float] struct {
	t      Transpose
	k, n   int // op(B) is [k,n]
	b      []T
	ldb    int
	panels tile.Panels[T] // none if products read B itself
}

// Pack makes p the matrix op(B) [k,n], stored and checked as in [Gemm]. The memory of p is used
// again. B is kept and must not change while products use p; whoever writes to it calls Pack
// afterwards. Without machine code nothing is copied.
func (p *Packed[T]) Pack(t Transpose, k, n int, b []T, ldb int) {
	shared.CheckPack(t, k, n, len(b), ldb)
	p.t, p.k, p.n, p.b, p.ldb = t, k, n, b, ldb
	isa := asm.Active()
	if !makePanels[T]() || tile.Few[T](isa, n) {
		isa = asm.Generic
	}
	p.panels.Pack(isa, t != NoTrans, k, n, 0, b, ldb)
}

// Size returns k and n of op(B) [k,n].
func (p *Packed[T]) Size() (k, n int) { return p.k, p.n }

// GemmPacked multiplies by a part of a matrix that was packed beforehand: its rows k0..k1 and its
// columns j0..j1.
//
//	C = A op(B)[k0:k1, j0:j1] + beta C
//
// A is [m, k1-k0], C is [m, j1-j0], both row-major. The rows of A may overlap, lda being any number
// from 1 on: with lda = 128 and k = 256 they are the frames of a signal, each of which begins in the middle
// of the one before, as a short-time Fourier transform or a convolution takes them, without a copy. Those
// of C may not, nor may C overlap A. In float32 the bits are those of [Gemm] with
// that part of B and alpha = 1, so a product may be cut anywhere in k, with beta = 1 from the
// second part on. All that is said of Gemm holds here too, NaN and aliasing included.
//
// Under another instruction set or backend than that of Pack, B itself may be read, at the speed
// of Gemm.
func GemmPacked[T Float](m, k0, k1, j0, j1 int, a []T, lda int, b *Packed[T], beta T, c []T, ldc int) {
	const fn = "GemmPacked"
	b.check(fn, m, k0, k1, j0, j1, len(a), lda, len(c), ldc)
	b.gemm(m, k0, k1, j0, j1, a, lda, beta, nil, c, ldc)
}

// GemmPackedBias is [GemmPacked] with a row that all rows of C start as, as in a layer:
//
//	C = bias + A op(B)[k0:k1, j0:j1]        C[i,j] = bias[j] + ...
//
// bias is [j1-j0] and must not overlap C. The bits are those of a C with these rows and beta = 1, without
// the time to write and to read them.
func GemmPackedBias[T Float](m, k0, k1, j0, j1 int, a []T, lda int, b *Packed[T], bias, c []T, ldc int) {
	const fn = "GemmPackedBias"
	b.check(fn, m, k0, k1, j0, j1, len(a), lda, len(c), ldc)
	shared.CheckBias(fn, j1-j0, len(bias))
	if m == 0 || j0 == j1 {
		return
	}
	b.gemm(m, k0, k1, j0, j1, a, lda, 1, bias[:j1-j0], c, ldc)
}

// check checks the arguments of a product.
func (b *Packed[T]) check(fn string, m, k0, k1, j0, j1, a, lda, c, ldc int) {
	if b == nil {
		shared.BadNil(fn, "b")
	}
	shared.CheckPacked(fn, m, k0, k1, j0, j1, b.k, b.n, a, lda, c, ldc)
}

// gemm is GemmPackedBias if there is a bias, and GemmPacked otherwise.
func (b *Packed[T]) gemm(m, k0, k1, j0, j1 int, a []T, lda int, beta T, bias, c []T, ldc int) {
	n, k := j1-j0, k1-k0
	if m == 0 || n == 0 {
		return
	}
	if k > 0 && b.panels.Serve(asm.Active()) && usePanels[T](b.t, m, n, k) {
		b.panels.Gemm(m, n, k, k0, j0, a, lda, beta, bias, c, ldc)
		return
	}
	if bias != nil {
		tile.SetRows(m, n, bias, c, ldc)
	}
	if k == 0 {
		tile.Scale(m, n, beta, c, ldc)
		return
	}
	at := k0*b.ldb + j0
	if b.t != NoTrans {
		at = j0*b.ldb + k0
	}
	if lda < k { // Gemm, and every BLAS, would call that a mistake
		tile.Gemm(asm.Active(), false, b.t != NoTrans, m, n, k, 1, a, lda, b.b[at:], b.ldb, beta, c, ldc)
		return
	}
	Gemm(NoTrans, b.t, m, n, k, 1, a, lda, b.b[at:], b.ldb, beta, c, ldc)
}
