package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/series"
	"github.com/elbow-go/elbow/internal/wave"
	"github.com/elbow-go/elbow/model"
)

// put writes files, given as pairs of name and content, and returns their folder.
func put(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(pairs[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wav is a recording of n samples of a wave around mean.
func wav(t *testing.T, rate, n int, mean float64) string {
	t.Helper()
	samples := make([]float32, n)
	for i := range samples {
		samples[i] = float32(math.Round(mean + 100*math.Sin(float64(i))))
	}
	var b bytes.Buffer
	if err := wave.Write(&b, rate, samples); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// idxFile is n images of 3 x 2 pixels, or n labels.
func idxFile(n int, images, zip bool) string {
	raw := []byte{0, 0, 8, 1, 0, 0, 0, byte(n)}
	size := n
	if images {
		raw = append(raw, 0, 0, 0, 3, 0, 0, 0, 2)
		raw[3], size = 3, 6*n
	}
	for i := range size {
		raw = append(raw, byte(i*37%256))
	}
	if !zip {
		return string(raw)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.String()
}

// npyFile is a .npy file of numbers of type |u1 or <f4.
func npyFile(descr, shape string, values ...float32) string {
	header := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	b = append(b, header...)
	for _, v := range values {
		if descr == "|u1" {
			b = append(b, byte(v))
		} else {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return string(b)
}

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i * 7 % 11)
	}
	return v
}

func strokesFolder(t *testing.T) string {
	var pairs []string
	for _, s := range []string{"train", "valid", "test"} {
		pairs = append(pairs, s+"_points.npy", npyFile("<f4", "6, 4", 0, 0, 0, 0, 1, -2, 5, 1, 4, 4, 9, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 3, 1, 1),
			s+"_lengths.npy", npyFile("<f4", "3", 3, 1, 2), s+"_meta.json", `[["Greek","alpha",1],["Greek","iota",2],["Greek","beta",3]]`)
	}
	return put(t, pairs...)
}

func waveFolder(t *testing.T) string {
	return put(t, "train.txt", "a.wav\n\nb.wav\n", "valid.txt", "c.wav", "test.txt", "sub/d.wav",
		"recordings/a.wav", wav(t, 8000, 45, 10), "recordings/b.wav", wav(t, 8000, 19, -30), "recordings/sub/c.wav", wav(t, 8000, 30, 0),
		"sub/d.wav", wav(t, 8000, 25, 0), "unused.wav", wav(t, 44100, 5, 0))
}

const page = "the quick brown fox jumps over the lazy dog\n"

// TestKinds trains a tiny model on every kind of data and draws from it.
func TestKinds(t *testing.T) {
	blastest.UseGo(t)
	long := strings.Repeat(page, 12)
	for _, c := range []struct {
		kind, path string
		args       []string
		parts      string // sequences per part
		want       string // in the output
		file       string // that sample writes
	}{
		{model.FormRoll, write(t, "a.json", tinyJSON), nil, "3 + 1 + 2", "bernoulli", midiFile},
		{model.FormWave, waveFolder(t), []string{"-frame", "10"}, "2 + 1 + 1", "gauss", waveFile},
		{model.FormWave, waveFolder(t), []string{"-frame", "10", "-levels", "256"}, "2 + 1 + 1", "logistic-mixture", waveFile},
		{model.FormWave, filepath.Join(put(t, "a.wav", wav(t, 8000, 200, 0)), "a.wav"), []string{"-frame", "5", "-streams", "4"}, "4 + 1 + 1", "gauss", waveFile},
		{model.FormImage, put(t, "train-images-idx3-ubyte.gz", idxFile(12, true, true), "train-labels-idx1-ubyte", idxFile(12, false, false),
			"t10k-images-idx3-ubyte", idxFile(5, true, false), "readme.md", ""), []string{"-model", "vrnn", "-pixels", "draw"}, "10 + 2 + 5", "bernoulli", imagesFile},
		{model.FormImage, filepath.Join(put(t, "faces.npy", npyFile("|u1", "20, 3, 2", ramp(120)...)), "faces.npy"), []string{"-model", "vrnn", "-shuffle"}, "16 + 2 + 2", "bernoulli", imagesFile},
		{model.FormStrokes, strokesFolder(t), []string{"-model", "rnn"}, "2 + 2 + 2", "3 points make", strokesFile + ".png"},
		{model.FormText, filepath.Join(put(t, "book", long), "book"), []string{"-streams", "3"}, "3 + 1 + 1", "five-gram", textFile},
		{model.FormSeries, filepath.Join(put(t, "a.csv", "x,y\n"+strings.Repeat("1,2\n3,5\n", 10)), "a.csv"), nil, "1 + 1 + 1", "gauss", csvFile},
		{model.FormSeries, filepath.Join(put(t, "a.npy", npyFile("<f4", "10, 2, 3", ramp(60)...)), "a.npy"), nil, "8 + 1 + 1", "gauss", csvFile},
		{model.FormSeries, filepath.Join(put(t, "a.csv", strings.Repeat("1,0\n0,1\n", 10)), "a.csv"), nil, "1 + 1 + 1", "bernoulli", csvFile},
	} {
		t.Run(c.kind, func(t *testing.T) {
			if got, err := detect(c.path); err != nil || got != c.kind {
				t.Fatalf("detected %q, %v", got, err)
			}
			dir := filepath.Join(t.TempDir(), "run")
			args := append([]string{"train", "-data", c.path, "-out", dir, "-epochs", "2", "-hidden", "4"}, c.args...)
			out := mustRun(t, args...)
			if c.kind == model.FormStrokes {
				c.want = "1 points make no step"
			}
			for _, w := range []string{": " + c.parts + " sequences", c.want} {
				if !strings.Contains(out, w) {
					t.Errorf("no %q in %s", w, out)
				}
			}
			data := append([]string{"-data", c.path}, c.args...)
			for i := 0; i < len(data); i++ {
				if data[i] == "-model" {
					data = slices.Delete(data, i, i+2)
				}
			}
			mustRun(t, append([]string{"eval", "-model", dir}, data...)...)
			samples := t.TempDir()
			mustRun(t, "sample", "-model", dir, "-out", samples, "-steps", "12")
			path := filepath.Join(samples, c.file)
			for _, p := range []string{path, filepath.Join(dir, c.file)} {
				if info, err := os.Stat(p); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", p, err)
				}
			}
			readSample(t, path, c.kind)
		})
	}
}

// TestResumeData stops trainings on data that flags have shaped; the command line that is
// printed then goes on with them.
func TestResumeData(t *testing.T) {
	blastest.UseGo(t)
	for _, data := range [][]string{
		{"-data", waveFolder(t), "-kind", "wave", "-frame", "10", "-levels", "16"},
		{"-data", write(t, "a.txt", strings.Repeat(page, 9)), "-streams", "2"},
		{"-data", filepath.Join(put(t, "f.npy", npyFile("|u1", "20, 3, 2", ramp(120)...)), "f.npy"), "-shuffle", "-pixels", "draw"},
	} {
		dir := t.TempDir()
		args := append([]string{"train", "-out", dir, "-epochs", "3", "-hidden", "4"}, data...)
		code, out, errOut := elbow(&countdown{Context: context.Background(), left: 2}, args...)
		_, again, ok := strings.Cut(out, "go on with: elbow ")
		if code != 130 || !ok {
			t.Errorf("%v: exit code %d: %s%s", data, code, out, errOut)
			continue
		}
		mustRun(t, strings.Fields(again)...)
	}
}

// readSample reads what sample has written with the reader of its format.
func readSample(t *testing.T, path, kind string) {
	t.Helper()
	switch kind {
	case model.FormWave:
		if s, err := readSound(path); err != nil || s.Rate != 8000 || s.Len()%12 != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	case model.FormSeries:
		if s, err := series.Read(path); err != nil || len(s.Train) != 1 || s.Dim < 2 {
			t.Errorf("%+v, %v", s, err)
		}
	case model.FormText:
		raw, err := os.ReadFile(path)
		if err != nil || len([]rune(string(raw))) != 13 || strings.ContainsAny(string(raw), "ABC0") {
			t.Errorf("%q, %v", raw, err)
		}
	case model.FormImage, model.FormStrokes:
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, kind, err := image.Decode(f); kind != "png" {
			t.Error(kind, err)
		}
	}
}

// TestForms: the parts are standardised by the train part, and the form undoes it.
func TestForms(t *testing.T) {
	f := dataFlags{path: waveFolder(t), pixels: pixelsReal, frame: 10, streams: 1}
	d, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	a, err := readSound(filepath.Join(f.path, "recordings", "a.wav"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := readSound(filepath.Join(f.path, "recordings", "b.wav"))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0 // of all samples, those of the tails too
	for _, v := range append(slices.Clone(a.samples), b.samples...) {
		sum += float64(v)
	}
	if got, want := d.Form.Offset[0], sum/64; math.Abs(got-want) > 1e-9 || d.Form.Rate != 8000 {
		t.Errorf("form %+v, want the mean %v", d.Form, want)
	}
	if len(d.Train[0].X) != 40 || len(d.Train[1].X) != 10 {
		t.Errorf("%d and %d samples, want 40 and 10", len(d.Train[0].X), len(d.Train[1].X))
	}
	x := slices.Clone(d.Train[0].X)
	d.Form.Raw(x, d.Dim)
	for i := range x {
		if math.Abs(float64(x[i]-a.samples[i])) > 1e-3 {
			t.Fatalf("sample %d: %v, want %v", i, x[i], a.samples[i])
		}
	}

	f = dataFlags{path: strokesFolder(t), pixels: pixelsReal, frame: 1, streams: 1}
	if d, err = f.load(); err != nil {
		t.Fatal(err)
	}
	if s := d.Train[0].X; s[0] != 1 || s[3] != 1 || d.Form.Scale[0] != 1 || len(d.notes) != 3 {
		t.Errorf("%v, %+v, %q", s, d.Form, d.notes)
	}

	path := filepath.Join(put(t, "faces.npy", npyFile("|u1", "20, 1, 2", ramp(40)...)), "faces.npy")
	first := map[string]float32{pixelsReal: 7.0 / 255, pixels256: 7.0 / 256, pixelsThreshold: 0, pixelsDraw: 7.0 / 255}
	hashes := map[string]string{}
	for way, want := range first {
		f = dataFlags{path: path, pixels: way, frame: 1, streams: 1}
		if d, err = f.load(); err != nil {
			t.Fatal(err)
		}
		if s := d.Train[0]; s.X[1] != want || s.Binarise != (way == pixelsDraw) {
			t.Errorf("%s: %v, binarise %v", way, s.X[1], s.Binarise)
		}
		if other, ok := hashes[d.Hash]; ok {
			t.Errorf("pixels %s and %s have the same hash", way, other)
		}
		hashes[d.Hash] = way
	}
	f.pixels = pixelsReal
	if d, err = f.load(); err != nil {
		t.Fatal(err)
	}
	f.shuffle = true
	shuffled, err := f.load()
	if err != nil || shuffled.Hash == d.Hash || len(shuffled.Train) != 16 {
		t.Errorf("shuffled: %v", err)
	}
	if again, err := f.load(); err != nil || again.Hash != shuffled.Hash {
		t.Errorf("shuffled twice, the hashes differ: %v", err)
	}
}

// TestHeldOut: images with a test set of their own give up as many to valid as are asked for.
func TestHeldOut(t *testing.T) {
	dir := put(t, "train-images-idx3-ubyte", idxFile(12, true, false), "t10k-images-idx3-ubyte", idxFile(4, true, false))
	for _, c := range []struct{ valid, train int }{{0, 10}, {1, 11}, {2, 10}, {3, 10}, {-1, -1}} {
		f := dataFlags{path: dir, pixels: pixelsReal, frame: 1, streams: 1, valid: c.valid}
		d, err := f.load()
		switch {
		case c.train < 0:
			if err == nil || !strings.Contains(err.Error(), "-valid") {
				t.Errorf("valid %d: error %v", c.valid, err)
			}
		case err != nil:
			t.Errorf("valid %d: %v", c.valid, err)
		case len(d.Train) != c.train || len(d.Valid) != 12-c.train || len(d.Test) != 4:
			t.Errorf("valid %d: %d, %d and %d images", c.valid, len(d.Train), len(d.Valid), len(d.Test))
		}
	}
}

// TestWaveHash: without lists the names decide, whatever else is in the folder.
func TestWaveHash(t *testing.T) {
	var pairs []string
	for i := range 60 {
		pairs = append(pairs, fmt.Sprintf("%d.wav", i), wav(t, 8000, 20, float64(i)))
	}
	parts := func(dir string) map[string]int {
		f := dataFlags{path: dir, pixels: pixelsReal, frame: 10, streams: 1}
		d, err := f.load()
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for i, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
			for _, s := range seqs {
				at[filepath.Base(s.Name)] = i
			}
		}
		return at
	}
	all, some := parts(put(t, pairs...)), parts(put(t, pairs[:100]...))
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
}

// TestBadData: what cannot be read gives one line that names the file and the place.
func TestBadData(t *testing.T) {
	in := func(name, content string) string { return filepath.Join(put(t, name, content), name) }
	three := []string{"train.txt", "a.wav", "valid.txt", "a.wav", "test.txt", "a.wav"}
	for _, c := range []struct {
		path  string
		flags []string
		code  int
		want  string
	}{
		{in("a.xyz", "\x00\x01"), nil, 1, "a.xyz: cannot tell"},
		{in("a.xyz", ""), nil, 1, "a.xyz: cannot tell"},
		{put(t, "a.xyz", "text"), nil, 1, "no file in it tells"},
		{in("a.wav", "RIFF"), nil, 1, "a.wav: byte 0"},
		{in("a.wav", wav(t, 8000, 500, 0)), nil, 1, "no steps"},
		{put(t, append(three, "a.wav", wav(t, 8000, 500, 0), "b.wav", "")...), []string{"-frame", "501"}, 1, "no steps"},
		{put(t, append(three, "b.wav", "")...), nil, 1, `train.txt: line 1: no recording "a.wav"`},
		{put(t, append(three[:2:2], "a.wav", wav(t, 8000, 500, 0))...), nil, 1, "valid.txt"},
		{put(t, "train.txt", "a.wav", "valid.txt", "b.wav", "test.txt", "a.wav", "a.wav", wav(t, 8000, 500, 0), "b.wav", wav(t, 16000, 500, 0)), nil, 1, "b.wav: 16000 samples per second"},
		{in("a-idx3-ubyte.gz", idxFile(20, true, true)[:40]), []string{"-kind", "image"}, 1, "a-idx3-ubyte.gz: gzip"},
		{in("a.idx", idxFile(9, true, false)), nil, 1, "9 images are too few"},
		{in("a.idx", idxFile(20, false, false)), nil, 1, "shape [20]"},
		{in("a.npy", npyFile("<f4", "20, 1, 2", ramp(40)...)), []string{"-kind", "image"}, 1, "want bytes"},
		{put(t, "train-idx3", idxFile(12, true, false), "train2-idx3", idxFile(12, true, false)), nil, 1, "want one file of images with train in its name"},
		{put(t, "train-idx3", idxFile(12, true, false), "test-idx3", idxFile(12, true, false), "train-idx1", idxFile(11, false, false)), nil, 1, "train-idx1: 11 labels for the 12 images"},
		{strokesFolder(t), []string{"-kind", "image"}, 1, "0 idx files"},
		{put(t, "train_points.npy", ""), nil, 1, "train_points.npy: byte 0"},
		{in("a.txt", "short"), nil, 1, "a.txt: 5 characters"},
		{in("a.txt", strings.Repeat("a", 200)+"\xff"), nil, 1, "a.txt: byte 200: not UTF-8"},
		{in("a.csv", "1,2\n3\n"), nil, 1, "line 2"},
		{in("a.csv", strings.Repeat("1,2\n", 20)), []string{"-likelihood", "categorical"}, 2, "categorical"},
		{in("a.csv", strings.Repeat("1,2\n2,3\n", 20)), []string{"-likelihood", "bernoulli"}, 2, "bernoulli"},
		{in("a.csv", ""), []string{"-kind", "table"}, 2, `unknown kind "table"`},
		{in("a.csv", ""), []string{"-pixels", "grey"}, 2, `unknown pixels "grey"`},
		{in("a.csv", ""), []string{"-frame", "0"}, 2, "-frame 0"},
		{in("a.csv", ""), []string{"-levels", "1"}, 2, "-levels 1"},
		{in("a.csv", ""), []string{"-streams", "0"}, 2, "-streams 0"},
		{in("a.csv", ""), []string{"-grid", "65"}, 2, "-grid 65"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		code, _, errOut := elbow(context.Background(), append([]string{"train", "-data", c.path, "-out", dir, "-hidden", "4"}, c.flags...)...)
		if code != c.code || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, c.want) {
			t.Errorf("%s %v: exit code %d, want %d with %q: %s", c.path, c.flags, code, c.code, c.want, errOut)
		}
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			t.Errorf("%s: %v was left behind", c.path, entries[0].Name())
		}
	}
}

// TestEnvelope: a long sound keeps its peaks.
func TestEnvelope(t *testing.T) {
	x := make([]float32, 10007)
	x[5000], x[9999] = 3, -2
	e := envelope(x)
	if len(e) != 2*envelopeParts || slices.Max(e) != 3 || slices.Min(e) != -2 || e[2*envelopeParts/2+1] == 0 && e[2*envelopeParts/2-1] == 0 {
		t.Errorf("%d values from %v to %v", len(e), slices.Min(e), slices.Max(e))
	}
	if short := x[:7]; !slices.Equal(envelope(short), short) {
		t.Error("a short sound changed")
	}
}

// TestQuantise: levels lie on their grid and stand for the middle of their samples; with 16
// bits, each for one.
func TestQuantise(t *testing.T) {
	for _, levels := range []int{2, 256, 65536} {
		raw := []float32{-32768, -32767, -129, -1, 0, 1, 127, 128, 12345, 32766, 32767}
		d := &model.Data{Dim: 1, Train: []model.Sequence{{X: slices.Clone(raw)}}}
		quantise(d, levels)
		x := d.Train[0].X
		if x[0] != -1 || x[len(x)-1] != 1 {
			t.Errorf("%d levels: from %v to %v, want -1 to 1", levels, x[0], x[len(x)-1])
		}
		for _, v := range x {
			if n := (float64(v) + 1) / 2 * float64(levels-1); math.Abs(n-math.Round(n)) > 0.01 {
				t.Errorf("%d levels: %v is not one", levels, v)
			}
		}
		d.Form.Raw(x, 1)
		for i, v := range x {
			if want := 65536/float64(levels)/2 - 0.49; math.Abs(float64(v-raw[i])) > want {
				t.Errorf("%d levels: sample %v comes back as %v", levels, raw[i], v)
			}
		}
	}
}

// TestParallel: the parts follow each other and leave nothing out.
func TestParallel(t *testing.T) {
	x := ramp(2 * 11)
	for n := 1; n < 15; n++ {
		parts := parallel([]model.Sequence{{Name: "s", X: x}}, 2, n)
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

// TestRealData checks the shapes of the data sets that are not part of the project.
func TestRealData(t *testing.T) {
	base := os.Getenv(dataEnv)
	if base == "" || testing.Short() {
		t.Skip(dataEnv + " is not set, or -short")
	}
	for _, c := range []struct{ folder, kind, pixels, want string }{
		{"jsb-chorales/jsb-chorales-quarter.json", model.FormRoll, pixelsReal, "88: 229/13807 76/4602 77/4725"},
		{"fsdd", model.FormWave, pixelsReal, "200: 1200/20071 150/2665 150/2649"},
		{"omniglot-strokes", model.FormStrokes, pixelsReal, "3: 1904/261457 408/57729 408/53803"},
		{"frey-face", model.FormImage, pixels256, "560: 1565/1565 200/200 200/200"},
		{"mnist", model.FormImage, pixelsDraw, "784: 50000/50000 10000/10000 10000/10000"},
	} {
		f := dataFlags{path: filepath.Join(base, filepath.FromSlash(c.folder)), pixels: c.pixels, frame: 200, streams: 1}
		kind, err := detect(f.path)
		if err != nil || kind != c.kind {
			t.Errorf("%s: detected %q, %v", c.folder, kind, err)
			continue
		}
		d, err := f.load()
		if err != nil {
			t.Error(err)
			continue
		}
		got := fmt.Sprint(d.Dim, ":")
		for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
			steps := 0
			for _, s := range seqs {
				steps += len(s.X) / d.Dim
			}
			got += fmt.Sprintf(" %d/%d", len(seqs), steps)
		}
		if got = strings.Replace(got, " :", ":", 1); got != c.want {
			t.Errorf("%s: %s, want %s", c.folder, got, c.want)
		}
		if c.kind == model.FormWave && (math.Abs(d.Form.Offset[0]+65.174544) > 1e-6 || math.Abs(d.Form.Scale[0]-2439.033939) > 1e-6) {
			t.Errorf("%s: %+v", c.folder, d.Form)
		}
		if c.folder == "mnist" && (d.Train[0].Label != "5" || d.Test[1].Label != "2") {
			t.Errorf("labels %q, %q", d.Train[0].Label, d.Test[1].Label)
		}
	}
}
