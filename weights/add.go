package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// AddStack adds the tensors of a stack to f, with the names and shapes of a library, behind a prefix:
//
//	err := weights.AddStack(f, "encoder.lstm.", st, weights.PyTorch)
//
// Where the library has two biases that are added up, the second one is 0. An error names what the library
// does not have, such as a kind or an option of layers. The tensors are copies.
func AddStack[T cell.Float](f *File, prefix string, st *cell.Stack[T], c Convention) error {
	directions := 1
	if st.Bidirectional != cell.OneWay {
		directions = 2
	}
	for i, l := range st.Layers {
		if err := c.lacks(l.Kind, l.Options); err != nil {
			return fmt.Errorf("weights: layer %d: %w", i/directions, err)
		}
	}
	for i := 0; i < len(st.Layers); i += directions {
		if err := addLevel(f, prefix, c, i/directions, st.Layers[i:i+directions]); err != nil {
			return fmt.Errorf("weights: layer %d: %w", i/directions, err)
		}
	}
	return nil
}

// lacks says what the library does not have.
func (c Convention) lacks(kind cell.Kind, o cell.Options) error {
	switch {
	case c.forms[kind] == nil:
		return fmt.Errorf("kind %v: %s has no such layer", kind, c.Name)
	case o.Peepholes && !c.has(kind, peepholes):
		return fmt.Errorf("%s has no Peepholes", c.Name)
	case o.Proj > 0 && !c.has(kind, projection):
		return fmt.Errorf("%s has no Proj", c.Name)
	case o.CellClip > 0:
		return fmt.Errorf("CellClip: the tensors of %s do not tell it", c.Name)
	case o.Heads > 1:
		return fmt.Errorf("%s has no Heads: Of and Load keep the tensors of any layer", c.Name)
	case o.LayerNorm:
		return fmt.Errorf("%s has no LayerNorm: Of and Load keep the tensors of any layer", c.Name)
	}
	return nil
}

// addLevel adds a layer, or a pair of them.
func addLevel[T cell.Float](f *File, prefix string, c Convention, level int, pair []*cell.Recurrent[T]) error {
	first := pair[0]
	for _, e := range c.forms[first.Kind] {
		if e.holds == peepholes && !first.Peepholes || e.holds == projection && first.Proj == 0 {
			continue
		}
		together := strings.Contains(e.axes, "d") && len(pair) == 2
		if together && (first.Kind != pair[1].Kind || first.Hidden != pair[1].Hidden || first.Options != pair[1].Options) {
			return fmt.Errorf("two directions that differ: %s has none", c.Name)
		}
		var values []T
		for way, l := range pair {
			s := sizes{'l': 1, 'd': 1, 'b': 2, 'i': l.In, 'h': l.Hidden, 'p': l.Proj, 'r': l.Out(), 'x': l.In + l.Out()}
			if together {
				s['d'] = 2
			}
			s = c.local(s, l.Kind, e)
			if way == 0 || !together {
				values = make([]T, s.count(strings.ReplaceAll(e.axes, " ", "")))
				name := c.path(layerName{l.Kind, level, len(pair) == 2, way == 1})
				f.Add(Of(prefix+strings.Replace(name, "*", e.tail, 1), s.shape(e.axes), values))
			}
			k := 0
			if together {
				k = way
			}
			c.walk(l.Kind, e, s, k, func(at int, p place) { values[at] = valueAt(c, l, p) })
		}
	}
	return nil
}

// valueAt returns the element of a layer that goes to a place of a tensor.
func valueAt[T cell.Float](c Convention, l *cell.Recurrent[T], p place) T {
	if v := element(l, p); v != nil {
		return *v
	}
	if p.second {
		return 0
	}
	v := l.B[p.gate*l.Hidden+p.unit]
	if canonical[l.Kind.Gates()][p.gate] == 'f' {
		v = T(float64(v) - c.ForgetBias)
	}
	return v
}

// Dense makes a dense layer of the tensors in a file, or under a prefix of it:
//
//	fc, err := weights.Dense[float32](f.Under("fc."), weights.PyTorch, cell.Linear)
//
// The activation is the caller's: no file of tensors knows it. Without a bias that is 0. A [*MismatchError] lists all
// tensors that are missing, left over or of another shape. The layer has to be packed.
func Dense[T cell.Float](f *File, c Convention, act cell.Activation) (*cell.Dense[T], error) {
	found, s, wrong := c.single(f, c.dense, "dense layers")
	if s['i'] > cell.MaxSize || s['h'] > cell.MaxSize {
		wrong.Shape = append(wrong.Shape, fmt.Sprintf("%d inputs and %d outputs, want at most %d", s['i'], s['h'], cell.MaxSize))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	d := cell.NewDense[T](s['i'], s['h'], act)
	return d, readParams(c.dense, found, s, denseAxes, d.W, d.B)
}

// single finds the tensors of the only layer in a file that entries describe, its sizes, and what does not fit.
func (c Convention) single(f *File, entries []entry, what string) (found map[string]*Tensor, s sizes, wrong *MismatchError) {
	found, s, wrong = map[string]*Tensor{}, sizes{}, &MismatchError{File: f.Path}
	for _, t := range f.Tensors {
		_, tail, _, _, ok := c.split(t.Name)
		if !ok || !slices.ContainsFunc(entries, func(e entry) bool { return e.tail == tail }) || found[tail] != nil {
			wrong.Left = append(wrong.Left, t.Name)
			continue
		}
		found[tail] = t
	}
	for _, e := range entries {
		if t := found[e.tail]; t == nil && !e.may {
			wrong.Missing = append(wrong.Missing, e.tail)
		} else if t != nil && len(t.Shape) == len(strings.Fields(e.axes)) {
			for i, axis := range strings.Fields(e.axes) {
				s.solve(axis, t.Shape[i])
			}
		}
	}
	for _, e := range entries {
		if t := found[e.tail]; t != nil && (shapeText(t.Shape) != shapeText(s.shape(e.axes)) || !t.DType.readable()) {
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: shape %v of %s, want %s of numbers", t.Name, t.Shape, t.DType, shapeText(s.shape(e.axes))))
		}
	}
	if len(entries) == 0 {
		wrong.Shape = append(wrong.Shape, c.Name+" has no "+what)
	}
	return found, s, wrong
}

// readParams fills weight and bias of a layer, whose axes are those of package cell.
func readParams[T cell.Float](entries []entry, found map[string]*Tensor, s sizes, axes string, w, b []T) error {
	for _, e := range entries {
		t := found[e.tail]
		if t == nil {
			continue
		}
		if e.holds == denseB {
			if err := Read(t, b); err != nil {
				return err
			}
			continue
		}
		v, err := Values[T](t)
		if err != nil {
			return err
		}
		reorder(w, v, e.axes, axes, s)
	}
	return nil
}

// addParams adds weight and bias of a layer to f.
func addParams[T cell.Float](f *File, prefix string, entries []entry, s sizes, axes string, w, b []T) {
	for _, e := range entries {
		values := append([]T(nil), b...)
		if e.holds == denseW {
			values = make([]T, len(w))
			reorder(values, w, axes, e.axes, s)
		}
		f.Add(Of(prefix+e.tail, s.shape(e.axes), values))
	}
}

// AddDense adds the tensors of a dense layer to f, with the names and shapes of a library, behind a prefix. They are
// copies. It panics if the library has no dense layers, oneDNN.
func AddDense[T cell.Float](f *File, prefix string, d *cell.Dense[T], c Convention) {
	if len(c.dense) == 0 {
		panic("weights: AddDense: " + c.Name + " has no dense layers")
	}
	addParams(f, prefix, c.dense, sizes{'i': d.In, 'h': d.Out}, denseAxes, d.W, d.B)
}

// Load fills the tensors ts, of [cell.Stack.Tensors] for example or of a model of package model, with those of f
// of the same names and shapes. Where names differ, Rename comes first; where shapes or gates do, Stack and
// Dense. A [*MismatchError] lists all tensors that are missing, left over or of another shape; then nothing
// has been written. Whoever owns ts has to pack it.
func Load[T cell.Float](f *File, ts []cell.Tensor[T]) error {
	wrong, want := &MismatchError{File: f.Path}, map[string]bool{}
	for _, t := range ts {
		want[t.Name] = true
		switch from := f.Tensor(t.Name); {
		case from == nil:
			wrong.Missing = append(wrong.Missing, t.Name)
		case shapeText(from.Shape) != shapeText(t.Shape):
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: shape %v, want %v", t.Name, from.Shape, t.Shape))
		case !from.DType.readable():
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: elements of type %s", t.Name, from.DType))
		}
	}
	for _, t := range f.Tensors {
		if !want[t.Name] {
			wrong.Left = append(wrong.Left, t.Name)
		}
	}
	if err := wrong.err(); err != nil {
		return err
	}
	for _, t := range ts {
		if err := Read(f.Tensor(t.Name), t.Data); err != nil {
			return err
		}
	}
	return nil
}
