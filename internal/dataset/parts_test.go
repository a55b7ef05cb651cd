package dataset

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// TestParts reads folders whose files or folders say which part they are.
func TestParts(t *testing.T) {
	table := strings.Repeat("1,2\n3,5\n", 20)
	sound := datatest.WAV(t, 8000, 4000, 0)
	prose := strings.Repeat("So it goes on. ", 40)
	for _, c := range []struct {
		name  string
		files []string // and what they hold, by the extension
		extra map[string]string
		want  string // the shape, or an error
		notes []string
	}{
		{"tables of parts", []string{"train.csv", "valid.csv", "test.csv"}, nil, "1/40 1/40 1/40", nil},
		{"tables without valid", []string{"x_train.csv", "x_test.csv"}, nil, "1/34 1/6 1/40", nil},
		{"more tables of a part", []string{"train_1.csv", "train_2.csv", "dev.csv", "test.csv"}, nil, "2/80 1/40 1/40", nil},
		{"a table of no part", []string{"train.csv", "val.csv", "test.csv", "other.csv"}, nil, "1/40 1/40 1/40", []string{`not read: ["other.csv"]`}},
		{"no test table", []string{"train.csv", "valid.csv"}, nil, `"valid.csv" is there, but no file for the test part`, nil},
		{"folders", []string{"train/a.csv", "valid/a.csv", "test/a.csv"}, nil, "1/40 1/40 1/40", nil},
		{"folders with capitals", []string{"TRAIN/a.csv", "Val/a.csv", "Test/a.csv"}, nil, "1/40 1/40 1/40", nil},
		{"beside folders", []string{"train/a.csv", "valid/a.csv", "test/a.csv", "b.csv"}, nil, "1/40 1/40 1/40", []string{`not read: ["b.csv"]`}},
		{"no test folder", []string{"train/a.csv", "val/a.csv"}, nil, `"val" is there, but no folder for the test part`, nil},
		{"no train folder", []string{"test/a.csv", "val/a.csv"}, nil, `"val" is there, but no folder for the train part`, nil},
		{"two folders of a part", []string{"train/a.csv", "training/a.csv", "test/a.csv"}, nil, `both "train" and "training"`, nil},
		{"sound in folders", []string{"train/a.wav", "valid/a.wav", "test/a.wav"}, nil, "1/20 1/20 1/20", nil},
		{"sound without valid", []string{"TRAIN/a.wav", "TEST/a.wav", "TRAIN/a.phn"}, nil, "1/17 1/3 1/20", []string{`not read: ["a.phn"]`}},
		{"sound beside folders", []string{"train/a.wav", "valid/a.wav", "test/a.wav", "b.wav"}, nil, "1/20 1/20 1/20", []string{`not read: ["b.wav"]`, "1 recordings are in no part"}},
		{"lists without valid", []string{"a.wav", "b.wav"}, map[string]string{"train.txt": "a.wav", "test.txt": "b.wav"}, "1/17 1/3 1/20", nil},
		{"lists of other names", []string{"a.wav", "b.wav", "c.wav", "d.wav"}, map[string]string{"train.txt": "a.wav", "val.txt": "c.wav", "test.txt": "b.wav"}, "1/20 1/20 1/20", []string{"1 recordings are in no part and not read"}},
		{"no test list", []string{"a.wav", "b.wav"}, map[string]string{"train.txt": "a.wav"}, "test.txt", nil},
		{"texts and others", []string{"train.txt", "valid.txt", "test.txt", "more.txt"}, nil, "32/600 1/600 1/600", []string{`not read: ["more.txt"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pairs []string
			for _, f := range c.files {
				pairs = append(pairs, f, map[string]string{".csv": table, ".wav": sound, ".txt": prose}[filepath.Ext(f)])
			}
			for f, content := range c.extra {
				pairs = append(pairs, f, content)
			}
			dir := datatest.Put(t, pairs...)
			d, err := Open(dir, Options{}, &infile.Budget{})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Fatalf("got %v, want %s", err, c.want)
				}
				return
			}
			if _, got, _ := strings.Cut(shape(d), ": "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			notes := strings.Join(d.Notes, "\n")
			for _, n := range c.notes {
				if !strings.Contains(notes, n) {
					t.Errorf("notes %q, want %q", notes, n)
				}
			}
			if len(c.notes) == 0 && strings.Contains(notes, "not read") {
				t.Errorf("notes %q, want none", notes)
			}
		})
	}
}

// TestImageFolders: a folder may hold its images in idx, in .npy, or in both, of which idx is
// taken.
func TestImageFolders(t *testing.T) {
	faces := func(n string) string { return datatest.NPY("|u1", n+", 3, 2", datatest.Ramp(120)...) }
	idx := []string{"train-images-idx3-ubyte", datatest.IDX(12, true, false), "t10k-images-idx3-ubyte", datatest.IDX(5, true, false)}
	npy := []string{"x_train.npy", faces("20"), "x_test.npy", datatest.NPY("|u1", "4, 3, 2", datatest.Ramp(24)...)}
	labels := []string{"y_train.npy", datatest.NPY("|u1", "20", datatest.Ramp(20)...), "y_test.npy", datatest.NPY("|u1", "4", datatest.Ramp(4)...)}
	for name, c := range map[string]struct {
		files              []string
		shape, first, file string
	}{
		"idx":             {idx, "6: 10/10 2/2 5/5", "", "train-images-idx3-ubyte[0]"},
		"npy":             {npy, "6: 17/17 3/3 4/4", "", "x_train.npy[0]"},
		"npy and labels":  {slices.Concat(npy, labels), "6: 17/17 3/3 4/4", "0", "x_train.npy[0]"},
		"idx beside npy":  {slices.Concat(npy, idx), "6: 10/10 2/2 5/5", "", "train-images-idx3-ubyte[0]"},
		"one file of npy": {[]string{"faces.npy", faces("20")}, "6: 16/16 2/2 2/2", "", "faces.npy[0]"},
	} {
		d := open(t, datatest.Put(t, c.files...), Options{Kind: model.FormImage})
		if got := d.Train[0]; shape(d) != c.shape || filepath.Base(got.Name) != c.file || got.Label != c.first {
			t.Errorf("%s: %s of %s, label %q; want %s of %s, label %q", name, shape(d), got.Name, got.Label, c.shape, c.file, c.first)
		}
	}
}

// TestStrict: a piece that cannot be read is left out with its place and reason, or is the error.
func TestStrict(t *testing.T) {
	clean := strings.Repeat("X:1\nK:C\nCDEF GABc|\n\n", 12)
	good, bad := datatest.One(t, "a.abc", clean), datatest.One(t, "a.abc", clean+"X:13\nL:x\nK:C\nCC|\n")
	reason := bad + `: tune 13, line 50, column 3: unit length "x", want for example 1/8`
	lenient, err := Open(bad, Options{}, new(infile.Budget))
	if err != nil || !slices.Contains(lenient.Notes, "left out: "+reason) {
		t.Fatalf("%v, %v; want the note %s", lenient, err, reason)
	}
	if _, err := Open(bad, Options{Strict: true}, new(infile.Budget)); err == nil || err.Error() != reason {
		t.Errorf("%v, want %s", err, reason)
	}
	d := open(t, good, Options{Strict: true})
	for path, want := range map[string]string{good: "", bad: reason} {
		got := ""
		if _, err := OpenAs(path, "", info(d), true, new(infile.Budget)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("by the form of %s: %q, want %q", path, got, want)
		}
	}
	if d, err := OpenAs(bad, "", info(d), false, new(infile.Budget)); err != nil || !slices.Contains(d.Notes, "left out: "+reason) {
		t.Errorf("%v, want the note %s", err, reason)
	}
}

// TestWideText names encodings that are not read.
func TestWideText(t *testing.T) {
	widen := func(s string, n int) []byte {
		var b []byte
		for _, c := range []byte(s) {
			b = append(append(b, c), make([]byte, n-1)...)
		}
		return b
	}
	prose := strings.Repeat("So it goes on. ", 40)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"UTF-32":                {append([]byte{0xff, 0xfe, 0, 0}, widen(prose, 4)...), "UTF-32"},
		"UTF-16 without a mark": {widen(prose, 2), "without a byte order mark"},
	} {
		path := datatest.One(t, "a.txt", string(c.content))
		if _, err := Open(path, Options{}, &infile.Budget{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}
