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
