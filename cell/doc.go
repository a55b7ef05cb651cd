// Package cell holds the layers that models are made of: parameters, forward, backward,
// and the workspaces between the two.
//
//	x [Rows, In] --Project--> pre-activations [Rows, Gates*H]      one product for all steps
//	                               |
//	h0, c0 [B, H] ---------> Step t = 0 1 2 ...                    fused: product with Whh and gates
//	                               |
//	                          h [Rows, H], c [Rows, H] --Final--> hn, cn [B, H]
//
// and backward the same way up: StepBackward t = ... 2 1 0, then InputGrad and ParamGrad,
// one product each for all steps. Forward and Backward of a [Recurrent] layer do all of it;
// models whose input depends on the state call the parts.
//
// A [Stack] is recurrent layers on top of each other, in one direction or both, an [MLP] dense ones.
// They are used as a layer is, whole or in parts. A [Conv1d] is a convolution over steps. A [Stream] runs layers as the inputs come in.
//
// A batch of sequences is ragged and time-major, see [Ragged]; its Rows are the sum of the
// lengths, and no work is done for steps that a sequence does not have. One of length 0 keeps
// its state: the final state is the initial one, and so for the gradients (ONNX Runtime sets it
// to 0). Padded batches in any order become such ones, and back, with a [Batch].
//
// # Rules
//
// Whoever writes parameters calls Pack (for forward passes) or PackForTraining, which make
// the copies that the steps read; a layer that is not packed for the instruction set in
// use panics and says so. So does one whose parameters were written to since: a few dozen
// elements of each tensor are kept at Pack and compared when a pass begins, and every 64th time
// in a stream of steps. What an optimiser does is noticed; a write to a few elements of a
// large tensor may not be. Layers are read-only while they are used. Workspaces belong to
// one caller, are reused, and in the steady state nothing is allocated.
//
// Parameters and their gradients are lists of a [Tensor] each, which an Optimizer of package model takes; package
// kernels has its steps, such as Adam, for a slice.
//
// In float32 the bits of outputs and gradients do not depend on the instruction set, on the
// number of goroutines, on how a batch is split, or on whether a sequence is run at once or
// as a stream of steps. Every output of a product is one chain: bias first, then the input
// columns in order, then the state. Gradients of parameters are added to what is there, in
// storage order.
//
// PackInt8, in place of Pack, has products of int8, which are exact and so the same everywhere, too; but
// parts of an input that are projected one after the other are quantised one by one.
//
// The steps are the fused ones of package kernels wherever there is machine code for them,
// also where package blas has OpenBLAS do its products, which are then those of Project,
// InputGrad and ParamGrad: the bits of a step do not depend on the backend. Those of a layer with a
// projection, heads or layer normalisation ([Options]) are made of products of package blas.
//
// Several goroutines split the batch of [Recurrent.Forward] and [Recurrent.Backward] once for
// all steps and do not wait for each other. In a batch of a sequence or a few they share every step where
// that is quicker.
//
// Wrong shapes, a backward pass that no forward pass went before, and layers that do not belong
// together are bugs of the caller. They panic with function, argument, got and want, before anything
// is written. No size is too large for the checks; the largest that are allowed are [MaxSize] and
// those beside it. Whether the parts of a pass (Project, Step, StepBackward ...) are called for every
// step, and in order, nobody checks.
package cell
