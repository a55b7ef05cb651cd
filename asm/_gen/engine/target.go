package engine

// This file is what a target offers. Traits are what it says about itself; Scalar and Vectors are for
// code that names its registers and decides the order of its instructions itself: the loops around
// blocks, and the products. Blocks (see Block) leave both to the engine and ask the target what their
// operations become.

// A Target is an instruction set.
type Target interface {
	Traits() *Traits
	// NewAsm starts a file of functions: stem_<arch>.s and stem_<arch>.go.
	NewAsm(stem string) Asm
}

// Traits are what a target says about itself.
type Traits struct {
	Name     string   // of the folder: avx2
	GP       []string // general registers, in the order in which they are given out
	Others   []string // Scratch and Count, which come after those
	Vectors  int      // vector registers
	VecBytes int      // width of one
	VecName  string   // of a vector register, without its number
	Masks    int      // mask registers; without any, a mask is a vector

	MemOperand     bool // instructions take an operand from memory
	WordOperand    bool // and that may be one word, for all lanes
	ElementOperand bool // multiply-adds take one element of a register, so an element of A is not spread: see Vectors.Element
	CheapMasks     bool // a masked load takes no more instructions and registers than a plain one

	// Blocks.
	Copies    int  // interleaved copies of the body of a loop
	FitCopies bool // of these only as many are interleaved as find registers for their values
	ScaleOp   bool // OpScale is an instruction; otherwise it is made of shifts: see Block.Scale
	Par       bool // independent recipes of one copy are interleaved too: see Block.Par
	Serial    bool // registers are few: passes that ask for it have their copies one after the other
	Among     bool // there are registers for gates among a product: see recipe.Step
	Divided   int  // of so many neighbouring vectors only one should be given to the divider; 0 if all
	// GroupTails: the vectors of a group can be loaded and stored with masks, so that a group has one
	// tail. Otherwise there is one for every number of whole vectors.
	GroupTails bool
	// ShortTails: rows shorter than a vector need code of their own.
	ShortTails bool

	Product ProductTraits
	Dots    DotTraits
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
	Halves     bool   // there are vectors of half the width: full groups are transposed in these, and see GemmHalfTiles
}

// DotTraits are what a target says about products of bytes.
type DotTraits struct {
	Instruction bool // some machines have an instruction for four products: see Dots
	MaxRows     int  // the most rows of a tile
	DotRows     int  // the same with that instruction
}

// Lanes is the number of elements in a vector.
func (t *Traits) Lanes(elem int) int { return t.VecBytes / elem }

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
	Dots(instruction bool) Dots
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
	Bytes() int    // width of a vector
	Half() Vectors // the same on the lower half of the registers, with ProductTraits.Halves

	Zero(to V)
	Load(to V, from Place)
	Store(to Place, x V)
	Copy(to, x V)
	Spread(to V, from Place) // one element into all lanes
	Mul(to, x, y V)
	MulAdd(acc, x V, y Operand)              // acc += x y, rounded once; y a V, or with MemOperand a Place
	MulAddSpread(acc, x V, y Place, spare V) // the same with the element at y in all lanes
	Element(to V, from Place)                // one element into lane 0, for MulAddLane
	Elements(to V, from Place)               // a vector of them, one for each step
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

// Dots is code on signed bytes, none of them -128, in groups of four: word j of a sum goes on by
//
//	w[4j] x[0] + w[4j+1] x[1] + w[4j+2] x[2] + w[4j+3] x[3]
//
// exactly. A sum, a vector of weights w and a group of a row x may take several registers each,
// neighbours.
type Dots interface {
	Start() DotStart
	Regs() DotRegs
	// Groups is how many groups are taken at once, 1 or 2. next is the distance of the vectors of the second.
	Groups() int
	// Prepare sets the fixed registers.
	Prepare(fixed V)
	LoadWeights(to V, from Place, next int)
	LoadRow(to V, from Place) // the groups lie side by side
	AddDots(sum, w, x, fixed, spare V)
	// ToFloat makes float32 of a sum, rounded, in its first register.
	ToFloat(sum V)
}

// DotStart says where sums start.
type DotStart int

const (
	AtZero    DotStart = iota
	AtOutputs          // at -128 times the sum of the weights: the bytes of x have 128 added
	AtRows             // at minus the sum of the negative elements of x
)

// DotRegs are numbers of registers.
type DotRegs struct{ Sum, Weights, Row, Fixed, Spare int }

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

// Blocks is what a target does with blocks and with the loops around them.
type Blocks interface {
	// Expand adds v to a block (Block.Append): as it is, with operands besides that this target
	// needs, or as the operations that it takes instead. These may be of its own, from OpOwn on.
	Expand(b *Block, v *Value) *Value
	// Lower writes the instructions of v. It asks a for the operands, then for a register for the
	// result (Define, DefineIn or DefineMask).
	Lower(a *Alloc, v *Value)
	// FoldRows is Block.FoldRows.
	FoldRows(b *Block, ops []Op, part func(row, i int) []*Value) []*Value
	// WideLanes are the vectors that MulWide takes for those of one: which lane is in which, or -1.
	WideLanes() [][]int
	// JoinMask prepares a function for Join. It overwrites Scratch.
	JoinMask()

	// Reloaded is the constant among the operands of v that its instructions overwrite, if it should
	// be loaded for that and not copied from a register; else nil.
	Reloaded(v *Value) *Value
	// LoadConst brings a constant from the pool into a register.
	LoadConst(to V, from Place)

	// MaskRest prepares a tail of Count elements, which are those of the copies before first, whole
	// vectors, and of the copies from there on, for which it makes masks. It overwrites Scratch, which
	// the blocks of the tail leave alone.
	MaskRest(first, copies int)
	// JumpAny jumps if a bit is set in x.
	JumpAny(x V, l string)
	// Signs gives the signs of the lanes of x.
	Signs(to GP, x V)
	// MoveWord copies 32 bits. It overwrites Scratch.
	MoveWord(to, from Place)
	// PoolStart is where constants begin, behind those of the target itself.
	PoolStart() int
}
