package music

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// openJSON reads a data set in the layout of the JSB chorales by Boulanger-Lewandowski:
//
//	{"train": [...], "valid": [...], "test": [...]}
//
// Each part is a list of sequences, a sequence is a list of steps, a step is a list of the
// MIDI notes that sound, in any order. Two voices on one note are one note; -1 and null are
// rests; notes outside 21..108 are left out with a note. The keys may come in any order.
// If one part alone holds something, or the file is just a list of sequences, there are no
// parts. How long a step is, is not in the file; for the chorales it is a quarter note.
//
// What is not JSON is an error; so is an object without train, or with one of the parts
// twice. Other keys are passed over with a note. A sequence that is no list of lists of
// numbers is left out. Messages name the part, the sequence and the step, counted from 0,
// and the byte at fault, counted from 1.
func (f *finder) openJSON(path string, d *Dataset) error {
	data, err := f.budget.Read(path)
	if err != nil {
		return err
	}
	defer f.budget.Return(int64(len(data)))
	return f.parseJSON(path, data, d)
}

// parseJSON is openJSON for a file that is in memory.
func (f *finder) parseJSON(path string, data []byte, d *Dataset) error {
	p := jsonReader{finder: f, path: path, seq: -1, step: -1}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	p.dec = decoder(data)
	err := errors.New("the file is empty")
	if len(bytes.TrimSpace(data)) > 0 {
		err = p.dataset(d)
	}
	if err == nil {
		return nil
	}
	// The decoder of tokens knows where the last good token ended, not where the text goes
	// wrong. The check of the whole text finds the same fault first and knows.
	offset := p.dec.InputOffset()
	syntax := new(json.SyntaxError)
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		if errors.As(json.Unmarshal(data, new(json.RawMessage)), &syntax) {
			offset = syntax.Offset
		}
	}
	return fmt.Errorf("%sbyte %d: %w", p.place(), offset, err)
}

func decoder(data []byte) *json.Decoder {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec
}

// jsonReader walks the tokens. It never descends by itself: the depth is that of the
// methods below, so nesting in the file cannot exhaust the stack.
type jsonReader struct {
	*finder
	dec       *json.Decoder
	path      string
	part      string // where we are, empty outside
	seq, step int    // likewise, -1 outside
}

// place is the beginning of a message.
func (p *jsonReader) place() string {
	s := p.path + ": "
	if p.part != "" {
		s += p.part + ", "
	}
	if p.seq >= 0 {
		s += fmt.Sprintf("sequence %d, ", p.seq)
	}
	if p.step >= 0 {
		s += fmt.Sprintf("step %d, ", p.step)
	}
	return s
}

// token is the next token; the end of the text is never welcome where it is called.
func (p *jsonReader) token() (json.Token, error) {
	t, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	return t, err
}

func (p *jsonReader) dataset(d *Dataset) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		err = p.parts(d)
	case json.Delim('['):
		err = p.sequences()
		d.All = p.take()
	default:
		err = fmt.Errorf(`got %s, want an object {"train": ..., "valid": ..., "test": ...}`, describeToken(t))
	}
	if err != nil {
		return err
	}
	if t, err := p.dec.Token(); err == nil {
		return fmt.Errorf("%s after the end of the data", describeToken(t))
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// parts reads an object, after its brace.
func (p *jsonReader) parts(d *Dataset) error {
	lists := d.parts()
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key := t.(string) // the decoder admits only strings as keys
		name := partFolders[strings.ToLower(key)]
		if name == "" {
			var other json.RawMessage
			if err := p.decode(&other); err != nil {
				return err
			}
			p.notes = append(p.notes, fmt.Sprintf("%s: the key %.40q is not read", p.path, key))
			continue
		}
		if seen[name] {
			return fmt.Errorf("the key %q is there twice", name)
		}
		seen[name] = true
		p.part = name
		if t, err = p.token(); err != nil {
			return err
		}
		if t != nil && t != json.Delim('[') {
			return fmt.Errorf("got %s, want a list of sequences", describeToken(t))
		}
		if t != nil {
			if err := p.sequences(); err != nil {
				return err
			}
		}
		*lists[slices.IndexFunc(lists, func(l part) bool { return l.name == name })].pieces = p.take()
		p.part = ""
	}
	if _, err := p.token(); err != nil { // the decoder guarantees that it matches
		return err
	}
	if !seen["train"] {
		return errors.New(`the key "train" is missing`)
	}
	if len(d.Valid) == 0 && len(d.Test) == 0 {
		d.Train, d.All = nil, d.Train
	}
	return nil
}

// decode reads a whole value; the end of the text is never welcome.
func (p *jsonReader) decode(raw *json.RawMessage) error {
	err := p.dec.Decode(raw)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sequences reads a list of them, after its bracket.
func (p *jsonReader) sequences() error {
	for p.seq = 0; p.dec.More(); p.seq++ {
		var raw json.RawMessage
		if err := p.decode(&raw); err != nil {
			return err
		}
		part := p.part
		if part == "" {
			part = "all"
		}
		inner := jsonReader{finder: p.finder, dec: decoder(raw), path: p.path, part: p.part, seq: p.seq, step: -1}
		b, err := inner.sequence()
		if err != nil {
			at := p.dec.InputOffset() - int64(len(raw)) + inner.dec.InputOffset()
			p.skip(fmt.Sprintf("%sbyte %d", inner.place(), at), err)
			continue
		}
		place := fmt.Sprintf("%s: %s, sequence %d", p.path, part, p.seq)
		if err := p.add(p.path, place, b.piece(fmt.Sprintf("%s/%d", part, p.seq))); err != nil {
			return err
		}
	}
	p.seq = -1
	_, err := p.token()
	return err
}

// sequence reads a list of steps.
func (p *jsonReader) sequence() (*builder, error) {
	t, err := p.token()
	if err == nil && t != json.Delim('[') {
		err = fmt.Errorf("got %s, want a sequence, which is a list of steps", describeToken(t))
	}
	if err != nil {
		return nil, err
	}
	b := new(builder)
	var notes []uint8
	for p.dec.More() {
		p.step = b.steps
		if notes, err = p.sounding(notes[:0]); err != nil {
			return nil, err
		}
		b.step(notes)
	}
	return b, nil
}

// sounding reads a step and appends its notes.
func (p *jsonReader) sounding(notes []uint8) ([]uint8, error) {
	t, err := p.token()
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return notes, nil
	case t != json.Delim('['):
		return nil, fmt.Errorf("got %s, want a step, which is a list of notes", describeToken(t))
	}
	for p.dec.More() {
		t, err := p.token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok && t != nil {
			return nil, fmt.Errorf("got %s, want a note", describeToken(t))
		}
		v := -1.0
		if t != nil {
			if v, err = strconv.ParseFloat(number.String(), 64); v != math.Trunc(v) {
				return nil, fmt.Errorf("note %.40s is no whole number", number)
			}
		}
		switch {
		case v == -1:
		case err != nil || v < Lowest || v > Highest: // err: not even a float64
			p.remark(1, outsideRemark, func() string { return strings.TrimSuffix(p.place(), ", ") })
		case !slices.Contains(notes, uint8(v)):
			notes = append(notes, uint8(v))
		}
	}
	_, err = p.token()
	return notes, err
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
