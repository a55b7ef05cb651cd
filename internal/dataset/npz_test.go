package dataset

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
)

// npz is a .npz file of arrays, given as pairs of name and .npy file.
func npz(t *testing.T, pairs ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(pairs[i+1]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return datatest.One(t, "a.npz", b.String())
}

func TestZip(t *testing.T) {
	array := func(shape string, n int) string { return datatest.NPY("<f4", shape, datatest.Ramp(n)...) }
	three := func(names ...string) []string {
		return []string{names[0] + ".npy", array("12, 5, 2", 120), names[1] + ".npy", array("3, 5, 2", 30), names[2] + ".npy", array("2, 4, 2", 16)}
	}
	lengths := datatest.NPY("<f4", "12,", 5, 4, 3, 2, 1, 0, 5, 5, 5, 5, 5, 5)
	mask := datatest.NPY("<f4", "3, 5", 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)
	for _, c := range []struct {
		pairs []string
		want  string // the shape, or an error
		note  string
	}{
		{three("train", "valid", "test"), "2: 12/60 3/15 2/8", ""},
		{three("x_train", "x_val", "x_test"), "2: 12/60 3/15 2/8", ""},
		{three("X_train", "X_dev", "X_test"), "2: 12/60 3/15 2/8", ""},
		{three("trainX", "validX", "testX"), "2: 12/60 3/15 2/8", ""},
		{append(three("x_train", "x_valid", "x_test"), "y_train.npy", array("12,", 12)), "2: 12/60 3/15 2/8", `"y_train"`},
		{append(three("train", "valid", "test"), "train_lengths.npy", lengths), "has neither", ""},
		{append(three("train", "valid", "test"), "lengths_train.npy", lengths, "mask_valid.npy", mask, "test_lengths.npy", datatest.NPY("<f4", "2,", 4, 3)), "2: 12/45 3/9 2/7", ""},
		{append(three("X_train", "X_valid", "X_test"), "lengths.npy", lengths), "cannot tell whose", ""},
		{append(three("train", "valid", "test"), "mask_valid.npy", datatest.NPY("<f4", "3, 5", 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)), "a value is missing before it", ""},
		{append(three("train", "valid", "test"), "train_lengths.npy", array("11,", 11)), "11 lengths for the 12 sequences", ""},
		{append(three("train", "valid", "test"), "train_lengths.npy", datatest.NPY("<f4", "12,", slices.Repeat([]float32{6}, 12)...)), "length 6, want 0..5", ""},
		{append(three("train", "valid", "test"), "x_train.npy", array("12, 5, 2", 120)), "both", ""},
		{[]string{"X.npy", array("20, 3, 2", 120)}, "2: 16/48 2/6 2/6", ""},
		{[]string{"arr_0.npy", array("20, 3, 2", 120)}, "2: 16/48 2/6 2/6", ""},
		{[]string{"X.npy", array("12, 5, 2", 120), "y.npy", array("12,", 12), "lengths.npy", lengths}, "2: 9/30 1/5 2/10", `"y"`},
		{[]string{"a.npy", array("12, 5, 2", 120), "b.npy", array("12,", 12)}, "cannot tell which are the data", ""},
		{three("train", "valid", "tests")[:4], "want those of train, valid and test", ""},
		{[]string{"train.npy", "no array", "x.txt", ""}, "a.npz", ""},
	} {
		path := npz(t, c.pairs...)
		d, err := Open(path, Options{}, new(infile.Budget))
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q and the path", err, c.want)
			}
			continue
		}
		if got := shape(d); got != c.want || !strings.Contains(strings.Join(d.Notes, "\n"), c.note) || c.note == "" && len(d.Notes) > 0 {
			t.Errorf("%s, notes %q, want %s, %q", got, d.Notes, c.want, c.note)
		}
		if again, err := OpenAs(path, info(d), false, new(infile.Budget)); err != nil || again.Hash != d.Hash {
			t.Errorf("by its form: %v", err)
		}
	}
}
