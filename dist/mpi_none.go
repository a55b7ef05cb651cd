//go:build !mpi

package dist

import "errors"

// Start joins the group of processes that mpirun, or srun, has started; without one it returns nil. It
// needs the build tag mpi: without it, a process that was started so gets an error.
func Start() (*Comm, error) {
	if launched() {
		return nil, errors.New("dist: started by mpirun, but built without MPI: build with go build -tags mpi (Debian: libopenmpi-dev, openmpi-bin, pkg-config, gcc)")
	}
	return nil, nil
}
