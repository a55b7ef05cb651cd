//go:build mpi

package dist

// #cgo pkg-config: ompi
// #include <mpi.h>
// #include <stdlib.h>
// #include <string.h>
//
// // What MPI has as macros of casts, cgo does not see.
// static int mpi_start(int *rank, int *size) {
// 	int level, err = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
// 	if (err == MPI_SUCCESS && level < MPI_THREAD_SERIALIZED) err = MPI_ERR_OTHER;
// 	if (err == MPI_SUCCESS) err = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
// 	if (err == MPI_SUCCESS) err = MPI_Comm_rank(MPI_COMM_WORLD, rank);
// 	if (err == MPI_SUCCESS) err = MPI_Comm_size(MPI_COMM_WORLD, size);
// 	return err;
// }
// static int mpi_exchange(void *send, int *plan, void *recv, int size, MPI_Request *r) {
// 	return MPI_Ialltoallv(send, plan, plan + size, MPI_BYTE, recv, plan + 2*size, plan + 3*size, MPI_BYTE, MPI_COMM_WORLD, r);
// }
// static int mpi_collect(void *send, int n, int *plan, void *recv, int size, MPI_Request *r) {
// 	return MPI_Iallgatherv(send, n, MPI_BYTE, recv, plan, plan + size, MPI_BYTE, MPI_COMM_WORLD, r);
// }
// static int mpi_barrier(MPI_Request *r) { return MPI_Ibarrier(MPI_COMM_WORLD, r); }
// static int mpi_test(MPI_Request *r, int *done) { return MPI_Test(r, done, MPI_STATUS_IGNORE); }
// static void mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
import "C"

import (
	"fmt"
	"runtime"
	"time"
	"unsafe"
)

// Start joins the group of processes that mpirun, or srun, has started; without one it returns nil. It
// needs the build tag mpi: without it, a process that was started so gets an error.
func Start() (*Comm, error) {
	if !launched() {
		return nil, nil
	}
	m := &mpi{calls: make(chan call), aborts: make(chan int)}
	started := make(chan error)
	go m.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	m.plan = (*C.int)(C.malloc(C.size_t(4*m.ranks) * C.size_t(unsafe.Sizeof(C.int(0)))))
	m.request = (*C.MPI_Request)(C.malloc(C.size_t(unsafe.Sizeof(C.MPI_Request(nil)))))
	return newComm(m), nil
}

// mpi is the transport of a process. All that MPI reads or writes after a call has returned is in C memory:
// buffers, counts, displacements and the request.
type mpi struct {
	number, ranks int
	calls         chan call
	aborts        chan int

	buffers [2]unsafe.Pointer
	lengths [2]int
	plan    *C.int // counts and displacements
	request *C.MPI_Request
}

// call is an operation: start begins it.
type call struct {
	start func() C.int
	done  chan error
	last  bool // then finalise
}

// pause is how long the thread of MPI sleeps between two looks: an operation goes on only while somebody looks, and
// a thread that waits inside of MPI spins on a core.
const pause = 50 * time.Microsecond

// run is the one goroutine that calls MPI, on a thread of its own.
func (m *mpi) run(started chan<- error) {
	runtime.LockOSThread()
	var rank, size C.int
	err := mpiError("MPI_Init_thread", C.mpi_start(&rank, &size))
	m.number, m.ranks = int(rank), int(size)
	if started <- err; err != nil {
		return
	}
	for {
		select {
		case code := <-m.aborts:
			C.mpi_abort(C.int(code))
		case c := <-m.calls:
			err := m.complete(c.start)
			if err == nil && c.last {
				err = mpiError("MPI_Finalize", C.MPI_Finalize())
			}
			c.done <- err
		}
	}
}

// complete starts an operation and looks after it until it is complete.
func (m *mpi) complete(start func() C.int) error {
	if err := mpiError("start", start()); err != nil {
		return err
	}
	for {
		var done C.int
		if err := mpiError("MPI_Test", C.mpi_test(m.request, &done)); err != nil || done != 0 {
			return err
		}
		select {
		case code := <-m.aborts:
			C.mpi_abort(C.int(code))
		default:
			time.Sleep(pause)
		}
	}
}

func (m *mpi) do(c call) error {
	c.done = make(chan error)
	m.calls <- c
	return <-c.done
}

func mpiError(what string, code C.int) error {
	if code == C.MPI_SUCCESS {
		return nil
	}
	text := (*C.char)(C.malloc(C.MPI_MAX_ERROR_STRING))
	defer C.free(unsafe.Pointer(text))
	var n C.int
	C.MPI_Error_string(code, text, &n)
	return fmt.Errorf("dist: %s: %s", what, C.GoStringN(text, n))
}

func (m *mpi) rank() int { return m.number }
func (m *mpi) size() int { return m.ranks }

func (m *mpi) memory(i, n int) []byte {
	if m.lengths[i] < n || n == 0 && m.buffers[i] == nil {
		C.free(m.buffers[i])
		m.lengths[i] = max(n, 64)
		m.buffers[i] = C.malloc(C.size_t(m.lengths[i]))
	}
	return unsafe.Slice((*byte)(m.buffers[i]), n)
}

// setPlan writes counts and the displacements that follow from them, list after list.
func (m *mpi) setPlan(lists ...[]int) {
	plan := unsafe.Slice(m.plan, 4*m.ranks)
	for _, counts := range lists {
		at := 0
		for i, n := range counts {
			plan[i], plan[m.ranks+i] = C.int(n), C.int(at)
			at += n
		}
		plan = plan[2*m.ranks:]
	}
}

func (m *mpi) exchange(recv, send []byte, recvCounts, sendCounts []int) error {
	m.setPlan(sendCounts, recvCounts)
	return m.do(call{start: func() C.int {
		return C.mpi_exchange(unsafe.Pointer(unsafe.SliceData(send)), m.plan, unsafe.Pointer(unsafe.SliceData(recv)), C.int(m.ranks), m.request)
	}})
}

func (m *mpi) collect(recv, send []byte, counts []int) error {
	m.setPlan(counts)
	return m.do(call{start: func() C.int {
		return C.mpi_collect(unsafe.Pointer(unsafe.SliceData(send)), C.int(len(send)), m.plan, unsafe.Pointer(unsafe.SliceData(recv)), C.int(m.ranks), m.request)
	}})
}

// abort does not return: it ends this process too.
func (m *mpi) abort(code int) {
	m.aborts <- code
	select {}
}

func (m *mpi) close() error {
	return m.do(call{start: func() C.int { return C.mpi_barrier(m.request) }, last: true})
}
