package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// mayDiffer are the keys of JSON whose values say how and where a training has run, not what
// came out. Everything else has to be the same.
var mayDiffer = []string{"seconds", "isa", "blas", "threads", "go"}

// files are the files of a training by name, without what may differ.
type files map[string][]byte

// sum returns the SHA-256 over the names and the hashes of all files, in hex.
func (f files) sum() string {
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&list, "%s %s\n", name, hash(f[name]))
	}
	return hash([]byte(list.String()))
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// normalise takes out of a file what may differ. All other files are compared as they are,
// the parameters in best.safetensors among them.
func normalise(name string, raw []byte) ([]byte, error) {
	switch {
	case name == "checkpoint.safetensors":
		return normaliseCheckpoint(raw)
	case path.Ext(name) == ".json":
		return normaliseJSON(raw)
	case path.Ext(name) == ".jsonl":
		var out []byte
		for line := range bytes.Lines(raw) {
			text, err := normaliseJSON(line)
			if err != nil {
				return nil, err
			}
			out = append(append(out, text...), '\n')
		}
		return out, nil
	}
	return raw, nil
}

// normaliseJSON writes a value of JSON anew, with keys in order and numbers as they were.
func normaliseJSON(raw []byte) ([]byte, error) {
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(strip(v))
}

func decode(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// strip removes the keys that may differ, at any depth.
func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if slices.Contains(mayDiffer, k) {
				delete(v, k)
			} else {
				v[k] = strip(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = strip(e)
		}
	}
	return v
}

// normaliseCheckpoint strips the JSON in the metadata of a file of safetensors: 8 bytes with
// the length of a header of JSON, the header, the numbers.
func normaliseCheckpoint(raw []byte) ([]byte, error) {
	header, numbers, err := splitTensors(raw)
	if err != nil {
		return nil, err
	}
	if meta, ok := header["__metadata__"].(map[string]any); ok {
		for k, v := range meta {
			text, err := normaliseJSON(fmt.Append(nil, v))
			if err != nil {
				return nil, fmt.Errorf("metadata %s: %w", k, err)
			}
			meta[k] = string(text)
		}
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(out, text...), numbers...), nil
}

// splitTensors returns the header of a file of safetensors and the numbers behind it.
func splitTensors(raw []byte) (header map[string]any, numbers []byte, err error) {
	if len(raw) < 8 {
		return nil, nil, errors.New("no header")
	}
	n := binary.LittleEndian.Uint64(raw)
	if n > uint64(len(raw)-8) {
		return nil, nil, fmt.Errorf("header of %d bytes in a file of %d", n, len(raw))
	}
	v, err := decode(raw[8 : 8+n])
	if err != nil {
		return nil, nil, err
	}
	header, ok := v.(map[string]any)
	if !ok {
		return nil, nil, errors.New("the header is no object")
	}
	return header, raw[8+n:], nil
}
