package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/idx"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/series"
	"github.com/elbow-go/elbow/internal/text"
	"github.com/elbow-go/elbow/internal/wave"
	"github.com/elbow-go/elbow/model"
)

// kinds are the kinds of data that -kind names.
var kinds = []string{model.FormRoll, model.FormWave, model.FormImage, model.FormStrokes, model.FormText, model.FormSeries}

// The ways of making numbers of the bytes of images.
const (
	pixelsReal      = "real"      // byte/255
	pixels256       = "real256"   // byte/256
	pixelsDraw      = "draw"      // 0 or 1, drawn with probability byte/255 at each use
	pixelsThreshold = "threshold" // 1 above 127
)

var pixelWays = []string{pixelsReal, pixels256, pixelsDraw, pixelsThreshold}

// dataFlags are the flags that choose the data.
type dataFlags struct {
	path, kind string
	grid       int
	pixels     string
	shuffle    bool
	valid      int
	frame      int
	levels     int
	streams    int
	window     int
	hop        int

	own bool // of the built-in tunes, all in their own keys, to be told apart

	set *flag.FlagSet // where the flags were declared, which knows those given; may be nil
}

func (f *dataFlags) flags(fs *flag.FlagSet) {
	f.set = fs
	fs.StringVar(&f.path, "data", "", "file or folder: piano rolls (JSON, ABC, MIDI), WAV, idx images, pen strokes, text, npy, npz, CSV (default: the built-in tunes)")
	fs.StringVar(&f.kind, "kind", "", "what -data is: "+strings.Join(kinds, ", ")+" (default: what it looks like)")
	fs.IntVar(&f.grid, "grid", 0, "piano rolls: steps per quarter note (default: 1 for JSON, 2 for ABC and MIDI)")
	fs.StringVar(&f.pixels, "pixels", pixelsReal, "images: real is byte/255, real256 byte/256, draw 0 or 1 drawn with that probability at each use, threshold 1 above 127")
	fs.IntVar(&f.valid, "valid", 0, "images with a test set of their own: the most of the others that are held out as valid; 0: a sixth of them")
	fs.BoolVar(&f.shuffle, "shuffle", false, "images in one file: shuffle before they are split, always in the same way")
	fs.IntVar(&f.frame, "frame", 200, "sound: samples per step")
	fs.IntVar(&f.levels, "levels", 0, "sound: quantise the samples to so many levels, for a logistic-mixture: 256 for 8 bits, 65536 for 16; 0: standardise them")
	fs.IntVar(&f.window, "window", 0, "cut sequences into windows of so many steps; 0: whole sequences (default for a vrae on the built-in tunes: 50)")
	fs.IntVar(&f.hop, "hop", 0, "with -window: steps from the beginning of one window to that of the next (default: half a window)")
	fs.IntVar(&f.streams, "streams", 32, "text and single recordings: parts of the train text that are read beside each other")
}

// check reports values that mean nothing.
func (f *dataFlags) check() error {
	switch {
	case f.kind != "" && !slices.Contains(kinds, f.kind):
		return usagef("unknown kind %q, want one of %v", f.kind, kinds)
	case !slices.Contains(pixelWays, f.pixels):
		return usagef("unknown pixels %q, want one of %v", f.pixels, pixelWays)
	case f.grid < 0 || f.grid > 64:
		return usagef("-grid %d: want 1..64", f.grid)
	case f.frame < 1 || f.frame > 1<<16:
		return usagef("-frame %d: want 1..%d", f.frame, 1<<16)
	case f.levels == 1 || f.levels < 0 || f.levels > 1<<16:
		return usagef("-levels %d: want 0 or 2..%d", f.levels, 1<<16)
	case f.window < 0 || f.window > 1<<20 || f.hop < 0 || f.hop > 1<<20:
		return usagef("-window %d -hop %d: want 0..%d", f.window, f.hop, 1<<20)
	case f.hop > 0 && f.window == 0:
		return usagef("-hop %d: it needs -window", f.hop)
	case f.valid < 0:
		return usagef("-valid %d: want 0 or more", f.valid)
	case f.streams < 1 || f.streams > 1<<16:
		return usagef("-streams %d: want 1..%d", f.streams, 1<<16)
	}
	return nil
}

// useless reports a flag that was given and that data of the kind would ignore.
func (f *dataFlags) useless(kind string) (err error) {
	if f.set == nil {
		return nil
	}
	of := map[string][]string{"grid": {model.FormRoll}, "frame": {model.FormWave}, "levels": {model.FormWave},
		"pixels": {model.FormImage}, "shuffle": {model.FormImage}, "streams": {model.FormText, model.FormWave}}
	f.set.Visit(func(g *flag.Flag) {
		if kinds, ok := of[g.Name]; ok && !slices.Contains(kinds, kind) {
			err = usagef("-%s is for data of kind %s, not %s", g.Name, strings.Join(kinds, " and "), kind)
		}
	})
	return err
}

// isDataFlag reports whether a flag chooses the data.
func isDataFlag(name string) bool {
	own := flag.NewFlagSet("", flag.ContinueOnError)
	new(dataFlags).flags(own)
	return own.Lookup(name) != nil
}

// again returns the flags of the data as they were given, for a command line.
func (f *dataFlags) again(flags *flag.FlagSet) string {
	s := ""
	flags.Visit(func(g *flag.Flag) {
		if isDataFlag(g.Name) {
			s += fmt.Sprintf(" -%s=%s", g.Name, g.Value)
		}
	})
	return s
}

// dataset is data as a model sees it, with what the command has to say about it.
type dataset struct {
	*model.Data
	builtin  bool         // the tunes that ship with the program
	notes    []string     // what a user should know about the reading
	corpus   *text.Corpus // the text, if it is one
	truncate int          // steps per update that suit long sequences; 0: whole sequences
}

// load reads the chosen data.
func (f *dataFlags) load() (*dataset, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	d, err := f.read()
	if err == nil {
		err = f.useless(d.Form.Kind)
	}
	if err != nil || f.window == 0 {
		return d, err
	}
	if d.Form.Kind == model.FormImage {
		return nil, usagef("-window %d: an image is a sequence of one step", f.window)
	}
	hop := f.hop
	if hop == 0 {
		hop = max(f.window/2, 1)
	}
	d.Data = model.Windows(d.Data, f.window, hop)
	return d, d.Check()
}

// read reads the chosen data as whole sequences.
func (f *dataFlags) read() (*dataset, error) {
	switch {
	case f.path == "" && f.own:
		return ownTunes(), nil
	case f.path == "":
		return builtinTunes(), nil
	}
	kind := f.kind
	if kind == "" {
		var err error
		if kind, err = detect(f.path); err != nil {
			return nil, err
		}
	}
	read := map[string]func(*dataFlags) (*dataset, error){
		model.FormRoll: readRolls, model.FormWave: readWaves, model.FormImage: readImages,
		model.FormStrokes: readStrokes, model.FormText: readText, model.FormSeries: readSeries,
	}[kind]
	d, err := read(f)
	if err != nil {
		return nil, err
	}
	d.Form.Kind = kind
	if d.Name == "" {
		d.Name = f.path
	}
	if d.Hash == "" {
		d.Hash = hashOf(d.Data)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	return d, nil
}

// detect says which kind of data a path holds.
func detect(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return detectFolder(path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".json", ".abc", ".mid", ".midi":
		return model.FormRoll, nil
	case ".wav":
		return model.FormWave, nil
	case ".txt":
		return model.FormText, nil
	case ".npy":
		// Bytes with three dimensions are images.
		head, err := infile.Head(path, 256)
		if err != nil {
			return "", err
		}
		if bytes.Contains(head, []byte("|u1")) && bytes.Count(head, []byte(",")) >= 4 {
			return model.FormImage, nil
		}
		return model.FormSeries, nil
	case ".npz", ".csv":
		return model.FormSeries, nil
	}
	const enough = 4096
	head, err := infile.Head(path, enough)
	if err != nil {
		return "", err
	}
	switch {
	case idx.Is(head):
		return model.FormImage, nil
	case wave.Is(head):
		return model.FormWave, nil
	case len(head) > 0 && !bytes.ContainsRune(head, 0) && isUTF8(head, len(head) == enough):
		return model.FormText, nil
	}
	return "", fmt.Errorf("%s: cannot tell what this is; -kind says it: %s", path, strings.Join(kinds, ", "))
}

// isUTF8 also accepts a text that was cut in the middle of a character.
func isUTF8(head []byte, cut bool) bool {
	for i := 0; cut && i < utf8.UTFMax && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return utf8.Valid(head)
}

// detectFolder goes by the first file that tells.
func detectFolder(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_points.npy") {
			return model.FormStrokes, nil
		}
	}
	kind := ""
	err = walk(dir, func(path string) error {
		if kind != "" {
			return nil
		}
		switch ext := strings.ToLower(filepath.Ext(path)); ext {
		case ".wav":
			kind = model.FormWave
		case ".abc", ".mid", ".midi":
			kind = model.FormRoll
		case ".npy", ".csv":
			kind = model.FormSeries
		case ".gz", "":
			if head, err := infile.Head(path, 4); err == nil && idx.Is(head) {
				kind = model.FormImage
			}
		default:
			if strings.Contains(filepath.Base(path), "-idx") {
				kind = model.FormImage
			}
		}
		return nil
	})
	if err == nil && kind == "" {
		err = fmt.Errorf("%s: no file in it tells what the data are; -kind says it: %s", dir, strings.Join(kinds, ", "))
	}
	return kind, err
}

// walk calls f for the files in a folder and in its folders, in the order of names.
func walk(dir string, f func(path string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			err = walk(path, f)
		default:
			err = f(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hashOf returns the SHA-256, in hex, of what a model sees: the dimensions and the three
// parts with their sequences, in order. Names and the form do not count.
func hashOf(d *model.Data) string {
	h := sha256.New()
	var b []byte
	u64 := func(n int) { b = binary.LittleEndian.AppendUint64(b, uint64(n)) }
	u64(d.Dim)
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		u64(len(seqs))
		for _, s := range seqs {
			u64(len(s.X))
			if s.Binarise {
				b = append(b, 1)
			}
			for _, v := range s.X {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			h.Write(b)
			b = b[:0]
		}
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}

// standardise subtracts the means of the train part and divides by its deviations, in
// place and per dimension, and notes both in the form. A dimension that does not vary is
// only shifted.
func standardise(d *model.Data) {
	n := 0.0
	sum, squares := make([]float64, d.Dim), make([]float64, d.Dim)
	for _, s := range d.Train {
		for i, v := range s.X {
			sum[i%d.Dim] += float64(v)
		}
		n += float64(len(s.X) / d.Dim)
	}
	offset, scale := make([]float64, d.Dim), make([]float64, d.Dim)
	for j := range sum {
		offset[j] = sum[j] / max(n, 1)
	}
	for _, s := range d.Train {
		for i, v := range s.X {
			c := float64(v) - offset[i%d.Dim]
			squares[i%d.Dim] += float64(c * c)
		}
	}
	for j := range scale {
		if scale[j] = math.Sqrt(squares[j] / max(n, 1)); scale[j] == 0 {
			scale[j] = 1
		}
	}
	rescale(d, offset, scale)
}

// rescale brings all parts to (x - offset) / scale; one element stands for all dimensions.
func rescale(d *model.Data, offset, scale []float64) {
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			for i, v := range s.X {
				j := min(i%d.Dim, len(scale)-1)
				s.X[i] = float32((float64(v) - offset[j]) / scale[j])
			}
		}
	}
	d.Form.Offset, d.Form.Scale = offset, scale
}

// parallel cuts sequences into n parts of almost equal length, so that a few long ones
// fill a batch; training with -truncate carries the state along each part.
func parallel(seqs []model.Sequence, dim, n int) []model.Sequence {
	var list []model.Sequence
	for _, s := range seqs {
		steps := len(s.X) / dim
		parts := min(n, max(steps, 1))
		for i := range parts {
			from, to := steps*i/parts, steps*(i+1)/parts
			p := s
			p.Name = fmt.Sprintf("%s, steps %d to %d", s.Name, from, to)
			p.X = s.X[from*dim : to*dim : to*dim]
			list = append(list, p)
		}
	}
	return list
}

// makeDir makes the output folder and finds out whether files can be made in it, before
// hours of work are spent on them.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// asSequences takes over what a reader of tables has made.
func asSequences(list []series.Sequence) []model.Sequence {
	out := make([]model.Sequence, len(list))
	for i, s := range list {
		out[i] = model.Sequence{Name: s.Name, X: s.X}
	}
	return out
}
