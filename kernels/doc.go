// Package kernels holds the inner loops of recurrent and variational sequence models:
// fused recurrent steps, vector maths, the Gaussian family and other likelihoods,
// counter-based noise and optimisers, forward and backward.
//
//	Whh --StepWeights.Pack PackBF16 PackInt8--> packed weights
//	w --Int8Weights.Pack--> quantised weights    x, quantised weights --GemmInt8--> x w'
//	x Wih' + b, h, packed --RNNFusedStep LSTMFusedStep GRUFusedStep GRUBeforeFusedStep--> h, c
//	x Wih' + h Whh' + b --RNNStep LSTMStep GRUStep--> h, c        (products: package blas)
//	x            --Exp Log Tanh Sigmoid Softplus ReLU Square Sqrt Softmax--> y
//	re, im       --Magnitude--> y
//	q, eps       --GaussSample, LatentStep--> z
//	q, p         --GaussKL--> nats per row
//	x, outputs   --GaussLogProb GMMLogProb BernoulliLogProb CategoricalLogProb
//	               BivariateLogProb BivariateMixtureLogProb LogisticMixtureLogProb
//	               MultivariateLogProb--> nats per row
//	x, mask      --MultivariateImpute--> x
//	(seed, stream, update, step, row) --Uniforms Normals--> noise
//	gradient     --SumSquares Scal Adam Adagrad SGD--> parameters
//
// Each function NAME that is differentiated has a NAMEBackward. Gradients of activations are
// overwritten, those of parameters are added to; every comment says which. A fused step has the
// bits of the product and the gate kernel that it replaces.
//
// # Layout
//
// Matrices are dense and row-major; where a row stride is an argument it is called ld.. and
// counts elements. Nothing outside the slices, nor between the rows, is read or written. No
// alignment is asked for. Zero sizes are legal and do nothing. What may alias is in each
// comment; what is not mentioned must not overlap.
//
// # Bits
//
// In float32 every function is defined down to the bit: the plain Go in *_generic.go is the
// definition, and machine code does the same operations in the same order, so results do
// not depend on the instruction set. An element's result does not depend on its place.
// Sums over a row run over 16 virtual lanes (lane = index mod 16; 64 lanes for plain sums),
// folded in halves. Every fused multiply-add is written out and rounded once. NaN counts as
// equal to NaN: its payload is not part of the promise. Denormals are computed exactly,
// except that states and their gradients are flushed to 0 where the comment says so.
//
// float64 is plain Go with package math, for gradient checks, with products of package blas: no
// promise of bits.
//
// # Missing entries
//
// The parameters of a distribution may come with a mask of what it is the distribution of: an entry
// of 0 says that the entry of x in the same place is missing, any other number, 1 as a rule, that it
// is there. A nil mask is one of nothing but ones.
//
//   - A missing entry adds exactly 0 to the value of its row, and the gradients of x there and of
//     the parameters that belong to it alone are exactly 0. It is not read and may be NaN, and so
//     may these parameters.
//   - What is left of independent entries has their marginal distribution, and so have the
//     components of a mixture over a row: their products lack a factor. Entries that depend on each other
//     have it too, see Multivariate, for which more parameters than those there count. What describes a row as a
//     whole, a class or a stroke of a pen, is missing as a whole. A row of nothing has the value 0.
//   - A row in which nothing is missing has the bits that it has without a mask. Of another one the
//     pieces between missing entries are rows of their own, whose values are added up in order, or it is
//     done in plain Go; so its bits do not depend on the instruction set either.
//
// # Accuracy
//
// The bound of a function is in its comment. Recurrent steps have faster forms of their own, the
// inner forms, whose largest errors over all float32 are
//
//	σ       2.49 ULP, of the argument clamped to ±40; at least 4e-18
//	tanh    2.54 ULP
//
// The tests of package kernels measure them again over every float32.
//
// # Panics
//
// A wrong length, stride or size is a bug of the caller and panics before anything is
// written, with the function, the argument, what it got and what it wants. Kernels start no
// goroutine and allocate nothing.
package kernels
