package cell

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/elbow-go/elbow/kernels"
)

// Layers with weights of int8. What Pack prepares for products of float32, PackInt8 prepares for those
// of [kernels.GemmInt8]; all else of a layer, its sequences and its streams is as ever.

// int8Products are those of a weight that is quantised, block by block of the columns and outputs that
// are multiplied together. Many goroutines may multiply at a time.
type int8Products struct {
	on     bool
	mu     sync.Mutex // held while a block is added
	blocks atomic.Pointer[[]int8Block]
}

// An int8Block is w[j0:j1, from:to].
type int8Block struct {
	j0, j1, from, to int
	weights          *kernels.Int8Weights
}

// reset has the products read w again, quantised or not.
func (p *int8Products) reset(on bool) {
	p.on = on
	p.blocks.Store(nil)
}

// all returns the blocks that are there.
func (p *int8Products) all() []int8Block {
	if blocks := p.blocks.Load(); blocks != nil {
		return *blocks
	}
	return nil
}

// find returns a block that is there, or nil.
func (p *int8Products) find(j0, j1, from, to int) *kernels.Int8Weights {
	for _, b := range p.all() {
		if b.j0 == j0 && b.j1 == j1 && b.from == from && b.to == to {
			return b.weights
		}
	}
	return nil
}

// get returns a block of w, row stride ld, after it has quantised that if need be.
func (p *int8Products) get(w []float32, j0, j1, from, to, ld int) *kernels.Int8Weights {
	if q := p.find(j0, j1, from, to); q != nil {
		return q
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.find(j0, j1, from, to)
	if q == nil {
		q = new(kernels.Int8Weights)
		q.Pack(w[j0*ld+from:], j1-j0, to-from, ld)
		blocks := append(slices.Clip(p.all()), int8Block{j0, j1, from, to, q})
		p.blocks.Store(&blocks)
	}
	return q
}

// projectInt8 is products.project with a weight of int8.
func projectInt8[T Float](p *int8Products, y, x, w []T, rows, j0, j1, in, from, to, ldy, ldx int) {
	kernels.GemmInt8(float32s(y), float32s(x), p.get(float32s(w), j0, j1, from, to, in), rows, ldy, ldx)
}

// float32s returns elements that are float32 as such.
func float32s[T Float](x []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// checkInt8 panics unless elements are float32, and a row of weights is not too long for an int32.
func checkInt8[T Float](fn string, in int) {
	if elementSize[T]() != 4 {
		panic("cell: " + fn + ": the layer is of float64, want float32")
	}
	checkSize(fn, "inputs of the layer", in, kernels.MaxInt8In)
}

// PackInt8 is Pack for inference with weights quantised to int8, a quarter of the memory: those of the
// input, of the state and of what options have besides. Every product quantises its other operand as well, row by
// row, and is exact from there on, so that outputs have the same bits on all instruction sets, as
// [kernels.GemmInt8] says. They do not depend on how a batch is cut, but an input that comes in parts of its
// columns is quantised part by part. Gates, biases and states are those of float32, and a later Pack
// undoes it. The backward pass takes [Recurrent.PackForTraining].
//
// A few sequences run two to four times as fast where reading the weights is all the work, many three to four
// times on machines with an instruction for products of bytes (AVX-512 VNNI; DotProd was not measured).
//
// It panics as Pack does, if T is float64, and if the layer has more than [kernels.MaxInt8In] inputs or units.
func (l *Recurrent[T]) PackInt8() { l.packInt8("Recurrent.PackInt8") }

func (l *Recurrent[T]) packInt8(fn string) {
	checkInt8[T](fn, max(l.In, l.Hidden))
	f := l.beginPack(fn)
	l.products.int8.reset(true)
	l.byWhr.int8.reset(true)
	for i := range l.blocks {
		l.blocks[i].int8.reset(true)
	}
	if l.fused() {
		l.whh.PackInt8(f.packs, l.Whh, l.Hidden)
	}
	l.mark(false)
}

// PackInt8 is [Recurrent.PackInt8] for all layers.
func (st *Stack[T]) PackInt8() {
	const fn = "Stack.PackInt8"
	st.checkLayers(fn)
	for _, l := range st.Layers {
		l.packInt8(fn)
	}
}

// PackInt8 is Pack for inference with weights quantised to int8; see [Recurrent.PackInt8].
func (d *Dense[T]) PackInt8() { d.packInt8("Dense.PackInt8") }

func (d *Dense[T]) packInt8(fn string) {
	checkInt8[T](fn, d.In)
	d.pack(fn, false)
	d.products.int8.reset(true)
}

// PackInt8 is [Dense.PackInt8] for all layers.
func (m *MLP[T]) PackInt8() {
	const fn = "MLP.PackInt8"
	m.checkLayers(fn)
	for _, d := range m.Layers {
		d.packInt8(fn)
	}
}

// PackInt8Less is PackInt8 for inputs from which the caller no longer subtracts a mean [In]: the mean goes into
// the bias of the first layer, b - W mean. Inputs that are 0 or 1 are quantised without an error then; less
// their mean they would be a few large numbers among many small ones. It panics as PackInt8, and if mean is too short.
func (m *MLP[T]) PackInt8Less(mean []T) {
	const fn = "MLP.PackInt8Less"
	m.checkLayers(fn)
	checkMatrix(fn, "mean", len(mean), 1, m.In())
	for _, d := range m.Layers {
		d.packInt8(fn)
	}
	d := m.Layers[0]
	d.folded = make([]T, d.Out)
	for j := range d.folded {
		sum := float64(d.B[j])
		for k, w := range d.W[j*d.In : (j+1)*d.In] {
			sum -= float64(float64(w) * float64(mean[k]))
		}
		d.folded[j] = T(sum)
	}
}
