package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// Options say how data are read that a model is to be trained on. The zero value is what
// suits most data.
type Options struct {
	Kind    string // empty: found out
	Grid    int    // rolls: steps per quarter note; 0: 1 for JSON, 2 for others
	Pixels  string // images: how bytes become numbers; empty: real
	Held    int    // images with a test set of their own: the most that become valid; 0: a sixth
	Shuffle bool   // images in one file: shuffle before they are split
	Frame   int    // sound: samples per step; 0: 200
	Levels  int    // sound: quantise to so many levels; 0: standardise
	Streams int    // text and single recordings: parts that are read beside each other; 0: 32
	Window  int    // cut into windows of so many steps; 0: whole sequences
	Hop     int    // with Window: steps between their beginnings; 0: half a window
	Raw     bool   // do not standardise numbers
	Given   string // what a model is given and does not predict: columns of tables, label, or a table of its own
	Strict  bool   // a piece that cannot be read is an error

	overlap bool // windows of valid and test overlap as those of train do
}

// Data are data as a model sees them, with what there is to say about them.
type Data struct {
	*model.Data
	Suits Suits
	Notes []string // what a user should know about the reading

	// Whole says that the data came without parts and are not those of the training: Test
	// holds all of them, Train and Valid are empty.
	Whole bool

	spans []partSpan            // the parts of what OpenUncut returns, in order; nil: none
	times func() (Times, error) // of what OpenUncut returns; nil: there are none
}

// Suits is what suits a kind of data unless a user says otherwise.
type Suits struct {
	Model, Likelihood string
	Truncate          int  // steps per update; 0: whole sequences
	Reshuffle         bool // batches that differ from epoch to epoch
}

// The options' defaults.
const (
	DefaultFrame   = 200
	DefaultStreams = 32
)

func (o Options) defaults() Options {
	if o.Pixels == "" {
		o.Pixels = PixelsReal
	}
	if o.Frame == 0 {
		o.Frame = DefaultFrame
	}
	if o.Streams == 0 {
		o.Streams = DefaultStreams
	}
	return o
}

// kind is a kind of data.
type kind struct {
	name    string
	options []string            // the options that it alone obeys, as their flags are called
	is      func(p *probe) bool // whether a file could be of the kind; nil: only folders are
	folder  func(names []string) bool

	read func(r *reader, path string) (*set, error)
	// split divides what came without parts. It is also asked about data that are only to be
	// scored, which may be too few: an error then means that they are scored as they are.
	split func(s *set, f *model.Form) ([3][]span, error)
	// learn completes the form of the set from its train part.
	learn func(s *set, train []span, o Options, f *model.Form) error
	// arrange cuts long sequences of a part, 0 to 2, into those of a batch; nil: as they are.
	arrange func(seqs []model.Sequence, part int, f model.Form, dim int) []model.Sequence
	// check reports raw data that do not go with the form of a model. It may be nil.
	check func(s *set, f model.Form) error
	suits func(s *set, f model.Form) Suits
	// write writes pieces and, if it has a name, the picture.
	write   func(w *sheet) error
	ext     string // of the file of a piece; empty: pieces are in the picture alone
	picture string // of samples, without its extension
	pixels  bool   // it is no drawing
}

// kinds are all kinds, in the order in which a file is taken for one of them.
var kinds = []*kind{&rolls, &waves, &strokes, &images, &series, &text}

// Kinds returns the names of the kinds of data.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// KindsOf returns the kinds that obey an option, called as its flag; nil means all.
func KindsOf(option string) []string {
	var names []string
	for _, k := range kinds {
		if slices.Contains(k.options, option) {
			names = append(names, k.name)
		}
	}
	return names
}

func kindOf(name string) (*kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("unknown kind of data %.40q, want one of %s", name, strings.Join(Kinds(), ", "))
}

// Check reports options that mean nothing.
func (o Options) Check() error {
	if o.Kind != "" {
		if _, err := kindOf(o.Kind); err != nil {
			return err
		}
	}
	switch {
	case o.Pixels != "" && !slices.Contains(PixelWays, o.Pixels):
		return fmt.Errorf("unknown pixels %.40q, want one of %s", o.Pixels, strings.Join(PixelWays, ", "))
	case o.Grid < 0 || o.Grid > 64:
		return fmt.Errorf("-grid %d: want 1..64", o.Grid)
	case o.Frame < 0 || o.Frame > 1<<16:
		return fmt.Errorf("-frame %d: want 1..%d", o.Frame, 1<<16)
	case o.Levels == 1 || o.Levels < 0 || o.Levels > 1<<16:
		return fmt.Errorf("-levels %d: want 0 or 2..%d", o.Levels, 1<<16)
	case o.Window < 0 || o.Window > 1<<20 || o.Hop < 0 || o.Hop > 1<<20:
		return fmt.Errorf("-window %d -hop %d: want 0..%d", o.Window, o.Hop, 1<<20)
	case o.Hop > 0 && o.Window == 0:
		return fmt.Errorf("-hop %d: it needs -window", o.Hop)
	case o.Held < 0:
		return fmt.Errorf("-valid %d: want 0 or more", o.Held)
	case o.Streams < 0 || o.Streams > 1<<16:
		return fmt.Errorf("-streams %d: want 1..%d", o.Streams, 1<<16)
	}
	return nil
}

// form returns what the options alone say of the form.
func (o Options) form() model.Form {
	f := model.Form{Kind: o.Kind, Held: o.Held, Shuffle: o.Shuffle, Window: o.Window, Hop: o.Hop}
	if f.Window > 0 && f.Hop == 0 {
		f.Hop = max(f.Window/2, 1)
	}
	if f.Hop < f.Window && !o.overlap {
		f.HeldHop = f.Window
	}
	return f
}

// Open reads data to train on and learns their form.
func Open(path string, o Options, b *infile.Budget) (*Data, error) {
	o = o.defaults()
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.Kind == "" {
		var err error
		if o.Kind, err = recognise(path, b); err != nil {
			return nil, err
		}
	}
	k, err := kindOf(o.Kind)
	if err != nil {
		return nil, err
	}
	if k.name == model.FormImage && o.Window > 0 {
		return nil, fmt.Errorf("-window %d: an image is a sequence of one step", o.Window)
	}
	r := &reader{Options: o, budget: b}
	s, err := k.read(r, path)
	if err == nil {
		err = r.condition(s, path)
	}
	if err != nil {
		return nil, err
	}
	if err := s.complain(path, o.Strict); err != nil {
		return nil, err
	}
	return s.train(k, path, o)
}

// train splits a set, learns its form and applies it.
func (s *set) train(k *kind, path string, o Options) (*Data, error) {
	f := s.form
	base := o.form()
	f.Kind, f.Held, f.Shuffle, f.Window, f.Hop, f.HeldHop = k.name, base.Held, base.Shuffle, base.Window, base.Hop, base.HeldHop
	spans, err := s.spans(k, &f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if k.learn != nil {
		if err := k.learn(s, spans[0], o, &f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if s.given != nil {
		if f.Given = s.given.learn(spans[0], o.Raw); isFile(o.Given) {
			f.GivenFile = o.Given
		}
	}
	d, err := s.data(k, path, f, spans)
	if err != nil {
		return nil, err
	}
	return d, d.Check()
}

// OpenAs reads data by the form that a model has learned. If path holds what the model was
// trained on, they are split as they were then. Other data have the parts that they come
// with, or are one part, however small. given is a table of conditions in place of that of the training,
// if that had one, or the class of all sequences, if they are conditions.
func OpenAs(path, given string, m model.Info, strict bool, b *infile.Budget) (*Data, error) {
	s, k, err := openSet(path, given, m, strict, b)
	if err != nil {
		return nil, err
	}
	d, _, err := s.known(k, path, m)
	return d, err
}

// openSet reads what is to be scored by the form of a model.
func openSet(path, given string, m model.Info, strict bool, b *infile.Budget) (*set, *kind, error) {
	f := m.Form
	k, err := kindOf(f.Kind)
	if err != nil {
		return nil, nil, err
	}
	if is, err := recognise(path, b); err == nil && is != f.Kind && !k.takes(is) {
		return nil, nil, fmt.Errorf("%s: data of kind %s, the model was trained on data of kind %s", path, is, f.Kind)
	}
	given, class, err := givenBy(path, given, m)
	if err != nil {
		return nil, nil, err
	}
	r := &reader{budget: b, known: &f, class: class, Options: Options{Kind: f.Kind, Grid: f.Rate, Pixels: f.Pixels, Frame: m.Config.Data, Given: given, Strict: strict}}
	s, err := k.read(r, path)
	if err == nil {
		err = r.condition(s, path)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := s.complain(path, strict); err != nil {
		return nil, nil, err
	}
	if s.dim != m.Config.Data {
		return nil, nil, fmt.Errorf("%s: %d dimensions, the model was trained on %d", path, s.dim, m.Config.Data)
	}
	if k.check != nil {
		if err := k.check(s, f); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return s, k, nil
}

// known makes data of a set by the form of a model. spans are their parts if they have some.
func (s *set) known(k *kind, path string, m model.Info) (d *Data, spans *[3][]span, err error) {
	f := m.Form
	if spans, err := s.spans(k, &f); err == nil {
		d, err := s.data(k, path, f, spans)
		if err != nil || s.parts != nil || d.Hash == m.Hash {
			return d, &spans, err
		}
	}
	d, err = s.data(k, path, f, s.all())
	if err != nil {
		return nil, nil, err
	}
	d.Whole = true
	return d, nil, nil
}

// all returns all pieces as one part, the last.
func (s *set) all() (parts [3][]span) {
	for i := range s.pieces {
		parts[2] = append(parts[2], span{i, 0, s.pieces[i].steps})
	}
	return parts
}

// takes reports whether files that look like another kind can be read as k: what looks like
// a table may have been read as text, a folder of arrays as images.
func (k *kind) takes(other string) bool {
	return k.name == model.FormText || k.name == model.FormImage && other == model.FormSeries || k.name == model.FormSeries && other != model.FormRoll
}

// reader is what the kinds read with.
type reader struct {
	Options
	budget *infile.Budget
	known  *model.Form // by which data are to be read; nil: it is to be learned
	class  string      // of all pieces, as a condition; empty: they have their own
}

// set is what was read, before a split and a form are applied to it.
type set struct {
	dim    int
	pieces []piece
	// parts are the indices of pieces in train, valid and test if the source has them.
	parts   *[3][]int
	form    model.Form  // what the source says of it
	given   *conditions // nil: none
	notes   []string
	skipped []string // pieces that could not be read, with the reason

	// walk calls f for all rows of raw values of the pieces, in order; nil: their sources
	// give them.
	walk func(f func(piece, step int, row []float64) error) error
	// fill makes the rows of pieces without a source by the form, once; nil: there are none.
	fill func(f model.Form) error
	// times reads the dates and times of the steps of every piece; nil: there are none.
	times func() (Times, error)
}

// piece is one sequence of raw values.
type piece struct {
	name, label string
	steps       int
	rows        rows
	x           []float32 // in place of rows, encoded
	source      model.Source
	given       []float32 // the conditions of every step, encoded
}

// rows gives raw values from step from on, as many as dst holds.
type rows interface {
	Read(dst []float64, from int)
}

// span is a part of a piece.
type span struct{ piece, from, to int }

// complain reports pieces that were left out: as an error if that is asked for, or if less
// than half of them are left.
func (s *set) complain(path string, strict bool) error {
	n := len(s.skipped)
	if n == 0 {
		return nil
	}
	if strict || n > len(s.pieces) {
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" (and %d more)", n-1)
		}
		if !strict {
			return fmt.Errorf("%s: %d of %d pieces cannot be read: %s%s", path, n, n+len(s.pieces), s.skipped[0], more)
		}
		return errors.New(s.skipped[0] + more)
	}
	return nil
}

// spans returns the parts of the source or, if it has none, those that the kind makes.
func (s *set) spans(k *kind, f *model.Form) (parts [3][]span, err error) {
	if s.parts == nil {
		return k.split(s, f)
	}
	for p, list := range s.parts {
		for _, i := range list {
			parts[p] = append(parts[p], span{i, 0, s.pieces[i].steps})
		}
	}
	if len(parts[1]) == 0 {
		parts[0], parts[1] = holdOut(parts[0], f.Held)
	}
	return parts, nil
}

// data makes the sequences of a model.
func (s *set) data(k *kind, path string, f model.Form, parts [3][]span) (*Data, error) {
	if s.fill != nil {
		if err := s.fill(f); err != nil {
			return nil, err
		}
		s.fill = nil // one form, one time
	}
	d := &model.Data{Name: path, Dim: s.dim, Given: f.GivenWidth(), Form: f}
	if len(f.Given) > 0 {
		given, err := s.encode(f)
		if err != nil {
			return nil, err
		}
		for i := range s.pieces {
			s.pieces[i].given = given[i]
		}
	}
	code := newCode(f)
	for p, to := range []*[]model.Sequence{&d.Train, &d.Valid, &d.Test} {
		for _, at := range parts[p] {
			*to = append(*to, s.sequence(at, code))
		}
		if k.arrange != nil {
			*to = k.arrange(*to, p, f, s.dim)
		}
	}
	if f.Window > 0 {
		w := model.Windows(d, f.Window, f.Hop)
		if f.HeldHop > 0 {
			held := model.Windows(d, f.Window, f.HeldHop)
			w.Valid, w.Test = held.Valid, held.Test
		}
		w.Name = d.Name
		d = w
	}
	var err error
	if d.Hash, err = hash(d); err != nil {
		return nil, err
	}
	return &Data{Data: d, Suits: k.suits(s, f), Notes: append(slices.Clone(s.notes), leftOut(s.skipped)...)}, nil
}

// sequence returns a part of a piece.
func (s *set) sequence(at span, code *code) model.Sequence {
	p := &s.pieces[at.piece]
	q := model.Sequence{Name: p.name, Label: p.label, X: p.x, Source: p.source, Given: p.given, Binarise: code.form.Pixels == PixelsDraw}
	if p.rows != nil {
		q.Source = encoded{p, s.dim, code}
	}
	if at.from > 0 || at.to < p.steps {
		q = q.Slice(at.from, at.to, s.dim)
		q.Name = fmt.Sprintf("%s, steps %d to %d", p.name, at.from, at.to)
	}
	return q
}

// leftOut bounds the notes about pieces that were left out.
func leftOut(skipped []string) []string {
	const most = 20
	list := make([]string, 0, most+1)
	for i, s := range skipped {
		if i == most {
			list = append(list, fmt.Sprintf("left out: %d more", len(skipped)-most))
			break
		}
		list = append(list, "left out: "+s)
	}
	return list
}

// Part is a part of data, as it is called.
type Part struct {
	Name string
	Seqs []model.Sequence
}

// Parts returns the parts that have sequences: train, valid and test or, of data without
// parts, one called data.
func (d *Data) Parts() []Part {
	if d.Whole {
		return []Part{{wholePart, d.Test}}
	}
	parts := []Part{{"train", d.Train}, {"valid", d.Valid}, {"test", d.Test}}
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.Seqs) == 0 })
}

// All returns the sequences of all parts.
func (d *Data) All() []model.Sequence { return slices.Concat(d.Train, d.Valid, d.Test) }

// Shorten keeps the beginning of the data: at most so many sequences of each part, and of
// each at most so many steps.
func (d *Data) Shorten(sequences, steps int) {
	for _, part := range []*[]model.Sequence{&d.Train, &d.Valid, &d.Test} {
		*part = slices.Clone((*part)[:min(sequences, len(*part))])
		for i, s := range *part {
			(*part)[i] = s.Slice(0, min(s.Steps(d.Dim), steps), d.Dim)
		}
	}
	d.Name += " (a small part)"
	d.Hash, _ = hash(d.Data) // the values were finite
}
