// Package datatest makes small files of every kind of data for tests.
package datatest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/sound"
)

// Put writes files, given as pairs of name and content, and returns their folder.
func Put(t testing.TB, pairs ...string) string {
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

// One writes a file and returns its path.
func One(t testing.TB, name, content string) string {
	return filepath.Join(Put(t, name, content), name)
}

// Sample is sample i of the recordings, before their mean is added.
func Sample(i int) float64 { return float64(i*i*37%201 - 100) }

// WAV is a recording of n samples around mean.
func WAV(t testing.TB, rate, n int, mean float64) string {
	t.Helper()
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(mean + Sample(i))
	}
	var b bytes.Buffer
	if err := sound.WriteWAV(&b, rate, x); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// IDX is n images of 3 x 2 pixels, or n labels.
func IDX(n int, images, zip bool) string {
	raw := []byte{0, 0, 8, 1, 0, 0, 0, byte(n)}
	size := n
	if images {
		raw = append(raw, 0, 0, 0, 3, 0, 0, 0, 2)
		raw[3], size = 3, 6*n
	}
	for i := range size {
		raw = append(raw, byte(i*37%256))
	}
	if zip {
		return Gzip(string(raw))
	}
	return string(raw)
}

// Gzip packs s.
func Gzip(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// NPY is a .npy file of numbers of type |u1 or <f4.
func NPY(descr, shape string, values ...float32) string {
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

// Ramp returns n small numbers that repeat.
func Ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i * 7 % 11)
	}
	return v
}

// Strokes makes a folder of drawings, one of three in each part without a step.
func Strokes(t testing.TB) string {
	var pairs []string
	for _, s := range []string{"train", "valid", "test"} {
		pairs = append(pairs, s+"_points.npy", NPY("<f4", "6, 4", 0, 0, 0, 0, 1, -2, 5, 1, 4, 4, 9, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 3, 1, 1),
			s+"_lengths.npy", NPY("<f4", "3", 3, 1, 2), s+"_meta.json", `[["Greek","alpha",1],["Greek","iota",2],["Greek","beta",3]]`)
	}
	return Put(t, pairs...)
}

// Waves makes a folder of recordings with lists of the parts, and one of another rate that is
// in no list.
func Waves(t testing.TB) string {
	return Put(t, "train.txt", "recordings/a.wav\n\nb.wav\n", "valid.txt", "c.wav", "test.txt", "sub/d.wav",
		"recordings/a.wav", WAV(t, 8000, 45, 10), "recordings/b.wav", WAV(t, 8000, 19, -30), "recordings/sub/c.wav", WAV(t, 8000, 30, 0),
		"sub/d.wav", WAV(t, 8000, 25, 0), "a.wav", WAV(t, 44100, 5, 0))
}

// Table is a table of n rows; column j of row i is scale*(i*(j+1)%7) + offset.
func Table(header string, n, columns int, scale, offset float64) string {
	var b strings.Builder
	if header != "" {
		b.WriteString(header + "\n")
	}
	for i := range n {
		for j := range columns {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprint(&b, float64(scale*float64(i*(j+1)%7))+offset)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
