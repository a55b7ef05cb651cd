package engine

// An Op is an operation of a Block, by its meaning. Blocks have a method for each, which says more.
type Op int

const (
	// What belongs to the function, not to a place in the code.
	OpConst Op = iota // Bits in all lanes
	OpParam           // a scalar argument in all lanes
	OpVar             // what a Var holds

	// Floats.
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpSqrt
	OpFMA     // with signs: see NegProduct
	OpAtMost  // bound, x
	OpAtLeast // bound, x
	OpLarger  // x, old
	OpScale   // p 2^t, of p and t
	OpToFloat // of an integer

	// Masks, and what takes one.
	OpLess
	OpLessEqual
	OpEqual
	OpGreater
	OpBitSet // x; Imm is the bit
	OpTail   // the lanes of this copy that exist
	OpSelect // mask, x, y
	OpKeep   // mask, x

	// Bits.
	OpAnd
	OpOr
	OpXor
	OpOr3
	OpXor3
	OpCopySign // x, s
	OpXorSign  // x, s

	// Integers.
	OpAddI
	OpSubI
	OpMinU
	OpMaxU
	OpShl // Imm is the distance, as in OpShr and OpSar
	OpShr
	OpSar
	OpMulWide
	OpLow  // of what OpMulWide gives
	OpHigh //
	OpJoin

	// Memory: a vector, and one element from or to all lanes and lane 0.
	OpLoad
	OpStore
	OpSpread
	OpStoreLane
	OpStoreBytes // the low bytes of the lanes

	// Vars.
	OpSet
	OpAcc    // Var = Var, Of, x
	OpAccFMA // Var = fma(x, y, Var)
	OpFold   // Of, over all lanes of the Vars in Args, which it overwrites; the result in all lanes

	OpCopy
	OpLeave // with a mask: leave the block if it has a lane
	OpNote  // a comment

	// OpOwn is the first of the operations that only a target knows.
	OpOwn
)

// A Value is the result of an operation: a vector, or a mask of lanes.
type Value struct {
	Op   Op
	Args []*Value
	Imm  int
	Of   Op // what OpAcc and OpFold do

	NegProduct, NegAddend bool // OpFMA
	Not                   bool // a mask: of the other lanes, and of those with NaN
	Tail                  bool // OpLoad, OpStore: only the lanes that exist
	Short                 bool // and the row has not a whole vector: see Traits.ShortTails

	Place Place
	Var   *Var
	Copy  int // the interleaved copy to which it belongs

	bits uint32 // OpConst
	text string // OpParam, OpNote
}

// shared values belong to the function.
func (v *Value) shared() bool { return v.Op == OpConst || v.Op == OpParam || v.Op == OpVar }

// constant values are kept by the function: see home.
func (v *Value) constant() bool { return v.Op == OpConst || v.Op == OpParam }

// A Var lives in one register from end to end of a function.
type Var struct{ Reg V }

// Word is the bits of a constant.
func (v *Value) Word() (bits uint32, ok bool) { return v.bits, v.Op == OpConst }
