package kernels

// Float is the element type of every kernel. float32 has machine code and the bit
// contract; float64 is plain Go, but for the products of the fused steps, for gradient checks and
// for comparison.
type Float interface{ float32 | float64 }
