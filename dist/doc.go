// Package dist has what it takes to compute one sum in many places and get the same bits
// whatever their number.
//
// Floating-point sums depend on their order. So the order is fixed before anyone is given work: what is
// summed is split into shards, and the sums of the shards are the leaves of a binary tree. Whoever
// computes neighbouring shards, a goroutine or a process, adds up the subtrees that are all its own;
// what remains is added where the parts come together.
//
//	shard   0   1   2   3   4   5   6
//	         \ /     \ /     \ /    |
//	          +       +       +     |      7 shards in three places: 0 1, 2 3, 4 5 6.
//	           \     /         \    |      The first two hold one subtree each,
//	              +              +--+      and so does the third one.
//	                \          /
//	                     +
//
// [Fold] is the tree. [Comm] is a group of ranks that hold parts of it: goroutines of one process, see [Local], or,
// with the build tag mpi, processes that Open MPI starts, see [Start].
//
//	parts of all ranks --exchange--> pieces: Fold --collect--> the sum, at all ranks
package dist
