package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/par"
)

// GemmThreads is [Gemm] on up to the given number of goroutines, the caller's own among them.
//
// It is for a large product on its own. Whoever splits the work above, as the layers do with
// the sequences of a batch and the outputs of a gradient, calls Gemm in each part: that needs
// fewer goroutines, and no more of them than there are processors. So nothing is split unless
// it is asked for, and here no more than pays: a part has at least some 150 microseconds of
// work, as a goroutine takes a good part of that to start on another processor.
//
// C is split by columns or by rows, never a sum, so under the backend go the bits do not depend
// on threads. With more than one part the goroutines are allocated; all have ended on return.
func GemmThreads[T Float](threads int, tA, tB Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	shared.CheckGemm(tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	parts, byColumns := split(threads, m, n, k, leastWork[T]())
	if parts <= 1 || alpha == 0 {
		Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	gemmParts(parts, byColumns, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// gemmParts is apart from GemmThreads because what its closures capture is moved to the heap on
// entry.
func gemmParts[T Float](parts int, byColumns bool, tA, tB Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	if byColumns {
		par.Do(parts, units(n, splitCols), func(lo, hi int) {
			lo, hi = bound(lo, n, splitCols), bound(hi, n, splitCols)
			Gemm(tA, tB, m, hi-lo, k, alpha, a, lda, b[start(tB != NoTrans, lo, ldb):], ldb, beta, c[lo:], ldc)
		})
		return
	}
	par.Do(parts, units(m, splitRows), func(lo, hi int) {
		lo, hi = bound(lo, m, splitRows), bound(hi, m, splitRows)
		Gemm(tA, tB, hi-lo, n, k, alpha, a[start(tA == NoTrans, lo, lda):], lda, b, ldb, beta, c[lo*ldc:], ldc)
	})
}

// start returns the index of what is i rows, or else i columns, behind the start of a matrix.
func start(rows bool, i, ld int) int {
	if rows {
		return i * ld
	}
	return i
}

// The units of a split: whole panels, and rows that fill tiles of 1, 2, 3, 4 or 6. The last unit has
// what is left as well. So no part is a product with a vector unless all of it is, which in
// float64 has other bits.
const (
	splitCols = 64
	splitRows = 12
)

// units is the number of units in n columns or rows.
func units(n, unit int) int { return max(1, n/unit) }

// bound is where unit i of n columns or rows starts.
func bound(i, n, unit int) int {
	if i == units(n, unit) {
		return n
	}
	return i * unit
}

// leastWork is the number of multiply-adds that make a goroutine of its own pay.
func leastWork[T Float]() int {
	if asm.Active() == asm.Generic && active.Load() == 0 {
		return 1 << 17
	}
	if _, is := any(T(0)).(float64); is {
		return 1 << 23
	}
	return 1 << 24
}

// split returns into how many parts a product is split, and whether by columns. Every part reads
// the whole operand of the other side, and may have to pack it, so the longer side is split,
// unless it has too few units.
func split(threads, m, n, k, least int) (parts int, byColumns bool) {
	// In float64, where no product of sizes overflows.
	most := float64(m) * float64(n) * float64(k) / float64(least)
	parts = int(min(float64(threads), most))
	cols, rows := units(n, splitCols), units(m, splitRows)
	byColumns = n >= m && cols >= parts || cols > rows
	if byColumns {
		return min(parts, cols), true
	}
	return min(parts, rows), false
}
