package recipe

import (
	"fmt"
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Products of bytes. A row x of float32 is quantised by
//
//	m = max |x[k]|    inv = 127/m    scale = m/127    q[k] = x[k] inv, rounded to even
//	start = - sum of the negative q[k]
//
// and so is every row of the weights, beforehand. The product is exact:
//
//	t = sum over k of w[j][k] q[k]    c[j] = fma(t scaleW[j], scale, c[j])
//
// so all instruction sets agree whatever they sum up in what order. This is assembly because
// instructions that multiply bytes read a quarter of the memory, and do up to four times the products,
// of those of float32.

// Int8 writes what all machines of an instruction set have.
func Int8(f *File) {
	quantize(f)
	f.Declare(int8Args)
	newDotTiles(f, false).write()
}

// Int8Dot writes what takes the instruction of Dots.
func Int8Dot(f *File) { newDotTiles(f, true).write() }

// quantize writes QuantizeInt8. The largest element is found as an integer, so that a NaN is larger than
// all numbers and the order does not matter. A row with NaN or Inf is taken as zeros with the scale NaN; one
// below int8Least, whose inverse might be infinite, as zeros with the scale 0.
//
// The lowest bit of a sum with magic is worth 1, so the low byte of the sum is the integer; with 128 in
// magic, the integer and 128. No product reaches 127.5: m*inv rounds to 127 for every m.
func quantize(f *File) {
	f.Kernel(Kernel{
		Name: "QuantizeInt8", Doc: []string{"quantises rows of n elements to bytes: see kernels.Int8Weights.", "The bytes of a row beyond n are not defined up to the next multiple of 8."},
		Arrays: []Array{{Name: "q", Kind: Strided, Ld: "ldq", Bytes: true}, {Name: "scale", Kind: PerRow}, {Name: "start", Kind: PerRow}, {Name: "x", Kind: Strided, Ld: "ldx"}},
		Accs:   2, Lanes: 16, Vars: 2, Scalars: []string{"magic float32"},
		Passes: []Pass{
			{Uses: "x", Copies: 4,
				Before: func(b *Block, k *Vars) { k.Fill(b, 0, 0) },
				Body:   func(b *Block) { b.AccMaxU(0, b.Abs(b.Load("x", 0))) },
				After: func(b *Block, k *Vars) {
					m, inf := k.Fold(b, 0, OpMaxU), b.Const(float32(math.Inf(1)))
					least := b.Const(f32.Int8Least)
					b.Set(k.Keep[0], b.Keep(b.Less(m, inf), b.Keep(b.Not(b.Less(m, least)), b.Div(b.Const(127), m))))
					s := b.Keep(b.Not(b.Less(m, least)), b.Div(m, b.Const(127)))
					b.StoreRow("scale", b.Select(b.Less(m, inf), s, b.Bits(0x7fc00000)))
					b.Set(k.Keep[1], b.Keep(b.Less(m, inf), b.Bits(math.MaxUint32)))
				}},
			{Uses: "q x", Copies: 4, Body: func(b *Block) {
				b.StoreBytes("q", b.FMA(b.And(b.Load("x", 0), b.Kept(1)), b.Kept(0), b.Param("magic")))
			}},
			{Uses: "x", Copies: 4,
				Before: func(b *Block, k *Vars) { k.Fill(b, 1, 0) },
				Body: func(b *Block) {
					q := b.SubI(b.FMA(b.And(b.Load("x", 0), b.Kept(1)), b.Kept(0), b.Const(f32.Magic)), b.Bits(f32.MagicBits))
					b.AccAddI(1, b.And(q, b.Sar(q, 31)))
				},
				After: func(b *Block, k *Vars) { b.StoreRow("start", b.SubI(b.Bits(0), k.Fold(b, 1, OpAddI))) }},
		},
	})
}

// The weights lie in panels of panelOut outputs, and there in groups of four k, two of which make a step:
//
//	[panel][k/4][64 outputs][4 k]
const (
	panelOut  = 64
	groupSize = 4 * panelOut // bytes of a group of a panel
	stepSize  = 8            // bytes of a step of a row
)

var int8Args = NewStruct("Int8Args", "says what Int8Tiles and Int8DotTiles work on. Distances are in bytes.", `
	A *int8 // first element of the first row
	W *int8 // first element of the first panel
	Start *int32 // where the sums of a panel start, 64 each: with AVX-512 VNNI only, where bytes of A have 128 added
	RowStart *float32 // bits of int32: where the sums of a row start: with AVX2 and AVX-512 without VNNI only
	Scale *float32 // scales of the outputs of a panel, 64 each
	RowScale *float32 // scales of the rows
	C *float32 // first element of the first row
	ARow int // from one row of A to the next
	CRow int // from one row of C to the next
	K int // steps of 8 elements, at least 1
	Panels int // number of panels, at least 1
	Tiles int // number of tiles, one below the other, at least 1
	Rows int // rows of a tile, 1 to Int8Rows or Int8DotRows
`)

// dotTiles writes Int8Tiles: for every panel, for every tile of rows, all steps. So a panel is in the
// first or the second cache for all tiles but the first.
type dotTiles struct {
	*File
	vec         Vectors
	dots        Dots
	n           DotRegs
	instruction bool
	field       func(string) Place
	local       map[string]Place

	a, w, k          GP // at this step; steps left
	row1, row3, row5 GP // distances of rows of A
	c, scale         GP // row of C; scales of rows
}

func newDotTiles(f *File, instruction bool) *dotTiles {
	d := f.Dots(instruction)
	return &dotTiles{File: f, vec: f.Vectors(4), dots: d, n: d.Regs(), instruction: instruction, local: map[string]Place{}}
}

func (d *dotTiles) write() {
	name, most := "Int8Tiles", d.Target().Traits().Dots.MaxRows
	doc := []string{"multiplies Tiles*Rows rows of quantised elements by panels of weights and adds the products, times", "both scales, to C: see asm/_gen/recipe/int8.go. args is not changed."}
	if d.instruction {
		name, most = "Int8DotTiles", d.Target().Traits().Dots.DotRows
		doc = []string{"is Int8Tiles for machines with AVX-512 VNNI or FEAT_DotProd."}
	}
	d.Begin(name, "(args *Int8Args)", doc...)
	regs := d.Target().Traits().Registers()
	args := regs.GP("arguments")
	d.field = func(field string) Place { return int8Args.At(args, field) }
	d.row1, d.row3, d.row5 = regs.GP("row of A"), regs.GP("3 rows of A"), regs.GP("5 rows of A")
	d.w, d.c, d.scale = regs.GP("weights"), regs.GP("row of C"), regs.GP("scales of rows")
	d.a, d.k = regs.Take(d.Scratch(), "A"), regs.Take(d.Count(), "steps left, scales of weights")
	d.Comment("Registers:    "+regs.Map(), "Vectors:    sums [row][vector]; rows; weights; spare; fixed ones last")
	d.Move(args, Arg("args"))
	for _, f := range []string{"W", "Start", "Scale", "C", "Panels"} {
		d.keep(f, d.field(f))
	}
	for _, f := range []string{"atA", "atC", "atRowScale", "atRowStart", "tiles"} {
		d.local[f] = d.Local(8)
	}
	d.Move(d.row1, d.field("ARow"))
	d.Address(d.row3, By(d.row1, d.row1, 2))
	d.Address(d.row5, By(d.row1, d.row1, 4))
	d.dots.Prepare(d.fixed())
	for r := most; r > 1; r-- {
		d.CmpJump(d.field("Rows"), IfEq, Num(r), d.label("panel", r))
	}
	for r := 1; r <= most; r++ {
		d.panels(r)
	}
}

// keep makes a local with a value.
func (d *dotTiles) keep(name string, from Place) {
	d.local[name] = d.Local(8)
	d.copy(d.local[name], from)
}

// copy goes through Scratch.
func (d *dotTiles) copy(to, from Place) {
	d.Move(d.Scratch(), from)
	d.Move(to, d.Scratch())
}

func (d *dotTiles) label(stem string, rows int) string { return fmt.Sprintf("%s%d", stem, rows) }

func (d *dotTiles) fixed() V { return V(d.Target().Traits().Vectors - d.n.Fixed) }

// vecs is how many vectors of a panel the tiles of so many rows take at once: all, or as many as find
// registers for their sums.
func (d *dotTiles) vecs(rows int) int {
	n := panelOut / d.vec.Lanes()
	for rows*(n*d.n.Sum+d.n.Row)+d.n.Weights+d.n.Spare+d.n.Fixed > d.Target().Traits().Vectors {
		n /= 2
	}
	return n
}

// rowOfA is the place of row r of A at this step.
func (d *dotTiles) rowOfA(r int) Place {
	switch r {
	case 0:
		return At(d.a, 0)
	case 1, 2, 4:
		return By(d.a, d.row1, r)
	case 3:
		return By(d.a, d.row3, 1)
	}
	return By(d.a, d.row5, 1)
}

// panels writes the loops for tiles of so many rows.
func (d *dotTiles) panels(rows int) {
	d.Label(d.label("panel", rows))
	d.copy(d.local["atA"], d.field("A"))
	d.copy(d.local["atC"], d.local["C"])
	d.copy(d.local["atRowScale"], d.field("RowScale"))
	d.copy(d.local["atRowStart"], d.field("RowStart"))
	d.copy(d.local["tiles"], d.field("Tiles"))
	d.Label(d.label("tile", rows))
	vecs := d.vecs(rows)
	for from := 0; from < panelOut/d.vec.Lanes(); from += vecs {
		d.part(rows, vecs, from)
	}
	d.Multiple(d.Scratch(), d.row1, rows)
	d.Add(d.local["atA"], d.Scratch())
	d.Move(d.local["atC"], d.c) // which is behind the last row
	d.Add(d.local["atRowScale"], Num(4*rows))
	d.Add(d.local["atRowStart"], Num(4*rows))
	d.SubJump(d.local["tiles"], 1, IfNe, d.label("tile", rows))
	d.Move(d.local["W"], d.w) // which is behind the panel, or part of that
	for _, f := range []string{"Start", "Scale", "C"} {
		d.Add(d.local[f], Num(4*panelOut))
	}
	d.SubJump(d.local["Panels"], 1, IfNe, d.label("panel", rows))
	d.Return()
}

// start makes the sums of a tile what they start at.
func (d *dotTiles) start(rows, vecs, off int, sum func(r, v int) V) {
	from := d.dots.Start()
	switch from {
	case AtOutputs:
		d.Move(d.a, d.local["Start"])
	case AtRows:
		d.Move(d.a, d.local["atRowStart"])
	}
	for r := range rows {
		for v := range vecs {
			switch {
			case from == AtOutputs:
				d.vec.Load(sum(r, v), At(d.a, off+v*d.vec.Bytes()))
			case from == AtRows && v == 0:
				d.vec.Spread(sum(r, 0), At(d.a, 4*r))
			case from == AtRows:
				d.vec.Copy(sum(r, v), sum(r, 0))
			default:
				for i := range V(d.n.Sum) {
					d.vec.Zero(sum(r, v) + i)
				}
			}
		}
	}
}

// part writes the products with the vectors of a panel from one on.
func (d *dotTiles) part(rows, vecs, from int) {
	off, name := from*d.vec.Bytes(), fmt.Sprintf("step%dfrom%d", rows, from)
	sum := func(r, v int) V { return V((r*vecs + v) * d.n.Sum) }
	row := func(r int) V { return sum(rows, 0) + V(r*d.n.Row) }
	weights := row(rows)
	spare := weights + V(d.n.Weights)
	d.start(rows, vecs, off, sum)
	d.Move(d.a, d.local["atA"])
	d.Move(d.w, d.local["W"])
	d.Move(d.k, d.field("K"))
	d.Label(name)
	for g := 0; g < stepSize/4; g += d.dots.Groups() {
		for r := range rows {
			d.dots.LoadRow(row(r), d.rowOfA(r).Plus(4*g))
		}
		for v := range vecs {
			d.dots.LoadWeights(weights, At(d.w, off+v*d.vec.Bytes()+g*groupSize), groupSize)
			for r := range rows {
				d.dots.AddDots(sum(r, v), weights, row(r), d.fixed(), spare)
			}
		}
	}
	d.Add(d.a, Num(stepSize))
	d.Add(d.w, Num(stepSize/4*groupSize))
	d.SubJump(d.k, 1, IfNe, name)

	d.Comment("The scales.")
	rowScale, scale, y := sum(rows, 0), sum(rows, 0)+1, sum(rows, 0)+2
	d.Move(d.c, d.local["atC"])
	d.Move(d.scale, d.local["atRowScale"])
	d.Move(d.k, d.local["Scale"])
	for r := range rows {
		d.vec.Spread(rowScale, At(d.scale, 4*r))
		for v := range vecs {
			at := off + v*d.vec.Bytes()
			d.dots.ToFloat(sum(r, v))
			d.vec.Load(scale, At(d.k, at))
			d.vec.Load(y, At(d.c, at))
			d.vec.Mul(sum(r, v), sum(r, v), scale)
			d.vec.MulAdd(y, sum(r, v), rowScale)
			d.vec.Store(At(d.c, at), y)
		}
		d.Add(d.c, d.field("CRow"))
	}
}
