package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
	"github.com/elbow-go/elbow/weights"
)

// What export writes.
const (
	asPyTorch = "pytorch"
	asNPZ     = "npz"
	asKeras   = "keras"
	asONNX    = "onnx"
)

// inspect prints what is in a file of weights and what could be made of it.
func inspect(_ context.Context, cmd *call) error {
	out := cmd.out
	names := cmd.names(1)
	if err := cmd.parse(); err != nil {
		return err
	}
	if len(names) == 0 {
		return usagef("want a file: safetensors, npz, ONNX or .pt of PyTorch")
	}
	file := names[0]
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	tensors, numbers := []tensorRow{}, 0
	for _, t := range f.Tensors {
		numbers += t.Len()
		tensors = append(tensors, tensorRow{t.Name, string(t.DType), t.Shape})
	}
	line := func(format string, args ...any) {
		fmt.Fprintln(out, message(fmt.Sprintf(format, args...), maxMessage-1))
	}
	line("%s: %s, %d tensors, %d numbers", file, f.Format, len(f.Tensors), numbers)
	for _, key := range slices.Sorted(maps.Keys(f.Meta)) {
		line("  %s = %q", key, f.Meta[key])
	}
	for _, t := range tensors {
		fmt.Fprintln(out, "  "+message(fmt.Sprintf("  %s %s %v", t.Name, t.DType, t.Shape), maxMessage-3))
	}
	layers := weights.Layers(f)
	for _, l := range layers {
		line("%s", l)
	}
	return cmd.result(map[string]any{"file": file, "format": fmt.Sprint(f.Format), "numbers": numbers, "meta": f.Meta, "tensors": tensors, "layers": layers})
}

// tensorRow is what inspect says of a tensor.
type tensorRow struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// tensorsOf returns the parameters and constants of a model under our names.
func tensorsOf(m model.Model[float32]) []cell.Tensor[float32] {
	return append(m.Tensors(), m.Constants()...)
}

// export writes a trained model for other programs.
func export(_ context.Context, cmd *call) error {
	from, dir := cmd.modelFlag(), cmd.outFlag()
	as := cmd.String("as", asPyTorch, "pytorch: model.safetensors with the names and shapes of PyTorch; npz: the same as model.npz; keras: keras.npz with those of Keras; onnx: a graph for each part of the model")
	if err := cmd.parse(); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, _, err := model.Load(path)
	if err != nil {
		return err
	}
	var files map[string]func(io.Writer) error
	switch *as {
	case asPyTorch, asNPZ, asKeras:
		files, err = exportTensors(m, *as)
	case asONNX:
		files, err = exportGraphs(m)
	default:
		return usagef("-as %q: want %s, %s, %s or %s", *as, asPyTorch, asNPZ, asKeras, asONNX)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	names := slices.Sorted(maps.Keys(files))
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(names...); err != nil {
			return err
		}
		for _, name := range names {
			if err := atomicfile.Write(filepath.Join(*dir, name), 0o666, files[name]); err != nil {
				return err
			}
		}
		return cmd.left(*dir, names, map[string]any{"as": *as})
	})
}

// exportTensors is the file of the parameters of a model under the names of PyTorch or Keras.
func exportTensors(m model.Model[float32], as string) (map[string]func(io.Writer) error, error) {
	f := &weights.File{Meta: map[string]string{"format": "pt"}} // as safetensors.torch writes it
	for _, t := range tensorsOf(m) {
		f.Add(weights.Of(t.Name, t.Shape, t.Data))
	}
	name, write, convert := "model.safetensors", weights.WriteSafetensors, weights.ToPyTorch
	switch as {
	case asNPZ:
		name, write = "model.npz", weights.WriteNPZ
	case asKeras:
		name, write, convert = "keras.npz", weights.WriteNPZ, weights.ToKeras
	}
	f, err := convert(f)
	if err != nil {
		return nil, err
	}
	return map[string]func(io.Writer) error{name: func(w io.Writer) error { return write(w, f) }}, nil
}

// exportGraphs is the files of the graphs of a model.
func exportGraphs(m model.Model[float32]) (map[string]func(io.Writer) error, error) {
	graphs, err := model.Graphs(m)
	files := map[string]func(io.Writer) error{}
	for name, g := range graphs {
		files[name+".onnx"] = func(w io.Writer) error { return g.Write(w, nil) }
	}
	return files, err
}

// importWeights makes a checkpoint of one of ours and the parameters that another program has given it.
func importWeights(_ context.Context, cmd *call) error {
	file := cmd.String("from", "", "the parameters: safetensors, npz or .pt, with the names that export gives them")
	as := cmd.String("as", asPyTorch, "whose names they have: pytorch or keras")
	from := cmd.String("model", "run", "the model they are of: a checkpoint, or the folder of a training")
	dir := cmd.String("out", "", "folder for the new checkpoint, "+model.BestFile)
	if err := cmd.parse(); err != nil {
		return err
	}
	if *file == "" || *dir == "" {
		return usagef("want -from and -out")
	}
	convert := map[string]func(*weights.File) (*weights.File, error){asPyTorch: weights.FromPyTorch, asKeras: weights.FromKeras}[*as]
	if convert == nil {
		return usagef("-as %q: want %s or %s", *as, asPyTorch, asKeras)
	}
	path := checkpoint(*from)
	if rundir.Inside(path, *dir) || rundir.Inside(*file, *dir) {
		return usagef("-out %s holds what is read: choose another folder", *dir)
	}
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	f, err := weights.Open(*file)
	if err != nil {
		return err
	}
	defer f.Close()
	ours, err := convert(f)
	if err != nil {
		return err
	}
	if err := weights.Load(ours, tensorsOf(m)); err != nil {
		return err
	}
	m.Pack()
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(model.BestFile); err != nil {
			return err
		}
		d := &model.Data{Name: info.Name, Hash: info.Hash, Form: info.Form, Dim: info.Config.Data}
		if err := model.Save(filepath.Join(*dir, model.BestFile), m, d); err != nil {
			return err
		}
		return cmd.left(*dir, []string{model.BestFile}, nil)
	})
}
