package dataset

import (
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

const (
	page     = "the quick brown fox jumps over the lazy dog\n"
	tinyJSON = `{"train": [[[60,64],[62],[64,67]],[[60],[],[60,72]],[[55,60],[55,62],[55,64],[55,60]]],
"valid": [[[60,64],[62],[60]]], "test": [[[62,65],[64],[62]],[[60]]]}`
)

// examples are data of every kind, with what they are recognised as and their shape.
func examples(t testing.TB) []example {
	return []example{
		{model.FormRoll, datatest.One(t, "a.json", tinyJSON), Options{}, "88: 3/10 1/3 2/4"},
		{model.FormWave, datatest.Waves(t), Options{Frame: 10}, "10: 2/5 1/3 1/2"},
		{model.FormWave, datatest.Waves(t), Options{Frame: 10, Levels: 256}, "10: 2/5 1/3 1/2"},
		{model.FormWave, datatest.One(t, "a.wav", datatest.WAV(t, 8000, 200, 0)), Options{Frame: 5, Streams: 4}, "5: 4/32 1/4 1/4"},
		{model.FormImage, datatest.Put(t, "train-images-idx3-ubyte.gz", datatest.IDX(12, true, true), "train-labels.idx1-ubyte", datatest.IDX(12, false, false),
			"t10k-images.idx3-ubyte", datatest.IDX(5, true, false), "readme.md", ""), Options{Pixels: PixelsDraw}, "6: 10/10 2/2 5/5"},
		{model.FormImage, datatest.One(t, "faces.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), Options{Shuffle: true}, "6: 16/16 2/2 2/2"},
		{model.FormStrokes, datatest.Strokes(t), Options{}, "3: 2/3 2/3 2/3"},
		{model.FormText, datatest.One(t, "book", strings.Repeat(page, 12)), Options{Streams: 3}, "1: 3/475 1/26 1/27"},
		{model.FormText, datatest.One(t, "utf16", "\xff\xfe"+strings.Repeat("a\x00\xe4\x00", 60)), Options{Streams: 2}, "1: 2/108 1/6 1/6"},
		{model.FormText, datatest.Put(t, "ptb.train.txt", page, "ptb.valid.txt", "fox", "ptb.test.txt", "lazy dög"), Options{Streams: 2}, "1: 2/44 1/3 1/8"},
		{model.FormSeries, datatest.One(t, "a.csv", datatest.Table("x,y", 20, 2, 1, 0)), Options{}, "2: 1/16 1/2 1/2"},
		{model.FormSeries, datatest.One(t, "a.csv.gz", datatest.Gzip(datatest.Table("x,y", 20, 2, 1, 0))), Options{Window: 6, Hop: 2}, "2: 6/36 1/2 1/2"},
		{model.FormSeries, datatest.One(t, "a.tsv", strings.ReplaceAll(datatest.Table("x,y", 20, 2, 1, 0), ",", "\t")), Options{}, "2: 1/16 1/2 1/2"},
		{model.FormSeries, datatest.One(t, "a.npy", datatest.NPY("<f4", "10, 2, 3", datatest.Ramp(60)...)), Options{}, "3: 8/16 1/2 1/2"},
		{model.FormSeries, datatest.One(t, "a.npy", datatest.NPY("<f4", "20,", datatest.Ramp(20)...)), Options{}, "1: 1/16 1/2 1/2"},
		{model.FormSeries, datatest.One(t, "a.npy", datatest.NPY("|u1", "20, 2", datatest.Ramp(40)...)), Options{}, "2: 1/16 1/2 1/2"},
		{model.FormSeries, datatest.Put(t, "train/a.csv", "1,2\n3,4\n", "val/b.csv", "5,6\n", "test/c.csv", "7,8\n", "test/._c.csv", "\x00\x05"), Options{}, "2: 1/2 1/1 1/1"},
	}
}

type example struct {
	kind, path string
	o          Options
	shape      string
}

// TestOpen: what data are is recognised; read again by what a checkpoint keeps, they are the
// same to the bit, parts and all.
func TestOpen(t *testing.T) {
	for _, e := range examples(t) {
		t.Run(e.kind, func(t *testing.T) {
			d := open(t, e.path, e.o)
			if d.Form.Kind != e.kind || shape(d) != e.shape || d.Whole {
				t.Errorf("%s: %s %s, want %s %s", e.path, d.Form.Kind, shape(d), e.kind, e.shape)
			}
			again, err := OpenAs(e.path, "", info(d), false, new(infile.Budget))
			if err != nil {
				t.Fatal(err)
			}
			if again.Hash != d.Hash || again.Whole || shape(again) != e.shape {
				t.Errorf("%s: by its form %s, want %s", e.path, shape(again), e.shape)
			}
			for p, part := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
				for i := range part {
					a := part[i].Values(d.Dim)
					b := [][]model.Sequence{again.Train, again.Valid, again.Test}[p][i].Values(d.Dim)
					if !slices.Equal(a, b) {
						t.Errorf("part %d, sequence %d: the values differ", p, i)
					}
				}
			}
			if other := open(t, e.path, e.o); other.Hash != d.Hash {
				t.Error("read twice, the hashes differ")
			}
		})
	}
}

// TestOtherData: new data come to the scale, the symbols and the columns of the training, as
// one part; what cannot be read so is an error.
func TestOtherData(t *testing.T) {
	csv := open(t, datatest.One(t, "a.csv", datatest.Table("x,y", 40, 2, 1, 0)), Options{})
	txt := open(t, datatest.One(t, "a.txt", strings.Repeat(page, 9)), Options{})
	snd := open(t, datatest.One(t, "a.wav", datatest.WAV(t, 8000, 400, 0)), Options{Frame: 10})
	img := open(t, datatest.One(t, "a.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), Options{Pixels: PixelsThreshold})
	for _, c := range []struct {
		of   *Data
		path string
		want string // the shape, or an error
	}{
		{csv, datatest.One(t, "b.csv", "x,y\n1000,-7\n"), "2: 0/0 0/0 1/1"},
		{csv, datatest.One(t, "b.csv", "x,y\n1000,-7\n0,1\n"), "2: 0/0 0/0 1/2"},
		{csv, datatest.One(t, "b.csv", datatest.Table("", 40, 2, 2, 0)), "2: 0/0 0/0 1/40"}, // without names
		{csv, datatest.One(t, "b.csv", datatest.Table("y,x", 40, 2, 1, 0)), "columns"},
		{csv, datatest.One(t, "b.csv", datatest.Table("x,y,z", 40, 3, 1, 0)), "3 dimensions, the model was trained on 2"},
		{csv, datatest.One(t, "b.txt", page), "no row of numbers"},
		{txt, datatest.One(t, "b.txt", "A SHORT ONE"), "1: 0/0 0/0 1/11"},
		{txt, datatest.One(t, "b.txt", ""), "no characters"},
		{snd, datatest.One(t, "b.wav", datatest.WAV(t, 8000, 10, 0)), "10: 0/0 0/0 1/1"},
		{snd, datatest.One(t, "b.wav", datatest.WAV(t, 16000, 100, 0)), "16000 samples per second, the model was trained on 8000"},
		{snd, datatest.One(t, "b.wav", datatest.WAV(t, 8000, 9, 0)), "fill no frame"},
		{img, datatest.One(t, "b.npy", datatest.NPY("|u1", "1, 3, 2", datatest.Ramp(6)...)), "6: 0/0 0/0 1/1"},
		{img, datatest.One(t, "b.npy", datatest.NPY("|u1", "1, 2, 3", datatest.Ramp(6)...)), "images of 2 x 3"},
	} {
		d, err := OpenAs(c.path, "", info(c.of), false, new(infile.Budget))
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("%v, want %q and the path", err, c.want)
			}
			continue
		}
		if got := shape(d); got != c.want || !d.Whole {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
		x := d.Test[0].Values(d.Dim)
		switch c.of {
		case csv:
			if want := float32((1000 - csv.Form.Offset[0]) / csv.Form.Scale[0]); strings.Contains(c.want, "1/1 1") && x[0] != want {
				t.Errorf("%v, want %v", x[0], want)
			}
		case txt:
			if slices.ContainsFunc(x, func(v float32) bool { return v != float32(txt.Form.Classes-1) && v != 1 }) {
				t.Errorf("capitals are %v, want the last of %d classes, or the blank", x, txt.Form.Classes)
			}
		}
	}
}

// TestForms: the parts are standardised by the train part, and the form undoes it.
func TestForms(t *testing.T) {
	d := open(t, datatest.Waves(t), Options{Frame: 10})
	sum, n := 0.0, 0 // of all samples, those of the tails too
	for _, r := range []struct {
		n    int
		mean float64
	}{{45, 10}, {19, -30}} {
		for i := range r.n {
			sum += r.mean + datatest.Sample(i)
		}
		n += r.n
	}
	if got, want := d.Form.Offset[0], sum/float64(n); math.Abs(got-want) > 1e-9 || d.Form.Rate != 8000 {
		t.Errorf("form %+v, want the mean %v", d.Form, want)
	}
	x := d.Train[0].Values(d.Dim)
	d.Form.Raw(x, d.Dim)
	for i := range x {
		if want := 10 + datatest.Sample(i); math.Abs(float64(x[i])-want) > 1e-3 {
			t.Fatalf("sample %d: %v, want %v", i, x[i], want)
		}
	}

	d = open(t, datatest.Strokes(t), Options{})
	if s := d.Train[0].Values(3); s[0] != 1 || s[3] != 1 || d.Form.Scale[0] != 1 || len(d.Notes) != 3 {
		t.Errorf("%v, %+v, %q", s, d.Form, d.Notes)
	}

	path := datatest.One(t, "faces.npy", datatest.NPY("|u1", "20, 1, 2", datatest.Ramp(40)...))
	first := map[string]float32{PixelsReal: 7.0 / 255, Pixels256: 7.0 / 256, PixelsThreshold: 0, PixelsDraw: 7.0 / 255}
	hashes := map[string]string{}
	for way, want := range first {
		d = open(t, path, Options{Pixels: way})
		if s := d.Train[0]; s.Values(2)[1] != want || s.Binarise != (way == PixelsDraw) {
			t.Errorf("%s: %v, binarise %v", way, s.Values(2)[1], s.Binarise)
		}
		if other, ok := hashes[d.Hash]; ok {
			t.Errorf("pixels %s and %s have the same hash", way, other)
		}
		hashes[d.Hash] = way
	}
	d, shuffled := open(t, path, Options{}), open(t, path, Options{Shuffle: true})
	if shuffled.Hash == d.Hash || len(shuffled.Train) != 16 {
		t.Error("shuffled images have the hash of those that are not")
	}
}

// TestStandardise: means are subtracted before anything is rounded to float32.
func TestStandardise(t *testing.T) {
	var b strings.Builder
	b.WriteString("t,b\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%d,%d\n", 1600000000+i, i*i%7)
	}
	d := open(t, datatest.One(t, "unix.csv", b.String()), Options{})
	seen := map[float32]bool{}
	for _, s := range d.All() {
		for i, v := range s.Values(2) {
			if i%2 == 0 {
				seen[v] = true
			}
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d different values of 60", len(seen))
	}
	zeros := open(t, datatest.One(t, "a.csv", strings.Repeat("1,0\n0,1\n", 10)), Options{})
	greys := open(t, datatest.One(t, "a.npy", datatest.NPY("<f4", "20, 2", make([]float32, 40)...)), Options{Raw: true})
	if len(zeros.Form.Scale) != 0 || zeros.Suits.Likelihood != model.Bernoulli || len(greys.Form.Scale) != 0 {
		t.Errorf("%+v, %+v", zeros.Form, greys.Form)
	}
	constant := open(t, datatest.One(t, "a.csv", strings.Repeat("3,0\n3,1\n", 10)), Options{})
	if constant.Form.Scale[0] != 1 || constant.Form.Offset[0] != 3 {
		t.Errorf("a column that does not vary: %+v", constant.Form)
	}
}

// TestHash: the form is part of the hash. A table and the same one times four have the same
// standardised values, because nothing is rounded on the way, and are not the same data.
func TestHash(t *testing.T) {
	d := open(t, datatest.One(t, "a.csv", datatest.Table("x,y", 40, 2, 1, 0)), Options{})
	times4 := open(t, datatest.One(t, "a.csv", datatest.Table("x,y", 40, 2, 4, 0)), Options{})
	for i, s := range d.All() {
		if !slices.Equal(s.Values(2), times4.All()[i].Values(2)) {
			t.Fatalf("sequence %d: the standardised values differ", i)
		}
	}
	if d.Hash == times4.Hash {
		t.Error("tables of different scales have the same hash")
	}
}

// TestOneFill: rows of a table are counted against the budget once, also where other data are
// first split as those of the training were.
func TestOneFill(t *testing.T) {
	const rows, dim = 1000, 2
	d := open(t, datatest.One(t, "a.csv", datatest.Table("x,y", rows, dim, 1, 0)), Options{})
	path := datatest.One(t, "b.csv", datatest.Table("x,y", rows, dim, 2, 0))
	b := &infile.Budget{Max: rows * dim * 4 * 3 / 2}
	if _, err := OpenAs(path, "", info(d), false, b); err != nil || b.Left() > b.Max/3 {
		t.Errorf("with room for the values one and a half times: %v, %d bytes are left", err, b.Left())
	}
}

// TestHeldOut: images with a test set of their own give up as many to valid as are asked for.
func TestHeldOut(t *testing.T) {
	dir := datatest.Put(t, "train-images-idx3-ubyte", datatest.IDX(12, true, false), "t10k-images-idx3-ubyte", datatest.IDX(4, true, false))
	for _, c := range []struct{ valid, train int }{{0, 10}, {1, 11}, {2, 10}, {3, 10}} {
		d := open(t, dir, Options{Held: c.valid})
		if len(d.Train) != c.train || len(d.Valid) != 12-c.train || len(d.Test) != 4 {
			t.Errorf("valid %d: %s", c.valid, shape(d))
		}
	}
}

// TestSoundNames: without lists the names decide, whatever else is in the folder.
func TestSoundNames(t *testing.T) {
	var pairs []string
	for i := range 60 {
		pairs = append(pairs, fmt.Sprintf("%d.wav", i), datatest.WAV(t, 8000, 20, float64(i)))
	}
	parts := func(dir string) map[string]int {
		d := open(t, dir, Options{Frame: 10})
		at := map[string]int{}
		for i, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
			for _, s := range seqs {
				at[filepath.Base(s.Name)] = i
			}
		}
		return at
	}
	all, some := parts(datatest.Put(t, pairs...)), parts(datatest.Put(t, pairs[:100]...))
	counts := [3]int{}
	for _, part := range all {
		counts[part]++
	}
	if counts[0] < 36 || counts[1] == 0 || counts[2] == 0 || len(all) != 60 || len(some) != 50 {
		t.Errorf("parts of %v", counts)
	}
	for name, part := range some {
		if all[name] != part {
			t.Errorf("%s: part %d, and %d among others", name, part, all[name])
		}
	}
	if few := parts(datatest.Put(t, "a.wav", datatest.WAV(t, 8000, 200, 0), "b.wav", datatest.WAV(t, 8000, 100, 0))); len(few) == 0 {
		t.Error("two recordings are not split")
	}
}

// TestLevels: levels lie on their grid and stand for the middle of their samples; with 16
// bits, each for one.
func TestLevels(t *testing.T) {
	for _, levels := range []int{2, 256, 65536} {
		raw := []float64{-32768, -32767, -129, -1, 0, 1, 127, 128, 12345, 32766, 32767}
		f := model.Form{Kind: model.FormWave}
		if err := learnSound(new(set), nil, Options{Levels: levels}, &f); err != nil {
			t.Fatal(err)
		}
		x := make([]float32, len(raw))
		newCode(f).encode(x, raw, 1)
		if x[0] != -1 || x[len(x)-1] != 1 {
			t.Errorf("%d levels: from %v to %v, want -1 to 1", levels, x[0], x[len(x)-1])
		}
		for _, v := range x {
			if n := (float64(v) + 1) / 2 * float64(levels-1); math.Abs(n-math.Round(n)) > 0.01 {
				t.Errorf("%d levels: %v is not one", levels, v)
			}
		}
		f.Raw(x, 1)
		for i, v := range x {
			if want := 65536/float64(levels)/2 - 0.49; math.Abs(float64(v)-raw[i]) > want {
				t.Errorf("%d levels: sample %v comes back as %v", levels, raw[i], v)
			}
		}
	}
}

// TestBeside: the parts follow each other and leave nothing out.
func TestBeside(t *testing.T) {
	x := datatest.Ramp(2 * 11)
	for n := 1; n < 15; n++ {
		parts := beside([]model.Sequence{{Name: "s", X: x}}, n, 2)
		var all []float32
		for _, p := range parts {
			if len(p.X) == 0 || len(p.X)%2 != 0 {
				t.Errorf("%d parts: one of %d values", n, len(p.X))
			}
			all = append(all, p.X...)
		}
		if len(parts) != min(n, 11) || !slices.Equal(all, x) {
			t.Errorf("%d parts asked for, got %d with %d values", n, len(parts), len(all))
		}
	}
}

// TestCharacters: characters of any width are found from anywhere.
func TestCharacters(t *testing.T) {
	all := []rune(strings.Repeat("aäb€c𝄞", 1000))
	c, err := newCharacters("f", []byte(string(all)))
	if err != nil || c.n != len(all) {
		t.Fatal(c.n, err)
	}
	for _, from := range []int{0, 1, 1023, 1024, 1025, 3000, 5999} {
		x := make([]float64, min(1500, len(all)-from))
		c.Read(x, from)
		for i, v := range x {
			if rune(v) != all[from+i] {
				t.Fatalf("from %d: character %d is %q, want %q", from, i, rune(v), all[from+i])
			}
		}
	}
	if _, err := newCharacters("f", []byte("ab\xff")); err == nil || !strings.Contains(err.Error(), "f: byte 2") {
		t.Error(err)
	}
}

// TestRealData checks the shapes of the data sets that are not part of the project.
func TestRealData(t *testing.T) {
	base := os.Getenv("ELBOW_DATA")
	if base == "" || testing.Short() {
		t.Skip("ELBOW_DATA is not set, or -short")
	}
	for _, c := range []struct{ folder, kind, pixels, want string }{
		{"jsb-chorales/jsb-chorales-quarter.json", model.FormRoll, "", "88: 229/13807 76/4602 77/4725"},
		{"fsdd", model.FormWave, "", "200: 1200/20071 150/2665 150/2649"},
		{"omniglot-strokes", model.FormStrokes, "", "3: 1904/261457 408/57729 408/53803"},
		{"frey-face", model.FormImage, Pixels256, "560: 1565/1565 200/200 200/200"},
		{"mnist", model.FormImage, PixelsDraw, "784: 50000/50000 10000/10000 10000/10000"},
	} {
		d, err := Open(filepath.Join(base, filepath.FromSlash(c.folder)), Options{Pixels: c.pixels}, new(infile.Budget))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := shape(d); got != c.want || d.Form.Kind != c.kind {
			t.Errorf("%s: %s %s, want %s", c.folder, d.Form.Kind, got, c.want)
		}
		if c.kind == model.FormWave && (math.Abs(d.Form.Offset[0]+65.174544) > 1e-6 || math.Abs(d.Form.Scale[0]-2439.033939) > 1e-6) {
			t.Errorf("%s: %+v", c.folder, d.Form)
		}
		if c.folder == "mnist" && (d.Train[0].Label != "5" || d.Test[1].Label != "2") {
			t.Errorf("labels %q, %q", d.Train[0].Label, d.Test[1].Label)
		}
	}
}
