package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// inputs is the name of the folder with the data sets.
const inputs = "inputs"

// A source gives whole numbers that are the same on every machine: a linear congruential
// generator, with the constants of Knuth's MMIX.
type source uint64

// below returns a number of 0..n-1.
func (s *source) below(n int) int {
	*s = *s*6364136223846793005 + 1442695040888963407
	return int(uint64(*s) >> 33 % uint64(n))
}

// writeInputs makes the data sets, each from a source of its own.
func writeInputs(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "strokes"), 0o777); err != nil {
		return err
	}
	list := map[string][]byte{"rolls.json": rolls(1), "series.csv": series(2), "text.txt": text(3), "sound.wav": sound(4), "images.npy": images(5)}
	for i, part := range []string{"train", "valid", "test"} {
		points, lengths, meta := drawings(source(6+i), 12-4*i)
		list["strokes/"+part+"_points.npy"], list["strokes/"+part+"_lengths.npy"], list["strokes/"+part+"_meta.json"] = points, lengths, meta
	}
	for name, data := range list {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// rolls is a data set of chords in the layout of the chorales.
func rolls(s source) []byte {
	set := map[string][][][]int{}
	for part, count := range map[string]int{"train": 9, "valid": 3, "test": 3} {
		s := s + source(count)*source(len(part))
		for range count {
			var piece [][]int
			for range 10 + s.below(12) {
				root := 48 + s.below(12)
				piece = append(piece, []int{root, root + 3 + s.below(2), root + 7, root + 12 + s.below(5)}[:1+s.below(4)])
			}
			set[part] = append(set[part], piece)
		}
	}
	out, _ := json.Marshal(set)
	return out
}

// series is a table of ten sequences with three columns of decimal numbers.
func series(s source) []byte {
	var out strings.Builder
	out.WriteString("sequence,level,rate,noise\n")
	for i := range 10 {
		level := 1000
		for range 20 + s.below(12) {
			rate := s.below(201) - 100
			level += rate
			fmt.Fprintf(&out, "%d,%d.%02d,%d,%.4f\n", i, level, s.below(100), rate, float64(s.below(20001)-10000)/10000)
		}
	}
	return []byte(out.String())
}

// text is made of a few words, one of them with a letter of two bytes.
func text(s source) []byte {
	words := strings.Fields("the river runs under a bridge, and über it all; clouds drift on. Who knows?")
	var out strings.Builder
	for out.Len() < 2400 {
		out.WriteString(words[s.below(len(words))])
		out.WriteByte(" \n"[max(0, s.below(8)-6)])
	}
	return []byte(out.String())
}

// sound is half a second of a wobbling triangle with noise, 16 bits.
func sound(s source) []byte {
	samples := make([]int16, 4000)
	at, step := 0, 300
	for i := range samples {
		if at += step; at > 9000 || at < -9000 {
			step = -step
			at += 2 * step
		}
		samples[i] = int16(at + s.below(801) - 400)
	}
	size := uint32(2 * len(samples))
	var out bytes.Buffer
	for _, v := range []any{[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16), []byte("data"), size, samples} {
		binary.Write(&out, binary.LittleEndian, v)
	}
	return out.Bytes()
}

// images are 40 of 6 x 6 pixels: a bright bar on noise.
func images(s source) []byte {
	const count, side = 40, 6
	pixels := make([]byte, count*side*side)
	for i := range count {
		bar, across := s.below(side), s.below(2) == 0
		for y := range side {
			for x := range side {
				v := s.below(90)
				if across && y == bar || !across && x == bar {
					v = 255 - v
				}
				pixels[(i*side+y)*side+x] = byte(v)
			}
		}
	}
	return npy("|u1", fmt.Sprintf("(%d, %d, %d)", count, side, side), pixels)
}

// drawings are paths of a pen in the layout of the repacked Omniglot strokes.
func drawings(s source, count int) (points, lengths, meta []byte) {
	var xs []float32
	var ns []int32
	var names [][3]any
	for i := range count {
		n := 12 + s.below(8)
		x, y := 50, 50
		for k := range n {
			x, y = x+s.below(21)-10, y+s.below(21)-8
			up := float32(0)
			if k == n-1 || s.below(6) == 0 {
				up = 1
			}
			xs = append(xs, float32(x), float32(y), float32(k), up)
		}
		ns = append(ns, int32(n))
		names = append(names, [3]any{"letters", i % 3, i})
	}
	meta, _ = json.Marshal(names)
	return npy("<f4", fmt.Sprintf("(%d, 4)", len(xs)/4), xs), npy("<i4", fmt.Sprintf("(%d,)", count), ns), meta
}

// npy is an array as NumPy writes it, version 1.0.
func npy(kind, shape string, data any) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape)
	header += strings.Repeat(" ", (64-(10+len(header)+1)%64)%64) + "\n"
	var out bytes.Buffer
	out.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&out, binary.LittleEndian, uint16(len(header)))
	out.WriteString(header)
	binary.Write(&out, binary.LittleEndian, data)
	return out.Bytes()
}
