// Command peers measures this module beside others that do the same work on the same numbers, and
// says which targets of this project are met.
//
//	make peers-install      once: Python, PyTorch, ONNX Runtime, oneDNN, OpenBLAS, MKL into bench/peers/bin
//	make bench-peers        go run ./bench/peers; PEERS has its flags
//	taskset -c 1 go run ./bench/peers -only sequences -shape 64,100,256,256 -rounds 7
//
//	bench/internal/cases --> arguments --> our code, in this process
//	                             |              |   round robin, a sample each
//	                             +--> pipe --> a process for each peer (folders c and py)
//
// The suites, and their peers:
//
//	kernels      SLEEF (impl=sleef: 1 ULP, sleef-u35: 3.5 ULP), loops of -O3 -ffast-math that call
//	             glibc's libmvec (impl=libmvec for functions of one argument, impl=c for fused
//	             loops), and the same arrays read and written with one addition each (impl=limit);
//	             names that end in -avx2 are the same for 256 bits; impl=c of LatentStep is the
//	             loops that the kernel replaces, not one fused loop
//	products     OpenBLAS, MKL and oneDNN, with B packed by the call or, as products of layers
//	             have it, beforehand
//	sequences    PyTorch, ONNX Runtime (inference) and oneDNN; a training is timed in two parts
//	steps        the same, one step
//	small        sequences of batches of 2 to 16
//	models       PyTorch, the way its users write a model (torch), with all that can be done for
//	             all steps at once (torch-batched), with gradients of weights gathered into one
//	             product, too (torch-delayed), and with the loop compiled (torch-compiled)
//	quantized    PyTorch's and ONNX Runtime's layers with weights in int8, beside ours
//
// What a peer computes is compared with our results before anything is timed. A peer that is not
// installed is left out, and a line says what to install. Every peer says what it is, and
// whether it is not at its best on this machine: MKL as installed takes AVX2 on an AMD processor
// (it is made to believe in an Intel one, which it would otherwise refuse), and OpenBLAS without
// kernels for a processor takes those of an old one.
//
// All implementations of a case are asked in turn, in several rounds; a time is the median of
// the rounds, and a ratio the median of the ratios within a round, so that a machine whose
// speed drifts does not count. Whoever has waited is warmed up for 60 ms first: on a single
// processor the Go runtime wakes up every 20 us for a while after idling, which takes a quarter
// of the speed of the first milliseconds, the more of them the longer it has waited. The
// OPENBLAS_ variables of the environment are kept from the peers. The samples themselves are
// written as lines of a Go benchmark to bench-peers.out, for benchstat:
//
//	go tool -modfile=tools/go.mod benchstat -col /impl bench-peers.out
//
// Nothing else in the module needs C or Python.
package main
