package arm64

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"math"
	"strings"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// A target is the instruction set for the engine.
type target struct{ traits engine.Traits }

// NEON is Advanced SIMD of ARMv8.0, which every core with 64 bits has.
var NEON engine.Target = &target{engine.Traits{
	Name: "neon", GP: gpNames, Others: []string{scratch.String(), count.String()},
	Vectors: 32, VecBytes: 16, VecName: "V", ElementOperand: true,
	Copies: 4, FitCopies: true, GroupTails: true,
	Product: engine.ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 15, MaxRows16: 4},
	Dots:    engine.DotTraits{Instruction: true, MaxRows: 2, DotRows: 6},
}}

func (t *target) Traits() *engine.Traits { return &t.traits }

// The engine gives out R0-R13 and R19-R22. Three registers are spare inside of a verb, to hold an
// address or a number that an instruction cannot have, and one points to the constants.
var (
	gps     = append(registers(0, 13), registers(19, 22)...)
	gpNames = func() (names []string) {
		for _, r := range gps {
			names = append(names, r.String())
		}
		return names
	}()
)

const (
	scratch R = 14
	count   R = 15
	third   R = 23
	spare   R = 24
	other   R = 25
	poolAt  R = 26
)

func registers(from, to R) (all []R) {
	for r := from; r <= to; r++ {
		all = append(all, r)
	}
	return all
}

// gp is the register behind the engine's number.
func gp(r engine.GP) R {
	switch n := int(r) - 1; {
	case n < len(gps):
		return gps[n]
	case n == len(gps):
		return scratch
	}
	return count
}

// asm is an engine.Asm.
type asm struct {
	*Func
	target *target
	file   *File
	pool   *Pool
	labels int
	sums   []sum
	last   vectorAccess
	masks  []engine.Place // of this function: see tail.go
}

func (t *target) NewAsm(stem string) engine.Asm {
	a := &asm{target: t, file: &File{Package: t.traits.Name, Assembler: Go126}}
	a.pool = a.file.Pool(stem + "Consts")
	a.pool.comments[0] = "ones and zeros: a mask is a part of both"
	for i := range rampOnes {
		a.Word(4*i, math.MaxUint32, "")
		a.Word(4*(rampOnes+i), 0, "")
	}
	return a
}

func (a *asm) Target() engine.Target { return a.target }

func (a *asm) Word(off int, w uint32, note string) {
	a.pool.Set(off, w)
	if note != "" {
		a.pool.comments[off] = note
	}
}

func (a *asm) Declare(s *engine.Struct) { a.file.types = append(a.file.types, s.Text()) }

func (a *asm) Begin(name, sig string, doc ...string) {
	args, results := params(sig)
	a.Func = a.file.Func(Func{Name: name, Doc: append([]string{name + " " + doc[0]}, doc[1:]...), Args: args, Results: results})
	a.masks = nil
	a.forget()
}

func (a *asm) Files(by string) (text, decls []byte, err error) {
	a.file.Generator = by
	decls, err = format.Source(a.file.Declarations())
	return a.file.Assembly(), decls, err
}

func (a *asm) Record(code func()) []engine.Line {
	before := a.body
	a.body = nil
	a.forget()
	code()
	a.forget()
	lines := a.body
	a.body = before
	return lines
}

func (a *asm) Emit(code ...engine.Line) {
	a.body = append(a.body, code...)
	a.forget()
}

// params takes a signature apart.
func params(sig string) (args, results []Param) {
	expr, err := parser.ParseExpr("func" + sig)
	if err != nil {
		panic(err)
	}
	list := func(fields *ast.FieldList) (all []Param) {
		for _, f := range fields.List {
			var typ strings.Builder
			if err := printer.Fprint(&typ, token.NewFileSet(), f.Type); err != nil {
				panic(err)
			}
			for _, n := range f.Names {
				all = append(all, Param{Name: n.Name, Type: typ.String()})
			}
		}
		return all
	}
	fn := expr.(*ast.FuncType)
	if fn.Results != nil {
		results = list(fn.Results)
	}
	return list(fn.Params), results
}

// A sum is an address that a spare register holds: loads and stores of vectors take a base and a
// number, or a base and a register, but not all three.
type sum struct {
	in, base, index R
	by              int
}

// forget is called where a spare register or what it was made of may have changed.
func (a *asm) forget() { a.sums, a.last = nil, vectorAccess{} }

// wrote drops what was made of a register that gets a new value.
func (a *asm) wrote(r R) {
	kept := a.sums[:0:0]
	for _, s := range a.sums {
		if s.in != r && s.base != r && s.index != r {
			kept = append(kept, s)
		}
	}
	a.sums = kept
}

// add gives a register with base plus index times 2^by. The last two sums are remembered.
func (a *asm) add(base, index R, by int) R {
	for i, s := range a.sums {
		if s.base == base && s.index == index && s.by == by {
			a.sums = append(append(a.sums[:i:i], a.sums[i+1:]...), s)
			return s.in
		}
	}
	in := spare
	if len(a.sums) > 0 && a.sums[len(a.sums)-1].in == spare {
		in = other
	}
	a.wrote(in)
	a.Go("ADD", Shifted{index, by}, base, in)
	a.sums = append(a.sums, sum{in, base, index, by})
	return in
}

// log2 of a scale.
func log2(scale int) int {
	n := 0
	for 1<<n < scale {
		n++
	}
	if 1<<n != scale {
		panic(fmt.Sprint("scale ", scale))
	}
	return n
}

// mem is a place as a register and a distance, if the distance is within reach. Otherwise, and
// with all set, the register is the sum of everything.
func (a *asm) mem(p engine.Place, reach func(off int) bool) (base R, off int) {
	off = p.Off
	switch p.Kind {
	case engine.InArray:
		base = gp(p.Base)
		if p.Index != 0 {
			base = a.add(base, gp(p.Index), log2(p.Scale))
		}
	case engine.InFrame:
		base = SP
	case engine.InPool:
		base, a.usesPool = poolAt, true
	default:
		panic("arm64: address of an argument")
	}
	if reach(off) {
		return base, off
	}
	if base == SP {
		panic("arm64: frame too large")
	}
	a.wrote(other)
	a.offset(other, base, off)
	return other, 0
}

// offset makes to = base + off.
func (a *asm) offset(to, base R, off int) {
	verb := "ADD"
	if off < 0 {
		verb, off = "SUB", -off
	}
	if low := off & 0xFFF; low != off && off < 1<<24 { // two steps
		a.Go(verb, off-low, base, to)
		base, off = to, low
	}
	if off != 0 {
		a.Go(verb, off, base, to)
	}
}
