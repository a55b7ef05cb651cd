package weights

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// MismatchError says all at once what of the tensors in a file does not fit.
type MismatchError struct {
	File    string
	Missing []string // tensors that are not there
	Left    []string // tensors that nothing takes
	Shape   []string // what else is wrong, mostly a shape
}

func (e *MismatchError) Error() string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"missing ", e.Missing}, {"left over ", e.Left}, {"", e.Shape}} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+strings.Join(p.list, ", "))
		}
	}
	return fmt.Sprintf("weights: %s: %s", e.File, strings.Join(parts, "; "))
}

// err returns e, or nil if nothing is wrong.
func (e *MismatchError) err() error {
	if len(e.Missing)+len(e.Left)+len(e.Shape) == 0 {
		return nil
	}
	return e
}

func (e *MismatchError) add(o *MismatchError) {
	e.Missing, e.Left, e.Shape = append(e.Missing, o.Missing...), append(e.Left, o.Left...), append(e.Shape, o.Shape...)
}

func (e *MismatchError) size() int { return len(e.Missing) + len(e.Left) + len(e.Shape) }

// A group is the tensors of a layer, by their tails. Those of a library that keeps both directions or all layers in one
// tensor are of several.
type group struct {
	dir     string // what goes before the names, the same for both directions
	layer   int
	reverse bool
	tensors map[string]*Tensor
}

// groups returns the tensors of recurrent layers in the order of the layers, each reverse direction behind the forward one,
// and all other tensors.
func (c Convention) groups(f *File) (gs []*group, rest []*Tensor) {
	type key struct {
		dir     string
		layer   int
		reverse bool
	}
	byKey := map[key]*group{}
	for _, t := range f.Tensors {
		dir, tail, layer, reverse, ok := c.split(t.Name)
		if !ok {
			continue
		}
		k := key{dir, layer, reverse}
		if byKey[k] == nil {
			byKey[k] = &group{dir, layer, reverse, map[string]*Tensor{}}
		}
		byKey[k].tensors[tail] = t
	}
	taken := map[string]bool{}
	for _, g := range byKey {
		if !c.isRecurrent(g) {
			continue
		}
		gs = append(gs, g)
		for _, t := range g.tensors {
			taken[t.Name] = true
		}
	}
	slices.SortFunc(gs, func(a, b *group) int {
		reverse := map[bool]int{true: 1}
		return cmp.Or(natural(a.dir, b.dir), cmp.Compare(a.layer, b.layer), cmp.Compare(reverse[a.reverse], reverse[b.reverse]))
	})
	for _, t := range f.Tensors {
		if !taken[t.Name] {
			rest = append(rest, t)
		}
	}
	return gs, rest
}

// split takes the name of a tensor apart.
func (c Convention) split(name string) (dir, tail string, layer int, reverse, ok bool) {
	m := c.names.FindStringSubmatch(name)
	if m == nil {
		return "", "", 0, false, false
	}
	get := func(part string) string {
		if i := c.names.SubexpIndex(part); i >= 0 {
			return m[i]
		}
		return ""
	}
	dir, reverse = get("dir"), get("reverse") != ""
	layer, err := strconv.Atoi(cmp.Or(get("layer"), "0"))
	if err != nil {
		return "", "", 0, false, false
	}
	if c.other != nil {
		reverse = c.other.MatchString(dir + c.sep)
		dir = strings.TrimSuffix(c.both.Replace(dir+c.sep), c.sep)
	}
	return dir, get("tail"), layer, reverse, true
}

// isRecurrent reports whether a group has a tensor that only recurrent layers have: of the states, or
// of both inputs and states.
func (c Convention) isRecurrent(g *group) bool {
	for _, kind := range c.Kinds {
		for _, e := range c.forms[kind] {
			if t := g.tensors[e.tail]; t != nil && (e.holds == states || e.holds == joint && ofCell(g, t)) {
				return true
			}
		}
	}
	return false
}

// ofCell tells the matrix of a cell of TensorFlow 1 from that of a dense layer by its name. Under a prefix there
// may be none: then it is that of a cell.
func ofCell(g *group, t *Tensor) bool {
	return g.dir == "" || strings.Contains(t.Name, "cell") || strings.Contains(t.Name, "gates/") || strings.Contains(t.Name, "candidate/")
}

var numbers = regexp.MustCompile(`\d+|[^\d]+`)

// natural compares names part by part, with numbers as such: lstm/x, lstm_1/x, lstm_2/x, lstm_10/x.
func natural(a, b string) int {
	parts := func(name string) []string {
		return strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '.' })
	}
	return slices.CompareFunc(parts(a), parts(b), func(a, b string) int {
		return slices.CompareFunc(numbers.FindAllString(a, -1), numbers.FindAllString(b, -1), func(a, b string) int {
			x, errX := strconv.Atoi(a)
			y, errY := strconv.Atoi(b)
			if errX == nil && errY == nil {
				return cmp.Compare(x, y)
			}
			return strings.Compare(strings.TrimSuffix(a, "_"), strings.TrimSuffix(b, "_"))
		})
	})
}

// sizes are those of the indices in the axes of entries, by their letters.
type sizes map[byte]int

// shape returns the dimensions that the axes of an entry have, -1 for those that are not known.
func (s sizes) shape(axes string) (shape []int) {
	for axis := range strings.FieldsSeq(axes) {
		n := 1
		for i := range len(axis) {
			if size, ok := s[axis[i]]; ok {
				n *= size
			} else {
				n = -1
				break
			}
		}
		shape = append(shape, n)
	}
	return shape
}

// count returns how many elements all indices have together.
func (s sizes) count(letters string) int {
	n := 1
	for i := range len(letters) {
		n *= s[letters[i]]
	}
	return n
}

// solve finds the sizes of the indices of an axis of dimension n, of which one may be unknown.
func (s sizes) solve(axis string, n int) {
	if axis == "x" {
		if r, ok := s['r']; ok {
			s['i'] = n - r
		}
		return
	}
	known, open := 1, byte(0)
	for i := range len(axis) {
		if size, ok := s[axis[i]]; ok {
			known *= size
		} else if open != 0 {
			return
		} else {
			open = axis[i]
		}
	}
	if open != 0 && known > 0 && n%known == 0 {
		s[open] = n / known
	}
}

// follow sets the sizes that follow from others: the columns of the state, and of input and state.
func (s sizes) follow(projected bool) {
	state := byte('h')
	if projected {
		state = 'p'
	}
	if r, ok := s[state]; ok {
		s['r'] = r
	}
	if i, ok := s['i']; ok {
		s['x'] = i + s['r']
	}
}

// fit finds the sizes of the layers of a kind in a group, and what does not fit.
func (c Convention) fit(g *group, kind cell.Kind) (sizes, *MismatchError) {
	entries, wrong := c.forms[kind], new(MismatchError)
	base := sizes{'b': 2}
	projected := false
	used := map[string]bool{}
	for _, e := range entries {
		used[e.tail] = true
		if g.tensors[e.tail] != nil {
			projected = projected || e.holds == projection
		} else if !e.may {
			wrong.Missing = append(wrong.Missing, c.called(g, e.tail))
		}
	}
	for range len(entries) {
		for _, e := range entries {
			t, axes := g.tensors[e.tail], strings.Fields(e.axes)
			if t == nil || len(t.Shape) != len(axes) {
				continue
			}
			s := c.local(base, kind, e)
			for i, axis := range axes {
				s.solve(axis, t.Shape[i])
			}
			delete(s, 'g')
			delete(s, 'k')
			base = s
			base.follow(projected)
		}
	}
	for _, e := range entries {
		t := g.tensors[e.tail]
		if t == nil {
			continue
		}
		want := c.local(base, kind, e).shape(e.axes)
		switch {
		case !slices.Equal(t.Shape, want):
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: shape %v, want %s", t.Name, t.Shape, shapeText(want)))
		case !t.DType.readable():
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: elements of type %s", t.Name, t.DType))
		}
	}
	for _, tail := range slices.Sorted(maps.Keys(g.tensors)) {
		if !used[tail] {
			wrong.Left = append(wrong.Left, g.tensors[tail].Name)
		}
	}
	if wrong.size() == 0 && !base.possible() {
		wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: %d inputs and %d units in %d layers and %d directions: there are no such layers", c.called(g, ""), base['i'], base['h'], base.or1('l'), base.or1('d')))
	}
	return base, wrong
}

// maxLayers bounds the layers in one tensor.
const maxLayers = 1 << 10

// or1 returns the size of an index, 1 where there is none.
func (s sizes) or1(letter byte) int {
	if n, ok := s[letter]; ok {
		return n
	}
	return 1
}

// possible reports whether layers can have these sizes.
func (s sizes) possible() bool {
	within := func(letter byte, least, most int) bool { return s[letter] >= least && s[letter] <= most }
	return within('i', 0, cell.MaxSize) && within('h', 1, cell.MaxSize/4) && within('r', 1, cell.MaxSize) &&
		s.or1('l') >= 1 && s.or1('l') <= maxLayers && s.or1('d') >= 1 && s.or1('d') <= 2
}

// local returns the sizes with the number of gates of an entry.
func (c Convention) local(s sizes, kind cell.Kind, e entry) sizes {
	s = maps.Clone(s)
	s['g'] = len(c.order(kind, e))
	s['k'] = s['g'] + 1
	return s
}

// called returns the name that a tensor of a group would have.
func (c Convention) called(g *group, tail string) string {
	for _, t := range g.tensors {
		if _, have, _, _, _ := c.split(t.Name); tail != "" {
			at := strings.LastIndex(t.Name, have)
			return t.Name[:at] + tail + t.Name[at+len(have):]
		}
	}
	return strings.TrimSuffix(g.dir+c.sep+tail, c.sep)
}

func shapeText(shape []int) string {
	return strings.ReplaceAll(fmt.Sprint(shape), "-1", "?")
}

// kindOf finds the first kind that fits a group. If none does, the error is that of the kind that
// fits best.
func (c Convention) kindOf(g *group) (cell.Kind, sizes, *MismatchError) {
	if k, ok := c.byName(g); ok {
		s, wrong := c.fit(g, k)
		return k, s, wrong
	}
	best, bestSizes, bestWrong := c.Kinds[0], sizes(nil), (*MismatchError)(nil)
	for _, k := range c.Kinds {
		s, wrong := c.fit(g, k)
		if bestWrong == nil || wrong.size() < bestWrong.size() {
			best, bestSizes, bestWrong = k, s, wrong
		}
	}
	return best, bestSizes, bestWrong
}

// byName tells a BasicRNNCell of TensorFlow 1, whose tensors are those of a BasicLSTMCell, by its name.
func (c Convention) byName(g *group) (cell.Kind, bool) {
	return cell.RNNTanh, c.ForgetBias != 0 && strings.Contains(g.dir, "basic_rnn_cell") && len(c.Kinds) > 1
}
