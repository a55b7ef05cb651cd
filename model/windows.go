package model

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// Windows returns d with every sequence cut into windows of length steps, one beginning
// every hop steps: overlapping by half when hop is length/2, next to each other when it is
// length. What is left at the end of a sequence and does not fill a window is left out; a
// sequence shorter than a window is one window by itself.
//
// The windows are named PIECE@FIRST after the sequence and their first step in it, see
// [Piece]. They share the memory of d. It panics if length or hop is below 1.
func Windows(d *Data, length, hop int) *Data {
	if length < 1 || hop < 1 {
		panic(fmt.Sprintf("model: Windows: length = %d, hop = %d, want at least 1", length, hop))
	}
	checkThere("Windows", "d", d != nil)
	checkSize("Windows", "d.Dim", d.Dim, 1, maxSize)
	w := *d
	w.Name = fmt.Sprintf("%s, windows of %d every %d", d.Name, length, hop)
	w.Hash = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s windows %d %d", d.Hash, length, hop)))
	w.Form.Window, w.Form.Hop = length, hop
	w.Train, w.Valid, w.Test = windows(d.Train, d.Dim, length, hop), windows(d.Valid, d.Dim, length, hop), windows(d.Test, d.Dim, length, hop)
	return &w
}

func windows(seqs []Sequence, dim, length, hop int) []Sequence {
	var list []Sequence
	for _, s := range seqs {
		steps := s.Steps(dim)
		for from := 0; from == 0 || length <= steps-from; from += hop {
			w := s.Slice(from, from+min(length, steps-from), dim)
			w.Name = fmt.Sprintf("%s@%d", s.Name, from)
			list = append(list, w)
			if hop > steps-from {
				break // from + hop may be more than an int holds
			}
		}
	}
	return list
}

// Piece splits the name of a window into that of the sequence it was cut from and its
// first step there. A name that is not that of a window is a whole piece.
func Piece(name string) (piece string, first int) {
	if i := strings.LastIndexByte(name, '@'); i >= 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil && n >= 0 {
			return name[:i], n
		}
	}
	return name, 0
}
