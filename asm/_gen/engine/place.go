package engine

import (
	"fmt"
	"strings"
)

// An Operand is a GP, a V, a Place, a OneWord or a Num.
type Operand interface{ operand() }

type (
	// A GP is a general register, by its number in the target's list; 0 is none.
	GP int
	// A V is a vector register, by its number.
	V int
	// A Num is a number in an instruction.
	Num int
)

// A Place is somewhere in memory.
type Place struct {
	Kind  PlaceKind
	Base  GP     // InArray
	Index GP     // InArray: times Scale, which is 1, 2, 4 or 8, is added
	Scale int    //
	Off   int    // bytes
	Name  string // InArgs, InResults
}

// OneWord is a place with one word that stands in all lanes of a vector.
type OneWord Place

// PlaceKind says where a Place is.
type PlaceKind int

const (
	InArray   PlaceKind = iota // where a register points
	InArgs                     // an argument
	InResults                  // a result
	InFrame                    // a local
	InPool                     // a constant
)

func (GP) operand()      {}
func (V) operand()       {}
func (Num) operand()     {}
func (Place) operand()   {}
func (OneWord) operand() {}

// At is the place off bytes on from where base points.
func At(base GP, off int) Place { return Place{Base: base, Off: off} }

// By is the place scale times index on from where base points.
func By(base, index GP, scale int) Place { return Place{Base: base, Index: index, Scale: scale} }

// Arg is an argument of the function.
func Arg(name string) Place { return Place{Kind: InArgs, Name: name} }

// Result is a result of the function.
func Result(name string) Place { return Place{Kind: InResults, Name: name} }

// Pool is the place off bytes on in the constants of the file.
func Pool(off int) Place { return Place{Kind: InPool, Off: off} }

// Plus is the place off bytes on from p.
func (p Place) Plus(off int) Place {
	p.Off += off
	return p
}

// A Cond is a condition of a jump, for signed numbers.
type Cond int

const (
	IfEq Cond = iota
	IfNe
	IfLt
	IfLe
	IfGt
	IfGe
)

// A Line is an instruction or a comment. Only the target looks inside.
type Line any

// A Struct is the type of the arguments of several functions, which take a pointer to it.
type Struct struct {
	Name string
	doc  string // continues the name
	text string // as in NewStruct
	off  map[string]int
}

// NewStruct makes a Struct of Go declarations of fields, one a line, with a comment each: pointers and
// ints, and behind them float32, so that there is no padding.
func NewStruct(name, doc, fields string) *Struct {
	s := &Struct{Name: name, doc: doc, text: fields, off: map[string]int{}}
	off := 0
	for line := range strings.Lines(fields) {
		if f := strings.Fields(line); len(f) > 0 {
			s.off[f[0]] = off
			if off += 8; f[1] == "float32" {
				off -= 4
			}
		}
	}
	return s
}

// At is the place of a field, where base points to the Struct.
func (s *Struct) At(base GP, field string) Place {
	off, ok := s.off[field]
	if !ok {
		panic("no field " + field)
	}
	return At(base, off)
}

// Text is the declaration of s in Go.
func (s *Struct) Text() string {
	return fmt.Sprintf("// %s %s\ntype %[1]s struct {\n%[3]s\n}\n", s.Name, s.doc, strings.TrimSpace(s.text))
}

// Registers gives out the general registers of a function by name.
type Registers struct {
	t      *Traits
	names  []string // of those in the list
	others []string // and of Scratch and Count, with their registers
}

// Registers returns the general registers of t, all of them free.
func (t *Traits) Registers() *Registers { return &Registers{t: t} }

// GP is the next free register. The name is for the reader.
func (r *Registers) GP(name string) GP {
	if r.Free() == 0 {
		panic("out of general registers: " + r.Map() + "; none for " + name)
	}
	r.names = append(r.names, name)
	return GP(len(r.names))
}

// Free is the number of registers that are left.
func (r *Registers) Free() int { return len(r.t.GP) - len(r.names) }

// Take is Scratch or Count, with a name.
func (r *Registers) Take(g GP, name string) GP {
	r.others = append(r.others, r.t.GPName(g)+" "+name)
	return g
}

// Map says what the registers are for.
func (r *Registers) Map() string {
	var s []string
	for i, n := range r.names {
		s = append(s, r.t.GP[i]+" "+n)
	}
	return strings.Join(append(s, r.others...), "    ")
}
