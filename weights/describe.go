package weights

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Layers says what Stack, Dense, Recurrents, DenseNodes and ConvNodes could make of the tensors and nodes of a file, a line for each: where it
// is, whose convention, kind and sizes. What fits the names of a convention but not its shapes is said too.
func Layers(f *File) []string {
	var lines []string
	taken := map[string]bool{}
	for _, c := range Conventions() {
		gs, _ := c.groups(f)
		gs = slices.DeleteFunc(gs, func(g *group) bool {
			return slices.ContainsFunc(slices.Collect(maps.Values(g.tensors)), func(t *Tensor) bool { return taken[t.Name] })
		})
		for len(gs) > 0 {
			n := 1
			for n < len(gs) && gs[n].dir == gs[0].dir {
				n++
			}
			lines = append(lines, c.describe(f, gs[:n]))
			for _, g := range gs[:n] {
				for _, t := range g.tensors {
					taken[t.Name] = true
				}
			}
			gs = gs[n:]
		}
	}
	for _, c := range Conventions() {
		for _, t := range f.Tensors {
			name, ok := strings.CutSuffix(t.Name, c.denseTail())
			if c.denseTail() == "" || !ok || taken[t.Name] || len(t.Shape) != 2 || name != "" && !strings.HasSuffix(name, c.sep) {
				continue
			}
			taken[t.Name] = true
			in, out := t.Shape[0], t.Shape[1]
			if c.dense[0].axes == "h i" {
				in, out = out, in
			}
			lines = append(lines, fmt.Sprintf("%s: a dense layer of %s, %d inputs, %d outputs", strings.TrimSuffix(name, c.sep), c.Name, in, out))
		}
	}
	return append(lines, describeNodes(f)...)
}

func (c Convention) denseTail() string {
	if len(c.dense) == 0 {
		return ""
	}
	return c.dense[0].tail
}

// describe says what the layers of one name are.
func (c Convention) describe(f *File, gs []*group) string {
	wrong := &MismatchError{File: f.Path}
	var kind cell.Kind
	var first sizes
	layers, ways := 0, 1
	for i, g := range gs {
		k, s, w := c.kindOf(g)
		wrong.add(w)
		if i == 0 {
			kind, first = k, s
		}
		if layers += s.or1('l'); g.reverse || s['d'] == 2 {
			ways = 2
		}
		if g.reverse {
			layers -= s.or1('l')
		}
	}
	name := strings.TrimSuffix(gs[0].dir, c.sep)
	if err := wrong.err(); err != nil {
		return fmt.Sprintf("%s: by the names a layer of %s, but %s", name, c.Name, strings.TrimPrefix(err.Error(), "weights: "+f.Path+": "))
	}
	text := fmt.Sprintf("%s: %v of %s, %s", name, kind, c.Name, sizesText(first['i'], first['h'], first['p'], layers, ways))
	if kind == cell.LSTM {
		text += ", states " + c.States
	}
	return text
}

func sizesText(in, hidden, proj, layers, ways int) string {
	text := fmt.Sprintf("%d inputs, %d units", in, hidden)
	if proj > 0 {
		text += fmt.Sprintf(" projected to %d", proj)
	}
	if layers > 1 {
		text += fmt.Sprintf(", %d layers", layers)
	}
	if ways == 2 {
		text += ", both directions"
	}
	return text
}

// describeNodes says what the nodes of an ONNX graph are.
func describeNodes(f *File) (lines []string) {
	recurrent, err := Recurrents[float32](f)
	for _, name := range slices.SortedFunc(maps.Keys(recurrent), natural) {
		st := recurrent[name].Stack
		lines = append(lines, fmt.Sprintf("node %s: %v, %s", name, st.Layers[0].Kind, sizesText(st.In(), st.Layers[0].Hidden, 0, 1, len(st.Layers))))
	}
	dense, err2 := DenseNodes[float32](f)
	for _, name := range slices.SortedFunc(maps.Keys(dense), natural) {
		lines = append(lines, fmt.Sprintf("node %s: a dense layer, %d inputs, %d outputs", name, dense[name].In, dense[name].Out))
	}
	conv, err3 := ConvNodes[float32](f)
	for _, name := range slices.SortedFunc(maps.Keys(conv), natural) {
		l := conv[name]
		lines = append(lines, fmt.Sprintf("node %s: a convolution, %d inputs, %d outputs, kernel %d, stride %d, padding %d", name, l.In, l.Out, l.Kernel, l.Stride, l.Padding))
	}
	if err := errors.Join(err, err2, err3); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			lines = append(lines, strings.TrimPrefix(line, "weights: "+f.Path+": "))
		}
	}
	return lines
}
