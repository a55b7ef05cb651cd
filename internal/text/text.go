// Package text reads plain text as a sequence of characters, and measures how well it can
// be predicted without a network.
package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	maxFile = 1 << 28 // bytes
	least   = 100     // characters; each part needs some
)

// Unknown stands for characters that are not in the train part. It is always the last
// symbol, so that it has a probability.
const Unknown = '\uFFFD'

// Corpus is a text in three parts that follow each other: 90, 5 and 5 of 100 characters.
// The parts hold indices into Symbols.
type Corpus struct {
	Name               string
	Symbols            []rune // those of the train part, ascending, then Unknown
	Train, Valid, Test []uint16
}

// Read reads a file of UTF-8. Errors name the file and the byte.
func Read(path string) (*Corpus, error) {
	raw, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(raw))
}

// Parse is Read for a text that is in memory. A byte order mark is left out.
func Parse(name, text string) (*Corpus, error) {
	text = strings.TrimPrefix(text, "\uFEFF")
	if !utf8.ValidString(text) {
		at := 0
		for at < len(text) {
			if r, n := utf8.DecodeRuneInString(text[at:]); r == utf8.RuneError && n == 1 {
				break
			} else {
				at += n
			}
		}
		return nil, fmt.Errorf("%s: byte %d: not UTF-8", name, at)
	}
	runes := []rune(text)
	if len(runes) < least {
		return nil, fmt.Errorf("%s: %d characters, want at least %d", name, len(runes), least)
	}
	a, b := len(runes)*90/100, len(runes)*95/100
	c := &Corpus{Name: name}
	index := map[rune]uint16{}
	for _, r := range runes[:a] {
		if _, ok := index[r]; !ok && r != Unknown {
			index[r] = 0
			c.Symbols = append(c.Symbols, r)
		}
	}
	slices.Sort(c.Symbols)
	c.Symbols = append(c.Symbols, Unknown)
	if len(c.Symbols) > 1<<16 {
		return nil, fmt.Errorf("%s: %d different characters, want at most %d", name, len(c.Symbols), 1<<16)
	}
	for i, r := range c.Symbols {
		index[r] = uint16(i)
	}
	encode := func(part []rune) []uint16 {
		out := make([]uint16, len(part))
		for i, r := range part {
			k, ok := index[r]
			if !ok {
				k = index[Unknown]
			}
			out[i] = k
		}
		return out
	}
	c.Train, c.Valid, c.Test = encode(runes[:a]), encode(runes[a:b]), encode(runes[b:])
	return c, nil
}

// Decode returns the text of indices into symbols; those that are none become Unknown.
func Decode[T uint16 | int | float32](x []T, symbols []rune) string {
	var b strings.Builder
	for _, v := range x {
		r := Unknown
		if v >= 0 && float64(v) < float64(len(symbols)) {
			r = symbols[int(v)]
		}
		b.WriteRune(r)
	}
	return b.String()
}
