// Package elbow is the root of a library of SIMD kernels for recurrent and variational
// sequence models. It holds no code; the packages are
//
//	cmd/elbow     the command: train, eval, sample, doctor
//	  |
//	model         VRNN family and RNN baselines: objective, optimiser, training, checkpoints
//	  |
//	cell          dense layer, RNN, LSTM, GRU: parameters, step, sequence, backward
//	  |      \
//	kernels   blas    gates, Gaussian family, vector maths, noise, Adam  |  Gemm and Gemv
//	  |      /
//	asm           which instruction set is in use
//
// bench measures all of them; internal holds what is not API. Imports only go down, which
// a test in this folder checks.
package elbow
