package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/npy"
)

// zip reads the arrays of a .npz file: those of the parts under any of their usual names,
// such as train, x_train or X_val, or one array of data. Lengths or a mask beside an array say
// which steps count: train_lengths, lengths_train, lengths, train_mask and so on. A mask also says
// what is missing in them. What is not read is named in a note.
func (s *numbers) zip(path string) error {
	arrays, skipped, err := npy.ReadZip(path, s.reader.budget)
	if err != nil {
		return err
	}
	s.notes = append(s.notes, skipped...)
	z := zipped{path: path, unread: slices.Clone(arrays)}
	var data [3]*npy.Array
	for p := range data {
		if data[p], err = z.take(func(words []string) bool {
			return len(words) > 0 && partOf(strings.Join(words, " ")) == p && isData(words)
		}); err != nil {
			return err
		}
	}
	switch {
	case data[1] == nil && data[2] == nil:
		return s.single(&z, data[0])
	case data[0] == nil || data[2] == nil:
		return fmt.Errorf("%s: arrays %s, want those of train, valid and test, of train and test, or one array", path, names(arrays))
	}
	s.parts = new([3][]int)
	for p, a := range data {
		if a == nil {
			continue
		}
		if err := s.zipPart(&z, a, p); err != nil {
			return err
		}
	}
	if err := z.complete(); err != nil {
		return err
	}
	s.notes = append(s.notes, z.rest()...)
	return nil
}

// complete reports lengths or a mask of which no array was found, or that only some of the
// arrays have: padding would be taken for data.
func (z *zipped) complete() error {
	for _, a := range z.unread {
		if words := wordsOf(a.Name); slices.ContainsFunc(words, isLength) || slices.ContainsFunc(words, isMask) {
			return fmt.Errorf("%s: cannot tell whose %.40q are; call them as the data, such as train_lengths", z.path, a.Name)
		}
	}
	if z.padded != "" && len(z.whole) > 0 {
		return fmt.Errorf("%s: %.40q has lengths or a mask, %.40q has neither: its padding would be taken for data", z.path, z.padded, z.whole[0])
	}
	return nil
}

// single reads the one array of data of a file: a, if not nil, or the only one, or the one
// called x or data.
func (s *numbers) single(z *zipped, a *npy.Array) (err error) {
	if a == nil {
		if a, err = z.take(isData); err != nil {
			return err
		}
	}
	if a == nil && len(z.unread) == 1 {
		a, z.unread = z.unread[0], nil
	}
	if a == nil {
		return fmt.Errorf("%s: arrays %s: cannot tell which are the data; call them train, valid and test, or one x", z.path, names(z.unread))
	}
	if err := s.zipPart(z, a, -1); err != nil {
		return err
	}
	if err := z.complete(); err != nil {
		return err
	}
	s.notes = append(s.notes, z.rest()...)
	return nil
}

// zipPart reads the array of a part, or of all, with its lengths.
func (s *numbers) zipPart(z *zipped, a *npy.Array, part int) error {
	name := z.path + ": " + a.Name
	lengths, mask, err := z.lengths(a, part)
	if err != nil {
		return err
	}
	at, err := s.array(name, a, lengths, mask)
	if err != nil {
		return err
	}
	if part >= 0 {
		s.parts[part] = at
	}
	return nil
}

// zipped is a .npz file whose arrays are taken one by one.
type zipped struct {
	path   string
	unread []*npy.Array
	padded string   // an array that has lengths or a mask
	whole  []string // those that have neither
}

// take returns the array whose name is what is looked for, nil if there is none. More than
// one is an error.
func (z *zipped) take(is func(words []string) bool) (*npy.Array, error) {
	found := -1
	for i, a := range z.unread {
		if !is(wordsOf(a.Name)) {
			continue
		}
		if found >= 0 {
			return nil, fmt.Errorf("%s: both %q and %q could be the data of one part", z.path, z.unread[found].Name, a.Name)
		}
		found = i
	}
	if found < 0 {
		return nil, nil
	}
	a := z.unread[found]
	z.unread = slices.Delete(z.unread, found, found+1)
	return a, nil
}

// lengths returns how many steps of the sequences of an array count, nil for all, and the mask of
// what is missing among them, nil if nothing is.
func (z *zipped) lengths(a *npy.Array, part int) ([]int, *npy.Array, error) {
	of := func(words []string, what func(string) bool) bool {
		p := partOf(strings.Join(words, " "))
		return slices.ContainsFunc(words, what) && (p == part || p < 0 && part < 0)
	}
	l, err := z.take(func(words []string) bool { return of(words, isLength) })
	if err != nil {
		return nil, nil, err
	}
	mask, err := z.take(func(words []string) bool { return of(words, isMask) })
	if err != nil {
		return nil, nil, err
	}
	if l == nil && mask == nil {
		z.whole = append(z.whole, a.Name)
		return nil, nil, nil
	}
	if len(a.Shape) == 2 && l == nil && slices.Equal(mask.Shape, a.Shape) {
		return nil, mask, z.bits(mask)
	}
	z.padded = a.Name
	if len(a.Shape) != 3 {
		return nil, nil, fmt.Errorf("%s: %q has shape %v: lengths are for [sequences, steps, dimensions], and so are masks of another shape than the data", z.path, a.Name, a.Shape)
	}
	var out []int
	if l != nil {
		if out, err = z.counts(l, a); err != nil {
			return nil, nil, err
		}
	}
	if mask == nil {
		return out, nil, nil
	}
	ends, holes, err := z.ends(mask, a)
	if err != nil {
		return nil, nil, err
	}
	if !holes {
		mask = nil
	}
	for i, n := range out {
		if n < ends[i] || n > ends[i] && mask == nil {
			return nil, nil, fmt.Errorf("%s: %q and its mask disagree", z.path, l.Name)
		}
	}
	if out == nil {
		out = ends
	}
	return out, mask, nil
}

// bits reports an element of a mask that is neither 0 nor 1.
func (z *zipped) bits(mask *npy.Array) error {
	var v [1]float64
	for i := range mask.Len() {
		if mask.Read(v[:], i); v[0] != 0 && v[0] != 1 {
			return fmt.Errorf("%s: mask %q: element %d: %v, want 0 or 1", z.path, mask.Name, i, v[0])
		}
	}
	return nil
}

// counts reads an array of lengths.
func (z *zipped) counts(l, a *npy.Array) ([]int, error) {
	n := a.Shape[0]
	if l.Len() != n {
		return nil, fmt.Errorf("%s: %q has %d lengths for the %d sequences of %q", z.path, l.Name, l.Len(), n, a.Name)
	}
	v, out := make([]float64, n), make([]int, n)
	l.Read(v, 0)
	for i, v := range v {
		if !(v >= 0 && v <= float64(a.Shape[1]) && v == float64(int(v))) {
			return nil, fmt.Errorf("%s: %q: element %d: length %v, want 0..%d", z.path, l.Name, i, v, a.Shape[1])
		}
		out[i] = int(v)
	}
	return out, nil
}

// ends returns the last steps, and one more, of which a mask, [sequences, steps] or of the shape of the
// data, says that something is there: what follows is padding. holes reports whether something is
// missing before them.
func (z *zipped) ends(mask, a *npy.Array) (ends []int, holes bool, err error) {
	n, steps := a.Shape[0], a.Shape[1]
	width := 1
	if len(mask.Shape) == 3 {
		width = mask.Shape[2]
	}
	if len(mask.Shape) < 2 || len(mask.Shape) > 3 || mask.Shape[0] != n || mask.Shape[1] != steps || width != 1 && width != a.Shape[2] {
		return nil, false, fmt.Errorf("%s: mask %q of shape %v for %q of shape %v", z.path, mask.Name, mask.Shape, a.Name, a.Shape)
	}
	if err := z.bits(mask); err != nil {
		return nil, false, err
	}
	row := make([]float64, steps*width)
	for i := range n {
		mask.Read(row, i*len(row))
		ones, end := 0, 0
		for k, v := range row {
			if v == 1 {
				ones, end = ones+1, k/width+1
			}
		}
		ends, holes = append(ends, end), holes || ones < end*width
	}
	return ends, holes, nil
}

// rest names the arrays that nothing was made of.
func (z *zipped) rest() []string {
	if len(z.unread) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: not read: %s", z.path, names(z.unread))}
}

func isLength(w string) bool {
	return slices.Contains([]string{"length", "lengths", "len", "lens", "seqlen", "seqlens", "seqlengths"}, w)
}

func isMask(w string) bool { return slices.Contains([]string{"mask", "masks"}, w) }

// isData reports whether a name is that of data: of nothing but the name of a part and words
// such as x and data.
func isData(words []string) bool {
	for _, w := range words {
		if partOf(w) < 0 && !slices.Contains([]string{"x", "data", "inputs", "input", "sequences", "series", "set"}, w) {
			return false
		}
	}
	return true
}

// wordsOf splits a name such as x_train or trainX.
func wordsOf(name string) []string {
	var spaced strings.Builder
	var last rune
	for _, r := range name {
		if 'A' <= r && r <= 'Z' && 'a' <= last && last <= 'z' {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(r)
		last = r
	}
	return strings.FieldsFunc(strings.ToLower(spaced.String()), func(r rune) bool { return !('a' <= r && r <= 'z') })
}

func names(arrays []*npy.Array) string {
	var list []string
	for _, a := range arrays {
		list = append(list, fmt.Sprintf("%.40q", a.Name))
	}
	return strings.Join(list, ", ")
}
