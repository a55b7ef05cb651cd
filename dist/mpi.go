//go:build mpi

package dist

// #cgo pkg-config: ompi
// #include <mpi.h>
// #include <sched.h>
// #include <stdlib.h>
// #include <unistd.h>
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
// static int mpi_lane(MPI_Comm *lane) { return MPI_Comm_dup(MPI_COMM_WORLD, lane); }
//
// // A message to every other rank, and one from it. Counts and displacements are of bytes.
// static int mpi_messages(MPI_Comm lane, int me, int size, char *send, int *sends, int *sendsAt, char *recv, int *recvs, int *recvsAt, MPI_Request *r) {
// 	int err = MPI_SUCCESS;
// 	for (int i = 1; i < size && err == MPI_SUCCESS; i++) {
// 		int q = (me + size - i) % size;
// 		err = MPI_Irecv(recv + recvsAt[q], recvs[q], MPI_BYTE, q, 0, lane, r++);
// 	}
// 	for (int i = 1; i < size && err == MPI_SUCCESS; i++) {
// 		int q = (me + i) % size;
// 		err = MPI_Isend(send + sendsAt[q], sends[q], MPI_BYTE, q, 0, lane, r++);
// 	}
// 	return err;
// }
// static int mpi_exchange(MPI_Comm lane, void *send, int *plan, void *recv, int me, int size, MPI_Request *r) {
// 	return mpi_messages(lane, me, size, send, plan, plan + size, recv, plan + 2*size, plan + 3*size, r);
// }
// static int mpi_collect(MPI_Comm lane, int *plan, char *all, int me, int size, MPI_Request *r) {
// 	for (int q = 0; q < size; q++) {
// 		plan[2*size + q] = plan[me];
// 		plan[3*size + q] = plan[size + me];
// 	}
// 	return mpi_messages(lane, me, size, all, plan + 2*size, plan + 3*size, all, plan, plan + size, r);
// }
// // Every look has operations go on by a little.
// static int mpi_test(int size, int looks, MPI_Request *r, int *done) {
// 	int err = MPI_SUCCESS;
// 	for (*done = 0; looks > 0 && !*done && err == MPI_SUCCESS; looks--)
// 		err = MPI_Testall(2*(size - 1), r, done, MPI_STATUSES_IGNORE);
// 	return err;
// }
// static void mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"unsafe"
)

// Start joins the group of processes that mpirun, or srun, has started; without one it returns nil. It
// needs the build tag mpi: without it, a process that was started so gets an error.
func Start() (*Comm, error) {
	if !launched() {
		return nil, nil
	}
	m := &mpi{finalize: make(chan chan<- error)}
	started := make(chan error)
	go m.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return newComm(m), nil
}

// mpi is the transport of a process. Whoever waits for an operation has it go on, one goroutine at a time: MPI
// does nothing by itself, and a thread for it alone would have everything handed over and back.
type mpi struct {
	mu            sync.Mutex // of who calls MPI
	number, ranks int
	lanes         [lanes]mpiLane
	finalize      chan chan<- error
}

// mpiLane is a lane of a process, with a communicator of its own. What MPI reads or writes after a call has
// returned is in C memory, buffers and requests, or pinned for as long.
type mpiLane struct {
	*mpi
	comm     C.MPI_Comm
	buffers  [buffers]unsafe.Pointer
	lengths  [buffers]int
	plan     *C.int         // counts and displacements
	requests *C.MPI_Request // two for every other rank
	pinned   runtime.Pinner
}

// run begins MPI and ends it, on one thread, as it asks for.
func (m *mpi) run(started chan<- error) {
	runtime.LockOSThread()
	err := m.init()
	if started <- err; err != nil {
		return
	}
	ended := <-m.finalize
	m.mu.Lock()
	defer m.mu.Unlock()
	ended <- mpiError("MPI_Finalize", C.MPI_Finalize())
}

// init joins the group and opens the lanes.
func (m *mpi) init() error {
	var rank, size C.int
	if err := mpiError("MPI_Init_thread", C.mpi_start(&rank, &size)); err != nil {
		return err
	}
	m.number, m.ranks = int(rank), int(size)
	for i := range m.lanes {
		l := &m.lanes[i]
		l.mpi = m
		if err := mpiError("MPI_Comm_dup", C.mpi_lane(&l.comm)); err != nil {
			return err
		}
		l.plan = (*C.int)(C.malloc(C.size_t(4*m.ranks) * C.size_t(unsafe.Sizeof(C.int(0)))))
		l.requests = (*C.MPI_Request)(C.malloc(C.size_t(2*m.ranks) * C.size_t(unsafe.Sizeof(C.MPI_Request(nil)))))
	}
	return nil
}

// pin keeps memory, which may be Go's, where it is, until the operation is complete.
func (l *mpiLane) pin(memory []byte) unsafe.Pointer {
	p := unsafe.SliceData(memory)
	if len(memory) > 0 {
		l.pinned.Pin(p)
	}
	return unsafe.Pointer(p)
}

func (l *mpiLane) done(looks int) (bool, error) {
	var done C.int
	l.mu.Lock()
	err := mpiError("MPI_Testall", C.mpi_test(C.int(l.ranks), C.int(looks), l.requests, &done))
	l.mu.Unlock()
	if err == nil && done != 0 {
		l.pinned.Unpin()
	}
	return done != 0, err
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

func (m *mpi) rank() int       { return m.number }
func (m *mpi) size() int       { return m.ranks }
func (m *mpi) lane(i int) lane { return &m.lanes[i] }
func (m *mpi) yield()          { C.sched_yield() }
func (m *mpi) pause()          { C.usleep(50) } // time.Sleep takes a millisecond when nobody else is awake

func (l *mpiLane) memory(i, n int) []byte {
	if l.lengths[i] < n || n == 0 && l.buffers[i] == nil {
		C.free(l.buffers[i])
		l.lengths[i] = max(n, 64)
		l.buffers[i] = C.malloc(C.size_t(l.lengths[i]))
	}
	return unsafe.Slice((*byte)(l.buffers[i]), n)
}

// setPlan writes counts and the displacements that follow from them, list after list. MPI counts in 32 bits.
func (l *mpiLane) setPlan(lists ...[]int) error {
	plan := unsafe.Slice(l.plan, 4*l.ranks)
	for _, counts := range lists {
		at := 0
		for i, n := range counts {
			plan[i], plan[l.ranks+i] = C.int(n), C.int(at)
			if at += n; at > math.MaxInt32 {
				return fmt.Errorf("dist: %d bytes or more in one operation, MPI takes %d at most", at, math.MaxInt32)
			}
		}
		plan = plan[2*l.ranks:]
	}
	return nil
}

func (l *mpiLane) exchange(recv, send []byte, recvCounts, sendCounts []int) error {
	if err := l.setPlan(sendCounts, recvCounts); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return mpiError("exchange", C.mpi_exchange(l.comm, l.pin(send), l.plan, l.pin(recv), C.int(l.number), C.int(l.ranks), l.requests))
}

func (l *mpiLane) collect(all []byte, counts []int) error {
	if err := l.setPlan(counts); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return mpiError("collect", C.mpi_collect(l.comm, l.plan, (*C.char)(l.pin(all)), C.int(l.number), C.int(l.ranks), l.requests))
}

// abort does not return: it ends this process too.
func (m *mpi) abort(code int) {
	m.mu.Lock()
	C.mpi_abort(C.int(code))
	select {}
}

func (m *mpi) close() error {
	ended := make(chan error)
	m.finalize <- ended
	return <-ended
}
