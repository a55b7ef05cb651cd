package kernels

import "github.com/elbow-go/elbow/asm/simd"

// The gradient kernels of the likelihoods take the weights of the rows where they leave the values
// of the rows. If the caller wants no values, that is a buffer of distRows, the most rows of a call.
const distRows = 64

// values returns the place of the row values i to i+r of a gradient kernel, which hold its
// weights: v, or buf if the values are not wanted.
func values(v []float32, buf *[distRows]float32, w []float32, i, r int) *float32 {
	p := buf[:r]
	if v != nil {
		p = v[i : i+r]
	}
	copy(p, w[i:i+r])
	return &p[0]
}

// mixRows is how many rows of k components make one call. A component takes as long as several
// elements of other kernels.
func mixRows(rows, k int) int { return simd.Rows(min(rows, distRows), 8*k) }
