// Package ngram predicts symbols by counting, as a measure for networks that predict them.
package ngram

import (
	"math"

	"github.com/elbow-go/elbow/internal/f64"
)

// Model predicts a symbol from the four before it: interpolated Kneser-Ney smoothing with
// one discount per order.
//
//	P_n(c | h) = max(N(h c) - D_n, 0) / N(h) + D_n T(h) / N(h) · P_{n-1}(c | h')
//
// h are the n-1 symbols before c and h' all but the oldest of them. At the highest order N
// counts occurrences, below it the different symbols seen to the left; N(h) is the sum over
// c and T(h) the number of different c. D_n = n1/(n1 + 2 n2) from the numbers of entries
// that were counted once and twice. Below the lowest order all symbols are equally likely.
//
// Source: Kneser and Ney 1995 in the interpolated form of Chen and Goodman 1999.
type Model struct {
	classes int
	orders  [Order]order
}

// Order is the length of the n-grams, the predicted symbol included.
const Order = 5

// order holds the counts of n-grams of one length. A context of at most four symbols of 16
// bits is a key by itself.
type order struct {
	counts   map[gram]int32
	contexts map[uint64]*context
	discount float64
}

type gram struct {
	context uint64
	symbol  uint16
}

type context struct {
	total int // Σ_c N(h c)
	types int
}

// New counts the n-grams of train, whose symbols are below classes.
func New(train []uint16, classes int) *Model {
	m := &Model{classes: classes}
	for n := range m.orders {
		m.orders[n].counts, m.orders[n].contexts = map[gram]int32{}, map[uint64]*context{}
	}
	for i := range train {
		// A text has few beginnings: the n-grams there are counted as if at their order.
		m.add(min(i, Order-1), contextOf(train, i), train[i])
	}
	for n := range m.orders {
		ones, twos := 0, 0
		for _, c := range m.orders[n].counts {
			switch c {
			case 1:
				ones++
			case 2:
				twos++
			}
		}
		m.orders[n].discount = 0.5 // where there is nothing to estimate from
		if ones > 0 && twos > 0 {
			m.orders[n].discount = float64(ones) / float64(ones+2*twos)
		}
	}
	return m
}

// contextOf packs the symbols before x[i], the nearest lowest.
func contextOf(x []uint16, i int) uint64 {
	h := uint64(0)
	for _, v := range x[max(0, i-Order+1):i] {
		h = h<<16 | uint64(v)
	}
	return h
}

// shorten keeps the nearest n symbols.
func shorten(h uint64, n int) uint64 { return h & (1<<(16*n) - 1) }

// add counts symbol c after n symbols h. A new n-gram is one more left neighbour of the one
// that is shorter.
func (m *Model) add(n int, h uint64, c uint16) {
	for ; n >= 0; n-- {
		h = shorten(h, n)
		o := &m.orders[n]
		at := o.contexts[h]
		if at == nil {
			at = new(context)
			o.contexts[h] = at
		}
		at.total++
		key := gram{h, c}
		o.counts[key]++
		if o.counts[key] > 1 {
			return
		}
		at.types++
	}
}

// prob returns the probability of c after the n symbols h.
func (m *Model) prob(n int, h uint64, c uint16) float64 {
	p := 1 / float64(m.classes)
	for k := 0; k <= n; k++ {
		key := shorten(h, k)
		o := &m.orders[k]
		at := o.contexts[key]
		if at == nil {
			return p // longer contexts were not seen either
		}
		total := float64(at.total)
		p = max(float64(o.counts[gram{key, c}])-o.discount, 0)/total + float64(o.discount*float64(at.types)/total*p)
	}
	return p
}

// Bits returns the mean of -log2 P over the symbols of x, each predicted from those before
// it in x.
func (m *Model) Bits(x []uint16) float64 {
	sum := 0.0
	for i, c := range x {
		sum -= f64.Log(m.prob(min(i, Order-1), contextOf(x, i), c))
	}
	return sum / math.Ln2 / float64(max(len(x), 1))
}
