package asm

// The machine code is written by asm/_gen, a module of its own; its output is checked in.
//go:generate go run -C _gen .
