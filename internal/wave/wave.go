// Package wave reads and writes sound as WAV files: PCM of 8 or 16 bits.
package wave

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	maxFile     = 1 << 30 // bytes
	maxRate     = 1 << 20 // samples per second
	maxChannels = 64
)

// Sound is a recording of one channel. Samples are in the units of 16 bits, -32768 to
// 32767; those of 8 bits are multiples of 256.
type Sound struct {
	Rate    int // samples per second
	Samples []float32
}

// Read reads a WAV file. Several channels are mixed down to their mean. Errors name the
// file and the byte.
func Read(path string) (*Sound, error) {
	raw, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}

// Is reports whether a file that begins with head could be a WAV file.
func Is(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WAVE"
}

// Parse is Read for a file that is in memory.
//
// The format, all numbers little-endian: RIFF, the length of the rest, WAVE, then chunks: a
// name of four bytes, a length, as many bytes, one more if the length is odd. The chunk
// "fmt " has to come before the first chunk "data", others are passed over. A data chunk
// that is longer than the file is an error and not shortened.
func Parse(name string, raw []byte) (*Sound, error) {
	if !Is(raw) {
		return nil, fmt.Errorf("%s: byte 0: no RIFF WAVE header", name)
	}
	s := new(Sound)
	channels, bits := 0, 0
	for at := 12; ; {
		if len(raw)-at < 8 {
			return nil, fmt.Errorf("%s: byte %d: the file ends before a data chunk", name, at)
		}
		id, size := string(raw[at:at+4]), int64(binary.LittleEndian.Uint32(raw[at+4:]))
		body := raw[at+8:]
		if size > int64(len(body)) {
			return nil, fmt.Errorf("%s: byte %d: chunk %q of %d bytes, but %d are left", name, at, id, size, len(body))
		}
		body = body[:size]
		switch {
		case id == "fmt ":
			var err error
			if channels, bits, err = s.format(body); err != nil {
				return nil, fmt.Errorf("%s: byte %d: %w", name, at, err)
			}
		case id == "data" && channels == 0:
			return nil, fmt.Errorf("%s: byte %d: data before the format", name, at)
		case id == "data":
			if frame := channels * bits / 8; len(body)%frame != 0 {
				return nil, fmt.Errorf("%s: byte %d: %d bytes of data, want a multiple of %d", name, at, len(body), frame)
			}
			s.samples(body, channels, bits)
			return s, nil
		}
		at += 8 + int(size+size&1)
	}
}

func (s *Sound) format(b []byte) (channels, bits int, err error) {
	if len(b) < 16 {
		return 0, 0, fmt.Errorf("format of %d bytes, want at least 16", len(b))
	}
	le := binary.LittleEndian
	kind, n, rate, width := le.Uint16(b), int(le.Uint16(b[2:])), le.Uint32(b[4:]), int(le.Uint16(b[14:]))
	// The extensible format names the real one at the start of its GUID.
	if kind == 0xfffe && len(b) >= 26 {
		kind = le.Uint16(b[24:])
	}
	switch {
	case kind != 1:
		return 0, 0, fmt.Errorf("encoding %d, want 1, PCM", kind)
	case width != 8 && width != 16:
		return 0, 0, fmt.Errorf("%d bits per sample, want 8 or 16", width)
	case n < 1 || n > maxChannels:
		return 0, 0, fmt.Errorf("%d channels, want 1 to %d", n, maxChannels)
	case rate < 1 || rate > maxRate:
		return 0, 0, fmt.Errorf("%d samples per second, want 1 to %d", rate, maxRate)
	}
	s.Rate = int(rate)
	return n, width, nil
}

func (s *Sound) samples(b []byte, channels, bits int) {
	s.Samples = make([]float32, len(b)/(channels*bits/8))
	for i := range s.Samples {
		sum := 0
		for c := range channels {
			if k := i*channels + c; bits == 8 {
				sum += (int(b[k]) - 128) * 256
			} else {
				sum += int(int16(binary.LittleEndian.Uint16(b[2*k:])))
			}
		}
		s.Samples[i] = float32(float64(sum) / float64(channels))
	}
}

// Write writes the sound as 16-bit PCM of one channel. Samples are rounded, those out of
// range clipped; a NaN becomes silence.
func Write(w io.Writer, s *Sound) error {
	if s.Rate < 1 || s.Rate > maxRate || len(s.Samples) > maxFile/2-64 {
		return fmt.Errorf("sound of %d samples, %d per second: want at most %d and a rate of 1 to %d", len(s.Samples), s.Rate, maxFile/2-64, maxRate)
	}
	le := binary.LittleEndian
	n := uint32(2 * len(s.Samples))
	b := make([]byte, 0, 44+n)
	b = le.AppendUint32(append(b, "RIFF"...), 36+n)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), 1)
	b = le.AppendUint32(le.AppendUint32(b, uint32(s.Rate)), uint32(2*s.Rate))
	b = le.AppendUint16(le.AppendUint16(b, 2), 16)
	b = le.AppendUint32(append(b, "data"...), n)
	for _, v := range s.Samples {
		f := math.RoundToEven(math.Max(-32768, math.Min(32767, float64(v))))
		if f != f {
			f = 0
		}
		b = le.AppendUint16(b, uint16(int16(f)))
	}
	_, err := w.Write(b)
	return err
}
