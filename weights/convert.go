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

func convert(f *File, from, to Convention) (*File, error) {
	out := &File{Path: f.Path, Format: f.Format, Meta: f.Meta, file: f.file}
	gs, rest := from.groups(f)
	for i := 0; i < len(gs); {
		// The layers of one stack, which have a name in common.
		n := 1
		for i+n < len(gs) && gs[i+n].dir == gs[i].dir {
			n++
		}
		if err := convertStack(out, f, gs[i:i+n], from, to); err != nil {
			return nil, err
		}
		i += n
	}
	for _, t := range rest {
		out.Add(t.as(from.denseName(f, t, to)))
	}
	return out, out.checkNames()
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
	prefix := gs[0].dir
	if prefix != "" {
		prefix += to.sep
	}
	return AddStack(out, prefix, cell.NewStackOf(both, 0, layers...), to)
}

// denseName returns the name of a tensor that, with the matrix beside it, makes a dense layer, in another convention; any
// other keeps its name. Both conventions have the same shapes.
func (from Convention) denseName(f *File, t *Tensor, to Convention) string {
	for i, e := range from.dense {
		prefix, ok := strings.CutSuffix(t.Name, e.tail)
		if !ok || prefix != "" && !strings.HasSuffix(prefix, from.sep) {
			continue
		}
		if w := f.Tensor(prefix + from.dense[0].tail); w != nil && len(w.Shape) == 2 && len(t.Shape) == 2-i {
			return prefix + to.dense[i].tail
		}
	}
	return t.Name
}
