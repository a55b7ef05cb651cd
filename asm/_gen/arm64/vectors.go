package arm64

import "github.com/elbow-go/elbow/asm/_gen/engine"

// vectors is an engine.Vectors.
type vectors struct {
	*asm
	elem int // bytes of an element
}

func (a *asm) Vectors(elem int) engine.Vectors { return vectors{a, elem} }

func (v vectors) Lanes() int { return 16 / v.elem }
func (v vectors) Bytes() int { return 16 }

func (v vectors) Half() engine.Vectors { panic("NEON computes no halves of vectors by themselves") }

// name is that of an instruction for floats of the size of an element.
func (v vectors) name(op string) string {
	if v.elem == 8 {
		return op + ".2d"
	}
	return op
}

func (v vectors) Zero(to engine.V) { v.Op("MOVI", V(to), 0) }

// access loads or stores 16, 8 or 4 bytes of a register: verb is LDR or STR.
func (a *asm) access(verb string, x V, p engine.Place, size int) {
	letter := map[int]string{16: "Q", 8: "D", 4: "S"}[size]
	// Vectors are loaded with their neighbours, which share the sum.
	if p.Kind == engine.InArray && p.Index != 0 && p.Off == 0 && size < 16 {
		switch p.Scale {
		case 1:
			a.Op(verb+letter+"X", x, gp(p.Base), gp(p.Index))
			return
		case size:
			a.Op(verb+letter+"XL", x, gp(p.Base), gp(p.Index))
			return
		}
	}
	base, off := a.mem(p, func(off int) bool { return off >= 0 && off%size == 0 && off < size*4096 || -256 <= off && off < 0 })
	if off < 0 {
		letter += "U"
	}
	if size == 16 && a.pair(verb, x, base, off) {
		return
	}
	a.Op(verb+letter, x, base, off)
	a.last = vectorAccess{verb, x, base, off, len(a.body)}
}

// A vectorAccess is a load or store of a vector, at the end of so many lines.
type vectorAccess struct {
	verb  string
	x     V
	base  R
	off   int
	lines int
}

// pair makes one instruction of the one before and its neighbour, if it is that.
func (a *asm) pair(verb string, x V, base R, off int) bool {
	l := a.last
	if l.lines == 0 || l.lines != len(a.body) || l.verb != verb || l.base != base || l.x == x || l.off%16 != 0 ||
		off != l.off+16 || l.off < -1024 || l.off > 1008 {
		return false
	}
	a.body = a.body[:len(a.body)-1]
	a.Op(map[string]string{"LDR": "LDPQ", "STR": "STPQ"}[verb], l.x, x, base, l.off)
	a.last = vectorAccess{}
	return true
}

func (v vectors) Load(to engine.V, from engine.Place) { v.access("LDR", V(to), from, 16) }
func (v vectors) Store(to engine.Place, x engine.V)   { v.access("STR", V(x), to, 16) }

func (v vectors) Copy(to, x engine.V) { v.Op("MOV", V(to), V(x)) }

func (v vectors) Spread(to engine.V, from engine.Place) { v.spread(V(to), from, v.elem) }

func (a *asm) spread(to V, from engine.Place, elem int) {
	dup, move := "DUPE", "FMOVS"
	if elem == 8 {
		dup, move = "DUPE.2d", "FMOVD"
	}
	if from.Kind == engine.InArgs {
		a.Go(move, Arg(from.Name), to)
	} else {
		a.access("LDR", to, from, elem)
	}
	a.Op(dup, to, to, 0)
}

func (v vectors) Mul(to, x, y engine.V) { v.Op(v.name("FMUL"), V(to), V(x), V(y)) }

func (v vectors) MulAdd(acc, x engine.V, y engine.Operand) {
	v.Op(v.name("FMLA"), V(acc), V(x), V(y.(engine.V)))
}

func (v vectors) MulAddSpread(acc, x engine.V, y engine.Place, spare engine.V) {
	v.access("LDR", V(spare), y, v.elem)
	v.MulAddLane(acc, x, spare, 0)
}

func (v vectors) Element(to engine.V, from engine.Place) { v.access("LDR", V(to), from, v.elem) }

// Elements does without the sum of Load: no neighbour shares it.
func (v vectors) Elements(to engine.V, from engine.Place) {
	if from.Kind == engine.InArray && from.Index != 0 && from.Scale == 1 && from.Off == 0 {
		v.Op("LDRQX", V(to), gp(from.Base), gp(from.Index))
		return
	}
	v.Load(to, from)
}

func (v vectors) MulAddLane(acc, x, y engine.V, lane int) {
	v.Op(v.name("FMLAE"), V(acc), V(x), V(y), lane)
}

// OddMask: a register of zeros makes the upper halves of words float32, as TRN does of them.
func (v vectors) OddMask(to engine.V) { v.Op("MOVI", V(to), 0) }

func (v vectors) WidenEven(to, words engine.V) { v.Op("SHL", V(to), V(words), 16) }

func (v vectors) WidenOdd(to, words, zeros engine.V) { v.Op("TRN2.8h", V(to), V(zeros), V(words)) }

func (v vectors) SumRows(chains int, _ engine.V) {
	for c := 1; c < chains; c++ {
		for r := range v.Lanes() {
			v.Op("FADD.2d", V(r), V(r), V(c*v.Lanes()+r))
		}
	}
	v.Op("FADDP.2d", V(0), V(0), V(1))
}
