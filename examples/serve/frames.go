package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// Frames travel as float32, little-endian, one after the other without anything between them, or as JSON, an array of
// arrays of numbers. Both are exact, but that JSON has null for outputs that are not finite.
const (
	binaryFrames = "application/octet-stream"
	jsonFrames   = "application/json"
)

// decodeFrames appends the frames in body to dst, each of so many numbers. Nothing but finite numbers gets into a state,
// where it would stay.
func decodeFrames(dst []float32, body []byte, kind string, in, most int) ([]float32, error) {
	from := len(dst)
	var err error
	switch kind {
	case binaryFrames:
		dst, err = decodeBinary(dst, body, in, most)
	case jsonFrames:
		dst, err = decodeJSON(dst, body, in, most)
	default:
		return dst, fmt.Errorf("frames of type %.60q, want %s or %s", kind, binaryFrames, jsonFrames)
	}
	if err != nil {
		return dst, err
	}
	if len(dst) == from {
		return dst, fmt.Errorf("no frames")
	}
	for i, v := range dst[from:] {
		if v-v != 0 {
			return dst, fmt.Errorf("frame %d, number %d is %v, want a finite one", i/in, i%in, v)
		}
	}
	return dst, nil
}

func decodeBinary(dst []float32, body []byte, in, most int) ([]float32, error) {
	if len(body)%(4*in) != 0 {
		return dst, fmt.Errorf("%d bytes, want frames of %d float32: a multiple of %d", len(body), in, 4*in)
	}
	if n := len(body) / (4 * in); n > most {
		return dst, tooManyError(most)
	}
	for ; len(body) > 0; body = body[4:] {
		dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(body)))
	}
	return dst, nil
}

// decodeJSON reads token by token: encoding/json would take null for 0, and much memory for empty arrays.
func decodeJSON(dst []float32, body []byte, in, most int) ([]float32, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := expect(d, '['); err != nil {
		return dst, err
	}
	for frame := 0; d.More(); frame++ {
		if frame == most {
			return dst, tooManyError(most)
		}
		if err := expect(d, '['); err != nil {
			return dst, err
		}
		for i := range in {
			t, err := d.Token()
			if err != nil {
				return dst, fmt.Errorf("JSON at byte %d: %w", d.InputOffset(), err)
			}
			number, ok := t.(json.Number)
			if !ok {
				return dst, fmt.Errorf("frame %d, number %d is %.40q, want %d numbers", frame, i, fmt.Sprint(t), in)
			}
			v, err := strconv.ParseFloat(string(number), 32)
			if err != nil {
				return dst, fmt.Errorf("frame %d, number %d is %.40s: not a float32", frame, i, number)
			}
			dst = append(dst, float32(v))
		}
		if err := expect(d, ']'); err != nil {
			return dst, fmt.Errorf("frame %d of %d numbers: %w", frame, in, err)
		}
	}
	if err := expect(d, ']'); err != nil {
		return dst, err
	}
	if _, err := d.Token(); err != io.EOF {
		return dst, fmt.Errorf("JSON at byte %d: more behind the frames", d.InputOffset())
	}
	return dst, nil
}

// expect takes the next token, which has to be this one.
func expect(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("JSON at byte %d: %w", d.InputOffset(), err)
	}
	if t != want {
		return fmt.Errorf("JSON at byte %d: %.40q, want %v: an array of arrays of numbers", d.InputOffset(), fmt.Sprint(t), want)
	}
	return nil
}

// tooManyError says how many frames a request may have.
type tooManyError int

func (e tooManyError) Error() string {
	return fmt.Sprintf("more than %d frames: send several requests", int(e))
}

// encodeFrames appends outputs, each of so many numbers.
func encodeFrames(dst []byte, y []float32, kind string, out int) []byte {
	if kind == binaryFrames {
		for _, v := range y {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
		return dst
	}
	dst = append(dst, '[')
	for i, v := range y {
		switch {
		case i == 0:
			dst = append(dst, '[')
		case i%out == 0:
			dst = append(dst, "],["...)
		default:
			dst = append(dst, ',')
		}
		if v-v != 0 {
			dst = append(dst, "null"...)
			continue
		}
		dst = strconv.AppendFloat(dst, float64(v), 'g', -1, 32)
	}
	return append(dst, "]]\n"...)
}
