//go:build !linux

package asmtest

func newFence(n int) *Fence { return plainFence(n) }

func remoteWords(n int) []uint64 { return make([]uint64, n) }
