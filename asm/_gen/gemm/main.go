// Command gemm writes the machine code of the products: asm/avx2 and asm/avx512, files
// gemm_amd64.s and gemm_amd64.go.
//
//	tile.go     GemmTiles, GemmFinish      rows of C += rows of A times a panel of B
//	row.go      GemmRow, GemmRow16         one row times two panels
//	tile16.go   GemmTile16                 a few rows times a panel of bfloat16
//	pack.go     GemmPack, GemmPackT        a panel of B in the order in which tiles read it
//	rows.go     GemvRows                   y += A x where the rows of A are contiguous
//	peak.go     Chains                     what a core can do, to compare with
//
// One output of a product is one chain of fused multiply-adds in the order of k. So lanes
// are always different outputs, and no sum is ever split; what is left to choose is which
// outputs go together. This is assembly because it needs a register for each of 24 chains,
// which no Go compiler gives; it runs 20 to 60 times as fast as the plain Go product.
//
// All registers are physical: avo's allocator would hand out Y16 and above, which AVX2 does
// not have.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// A target is an instruction set. maxRows[v] is the most rows of a tile of v vectors, so that
// the chains, the vectors of B and the broadcast elements of A fit into the registers.
type target struct {
	name    string
	lanes   int
	avx512  bool
	maxRows [5]int

	unrollFrom int // vectors in a tile whose loop is unrolled
}

var targets = []target{
	{"avx2", 8, false, [5]int{0, 8, 6, 4, 3}, 8},
	{"avx512", 16, true, [5]int{0, 8, 8, 8, 6}, 15},
}

// A field of an argument struct. The float32 come last, so that there is no padding.
type field struct{ name, typ, doc string }

type args struct {
	name   string
	doc    []string
	fields []field
}

var tileArgs = args{"GemmArgs", []string{
	"GemmArgs says what GemmTiles and GemmFinish work on. Distances are in bytes.",
}, []field{
	{"A", "*float32", "first element of the first row"},
	{"B", "*float32", "first element of the panel"},
	{"C", "*float32", "first element of the first row"},
	{"Next", "*float32", "nil, or what comes next: its line goes to the L2 cache with every step (from 2 Vecs on), and with AVX-512 and up to 4 Rows the line behind"},
	{"ARow", "int", "from one row of A to the next"},
	{"AStep", "int", "from one k of A to the next"},
	{"BStep", "int", "from one k of the panel to the next"},
	{"NextStep", "int", "from one step to the next in Next"},
	{"CRow", "int", "from one row of C to the next"},
	{"CVec", "int", "from one vector of a row of C to the next"},
	{"CLast", "int", "from the first vector of a row of C to the last; Vecs-1 times CVec, or more"},
	{"K", "int", "steps of the chains, at least 1"},
	{"Tiles", "int", "number of tiles, one below the other, at least 1"},
	{"Rows", "int", "rows of a tile, 1 to 8 8 8 6 with AVX-512, 8 6 4 3 with AVX2, for 1 to 4 Vecs"},
	{"Vecs", "int", "vectors in a row of a tile, 1 to 4"},
	{"Tail", "int", "columns in the last of them, 1 to Lanes; if CVec is not a vector, in each of them"},
	{"Start", "int", "where chains start: 0 at +0, 1 at C, 2 at Beta*C"},
	{"Alpha", "float32", "factor of A, GemmFinish only"},
	{"Beta", "float32", "factor of C"},
}}

var packArgs = args{"PackArgs", []string{
	"PackArgs says what GemmPack and GemmPackT work on. Distances are in bytes.",
}, []field{
	{"Dst", "*float32", "first element of the panel [K][Vecs*Lanes]"},
	{"DstRow", "int", "from one row of the panel to the next"},
	{"Src", "*float32", "first element"},
	{"SrcRow", "int", "from one row of the source to the next"},
	{"K", "int", "rows of the panel, at least 1"},
	{"Vecs", "int", "vectors in a row of the panel, 1 to 4"},
	{"Tail", "int", "columns in the last of them that exist, 1 to Lanes"},
}}

// at returns the place of a field.
func (a args) at(base reg.Register, name string) operand.Mem {
	disp := 0
	for _, f := range a.fields {
		if f.name == name {
			return operand.Mem{Base: base, Disp: disp}
		}
		disp += 8
		if f.typ == "float32" {
			disp -= 4
		}
	}
	panic("no field " + name)
}

func (a args) text() string {
	var b strings.Builder
	for _, d := range a.doc {
		fmt.Fprintf(&b, "// %s\n", d)
	}
	fmt.Fprintf(&b, "type %s struct {\n", a.name)
	for _, f := range a.fields {
		fmt.Fprintf(&b, "\t%s %s // %s\n", f.name, f.typ, f.doc)
	}
	b.WriteString("}\n")
	return b.String()
}

// A gen writes the files of one target.
type gen struct {
	*build.Context
	target
	stubs  strings.Builder
	labels *int
	ramp   operand.Mem // avx2: ones and zeros, for tail masks
}

// rampOnes is the number of ones in the ramp, as in the other files.
const rampOnes = 64

// Registers of all functions. BP, R14 and R15 belong to Go.
var argp = reg.RDI

// begin starts a function of one pointer to args.
func (g *gen) begin(name string, a args, doc ...string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func(args *uint64)") // avo does not know the struct
	g.Load(g.Param("args"), argp)
	fmt.Fprintf(&g.stubs, "\n// %s %s\n", name, doc[0])
	for _, d := range doc[1:] {
		fmt.Fprintf(&g.stubs, "// %s\n", d)
	}
	fmt.Fprintf(&g.stubs, "//\n//go:noescape\nfunc %s(args *%s)\n", name, a.name)
}

func (g *gen) end() {
	g.VZEROUPPER()
	g.RET()
}

func (g *gen) label(name string) string {
	*g.labels++
	return fmt.Sprintf("%s%d", name, *g.labels)
}

// A vector of lanes, and of eight lanes.
func (g *gen) vec(i int) reg.Register {
	if g.lanes == 16 {
		return zmm[i]
	}
	return g.ymm(i)
}

func (g *gen) ymm(i int) reg.Register {
	if i > 15 && !g.avx512 {
		panic("no such register")
	}
	return zmm[i].AsY()
}

// eight returns g with vectors of eight lanes. With AVX-512 they still have 32 registers.
func (g *gen) eight() *gen {
	e := *g
	e.lanes = 8
	return &e
}

func xmm(i int) reg.Register { return zmm[i].AsX() }

var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

func (g *gen) zero(i int) {
	if i > 15 {
		g.VPXORD(g.vec(i), g.vec(i), g.vec(i))
		return
	}
	y := zmm[i].AsX() // a write to the low part clears the rest
	g.VXORPS(y, y, y)
}

func mem(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func (g *gen) bytes() int { return 4 * g.lanes }

func main() {
	log.SetFlags(0)
	log.SetPrefix("asm/_gen/gemm: ")
	for _, t := range targets {
		g := &gen{Context: build.NewContext(), target: t, labels: new(int)}
		g.ConstraintExpr("!purego")
		if !g.avx512 {
			g.ramp = g.StaticGlobal("gemmConsts")
			g.DataAttributes(attr.RODATA | attr.NOPTR)
			for i := range 2 * rampOnes {
				v := operand.U32(0)
				if i < rampOnes {
					v = 0xffffffff
				}
				g.AddDatum(4*i, v)
			}
		}
		g.tiles()
		g.finish()
		g.row(false)
		g.row(true)
		g.tiles16()
		g.pack()
		g.packT()
		g.gemvRows()
		g.chains()
		if err := g.write(filepath.Join("..", "..", t.name, "gemm_amd64")); err != nil {
			log.Fatalf("%s: %v", t.name, err)
		}
	}
}

func (g *gen) write(path string) error {
	file, err := g.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	const name = "asm/_gen/gemm"
	text, err := printer.NewGoAsm(printer.Config{Name: name, Pkg: g.name}).Print(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".s", text, 0o666); err != nil {
		return err
	}
	stubs := "// Code generated by " + name + ". DO NOT EDIT.\n\n//go:build !purego\n\npackage " + g.name + "\n\n" +
		tileArgs.text() + "\n" + rowArgs.text() + "\n" + packArgs.text() + g.stubs.String()
	out, err := gofmt(stubs)
	if err != nil {
		return err
	}
	return os.WriteFile(path+".go", out, 0o666)
}

// imm is a number in the shortest form that the instructions of scalar code have.
func imm(n int) operand.Op {
	switch {
	case n < 0:
		return operand.I8(n)
	case n < 128:
		return operand.U8(n)
	}
	return operand.U32(n)
}
