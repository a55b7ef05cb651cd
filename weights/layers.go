package weights

import (
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Stack makes a stack of all recurrent layers in a file, or under a prefix of it:
//
//	st, err := weights.Stack[float32](f.Under("encoder.lstm."), weights.PyTorch)
//
// Kind, sizes, number of layers and directions are those of the tensors: with two directions it is
// [cell.Concat]. Layers that the library keeps apart, such as LSTMCell or the layers of Keras, follow each other
// in the order of their names, in which numbers count as such. A [*MismatchError] lists all tensors that are missing, left over or
// of another shape. The stack has to be packed.
func Stack[T cell.Float](f *File, c Convention) (*cell.Stack[T], error) {
	wrong := &MismatchError{File: f.Path}
	gs, rest := c.groups(f)
	for _, t := range rest {
		wrong.Left = append(wrong.Left, t.Name)
	}
	layers, directions, err := readGroups[T](c, gs, wrong)
	if err != nil {
		return nil, err
	}
	if len(gs) == 0 {
		wrong.Missing = append(wrong.Missing, "a recurrent layer by the names of "+c.Name)
	}
	if wrong.size() == 0 {
		checkStack(layers, directions, wrong)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	both := cell.OneWay
	if directions == 2 {
		both = cell.Concat
	}
	return cell.NewStackOf(both, 0, layers...), nil
}

// readGroups makes the layers of groups, from the input up and forward first.
func readGroups[T cell.Float](c Convention, gs []*group, wrong *MismatchError) (layers []*cell.Recurrent[T], directions int, err error) {
	for i, g := range gs {
		kind, s, w := c.kindOf(g)
		if wrong.add(w); wrong.size() > 0 {
			continue
		}
		d := s.or1('d')
		if g.reverse {
			if i == 0 || gs[i-1].reverse || gs[i-1].dir != g.dir || gs[i-1].layer != g.layer {
				wrong.Missing = append(wrong.Missing, "the forward layer beside "+c.called(g, ""))
			}
			d = 2
		} else if i+1 < len(gs) && gs[i+1].reverse && gs[i+1].dir == g.dir && gs[i+1].layer == g.layer {
			d = 2
		}
		if directions == 0 {
			directions = d
		}
		if d != directions {
			wrong.Shape = append(wrong.Shape, fmt.Sprintf("%s: %d directions, want %d as below it", c.called(g, ""), d, directions))
		}
		made, err := readLayers[T](c, g, kind, s)
		if err != nil {
			return nil, 0, err
		}
		layers = append(layers, made...)
	}
	return layers, directions, nil
}

// checkStack reports layers that do not fit on the ones below.
func checkStack[T cell.Float](layers []*cell.Recurrent[T], directions int, wrong *MismatchError) {
	if len(layers)%directions != 0 {
		wrong.Shape = append(wrong.Shape, fmt.Sprintf("%d layers in %d directions", len(layers), directions))
		return
	}
	in := layers[0].In
	for from := 0; from < len(layers); from += directions {
		out := 0
		for _, l := range layers[from : from+directions] {
			if l.In != in {
				wrong.Shape = append(wrong.Shape, fmt.Sprintf("layer %d has %d inputs, want %d: a stack of these does not fit, choose some with Under or Select", from/directions, l.In, in))
			}
			out += l.Out()
		}
		in = out
	}
}

// readLayers makes the layers of a group, from the input up and forward first.
func readLayers[T cell.Float](c Convention, g *group, kind cell.Kind, s sizes) ([]*cell.Recurrent[T], error) {
	options := cell.Options{}
	for _, e := range c.forms[kind] {
		if g.tensors[e.tail] == nil {
			continue
		}
		switch e.holds {
		case peepholes:
			options.Peepholes = true
		case projection:
			options.Proj = s['p']
		}
	}
	layers := make([]*cell.Recurrent[T], s.or1('l')*s.or1('d'))
	sums := make([][]float64, len(layers)) // of two biases, rounded once
	forget := strings.IndexByte(canonical[kind.Gates()], 'f')
	for k := range layers {
		layers[k] = cell.NewRecurrentWith[T](kind, s['i'], s['h'], options)
		sums[k] = make([]float64, len(layers[k].B))
		for i := range layers[k].Hidden * min(1, forget+1) {
			sums[k][forget*layers[k].Hidden+i] = c.ForgetBias
		}
	}
	for _, e := range c.forms[kind] {
		t := g.tensors[e.tail]
		if t == nil {
			continue
		}
		values, err := Values[float64](t)
		if err != nil {
			return nil, err
		}
		for k, layer := range layers {
			c.walk(kind, e, s, k, func(at int, p place) {
				if dst := element(layer, p); dst != nil {
					*dst = T(values[at])
				} else {
					sums[k][p.gate*layer.Hidden+p.unit] += values[at]
				}
			})
		}
	}
	for k, layer := range layers {
		for i, v := range sums[k] {
			layer.B[i] = T(v)
		}
	}
	return layers, nil
}

// A place is where an element of a tensor is in a layer.
type place struct {
	holds           part
	gate, unit, col int  // in the order of package cell; col is that of a matrix, or the unit of a projection
	second          bool // of the second of two biases
	within          bool // of the bias within the reset
}

// element returns the element of a layer, or nil for that of B.
func element[T cell.Float](l *cell.Recurrent[T], p place) *T {
	row := p.gate*l.Hidden + p.unit
	switch p.holds {
	case inputs:
		return &l.Wih[row*l.In+p.col]
	case states:
		return &l.Whh[row*l.Out()+p.col]
	case joint:
		if p.col < l.In {
			return &l.Wih[row*l.In+p.col]
		}
		return &l.Whh[row*l.Out()+p.col-l.In]
	case peepholes:
		return &l.Peephole[row]
	case projection:
		return &l.Whr[p.col*l.Hidden+p.unit]
	}
	if p.within {
		return &l.Bhn[p.unit]
	}
	return nil
}

// walk calls visit for all elements of a tensor that belong to the k-th layer of it, with their numbers. Where a tensor has
// several layers or directions, these are its first axes.
func (c Convention) walk(kind cell.Kind, e entry, s sizes, k int, visit func(at int, p place)) {
	s = c.local(s, kind, e)
	letters := strings.TrimLeft(strings.ReplaceAll(e.axes, " ", ""), "ld")
	order, ours := c.order(kind, e), canonical[kind.Gates()]
	if e.holds == peepholes {
		ours = canonicalPeepholes
	}
	index, n := make([]int, len(letters)), s.count(letters)
	for at := range n {
		p := place{holds: e.holds, second: e.holds == biasState, within: e.holds == biasReset}
		for axis := range letters {
			switch i := index[axis]; letters[axis] {
			case 'b':
				p.second = i == 1
			case 'k':
				p.within = i == len(order)
				p.gate = strings.IndexByte(ours, order[i%len(order)])
			case 'g':
				p.gate = strings.IndexByte(ours, order[i])
			case 'h':
				p.unit = i
			default:
				p.col = i
			}
		}
		if p.second && kind == cell.GRU && ours[p.gate] == 'n' {
			p.within = true
		}
		visit(k*n+at, p)
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < s[letters[axis]] {
				break
			}
			index[axis] = 0
		}
	}
}
