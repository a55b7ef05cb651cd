package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/ngram"
	"github.com/elbow-go/elbow/model"
)

// text is characters: a step is one.
var text = kind{
	name: model.FormText, options: []string{"streams"},
	is:   func(p *probe) bool { return p.has(".txt") || p.isText() },
	read: readText, split: splitText, learn: learnText, arrange: arrangeText, write: writeText, ext: ".txt",
	suits: func(*set, model.Form) Suits {
		return Suits{Model: model.ModelRNN, Likelihood: model.Categorical, Truncate: 100}
	},
}

const (
	// leastText is how many characters a text needs to be split: each part some.
	leastText = 100
	// evalChunk is how many characters are scored in one sequence. The state starts anew in
	// each, which costs little over that length.
	evalChunk = 4096
	// unknown stands for characters that are not in the train part. It is always the last
	// symbol, so that it has a probability.
	unknown = '\uFFFD'
)

// characters are those of a text in UTF-8. The place of every block-th is remembered.
type characters struct {
	text   []byte
	n      int
	blocks []int // places; nil if all are of one byte
}

const block = 1024

// newCharacters checks and counts.
func newCharacters(name string, raw []byte) (*characters, error) {
	c := &characters{text: raw}
	at := 0
	for at < len(raw) {
		if c.n%block == 0 {
			c.blocks = append(c.blocks, at)
		}
		size := 1
		if raw[at] >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(raw[at:]); r == utf8.RuneError && size == 1 {
				return nil, fmt.Errorf("%s: byte %d: not UTF-8", name, at)
			}
		}
		at += size
		c.n++
	}
	if c.n == len(raw) {
		c.blocks = nil
	}
	return c, nil
}

// each calls f for n characters beginning at from.
func (c *characters) each(from, n int, f func(i int, r rune)) {
	if c.blocks == nil {
		for i, b := range c.text[from : from+n] {
			f(i, rune(b))
		}
		return
	}
	if n == 0 {
		return
	}
	at := c.blocks[from/block]
	for range from % block {
		_, size := utf8.DecodeRune(c.text[at:])
		at += size
	}
	for i := range n {
		r, size := utf8.DecodeRune(c.text[at:])
		at += size
		f(i, r)
	}
}

// Read implements rows.
func (c *characters) Read(dst []float64, from int) {
	c.each(from, len(dst), func(i int, r rune) { dst[i] = float64(r) })
}

// readText reads a file of UTF-8, or of UTF-16 with a byte order mark, or a folder with one
// for each part.
func readText(r *reader, path string) (*set, error) {
	s := &set{dim: 1}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		all, err := list(path)
		if err != nil {
			return nil, err
		}
		parts, ok := parted(all, ".txt")
		if !ok {
			return nil, fmt.Errorf("%s: want one .txt file for each of train, valid and test, or of train and test", path)
		}
		var others []string
		for _, f := range all {
			if !slices.Contains(parts[:], f) {
				others = append(others, strings.TrimPrefix(f, path+string(filepath.Separator)))
			}
		}
		s.notes = unread(path, others)
		files, s.parts = parts[:], new([3][]int)
	}
	for p, f := range files {
		if f == "" {
			continue
		}
		if s.parts != nil {
			s.parts[p] = []int{len(s.pieces)}
		}
		raw, err := r.budget.Read(f)
		if err != nil {
			return nil, err
		}
		if isUTF32(raw) {
			return nil, fmt.Errorf("%s: a text in UTF-32: save it as UTF-8", f)
		}
		if order := utf16Order(raw); order != nil {
			if raw, err = fromUTF16(f, raw[2:], order, r.budget); err != nil {
				return nil, err
			}
			s.notes = append(s.notes, f+": read as UTF-16")
		}
		if len(raw) >= 3 && string(raw[:3]) == "\uFEFF" {
			raw = raw[3:]
		}
		if head := raw[:min(len(raw), headSize)]; bytes.Count(head, []byte{0}) > len(head)/4 {
			return nil, fmt.Errorf("%s: full of zero bytes, as a text in UTF-16 or UTF-32 without a byte order mark: save it as UTF-8", f)
		}
		c, err := newCharacters(f, raw)
		if err != nil {
			return nil, err
		}
		if c.n == 0 {
			return nil, fmt.Errorf("%s: no characters", f)
		}
		s.pieces = append(s.pieces, piece{name: f, steps: c.n, rows: c})
	}
	return s, nil
}

// isUTF32 reports whether a text begins with the mark of UTF-32, which in one order of bytes
// begins with that of UTF-16.
func isUTF32(raw []byte) bool {
	return bytes.HasPrefix(raw, []byte{0xff, 0xfe, 0, 0}) || bytes.HasPrefix(raw, []byte{0, 0, 0xfe, 0xff})
}

// utf16Order returns the byte order of a text that begins with the mark of UTF-16, or nil.
func utf16Order(raw []byte) binary.ByteOrder {
	switch {
	case len(raw) >= 2 && raw[0] == 0xff && raw[1] == 0xfe:
		return binary.LittleEndian
	case len(raw) >= 2 && raw[0] == 0xfe && raw[1] == 0xff:
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(name string, raw []byte, order binary.ByteOrder, b *infile.Budget) ([]byte, error) {
	if len(raw)%2 != 0 {
		return nil, fmt.Errorf("%s: byte %d: half a character of UTF-16", name, len(raw)+1)
	}
	out := make([]byte, 0, len(raw)/2)
	for i := 0; i < len(raw); i += 2 {
		r := rune(order.Uint16(raw[i:]))
		if utf16.IsSurrogate(r) {
			second := rune(0)
			if i+4 <= len(raw) {
				second = rune(order.Uint16(raw[i+2:]))
			}
			if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
				return nil, fmt.Errorf("%s: byte %d: half a character of UTF-16", name, i+2)
			}
			i += 2
		}
		out = utf8.AppendRune(out, r)
	}
	b.Return(int64(len(raw)))
	return out, b.Take(name, int64(len(out)))
}

// splitText takes 90, 5 and 5 of 100 characters, which follow each other.
func splitText(s *set, _ *model.Form) (parts [3][]span, err error) {
	n := s.pieces[0].steps
	if n < leastText {
		return parts, fmt.Errorf("%d characters, want at least %d to be split into train, valid and test", n, leastText)
	}
	a, b := int(int64(n)*90/100), int(int64(n)*95/100)
	return [3][]span{{{0, 0, a}}, {{0, a, b}}, {{0, b, n}}}, nil
}

// learnText finds the symbols: the characters of the train part in ascending order, then the
// one for all others.
func learnText(s *set, train []span, o Options, f *model.Form) error {
	var ascii [128]bool
	seen := map[rune]bool{}
	for _, at := range train {
		s.pieces[at.piece].rows.(*characters).each(at.from, at.to-at.from, func(_ int, r rune) {
			if r < 128 {
				ascii[r] = true
			} else if r != unknown {
				seen[r] = true
			}
		})
	}
	var symbols []rune
	for r, ok := range ascii {
		if ok {
			symbols = append(symbols, rune(r))
		}
	}
	first := len(symbols)
	for r := range seen {
		symbols = append(symbols, r)
	}
	slices.Sort(symbols[first:])
	symbols = append(symbols, unknown)
	if len(symbols) > 1<<16 {
		return fmt.Errorf("%d different characters, want at most %d", len(symbols), 1<<16)
	}
	f.Symbols, f.Classes, f.Streams = string(symbols), len(symbols), o.Streams
	return nil
}

// arrangeText reads the train part in streams and scores the others in chunks.
func arrangeText(seqs []model.Sequence, part int, f model.Form, dim int) []model.Sequence {
	if part == 0 {
		return beside(seqs, f.Streams, dim)
	}
	var list []model.Sequence
	for _, s := range seqs {
		n := s.Steps(dim)
		list = append(list, beside([]model.Sequence{s}, max((n+evalChunk-1)/evalChunk, 1), dim)...)
	}
	return list
}

// maxNGram is how many characters the five-gram model counts: its tables take some hundred
// bytes for each.
const maxNGram = 1 << 22

// NGram returns the bits per character that a five-gram model of the train part needs for
// the test part, and how many characters it has counted, the last ones if there are more
// than it can. It returns ok false for data that are no text.
func (d *Data) NGram() (bits float64, counted int, ok bool) {
	if d.Form.Kind != model.FormText || d.Whole {
		return 0, 0, false
	}
	symbols := func(seqs []model.Sequence, most int) []uint16 {
		n := 0
		for i := range seqs {
			n += seqs[i].Steps(1)
		}
		skip := max(n-most, 0)
		all := make([]uint16, 0, n-skip)
		var x [4096]float32
		for i := range seqs {
			steps := seqs[i].Steps(1)
			for at := min(skip, steps); at < steps; {
				k := min(len(x), steps-at)
				seqs[i].Read(x[:k], at, 1)
				for _, v := range x[:k] {
					all = append(all, uint16(v))
				}
				at += k
			}
			skip = max(skip-steps, 0)
		}
		return all
	}
	train := symbols(d.Train, maxNGram)
	return ngram.New(train, d.Form.Classes).Bits(symbols(d.Test, maxNGram)), len(train), true
}

func writeText(w *sheet) error {
	if w.form.Symbols == "" {
		return errors.New("no symbols")
	}
	return w.each(func(f io.Writer, x []float32) error {
		_, err := io.WriteString(f, Text(w.form, x)+"\n")
		return err
	})
}
