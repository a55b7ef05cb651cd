package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
)

// differences says which files differ, with both hashes and the first value that does.
func differences(a, b files, nameA, nameB string) (list []string) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		x, inA := a[name]
		y, inB := b[name]
		switch {
		case !inA:
			list = append(list, fmt.Sprintf("%s: %s has none", name, nameA))
		case !inB:
			list = append(list, fmt.Sprintf("%s: %s has none", name, nameB))
		case !bytes.Equal(x, y):
			where, u, v := first(values(name, x), values(name, y))
			wide := max(len(nameA), len(nameB))
			list = append(list, fmt.Sprintf("%s, first at %s\n  %-*s  %s  %s\n  %-*s  %s  %s",
				name, where, wide, nameA, hash(x), u, wide, nameB, hash(y), v))
		}
	}
	return list
}

// A value of a file, and where it is.
type value struct{ where, text string }

// first returns the first difference of two lists.
func first(a, b []value) (where, x, y string) {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return b[i].where, "nothing", b[i].text
		case i >= len(b):
			return a[i].where, a[i].text, "nothing"
		case a[i].where != b[i].where:
			return a[i].where, a[i].text, "nothing, but " + b[i].where
		case a[i] != b[i]:
			return a[i].where, a[i].text, b[i].text
		}
	}
	return "no value", "", ""
}

// values lists what is in a file: numbers of tensors and JSON by name, lines of a text,
// bytes of the rest.
func values(name string, raw []byte) (list []value) {
	switch path.Ext(name) {
	case ".safetensors":
		return tensorValues(raw)
	case ".json", ".jsonl":
		for i, line := range slices.Collect(bytes.Lines(raw)) {
			if v, err := decode(line); err == nil {
				list = flatten(list, fmt.Sprintf("line %d", i+1), v)
			}
		}
	case ".csv", ".txt":
		for i, line := range strings.Split(string(raw), "\n") {
			list = append(list, value{fmt.Sprintf("line %d", i+1), fmt.Sprintf("%.200q", line)})
		}
	default:
		for i, b := range raw {
			list = append(list, value{fmt.Sprintf("byte %d", i), fmt.Sprintf("%#02x", b)})
		}
	}
	return list
}

// flatten adds the values in a value of JSON, with the path to each.
func flatten(list []value, where string, v any) []value {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			list = flatten(list, where+"."+k, v[k])
		}
	case []any:
		for i, e := range v {
			list = flatten(list, fmt.Sprintf("%s[%d]", where, i), e)
		}
	default:
		list = append(list, value{where, fmt.Sprint(v)})
	}
	return list
}

// tensorValues lists the metadata and, tensor by tensor, the numbers of a file of
// safetensors.
func tensorValues(raw []byte) (list []value) {
	header, numbers, err := splitTensors(raw)
	if err != nil {
		return []value{{"the header", err.Error()}}
	}
	if meta, ok := header["__metadata__"].(map[string]any); ok {
		for _, k := range slices.Sorted(maps.Keys(meta)) {
			if v, err := decode(fmt.Append(nil, meta[k])); err == nil {
				list = flatten(list, k, v)
			}
		}
		delete(header, "__metadata__")
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		info, _ := json.Marshal(header[name])
		list = append(list, value{name, string(info)})
		var at struct {
			Offsets [2]int `json:"data_offsets"`
		}
		if json.Unmarshal(info, &at) != nil || at.Offsets[0] < 0 || at.Offsets[1] > len(numbers) {
			continue
		}
		for i, o := 0, at.Offsets[0]; o+4 <= at.Offsets[1]; i, o = i+1, o+4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(numbers[o:]))
			list = append(list, value{fmt.Sprintf("%s[%d]", name, i), fmt.Sprintf("%g (%x)", v, v)})
		}
	}
	return list
}
