package cell

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unsafe"
)

// Stream runs sequences as they come in, one step at a time, and keeps their states between the
// steps. Its outputs have the bits of the whole sequences.
//
// A Stream belongs to one caller; any number of them, each on a goroutine of its own, may share a
// layer, which must stay packed as it is.
type Stream[T Float] struct {
	stack  *Stack[T]
	seqs   []*Sequence[T] // of every layer, for a single step
	shape  Ragged         // of it
	h, c   []T            // states of all layers
	hs, cs [][]T          // those of every layer, parts of h and c
}

// NewStream returns a stream of so many sequences, which go side by side, with states of 0. It
// panics if batch is negative or larger than [MaxRows], or memory cannot hold them.
func (l *Recurrent[T]) NewStream(batch int) *Stream[T] {
	const fn = "Recurrent.NewStream"
	st := &Stack[T]{Layers: []*Recurrent[T]{l}}
	st.checkLayers(fn)
	return newStream(fn, st, batch)
}

// NewStream is that of a layer for all layers of st. The error is that a bidirectional stack has no
// streams. It panics as [Recurrent.NewStream].
func (st *Stack[T]) NewStream(batch int) (*Stream[T], error) {
	const fn = "Stack.NewStream"
	st.checkLayers(fn)
	if st.Bidirectional != OneWay {
		return nil, errors.New("cell: a bidirectional stack cannot run as a stream: its reverse layers read a sequence from the last step, so no output is known before the sequence has ended")
	}
	return newStream(fn, st, batch), nil
}

func newStream[T Float](fn string, st *Stack[T], batch int) *Stream[T] {
	checkSize(fn, "batch", batch, MaxRows)
	h, c := st.StateSizes()
	checkRoom(fn, batch, max(h, c))
	s := &Stream[T]{stack: st, h: make([]T, batch*h), c: make([]T, batch*c)}
	s.shape.ones(batch)
	for l, layer := range st.Layers {
		h, c := st.stateSizes(l)
		s.seqs = append(s.seqs, NewSequence[T]())
		s.hs, s.cs = append(s.hs, block(s.h, h, layer.Out(), batch)), append(s.cs, block(s.c, c, layer.memory(), batch))
	}
	return s
}

// Push takes the inputs x [batch, In] of the next step and returns its outputs [batch, Out], which
// are valid until the next Push. It allocates nothing once it has been called. It panics if x has not
// batch*In elements or a layer is not packed; whether parameters have been written since, every 64th Push
// asks, the first among them.
func (s *Stream[T]) Push(x []T) []T {
	const fn = "Stream.Push"
	s.check(fn)
	batch := s.shape.Batch()
	checkExact(fn, "x", len(x), batch, s.stack.Layers[0].In)
	for l, layer := range s.stack.Layers {
		s.seqs[l].checkStream(fn, layer)
	}
	for l, layer := range s.stack.Layers {
		seq := s.seqs[l]
		seq.begin(fn, layer, &s.shape, s.hs[l], s.cs[l])
		seq.tape(true)
		layer.project(seq.gates, x, batch, 0, layer.In, 0, layer.cell.form().gates*layer.Hidden)
		layer.step(seq, 0, 0, batch, 0)
		seq.final(s.hs[l], s.cs[l])
		x = seq.H
	}
	return x
}

// check panics unless s is a stream.
func (s *Stream[T]) check(fn string) {
	if s == nil || s.stack == nil {
		panic("cell: " + fn + ": the stream is a zero Stream, want one from NewStream")
	}
}

// States returns the states from which the next step goes on, h and c [layers, batch, hidden]; c is
// that of LSTM layers alone. They are the stream's own memory: what is written there is the state.
func (s *Stream[T]) States() (h, c []T) {
	s.check("Stream.States")
	return s.h, s.c
}

// Reset sets the states to 0: the next step is the first of new sequences.
func (s *Stream[T]) Reset() {
	s.check("Stream.Reset")
	clear(s.h)
	clear(s.c)
}

// A stream in bytes, all numbers little-endian:
//
//	streamMagic, version, bytes of an element, batch, layers
//	of every layer: kind (16 bytes, by its name), inputs, outputs, elements of the state c, and of its
//	options Peepholes, CellClip (lower and upper half of a float64), Proj, Heads and LayerNorm
//	h, c      as they are in memory
//	CRC-32 (IEEE) of all that
//
// Magic and kinds are text, all other fields of the header 32-bit numbers.
const (
	streamMagic   = "elbow stream"
	streamVersion = 2
	kindText      = 16
)

// MarshalBinary returns the states of s, and the kinds, sizes and options of its layers to recognise
// them by, but not the parameters. It implements [encoding.BinaryMarshaler]; the error is always nil.
func (s *Stream[T]) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// AppendBinary appends to b what MarshalBinary returns. It implements [encoding.BinaryAppender].
func (s *Stream[T]) AppendBinary(b []byte) ([]byte, error) {
	s.check("Stream.AppendBinary")
	from := len(b)
	b = append(b, streamMagic...)
	for _, f := range s.header() {
		if f.text {
			b = append(b, make([]byte, kindText)...)
			copy(b[len(b)-kindText:], f.kind.String())
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(f.value))
		}
	}
	for _, x := range [][]T{s.h, s.c} {
		for _, v := range x {
			if elementSize[T]() == 4 {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
			} else {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
			}
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:])), nil
}

// UnmarshalBinary sets the states of s, a stream from NewStream, to those that a stream over layers
// of the same kinds, sizes and options has marshalled. It reports what does not fit, and then leaves s as it
// is. It implements [encoding.BinaryUnmarshaler].
func (s *Stream[T]) UnmarshalBinary(data []byte) error {
	if s == nil || s.stack == nil {
		return errors.New("cell: Stream.UnmarshalBinary: the stream is a zero Stream, want one from NewStream")
	}
	rest, err := s.readHeader(data)
	if err != nil {
		return fmt.Errorf("cell: Stream.UnmarshalBinary: %w", err)
	}
	size := elementSize[T]()
	if want := (len(s.h)+len(s.c))*size + 4; len(rest) != want {
		return fmt.Errorf("cell: Stream.UnmarshalBinary: %d bytes after the header, want %d", len(rest), want)
	}
	body := data[:len(data)-4]
	if got, want := binary.LittleEndian.Uint32(data[len(body):]), crc32.ChecksumIEEE(body); got != want {
		return fmt.Errorf("cell: Stream.UnmarshalBinary: the checksum is %#x, want %#x: the bytes are damaged", got, want)
	}
	for _, x := range [][]T{s.h, s.c} {
		for i := range x {
			if size == 4 {
				x[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(rest)))
			} else {
				x[i] = T(math.Float64frombits(binary.LittleEndian.Uint64(rest)))
			}
			rest = rest[size:]
		}
	}
	return nil
}

// streamField is a field of the header.
type streamField struct {
	name  string
	value int
	kind  Kind // if text
	text  bool
}

// header returns the fields that s has.
func (s *Stream[T]) header() []streamField {
	fs := []streamField{{name: "version", value: streamVersion}, {name: "bytes of an element", value: elementSize[T]()},
		{name: "batch", value: s.shape.Batch()}, {name: "layers", value: len(s.stack.Layers)}}
	for l, layer := range s.stack.Layers {
		of := fmt.Sprintf(" of layer %d", l)
		fs = append(fs, streamField{name: "kind" + of, kind: layer.Kind, text: true}, streamField{name: "inputs" + of, value: layer.In},
			streamField{name: "outputs" + of, value: layer.Out()}, streamField{name: "elements of c" + of, value: layer.memory()})
		clip := math.Float64bits(layer.CellClip)
		for _, f := range []streamField{{name: "Peepholes", value: flag(layer.Peepholes)}, {name: "CellClip, lower half,", value: int(uint32(clip))},
			{name: "CellClip, upper half,", value: int(clip >> 32)}, {name: "Proj", value: layer.Proj}, {name: "Heads", value: max(1, layer.Heads)},
			{name: "LayerNorm", value: flag(layer.LayerNorm)}} {
			f.name += of
			fs = append(fs, f)
		}
	}
	return fs
}

// flag returns 1 for true.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

var errShortStream = errors.New("the bytes end in the header")

// readHeader compares the header of data with that of s and returns what follows it.
func (s *Stream[T]) readHeader(data []byte) (rest []byte, err error) {
	if len(data) < len(streamMagic) || string(data[:len(streamMagic)]) != streamMagic {
		return nil, fmt.Errorf("the bytes do not start with %q: they are no stream", streamMagic)
	}
	rest = data[len(streamMagic):]
	for _, f := range s.header() {
		if f.text {
			if len(rest) < kindText {
				return nil, errShortStream
			}
			var want [kindText]byte
			copy(want[:], f.kind.String())
			if string(rest[:kindText]) != string(want[:]) {
				return nil, fmt.Errorf("%s = %q, want %q", f.name, bytes.TrimRight(rest[:kindText], "\x00"), f.kind)
			}
			rest = rest[kindText:]
			continue
		}
		if len(rest) < 4 {
			return nil, errShortStream
		}
		if got := binary.LittleEndian.Uint32(rest); got != uint32(f.value) {
			return nil, fmt.Errorf("%s = %d, want %d", f.name, got, f.value)
		}
		rest = rest[4:]
	}
	return rest, nil
}

// elementSize returns how many bytes an element takes.
func elementSize[T Float]() int {
	var x T
	return int(unsafe.Sizeof(x))
}
