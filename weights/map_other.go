//go:build !unix

package weights

import "os"

// mapFile has no file mapped here.
func mapFile(*os.File, int64) (raw []byte, unmap func() error) { return nil, nil }
