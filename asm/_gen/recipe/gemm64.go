package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// Gemm64 writes the products of float64. They are the same recipes; there is no product of one row
// and two panels, which pays where weights are packed once for many steps.
func Gemm64(f *File) {
	p := newProduct(f, 8)
	p.Declare(p.gemmArgs)
	p.Declare(p.packArgs)
	p.tiles()
	p.finish()
	p.pack()
	p.packT()
	p.gemvRows()
	p.gemvCols()
	p.gemvDots()
}
