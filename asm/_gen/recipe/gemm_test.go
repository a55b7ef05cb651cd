package recipe

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// The products on targets that have little in common, against loops that say what they are.

// A productTest runs a function on memory of elements that are small numbers.
type productTest struct {
	toyVectors
	t    *testing.T
	name string
	m    *toyMachine
	was  []uint32
	args *Struct
}

const (
	toyStruct = 0       // address of the arguments
	toyArray  = 5 << 12 // bytes of an operand
	toyA      = 4096    // and of the operands
	toyB      = toyA + toyArray
	toyC      = toyB + toyArray
	toyEnd    = toyC + toyArray
)

func newProductTest(t *testing.T, a *toyAsm, elem int, args *Struct) *productTest {
	p := &productTest{toyVectors: a.Vectors(elem).(toyVectors), t: t, args: args,
		m: &toyMachine{asm: a, mem: make([]uint32, toyEnd/4), args: map[string]int64{"args": toyStruct}}}
	for i := toyA / elem; i < toyEnd/elem; i++ {
		p.setFloat(p.m.mem, i, float64(rand.IntN(17)-8)/4)
	}
	return p
}

func (p *productTest) set(field string, x int) {
	p.m.set(At(0, toyStruct).Plus(p.args.At(0, field).Off), int64(x))
}

func (p *productTest) setFactor(field string, x float64) {
	p.setFloat(p.m.mem[p.args.At(0, field).Off/4:], 0, x)
}

func (p *productTest) run(name string) {
	if p.elem == 8 {
		name += "64"
	}
	p.was = append([]uint32(nil), p.m.mem...)
	for _, f := range p.funcs {
		if f.name == name {
			p.m.run(f)
			return
		}
	}
	p.t.Fatal("no function ", name)
}

// at is the element at an address before the function has run, got after it.
func (p *productTest) at(addr int) float64 { return p.float(p.was[addr/4:], 0) }

// want checks rows of C, and that nothing else was written.
func (p *productTest) want(rows, cols, row int, want func(i, j int) float64) {
	p.t.Helper()
	for addr := toyA; addr < toyEnd; addr += p.elem {
		w := p.at(addr)
		if i, j := (addr-toyC)/row, (addr-toyC)%row/p.elem; addr >= toyC && i < rows && j < cols {
			w = want(i, j)
		}
		if got := p.float(p.m.mem[addr/4:], 0); got != w {
			p.t.Fatalf("%s: the element at C + %d is %g, want %g", p.name, addr-toyC, got, w)
		}
	}
}

// chain is a chain of k steps.
func (p *productTest) chain(start, beta float64, addr, k int, a, b func(k int) float64) float64 {
	z := 0.0
	switch start {
	case 1:
		z = p.at(addr)
	case 2:
		z = beta * p.at(addr)
	}
	for i := range k {
		z = p.fma(a(i), b(i), z)
	}
	return z
}

// eachToy calls f for both toys and both elements.
func eachToy(t *testing.T, f func(t *testing.T, a *toyAsm, elem int, p product)) {
	for _, toy := range []*toy{wideToy, narrowToy} {
		for _, elem := range []int{4, 8} {
			a := toy.NewAsm("toy").(*toyAsm)
			if elem == 4 {
				Gemm(NewFile(a))
			} else {
				Gemm64(NewFile(a))
			}
			t.Run(fmt.Sprintf("%s/%d", toy.traits.Name, elem), func(t *testing.T) { f(t, a, elem, newProduct(a, elem)) })
		}
	}
}

// A layout is how A lies: the distances of rows and of steps in elements, and of tiles in all.
type layout struct{ row, step, tile int }

// layouts are those that GemmTiles has loops of its own for, and one that it has not.
func layouts(rows, k int, elementOperand bool) (all []layout) {
	for _, l := range []layout{{k + 1, 1, 0}, {1, 2*rows + 1, 0}, {2, 4*rows + 1, 0}} {
		l.tile = rows * l.row
		all = append(all, l)
	}
	if elementOperand {
		all = append(all, layout{1, rows, k * rows})
	}
	return all
}

func TestTiles(t *testing.T) {
	eachToy(t, func(t *testing.T, a *toyAsm, elem int, p product) {
		lanes := a.toy.traits.Lanes(elem)
		for vecs := 1; vecs <= 4; vecs++ {
			for rows := 1; rows <= a.toy.traits.Product.MaxRows[vecs]; rows++ {
				for _, tail := range []int{1, lanes - 1, lanes} {
					for start := range 3 {
						const tiles, beta = 2, 0.5
						k := []int{1, 9, 22}[start]
						for i, l := range layouts(rows, k, a.toy.traits.ElementOperand) {
							if rows == 1 && i > 0 { // there is but one
								break
							}
							for gap := range 2 { // B without gaps, too
								cols := (vecs-1)*lanes + tail
								g := newProductTest(t, a, elem, p.gemmArgs)
								g.name = fmt.Sprintf("%dx%d, tail %d, start %d, k %d, A %v, gap %d", rows, vecs, tail, start, k, l, gap)
								bRow, cRow := (vecs*lanes+gap)*elem, (cols+3)*elem
								for f, x := range map[string]int{"A": toyA, "B": toyB, "C": toyC, "ARow": l.row * elem, "AStep": l.step * elem, "BStep": bRow,
									"CRow": cRow, "CVec": lanes * elem, "CLast": (vecs - 1) * lanes * elem, "K": k, "Tiles": tiles,
									"Rows": rows, "Vecs": vecs, "Tail": tail, "Start": start} {
									g.set(f, x)
								}
								g.setFactor("Beta", beta)
								g.run("GemmTiles")
								g.want(rows*tiles, cols, cRow, func(i, j int) float64 {
									at := i/rows*l.tile + i%rows*l.row
									return g.chain(float64(start), beta, toyC+i*cRow+j*elem, k,
										func(k int) float64 { return g.at(toyA + (at+k*l.step)*elem) }, func(k int) float64 { return g.at(toyB + k*bRow + j*elem) })
								})
							}
						}
					}
				}
			}
		}
	})
}

// TestPanels: the panels of GemmPack and GemmPackT.
func TestPanels(t *testing.T) {
	eachToy(t, func(t *testing.T, a *toyAsm, elem int, p product) {
		lanes := a.toy.traits.Lanes(elem)
		for cols := 1; cols <= 2*lanes+1; cols++ {
			for _, k := range []int{1, 3, lanes, 2*lanes + 3} {
				vecs := (cols + lanes - 1) / lanes
				for _, turned := range []bool{false, true} {
					g := newProductTest(t, a, elem, p.packArgs)
					g.name = fmt.Sprintf("%d columns, k %d, turned %v", cols, k, turned)
					srcRow, dstRow := (max(cols, k)+1)*elem, (vecs*lanes+1)*elem
					for f, x := range map[string]int{"Dst": toyC, "DstRow": dstRow, "Src": toyA, "SrcRow": srcRow, "K": k, "Vecs": vecs, "Tail": cols - (vecs-1)*lanes} {
						g.set(f, x)
					}
					if turned {
						g.run("GemmPackT")
					} else {
						g.run("GemmPack")
					}
					g.want(k, vecs*lanes, dstRow, func(i, j int) float64 {
						switch {
						case turned:
							return g.at(toyA + min(j, cols-1)*srcRow + i*elem)
						case j < cols:
							return g.at(toyA + i*srcRow + j*elem)
						}
						return 0
					})
				}
			}
		}
	})
}

// TestVectors: the products of a matrix and a vector, and GemmFinish.
func TestVectors(t *testing.T) {
	eachToy(t, func(t *testing.T, a *toyAsm, elem int, p product) {
		lanes := a.toy.traits.Lanes(elem)
		for n := 1; n <= 4*lanes; n++ {
			for _, k := range []int{1, 3, 13, lanes, 2*lanes + 3} {
				for start := range 3 {
					const alpha, beta = 0.25, 0.5
					vecs := (n + lanes - 1) / lanes
					tail := n - (vecs-1)*lanes
					run := func(name string, args map[string]int) *productTest {
						g := newProductTest(t, a, elem, p.gemmArgs)
						g.name = fmt.Sprintf("%s: n %d, k %d, start %d", name, n, k, start)
						for f, x := range map[string]int{"A": toyA, "B": toyB, "C": toyC, "K": k, "Vecs": vecs, "Tail": tail, "Start": start, "Tiles": 1} {
							g.set(f, x)
						}
						for f, x := range args {
							g.set(f, x)
						}
						g.setFactor("Alpha", alpha)
						g.setFactor("Beta", beta)
						g.run(name)
						return g
					}
					row := (max(n, k) + 1) * elem
					g := run("GemvRows", map[string]int{"ARow": row})
					x := func(k int) float64 { return g.at(toyB + k*elem) }
					g.want(1, n, n*elem, func(_, i int) float64 {
						return g.chain(float64(start), beta, toyC+i*elem, k, func(k int) float64 { return g.at(toyA + i*row + k*elem) }, x)
					})
					g = run("GemvCols", map[string]int{"ARow": row})
					g.want(1, n, n*elem, func(_, j int) float64 {
						return g.chain(1, 0, toyC+j*elem, k, func(k int) float64 { return g.at(toyA + k*row + j*elem) }, x)
					})
					finish := func(i int, sum float64) float64 {
						z := 0.0
						if start > 0 {
							z = beta * g.at(toyC+i*elem)
						}
						return g.fma(alpha, sum, z)
					}
					g = run("GemmFinish", map[string]int{"ARow": row, "CRow": row})
					g.want(1, n, row, func(_, j int) float64 { return finish(j, g.at(toyA+j*elem)) })
					if elem == 8 { // n is the length of the rows
						g = run("GemvDots", map[string]int{"ARow": row, "Tiles": 2})
						g.want(1, 2*lanes, row*2*lanes, func(_, i int) float64 {
							return finish(i, g.chain(0, 0, 0, n, func(k int) float64 { return g.at(toyA + i*row + k*elem) }, x))
						})
					}
				}
			}
		}
	})
}

// TestRow: a row, or two, and two panels, and panels of bfloat16, whose even steps are in the lower halves.
func TestRow(t *testing.T) {
	for _, toy := range []*toy{wideToy, narrowToy} {
		a := toy.NewAsm("toy").(*toyAsm)
		Gemm(NewFile(a))
		for _, half := range []bool{false, true} {
			for vecs := 2; vecs <= 4; vecs++ {
				for k := 1; k <= 9; k++ {
					for start := range 2 {
						testRow(t, a, half, vecs, k, start, 1)
						if PairRows(&toy.traits) > 1 && !half {
							testRow(t, a, half, vecs, k, start, 2)
						}
					}
				}
			}
		}
	}
}

func testRow(t *testing.T, a *toyAsm, half bool, vecs, k, start, rows int) {
	g := newProductTest(t, a, 4, rowArgs)
	g.name = fmt.Sprintf("half %v, %d vectors, k %d, start %d, %d rows", half, vecs, k, start, rows)
	width, aStep := vecs*a.toy.traits.Lanes(4), 8
	panel, name := k*width*4, "GemmRow"
	if half {
		g.halves()
		panel, name = (k+1)/2*width*4, "GemmRow16"
	}
	if a.toy.traits.ElementOperand {
		aStep = 4
	}
	aRow, cRow := aStep*(k+2), 4*(4*width+3)
	for f, x := range map[string]int{"A": toyA, "B": toyB, "B2": toyB + panel, "C": toyC, "AStep": aStep, "CVec": width / vecs * 4,
		"CLast": (vecs - 1) * width / vecs * 4, "CPanel": width * 4, "K": k, "Pairs": 2, "Vecs": vecs, "Start": start,
		"Rows": rows, "ARow": aRow, "CRow": cRow} {
		g.set(f, x)
	}
	g.run(name)
	g.want(rows, 4*width, cRow, func(i, j int) float64 {
		from := toyB + j/width*panel + j%width*4
		return g.chain(float64(start), 0, toyC+i*cRow+j*4, k, func(k int) float64 { return g.at(toyA + i*aRow + aStep*k) },
			func(k int) float64 { return g.weight(from, k, width*4, half) })
	})
}

// halves makes bfloat16 of B, two in a word.
func (p *productTest) halves() {
	for i := toyB / 4; i < toyC/4; i++ {
		p.m.mem[i] |= p.m.mem[toyA/4+rand.IntN(toyArray/4)] >> 16
	}
}

// weight is the element at step k of a column of a panel that starts at addr.
func (p *productTest) weight(addr, k, row int, half bool) float64 {
	if !half {
		return p.at(addr + k*row)
	}
	w := p.was[(addr+k/2*row)/4]
	if k%2 == 0 {
		return p.float([]uint32{w << 16}, 0)
	}
	return p.float([]uint32{w & 0xffff0000}, 0)
}

func TestTiles16(t *testing.T) {
	for _, toy := range []*toy{wideToy, narrowToy} {
		a := toy.NewAsm("toy").(*toyAsm)
		Gemm(NewFile(a))
		p, lanes := newProduct(a, 4), toy.traits.Lanes(4)
		for vecs := 2; vecs <= 4; vecs++ {
			for rows := 2; rows <= toy.traits.Product.MaxRows16; rows++ {
				for k := 1; k <= 5; k++ {
					g := newProductTest(t, a, 4, p.gemmArgs)
					g.halves()
					g.name = fmt.Sprintf("%dx%d, k %d", rows, vecs, k)
					aRow, cRow := 4*(k+1), 4*(vecs*lanes+1)
					for f, x := range map[string]int{"A": toyA, "B": toyB, "C": toyC, "ARow": aRow, "CRow": cRow, "CVec": lanes * 4,
						"CLast": (vecs - 1) * lanes * 4, "K": k, "Rows": rows, "Vecs": vecs, "Start": k % 2} {
						g.set(f, x)
					}
					g.run("GemmTile16")
					g.want(rows, vecs*lanes, cRow, func(i, j int) float64 {
						return g.chain(float64(k%2), 0, toyC+i*cRow+4*j, k, func(k int) float64 { return g.at(toyA + i*aRow + 4*k) },
							func(k int) float64 { return g.weight(toyB+4*j, k, vecs*lanes*4, true) })
					})
				}
			}
		}
	}
}
