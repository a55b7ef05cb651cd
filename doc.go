// Package elbow is the root of a library of SIMD kernels for recurrent and variational
// sequence models. It holds no code; the packages are
//
//	cmd/elbow     the command: train, eval, sample, encode, table, doctor, bench
//	  |
//	model         VAE, VRAE, VRNN, STORN, RNN: objective, optimisers, training, checkpoints
//	  |
//	cell          dense layer, RNN, LSTM, GRU: parameters, step, sequence, backward
//	  |      \
//	kernels   blas    fused steps, likelihoods, vector maths, noise, optimisers  |  Gemm, Gemv
//	  |      /
//	asm           which instruction set is in use; machine code for AVX2, AVX-512
//	              and NEON, called by asm/simd
//
// bench measures all of them; internal holds what is not API. Imports only go down, which
// a test in this folder checks.
package elbow
