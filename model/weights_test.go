package model

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/weights"
)

// TestForeignNames: the checkpoint of every kind of model gets the names of PyTorch and Keras, and is the same again, bit by bit, with ours.
func TestForeignNames(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelRNN, Hidden: 4, Layers: 2}, {Model: ModelVRNN, Hidden: 4, Cell: "gru"}, {Model: ModelVRNNI, Hidden: 4, Cell: "rnn"}, {Model: ModelSTORN, Hidden: 4, Layers: 3},
		{Model: ModelVRAE, Hidden: 4}, {Model: ModelClassifier, Hidden: 4, Labels: []string{"a", "b"}}, {Model: ModelVAE, Hidden: 4, Likelihood: Gauss},
		{Model: ModelRegression, Hidden: 4, Given: 1}, {Model: ModelRNN, Hidden: 4, Likelihood: NADE},
	} {
		c.Data = 3
		m, err := New[float32](c)
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range stored(m) {
			for i := range x.Data {
				x.Data[i] = float32(k) + float32(i)/1024
			}
		}
		path := filepath.Join(t.TempDir(), BestFile)
		if err := Save(path, m, &Data{Name: "d", Dim: 3}); err != nil {
			t.Fatal(err)
		}
		ours, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := weights.Parse(path, bytes.Clone(ours))
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range []struct {
			to, from func(*weights.File) (*weights.File, error)
		}{{weights.ToPyTorch, weights.FromPyTorch}, {weights.ToKeras, weights.FromKeras}} {
			theirs, err := way.to(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range theirs.Tensors {
				if strings.HasSuffix(x.Name, ".wih") || strings.HasSuffix(x.Name, ".w") && len(x.Shape) == 2 {
					t.Errorf("%s: %s %v has kept its name", c.Model, x.Name, x.Shape)
				}
			}
			var b bytes.Buffer
			back, err := way.from(theirs)
			if err == nil {
				err = weights.WriteSafetensors(&b, back)
			}
			if err != nil || !bytes.Equal(b.Bytes(), ours) {
				t.Errorf("%s: %v, other bytes: %v", c.Model, err, !bytes.Equal(b.Bytes(), ours))
			}
		}
	}
}
