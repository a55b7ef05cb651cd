package main

import (
	"fmt"
	"go/format"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func gofmt(text string) ([]byte, error) { return format.Source([]byte(text)) }

// Registers of GemmTiles:
//
//	DI arguments
//	AX A at this k        R12 the same, six rows on       DX SI R8 one, three, five rows of A
//	BX B at this k        CX steps left                   R9 R10 from one k of A and of B to the next
//	R11 what to fetch     R13 from one k of that to the next
//
// and where C is read and written
//
//	CX row of C           R13 from one row of C to the next
//	AX BX distances of the second and of the last vector
//	K1 K2 masks of the last vector and of the others (AVX-512)
//
//	AVX-512   Z0 up: chains [row][vector]; then vectors of B; Z31 element of A
//	AVX2      Y0 up: chains; then, whichever are fewer, the vectors of B or the elements of
//	          A; Y15 one of the others at a time
//
// On the stack: the masks (AVX2), and A, C, Next and the number of tiles left.
var (
	rA, rA6, rRow1, rRow3, rRow5 = reg.RAX, reg.R12, reg.RDX, reg.RSI, reg.R8
	rB, rK, rAStep, rBStep       = reg.RBX, reg.RCX, reg.R9, reg.R10
	rNext, rNextStep             = reg.R11, reg.R13
	rC, rCRow                    = reg.RCX, reg.R13
	rCVec, rCLast                = reg.RAX, reg.RBX
)

// unroll is the number of steps in one round of the loops of large tiles: a loop of 16 rounds
// ends where the CPU expects it, one of 64 does not.
const unroll = 4

// A tileFrame is what GemmTiles keeps on the stack. The pointers are not moved in the
// arguments: behind the last row there may be nothing that Go knows of.
type tileFrame struct{ a, c, next, tiles Mem }

// row returns the place of row r of A at this k.
func row(r int) Mem {
	base := rA
	if r >= 6 {
		base, r = rA6, r-6
	}
	switch r {
	case 0:
		return Mem{Base: base}
	case 1, 2, 4:
		return Mem{Base: base, Index: rRow1, Scale: uint8(r)}
	case 3:
		return Mem{Base: base, Index: rRow3, Scale: 1}
	}
	return Mem{Base: base, Index: rRow5, Scale: 1}
}

// tiles writes GemmTiles.
//
//	c[r][j] = start, then for k ascending: c[r][j] = fma(a[r][k], b[k][j], c[r][j])
//
// There is a loop for every size of tile: per step it reads each element of A and each
// vector of B once, from wherever they are.
func (g *gen) tiles() {
	g.begin("GemmTiles", tileArgs,
		"multiplies Tiles*Rows rows of A by a panel of B and adds to rows of C: the chain of",
		"every output goes on by K steps. A vector of C may lie anywhere, so that rows of C may be",
		"columns of several blocks (gates) of a row; see CVec and CLast. args is not changed.")
	mask := g.tailMasks()
	frame := tileFrame{g.AllocLocal(8), g.AllocLocal(8), g.AllocLocal(8), g.AllocLocal(8)}
	for _, f := range []struct {
		name string
		at   Mem
	}{{"A", frame.a}, {"C", frame.c}, {"Next", frame.next}, {"Tiles", frame.tiles}} {
		g.MOVQ(tileArgs.at(argp, f.name), reg.RAX)
		g.MOVQ(reg.RAX, f.at)
	}
	g.MOVQ(tileArgs.at(argp, "ARow"), rRow1)
	g.LEAQ(Mem{Base: rRow1, Index: rRow1, Scale: 2}, rRow3)
	g.LEAQ(Mem{Base: rRow1, Index: rRow1, Scale: 4}, rRow5)
	g.MOVQ(tileArgs.at(argp, "AStep"), rAStep)
	g.MOVQ(tileArgs.at(argp, "BStep"), rBStep)
	g.Comment("The size of the tile.")
	for v := 4; v >= 1; v-- {
		g.CMPQ(tileArgs.at(argp, "Vecs"), imm(v))
		g.JEQ(LabelRef(fmt.Sprintf("vecs%d", v)))
	}
	for v := 4; v >= 1; v-- {
		g.Label(fmt.Sprintf("vecs%d", v))
		for r := g.maxRows[v]; r > 1; r-- {
			g.CMPQ(tileArgs.at(argp, "Rows"), imm(r))
			g.JEQ(LabelRef(fmt.Sprintf("tile%dx%d", r, v)))
		}
		g.JMP(LabelRef(fmt.Sprintf("tile1x%d", v)))
	}
	for v := 4; v >= 1; v-- {
		for r := g.maxRows[v]; r >= 1; r-- {
			g.tile(r, v, mask, frame)
		}
	}
	g.Label("done")
	g.end()
}

// masks are those of the last vector of a row and of the others: K1 and K2, or vectors.
type masks struct{ last, others Mem }

func (m masks) of(v, vecs int) (reg.Register, Mem) {
	if v == vecs-1 {
		return reg.K1, m.last
	}
	return reg.K2, m.others
}

// tailMasks makes the masks of a row of C.
func (g *gen) tailMasks() (m masks) {
	m.last = g.tailMask(tileArgs)
	apart := g.label("apart")
	if g.avx512 {
		g.KMOVW(reg.K1, reg.K2)
	} else {
		m.others = g.AllocLocal(32)
		g.VMOVUPS(g.vec(0), m.others)
	}
	g.CMPQ(tileArgs.at(argp, "CVec"), imm(g.bytes()))
	g.JNE(LabelRef(apart))
	if g.avx512 {
		g.KXNORW(reg.K2, reg.K2, reg.K2)
	} else {
		g.VMOVUPS(g.ramp, g.vec(0))
		g.VMOVUPS(g.vec(0), m.others)
	}
	g.Label(apart)
	return m
}

// tailMask makes the mask of Tail columns: K1, or the vector it returns the place of.
func (g *gen) tailMask(a args) Mem {
	if g.avx512 {
		g.MOVQ(a.at(argp, "Tail"), reg.RCX)
		g.MOVL(U32(1), reg.EAX)
		g.SHLL(reg.CL, reg.EAX)
		g.DECL(reg.EAX)
		g.KMOVW(reg.EAX, reg.K1)
		return Mem{}
	}
	local := g.AllocLocal(32)
	g.LEAQ(g.ramp.Offset(4*rampOnes), reg.RAX)
	g.MOVQ(a.at(argp, "Tail"), reg.RCX)
	g.NEGQ(reg.RCX)
	g.VMOVUPS(Mem{Base: reg.RAX, Index: reg.RCX, Scale: 4}, g.vec(0))
	g.VMOVUPS(g.vec(0), local)
	return local
}

// loadTail and storeTail move the columns of a vector that exist: of the last one of a row,
// and loadMasked and storeMasked under any mask.
func (g *gen) loadTail(m Mem, i int, mask Mem) { g.loadMasked(m, i, reg.K1, mask) }

func (g *gen) loadMasked(m Mem, i int, k reg.Register, mask Mem) {
	if g.avx512 {
		g.VMOVUPS_Z(m, k, g.vec(i))
		return
	}
	g.VMOVUPS(mask, g.vec(i))
	g.VMASKMOVPS(m, g.vec(i), g.vec(i))
}

// storeTail overwrites register spare.
func (g *gen) storeTail(i int, m, mask Mem, spare int) { g.storeMasked(i, m, reg.K1, mask, spare) }

func (g *gen) storeMasked(i int, m Mem, k reg.Register, mask Mem, spare int) {
	if g.avx512 {
		g.VMOVUPS(g.vec(i), k, m)
		return
	}
	g.VMOVUPS(mask, g.vec(spare))
	g.VMASKMOVPS(g.vec(i), g.vec(spare), m)
}

// placeOfC is the place of a vector in a row of C.
func placeOfC(v, vecs int) Mem {
	switch v {
	case 0:
		return Mem{Base: rC}
	case vecs - 1:
		return Mem{Base: rC, Index: rCLast, Scale: 1}
	}
	return Mem{Base: rC, Index: rCVec, Scale: uint8(v)}
}

// tile writes the code of tiles of rows by vecs.
func (g *gen) tile(rows, vecs int, mask masks, frame tileFrame) {
	name := fmt.Sprintf("%dx%d", rows, vecs)
	acc := func(r, v int) int { return r*vecs + v }
	spare := 15
	if g.avx512 {
		spare = 31
	}
	eachC := func(do func(r, v int, m Mem)) {
		g.MOVQ(frame.c, rC)
		for r := range rows {
			for v := range vecs {
				do(r, v, placeOfC(v, vecs))
			}
			if r < rows-1 {
				g.ADDQ(rCRow, rC)
			}
		}
	}
	placesOfC := func() {
		g.MOVQ(tileArgs.at(argp, "CRow"), rCRow)
		g.MOVQ(tileArgs.at(argp, "CVec"), rCVec)
		g.MOVQ(tileArgs.at(argp, "CLast"), rCLast)
	}

	g.Label("tile" + name)
	g.CMPQ(tileArgs.at(argp, "Start"), imm(0))
	g.JEQ(LabelRef("zero" + name))
	g.Comment("Start of the chains.")
	placesOfC()
	g.CMPQ(tileArgs.at(argp, "Tail"), imm(g.lanes))
	g.JNE(LabelRef("loadtail" + name))
	eachC(func(r, v int, m Mem) { g.VMOVUPS(m, g.vec(acc(r, v))) })
	g.JMP(LabelRef("loaded" + name))
	g.Label("loadtail" + name)
	eachC(func(r, v int, m Mem) {
		k, at := mask.of(v, vecs)
		g.loadMasked(m, acc(r, v), k, at)
	})
	g.Label("loaded" + name)
	g.CMPQ(tileArgs.at(argp, "Start"), imm(1))
	g.JEQ(LabelRef("steps" + name))
	g.VBROADCASTSS(tileArgs.at(argp, "Beta"), g.vec(spare))
	for i := range rows * vecs {
		g.VMULPS(g.vec(spare), g.vec(i), g.vec(i))
	}
	g.JMP(LabelRef("steps" + name))
	g.Label("zero" + name)
	for i := range rows * vecs {
		g.zero(i)
	}

	g.Label("steps" + name)
	g.MOVQ(frame.a, rA)
	g.MOVQ(tileArgs.at(argp, "B"), rB)
	if rows > 6 {
		g.LEAQ(Mem{Base: rA, Index: rRow3, Scale: 2}, rA6)
	}
	if vecs > 1 {
		g.Comment("Without Next, fetch what is there.")
		g.XORL(rNextStep.As32(), rNextStep.As32())
		g.MOVQ(rB, rNext)
		g.CMPQ(frame.next, imm(0))
		g.JEQ(LabelRef("fetch" + name))
		g.MOVQ(frame.next, rNext)
		g.MOVQ(tileArgs.at(argp, "NextStep"), rNextStep)
		g.Label("fetch" + name)
	}
	g.MOVQ(tileArgs.at(argp, "K"), rK)
	steps := func(label string, tail bool) {
		if rows*vecs >= g.unrollFrom {
			g.SUBQ(imm(unroll), rK)
			g.JLT(LabelRef("rest" + label))
			g.Label("k" + label)
			for range unroll {
				g.step(rows, vecs, acc, tail, mask.last)
			}
			g.SUBQ(imm(unroll), rK)
			g.JGE(LabelRef("k" + label))
			g.Label("rest" + label)
			g.ADDQ(imm(unroll), rK)
			g.JEQ(LabelRef("store" + name))
		}
		g.Label("one" + label)
		g.step(rows, vecs, acc, tail, mask.last)
		g.DECQ(rK)
		g.JNE(LabelRef("one" + label))
	}
	if g.avx512 {
		steps(name, true)
	} else {
		g.CMPQ(tileArgs.at(argp, "Tail"), imm(g.lanes))
		g.JNE(LabelRef("tail" + name))
		steps(name, false)
		g.JMP(LabelRef("store" + name))
		g.Label("tail" + name)
		g.Label("onetail" + name)
		g.step(rows, vecs, acc, true, mask.last)
		g.DECQ(rK)
		g.JNE(LabelRef("onetail" + name))
	}

	g.Label("store" + name)
	if vecs > 1 {
		g.TESTQ(rNextStep, rNextStep)
		g.JEQ(LabelRef("fetched" + name))
		g.MOVQ(rNext, frame.next)
		g.Label("fetched" + name)
	}
	placesOfC()
	g.CMPQ(tileArgs.at(argp, "Tail"), imm(g.lanes))
	g.JNE(LabelRef("storetail" + name))
	eachC(func(r, v int, m Mem) { g.VMOVUPS(g.vec(acc(r, v)), m) })
	g.JMP(LabelRef("next" + name))
	g.Label("storetail" + name)
	eachC(func(r, v int, m Mem) {
		k, at := mask.of(v, vecs)
		g.storeMasked(acc(r, v), m, k, at, spare)
	})
	g.Label("next" + name)
	g.Comment("The next tile.")
	g.ADDQ(rCRow, rC)
	g.MOVQ(rC, frame.c)
	g.IMUL3Q(imm(rows), rRow1, rK)
	g.ADDQ(rK, frame.a)
	g.DECQ(frame.tiles)
	g.JNE(LabelRef("tile" + name))
	g.JMP(LabelRef("done"))
}

// step writes one step of all chains of a tile.
func (g *gen) step(rows, vecs int, acc func(r, v int) int, tail bool, mask Mem) {
	next := rows * vecs
	loadB := func(v, i int) {
		if tail && v == vecs-1 {
			g.loadTail(mem(rB, v*g.bytes()), i, mask)
		} else {
			g.VMOVUPS(mem(rB, v*g.bytes()), g.vec(i))
		}
	}
	if g.avx512 || vecs <= rows {
		for v := range vecs {
			loadB(v, next+v)
		}
		a := next + vecs
		for r := range rows {
			g.VBROADCASTSS(row(r), g.vec(a))
			for v := range vecs {
				g.VFMADD231PS(g.vec(next+v), g.vec(a), g.vec(acc(r, v)))
			}
			if g.avx512 && a < 31 {
				a++
			}
		}
	} else {
		for r := range rows {
			g.VBROADCASTSS(row(r), g.vec(next+r))
		}
		for v := range vecs {
			loadB(v, 15)
			for r := range rows {
				g.VFMADD231PS(g.vec(15), g.vec(next+r), g.vec(acc(r, v)))
			}
		}
	}
	if vecs > 1 { // with one vector there are as many loads as the ports take
		g.PREFETCHT1(Mem{Base: rNext})
		if g.avx512 && rows <= 4 { // few rows, few steps
			g.PREFETCHT1(mem(rNext, 64))
		}
		g.ADDQ(rNextStep, rNext)
	}
	g.ADDQ(rBStep, rB)
	g.ADDQ(rAStep, rA)
	if rows > 6 {
		g.ADDQ(rAStep, rA6)
	}
}

// finish writes GemmFinish. Registers: AX row of A, R9 row of C, CX rows left, DX R10 their
// distances, BX SI R8 vectors, K1 or 0(SP) tail mask.
//
//	c = fma(alpha, a, z)      z = beta*c rounded, or +0 without a look at c
func (g *gen) finish() {
	g.begin("GemmFinish", tileArgs,
		"ends a product whose alpha is not 1: C becomes Alpha*A + Beta*C, or with Start = 0",
		"Alpha*A, in Tiles rows. A holds the chains. K, Rows and the steps are not used.")
	mask := g.tailMask(tileArgs)
	g.MOVQ(tileArgs.at(argp, "A"), rA)
	c, cRow := reg.R9, reg.R10
	g.MOVQ(tileArgs.at(argp, "C"), c)
	g.MOVQ(tileArgs.at(argp, "ARow"), rRow1)
	g.MOVQ(tileArgs.at(argp, "CRow"), cRow)
	g.MOVQ(tileArgs.at(argp, "Tiles"), rK)
	alpha, beta, s, z, spare := 0, 1, 2, 3, 4
	g.VBROADCASTSS(tileArgs.at(argp, "Alpha"), g.vec(alpha))
	g.VBROADCASTSS(tileArgs.at(argp, "Beta"), g.vec(beta))
	g.Label("row")
	g.MOVQ(rA, reg.RBX)
	g.MOVQ(c, reg.RSI)
	g.MOVQ(tileArgs.at(argp, "Vecs"), reg.R8)
	g.Label("vector")
	g.CMPQ(reg.R8, imm(1))
	g.JEQ(LabelRef("last"))
	finish := func(tail bool) {
		fma := g.label("fma")
		if tail {
			g.loadTail(mem(reg.RBX, 0), s, mask)
		} else {
			g.VMOVUPS(mem(reg.RBX, 0), g.vec(s))
		}
		g.zero(z)
		g.CMPQ(tileArgs.at(argp, "Start"), imm(0))
		g.JEQ(LabelRef(fma))
		if tail {
			g.loadTail(mem(reg.RSI, 0), z, mask)
		} else {
			g.VMOVUPS(mem(reg.RSI, 0), g.vec(z))
		}
		g.VMULPS(g.vec(beta), g.vec(z), g.vec(z))
		g.Label(fma)
		g.VFMADD231PS(g.vec(alpha), g.vec(s), g.vec(z))
		if tail {
			g.storeTail(z, mem(reg.RSI, 0), mask, spare)
		} else {
			g.VMOVUPS(g.vec(z), mem(reg.RSI, 0))
		}
	}
	finish(false)
	g.ADDQ(imm(g.bytes()), reg.RBX)
	g.ADDQ(imm(g.bytes()), reg.RSI)
	g.DECQ(reg.R8)
	g.JMP(LabelRef("vector"))
	g.Label("last")
	finish(true)
	g.ADDQ(rRow1, rA)
	g.ADDQ(cRow, c)
	g.DECQ(rK)
	g.JNE(LabelRef("row"))
	g.end()
}
