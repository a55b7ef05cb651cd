//go:build !linux

package memory

func available() (uint64, bool) { return 0, false }
