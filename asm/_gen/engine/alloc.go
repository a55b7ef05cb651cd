package engine

import (
	"fmt"
	"slices"
)

// Registers are given out in one pass over straight-line code. The target asks for the operands of an
// operation in the form that suits its instructions: in a register, in memory if that is where they
// are, in a register that it may overwrite. Where registers run out, the value with the farthest next
// use goes to the stack (Belady). Constants are kept in registers as far as all blocks of a function
// allow without that, most used first; the others stay in memory.

type outOfRegs struct{}

// Alloc knows where the values of a block are while it is written.
type Alloc struct {
	f     *Func
	vec   Vectors
	block *Block
	v     *Value // the current operation, at pos
	pos   int
	done  bool             // its operands are released
	next  map[*Value][]int // positions of the uses still to come
	in    map[*Value]V     // the register of a value
	masks map[*Value]Mask  // the mask register of a value
	slot  map[*Value]int   // the stack slot of a value
	owner []*Value         // by register
	taken []*Value         // by mask register
	lock  map[V]bool       // registers that the current operation uses
	spill bool
	slots int
	// slots of values that are not used again: the frame has to stay below the 800 bytes
	// that a function without a stack check may have
	unused, ending []int
}

// allocate writes a block. Registers from limit on belong to constants and Vars. It returns ok =
// false if registers run out and spill is false.
func allocate(b *Block, limit V, spill bool) (code []Line, ok bool) {
	t := b.f.Target().Traits()
	a := &Alloc{f: b.f, vec: b.f.Vectors(4), block: b, spill: spill,
		next: map[*Value][]int{}, in: map[*Value]V{}, masks: map[*Value]Mask{}, slot: map[*Value]int{},
		owner: make([]*Value, max(limit, b.first)), taken: make([]*Value, t.Masks), lock: map[V]bool{}}
	for i, v := range b.vals {
		for _, x := range v.Args {
			if n := a.next[x]; len(n) == 0 || n[len(n)-1] != i {
				a.next[x] = append(n, i)
			}
		}
	}
	code = b.f.Record(func() { ok = a.run() })
	return code, ok
}

// run reports whether there were registers enough.
func (a *Alloc) run() (ok bool) {
	defer func() {
		if e := recover(); e != nil {
			if _, is := e.(outOfRegs); !is || a.spill {
				panic(e)
			}
			ok = false
		}
	}()
	for i, v := range a.block.vals {
		a.pos, a.v, a.done = i, v, false
		a.unused = append(a.unused, a.ending...)
		a.ending = a.ending[:0]
		if v.Op == OpNote {
			if v.Copy == 0 {
				a.f.Comment(v.text)
			}
			continue
		}
		a.f.Lower(a, v)
		a.release()
	}
	return true
}

// dies reports whether v has no use after the current operation.
func (a *Alloc) dies(v *Value) bool {
	n := a.next[v]
	return !v.shared() && (len(n) == 0 || n[len(n)-1] <= a.pos)
}

// free finds a free register, or makes one free.
func (a *Alloc) free() V {
	first := a.block.first
	for i, v := range a.owner[first:] {
		if i := first + V(i); v == nil && !a.lock[i] {
			return i
		}
	}
	if !a.spill {
		panic(outOfRegs{})
	}
	far, at := -1, V(-1)
	for i, v := range a.owner[first:] {
		if i := first + V(i); !a.lock[i] && v != nil {
			if n := a.next[v][0]; n > far {
				far, at = n, i
			}
		}
	}
	if at < 0 {
		panic(outOfRegs{})
	}
	a.save(a.owner[at], at)
	return at
}

// save moves v from a register to a slot, if it is not there already.
func (a *Alloc) save(v *Value, at V) {
	if _, saved := a.slot[v]; !saved {
		if n := len(a.unused); n > 0 {
			a.slot[v], a.unused = a.unused[n-1], a.unused[:n-1]
		} else {
			a.slot[v] = a.slots
			a.slots++
		}
		a.vec.Store(a.f.slot(a.slot[v]), at)
	}
	delete(a.in, v)
	a.owner[at] = nil
}

// Temp is a register for the current operation.
func (a *Alloc) Temp() V {
	r := a.free()
	a.lock[r] = true
	return r
}

// InMem reports whether v is a constant or a saved value without a register.
func (a *Alloc) InMem(v *Value) bool {
	if v.constant() {
		return a.f.homes[v].reg < 0
	}
	if v.Op == OpVar {
		return false
	}
	_, in := a.in[v]
	return !in
}

// Reg brings v into a register.
func (a *Alloc) Reg(v *Value) V {
	if v.Op == OpVar {
		return v.Var.Reg
	}
	if v.constant() {
		h := a.f.homes[v]
		if h.reg >= 0 {
			return h.reg
		}
		r := a.Temp()
		a.f.LoadConst(r, h.at)
		return r
	}
	r, ok := a.in[v]
	if !ok {
		s, ok := a.slot[v]
		if !ok {
			panic(fmt.Sprintf("%s: value of operation %d used before it is made", a.f.name, v.Op))
		}
		r = a.free()
		a.vec.Load(r, a.f.slot(s))
		a.in[v], a.owner[r] = r, v
	}
	a.lock[r] = true
	return r
}

// Operand is v where it is: a V, a Place or a OneWord; on a target without operands in memory, a V.
func (a *Alloc) Operand(v *Value) Operand {
	t := a.f.Target().Traits()
	if !a.InMem(v) || !t.MemOperand {
		return a.Reg(v)
	}
	if v.constant() {
		if t.WordOperand {
			return OneWord(a.f.homes[v].at)
		}
		return a.f.homes[v].at
	}
	return a.f.slot(a.slot[v])
}

// Home is the place of a constant or scalar argument that has no register: its first element is
// there.
func (a *Alloc) Home(v *Value) (p Place, ok bool) {
	if !v.constant() || !a.InMem(v) {
		return Place{}, false
	}
	return a.f.homes[v].at, true
}

// CanOwn reports whether v is in a register that may be overwritten.
func (a *Alloc) CanOwn(v *Value) bool { return a.dies(v) && !a.InMem(v) }

// Own brings v into a register that may be overwritten.
func (a *Alloc) Own(v *Value) V {
	if a.dies(v) || v.constant() && a.InMem(v) { // the latter is loaded for this operation only
		return a.Reg(v)
	}
	if v == a.f.Reloaded(a.v) {
		d := a.Temp()
		a.f.LoadConst(d, a.f.homes[v].at)
		return d
	}
	r, d := a.Reg(v), a.Temp()
	a.vec.Copy(d, r)
	return d
}

// release ends the operands that are not used again, and all locks.
func (a *Alloc) release() {
	if a.done {
		return
	}
	a.done = true
	for _, x := range a.v.Args {
		if n := a.next[x]; len(n) > 0 && n[0] == a.pos {
			a.next[x] = n[1:]
		}
		if x.shared() || len(a.next[x]) > 0 {
			continue
		}
		if r, ok := a.in[x]; ok {
			if int(r) < len(a.owner) { // it may be that of a Var
				a.owner[r] = nil
			}
			delete(a.in, x)
		}
		if s, ok := a.slot[x]; ok {
			a.ending = append(a.ending, s) // this operation may still read it
			delete(a.slot, x)
		}
		if m, ok := a.masks[x]; ok {
			a.taken[m] = nil
			delete(a.masks, x)
		}
	}
	clear(a.lock)
}

// Define is a register for the result, which may be one of an operand that ends here: so it comes
// after all of them, and before the instruction.
func (a *Alloc) Define() V {
	a.release()
	if r, ok := a.goal(); ok {
		a.in[a.v] = r
		return r
	}
	return a.DefineIn(a.free())
}

// goal is the register of the Var that is set to the result of the current operation, if it can have
// that register from now on: nothing uses what the Var has until then, and nothing the result after it.
func (a *Alloc) goal() (r V, ok bool) {
	uses := a.next[a.v]
	if len(uses) == 0 || a.v.shared() {
		return 0, false
	}
	last := uses[len(uses)-1]
	set := a.block.vals[last]
	if set.Op != OpSet || set.Args[0] != a.v {
		return 0, false
	}
	for _, v := range a.block.vals[a.pos+1 : last] {
		if v.Var == set.Var || slices.ContainsFunc(v.Args, func(x *Value) bool { return x.Op == OpVar && x.Var == set.Var }) {
			return 0, false
		}
	}
	return set.Var.Reg, true
}

// DefineIn says that the result is in r, which Own has given.
func (a *Alloc) DefineIn(r V) V {
	a.release()
	if len(a.next[a.v]) > 0 { // else nobody wants it
		a.in[a.v], a.owner[r] = r, a.v
	}
	return r
}

// DefineMask is Define for the mask registers of targets that have them. The tails of the interleaved
// copies have the last ones.
func (a *Alloc) DefineMask() Mask {
	a.release()
	for i := range len(a.taken) - a.block.tails {
		if a.taken[i] == nil {
			if len(a.next[a.v]) > 0 {
				a.masks[a.v], a.taken[i] = Mask(i), a.v
			}
			return Mask(i)
		}
	}
	panic(a.f.name + ": out of mask registers")
}

// Mask is the mask register of m.
func (a *Alloc) Mask(m *Value) Mask {
	if m.Op == OpTail {
		return a.TailOf(m.Copy)
	}
	return a.masks[m]
}

// TailOf is the mask register of the tail of a copy.
func (a *Alloc) TailOf(copy int) Mask { return Mask(len(a.taken) - 1 - copy) }

// Copies is the number of interleaved copies in the block.
func (a *Alloc) Copies() int { return a.block.Of }

// Leave is the label of OpLeave.
func (a *Alloc) Leave() string { return a.block.leave }
