package model

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/weights"
)

// The files of a run. Both are safetensors, so other programs can read them: parameters
// under their names, the moments of Adam as adam.m.NAME and adam.v.NAME, the average of
// the parameters as ema.NAME, and what is no tensor as JSON in the header, under the key elbow.
const (
	CheckpointFile = "checkpoint.safetensors" // the last state, from which training goes on
	BestFile       = "best.safetensors"       // the parameters at the best valid bound
)

// header is the JSON part of a checkpoint.
type header struct {
	Version int          `json:"version"`
	Model   Config       `json:"model"`
	Train   *TrainConfig `json:"train,omitempty"`
	State   *trainState  `json:"state,omitempty"`
	Eval    *evalID      `json:"eval,omitempty"`
	Updates uint32       `json:"updates,omitempty"` // of an Updater; those of a Trainer are in its state
	Data    dataID       `json:"data"`
}

// dataID says which data a model was trained on.
type dataID struct {
	Name string `json:"name"`
	Hash string `json:"hash"`
	Form Form   `json:"form"`
}

func idOf(d *Data) dataID { return dataID{d.Name, d.Hash, d.Form} }

// evalID says how the training of a model scored it.
type evalID struct {
	Seed    uint64 `json:"seed"`
	Samples int    `json:"samples,omitempty"`
	Batch   int    `json:"batch"`
	Shards  int    `json:"shards,omitempty"`
}

// Info is what a checkpoint says beside the model itself.
type Info struct {
	Config Config
	Name   string // of the data that the model was trained on
	Hash   string // likewise
	Form   Form   // likewise

	// Seed, Samples, Batch and Shards are those with which training scored the model, as in
	// [EvalConfig].
	Seed                   uint64
	Samples, Batch, Shards int

	// Training is nil where the file holds a model and no training to go on with.
	Training *Training
}

// Training is how far a training had come when it wrote a checkpoint.
type Training struct {
	Config  TrainConfig
	History []Epoch // of all epochs done
	Ended   bool    // there is no more to do, by the epochs or by patience
}

func (h header) info() Info {
	i := Info{Config: h.Model, Name: h.Data.Name, Hash: h.Data.Hash, Form: h.Data.Form, Seed: 1, Batch: 16}
	switch {
	case h.Eval != nil:
		i.Seed, i.Samples, i.Batch, i.Shards = h.Eval.Seed, h.Eval.Samples, max(h.Eval.Batch, 1), h.Eval.Shards
	case h.Train != nil:
		e := h.Train.Eval()
		i.Seed, i.Samples, i.Batch, i.Shards = e.Seed, e.Samples, e.Batch, e.Shards
	}
	i.Shards = min(max(i.Shards, 0), maxShards)
	if h.Train != nil && h.State != nil {
		i.Training = &Training{Config: *h.Train, History: h.State.History, Ended: h.State.ended(*h.Train)}
	}
	return i
}

const (
	headerVersion = 1
	headerKey     = "elbow"
	meanTensor    = "input_mean"

	stateH, stateC = "state.h", "state.c" // carried states
)

// tensors returns the states, of n columns, under the names that checkpoints use.
func (s *States[T]) tensors(n int) []cell.Tensor[T] {
	shape := []int{len(s.H) / n, n}
	return []cell.Tensor[T]{{Name: stateH, Shape: shape, Data: s.H}, {Name: stateC, Shape: shape, Data: s.C}}
}

// writeTensors writes the tensors and the header to path, beside it first and then
// renamed, so that path always holds a whole checkpoint.
func writeTensors(path string, h header, ts []cell.Tensor[float32]) error {
	text, err := floatjson.Marshal(h)
	if err != nil {
		return fmt.Errorf("model: %s: %w", path, err)
	}
	f := &weights.File{Meta: map[string]string{headerKey: string(text)}}
	for _, t := range ts {
		f.Add(weights.Of(t.Name, t.Shape, t.Data))
	}
	return atomicfile.Write(path, 0o666, func(w io.Writer) error { return weights.WriteSafetensors(w, f) })
}

// checkpointFile is a checkpoint that has been read and whose header has been understood.
type checkpointFile struct {
	path string
	header
	tensors *weights.File
}

func readTensors(path string) (*checkpointFile, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	f, err := weights.Parse(path, raw)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	text, ok := f.Meta[headerKey]
	if !ok {
		return nil, fmt.Errorf("model: %s: header: no key %q: not a checkpoint of this program", path, headerKey)
	}
	c := &checkpointFile{path: path, tensors: f}
	if err := floatjson.Unmarshal([]byte(text), &c.header); err != nil {
		return nil, fmt.Errorf("model: %s: header: key %q: %w", path, headerKey, err)
	}
	if c.Version != headerVersion {
		return nil, fmt.Errorf("model: %s: header: version %d, want %d", path, c.Version, headerVersion)
	}
	if c.Model, err = c.Model.Resolve(); err != nil {
		return nil, &placed{path + ": header", err}
	}
	if err := c.Data.Form.check(c.Model.Data, c.Model.given()); err != nil {
		return nil, &placed{path + ": header", err}
	}
	return c, nil
}

// ReadInfo reads what a checkpoint says beside the model, in one written before forms were
// kept with an empty form.
func ReadInfo(path string) (Info, error) {
	c, err := readTensors(path)
	if err != nil {
		return Info{}, err
	}
	return c.info(), nil
}

// read copies tensor t.Name of the file into t.Data; the shapes have to agree.
func (c *checkpointFile) read(t cell.Tensor[float32]) error {
	from := c.tensors.Tensor(t.Name)
	switch {
	case from == nil:
		return fmt.Errorf("model: %s: no tensor %q", c.path, t.Name)
	case from.DType != weights.F32:
		return fmt.Errorf("model: %s: tensor %q: type %v, want F32", c.path, t.Name, from.DType)
	case !slices.Equal(from.Shape, t.Shape):
		return fmt.Errorf("model: %s: tensor %q: shape %v, want %v", c.path, t.Name, from.Shape, t.Shape)
	}
	if err := weights.Read(from, t.Data); err != nil {
		return fmt.Errorf("model: %s: %w", c.path, err)
	}
	for i, v := range t.Data {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("model: %s: tensor %q: element %d is %v", c.path, t.Name, i, v)
		}
	}
	return nil
}

// readAll fills ts from the file.
func (c *checkpointFile) readAll(ts []cell.Tensor[float32]) error {
	for _, t := range ts {
		if err := c.read(t); err != nil {
			return err
		}
	}
	return nil
}

// stored returns all tensors that belong to a model itself.
func stored(m Model[float32]) []cell.Tensor[float32] { return append(m.Tensors(), m.Constants()...) }

// Save writes the model, without any training state, to path. data names what it was
// trained on.
func Save(path string, m Model[float32], data *Data) error {
	checkThere("Save", "m", m != nil)
	checkThere("Save", "data", data != nil)
	return save(path, m, data, nil)
}

func save(path string, m Model[float32], data *Data, eval *evalID) error {
	h := header{Version: headerVersion, Model: m.Settings(), Eval: eval, Data: idOf(data)}
	return writeTensors(path, h, stored(m))
}

// Load reads a model from path, a best or a last checkpoint, ready for forward passes. Of a
// training that averages the parameters it is the average.
// Damaged or hostile files give an error that names the file and the place.
func Load(path string) (Model[float32], Info, error) {
	c, err := readTensors(path)
	if err != nil {
		return nil, Info{}, err
	}
	m, err := c.model()
	if err != nil {
		return nil, Info{}, err
	}
	if c.Train != nil && c.Train.EMADecay > 0 {
		if err := c.readAll(averaged(m.Tensors())); err != nil {
			return nil, Info{}, err
		}
	}
	m.Pack()
	return m, c.info(), nil
}

// model builds the model of the header and fills it. The size of the file bounds what the
// header can make it allocate.
func (c *checkpointFile) model() (Model[float32], error) {
	if err := c.fits(); err != nil {
		return nil, err
	}
	m, err := New[float32](c.Model)
	if err != nil {
		return nil, &placed{c.path + ": header", err}
	}
	if err := c.readAll(stored(m)); err != nil {
		return nil, err
	}
	return m, nil
}

// fits checks that the sizes in the header are those of tensors in the file, before a
// model of these sizes is made.
func (c *checkpointFile) fits() error {
	for _, want := range c.Model.landmarks() {
		switch t := c.tensors.Tensor(want.name); {
		case t == nil:
			return fmt.Errorf("model: %s: no tensor %q", c.path, want.name)
		case !slices.Equal(t.Shape, want.shape):
			return fmt.Errorf("model: %s: tensor %q: shape %v does not fit the sizes in the header", c.path, want.name, t.Shape)
		}
	}
	return nil
}
