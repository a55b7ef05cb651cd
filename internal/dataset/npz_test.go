package dataset

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
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
		if again, err := OpenAs(path, "", info(d), false, new(infile.Budget)); err != nil || again.Hash != d.Hash {
			t.Errorf("by its form: %v", err)
		}
	}
}

// TestMissing: what is missing in a table or an array is NaN to a model, and has no part in the scale.
func TestMissing(t *testing.T) {
	rows := 20
	var csv strings.Builder
	csv.WriteString("x,y\n")
	var x, mask []float32
	for i := range rows {
		a, b := float32(i%7), float32(i%3)
		x, mask = append(x, a, b), append(mask, 1, 1)
		if i%4 == 1 {
			mask[2*i+1] = 0
			fmt.Fprintf(&csv, "%v,%s\n", a, []string{"", "NA", "NaN"}[i%3])
		} else {
			fmt.Fprintf(&csv, "%v,%v\n", a, b)
		}
	}
	table := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(table, []byte(csv.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	nans := slices.Clone(x)
	for i, v := range mask {
		if v == 0 {
			nans[i] = float32(math.NaN())
		}
	}
	wild := slices.Clone(x) // what a mask hides may be anything
	for i, v := range mask {
		if v == 0 {
			wild[i] = 1e6
		}
	}
	var want []float32
	for i, path := range []string{table,
		npz(t, "x.npy", datatest.NPY("<f4", "20, 2", nans...)),
		npz(t, "x.npy", datatest.NPY("<f4", "20, 2", wild...), "mask.npy", datatest.NPY("<f4", "20, 2", mask...)),
	} {
		d, err := Open(path, Options{}, new(infile.Budget))
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
			for j := range seqs {
				got = append(got, seqs[j].Values(d.Dim)...)
			}
		}
		if i == 0 {
			want = got
		}
		for j, v := range got {
			if v != want[j] && (v == v || want[j] == want[j]) {
				t.Fatalf("%s: value %d is %v, in the table %v", path, j, v, want[j])
			}
			if (v != v) != (mask[j] == 0) {
				t.Errorf("%s: value %d is %v, the mask %v", path, j, v, mask[j])
			}
		}
		if !strings.Contains(strings.Join(d.Notes, "\n"), "missing") {
			t.Errorf("%s: notes %q", path, d.Notes)
		}
		for j := range d.Form.Scale {
			if !(d.Form.Scale[j] > 0.1 && d.Form.Scale[j] < 10) {
				t.Errorf("%s: scale %v", path, d.Form.Scale)
			}
		}
	}
}

// TestZipHoles: of padded sequences a mask says both what is padding and what is missing.
func TestZipHoles(t *testing.T) {
	x, mask := make([]float32, 10*4*2), slices.Repeat([]float32{1}, 10*4*2)
	for i := range x {
		x[i] = float32(i % 5)
	}
	mask[1] = 0             // in the first step of the first sequence
	mask[6], mask[7] = 0, 0 // its last step
	d, err := Open(npz(t, "x.npy", datatest.NPY("<f4", "10, 4, 2", x...), "mask.npy", datatest.NPY("<f4", "10, 4, 2", mask...)), Options{}, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	first := d.Train[0].Values(2)
	if len(first) != 6 || first[0] != first[0] || first[1] == first[1] || first[2] != first[2] {
		t.Errorf("the first sequence is %v", first)
	}
}
