package strokes

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/npy"
)

// array is a .npy file of float32.
func array(shape string, values ...float32) string {
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ")}"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

// folder is a data set with the same three drawings in every split, with some files
// replaced.
func folder(t *testing.T, replace map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, s := range []string{"train", "valid", "test"} {
		for name, text := range map[string]string{
			s + "_points.npy": array("6, 4",
				0, 0, 0, 0, 1, -2, 5, 1, 4, 4, 9, 1,
				7, 7, 0, 1,
				1, 1, 0, 0, 1, 3, 1, 1),
			s + "_lengths.npy": array("3,", 3, 1, 2),
			s + "_meta.json":   `[["Greek","alpha",1],["Greek","iota",2],["Greek","beta",3]]`,
		} {
			if r, ok := replace[name]; ok {
				text = r
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestRead(t *testing.T) {
	s, err := Read(folder(t, nil), new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]Drawing{s.Train, s.Valid, s.Test} {
		if len(part) != 2 || part[0].Name != "Greek/alpha/1" || part[1].Name != "Greek/beta/3" ||
			!slices.Equal(part[0].Steps, []float32{1, 1, -2, 1, 3, 6}) || !slices.Equal(part[1].Steps, []float32{1, 0, 2}) {
			t.Errorf("%+v", part)
		}
	}
	if len(s.Skipped) != 3 || !strings.Contains(s.Skipped[0], "drawing 1 (Greek/iota/2): 1 points") {
		t.Errorf("skipped %q", s.Skipped)
	}
	if d := describe(s.Train); d.Steps != 3 || d.MeanX != 4.0/3 || d.MeanY != 2 || math.Abs(d.StdY-math.Sqrt(44.0/3-4)) > 1e-12 {
		t.Errorf("%+v", d)
	}
}

func TestDamaged(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct{ file, text, want string }{
		{"train_points.npy", array("2, 3", 1, 2, 3, 4, 5, 6), "shape [2 3]"},
		{"train_points.npy", "", "not a .npy"},
		{"train_points.npy", array("6, 4", make([]float32, 23)...), "92 bytes"},
		{"valid_points.npy", points(7), "1 points more"},
		{"test_points.npy", points(5), "drawing 2: 2 points, but 1 are left"},
		{"test_points.npy", points(6, 0, 0, 0, 0, 0, nan), "drawing 0, point 1: column 1 is NaN"},
		{"test_points.npy", points(6, 0, 0, 0, 2), "drawing 0, point 0: pen_up is 2"},
		{"train_lengths.npy", array("3,", 3, -1, 2), "drawing 1: -1 points"},
		{"train_lengths.npy", array("3,", 3, 0.5, 2), "drawing 1: 0.5 points"},
		{"train_lengths.npy", array("1, 3", 3, 1, 2), "shape [1 3]"},
		{"train_lengths.npy", array("3,", 1<<40, 1, 2), "drawing 0: 1.099511627776e+12 points"},
		{"train_meta.json", `[["a","b",1]]`, "1 drawings"},
		{"train_meta.json", `[["a","b"],["a","b"],["a","b"]]`, "drawing 0: 2 values"},
		{"train_meta.json", `[`, "unexpected end"},
	} {
		_, err := Read(folder(t, map[string]string{c.file: c.text}), new(infile.Budget))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%v, want %q in %s", err, c.want, c.file)
		}
	}
	if _, err := Read(t.TempDir(), new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "train_points.npy") {
		t.Errorf("empty folder: %v", err)
	}
}

// points is an array of n points that begins with these values and goes on with zeros.
func points(n int, values ...float32) string {
	return array(fmt.Sprintf("%d, 4", n), append(values, make([]float32, 4*n-len(values))...)...)
}

// TestOmniglot compares the drawings with measured figures.
func TestOmniglot(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	dir = filepath.Join(dir, "omniglot-strokes")
	s, err := Read(dir, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Skipped) != 0 {
		t.Errorf("skipped %q", s.Skipped)
	}
	for _, c := range []struct {
		name                         string
		drawings                     []Drawing
		n, points, shortest, longest int
		median                       float64
		pens                         int
		x0, x1, y0, y1               float64
		offsets                      int
		meanX, meanY, stdX, stdY     float64
	}{
		{"train", s.Train, 1904, 263361, 7, 535, 122.5, 4443, 2.46, 112.64, -118.41, -1.86, 261457, 0.216976, -0.211028, 2.561375, 3.206197},
		{"valid", s.Valid, 408, 58137, 2, 418, 129.5, 863, 2.46, 102.21, -103.41, -1.86, 57729, 0.205478, -0.210156, 2.369124, 3.063529},
		{"test", s.Test, 408, 54211, 15, 390, 122, 864, 1.64, 103.64, -103.86, -1.86, 53803, 0.227634, -0.212612, 2.638835, 3.282846},
	} {
		var sizes []int
		for _, d := range c.drawings {
			sizes = append(sizes, len(d.Steps)/Dims+1)
		}
		slices.Sort(sizes)
		median := float64(sizes[len(sizes)/2]+sizes[(len(sizes)-1)/2]) / 2
		a, err := npy.Read(filepath.Join(dir, c.name+"_points.npy"), new(infile.Budget))
		if err != nil {
			t.Fatal(err)
		}
		pens, x0, x1, y0, y1 := 0, 1e9, -1e9, 1e9, -1e9
		x := make([]float64, a.Len())
		a.Read(x, 0)
		for i := 0; i < len(x); i += 4 {
			pens += int(x[i+3])
			x0, x1 = min(x0, x[i]), max(x1, x[i])
			y0, y1 = min(y0, x[i+1]), max(y1, x[i+1])
		}
		d := describe(c.drawings)
		got := fmt.Sprintf("%d drawings, %d points, %d/%v/%d, %d pens, x %.2f..%.2f, y %.2f..%.2f, %d offsets", len(c.drawings), len(x)/4, sizes[0], median, sizes[len(sizes)-1], pens, x0, x1, y0, y1, d.Steps)
		want := fmt.Sprintf("%d drawings, %d points, %d/%v/%d, %d pens, x %.2f..%.2f, y %.2f..%.2f, %d offsets", c.n, c.points, c.shortest, c.median, c.longest, c.pens, c.x0, c.x1, c.y0, c.y1, c.offsets)
		if got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
		for _, v := range []struct{ got, want float64 }{{d.MeanX, c.meanX}, {d.MeanY, c.meanY}, {d.StdX, c.stdX}, {d.StdY, c.stdY}} {
			if math.Abs(v.got-v.want) > 1e-6 {
				t.Errorf("%s: %v, want %v", c.name, v.got, v.want)
			}
		}
	}
}

// stats are the mean and the standard deviation of the offsets over all steps.
type stats struct {
	Steps       int
	MeanX, StdX float64
	MeanY, StdY float64
}

// describe measures drawings.
func describe(drawings []Drawing) stats {
	var s stats
	var sum, squares [2]float64
	for _, d := range drawings {
		for k := 0; k < len(d.Steps); k += Dims {
			for j := range 2 {
				v := float64(d.Steps[k+1+j])
				sum[j] += v
				squares[j] += float64(v * v)
			}
			s.Steps++
		}
	}
	n := float64(max(s.Steps, 1))
	std := func(j int) float64 {
		m := sum[j] / n
		return math.Sqrt(max(0, squares[j]/n-float64(m*m)))
	}
	s.MeanX, s.StdX, s.MeanY, s.StdY = sum[0]/n, std(0), sum[1]/n, std(1)
	return s
}
