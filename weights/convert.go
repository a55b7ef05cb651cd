package weights

import (
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// ToPyTorch returns the tensors of a file of ours, such as a checkpoint of package model, with the names, the gates and
// the shapes of PyTorch: cell.wih and cell.1.whh become cell.weight_ih_l0 and cell.weight_hh_l1, phi_x.0.w
// becomes phi_x.0.weight. All other tensors and the metadata are passed on as they are, so that
// FromPyTorch gives what there was. The error names a layer that PyTorch does not have. The tensors are to be
// written before f is closed.
func ToPyTorch(f *File) (*File, error) { return convert(f, Elbow, PyTorch) }

// FromPyTorch is the way back from ToPyTorch. It takes any state dict: what it has of recurrent and dense
// layers gets our names. Two biases become one.
func FromPyTorch(f *File) (*File, error) { return convert(f, PyTorch, Elbow) }

// ToKeras is ToPyTorch for Keras: cell.wih and cell.1.whh become cell/lstm/lstm_cell/kernel and
// cell/lstm_1/lstm_cell/recurrent_kernel, phi_x.0.w becomes phi_x.0/kernel, all matrices transposed. They are the paths of
// the weights of layers by these names.
func ToKeras(f *File) (*File, error) { return convert(f, Elbow, Keras) }

// FromKeras is the way back from ToKeras. It takes any weights by their paths. Layers on top of each other have the names that
// ToKeras gives them, which are those that Keras makes up in one model; others get our names one by one.
func FromKeras(f *File) (*File, error) { return convert(f, Keras, Elbow) }

func convert(f *File, from, to Convention) (*File, error) {
	out := &File{Path: f.Path, Format: f.Format, Meta: f.Meta, file: f.file}
	gs, rest := from.groups(f)
	for i := 0; i < len(gs); {
		// The layers of one stack, which have a name in common.
		n := 1
		for i+n < len(gs) && from.stackName(gs[i+n]) == from.stackName(gs[i]) {
			n++
		}
		if err := convertStack(out, f, gs[i:i+n], from, to); err != nil {
			return nil, err
		}
		i += n
	}
	for _, t := range rest {
		out.Add(from.denseAs(f, t, to))
	}
	return out, out.checkNames()
}

// stackName is what the names of all layers of a stack begin with.
func (c Convention) stackName(g *group) string {
	if c.stack == nil {
		return g.dir
	}
	if m := c.stack.FindStringSubmatch(g.dir); m != nil {
		return m[1]
	}
	return g.dir
}

func convertStack(out, f *File, gs []*group, from, to Convention) error {
	wide := false
	for _, g := range gs {
		for _, t := range g.tensors {
			wide = wide || t.DType == F64
		}
	}
	if wide {
		return convertStackIn[float64](out, f, gs, from, to)
	}
	return convertStackIn[float32](out, f, gs, from, to)
}

func convertStackIn[T cell.Float](out, f *File, gs []*group, from, to Convention) error {
	wrong := &MismatchError{File: f.Path}
	layers, directions, err := readGroups[T](from, gs, wrong)
	if err == nil {
		if wrong.size() == 0 {
			checkStack(layers, directions, wrong)
		}
		err = wrong.err()
	}
	if err != nil {
		return err
	}
	both := cell.OneWay
	if directions == 2 {
		both = cell.Concat
	}
	prefix := from.stackName(gs[0])
	if prefix != "" {
		prefix += to.sep
	}
	return AddStack(out, prefix, cell.NewStackOf(both, 0, layers...), to)
}

// denseAs returns a tensor with the name and the shape that it has in another convention if, with the matrix beside it,
// it makes a dense layer, and any other as it is.
func (from Convention) denseAs(f *File, t *Tensor, to Convention) *Tensor {
	for i, e := range from.dense {
		prefix, ok := strings.CutSuffix(t.Name, e.tail)
		if !ok || prefix != "" && !strings.HasSuffix(prefix, from.sep) {
			continue
		}
		if w := f.Tensor(prefix + from.dense[0].tail); w != nil && len(w.Shape) == 2 && len(t.Shape) == 2-i {
			if prefix != "" {
				prefix = strings.TrimSuffix(prefix, from.sep) + to.sep
			}
			if t = t.as(prefix + to.dense[i].tail); e.axes != to.dense[i].axes {
				t = t.transposed()
			}
			return t
		}
	}
	return t
}

// transposed returns the transpose of a matrix.
func (t *Tensor) transposed() *Tensor {
	u, rows, cols, width := *t, t.Shape[0], t.Shape[1], t.DType.Width()
	u.Shape = []int{cols, rows}
	u.bytes = func() []byte {
		src := t.bytes()
		dst := make([]byte, 0, len(src))
		for j := range cols {
			for i := range rows {
				dst = append(dst, src[(i*cols+j)*width:][:width]...)
			}
		}
		return dst
	}
	return &u
}
