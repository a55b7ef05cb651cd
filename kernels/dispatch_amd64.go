//go:build !purego

package kernels

// The dispatch files say which code runs, with one switch per kernel. Calls are direct:
// through a function variable every argument would escape to the heap.

// maxElems is the most elements that one call of machine code gets: it cannot be preempted,
// so a collection waits for it. The slowest elementwise kernel takes 20 to 40 microseconds
// for so many.
const maxElems = 1 << 15
