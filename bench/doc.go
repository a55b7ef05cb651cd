// Package bench measures the packages of this module. It has the shapes, where each is from, and
// benchmarks; nothing outside of this folder imports it.
//
//	shapes.go --> internal/cases --> BenchmarkGemm/M=32/N=1024/K=256/tA=N/tB=T/impl=generic
//	                     |                |            |
//	                     |         result checked   peak measured, then timed
//	                     +--> peers: the same work beside others' code
//
// The names are keys with values, the implementation last, so that
//
//	go test -run xxx -bench Gemm -count 1 ./bench | tee -a results.txt     (ten times)
//	go tool -modfile=tools/go.mod benchstat -col /impl results.txt
//
// prints the implementations side by side. With ten runs of -count 1 they alternate, which
// matters on a machine whose speed drifts; -count 10 would time one after the other. Under
// -short each list keeps three shapes, and all take two minutes. Two revisions are compared, in
// turn, by
//
//	make bench-compare OLD=main NEW=HEAD BENCH=Train
//
// Every exported kernel, every kind of layer and every model has a benchmark: tests compare the
// lists.
//
// Every benchmark checks its result once before it is timed, so that what is wrong posts no
// number, and measures in the same process just before what its speed is a part of. The unit
// says what that is:
//
//	%scalar-peak    impl=generic: float32 chain steps of plain Go with exact rounding, 8
//	                chains on values in registers, without memory or packing
//	%peak           impl=neon, avx2, avx512, openblas: multiply-adds on registers alone, with the
//	                vectors of the instruction set in use
//	%bw             kernels: a plain copy whose two sides together are as large as all that
//	                the kernel works on; both count what they read and what they write
//
// Three measurements are tests, since they compare and decide instead of timing one thing:
//
//	go test -tags openblas ./bench -run GemmSweep -sweep -v      products of all sizes, as ratios
//	go test -tags openblas ./bench -run StepSweep -sweep -v      recurrent steps, as ratios
//	go test -tags openblas ./bench -run ChoiceTable -rewrite     measures and writes the tables of
//	                                                             the backend auto
//
// GFLOP/s counts 2 for a multiply-add; ns/fma is the time of one. For recurrent steps both count
// the recurrent product alone, but the time is that of the gates too. Their impl=openblas is
// OpenBLAS's product with our gate kernel behind it; impl=generic is our product in plain Go with
// the gate kernel behind it, and the others are the fused steps, as package cell takes them.
package bench
