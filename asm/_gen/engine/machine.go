package engine

import (
	"fmt"
	"strings"
)

// This file is what a target offers to code that names its registers and decides the order of its
// instructions itself: the loops around blocks, and the products. Blocks (see Block) leave both to
// the engine.

// A Target is an instruction set.
type Target interface {
	Traits() *Traits
	// NewAsm starts a file of functions: stem_<arch>.s and stem_<arch>.go.
	NewAsm(stem string) Asm
}

// Traits are what a target says about itself.
type Traits struct {
	Name     string   // of the folder: avx2
	GP       []string // general registers in the order in which they are given out; after them Scratch and Count
	Others   []string // Scratch and Count
	Vectors  int      // vector registers
	VecBytes int      // width of one
	VecName  string   // of a vector register, without its number
	Masks    int      // mask registers; without any, a mask is a vector

	MemOperand     bool // instructions take an operand from memory
	WordOperand    bool // and that may be one word, for all lanes
	ElementOperand bool // multiply-adds take one element of a register, so an element of A is not spread: see Vectors.Element
	CheapMasks     bool // a masked load takes no more instructions and registers than a plain one

	// Blocks.
	Copies int // interleaved copies of the body of a loop
	// FitCopies: fewer copies, where so many do not find registers for their values.
	FitCopies bool
	Among     bool // there are registers for gates among a product: see recipe.Step
	Par       bool // independent recipes of one copy are interleaved too: see Block.Par
	Serial    bool // registers are few: passes that ask for it have their copies one after the other
	// GroupTails: the vectors of a group can be loaded and stored with masks, so that there is one tail
	// for groups. Without it there is one for every number of whole vectors. ShortTails: a tail is
	// another one where the row has not a whole vector.
	GroupTails, ShortTails bool
	Divided                int // of so many neighbouring vectors only one should be given to the divider; 0 if all

	Product ProductTraits
}

// GPName is the name of a general register.
func (t *Traits) GPName(r GP) string {
	if i := int(r) - 1; i < len(t.GP) {
		return t.GP[i]
	}
	return t.Others[int(r)-1-len(t.GP)]
}

// ProductTraits are what a target says about products.
type ProductTraits struct {
	MaxRows    [5]int // the most rows of a tile of 1 to 4 vectors
	UnrollFrom int    // vectors in a tile whose loop is unrolled
	MaxRows16  int    // the most rows of a tile for panels of bfloat16
	Halves     bool   // full groups are transposed in halves of a vector
}

// Lanes is the number of elements in a vector.
func (t *Traits) Lanes(elem int) int { return t.VecBytes / elem }

// An Operand is a GP, a V, a Place or a Num.
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

// An Asm writes the functions of a file, one after the other.
type Asm interface {
	Target() Target

	// Begin starts a function; sig is its Go signature without the name, doc continues the name.
	// It may take a pointer to a Struct.
	Begin(name, sig string, doc ...string)
	// Declare adds the type of a Struct to the Go file.
	Declare(s *Struct)
	// Word sets a word of the constants; note says what it is, if it is not empty.
	Word(off int, w uint32, note string)
	// Files returns the text of both files; by is the path of what has generated them.
	Files(by string) (asm, decls []byte, err error)

	// Record runs code and returns what it has written instead of writing it; Emit writes that.
	Record(code func()) []Line
	Emit(code ...Line)

	Scalar
	Vectors(elem int) Vectors
	Blocks
}

// Scalar is code on general registers. Numbers have 64 bits.
type Scalar interface {
	// Scratch and Count are registers outside of the list that some verbs overwrite; they say so.
	Scratch() GP
	Count() GP
	// Local reserves bytes of the frame.
	Local(bytes int) Place

	Move(to, from Operand)       // not from place to place
	Address(to GP, p Place)      // the address of p: also for 3r, 5r and r+4s
	Add(to, by Operand)          // not from place to place, as in Sub
	Sub(to, by Operand)          //
	Multiple(to, x GP, n int)    // to = n x
	Shift(to GP, n int)          // to the left, or to the right by -n
	Prefetch(level int, p Place) // into the cache of that level, 1 or 2

	NewLabel(stem string) string // stem and a number that the file has not had
	Label(l string)
	Jump(l string)
	CmpJump(x Operand, c Cond, y Operand, l string) // jumps if x c y
	SubJump(x Operand, n int, c Cond, l string)     // takes n from x and jumps if the rest is c 0
	Comment(lines ...string)
	Return() // also tidies the vector registers
}

// Vectors is code on whole registers of elements of one size. A spare is overwritten, or not.
type Vectors interface {
	Lanes() int
	Bytes() int // width of a vector

	Zero(to V)
	Load(to V, from Place)
	Store(to Place, x V)
	Copy(to, x V)
	Spread(to V, from Place) // one element into all lanes
	Mul(to, x, y V)
	MulAdd(acc, x V, y Operand)              // acc += x y, rounded once; y a V, or with MemOperand a Place
	MulAddSpread(acc, x V, y Place, spare V) // the same with the element at y in all lanes
	Element(to V, from Place)                // one element into lane 0, for MulAddLane
	MulAddLane(acc, x, y V, lane int)        // the same with one element of y; only with ElementOperand

	// SumRows adds up lanes, for elements of 64 bits. Register c*Lanes+r is chain c of row r; all lanes of
	// the chains of a row go to lane r of register 0. The others and the spare one are overwritten.
	SumRows(chains int, spare V)

	// TailMask is the mask of the first n lanes, n being found at p. It overwrites Scratch, Count and
	// vector 0. CopyMask, right after it, is another mask with the same lanes, and FillMask adds all
	// lanes to one.
	TailMask(p Place) Mask
	CopyMask(m Mask) Mask
	FillMask(m Mask)
	LoadMasked(to V, from Place, m Mask) // +0 in the other lanes; nothing is read for them
	StoreMasked(to Place, x V, m Mask, spare V)

	// A word of 32 bits holds two bfloat16, which are the upper halves of float32: the even one below
	// the odd one. OddMask makes what WidenOdd needs; it overwrites Scratch.
	OddMask(to V)
	WidenEven(to, words V)
	WidenOdd(to, words, mask V)

	// Transposer takes registers of its own, and Scratch, and is for no more groups than that.
	Transposer(r *Registers, groups int) Transposer
}

// A Transposer turns rows of a matrix into vectors across the rows. A vector has the elements of one k
// of as many rows as it has lanes, a group. In memory only the rows that exist are read.
type Transposer interface {
	// Distance sets what is between rows. Then Full starts with groups of which all rows exist, the
	// first of them at what first holds, or Few with groups of which the last one has as many rows as
	// tail says; lanes of the others are like the last row. With Full a group can be a half of a vector;
	// then Vectors has that width.
	Distance(p Place)
	Full(first Place, half bool)
	Few(groups int, first, tail Place)
	IsFull() bool

	// Block is how many k are turned over at once. Read reads blocks of a group into the first
	// registers, one for every k; Turn turns block i over and returns where the vectors of its k are
	// then; spare is overwritten. ReadOne reads a single k into register 0. Groups have to be read in order.
	Block() int
	Read(group, blocks int)
	Turn(i int, spare V) []V
	ReadOne(group int)

	Advance(k int)         // goes on by so many k
	NextGroup(first Place) // takes what first holds on by the rows of a vector

	Vectors
}

// A Mask is a set of lanes, by a number that means something to the target.
type Mask int

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
