package main

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// An instruction is a word of machine code and the place it was written at, file:line.
type instruction struct {
	word uint32
	line string
}

// parse reads what go tool objdump prints for one function: place, address, word, text. The
// word is what counts, as the text is not the same in every version of Go.
func parse(r io.Reader) ([]instruction, error) {
	var code []instruction
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			return code, lines.Err()
		}
		f := strings.Fields(lines.Text())
		if len(f) < 3 || !strings.HasPrefix(f[1], "0x") {
			continue
		}
		word, err := strconv.ParseUint(f[2], 16, 32)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		code = append(code, instruction{uint32(word), f[0]})
	}
}

// A loop is what was counted in one.
type loop struct {
	line   string // of the first instruction
	label  string // before it
	at     int    // its place in the code
	size   int    // instructions
	fmla   int    // fused multiply-adds of vectors
	chains int    // registers they add to
	stored int    // vectors stored outside the stack
	stack  int    // loads and stores on the stack
}

// loops returns the innermost loops, in order.
func loops(code []instruction) []loop {
	var all []loop
	last := -1 // the jump back before this one
	for i, in := range code {
		distance, ok := jump(in.word)
		if !ok || distance > 0 || i+distance < 0 {
			continue
		}
		// A loop around the one before holds its jump.
		if i+distance > last {
			all = append(all, measure(code, i+distance, i+1))
		}
		last = i
	}
	return all
}

func measure(code []instruction, from, to int) loop {
	l := loop{line: code[from].line, at: from, size: to - from}
	var chains uint32
	for _, in := range code[from:to] {
		if fmla(in.word) {
			l.fmla++
			chains |= 1 << (in.word & 31)
		}
		if onStack(in.word) {
			l.stack++
		} else {
			l.stored += stored(in.word)
		}
	}
	l.chains = bits.OnesCount32(chains)
	return l
}

// edges returns the last straight piece of code before a loop that only loads all of its chains,
// and the first one behind it that stores them.
func edges(code []instruction, l loop) (start, end []instruction) {
	from := 0
	for i, in := range code {
		if _, ok := jump(in.word); !ok {
			continue
		}
		piece := code[from:i]
		if i < l.at && vectors(piece, loaded) >= l.chains && !slices.ContainsFunc(piece, func(in instruction) bool { return fmla(in.word) }) {
			start = piece
		}
		if from >= l.at+l.size && end == nil && vectors(piece, stored) >= l.chains {
			end = piece
		}
		from = i + 1
	}
	return start, end
}

// vectors is the sum of what count says of each instruction.
func vectors(code []instruction, count func(word uint32) int) int {
	n := 0
	for _, in := range code {
		n += count(in.word)
	}
	return n
}

// The forms of instructions below are those of the Arm Architecture Reference Manual,
// section C4.1.

// jump returns how many instructions a jump goes on, less than 0 for back.
func jump(w uint32) (distance int, ok bool) {
	field := func(low, n int) int { return int(int32(w<<(32-low-n)) >> (32 - n)) }
	switch {
	case w&0x7c000000 == 0x14000000 && w>>31 == 0: // B
		return field(0, 26), true
	case w&0xff000010 == 0x54000000: // B.cond
		return field(5, 19), true
	case w&0x7e000000 == 0x34000000: // CBZ, CBNZ
		return field(5, 19), true
	case w&0x7e000000 == 0x36000000: // TBZ, TBNZ
		return field(5, 14), true
	}
	return 0, false
}

// fmla is whether w is FMLA or FMLS of float32 vectors, by vector or by element.
func fmla(w uint32) bool {
	return w&0xff60fc00 == 0x4e20cc00 || w&0xffc0b400 == 0x4f801000
}

// onStack is whether w loads or stores relative to RSP.
func onStack(w uint32) bool {
	access := w>>27&1 == 1 && w>>25&1 == 0
	literal := w&0x3b000000 == 0x18000000
	return access && !literal && w>>5&31 == 31
}

// loaded is the number of vectors that LDR or LDP of whole ones loads.
func loaded(w uint32) int {
	switch {
	case w&0xfe400000 == 0xac400000:
		return 2
	case w&0xffc00000 == 0x3dc00000, w&0xffe00c00 == 0x3ce00800, w&0xffe00000 == 0x3cc00000:
		return 1
	}
	return 0
}

// stored is the number of vectors that STR or STP of whole ones stores.
func stored(w uint32) int {
	switch {
	case w&0xfe400000 == 0xac000000:
		return 2
	case w&0xffc00000 == 0x3d800000, w&0xffe00000 == 0x3c800000:
		return 1
	}
	return 0
}
