package tile

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/asm/simd"
)

// eachPacked calls f for the instruction sets whose tiles want A packed.
func eachPacked(t *testing.T, f func(t *testing.T, isa asm.ISA, most int)) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		most := simd.PackedRows(asm.Active(), maxVecs)
		if most == 0 {
			t.Skip("A is read where it is")
		}
		f(t, asm.Active(), most)
	})
}

// TestPackTiles: a packed A has every element in its place, and no more than a vector behind the last one
// is written.
func TestPackTiles(t *testing.T) {
	t.Run("float32", testPackTiles[float32])
	t.Run("float64", testPackTiles[float64])
}

func testPackTiles[T Float](t *testing.T) {
	eachPacked(t, func(t *testing.T, isa asm.ISA, most int) {
		for rows := 1; rows <= 2*most+1; rows++ {
			for _, steps := range []int{1, 3, 4, 17} {
				for _, trans := range []bool{false, true} {
					var a place[T]
					a.row, a.col = strides(trans, max(rows, steps)+1)
					a.data = make([]T, (max(rows, steps)+1)*max(rows, steps))
					for i := range a.data {
						a.data[i] = T(i + 1)
					}
					dst := make([]T, rows*steps+lanes[T](isa)+1)
					packTiles(isa, dst, &a, 0, 0, rows, steps, most)
					at := 0
					for left, i := cutRows(rows, most), 0; left.tiles > 0; {
						n, _ := left.next()
						for k := range steps {
							for r := range n {
								if got, want := dst[at], *a.ptr(i+r, k); got != want {
									t.Fatalf("%d rows, %d steps, transposed %v: row %d, step %d is %v, want %v", rows, steps, trans, i+r, k, got, want)
								}
								at++
							}
						}
						i += n
						left.skip(1, n)
					}
					if dst[len(dst)-1] != 0 {
						t.Fatalf("%d rows, %d steps, transposed %v: written behind a vector", rows, steps, trans)
					}
				}
			}
		}
	})
}

// TestTiledProduct: products for which A is packed have the bits of plain Go, with operands at memory that
// cannot be read.
func TestTiledProduct(t *testing.T) {
	var fences [3]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(300000)
		defer fences[i].Close()
	}
	eachPacked(t, func(t *testing.T, isa asm.ISA, most int) {
		rng := rand.New(rand.NewPCG(7, 8))
		place := func(i, n int) []float32 {
			x := fences[i].Head(n)
			if rng.IntN(2) == 0 {
				x = fences[i].Tail(n)
			}
			copy(x, normals(rng, n))
			return x
		}
		for i := range 40 {
			m, k, n := most+rng.IntN(50), 1+rng.IntN(150), tiledCols+rng.IntN(60)
			if i%8 == 0 {
				m, k, n = 32+rng.IntN(200), 1025+rng.IntN(10), 1+rng.IntN(40) // A is far, and there are two blocks of k
			}
			transA, transB := rng.IntN(2) == 0, rng.IntN(2) == 0
			lda, ldb := k, n
			if transA {
				lda = m
			}
			if transB {
				ldb = k
			}
			name := fmt.Sprintf("m %d, k %d, n %d, transposed %v %v", m, k, n, transA, transB)
			a, b, c := place(0, m*k), place(1, k*n), place(2, m*n)
			want := append([]float32(nil), c...)
			Gemm(asm.Generic, transA, transB, m, n, k, 1, a, lda, b, ldb, 0.5, want, n)
			Gemm(isa, transA, transB, m, n, k, 1, a, lda, b, ldb, 0.5, c, n)
			asmtest.SameFloats(t, name, c, want)
			for i, x := range [][]float32{a, b, c} {
				if at, bad := fences[i].Check(x); bad {
					t.Fatalf("%s: operand %d: element %d outside of it was written", name, i, at)
				}
			}
		}
	})
}
