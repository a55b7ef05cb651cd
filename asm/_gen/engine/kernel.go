package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Kernel is a function that runs over the elements of one or more arrays, in one or more
// passes per row. Its Go signature is made from its parts, in this order: arrays, rows
// (unless OneRow), n, the strides, the scalars.
//
// Each pass is a loop over groups of interleaved vectors, then one over single vectors, then a masked
// tail. The virtual lanes of a reduction may be several vectors; then every element has to keep its
// lane, so the last group as a whole is masked instead.
type Kernel struct {
	Name    string
	Of      string // the function of package simd that calls it, if that has another name
	When    string // the condition, in Go, if it calls others too: see dispatch.go
	Doc     []string
	Arrays  []Array
	OneRow  bool
	Scalars []string // "name type"
	Passes  []Pass
	Accs    int // reductions
	Lanes   int // virtual lanes of a reduction: 16 or 64
	Vars    int // values kept from pass to pass
	// Left makes the function stop after the first row that leaves a bit set in the first of the Vars.
	// It returns the number of rows not finished, including that one: 0 if no row did.
	Left bool
	// Bad makes the function return the sign bits of the lanes of the first of the Vars.
	Bad bool
	// First and Last run before the first row and after the last one.
	First, Last func(b *Block, k *Vars)
}

// An Array is a pointer argument.
type Array struct {
	Name   string
	Kind   ArrayKind
	Ld     string // name of the stride of Strided rows and of a Column, in elements
	Block  string // blocks (gates) lie this far apart: "n" (default) or a stride
	Blocks int    // how many there are; needed from 4 on
	Fold   int    // Strided: rows taken in one go
	Cols   int    // PerRow: elements a row, default 1
	Bytes  bool   // Strided, to be stored to alone: an element is a byte. Rows have room for whole groups of eight
}

// size is the bytes of an element.
func (a *Array) size() int {
	if a.Bytes {
		return 1
	}
	return 4
}

// ArrayKind says where the next row of an array is.
type ArrayKind int

const (
	Dense   ArrayKind = iota // behind this one
	Strided                  // Ld elements on
	Shared                   // the same row again
	PerRow                   // one element a row, or Cols
	Lanes                    // f32.RowLanes elements a row
	Column                   // one element a row, Ld elements on: no pass may use it, Before and After reach it
	// PerRowFar is PerRow for a kernel with more arrays than registers: the pointer is kept on the
	// stack, and only Before may read the array, before anything else.
	PerRowFar
)

// A Pass is one loop over the columns of a row.
type Pass struct {
	Before func(b *Block, k *Vars) // once per row, all lanes alike
	Body   func(b *Block)
	// Any is Body for arguments of any kind. It does the groups of interleaved vectors that Body leaves
	// with LeaveIf or LeaveAbove, and the vectors besides.
	Any    func(b *Block)
	After  func(b *Block, k *Vars) // once per row; k.Sum and k.Max give folded reductions
	Each   func(b *Block, k *Vars) // after each round of the first loop
	Uses   string                  // the arrays, separated by blanks
	Copies int                     // interleaved vectors, if not as many as the target takes
	Serial bool                    // where registers are few, or with Any, copies one after the other: see Traits
	Ahead  string                  // the arrays to prefetch, separated by blanks

	AheadBytes int // how far ahead, if not aheadBytes
}

// aheadBytes is how far ahead of the loop the arrays of Ahead are prefetched, unless AheadBytes says it. It
// pays where several arrays come from beyond the L2 cache, because the hardware does not prefetch across
// the ends of pages and rows: on a Xeon it saves 5 to 10 % of a mixture and 15 % of Adam. The mixture did
// not care about the distance between 512 and 4096.
const aheadBytes = 2048

// uses reports whether the pass reads or writes an array.
func (p *Pass) uses(array string) bool { return slices.Contains(strings.Fields(p.Uses), array) }

func (k *Kernel) signature() string {
	var arrays, lds []string
	for i, a := range k.Arrays {
		arrays = append(arrays, a.Name)
		if i+1 == len(k.Arrays) || k.Arrays[i+1].Bytes != a.Bytes {
			arrays[i] += map[bool]string{false: " *float32", true: " *int8"}[a.Bytes]
		}
		if a.Ld != "" && !slices.Contains(lds, a.Ld) {
			lds = append(lds, a.Ld)
		}
	}
	sig := strings.Join(arrays, ", ") + ", "
	if !k.OneRow {
		sig += "rows, "
	}
	sig += strings.Join(append([]string{"n"}, lds...), ", ") + " int"
	for _, p := range k.Scalars {
		sig += ", " + p
	}
	switch {
	case k.Left:
		return "(" + sig + ") (left int)"
	case k.Bad:
		return "(" + sig + ") (bad int)"
	}
	return "(" + sig + ")"
}

// moves is what a [Variant] says of the arrays.
func (k *Kernel) moves() map[string]string {
	if k.Left || k.Bad {
		return nil
	}
	moves := map[string]string{}
	for _, a := range k.Arrays {
		by := ""
		switch {
		case k.OneRow && slices.ContainsFunc(k.Passes, func(p Pass) bool { return p.uses(a.Name) }):
			by = "1"
		case k.OneRow || a.Kind == Shared:
			continue
		case a.Kind == Dense:
			by = "n"
		case a.Kind == Strided || a.Kind == Column:
			by = fmt.Sprint(max(1, a.Fold), "*", a.Ld)
		case a.Kind == PerRow:
			by = fmt.Sprint(max(1, a.Cols))
		default:
			panic("cannot split " + k.Name)
		}
		moves[a.Name] = strings.TrimPrefix(by, "1*")
	}
	return moves
}

// Vars holds the registers of a kernel that live from pass to pass.
type Vars struct {
	Acc  [][]*Var // of the reductions, [reduction][copy]
	Keep []*Var
}

// newVars reserves the registers.
func (f *Func) newVars(k *Kernel) *Vars {
	v := &Vars{}
	for range k.Accs {
		var a []*Var
		for range max(1, k.Lanes/f.lanes()) {
			a = append(a, f.NewVar())
		}
		v.Acc = append(v.Acc, a)
	}
	for range k.Vars {
		v.Keep = append(v.Keep, f.NewVar())
	}
	return v
}

// Fill sets the lanes of a reduction.
func (k *Vars) Fill(b *Block, slot int, x float32) {
	for _, v := range k.Acc[slot] {
		b.Set(v, b.Const(x))
	}
}

// Zero and Lowest set the lanes of a reduction to +0 and to -Inf.
func (k *Vars) Zero(b *Block, slot int)   { k.Fill(b, slot, 0) }
func (k *Vars) Lowest(b *Block, slot int) { k.Fill(b, slot, float32(math.Inf(-1))) }

// Fold gives the folded lanes of a reduction in all lanes: the upper half of the virtual lanes is
// added to the lower half (or multiplied, ...) until one is left. The lanes are lost.
//
//	lanes     0 1 2 .. 15  ->  0+8 1+9 ..  ->  (0+8)+(4+12) ..  ->  ...
func (k *Vars) Fold(b *Block, slot int, op Op) *Value { return k.fold(b, slot, op, b.Get) }

func (k *Vars) fold(b *Block, slot int, op Op, get func(*Var) *Value) *Value {
	v := &Value{Op: OpFold, Of: op}
	for _, a := range k.Acc[slot] {
		v.Args = append(v.Args, get(a))
	}
	return b.record(v)
}

// Sum is the sum of the lanes of a reduction, Max the largest of them.
func (k *Vars) Sum(b *Block, slot int) *Value { return k.Fold(b, slot, OpAdd) }
func (k *Vars) Max(b *Block, slot int) *Value { return k.Fold(b, slot, OpLarger) }

// MaxOf is Max, and leaves the lanes as they are.
func (k *Vars) MaxOf(b *Block, slot int) *Value {
	return k.fold(b, slot, OpLarger, func(v *Var) *Value { return b.op(OpCopy, b.Get(v)) })
}
