package recipe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// families are all recipes that are made of blocks alone.
var families = map[string]func(f *File){
	"vec": Vec, "rnn": Rnn, "lstm": Lstm, "gru": Gru, "linear": Linear, "optim": Optim, "softmax": Softmax, "norm": Norm,
	"noise": Noise, "dist": Dist, "gauss": Gauss, "bivariate": Bivariate, "logistic": Logistic,
}

// assemble makes the functions of a family for a toy.
func assemble(t *toy, recipe func(f *File)) *toyAsm {
	a := t.NewAsm("toy").(*toyAsm)
	f := NewFile(a)
	recipe(f)
	f.Finish()
	return a
}

const (
	arrayWords = 8192
	arrayStart = 64 // some kernels read what is before an array
	toyRows    = 3
)

// run runs a function on random arrays and returns them as they are afterwards, and the result. The
// arguments follow from their names: rows of blocks of gates do not overlap.
func (a *toyAsm) run(f *toyFunc, n int) (mem []uint32, result int64) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	m := &toyMachine{asm: a, args: map[string]int64{}}
	word := randomWord
	if plainOnly.MatchString(f.name + f.sig) {
		word = func(r *rand.Rand) uint32 { return math.Float32bits(0.5 + r.Float32()) }
	}
	list, _, _ := strings.Cut(f.sig[1:], ")")
	var names []string
	for part := range strings.SplitSeq(list, ", ") {
		name, typ, last := strings.Cut(part, " ")
		names = append(names, name)
		if !last {
			continue
		}
		for _, name := range names {
			switch {
			case strings.HasPrefix(typ, "*"):
				m.args[name] = int64(4 * (len(m.mem) + arrayStart))
				for range arrayWords {
					m.mem = append(m.mem, word(r))
				}
			case typ == "float32":
				m.args[name] = int64(math.Float32bits(0.1 + 0.8*r.Float32()))
			case typ == "uint32":
				m.args[name] = math.MaxUint32
			case name == "n":
				m.args[name] = int64(n)
			case name == "rows":
				m.args[name] = toyRows
			case name == "groups":
				m.args[name] = 2
			case name == "quad":
				m.args[name] = 4 * 4 * f32.RowLanes
			case name == "ldh":
				m.args[name] = int64(n + 2)
			case name == "ldg":
				m.args[name] = int64(4*(n+2) + 3)
			default:
				m.args[name] = int64(6*n + 8)
			}
		}
		names = nil
	}
	m.run(f)
	if at, is := m.args["lanes"]; is && strings.Contains(f.sig, "rows") && (!strings.Contains(f.sig, "factor") || strings.Contains(f.name, "Softplus")) {
		reduceProducts(m.mem[at/4:])
	}
	return m.mem, m.result
}

// plainOnly are the functions for plain rows: see gauss.go.
var plainOnly = regexp.MustCompile(`lanes,|^GMMGradient|^LatentStep`)

// reduceProducts moves the exponents of the products in rows of lanes to their place: how often the
// kernels do that depends on the target, and makes no difference in the end.
func reduceProducts(lanes []uint32) {
	for row := range toyRows {
		for i := row*f32.RowLanes + 16; i < row*f32.RowLanes+32; i++ {
			m, e := math.Frexp(float64(math.Float32frombits(lanes[i])))
			lanes[i] = math.Float32bits(float32(m))
			lanes[i+16] += uint32(int32(e))
		}
	}
}

// randomWord is mostly a number as they come up, sometimes something special.
func randomWord(r *rand.Rand) uint32 {
	switch r.IntN(40) {
	case 0:
		special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 1e-42, 1e30, -1e30, 100, -100}
		return math.Float32bits(float32(special[r.IntN(len(special))]))
	case 1:
		return r.Uint32()
	}
	return math.Float32bits(float32(r.NormFloat64()))
}

// TestTargets: every recipe gives the same bits on targets that have little in common.
func TestTargets(t *testing.T) {
	for family, recipe := range families {
		wide, narrow := assemble(wideToy, recipe), assemble(narrowToy, recipe)
		for i, f := range wide.funcs {
			sizes := []int{1, 3, 4, 15, 17, 33, 70}
			if !strings.Contains(f.sig, " n") {
				sizes = sizes[:1]
			}
			for _, n := range sizes {
				w, left := wide.run(f, n)
				v, left2 := narrow.run(narrow.funcs[i], n)
				if strings.Contains(f.sig, "bad") { // bits of lanes
					left, left2 = min(left, 1), min(left2, 1)
				}
				if left != left2 {
					t.Errorf("%s %s n=%d: results %d and %d", family, f.name, n, left, left2)
				}
				if at := difference(w, v); at >= 0 {
					t.Errorf("%s %s n=%d: word %d of array %d is %#x and %#x", family, f.name, n,
						at%arrayWords-arrayStart, at/arrayWords, w[at], v[at])
				}
			}
		}
	}
}

// difference is where x and y differ, NaN being alike, or -1.
func difference(x, y []uint32) int {
	for i := range x {
		a, b := math.Float32frombits(x[i]), math.Float32frombits(y[i])
		if x[i] != y[i] && (a == a || b == b) {
			return i
		}
	}
	return -1
}

// TestExp: a toy computes what it should.
func TestExp(t *testing.T) {
	for _, toy := range []*toy{wideToy, narrowToy} {
		a := assemble(toy, Vec)
		i := slices.IndexFunc(a.funcs, func(f *toyFunc) bool { return f.name == "Exp" })
		m := &toyMachine{asm: a, mem: make([]uint32, 100), args: map[string]int64{"dst": 0, "x": 200, "n": 37}}
		for i := range 37 {
			m.mem[50+i] = math.Float32bits(float32(i)/4 - 3)
		}
		m.run(a.funcs[i])
		for i := range 37 {
			got, want := math.Float32frombits(m.mem[i]), math.Exp(float64(i)/4-3)
			if math.Abs(float64(got)/want-1) > 2e-7 {
				t.Errorf("%s: e^%g is %g", toy.traits.Name, float64(i)/4-3, got)
			}
		}
		if fmt.Sprint(m.mem[37:50]) != fmt.Sprint(make([]uint32, 13)) {
			t.Errorf("%s: written behind the end", toy.traits.Name)
		}
	}
}
