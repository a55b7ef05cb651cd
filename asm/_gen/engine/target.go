package engine

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

	// MaskRest prepares a tail of Count elements, with masks for so many copies. It overwrites
	// Scratch, which the blocks of the tail leave alone.
	MaskRest(copies int)
	// JumpAny jumps if a bit is set in x.
	JumpAny(x V, l string)
	// Signs gives the signs of the lanes of x.
	Signs(to GP, x V)
	// MoveWord copies 32 bits. It overwrites Scratch.
	MoveWord(to, from Place)
	// PoolStart is where constants begin, behind those of the target itself.
	PoolStart() int
}
