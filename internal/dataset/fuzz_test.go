package dataset

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
)

// FuzzOpen reads any content under the names of files of all kinds. It is refused with an
// error that names the file, or it becomes data that can be read again by their form.
func FuzzOpen(f *testing.F) {
	names := []string{"a.csv", "a.tsv", "a.npy", "a.npz", "a.txt", "a", "a.wav", "a.json", "a.mid", "a.abc", "a-idx3-ubyte", "a.csv.gz"}
	for i, name := range names {
		for _, e := range examples(f) {
			if filepath.Ext(e.path) == filepath.Ext(name) {
				raw, err := os.ReadFile(e.path)
				if err == nil {
					f.Add(uint8(i), raw)
				}
			}
		}
	}
	f.Add(uint8(4), []byte("\xfe\xff\x00a\xd8\x34\xdd\x1e"))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, kind uint8, content []byte) {
		path := filepath.Join(dir, names[int(kind)%len(names)])
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Skip(err)
		}
		d, err := Open(path, Options{Frame: 4, Streams: 2}, &infile.Budget{Max: 1 << 22})
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%v: does not name %s", err, path)
			}
			return
		}
		again, err := OpenAs(path, "", info(d), false, &infile.Budget{Max: 1 << 22})
		if err != nil || again.Hash != d.Hash {
			t.Errorf("by its form: %v", err)
		}
	})
}

// FuzzStrokes does so with the files of a folder of drawings.
func FuzzStrokes(f *testing.F) {
	from := datatest.Strokes(f)
	var seed [3][]byte
	ends := []string{"_points.npy", "_lengths.npy", "_meta.json"}
	for i, e := range ends {
		seed[i], _ = os.ReadFile(filepath.Join(from, "train"+e))
	}
	f.Add(seed[0], seed[1], seed[2])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, points, lengths, meta []byte) {
		for _, part := range []string{"train", "valid", "test"} {
			for i, content := range [][]byte{points, lengths, meta} {
				if err := os.WriteFile(filepath.Join(dir, part+ends[i]), content, 0o666); err != nil {
					t.Skip(err)
				}
			}
		}
		if _, err := Open(dir, Options{}, &infile.Budget{Max: 1 << 22}); err != nil && !strings.Contains(err.Error(), dir) {
			t.Errorf("%v: does not name %s", err, dir)
		}
	})
}
