// Package x86 is the target AVX2 and AVX-512 of the generator, through avo.
package x86

import (
	"fmt"
	"go/format"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// A target is one of the instruction sets.
type target struct {
	traits engine.Traits
	avx512 bool
}

// The instruction sets. AVX-512 means F, BW, DQ and VL.
var (
	AVX2 engine.Target = &target{traits: engine.Traits{
		Name: "avx2", GP: gpNames, Others: otherNames, Vectors: 16, VecBytes: 32, VecName: "Y", MemOperand: true, Copies: 2, Par: true, Serial: true, GroupTails: true,
		Product: engine.ProductTraits{MaxRows: [5]int{0, 8, 6, 4, 3}, UnrollFrom: 8, MaxRows16: 2},
		Dots:    engine.DotTraits{MaxRows: 2},
	}}
	AVX512 engine.Target = &target{avx512: true, traits: engine.Traits{
		Name: "avx512", GP: gpNames, Others: otherNames, Vectors: 32, VecBytes: 64, VecName: "Z", Masks: len(maskRegs),
		MemOperand: true, WordOperand: true, CheapMasks: true, ScaleOp: true, Copies: 2, Par: true, GroupTails: true, Among: true, Divided: 4,
		Product: engine.ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 15, MaxRows16: 4, Halves: true},
		Dots:    engine.DotTraits{Instruction: true, MaxRows: 4, DotRows: 6},
	}}
)

func (t *target) Traits() *engine.Traits { return &t.traits }

// General registers. BP, R14 and R15 belong to Go, AX is scratch, and CX counts: shifts want it there.
var (
	otherNames = []string{"AX", "CX"}
	gpNames    = []string{"DI", "SI", "DX", "BX", "R8", "R9", "R10", "R11", "R12", "R13"}
	gps        = []reg.GPPhysical{nil, reg.RDI, reg.RSI, reg.RDX, reg.RBX, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13,
		scratch: reg.RAX, count: reg.RCX}
)

const (
	scratch engine.GP = 11
	count   engine.GP = 12
)

// Vector registers are always physical: avo's own allocator would hand out Y16 and above, which
// AVX2 does not have.
var zmm = []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

// asm is an engine.Asm.
type asm struct {
	ctx    *build.Context
	target *target
	global operand.Mem // the constants
	notes  map[int]string
	labels int
	decls  strings.Builder
	types  strings.Builder

	recording bool
	recorded  []engine.Line
	masks     []operand.Mem // of this function: see vectors.go
}

// instr is an engine.Line.
type instr struct {
	mnem  string
	ops   []operand.Op
	note  []string
	label string
}

// rampOnes is the longest group of elements that has one tail: with AVX2 the constants start with so
// many words of ones and as many zeros, and a mask is part of this ramp.
const rampOnes = 64

func (t *target) NewAsm(stem string) engine.Asm {
	a := &asm{ctx: build.NewContext(), target: t, notes: map[int]string{}}
	a.ctx.ConstraintExpr("!purego")
	a.global = a.ctx.StaticGlobal(stem + "Consts")
	a.ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	if !t.avx512 {
		for i := range 2 * rampOnes {
			switch {
			case i == 0:
				a.Word(4*i, 0xffffffff, "ones and zeros: a mask is a part of both")
			case i < rampOnes:
				a.Word(4*i, 0xffffffff, "")
			default:
				a.Word(4*i, 0, "")
			}
		}
	}
	return a
}

func (a *asm) Target() engine.Target { return a.target }

func (a *asm) Word(off int, w uint32, note string) {
	a.ctx.AddDatum(off, operand.U32(w))
	if note != "" {
		a.notes[off] = note
	}
}

// datum is a word of the constants as avo prints it.
var datum = regexp.MustCompile(`(?m)^DATA \w+<>\+(\d+)\(SB\)/4, \$0x[0-9a-f]+$`)

// annotate adds the notes on constants, for which avo has no place.
func (a *asm) annotate(text []byte) []byte {
	return datum.ReplaceAllFunc(text, func(line []byte) []byte {
		off, _ := strconv.Atoi(string(datum.FindSubmatch(line)[1]))
		if note := a.notes[off]; note != "" {
			return append(slices.Clip(line), " // "+note...)
		}
		return line
	})
}

// avo does not know our types.
var ownType = regexp.MustCompile(`\*[A-Z]\w*`)

func (a *asm) Begin(name, sig string, doc ...string) {
	a.ctx.Function(name)
	a.ctx.Attributes(attr.NOSPLIT)
	a.ctx.SignatureExpr("func" + ownType.ReplaceAllString(sig, "*uint64"))
	a.masks = a.masks[:0]
	if !ownType.MatchString(sig) {
		f, err := a.ctx.Result()
		if err != nil {
			panic(err)
		}
		fns := f.Functions()
		sig = fns[len(fns)-1].Signature.String()
	}
	fmt.Fprintf(&a.decls, "\n// %s %s\n//\n//go:noescape\nfunc %[1]s%[3]s\n", name, strings.Join(doc, "\n// "), sig)
}

func (a *asm) Declare(s *engine.Struct) { a.types.WriteString("\n" + s.Text()) }

func (a *asm) Files(by string) (text, decls []byte, err error) {
	file, err := a.ctx.Result()
	if err != nil {
		return nil, nil, err
	}
	file.Sections = slices.DeleteFunc(file.Sections, func(s ir.Section) bool {
		g, is := s.(*ir.Global)
		return is && len(g.Data) == 0
	})
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	if text, err = printer.NewGoAsm(printer.Config{Name: by, Pkg: a.target.traits.Name}).Print(file); err != nil {
		return nil, nil, err
	}
	decls, err = format.Source([]byte("// Code generated by " + by + ". DO NOT EDIT.\n\n//go:build !purego\n\npackage " +
		a.target.traits.Name + "\n" + a.types.String() + a.decls.String()))
	return a.annotate(text), decls, err
}

func (a *asm) Record(code func()) []engine.Line {
	before, was := a.recorded, a.recording
	a.recorded, a.recording = nil, true
	code()
	got := a.recorded
	a.recorded, a.recording = before, was
	return got
}

func (a *asm) Emit(code ...engine.Line) {
	if a.recording {
		a.recorded = append(a.recorded, code...)
		return
	}
	for _, c := range code {
		in := c.(instr)
		switch {
		case in.label != "":
			a.ctx.Label(in.label)
		case in.note != nil:
			a.ctx.Comment(in.note...)
		default:
			a.call(in)
		}
	}
}

func (a *asm) emit(mnem string, ops ...operand.Op) { a.Emit(instr{mnem: mnem, ops: ops}) }

// call hands an instruction to avo, by its name.
func (a *asm) call(in instr) {
	method := reflect.ValueOf(a.ctx).MethodByName(in.mnem)
	if !method.IsValid() {
		panic("no instruction " + in.mnem)
	}
	args := make([]reflect.Value, len(in.ops))
	for i := range in.ops {
		args[i] = reflect.ValueOf(&in.ops[i]).Elem()
	}
	method.Call(args)
}

// op is an operand of scalar code.
func (a *asm) op(o engine.Operand) operand.Op {
	switch o := o.(type) {
	case engine.GP:
		return gps[o]
	case engine.Place:
		return a.mem(o)
	case engine.Num:
		return imm(int(o))
	}
	panic("no such operand")
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

// mem is a place.
func (a *asm) mem(p engine.Place) operand.Mem {
	switch p.Kind {
	case engine.InArray:
		m := operand.Mem{Base: gps[p.Base], Disp: p.Off}
		if p.Index != 0 {
			m.Index, m.Scale = gps[p.Index], uint8(p.Scale)
		}
		return m
	case engine.InFrame:
		return operand.NewStackAddr(p.Off)
	case engine.InPool:
		return a.global.Offset(p.Off)
	}
	c := a.ctx.Param(p.Name)
	if p.Kind == engine.InResults {
		c = a.ctx.Return(p.Name)
	}
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr.Offset(p.Off)
}
