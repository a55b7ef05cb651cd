package dist

import "os"

// launchers are variables that launchers of MPI set: Open MPI's mpirun, and srun with PMIx or PMI.
var launchers = []string{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}

// launched reports whether a launcher of MPI has started this process.
func launched() bool {
	for _, name := range launchers {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
