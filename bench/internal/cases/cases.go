// Package cases lists the work on which the kernels are measured: arguments of fixed values
// and a call, one Case per kernel and shape. The benchmarks time each under all
// implementations of this module, bench/peers also beside C code that does the same work on
// the same numbers.
package cases

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/pages"
)

// A Case is one call of a kernel.
type Case struct {
	Family string  // the benchmark, as GaussKL
	Keys   string  // its shape, as B=256/Z=64/form=Sigma
	Peer   string  // what bench/peers calls the work, if not Family
	Dims   []int   // the sizes, in the order in which peers take them
	Elems  int     // what a time is divided by
	Flops  float64 // of the products, 0 if there are none
	Arrays []Array // everything that is read or written, outputs first
	Run    func()
	Parts  []Part // what Run consists of, if the parts are timed apart
	Pack   func() // if not nil, comes first, and again under another instruction set
	Other  []Part // other ways to pack, with which peers have the work measured, too
	Settle func() // if not nil, comes behind Run and puts into the arrays what is not there

	start [][]float32 // first values of the arrays that Run reads and writes
}

// A Part is a part of the work of a case, which comes behind the part before it.
type Part struct {
	Name string
	Run  func()
}

// in adds a part to the work.
func (c *Case) in(name string, run func()) {
	c.Parts = append(c.Parts, Part{name, run})
	c.Run = func() {
		for _, p := range c.Parts {
			p.Run()
		}
	}
}

// Threads is how many goroutines the work of layers, products and models may take.
var Threads = 1

// A Maker makes a case. The arrays exist only as long as somebody holds it.
type Maker struct {
	Family, Keys string
	New          func() *Case
}

func maker(family, keys string, f func() *Case) Maker {
	return Maker{family, keys, func() *Case {
		c := f()
		c.Family, c.Keys = family, keys
		return c
	}}
}

// An Array is an argument.
type Array struct {
	Data []float32
	Use  Use
}

// Use says what a call does with an array.
type Use uint8

const (
	In Use = 1 << iota
	Out
	InOut = In | Out
)

// Name is what follows Benchmark in the benchmark's name, without the implementation.
func (c *Case) Name() string { return c.Family + "/" + c.Keys }

// Bytes is what a call reads and writes.
func (c *Case) Bytes() (n int) {
	for _, a := range c.Arrays {
		n += 4 * len(a.Data)
		if a.Use == InOut {
			n += 4 * len(a.Data)
		}
	}
	return n
}

// Resident is the size of all arrays.
func (c *Case) Resident() (n int) {
	for _, a := range c.Arrays {
		n += 4 * len(a.Data)
	}
	return n
}

// Reset gives the arrays the values they had at first.
func (c *Case) Reset() {
	if c.start == nil {
		c.start = make([][]float32, len(c.Arrays))
		for i, a := range c.Arrays {
			if a.Use == InOut {
				c.start[i] = slices.Clone(a.Data)
			}
		}
	}
	for i, s := range c.start {
		copy(c.Arrays[i].Data, s)
	}
}

// Result is everything that one call writes, from the same input at every call.
func (c *Case) Result() (all []float32) {
	c.Reset()
	if c.Pack != nil {
		c.Pack()
	}
	c.Run()
	if c.Settle != nil {
		c.Settle()
	}
	for _, a := range c.Arrays {
		if a.Use&Out != 0 {
			all = append(all, a.Data...)
		}
	}
	return all
}

// A family makes the cases of one benchmark, the most telling shapes first.
type family struct {
	name  string
	cases func() []func() *Case
}

var families = slices.Concat(vecFamilies, gaussFamilies, discreteFamilies, optimFamilies, gateFamilies)

// Families returns the names of the benchmarks.
func Families() (names []string) {
	for _, f := range families {
		names = append(names, f.name)
	}
	return names
}

// Of returns the cases of a family. Peers know their work by the family, with the form of the
// scale if it has one: GaussKL.Sigma.
func Of(name string) (list []Maker) {
	for _, f := range families {
		if f.name != name {
			continue
		}
		for _, make := range f.cases() {
			keys, peer := make().Keys, name
			if _, form, ok := strings.Cut(keys, "form="); ok {
				peer += "." + form
			}
			list = append(list, maker(name, keys, func() *Case {
				c := make()
				c.Peer = peer
				return c
			}))
		}
	}
	return list
}

// each makes one function per shape.
func each[S any](shapes []S, f func(s S) *Case) func() []func() *Case {
	return func() (list []func() *Case) {
		for _, s := range shapes {
			list = append(list, func() *Case { return f(s) })
		}
		return list
	}
}

// source is a generator of the numbers of one case.
type source struct{ r *rand.Rand }

func numbers() source { return source{rand.New(rand.NewPCG(5, 6))} }

func (s source) fill(n int, f func() float64) []float32 {
	x := pages.Make[float32](n)
	for i := range x {
		x[i] = float32(f())
	}
	return x
}

func (s source) normal(n int, scale float64) []float32 {
	return s.fill(n, func() float64 { return scale * s.r.NormFloat64() })
}

func (s source) uniform(n int, lo, hi float64) []float32 {
	return s.fill(n, func() float64 { return lo + (hi-lo)*s.r.Float64() })
}

func in(x []float32) Array    { return Array{x, In} }
func out(n int) Array         { return Array{pages.Make[float32](n), Out} }
func inout(x []float32) Array { return Array{x, InOut} }
