package model

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/kernels"
)

// TestBinarise: sequences marked so come as ones and zeros with the right frequency, the
// others as they are; the draws change with the update and the row and with nothing else.
func TestBinarise(t *testing.T) {
	const dim = 500
	p := make([]float32, dim)
	for j := range p {
		p[j] = float32(j) / (dim - 1)
	}
	seqs := []Sequence{{X: p, Binarise: true}, {X: p, Binarise: true}, {X: p}}
	draw := func(update uint32, row0 int, batch ...int) []float32 {
		b := Batch[float32]{Noise: kernels.Noise{Seed: 7, Stream: streamTrain, Update: update}}
		segment(&b, seqs, batch, Config{Data: dim}, 0, 0, 1, row0)
		return b.X
	}
	x := draw(1, 0, 0, 1, 2)
	if !slices.Equal(x[2*dim:], p) {
		t.Error("a sequence that is not to be binarised changed")
	}
	if slices.Equal(x[:dim], x[dim:2*dim]) {
		t.Error("two rows have the same draw")
	}
	if !slices.Equal(x[dim:2*dim], draw(1, 1, 0)) {
		t.Error("the draw of a row depends on the batch it is in")
	}
	// The draws of z of the same row and update have nothing to do with it.
	u := make([]float32, dim)
	kernels.Uniforms(u, kernels.Noise{Seed: 7, Stream: streamTrain, Update: 1}, 0, 0, 1, dim)
	for j := range u {
		if u[j] < p[j] {
			u[j] = 1
		} else {
			u[j] = 0
		}
	}
	if slices.Equal(u, x[:dim]) {
		t.Error("the draw takes its numbers from another stream")
	}
	ones, n := 0.0, 0
	for update := range uint32(200) {
		x := draw(update, 0, 0)
		if update > 0 && slices.Equal(x, draw(0, 0, 0)) {
			t.Errorf("update %d has the draw of update 0", update)
		}
		for j, v := range x {
			if v != 0 && v != 1 || p[j] == 0 && v == 1 || p[j] == 1 && v == 0 {
				t.Fatalf("p = %v became %v", p[j], v)
			}
			ones += float64(v)
			n++
		}
	}
	// The mean of p(1-p) is 1/6, so the standard error of the frequency is this:
	if se := math.Sqrt(1.0 / 6 / float64(n)); math.Abs(ones/float64(n)-0.5) > 5*se {
		t.Errorf("frequency of ones %v, want 0.5 within %v", ones/float64(n), 5*se)
	}
}

// TestDeal: every sequence is in one batch, in the order given but for the lengths within a
// batch, which fall.
func TestDeal(t *testing.T) {
	seqs := make([]Sequence, 10)
	for i, n := range []int{5, 1, 4, 1, 5, 9, 2, 6, 5, 3} {
		seqs[i].X = make([]float32, n)
	}
	got := deal(seqs, 1, 4, []int{9, 0, 3, 8, 1, 5, 7, 2, 6, 4})
	if want := [][]int{{0, 8, 9, 3}, {5, 7, 2, 1}, {4, 6}}; !slices.EqualFunc(got, want, slices.Equal[[]int]) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestForm: a checkpoint keeps the form; Raw inverts the scaling; Check refuses what does
// not fit.
func TestForm(t *testing.T) {
	m := newModel[float32](t, Config{Model: ModelRNN, Data: 3, Hidden: 2})
	f := Form{Kind: FormStrokes, Offset: []float64{0, 1, -2}, Scale: []float64{1, 2, 4}}
	path := filepath.Join(t.TempDir(), BestFile)
	if err := Save(path, m, &Data{Name: "d", Dim: 3, Form: f}); err != nil {
		t.Fatal(err)
	}
	info, err := ReadInfo(path)
	got := info.Form
	if err != nil || got.Kind != f.Kind || !slices.Equal(got.Offset, f.Offset) || !slices.Equal(got.Scale, f.Scale) {
		t.Errorf("got %+v, %v, want %+v", got, err, f)
	}
	x := []float32{1, 1, 1, 0, 0, 0.5}
	f.Raw(x, 3)
	if want := []float32{1, 3, 2, 0, 1, 0}; !slices.Equal(x, want) {
		t.Errorf("Raw gave %v, want %v", x, want)
	}
	one := Form{Offset: []float64{10}, Scale: []float64{2}}
	if one.Raw(x[:3], 3); !slices.Equal(x[:3], []float32{12, 16, 14}) {
		t.Errorf("Raw with one scale gave %v", x[:3])
	}

	seqs := []Sequence{{Name: "s", X: []float32{0, 1, 2}}}
	for _, c := range []struct {
		want string
		dim  int
		form Form
		x    []float32
	}{
		{"2 scales", 3, Form{Scale: []float64{1, 2}, Offset: []float64{1, 2}}, nil},
		{"0 offsets", 3, Form{Scale: []float64{1}}, nil},
		{"image of 2 x 2", 3, Form{Kind: FormImage, Rows: 2, Cols: 2}, nil},
		{"3 classes in 3", 3, Form{Classes: 3}, nil},
		{"1 symbols for 2", 1, Form{Kind: FormText, Classes: 2, Symbols: "é"}, nil},
		{"rate -1", 1, Form{Rate: -1}, nil},
		{"-1 levels", 1, Form{Levels: -1}, nil},
		{"step 2: class 2", 1, Form{Classes: 2}, nil},
		{"step 1: class 0.5", 1, Form{Classes: 2}, []float32{1, 0.5}},
		{"step 0: class -1", 1, Form{Classes: 2}, []float32{-1}},
		{"", 1, Form{Kind: FormText, Classes: 3, Symbols: "abé"}, nil},
	} {
		train := seqs
		if c.x != nil {
			train = []Sequence{{Name: "s", X: c.x}}
		}
		d := Data{Name: "d", Dim: c.dim, Form: c.form, Train: train, Valid: seqs, Test: seqs}
		err := d.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.form, err, c.want)
		}
	}
}
