package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/elbow-go/elbow/cell"
)

// Conv1d makes a convolution of the tensors in a file, or under a prefix of it:
//
//	conv, err := weights.Conv1d[float32](f.Under("encoder.0."), weights.PyTorch, cell.Window{Stride: 2, Padding: 1}, cell.ReLU)
//
// Stride, padding and activation are the caller's: no file of tensors knows them. A kernel of 0 is that of the tensors.
// Without a bias that is 0. A [*MismatchError] lists all tensors that are missing, left over or of another shape. The
// layer has to be packed.
func Conv1d[T cell.Float](f *File, c Convention, w cell.Window, act cell.Activation) (*cell.Conv1d[T], error) {
	found, s, wrong := c.single(f, c.conv, "convolutions")
	if k, ok := s['t']; ok && w.Kernel != 0 && k != w.Kernel {
		wrong.Shape = append(wrong.Shape, fmt.Sprintf("a kernel of %d, want %d", k, w.Kernel))
	}
	if wrong.size() == 0 && s['t'] == 0 {
		wrong.Shape = append(wrong.Shape, "a kernel of 0")
	}
	w.Kernel = s['t']
	if s['i'] > cell.MaxSize || s['h'] > cell.MaxSize || w.Kernel > cell.MaxSize || float64(s['i'])*float64(s['h'])*float64(w.Kernel) > cell.MaxWeights {
		wrong.Shape = append(wrong.Shape, fmt.Sprintf("%d inputs, %d outputs and a kernel of %d: too large", s['i'], s['h'], w.Kernel))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	l := cell.NewConv1d[T](s['i'], s['h'], w, act)
	return l, readParams(c.conv, found, s, convAxes, l.W, l.B)
}

// AddConv1d adds the tensors of a convolution to f, with the names and shapes of a library, behind a prefix. They are
// copies. It panics if the library has no convolutions here, oneDNN.
func AddConv1d[T cell.Float](f *File, prefix string, l *cell.Conv1d[T], c Convention) {
	if len(c.conv) == 0 {
		panic("weights: AddConv1d: " + c.Name + " has no convolutions")
	}
	addParams(f, prefix, c.conv, sizes{'i': l.In, 'h': l.Out, 't': l.Kernel}, convAxes, l.W, l.B)
}

// The axes of a weight of package cell.
const (
	denseAxes = "h i"
	convAxes  = "h t i"
)

// reorder copies src, an array with the axes from, to dst, with the axes to: the same letters in another order.
func reorder[T cell.Float](dst, src []T, from, to string, s sizes) {
	letters, target := strings.Fields(from), strings.Fields(to)
	step := make([]int, len(letters)) // in dst
	for i, letter := range letters {
		step[i] = 1
		for _, behind := range target[slices.Index(target, letter)+1:] {
			step[i] *= s[behind[0]]
		}
	}
	index := make([]int, len(letters))
	for _, v := range src {
		at := 0
		for i, x := range index {
			at += x * step[i]
		}
		dst[at] = v
		for i := len(index) - 1; i >= 0; i-- {
			if index[i]++; index[i] < s[letters[i][0]] {
				break
			}
			index[i] = 0
		}
	}
}

// ConvNodes returns the nodes Conv over one axis of an ONNX file by their names, those whose weight is a constant: without
// what follows them, such as an activation. They have to be packed. The error lists those that cannot be layers of ours, as
// dilations, groups and a padding that differs at both ends are not; the map has the others.
func ConvNodes[T cell.Float](f *File) (map[string]*cell.Conv1d[T], error) {
	return nodes(f, []string{"Conv"}, func(f *File, n *Node) (*cell.Conv1d[T], error) {
		if t, _ := n.constant(1); t == nil || len(t.Shape) != 3 {
			return nil, nil
		}
		return convNode[T](f, n)
	})
}

// convNode makes the layer of a Conv.
func convNode[T cell.Float](f *File, n *Node) (*cell.Conv1d[T], error) {
	w, err := n.window()
	if err != nil {
		return nil, err
	}
	g := &File{Path: f.Path, file: f.file}
	for i, name := range []string{1: "W", 2: "B"} {
		t, there := n.constant(i)
		if t != nil && i > 0 {
			g.Add(t.as(name))
		} else if there && i > 0 {
			return nil, fmt.Errorf("%s is %.60q, which the graph computes: want a constant", name, n.Inputs[i])
		}
	}
	l, err := Conv1d[T](g, ONNX, w, cell.Linear)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "weights: "+f.Path+": "))
	}
	return l, nil
}

// window returns the window of a Conv, or says what of it we do not have.
func (n *Node) window() (cell.Window, error) {
	w := cell.Window{Stride: 1}
	lists := map[string][]int64{}
	auto, group := "NOTSET", int64(1)
	err := attributes(n.attributes, func(name string, raw []byte) error {
		return fields(raw, func(x field) error {
			switch {
			case x.num == attrInts && len(lists[name]) < 4:
				list, err := x.ints()
				lists[name] = append(lists[name], list...)
				return err
			case x.num == attrS && name == "auto_pad":
				auto = string(x.bytes)
			case x.num == attrI && name == "group":
				group = int64(x.value)
			}
			return nil
		})
	})
	if err != nil {
		return w, err
	}
	for name, list := range lists {
		most := int64(cell.MaxSize)
		if want := map[bool]int{false: 1, true: 2}[name == "pads"]; len(list) != want || slices.Min(list) < 0 || slices.Max(list) > most {
			return w, fmt.Errorf("%s = %v, want %d sizes", name, list, want)
		}
		switch name {
		case "kernel_shape":
			w.Kernel = int(list[0])
		case "strides":
			w.Stride = int(list[0])
		case "pads":
			if w.Padding = int(list[0]); list[0] != list[1] {
				return w, fmt.Errorf("pads = %v: package cell has the same padding at both ends", list)
			}
		case "dilations":
			if list[0] != 1 {
				return w, fmt.Errorf("dilations = %v: package cell has none", list)
			}
		}
	}
	switch {
	case group != 1:
		return w, fmt.Errorf("group = %d: package cell has one", group)
	case auto != "NOTSET" && auto != "VALID":
		return w, fmt.Errorf("auto_pad = %.20q, want NOTSET or VALID", auto)
	case w.Stride < 1:
		return w, errors.New("strides = [0]")
	}
	if auto == "VALID" {
		w.Padding = 0
	}
	return w, nil
}

// ints returns the numbers of a field, one or a packed list of a few.
func (x field) ints() ([]int64, error) {
	var list []int64
	if x.bytes == nil {
		return append(list, int64(x.value)), nil
	}
	for raw := x.bytes; len(raw) > 0 && len(list) < 4; {
		v, n := protowire.ConsumeVarint(raw)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		list, raw = append(list, int64(min(v, math.MaxInt64))), raw[n:]
	}
	return list, nil
}
