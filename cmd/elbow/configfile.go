package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/rundir"
)

// configFile is where a training leaves its configuration: all that its flags could say, as what it came
// to, so that the same training follows from it.
const configFile = "config.toml"

// configHead is how it begins.
const configHead = "# elbow train -config FILE does the same again"

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 1 << 20

// namedFlag is a flag in an error, by its name on the command line or that of package model.
var namedFlag = regexp.MustCompile(`(?:^|\s)-([a-z][a-z0-9-]*)|\b([a-z][a-z0-9_]*) = `)

// configure sets the flags that were not given to what a file says, in the table named as the command.
// Tables of other commands are left to them.
func (c *call) configure(path string) error {
	raw, err := (&infile.Budget{Max: maxConfig}).Read(path)
	if err != nil {
		return err
	}
	var file map[string]map[string]any
	if err := decode(path, raw, &file); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if !slices.ContainsFunc(commandNames(), func(n string) bool { return n == name }) {
			return place(path, raw, fmt.Errorf("[%s]: there is no command of that name", name), name)
		}
	}
	given := c.given()
	c.blame = func(err error) error {
		for _, m := range namedFlag.FindAllStringSubmatch(err.Error(), -1) {
			key := m[1] + strings.ReplaceAll(m[2], "_", "-")
			if _, ok := file[c.name][key]; ok && !given[key] {
				return place(path, raw, err, c.name, key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(file[c.name])) {
			if text, ok := file[c.name][key].(string); ok && !given[key] && strings.Contains(err.Error(), strconv.Quote(text)) {
				return place(path, raw, err, c.name, key)
			}
		}
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(file[c.name])) {
		if c.Lookup(key) == nil || key == "config" {
			return place(path, raw, fmt.Errorf("unknown key %s", key), c.name, key)
		}
		text, err := textFor(c.Lookup(key), file[c.name][key])
		if err == nil && !given[key] {
			if err = c.Set(key, text); err != nil {
				err = fmt.Errorf("%.80q: %w", text, err)
			}
		}
		if err != nil {
			return place(path, raw, fmt.Errorf("%s: %w", key, err), c.name, key)
		}
	}
	return nil
}

// textFor returns a value as it is given to a flag, which has to be of its type. A uint64 may be a string, since
// TOML has no integers above 2^63 - 1.
func textFor(f *flag.Flag, v any) (string, error) {
	if g, ok := f.Value.(flag.Getter); ok {
		_, text := v.(string)
		_, truth := v.(bool)
		switch g.Get().(type) {
		case string:
			if !text {
				return "", fmt.Errorf("%.80q: want a string", fmt.Sprint(v))
			}
		case bool:
			if !truth {
				return "", fmt.Errorf("%.80q: want true or false", fmt.Sprint(v))
			}
		case int, float64:
			if text || truth {
				return "", fmt.Errorf("%.80q: want a number", fmt.Sprint(v))
			}
		}
	}
	return textOf(v)
}

// textOf returns a value as it is given to a flag of any type.
func textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	return "", errors.New("want a string, a number, true or false")
}

// decode reads a file of TOML into v. An error says where in the file it is.
func decode(path string, raw []byte, v any) error {
	err := toml.Unmarshal(raw, v)
	var at toml.ParseError
	if errors.As(err, &at) {
		return usagef("%s: line %d: %s", path, at.Position.Line, at.Message)
	} else if err != nil {
		return usagef("%s: %w", path, err)
	}
	return nil
}

// place returns an error with the line at which the key is.
func place(path string, raw []byte, err error, key ...string) error {
	return placeAt(path, raw, err, refusing(key...))
}

// refusing returns a type that refuses to be read where the key is.
func refusing(key ...string) reflect.Type {
	target := reflect.TypeFor[refused]()
	for _, name := range slices.Backward(key) {
		target = field(name, target)
	}
	return target
}

// field returns a struct with one field, that key of a file.
func field(key string, of reflect.Type) reflect.Type {
	return reflect.StructOf([]reflect.StructField{{Name: "Key", Type: of, Tag: reflect.StructTag(`toml:` + strconv.Quote(key))}})
}

// placeAt returns an error with the line of what is refused.
func placeAt(path string, raw []byte, err error, target reflect.Type) error {
	var at toml.ParseError
	if errors.As(toml.Unmarshal(raw, reflect.New(target).Interface()), &at) {
		return usagef("%s: line %d: %w", path, at.Position.Line, err)
	}
	return usagef("%s: %w", path, err)
}

// refused is what is read from the place of an error.
type refused struct{}

func (*refused) UnmarshalTOML(any) error { return errors.New("refused") }

// ofTheCall are the flags that say nothing of the training itself.
var ofTheCall = []string{"config", "out", "resume", "force", "seeds", "json", "v", "cpuprofile", "memprofile", "trace"}

// effective returns a configuration file with what the flags are now, but for some that have no use. Those
// that say the same as without are comments.
func (c *call) effective(unused []string) ([]byte, error) {
	c.settle()
	var b bytes.Buffer
	given := c.given()
	fmt.Fprintf(&b, "%s; what is behind a # is so by default.\n[%s]\n", configHead, c.name)
	for _, s := range c.sections {
		title := s.name
		for _, name := range s.flags {
			f := c.Lookup(name)
			if slices.Contains(ofTheCall, name) || slices.Contains(unused, name) && !isDataFlag(name) {
				continue
			}
			if title != "" {
				fmt.Fprintf(&b, "\n# %s\n", title)
				title = ""
			}
			if !given[name] && f.Value.String() == f.DefValue {
				b.WriteString("# ")
			}
			if err := toml.NewEncoder(&b).Encode(map[string]any{name: valueOf(f)}); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), nil
}

// valueOf returns the value of a flag as a file has it.
func valueOf(f *flag.Flag) any {
	if g, ok := f.Value.(flag.Getter); ok {
		switch v := g.Get().(type) {
		case bool, int, float64, string:
			return v
		case uint64:
			if v <= math.MaxInt64 {
				return int64(v)
			}
		}
	}
	return f.Value.String()
}

// writeEffective leaves the configuration of a training in its folder.
func (c *call) writeEffective(dir *rundir.Dir, unused []string) error {
	text, err := c.effective(unused)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(dir.Path(configFile), text, 0o666)
}

// moreEpochs enters into the configuration of a training that it goes on to so many epochs.
func moreEpochs(dir *rundir.Dir, epochs int) error {
	if epochs == 0 || !dir.Owns(configFile) {
		return nil
	}
	raw, err := (&infile.Budget{Max: maxConfig}).Read(dir.Path(configFile))
	if err != nil {
		return err
	}
	lines := strings.Split(string(raw), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimPrefix(line, "# "), "epochs = ") {
			lines[i] = fmt.Sprintf("epochs = %d", epochs)
		}
	}
	return atomicfile.WriteFile(dir.Path(configFile), []byte(strings.Join(lines, "\n")), 0o666)
}
