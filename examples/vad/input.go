package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/elbow-go/elbow/sound"
)

// input is sound at the rate of a network, chunk by chunk, -1..1.
type input struct {
	rate   int                              // of the network
	read   func(dst []float32) (int, error) // at the rate of the source; 0 and io.EOF at its end
	change *sound.Resampler
	block  []float32 // of the source
	ready  []float32 // samples that make no chunk yet
	ended  bool
}

// openInput opens a WAV file or, with a raw rate, plain 16-bit samples, little-endian, of one channel: then chunks are there as
// soon as their samples are. The path - is standard input.
func openInput(path string, stdin io.Reader, raw int) (*input, []string, error) {
	if raw != 0 {
		from := stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				return nil, nil, err
			}
			from = f // until the program ends
		}
		in, err := newInput(raw, rawReader(from))
		return in, nil, err
	}
	var all []byte
	var err error
	if path == "-" {
		all, err = io.ReadAll(stdin)
	} else {
		all, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, nil, err
	}
	w, err := sound.ParseWAV(path, all)
	if err != nil {
		return nil, nil, err
	}
	in, err := newInput(w.Rate, wavReader(w))
	return in, w.Notes, err
}

// newInput changes the rate of what read gives to that of a network: 8000 stays, all others become 16000.
func newInput(rate int, read func(dst []float32) (int, error)) (*input, error) {
	in := &input{rate: 16000, read: read, block: make([]float32, max(1, min(rate/100, 4096)))}
	if rate == 8000 {
		in.rate = 8000
	}
	var err error
	in.change, err = sound.NewResampler(rate, in.rate)
	return in, err
}

// next fills dst with the next samples and returns how many there were: fewer than it has room for at the end, then 0.
func (in *input) next(dst []float32) (int, error) {
	for len(in.ready) < len(dst) && !in.ended {
		n, err := in.read(in.block)
		in.ready = in.change.Push(in.ready, in.block[:n])
		if errors.Is(err, io.EOF) {
			in.ended = true
			in.ready = in.change.Flush(in.ready)
		} else if err != nil {
			return 0, err
		}
	}
	n := copy(dst, in.ready)
	in.ready = in.ready[:copy(in.ready, in.ready[n:])]
	return n, nil
}

func wavReader(w *sound.WAV) func(dst []float32) (int, error) {
	at := 0
	var block [4096]float64
	return func(dst []float32) (int, error) {
		n := min(len(dst), w.Len()-at, len(block))
		w.Read(block[:n], at)
		for i, v := range block[:n] {
			dst[i] = float32(v / 32768)
		}
		if at += n; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

// rawReader reads samples as they come. Half a sample at the end is left out.
func rawReader(r io.Reader) func(dst []float32) (int, error) {
	in := bufio.NewReader(r)
	return func(dst []float32) (int, error) {
		var b [2]byte
		for i := range dst {
			if i > 0 && in.Buffered() < len(b) {
				return i, nil
			}
			if _, err := io.ReadFull(in, b[:]); errors.Is(err, io.ErrUnexpectedEOF) {
				return i, io.EOF
			} else if err != nil {
				return i, err
			}
			dst[i] = float32(int16(binary.LittleEndian.Uint16(b[:]))) / 32768
		}
		return len(dst), nil
	}
}
