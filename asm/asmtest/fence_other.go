//go:build !linux

package asmtest

func newFence(n int) *Fence { return plainFence(n) }
