package dataset

import (
	"fmt"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

func open(t testing.TB, path string, o Options) *Data {
	t.Helper()
	d, err := Open(path, o, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// info is what a checkpoint of a model trained on d says.
func info(d *Data) model.Info {
	return model.Info{Config: model.Config{Data: d.Dim}, Name: d.Name, Hash: d.Hash, Form: d.Form}
}

// shape counts sequences and steps of the parts.
func shape(d *Data) string {
	s := fmt.Sprintf("%d:", d.Dim)
	for _, part := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		steps := 0
		for i := range part {
			steps += part[i].Steps(d.Dim)
		}
		s += fmt.Sprintf(" %d/%d", len(part), steps)
	}
	return s
}
