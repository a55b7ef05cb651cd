package music

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/elbow-go/elbow/internal/infile"
)

// maxJSON is the largest JSON file that is read, in bytes. The Bach chorales have 0.3 MB.
const maxJSON = 64 << 20

// ReadJSON reads a data set in the layout of the JSB chorales by Boulanger-Lewandowski:
//
//	{"train": [...], "valid": [...], "test": [...]}
//
// Each part is a list of sequences, a sequence is a list of steps, a step is a list of the
// MIDI notes that sound, in any order. The keys may come in any order. stepsPerQuarter is
// not in the file; for the chorales it is 1.
//
// It is strict. A part that is missing, twice there or empty, an unknown key, an empty
// sequence, a note that is no whole number, outside 21..108 or twice in its step, nesting
// other than the above and anything after the object are errors, which name the file, the
// part, the sequence and the step, counted from 0, and the byte at fault, counted from 1.
func ReadJSON(path string, stepsPerQuarter int) (*Dataset, error) {
	data, err := infile.Read(path, maxJSON)
	if err != nil {
		return nil, err
	}
	return ParseJSON(path, data, stepsPerQuarter)
}

// ParseJSON is ReadJSON for a file that is in memory. name becomes the name of the data set
// and is used for errors.
func ParseJSON(name string, data []byte, stepsPerQuarter int) (*Dataset, error) {
	d := &Dataset{Name: name, StepsPerQuarter: stepsPerQuarter}
	p := jsonReader{dec: json.NewDecoder(bytes.NewReader(data)), name: name, data: data, part: -1, seq: -1, step: -1}
	p.dec.UseNumber()
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, p.fail(errors.New("the file is empty"))
	}
	if err := p.dataset(d); err != nil {
		return nil, p.fail(err)
	}
	return d, nil
}

// jsonReader walks the tokens. It never descends by itself: the depth is that of the
// methods below, so nesting in the file cannot exhaust the stack.
type jsonReader struct {
	dec             *json.Decoder
	name            string
	data            []byte
	part, seq, step int // where we are, -1 outside
}

var partNames = [3]string{"train", "valid", "test"}

// fail adds the place to an error.
func (p *jsonReader) fail(err error) error {
	place := p.name + ": "
	if p.part >= 0 {
		place += partNames[p.part] + ", "
	}
	if p.seq >= 0 {
		place += fmt.Sprintf("sequence %d, ", p.seq)
	}
	if p.step >= 0 {
		place += fmt.Sprintf("step %d, ", p.step)
	}
	offset := p.dec.InputOffset()
	// The decoder of tokens knows where the last good token ended, not where the text goes
	// wrong. The check of the whole text finds the same fault first and knows.
	syntax := new(json.SyntaxError)
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		if errors.As(json.Unmarshal(p.data, new(json.RawMessage)), &syntax) {
			offset = syntax.Offset
		}
	}
	return fmt.Errorf("%sbyte %d: %w", place, offset, err)
}

// token is the next token; the end of the file is never welcome where it is called.
func (p *jsonReader) token() (json.Token, error) {
	t, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	return t, err
}

// open consumes the delimiter that what, a list or an object, starts with.
func (p *jsonReader) open(delim json.Delim, what string) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != delim {
		return fmt.Errorf("got %s, want %s", describeToken(t), what)
	}
	return nil
}

// close consumes a closing delimiter; the decoder guarantees that it matches.
func (p *jsonReader) close() error {
	_, err := p.token()
	return err
}

func (p *jsonReader) dataset(d *Dataset) error {
	if err := p.open('{', `an object {"train": ..., "valid": ..., "test": ...}`); err != nil {
		return err
	}
	var seen [3]bool
	splits := d.splits()
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key := t.(string) // the decoder admits only strings as keys
		part := slices.Index(partNames[:], key)
		if part < 0 {
			return fmt.Errorf("unknown key %.40q, want train, valid or test", key)
		}
		if seen[part] {
			return fmt.Errorf("the key %q is there twice", key)
		}
		seen[part] = true
		p.part = part
		if *splits[part].pieces, err = p.sequences(); err != nil {
			return err
		}
		p.part = -1
	}
	if err := p.close(); err != nil {
		return err
	}
	for part, ok := range seen {
		if !ok {
			return fmt.Errorf("the key %q is missing", partNames[part])
		}
	}
	if t, err := p.dec.Token(); err == nil {
		return fmt.Errorf("%s after the end of the data", describeToken(t))
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (p *jsonReader) sequences() ([]Piece, error) {
	if err := p.open('[', "a list of sequences"); err != nil {
		return nil, err
	}
	var pieces []Piece
	for p.dec.More() {
		p.seq = len(pieces)
		r, err := p.sequence()
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, Piece{Name: fmt.Sprintf("%s/%d", partNames[p.part], p.seq), Steps: r})
		p.seq = -1
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if len(pieces) == 0 {
		return nil, errors.New("no sequences")
	}
	return pieces, nil
}

func (p *jsonReader) sequence() (Roll, error) {
	if err := p.open('[', "a sequence, which is a list of steps"); err != nil {
		return nil, err
	}
	var r Roll
	for p.dec.More() {
		p.step = len(r)
		if len(r) == maxSteps {
			return nil, fmt.Errorf("the sequence has more than %d steps", maxSteps)
		}
		notes, err := p.notes()
		if err != nil {
			return nil, err
		}
		r = append(r, notes)
		p.step = -1
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if len(r) == 0 {
		return nil, errors.New("the sequence has no steps")
	}
	return r, nil
}

func (p *jsonReader) notes() ([]uint8, error) {
	if err := p.open('[', "a step, which is a list of notes"); err != nil {
		return nil, err
	}
	notes := []uint8{}
	var seen [Highest + 1]bool
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("got %s, want a note", describeToken(t))
		}
		n, err := strconv.Atoi(number.String())
		if errors.Is(err, strconv.ErrSyntax) {
			return nil, fmt.Errorf("note %.40s is no whole number", number)
		}
		if err != nil || n < Lowest || n > Highest {
			return nil, fmt.Errorf("note %.40s is outside %d..%d", number, Lowest, Highest)
		}
		if seen[n] {
			return nil, fmt.Errorf("note %d is there twice", n)
		}
		seen[n] = true
		notes = append(notes, uint8(n))
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	slices.Sort(notes)
	return notes, nil
}

func describeToken(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return fmt.Sprintf("%q", t.String())
	case string:
		return fmt.Sprintf("the string %.40q", t)
	case nil:
		return "null"
	default:
		return fmt.Sprintf("%.40v", t)
	}
}

// WriteJSON writes d in the layout that ReadJSON reads, one sequence a line.
func WriteJSON(w io.Writer, d *Dataset) error {
	if err := d.Check(); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	for i, s := range d.splits() {
		fmt.Fprintf(b, "%s%q: [", [3]string{"{", ",\n", ",\n"}[i], s.name)
		for k, p := range *s.pieces {
			if k > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n[")
			for j, step := range p.Steps {
				if j > 0 {
					b.WriteString(", ")
				}
				b.WriteByte('[')
				for m, n := range step {
					if m > 0 {
						b.WriteString(", ")
					}
					b.WriteString(strconv.Itoa(int(n)))
				}
				b.WriteByte(']')
			}
			b.WriteByte(']')
		}
		b.WriteString("\n]")
	}
	b.WriteString("}\n")
	return b.Flush() // the first error of all the writes above
}
