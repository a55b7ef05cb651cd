//go:build linux

// Command hosts trains on several hosts that are network namespaces of this machine, as mpirun does on several machines.
//
//	go run ./internal/check/hosts        (make check-hosts; as root, with iproute2 and what -tags mpi needs)
//
// Each host has a name, an address and a line of 1 Gbit/s to a switch:
//
//	host 1: mpirun, ranks    host 2: orted, ranks    host 3: orted, ranks    host 4: ...
//	   | 10.77.0.1              | 10.77.0.2             | 10.77.0.3
//	   +------------------------+-------- switch -------+---------------------- ...
//
// What it looks at, by the names that -run takes:
//
//	bits   kinds of models leave the checkpoint of one process on 1 to 8 ranks, of which one computes in plain Go and
//	       one with AVX2
//	kill   a random rank is killed at random moments: all end within 5 s, and the training goes on under another number
//	       of ranks; in the end it has the bits of one process
//	cut    a host loses its network, by a line that is down or by a switch that forwards nothing, at random moments:
//	       all ranks, those cut off too, end within 15 s
//
// And -run program -program "./internal/check/sums -shards 8" runs another program on 2, 3 and 4 hosts.
package main
