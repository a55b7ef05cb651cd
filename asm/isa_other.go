//go:build purego || !(amd64 || arm64)

package asm

func detect() []ISA { return []ISA{Generic} }

func detectDot() ISA { return Generic }
