package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// dataFlags are the flags that choose the data.
type dataFlags struct {
	path string
	dataset.Options
	own     bool // of the built-in tunes, all in their own keys, to be told apart
	maxData int64

	set *flag.FlagSet
}

// flags declares the flags.
func (f *dataFlags) flags(fs *call) {
	f.set = fs.FlagSet
	fs.section(sectionData)
	fs.StringVar(&f.path, "data", "", "a file or folder (default: of a trained model the data it was trained on, otherwise the built-in tunes)")
	fs.StringVar(&f.Kind, "kind", "", "what the data are: "+strings.Join(dataset.Kinds(), ", ")+" (default: found out)")
	fs.StringVar(&f.Given, "given", "", "what is given and not predicted: columns of the tables, as a,b; label: classes of images, of folders; or a table beside the data")
	fs.IntVar(&f.Window, "window", 0, "cut sequences into windows of so many steps; 0: whole sequences (default for a vrae on the built-in tunes: 50)")

	fs.section("reading")
	fs.IntVar(&f.Hop, "hop", 0, "with -window: steps from the beginning of one window to that of the next (default: half a window)")
	fs.IntVar(&f.Grid, "grid", 0, "piano rolls: steps per quarter note (default: 1 for JSON, 2 for ABC and MIDI)")
	fs.StringVar(&f.Pixels, "pixels", dataset.PixelsReal, "images: real is byte/255, real256 byte/256, draw 0 or 1 drawn with that probability at each use, threshold 1 above 127")
	fs.IntVar(&f.Held, "valid", 0, "images with a test set of their own: the most of the others that are held out as valid; 0: a sixth of them")
	fs.BoolVar(&f.Shuffle, "shuffle", false, "images in one file: shuffle before they are split, always in the same way")
	fs.IntVar(&f.Frame, "frame", dataset.DefaultFrame, "sound: samples per step")
	fs.IntVar(&f.Levels, "levels", 0, "sound: quantise the samples to so many levels, for a logistic-mixture: 256 for 8 bits, 65536 for 16; 0: standardise them")
	fs.IntVar(&f.Streams, "streams", dataset.DefaultStreams, "text and single recordings: parts of the train text that are read beside each other")
	fs.BoolVar(&f.Strict, "strict", false, "a piece of the data that cannot be read is an error, not left out with a note")
	f.maxData = infile.DefaultMax
	fs.Var((*size)(&f.maxData), "max-data", "the most memory that reading the data may take, in bytes or as 500MB, 4GiB")
	fs.section(sectionOwn)
}

// size is a flag for a number of bytes.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	number, unit := strings.TrimSpace(text), int64(1)
	for _, u := range []struct {
		name string
		size int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}} {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(n), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 1) || n*float64(unit) > 1<<50 {
		return errors.New("want a number of bytes, such as 500MB or 4GiB")
	}
	*s = size(n * float64(unit))
	return nil
}

// given calls f for the flags of the way of reading that were given.
func (f *dataFlags) given(visit func(name string)) {
	if f.set == nil {
		return
	}
	f.set.Visit(func(g *flag.Flag) {
		switch g.Name {
		case "data", "strict", "max-data":
		default:
			if isDataFlag(g.Name) {
				visit(g.Name)
			}
		}
	})
}

// isDataFlag reports whether a flag chooses the data.
func isDataFlag(name string) bool {
	own := newCall(command{}, nil, nil)
	new(dataFlags).flags(own)
	return !slices.Contains(ofTheCall, name) && own.Lookup(name) != nil
}

// again returns the flags of the data that a command line to go on with needs.
func (f *dataFlags) again() string {
	if f.path == "" {
		return ""
	}
	return " -data " + f.path
}

// check reports values that mean nothing.
func (f *dataFlags) check() error {
	if f.set != nil && f.maxData > atMost() {
		var given bool
		f.set.Visit(func(g *flag.Flag) { given = given || g.Name == "max-data" })
		if given {
			return usagef("-max-data %s: %s of memory are free", amount(float64(f.maxData)), amount(float64(atMost())))
		}
	}
	if f.Frame < 1 || f.Streams < 1 {
		return usagef("-frame %d -streams %d: want at least 1", f.Frame, f.Streams)
	}
	if err := f.Options.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

// useless reports a flag that was given and that data of the kind would ignore.
func (f *dataFlags) useless(kind string) (err error) {
	f.given(func(name string) {
		if of := dataset.KindsOf(name); len(of) > 0 && !slices.Contains(of, kind) {
			err = usagef("-%s is for data of kind %s, not %s", name, strings.Join(of, " and "), kind)
		}
	})
	return err
}

// budget bounds the reading, and shows on out how it goes where it takes long.
func (f *dataFlags) budget(out io.Writer) *infile.Budget {
	b := &infile.Budget{Max: min(f.maxData, atMost())}
	if out != nil {
		b.OnRead = reading(out)
	}
	return b
}

// open reads data to train on.
func (f *dataFlags) open(out io.Writer) (*dataset.Data, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.path == "" {
		if err := f.useless(model.FormRoll); err != nil {
			return nil, err
		}
		return dataset.Tunes(f.own, f.Options)
	}
	d, err := dataset.Open(f.path, f.Options, f.budget(out))
	if err != nil {
		return nil, err
	}
	return d, f.useless(d.Form.Kind)
}

// openAs reads data by the form of a trained model: those of -data or, without it, those
// that it was trained on.
func (f *dataFlags) openAs(checkpoint string, m model.Info, out io.Writer) (*dataset.Data, error) {
	path, err := f.find(checkpoint, m)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return dataset.TunesAs(m.Form)
	}
	return dataset.OpenAs(path, f.Given, m, f.Strict, f.budget(out))
}

// openUncut is openAs with every sequence as long as it came, if the model carries its state from
// step to step or has none.
func (f *dataFlags) openUncut(checkpoint string, m model.Info, out io.Writer) (*dataset.Data, error) {
	if k, err := model.KindOf(m.Config.Model); err != nil || wholeSequences(k) {
		return f.openAs(checkpoint, m, out)
	}
	path, err := f.find(checkpoint, m)
	if err != nil {
		return nil, err
	}
	return dataset.OpenUncut(path, f.Given, m, f.Strict, f.budget(out))
}

// openFor is openUncut for a model that is to read the data, with what there is to say of them.
func (f *dataFlags) openFor(m model.Model[float32], info model.Info, path string, out io.Writer) (*dataset.Data, error) {
	d, err := f.openUncut(path, info, out)
	if err != nil {
		return nil, err
	}
	if err := m.Settings().CheckData(d.Data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	remark(out, d.Notes)
	return d, nil
}

// find returns the path of the data that openAs is to read, none for those inside the program.
func (f *dataFlags) find(checkpoint string, m model.Info) (string, error) {
	if m.Form.Kind == "" {
		return "", fmt.Errorf("%s: does not say what its data were: train it again", checkpoint)
	}
	if err := f.contradicts(m); err != nil {
		return "", fmt.Errorf("%s: %w", checkpoint, err)
	}
	f.Window, f.Hop = m.Form.Window, m.Form.Hop // one that was given agrees, and is nothing without the other
	if err := f.check(); err != nil {
		return "", err
	}
	path := f.path
	if path == "" {
		if m.Form.Builtin != "" {
			if f.Given != "" {
				return "", usagef("-given %.80q: the built-in tunes have their own", f.Given)
			}
			return "", nil
		}
		path = m.Name
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: was trained on %.120q, which is not there: say with -data where the data are", checkpoint, path)
		}
	}
	return path, nil
}

// contradicts reports a flag that asks for another way of reading than that of the model.
func (f *dataFlags) contradicts(m model.Info) (err error) {
	form := m.Form
	known := map[string][2]any{
		"kind": {f.Kind, form.Kind}, "grid": {f.Grid, form.Rate}, "pixels": {f.Pixels, form.Pixels}, "valid": {f.Held, form.Held},
		"shuffle": {f.Shuffle, form.Shuffle}, "frame": {f.Frame, m.Config.Data}, "levels": {f.Levels, form.Levels},
		"window": {f.Window, form.Window}, "hop": {f.Hop, form.Hop}, "streams": {f.Streams, form.Streams},
	}
	if err := f.useless(form.Kind); err != nil {
		return err
	}
	f.given(func(name string) {
		if v := known[name]; v[0] != v[1] {
			err = usagef("-%s %v: the model was trained with %v", name, v[0], v[1])
		}
	})
	return err
}
