package blas

import (
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/f32"
)

// The product in plain Go. It is the fallback of everything, so unlike the other
// references it is written for speed, but only with means that leave every float32 output
// one chain of fused multiply-adds, k ascending:
//
//	for each block of k
//	    for each block of rows of A           pack pairs of rows     a[k] = pair
//	        for each 4 columns of B           pack                   b[k] = quad
//	            for each pair of rows of A    tile: 8 chains in one loop
//
// Packing widens float32 to float64 once for many uses and makes all four transpositions
// the same problem. A new block of k continues the chains from the values in C, which are
// all of their state.
const (
	blockK     = 64 // steps in a packed block
	blockM     = 64 // rows in a packed block of A
	smallBlock = 16 // rows in the block of A of small products, for which clearing a large one takes too long
	blockC     = 32 // rows and columns in a block of chains when alpha != 1
)

// gemmGeneric is Gemm for checked arguments.
func gemmGeneric[T Float](tA, tB Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	va, vb := op(tA, a, lda), op(tB, b, ldb)
	switch {
	case m == 0 || n == 0:
	case k == 0 || alpha == 0:
		shared.Scale(m, n, beta, c, ldc)
	case m == 1: // C^T = op(B)^T op(A)^T, a matrix and a vector
		matrixVector(vb.transposed(), n, k, alpha, vector[T]{a, 0, va.col}, beta, vector[T]{c, 0, 1})
	case n == 1:
		matrixVector(va, m, k, alpha, vector[T]{b, 0, vb.row}, beta, vector[T]{c, 0, ldc})
	case alpha == 1:
		shared.Scale(m, n, beta, c, ldc)
		gemmAdd(m, n, k, va, vb, c, ldc)
	default:
		for i := 0; i < m; i += blockC {
			for j := 0; j < n; j += blockC {
				gemmAlpha(min(blockC, m-i), min(blockC, n-j), k, alpha, va.from(i, 0), vb.from(0, j), beta, c[i*ldc+j:], ldc)
			}
		}
	}
}

// gemmAlpha is the product for a small C and any alpha: the chains run in a block of their
// own, because C is needed to the end.
func gemmAlpha[T Float](m, n, k int, alpha T, a, b view[T], beta T, c []T, ldc int) {
	var s [blockC * blockC]T
	gemmAdd(m, n, k, a, b, s[:], blockC)
	for i := range m {
		row := c[i*ldc:][:n]
		for j := range row {
			row[j] = finish(alpha, s[i*blockC+j], beta, row[j])
		}
	}
}

// finish returns alpha*s + beta*c. c does not count if beta is 0.
func finish[T Float](alpha, s, beta, c T) T {
	if beta == 0 {
		c = 0
	} else {
		c = T(beta * c)
	}
	switch any(c).(type) {
	case float32:
		return T(f32.FMA(float32(alpha), float32(s), float32(c)))
	}
	return alpha*s + c
}

// gemmAdd adds op(A) op(B) to C.
func gemmAdd[T Float](m, n, k int, a, b view[T], c []T, ldc int) {
	if m <= smallBlock {
		var ap [blockK * smallBlock / 2]pair
		gemmBlocks(ap[:], smallBlock, m, n, k, a, b, c, ldc)
	} else {
		var ap [blockK * blockM / 2]pair
		gemmBlocks(ap[:], blockM, m, n, k, a, b, c, ldc)
	}
}

// gemmBlocks is gemmAdd with room in ap for the given number of rows of A.
func gemmBlocks[T Float](ap []pair, rows, m, n, k int, a, b view[T], c []T, ldc int) {
	var room [blockK]quad
	for k0 := 0; k0 < k; k0 += blockK {
		kb := min(blockK, k-k0)
		bp := room[:kb]
		for i0 := 0; i0 < m; i0 += rows {
			ib := min(rows, m-i0)
			for i := 0; i < ib; i += 2 {
				packPair(ap[i/2*kb:][:kb], a, i0+i, k0, min(2, ib-i))
			}
			ap := ap[:(ib+1)/2*kb]
			sa := newSurvey(ap)
			for j := 0; j < n; j += 4 {
				w := min(4, n-j)
				packQuad(bp, b, k0, j, w)
				switch c := any(c[i0*ldc+j:]).(type) {
				case []float32:
					panel(ib, w, ap, bp, chooseTile(sa, bp), c, ldc)
				case []float64:
					panel64(ib, w, ap, bp, c, ldc)
				}
			}
		}
	}
}

// panel adds the product of packed rows of A and w columns of B to C.
func panel(rows, w int, ap []pair, bp []quad, kind tileKind, c []float32, ldc int) {
	var edge [8]float32
	for i := 0; i < rows; i += 2 {
		a := ap[i/2*len(bp):][:len(bp)]
		c0, c1 := c[i*ldc:], c[i*ldc:]
		if i+1 < rows {
			c1 = c[(i+1)*ldc:]
		}
		inside := w == 4 && i+1 < rows
		t0, t1 := c0, c1
		if !inside {
			t0, t1 = edge[:4], edge[4:]
			copy(t0, c0[:w])
			copy(t1, c1[:w])
		}
		switch kind {
		case exactTile:
			tileExact(t0, t1, a, bp)
		case plainTile:
			tile(t0, t1, a, bp)
		case carefulTile:
			tileCareful(t0, t1, a, bp)
		}
		if !inside {
			copy(c1[:w], t1) // without a second row this is the first one,
			copy(c0[:w], t0) // with the same values
		}
	}
}

// panel64 is panel for float64.
func panel64(rows, w int, ap []pair, bp []quad, c []float64, ldc int) {
	var edge [8]float64
	for i := 0; i < rows; i += 2 {
		a := ap[i/2*len(bp):][:len(bp)]
		c0, c1 := c[i*ldc:], c[i*ldc:]
		if i+1 < rows {
			c1 = c[(i+1)*ldc:]
		}
		if w == 4 && i+1 < rows {
			tile64(c0, c1, a, bp)
			continue
		}
		copy(edge[:4], c0[:w])
		copy(edge[4:], c1[:w])
		tile64(edge[:4], edge[4:], a, bp)
		copy(c1[:w], edge[4:])
		copy(c0[:w], edge[:4])
	}
}
