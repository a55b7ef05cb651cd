//go:build !linux

package infile

import (
	"errors"
	"os"
)

// mapFile is an error: files are read.
func mapFile(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

// Release does nothing: no files are mapped.
func Release() error { return nil }
