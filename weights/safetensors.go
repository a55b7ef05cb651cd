package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/elbow-go/elbow/internal/array"
)

// A file of safetensors is the length of its header, eight bytes little-endian, the header, a JSON object,
// and the elements of all tensors without gaps:
//
//	{"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [from, to]}, ...}
//
// github.com/nlpodyssey/safetensors reads it too, but through maps of any, which take 15 times the memory
// of a header that is made to.

const (
	metadataKey = "__metadata__"
	maxRank     = 32
	maxMeta     = 1 << 12 // entries of the metadata
)

func isSafetensors(raw []byte) bool {
	return len(raw) > 8 && raw[8] == '{' && binary.LittleEndian.Uint64(raw) <= uint64(len(raw)-8)
}

func readSafetensors(f *File, raw []byte) error {
	n := binary.LittleEndian.Uint64(raw)
	s := &headerScanner{text: raw[8 : 8+n]}
	data := raw[8+n:]
	type span struct {
		from, to uint64
		name     string
	}
	var spans []span
	f.Meta = map[string]string{}
	err := s.object(func(name string) error {
		if name == metadataKey {
			return s.metadata(f.Meta)
		}
		if len(spans) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		t := &Tensor{Name: name}
		from, to, err := s.tensor(t)
		if err != nil {
			return fmt.Errorf("tensor %.60q: %w", name, err)
		}
		if to > uint64(len(data)) || from > to {
			return fmt.Errorf("tensor %.60q: bytes %d to %d of %d", name, from, to, len(data))
		}
		if count, ok := array.Count(t.Shape, int(to-from)/t.DType.Width()); !ok || uint64(count*t.DType.Width()) != to-from {
			return fmt.Errorf("tensor %.60q: %d bytes, which is not shape %v of %s", name, to-from, t.Shape, t.DType)
		}
		t.bytes = f.file.slice(data[from:to:to])
		spans = append(spans, span{from, to, name})
		f.Tensors = append(f.Tensors, t)
		return nil
	})
	if err == nil && len(bytes.TrimRight(s.text[s.at:], " ")) > 0 {
		err = s.want("the end")
	}
	if err == nil {
		err = f.checkNames()
	}
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	at := uint64(0)
	for _, s := range spans {
		if s.from != at {
			return fmt.Errorf("header: tensor %.60q: begins at byte %d, want %d, where the one before it ends", s.name, s.from, at)
		}
		at = s.to
	}
	if at != uint64(len(data)) {
		return fmt.Errorf("header: the tensors end at byte %d, want %d, the end of the file", at, len(data))
	}
	return nil
}

// headerScanner reads the header, a JSON text of which only what the format allows is read.
type headerScanner struct {
	text []byte
	at   int
}

func (s *headerScanner) want(what string) error {
	return fmt.Errorf("byte %d: want %s, got %.20q", 8+s.at, what, s.text[s.at:])
}

// next skips blanks and reports whether c follows, which it skips too.
func (s *headerScanner) next(c byte) bool {
	for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n"), s.text[s.at]) >= 0 {
		s.at++
	}
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// list reads begin, items separated by commas, and end.
func (s *headerScanner) list(begin, end byte, item func() error) error {
	if !s.next(begin) {
		return s.want(string(begin))
	}
	if s.next(end) {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.next(end) {
			return nil
		}
		if !s.next(',') {
			return s.want("a comma or " + string(end))
		}
	}
}

// object reads an object whose values value reads.
func (s *headerScanner) object(value func(key string) error) error {
	return s.list('{', '}', func() error {
		key, err := s.string()
		if err != nil {
			return err
		}
		if !s.next(':') {
			return s.want("a colon")
		}
		return value(key)
	})
}

func (s *headerScanner) string() (string, error) {
	if !s.next('"') {
		return "", s.want("a string")
	}
	from, plain := s.at, true
	for ; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
		if c := s.text[s.at]; c == '\\' || c < ' ' || c >= 0x80 {
			plain = false
			if c == '\\' {
				s.at++
			}
		}
	}
	if s.at >= len(s.text) {
		return "", errors.New("the header ends in a string")
	}
	s.at++
	if plain {
		return string(s.text[from : s.at-1]), nil
	}
	var text string
	if err := json.Unmarshal(s.text[from-1:s.at], &text); err != nil {
		return "", fmt.Errorf("byte %d: %w", 8+from, err)
	}
	return text, nil
}

func (s *headerScanner) number() (uint64, error) {
	s.next(0) // blanks
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	n, err := strconv.ParseUint(string(s.text[from:min(s.at, from+20)]), 10, 63)
	if err != nil || s.at-from > 19 {
		s.at = from
		return 0, s.want("a size")
	}
	return n, nil
}

func (s *headerScanner) metadata(meta map[string]string) error {
	return s.object(func(key string) (err error) {
		if len(meta) == maxMeta {
			return fmt.Errorf("%s: more than %d entries", metadataKey, maxMeta)
		}
		meta[key], err = s.string()
		return err
	})
}

// tensor reads what is said of a tensor.
func (s *headerScanner) tensor(t *Tensor) (from, to uint64, err error) {
	t.Shape = []int{}
	var offsets []uint64
	seen := map[string]bool{}
	err = s.object(func(key string) error {
		if seen[key] {
			return fmt.Errorf("key %.20q twice", key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			name, err := s.string()
			if t.DType = DType(name); err == nil && t.DType.Width() == 0 {
				return fmt.Errorf("unknown type %.20q", name)
			}
			return err
		case "shape":
			return s.list('[', ']', func() error {
				n, err := s.number()
				if t.Shape = append(t.Shape, int(n)); len(t.Shape) > maxRank {
					return fmt.Errorf("more than %d dimensions", maxRank)
				}
				return err
			})
		case "data_offsets":
			return s.list('[', ']', func() error {
				n, err := s.number()
				if offsets = append(offsets, n); len(offsets) > 2 {
					return errors.New("more than two data_offsets")
				}
				return err
			})
		}
		return fmt.Errorf("unknown key %.20q", key)
	})
	if err == nil && (len(seen) < 3 || len(offsets) < 2) {
		err = errors.New("want dtype, shape and two data_offsets")
	}
	if err != nil {
		return 0, 0, err
	}
	return offsets[0], offsets[1], nil
}

// WriteSafetensors writes the tensors and the metadata of f to w. Those of wider types come first, then
// by name. The elements of a tensor from Of are made when they are written, one tensor at a time.
func WriteSafetensors(w io.Writer, f *File) error {
	if err := f.checkNames(); err != nil {
		return err
	}
	ts := slices.Clone(f.Tensors)
	slices.SortFunc(ts, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.order(), a.DType.order()), cmp.Compare(a.Name, b.Name))
	})
	type info struct {
		DType   DType  `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := make(map[string]any, len(ts)+1)
	if len(f.Meta) > 0 {
		header[metadataKey] = f.Meta
	}
	at := 0
	for _, t := range ts {
		if t.Name == metadataKey || t.DType.Width() == 0 {
			return fmt.Errorf("a tensor %.60q of type %s: safetensors has none", t.Name, t.DType)
		}
		to := at + t.Len()*t.DType.Width()
		header[t.Name] = info{t.DType, append([]int{}, t.Shape...), [2]int{at, to}}
		at = to
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, t := range ts {
		if _, err := w.Write(t.bytes()); err != nil {
			return err
		}
	}
	return nil
}
