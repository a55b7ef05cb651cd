package cases

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// lengths are those of elementwise functions: what fits the first cache beside its result, a
// small layer, and what fits no cache.
var lengths = []int{4096, 64, 1 << 20}

var vecFamilies = []family{
	unary("Exp", kernels.Exp[float32], wide),
	unary("Log", kernels.Log[float32], positive),
	unary("Tanh", kernels.Tanh[float32], wide),
	unary("Sigmoid", kernels.Sigmoid[float32], wide),
	unary("Softplus", kernels.Softplus[float32], wide),
	unary("ReLU", kernels.ReLU[float32], wide),
	unary("Square", kernels.Square[float32], wide),
	unary("Sqrt", kernels.Sqrt[float32], positive),
	backward("Magnitude", kernels.Magnitude[float32]),
	backward("TanhBackward", kernels.TanhBackward[float32]),
	backward("SigmoidBackward", kernels.SigmoidBackward[float32]),
	backward("SoftplusBackward", kernels.SoftplusBackward[float32]),
	backward("ReLUBackward", kernels.ReLUBackward[float32]),
	rowwise("Softmax", func(s shape) *Case {
		c := matrices(s, 1)
		c.Run = func() { kernels.Softmax(c.Arrays[0].Data, c.Arrays[1].Data, s[0], s[1]) }
		return c
	}),
	rowwise("SoftmaxBackward", func(s shape) *Case {
		c := matrices(s, 2)
		y := c.Arrays[2].Data
		kernels.Softmax(y, y, s[0], s[1])
		c.Run = func() { kernels.SoftmaxBackward(c.Arrays[0].Data, c.Arrays[1].Data, y, s[0], s[1]) }
		return c
	}),
	rowwise("LogSumExp", func(s shape) *Case {
		c := matrices(s, 1)
		c.Arrays[0] = out(s[0])
		c.Run = func() { kernels.LogSumExp(c.Arrays[0].Data, c.Arrays[1].Data, s[0], s[1]) }
		return c
	}),
	rowwise("LayerNorm", func(s shape) *Case {
		n, r := s[0]*s[1], numbers()
		y, xhat, rstd, x, weight := Array{make([]float32, n), InOut}, out(n), out(s[0]), in(r.normal(n, 3)), in(r.uniform(s[1], 0.5, 1.5))
		return &Case{Arrays: []Array{y, xhat, rstd, x, weight}, Run: func() {
			n := &kernels.Norm[float32]{XHat: xhat.Data, RStd: rstd.Data, Weight: weight.Data, Ld: s[1]}
			kernels.LayerNorm(y.Data, x.Data, n, s[0], s[1], 1e-5)
		}}
	}),
	rowwise("LayerNormBackward", func(s shape) *Case {
		n, r := s[0]*s[1], numbers()
		dx, dy, xhat := out(n), in(r.normal(n, 1)), in(r.normal(n, 1))
		rstd, weight := in(r.uniform(s[0], 0.2, 0.5)), in(r.uniform(s[1], 0.5, 1.5))
		return &Case{Arrays: []Array{dx, dy, xhat, rstd, weight}, Run: func() {
			n := &kernels.Norm[float32]{XHat: xhat.Data, RStd: rstd.Data, Weight: weight.Data, Ld: s[1]}
			kernels.LayerNormBackward(dx.Data, dy.Data, n, s[0], s[1])
		}}
	}),
	linear("Axpy", InOut, func(dst, x []float32) { kernels.Axpy(dst, x, 1e-6) }),
	linear("Scal", Out, func(dst, x []float32) { kernels.Scal(dst, x, 3) }),
	{"SumSquares", each(lengths, func(n int) *Case {
		x, sum := in(numbers().normal(n, 1)), out(1)
		return &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{sum, x},
			Run: func() { sum.Data[0] = float32(kernels.SumSquares(x.Data)) }}
	})},
	rowwise("SetRows", func(s shape) *Case {
		c := matrices(s, 1)
		c.Arrays[1] = in(c.Arrays[1].Data[:s[1]])
		c.Run = func() { kernels.SetRows(c.Arrays[0].Data, c.Arrays[1].Data, s[0], s[1], s[1]) }
		return c
	}),
	rowwise("ColumnSums", func(s shape) *Case {
		c := matrices(s, 1)
		c.Arrays[0] = inout(make([]float32, s[1]))
		c.Run = func() { kernels.AddColumnSums(c.Arrays[0].Data, c.Arrays[1].Data, s[0], s[1], s[1]) }
		return c
	}),
	rowwise("ColumnProducts", func(s shape) *Case {
		c := matrices(s, 2)
		c.Arrays[0] = inout(make([]float32, s[1]))
		c.Run = func() {
			kernels.AddColumnProducts(c.Arrays[0].Data, c.Arrays[1].Data, c.Arrays[2].Data, s[0], s[1], s[1], s[1])
		}
		return c
	}),
}

// wide arguments reach where functions saturate, positive ones are what logarithms get.
func wide(n int) []float32     { return numbers().normal(n, 3) }
func positive(n int) []float32 { return numbers().uniform(n, 0.1, 1.1) }

// unary is a function of one argument.
func unary(name string, f func(dst, x []float32), gen func(n int) []float32) family {
	return family{name, each(lengths, func(n int) *Case {
		dst, x := out(n), in(gen(n))
		return &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{dst, x},
			Run: func() { f(dst.Data, x.Data) }}
	})}
}

// backward is the gradient of a function by its result, taken between -1 and 1, or another function of
// two arguments.
func backward(name string, f func(dx, dy, y []float32)) family {
	return family{name, each(lengths, func(n int) *Case {
		r := numbers()
		dx, dy, y := out(n), in(r.normal(n, 1)), in(r.uniform(n, -1, 1))
		return &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{dx, dy, y},
			Run: func() { f(dx.Data, dy.Data, y.Data) }}
	})}
}

// linear is a function of one argument that is bound by memory.
func linear(name string, use Use, f func(dst, x []float32)) family {
	return family{name, each(lengths, func(n int) *Case {
		dst, x := Array{make([]float32, n), use}, in(numbers().normal(n, 1))
		return &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{dst, x},
			Run: func() { f(dst.Data, x.Data) }}
	})}
}

// A shape is rows and columns.
type shape [2]int

// rowwise is a function of the rows or columns of a matrix: a small output layer, a layer,
// a few rows of a large vocabulary.
func rowwise(name string, f func(s shape) *Case) family {
	return family{name, each([]shape{{64, 64}, {64, 10}, {4, 1024}}, func(s shape) *Case {
		c := f(s)
		c.Keys, c.Dims, c.Elems = fmt.Sprintf("B=%d/K=%d", s[0], s[1]), s[:], s[0]*s[1]
		return c
	})}
}

// matrices has an output and n inputs of one shape.
func matrices(s shape, n int) *Case {
	c, r := &Case{Arrays: []Array{out(s[0] * s[1])}}, numbers()
	for range n {
		c.Arrays = append(c.Arrays, in(r.normal(s[0]*s[1], 3)))
	}
	return c
}
