package rundir

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockHandle locks an open file for this process alone, until it is closed or the process ends.
// What is locked lies far beyond its end, so that others can read who has it.
func lockHandle(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return errLocked
	case errors.Is(err, windows.ERROR_NOT_SUPPORTED), errors.Is(err, windows.ERROR_INVALID_FUNCTION):
		return errUnsupported
	}
	return err
}
