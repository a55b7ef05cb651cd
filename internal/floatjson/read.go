package floatjson

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Unmarshal reads JSON of one object into v, with the numbers that its notes tell of. As with
// encoding/json, members that v has no field for are passed over.
func Unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	var noted struct {
		Notes []string `json:"notes"`
	}
	if err := json.Unmarshal(data, &noted); err != nil {
		return nil // the field is something else
	}
	for _, note := range noted.Notes {
		at, is, ok := strings.Cut(note, " is ")
		f, err := strconv.ParseFloat(is, 64)
		if !ok || err != nil || !math.IsNaN(f) && !math.IsInf(f, 0) {
			continue // a note on something else
		}
		if err := set(reflect.ValueOf(v), split(at), f); err != nil {
			return fmt.Errorf("note %.60q: %w", note, err)
		}
	}
	return nil
}

// set puts f in the place that path names.
func set(v reflect.Value, path []string, f float64) error {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface && !v.IsNil() {
		if v.Kind() == reflect.Pointer && v.IsNil() && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem())) // null left it so
		}
		v = v.Elem()
	}
	if len(path) == 0 {
		if !v.CanSet() || v.Kind() != reflect.Float32 && v.Kind() != reflect.Float64 {
			return fmt.Errorf("what is there is no number: %v", v.Kind())
		}
		v.SetFloat(f)
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == path[0] || name == "" && v.Type().Field(i).Name == path[0] {
				return set(v.Field(i), path[1:], f)
			}
		}
		return nil
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			break
		}
		key := reflect.ValueOf(path[0]).Convert(v.Type().Key())
		if old := v.MapIndex(key); old.IsValid() {
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(old)
			if err := set(element, path[1:], f); err != nil {
				return err
			}
			v.SetMapIndex(key, element)
			return nil
		}
	case reflect.Slice:
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < v.Len() {
			return set(v.Index(i), path[1:], f)
		}
	}
	return fmt.Errorf("no place %.40q", path[0])
}
