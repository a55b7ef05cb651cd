//go:build mpi

package dist

// #cgo pkg-config: ompi
// #include <mpi.h>
// #include <sched.h>
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
// static int mpi_lane(MPI_Comm *lane) { return MPI_Comm_dup(MPI_COMM_WORLD, lane); }
// static int mpi_exchange(MPI_Comm lane, void *send, int *plan, void *recv, int size, MPI_Request *r) {
// 	return MPI_Ialltoallv(send, plan, plan + size, MPI_BYTE, recv, plan + 2*size, plan + 3*size, MPI_BYTE, lane, r);
// }
// static int mpi_collect(MPI_Comm lane, int *plan, void *all, int size, MPI_Request *r) {
// 	return MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, all, plan, plan + size, MPI_BYTE, lane, r);
// }
// static int mpi_barrier(MPI_Comm lane, MPI_Request *r) { return MPI_Ibarrier(lane, r); }
// static int mpi_test(MPI_Request *r, int *done) { return MPI_Test(r, done, MPI_STATUS_IGNORE); }
// static void mpi_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"
)

// Start joins the group of processes that mpirun, or srun, has started; without one it returns nil. It
// needs the build tag mpi: without it, a process that was started so gets an error.
func Start() (*Comm, error) {
	if !launched() {
		return nil, nil
	}
	m := &mpi{calls: make(chan *call), aborts: make(chan int)}
	started := make(chan error)
	go m.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return newComm(m), nil
}

// mpi is the transport of a process.
type mpi struct {
	number, ranks int
	lanes         [lanes]mpiLane
	calls         chan *call
	aborts        chan int
	waiting       atomic.Int32 // how many are in a hurry
}

// mpiLane is a lane of a process, with a communicator of its own. What MPI reads or writes after a call has
// returned is in C memory, buffers, counts, displacements and the request, or pinned for as long.
type mpiLane struct {
	*mpi
	comm    C.MPI_Comm
	buffers [buffers]unsafe.Pointer
	lengths [buffers]int
	plan    *C.int // counts and displacements
	request *C.MPI_Request
}

// call is an operation of a lane.
type call struct {
	begin   func() C.int
	request *C.MPI_Request
	done    chan error
	last    bool // then finalise
}

// pause is how long the thread of MPI sleeps between two looks: operations go on only while somebody looks, and
// a thread that waits inside of MPI spins on a core. Through shared memory many operations are done before that is
// worth it: it looks without a pause for as long as eager says after one has begun or is done, and for as long as
// idle says if nobody has anything else to do.
const (
	pause = 50 * time.Microsecond
	eager = 20 * time.Microsecond
	idle  = 10 * time.Millisecond
)

// run is the one goroutine that calls MPI, on a thread of its own.
func (m *mpi) run(started chan<- error) {
	runtime.LockOSThread()
	err := m.init()
	if started <- err; err != nil {
		return
	}
	var under []*call // way
	var since time.Time
	for {
		if len(under) == 0 && m.waiting.Load() == 0 {
			select {
			case code := <-m.aborts:
				C.mpi_abort(C.int(code))
			case c := <-m.calls:
				under, since = m.begin(under, c), time.Now()
			}
		}
		select {
		case code := <-m.aborts:
			C.mpi_abort(C.int(code))
		case c := <-m.calls:
			under, since = m.begin(under, c), time.Now()
		default:
			m.rest(time.Since(since))
		}
		if n := len(under); n > 0 {
			if under = slices.DeleteFunc(under, (*call).complete); len(under) < n {
				since = time.Now()
			}
		}
	}
}

// rest leaves the core to others when nothing has happened for so long.
func (m *mpi) rest(since time.Duration) {
	switch hurry := m.waiting.Load() > 0; {
	case since > idle || !hurry && since > eager:
		time.Sleep(pause)
	case hurry:
		C.sched_yield() // ranks may share cores
	}
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
		l.request = (*C.MPI_Request)(C.malloc(C.size_t(unsafe.Sizeof(C.MPI_Request(nil)))))
	}
	return nil
}

// begin begins an operation and returns those that are under way with it.
func (m *mpi) begin(under []*call, c *call) []*call {
	if err := mpiError("start", c.begin()); err != nil {
		c.done <- err
		return under
	}
	return append(under, c)
}

// complete tells the caller if the operation is complete and reports whether it is.
func (c *call) complete() bool {
	var done C.int
	err := mpiError("MPI_Test", C.mpi_test(c.request, &done))
	if err == nil && done == 0 {
		return false
	}
	if err == nil && c.last {
		err = mpiError("MPI_Finalize", C.MPI_Finalize())
	}
	c.done <- err
	return true
}

// do begins an operation of the lane and returns when it is complete. The memory that it uses may be Go's.
func (l *mpiLane) do(last bool, begin func() C.int, memory ...[]byte) error {
	var pinned runtime.Pinner
	defer pinned.Unpin()
	for _, b := range memory {
		if len(b) > 0 {
			pinned.Pin(unsafe.SliceData(b))
		}
	}
	c := &call{begin: begin, request: l.request, done: make(chan error, 1), last: last}
	l.calls <- c
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

func (m *mpi) rank() int       { return m.number }
func (m *mpi) size() int       { return m.ranks }
func (m *mpi) lane(i int) lane { return &m.lanes[i] }
func (m *mpi) hurry(by int32)  { m.waiting.Add(by) }

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
	unsafe.Slice(l.plan, 4*l.ranks)[l.number] = 0 // it keeps its own
	return l.do(false, func() C.int {
		return C.mpi_exchange(l.comm, unsafe.Pointer(unsafe.SliceData(send)), l.plan, unsafe.Pointer(unsafe.SliceData(recv)), C.int(l.ranks), l.request)
	}, send, recv)
}

func (l *mpiLane) collect(all []byte, counts []int) error {
	if err := l.setPlan(counts); err != nil {
		return err
	}
	return l.do(false, func() C.int {
		return C.mpi_collect(l.comm, l.plan, unsafe.Pointer(unsafe.SliceData(all)), C.int(l.ranks), l.request)
	}, all)
}

// abort does not return: it ends this process too.
func (m *mpi) abort(code int) {
	m.aborts <- code
	select {}
}

func (m *mpi) close() error {
	l := &m.lanes[gatherLane]
	return l.do(true, func() C.int { return C.mpi_barrier(l.comm, l.request) })
}
