// Package blastest is the test suite of the products, one for every backend: the test file
// of a backend makes one call per routine.
//
//	func TestGemm(t *testing.T)   { blastest.Gemm(t, Backend{}, blastest.Options{}) }
//	func TestGemv(t *testing.T)   { blastest.Gemv(t, Backend{}, blastest.Options{}) }
//	func TestValues(t *testing.T) { blastest.Values(t, Backend{}, blastest.Options{}) }
//	func TestPanics(t *testing.T) { blastest.Panics(t, Backend{}) }
//	func TestStrides(t *testing.T) { blastest.Strides(t, Backend{}) }
//
// and one for products by packed matrices, which belong to no backend:
//
//	func TestPacked(t *testing.T) { blastest.Packed(t, blastest.Options{}) }
//
// Every result is compared with a sum in twice the precision of float64 and the bound that
// the comment of blas.Gemm gives; with Options.Chains the float32 results must also be
// those of the naive chain of fused multiply-adds, bit for bit. The matrices lie in buffers
// full of NaN, with gaps between the rows, and the whole buffers are compared afterwards.
package blastest
