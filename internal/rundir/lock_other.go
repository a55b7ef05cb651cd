//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package rundir

import "os"

// lockHandle has no lock that would end with the process.
func lockHandle(*os.File) error { return errUnsupported }
