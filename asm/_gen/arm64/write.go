package arm64

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// A File is one file of machine code and the Go declarations of its functions.
//
// What Go's assembler of version Assembler knows is written with its mnemonics, the rest as
// WORD with GNU's text in a comment. The words of the file do not depend on the version.
type File struct {
	Package   string
	Generator string // named in the first line
	Assembler version
	types     []string // declarations before those of the functions
	pools     []*Pool
	funcs     []*Func
}

// A Func is one function. The registers for use are R0-R15, R19-R26 and V0-V31.
type Func struct {
	Name    string
	Doc     []string // in full sentences, the first one beginning with the name
	Args    []Param
	Results []Param
	file    *File
	body    []engine.Line // strings; blocks of the engine as long as it records them
	labels  map[Label]bool
	jumps   []Label
	locals  int // bytes from SP on
	args    int // bytes of arguments and results

	usesPool bool // R26 is to point to the first table
}

// A Param is an argument or a result. Those of four bytes are float32, int32 and uint32.
type Param struct {
	Name, Type string
	offset     int
}

func (p Param) size() int {
	switch p.Type {
	case "float32", "int32", "uint32":
		return 4
	case "int", "uint", "int64", "uint64", "float64", "uintptr":
		return 8
	}
	if strings.HasPrefix(p.Type, "*") {
		return 8
	}
	panic("arm64: argument " + p.Name + " of type " + p.Type)
}

// Func begins a function. Arguments and results lie in the caller's frame one after the other,
// each at a multiple of its size; results, if there are any, begin at a multiple of 8.
func (file *File) Func(fn Func) *Func {
	f := &fn
	f.file, f.labels = file, map[Label]bool{}
	f.Args, f.Results = slices.Clone(f.Args), slices.Clone(f.Results)
	f.args = place(f.Args, 0)
	if len(f.Results) > 0 {
		f.args = place(f.Results, roundUp(f.args, 8))
	}
	file.funcs = append(file.funcs, f)
	return f
}

// place sets the offsets of parameters from at on, and gives the end of the last one.
func place(params []Param, at int) (end int) {
	for i := range params {
		p := &params[i]
		p.offset = roundUp(at, p.size())
		at = p.offset + p.size()
	}
	return at
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

func (f *Func) arg(name Arg) (Param, bool) {
	for _, p := range slices.Concat(f.Args, f.Results) {
		if p.Name == string(name) {
			return p, true
		}
	}
	return Param{}, false
}

// fail stops the generator: what is wrong here is wrong in the recipe.
func (f *Func) fail(err error) { panic(fmt.Sprintf("%s: %v", f.Name, err)) }

// Op writes an instruction of the table: see Enc.
func (f *Func) Op(name string, operands ...any) {
	code, err := Enc(name, operands...)
	if err != nil {
		f.fail(err)
	}
	if code.since <= f.file.Assembler {
		mnemonic, rest, _ := strings.Cut(code.Go, " ")
		f.line(mnemonic, rest)
		return
	}
	f.line("WORD", fmt.Sprintf("$%#08x // %s", code.Word, code.GNU))
}

// Go writes an instruction of general registers, with its operands in the order of Go's
// assembler: the destination last.
func (f *Func) Go(mnemonic string, operands ...any) {
	if _, ok := general[mnemonic]; !ok {
		f.fail(fmt.Errorf("no instruction %s", mnemonic))
	}
	var texts []string
	for _, o := range operands {
		text, err := f.operandText(mnemonic, o)
		if err != nil {
			f.fail(fmt.Errorf("%s%v: %w", mnemonic, operands, err))
		}
		texts = append(texts, text)
	}
	f.line(mnemonic, strings.Join(texts, ", "))
}

func (f *Func) line(mnemonic, operands string) {
	f.body = append(f.body, strings.TrimRight(fmt.Sprintf("\t%-8s %s", mnemonic, operands), " ")+"\n")
}

// Label marks a place to jump to.
func (f *Func) Label(name Label) {
	if f.labels[name] {
		f.fail(fmt.Errorf("label %s stands twice", name))
	}
	f.labels[name] = true
	f.body = append(f.body, string(name)+":\n")
}

// Comment begins a step with a line of its own.
func (f *Func) Comment(format string, args ...any) {
	f.body = append(f.body, fmt.Sprintf("\n\t// "+format+"\n", args...))
}

// Address loads the address of a pool.
func (f *Func) Address(p *Pool, to R) {
	if !to.usable() {
		f.fail(fmt.Errorf("%v is reserved", to))
	}
	p.used = true
	f.line("MOVD", fmt.Sprintf("$%s<>(SB), %v", p.Name, to))
}

// Local reserves space in the frame and gives its distance from SP, where the return address
// lies: eight bytes, or a multiple of 16 at a multiple of 16.
func (f *Func) Local(size int) (off int) {
	if size != 8 && (size <= 0 || size%16 != 0) {
		f.fail(fmt.Errorf("local of %d bytes", size))
	}
	off = roundUp(max(f.locals, 8), min(size, 16))
	f.locals = off + size
	return off
}

// frame is the size of the frame without the return address.
func (f *Func) frame() int {
	if f.locals == 0 {
		return 0
	}
	return roundUp(f.locals, 16) - 8
}

// A Pool is a table of read-only data.
type Pool struct {
	Name     string
	words    []uint32
	comments map[int]string // by offset
	at       map[string]int
	used     bool
}

// Pool begins a table.
func (file *File) Pool(name string) *Pool {
	p := &Pool{Name: name, comments: map[int]string{}, at: map[string]int{}}
	file.pools = append(file.pools, p)
	return p
}

// Floats puts four lanes of a constant into the table and gives their offset. What it is goes
// into the comment, after its value. The same value stands there once.
func (p *Pool) Floats(x float32, what string) (off int) {
	w := math.Float32bits(x)
	return p.Words([]uint32{w, w, w, w}, strings.TrimSpace(fmt.Sprintf("%v %s", x, what)))
}

// Words puts whole vectors into the table and gives their offset.
func (p *Pool) Words(words []uint32, comment string) (off int) {
	if len(words)%4 != 0 {
		panic("arm64: part of a vector in pool " + p.Name)
	}
	key := fmt.Sprint(words)
	if off, ok := p.at[key]; ok {
		return off
	}
	off = 4 * len(p.words)
	p.at[key] = off
	p.words = append(p.words, words...)
	p.comments[off] = comment
	return off
}

// Set puts one word at its offset, behind all others or among them.
func (p *Pool) Set(off int, w uint32) {
	for len(p.words) <= off/4 {
		p.words = append(p.words, 0)
	}
	p.words[off/4] = w
}

// text is the data, eight bytes a line.
func (p *Pool) text() string {
	var b strings.Builder
	words := slices.Concat(p.words, make([]uint32, len(p.words)%2))
	for i := 0; i < len(words); i += 2 {
		fmt.Fprintf(&b, "DATA %s<>+%d(SB)/8, $%#016x", p.Name, 4*i, uint64(words[i+1])<<32|uint64(words[i]))
		if c := p.comments[4*i]; c != "" {
			b.WriteString(" // " + c)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", p.Name, 4*len(words))
	return b.String()
}

const head = "// Code generated by %s. DO NOT EDIT.\n\n//go:build !purego\n\n"

// Assembly is the text of the file.
func (file *File) Assembly() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head+"#include \"textflag.h\"\n", file.Generator)
	for _, f := range file.funcs {
		if f.usesPool {
			file.pools[0].used = true
		}
	}
	for _, p := range file.pools {
		if p.used {
			b.WriteString("\n" + p.text())
		}
	}
	for _, f := range file.funcs {
		for _, l := range f.jumps {
			if !f.labels[l] {
				f.fail(fmt.Errorf("no label %s", l))
			}
		}
		body := f.body
		if f.usesPool {
			f.body = nil
			f.Address(file.pools[0], poolAt)
			f.body, body = body, append(f.body, body...)
		}
		fmt.Fprintf(&b, "\n// %s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n%s", f.signature(), f.Name, f.frame(), f.args, text(body))
	}
	return b.Bytes()
}

func text(lines []engine.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.(string))
	}
	return b.String()
}

// signature declares the function as Go does.
func (f *Func) signature() string {
	list := func(params []Param) string {
		var texts []string
		for _, p := range params {
			texts = append(texts, strings.TrimSpace(p.Name+" "+p.Type))
		}
		return strings.Join(texts, ", ")
	}
	text := "func " + f.Name + "(" + list(f.Args) + ")"
	if len(f.Results) > 0 {
		text += " (" + list(f.Results) + ")"
	}
	return text
}

// Declarations is the text of the Go file beside it.
func (file *File) Declarations() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head+"package %s\n", file.Generator, file.Package)
	for _, text := range file.types {
		b.WriteString("\n" + text)
	}
	for _, f := range file.funcs {
		b.WriteString("\n")
		for _, line := range f.Doc {
			b.WriteString("// " + line + "\n")
		}
		fmt.Fprintf(&b, "//\n//go:noescape\n%s\n", f.signature())
	}
	return b.Bytes()
}
