// Package floatjson writes and reads JSON whose numbers need not be finite.
//
// JSON has no infinity and no NaN, and encoding/json refuses the whole value for one of them,
// which loses the results of a training because of one figure. Here such a number is written as
// null, and the object that holds it, the outermost one, ends with a field that says so:
//
//	{"test": {"nll_per_step": null, "steps": 40}, "notes": ["test.nll_per_step is +Inf"]}
//
// [Unmarshal] reads the notes and puts the numbers back. Values without such numbers give the
// bytes of encoding/json.
package floatjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// notesKey is the field that lists what was written as null.
const notesKey = "notes"

// Marshal returns v as JSON. It takes what encoding/json takes, except embedded structs, options
// of tags other than omitempty and omitzero, and a field with the name of the notes, which are errors.
func Marshal(v any) ([]byte, error) {
	var w writer
	if err := w.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return w.Bytes(), nil
}

// MarshalIndent is Marshal with one element a line, each level two blanks further in.
func MarshalIndent(v any) ([]byte, error) {
	text, err := Marshal(v)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, text, "", "  ")
	return b.Bytes(), err
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// writer writes one value.
type writer struct {
	bytes.Buffer
	path  []string // where in the outermost object the value is
	notes []string // of that object
}

func (w *writer) value(v reflect.Value) error {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			break
		}
		v = v.Elem()
	}
	if v.IsValid() && (v.Type().Implements(marshaler) || v.Type().Implements(textMarshaler)) {
		return w.plain(v)
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			if w.path == nil {
				return fmt.Errorf("floatjson: %v is in no object that could have a note of it", f)
			}
			w.notes = append(w.notes, fmt.Sprintf("%s is %v", join(w.path), v))
			w.WriteString("null")
			return nil
		}
	case reflect.Struct:
		return w.object(w.fields(v))
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return fmt.Errorf("floatjson: keys of type %v", v.Type().Key())
		}
		if !v.IsNil() {
			return w.object(entries(v), nil)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		return w.list(v)
	}
	return w.plain(v)
}

// plain writes what holds no number that could be infinite.
func (w *writer) plain(v reflect.Value) error {
	var x any
	if v.IsValid() {
		x = v.Interface()
	}
	text, err := json.Marshal(x)
	w.Write(text)
	return err
}

// field is a member of an object.
type field struct {
	name  string
	value reflect.Value
}

// fields returns the members of a struct that encoding/json would write, in its order.
func (w *writer) fields(v reflect.Value) ([]field, error) {
	var list []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() && !f.Anonymous || name == "-" && options == "" {
			continue
		}
		if f.Anonymous || options != "" && options != "omitempty" && options != "omitzero" {
			return nil, fmt.Errorf("floatjson: field %s of %v: embedded, or with the option %q", f.Name, v.Type(), options)
		}
		if name == "" {
			name = f.Name
		}
		left := options == "omitempty" && empty(v.Field(i)) || options == "omitzero" && v.Field(i).IsZero()
		if !left {
			list = append(list, field{name, v.Field(i)})
		}
	}
	return list, nil
}

// empty reports what omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// entries returns the members of a map in the order of their keys.
func entries(v reflect.Value) []field {
	var list []field
	for _, k := range v.MapKeys() {
		list = append(list, field{k.String(), v.MapIndex(k)})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return list
}

func (w *writer) object(list []field, err error) error {
	if err != nil {
		return err
	}
	outermost := w.path == nil
	w.WriteByte('{')
	for i, f := range list {
		if outermost && f.name == notesKey {
			return fmt.Errorf("floatjson: a field %q leaves no room for the notes", notesKey)
		}
		if i > 0 {
			w.WriteByte(',')
		}
		if err := w.plain(reflect.ValueOf(f.name)); err != nil {
			return err
		}
		w.WriteByte(':')
		w.path = append(w.path, f.name)
		if err := w.value(f.value); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	if outermost {
		w.path = nil
		if len(w.notes) > 0 {
			if len(list) > 0 {
				w.WriteByte(',')
			}
			fmt.Fprintf(w, "%q:", notesKey)
			if err := w.plain(reflect.ValueOf(w.notes)); err != nil {
				return err
			}
			w.notes = nil
		}
	}
	w.WriteByte('}')
	return nil
}

func (w *writer) list(v reflect.Value) error {
	w.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			w.WriteByte(',')
		}
		if w.path != nil {
			w.path = append(w.path, strconv.Itoa(i))
		}
		if err := w.value(v.Index(i)); err != nil {
			return err
		}
		if w.path != nil {
			w.path = w.path[:len(w.path)-1]
		}
	}
	w.WriteByte(']')
	return nil
}

// join makes one word of a path: names and indices with dots between. A dot in a name is
// escaped.
func join(path []string) string {
	names := make([]string, len(path))
	for i, p := range path {
		names[i] = escape.Replace(p)
	}
	return strings.Join(names, ".")
}

var escape = strings.NewReplacer(`\`, `\\`, `.`, `\.`)

// split undoes join.
func split(s string) []string {
	path := []string{""}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '.':
			path = append(path, "")
			continue
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		path[len(path)-1] += string(s[i])
	}
	return path
}
