//go:build purego || !amd64

package asm

func detect() []ISA { return []ISA{Generic} }
