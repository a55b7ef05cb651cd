package recipe

import (
	"fmt"
	"strings"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// The products:
//
//	gemm_tiles.go     GemmTiles, GemmFinish      rows of C += rows of A times a panel of B
//	gemm_elems.go     GemmTiles                  its loops where multiply-adds take one element of a register
//	gemm_row.go       GemmRow, GemmRow16         one row, or two, times two panels
//	gemm_tile16.go    GemmTile16                 a few rows times a panel of bfloat16
//	gemm_pack.go      GemmPack, GemmPackT        a panel of B in the order in which tiles read it
//	gemm_rows.go      GemvRows                   y += A x where the rows of A are contiguous
//	gemm_vector.go    GemvCols, GemvDots64       y += A^T x, a few rows of A at a time; y = A x for float64
//
// One output of a product is one chain of fused multiply-adds in the order of k. So lanes
// are always different outputs, and no sum is ever split; what is left to choose is which
// outputs go together. This is assembly because it needs a register for each of 24 chains,
// which no Go compiler gives; it runs 20 to 60 times as fast as the plain Go product.
//
// Registers are given out here, not by the engine: a loop knows best which of its values
// to keep.

// A product is the functions of products for elements of one size.
type product struct {
	Asm
	Vectors
	traits    *Traits
	elemBytes int

	gemmArgs, packArgs *Struct
}

// Gemm writes the products of float32.
func Gemm(f *File) {
	p := newProduct(f, 4)
	p.Declare(p.gemmArgs)
	p.Declare(rowArgs)
	p.Declare(p.packArgs)
	p.tiles()
	p.finish()
	p.row(false)
	p.row(true)
	p.tiles16()
	p.pack()
	p.packT()
	p.gemvRows()
	p.gemvCols()
	p.chains()
}

// GemmHalf writes the tiles of float32 whose last vectors are halves. They have a file of their own, since
// the others are the same for all targets.
func GemmHalf(f *File) { newProduct(f, 4).halfTiles() }

func newProduct(a Asm, elemBytes int) product {
	p := product{Asm: a, Vectors: a.Vectors(elemBytes), traits: a.Target().Traits(), elemBytes: elemBytes}
	p.gemmArgs = p.newStruct("GemmArgs", "says what GemmTiles and GemmFinish work on. Distances are in bytes.", gemmFields)
	p.packArgs = p.newStruct("PackArgs", "says what GemmPack and GemmPackT work on. Distances are in bytes.", packFields)
	return p
}

// newStruct is the type of arguments.
func (p product) newStruct(name, doc, fields string) *Struct {
	if p.elemBytes == 8 {
		name, doc, fields = name+"64", "is "+name+" for float64.", strings.ReplaceAll(fields, "float32", "float64")
	}
	return NewStruct(name, doc, fields)
}

// begin starts a function of a pointer to s and returns its registers and the place of a field of s,
// which can be read from arguments on.
func (p product) begin(name string, s *Struct, doc ...string) (*Registers, func(field string) Place) {
	if p.elemBytes == 8 {
		if name != "GemvDots" { // which is for float64 alone
			doc = []string{"is " + name + " for float64."}
		}
		name += "64"
	}
	p.Begin(name, "(args *"+s.Name+")", doc...)
	regs := p.traits.Registers()
	args := regs.GP("arguments")
	return regs, func(field string) Place { return s.At(args, field) }
}

// arguments says what all registers are for and loads the pointer to the arguments.
func (p product) arguments(regs *Registers, vectors string) {
	p.Comment("Registers:    "+regs.Map(), "Vectors:    "+vectors)
	p.Move(GP(1), Arg("args"))
}

// local is a local with the value of an argument that changes: behind the last row there may be nothing
// that Go knows of, so pointers are not moved in the arguments.
func (p product) local(field Place) Place {
	at := p.Local(8)
	p.Move(p.Scratch(), field)
	p.Move(at, p.Scratch())
	return at
}

// roomy reports whether the largest tile leaves registers for several vectors of B and elements of A.
func (p product) roomy() bool { return roomy(p.traits) }

func roomy(t *Traits) bool { return t.Vectors >= 32 }

// loadTail and storeTail move a vector, under the mask if tail is set.
func (p product) loadTail(to V, from Place, tail bool, m Mask) {
	if tail {
		p.LoadMasked(to, from, m)
	} else {
		p.Load(to, from)
	}
}

func (p product) storeTail(to Place, x V, tail bool, m Mask, spare V) {
	if tail {
		p.StoreMasked(to, x, m, spare)
	} else {
		p.Store(to, x)
	}
}

// mulAddAt is MulAdd with y at a place.
func (p product) mulAddAt(acc, x V, y Place, spare V) {
	if p.traits.MemOperand {
		p.MulAdd(acc, x, y)
		return
	}
	p.Load(spare, y)
	p.MulAdd(acc, x, spare)
}

// mulAddElemAt is mulAddElem with x at a place.
func (p product) mulAddElemAt(acc, elem V, x Place, spare V) {
	if p.traits.MemOperand {
		p.MulAdd(acc, elem, x)
		return
	}
	p.Load(spare, x)
	p.mulAddElem(acc, elem, spare)
}

// element makes to what mulAddElem takes for the element at a place: all its lanes, or one.
func (p product) element(to V, from Place) {
	if p.traits.ElementOperand {
		p.Element(to, from)
	} else {
		p.Spread(to, from)
	}
}

func (p product) mulAddElem(acc, elem, x V) {
	if p.traits.ElementOperand {
		p.MulAddLane(acc, x, elem, 0)
	} else {
		p.MulAdd(acc, elem, x)
	}
}

// times makes 3, 5 or 9 times x.
func (p product) times(to, x GP, n int) { p.Address(to, By(x, x, n-1)) }

func (p product) double(to, x GP) {
	p.Move(to, x)
	p.Add(to, x)
}

// vecsLabel is the label of the code for rows of so many vectors.
func vecsLabel(vecs int) string { return fmt.Sprintf("vecs%d", vecs) }

const gemmFields = `
	A *float32 // first element of the first row
	B *float32 // first element of the panel
	C *float32 // first element of the first row
	Bias *float32 // first element of a row, whose vectors lie as those of a row of C
	Add *float32 // GemmTiles: first element of the first row that is added, Alpha times, to what the chains have come to; its vectors lie as those of a row of C
	Next *float32 // nil, or what comes next: its line goes to the L2 cache with every step (from 2 Vecs on; with NEON with every fourth), and with AVX-512 the line behind
	ARow int // from one row of A to the next
	AStep int // from one k of A to the next; with NEON, if this is Rows elements and ARow is one, what follows the last k of a tile is the next tile
	BStep int // from one k of the panel to the next, with NEON Lanes-Tail elements at least
	NextStep int // from one step to the next in Next
	CRow int // from one row of C to the next
	AddRow int // from one row to the next of what is added
	AddNext int // from what is added first to what is added then, to the sum
	Adds int // how many times something is added, or 0
	CVec int // from one vector of a row of C to the next
	CLast int // from the first vector of a row of C to the last; Vecs-1 times CVec, or more
	K int // steps of the chains, at least 1
	Tiles int // number of tiles, one below the other, at least 1
	Rows int // rows of a tile, 1 to 8 8 8 6 with AVX-512 and NEON, 8 6 4 3 with AVX2, for 1 to 4 Vecs
	Vecs int // vectors in a row of a tile, 1 to 4
	Tail int // columns in the last of them, 1 to Lanes, or half as many in GemmHalfTiles; if CVec is not a vector, in each of them
	Start int // where chains start: 0 at +0, 1 at C, 2 at Beta*C, 3 all rows at Bias (GemmTiles only)
	Alpha float32 // factor of A in GemmFinish, of what is added in GemmTiles
	Beta float32 // factor of C
`

var rowArgs = NewStruct("RowArgs", "says what GemmRow and GemmRow16 work on. Distances are in bytes.", `
	A *float32 // first element of the row
	B *float32 // first element of the first panel
	B2 *float32 // first element of the second panel
	C *float32 // first element of the row
	AStep int // from one k of A to the next, with NEON an element
	CVec int // from one vector of C to the next
	CLast int // from the first vector of C to the last
	CPanel int // from the vectors of the first panel to those of the second
	K int // steps of the chains, at least 1
	Pairs int // how many pairs of panels follow each other in B and in C, at least 1
	Vecs int // vectors in a row of a panel, 2 to 4, all of them full
	Start int // where chains start: 0 at +0, 1 at C
	Rows int // rows of A and of C, with AVX-512 and NEON 1 or 2, or else 1; and always with GemmRow16
	ARow int // from one row of A to the next
	CRow int // from one row of C to the next
`)

const packFields = `
	Dst *float32 // first element of the panel [K][Vecs*Lanes]
	DstRow int // from one row of the panel to the next
	Src *float32 // first element
	SrcRow int // from one row of the source to the next
	K int // rows of the panel, at least 1
	Vecs int // vectors in a row of the panel, 1 to 4
	Tail int // columns in the last of them that exist, 1 to Lanes
`

// chains writes Chains: multiply-adds on registers alone, which is all that a core can do. It
// is not a kernel but what kernels are measured against. Each multiply-add of a chain waits four
// cycles for the one before, or five: two units of a core need ten chains to be busy, four need
// 16 or more, and are found only where there are registers for them.
func (p product) chains() {
	chains := V(12)
	if p.roomy() {
		chains = 24
	}
	p.Begin("Chains", "(n int)",
		"does n multiply-adds of vectors in independent chains, on registers alone, n being a",
		"multiple of 48: package measure times it.")
	left := p.Count()
	p.Comment(fmt.Sprintf("Registers:    %s multiply-adds left", p.traits.GPName(left)), "Vectors:    chains, then two factors")
	p.Move(left, Arg("n"))
	for i := range chains + 2 {
		p.Zero(i)
	}
	p.Label("chains")
	for range 48 / chains {
		for i := range chains {
			p.MulAdd(i, chains+1, chains)
		}
	}
	p.SubJump(left, 48, IfGt, "chains")
	p.Return()
}
