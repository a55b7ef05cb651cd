package wave

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chunk is a RIFF chunk, padded.
func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func format(kind, channels, rate, bits int) []byte {
	b := []byte{byte(kind), byte(kind >> 8), byte(channels), 0}
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	return chunk("fmt ", append(b, 0, 0, 0, 0, 0, 0, byte(bits), 0))
}

func riff(chunks ...[]byte) []byte {
	all := bytes.Join(chunks, nil)
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(all)))
	return append(append(b, "WAVE"...), all...)
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  []byte
		want []float32
	}{
		{"16 bit", riff(format(1, 1, 8000, 16), chunk("data", []byte{1, 0, 0, 0x80, 0xff, 0xff})), []float32{1, -32768, -1}},
		{"8 bit", riff(format(1, 1, 8000, 8), chunk("data", []byte{128, 0, 255})), []float32{0, -32768, 32512}},
		{"stereo", riff(format(1, 2, 8000, 16), chunk("data", []byte{1, 0, 4, 0, 0xff, 0xff, 1, 0})), []float32{2.5, 0}},
		{"other chunks", riff(chunk("LIST", []byte("odd")), format(1, 1, 8000, 16), chunk("fact", nil), chunk("data", []byte{5, 0}), chunk("data", nil)), []float32{5}},
		{"no samples", riff(format(1, 1, 8000, 16), chunk("data", nil)), nil},
	} {
		s, err := Parse("f", c.raw)
		if err != nil || s.Rate != 8000 || !slices.Equal(s.Samples, c.want) {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
	}
	good := riff(format(1, 1, 8000, 16), chunk("data", []byte{1, 0, 2, 0}))
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint32(long[40:], 0xffffffff)
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"byte 0: no RIFF", nil},
		{"byte 0: no RIFF", []byte("RIFF....AVI fmt ")},
		{"byte 12: the file ends", riff()},
		{"byte 36: the file ends", riff(format(1, 1, 8000, 16))},
		{"byte 36: chunk \"data\" of 4 bytes, but 3 are left", good[:47]},
		{"byte 36: chunk \"data\" of 4294967295", long},
		{"byte 12: data before", riff(chunk("data", []byte{1, 0}))},
		{"byte 12: format of 8 bytes", riff(chunk("fmt ", make([]byte, 8)))},
		{"encoding 3", riff(format(3, 1, 8000, 16))},
		{"24 bits", riff(format(1, 1, 8000, 24))},
		{"0 channels", riff(format(1, 0, 8000, 16))},
		{"0 samples per second", riff(format(1, 1, 0, 16))},
		{"3 bytes of data", riff(format(1, 1, 8000, 16), chunk("data", []byte{1, 0, 2}))},
	} {
		if _, err := Parse("f", c.raw); err == nil || !strings.Contains(err.Error(), "f: byte") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, &Sound{8000, []float32{0, 1.5, -2.4, 1e9, -1e9, float32(math.NaN()), float32(math.Inf(1))}}); err != nil {
		t.Fatal(err)
	}
	s, err := Parse("f", b.Bytes())
	if want := []float32{0, 2, -2, 32767, -32768, 0, 32767}; err != nil || s.Rate != 8000 || !slices.Equal(s.Samples, want) {
		t.Errorf("%+v, %v", s, err)
	}
	if err := Write(&b, &Sound{Rate: 0}); err == nil {
		t.Error("rate 0 was written")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(riff(format(1, 1, 8000, 16), chunk("data", []byte{1, 0, 2, 0})))
	f.Add(riff(format(1, 2, 8000, 8), chunk("LIST", []byte("a")), chunk("data", []byte{1, 0, 2, 0})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := Parse("f", raw); err == nil && len(s.Samples) > len(raw) {
			t.Errorf("%d samples from %d bytes", len(s.Samples), len(raw))
		}
	})
}

// TestDigits compares the recordings of spoken digits with measured figures.
func TestDigits(t *testing.T) {
	dir := os.Getenv("ELBOW_DATA")
	if dir == "" {
		t.Skip("ELBOW_DATA is not set")
	}
	dir = filepath.Join(dir, "fsdd")
	for _, c := range []struct {
		split                             string
		files, samples, shortest, longest int
		low, high                         float32
		mean, std                         float64
		frames                            int
	}{
		{"train", 1200, 4136905, 1295, 7999, -32768, 32767, -65.174544, 2439.033939, 20071},
		{"valid", 150, 547736, 1149, 6625, -24319, 26511, -59.814531, 2346.142313, 2665},
		{"test", 150, 544820, 1722, 6925, -26091, 25906, -60.799815, 2353.462922, 2649},
	} {
		list, err := os.ReadFile(filepath.Join(dir, c.split+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		files, samples, frames, shortest, longest := 0, 0, 0, math.MaxInt, 0
		var low, high float32
		var sum, squares float64
		for _, name := range strings.Fields(string(list)) {
			s, err := Read(filepath.Join(dir, "recordings", name))
			if err != nil {
				t.Fatal(err)
			}
			n := len(s.Samples)
			files, samples, frames = files+1, samples+n, frames+n/200
			shortest, longest = min(shortest, n), max(longest, n)
			for _, v := range s.Samples {
				low, high = min(low, v), max(high, v)
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
			if s.Rate != 8000 {
				t.Errorf("%s: rate %d", name, s.Rate)
			}
		}
		mean := sum / float64(samples)
		std := math.Sqrt(squares/float64(samples) - mean*mean)
		if files != c.files || samples != c.samples || frames != c.frames || shortest != c.shortest || longest != c.longest || low != c.low || high != c.high {
			t.Errorf("%s: %d files, %d samples, %d frames, %d to %d long, %v to %v", c.split, files, samples, frames, shortest, longest, low, high)
		}
		if math.Abs(mean-c.mean) > 6e-7 || math.Abs(std-c.std) > 6e-7 {
			t.Errorf("%s: mean %v, std %v", c.split, mean, std)
		}
	}
}
