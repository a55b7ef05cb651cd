//go:build mpi

// Command sums times the sum of package dist over ranks beside MPI_Allreduce, whose bits depend on the number of
// ranks. The default of Open MPI is compared as it is, or as a ring:
//
//	go build -tags mpi -o sums ./internal/check/sums
//	mpirun -n 4 --bind-to none ./sums
//	mpirun -n 4 --bind-to none --mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_allreduce_algorithm 4 ./sums
//
// The times are medians in milliseconds, of the slowest rank. With --mca btl self,tcp processes of one machine talk through
// TCP on its loopback. Ranks that share cores want --mca mpi_yield_when_idle 1.
package main

// #cgo pkg-config: ompi
// #include <mpi.h>
// static int allreduce(float *x, int n) {
// 	return MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
// }
import "C"

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/elbow-go/elbow/dist"
)

func main() {
	leaves := flag.Int("shards", 0, "`leaves` of the tree, 0 for one a rank")
	bucket := flag.Int("bucket", 0, "`numbers` that are sent at a time, 0 for the default")
	flag.Parse()
	comm, err := dist.Start()
	if err != nil {
		log.Fatal(err)
	}
	if comm == nil {
		log.Fatal("sums: want to be started by mpirun")
	}
	comm.Bucket = *bucket
	if *leaves == 0 {
		*leaves = comm.Size()
	}
	if comm.Rank() == 0 {
		fmt.Printf("%d ranks, %d leaves\n%10s %10s %10s %6s\n", comm.Size(), *leaves, "bytes", "allreduce", "tree", "ratio")
	}
	for _, bytes := range []int{100_000, 1_000_000, 10_000_000, 100_000_000} {
		if err := compare(comm, *leaves, bytes/4); err != nil {
			log.Print(err)
			comm.Abort(1)
		}
	}
	if err := comm.Close(); err != nil {
		log.Fatal(err)
	}
}

// compare times both for n numbers, one after the other.
func compare(comm *dist.Comm, leaves, n int) error {
	lo, hi := dist.Share(leaves, comm.Rank(), comm.Size())
	var parts []dist.Part[[][]float32]
	for _, node := range dist.Nodes(leaves, lo, hi) {
		parts = append(parts, dist.Part[[][]float32]{Node: node, Value: [][]float32{make([]float32, n)}})
	}
	x := make([]float32, n)
	ways := []func() error{
		func() error { C.allreduce((*C.float)(unsafe.Pointer(&x[0])), C.int(n)); return nil },
		func() error { return comm.Sum(parts[0].Value, leaves, parts) },
	}
	repeats := min(max(40_000_000/n, 5), 200)
	times := make([][]float64, len(ways))
	for i := range repeats + 1 {
		for w, way := range ways {
			if err := comm.Barrier(); err != nil {
				return err
			}
			start := time.Now()
			if err := way(); err != nil {
				return err
			}
			took, err := slowest(comm, time.Since(start))
			if err != nil {
				return err
			}
			if i > 0 { // the first one finds no memory
				times[w] = append(times[w], took)
			}
		}
	}
	if comm.Rank() == 0 {
		a, t := median(times[0]), median(times[1])
		fmt.Printf("%10d %10.3f %10.3f %6.2f\n", 4*n, a, t, a/t)
	}
	return nil
}

// slowest returns the longest of the times of all ranks, in milliseconds.
func slowest(comm *dist.Comm, took time.Duration) (ms float64, err error) {
	all, err := comm.Gather(binary.LittleEndian.AppendUint64(nil, math.Float64bits(took.Seconds()*1e3)))
	for _, x := range all {
		ms = max(ms, math.Float64frombits(binary.LittleEndian.Uint64(x)))
	}
	return ms, err
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
