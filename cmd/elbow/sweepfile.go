package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/elbow-go/elbow/internal/infile"
)

// A sweep file is TOML:
//
//	seeds = "1..3"            every configuration with each of these seeds
//	[train]                   what all have in common, as in the file of train -config
//	[cross]                   lists of values: every one of a key with every one of the others
//	[[run]]                   what one configuration has; all of them are crossed
//
// A key is a flag of train.

// sweepAbout is what help says.
const sweepAbout = "Trains a list of configurations, which a TOML file names, each in a folder of its own. The same command goes on after an interrupt, and several processes, also on other machines that share the folder, divide the runs among them. " +
	"The keys of the file are flags of elbow train. [train] has what all runs have in common: data = \"waves.csv\". [cross] has lists, hidden = [16, 32] and cell = [\"lstm\", \"gru\"], " +
	"of which every value is trained with every value of the others. Each [[run]] is a configuration of its own, with a name if you like. seeds = \"1..3\", as the first line, trains each with these seeds."

// The parts of a sweep file.
const (
	sweepSeeds = "seeds"
	sweepBase  = "train"
	sweepCross = "cross"
	sweepRun   = "run"
	runName    = "name"
)

// sweepSource is a sweep file that was read.
type sweepSource struct {
	path string
	raw  []byte
	file struct {
		Seeds any
		Train map[string]any
		Cross map[string]any
		Run   []map[string]any
	}
	flags *call // those of train
}

// readSweep returns the trainings that a file asks for, with their names and values.
func readSweep(path string) ([]*trial, error) {
	s := &sweepSource{path: path, flags: newCall(command{name: "train"}, nil, nil)}
	new(settings).flags(s.flags)
	new(dataFlags).flags(s.flags)
	var err error
	if s.raw, err = (&infile.Budget{Max: maxConfig}).Read(path); err != nil {
		return nil, err
	}
	var all map[string]any
	if err := decode(path, s.raw, &all); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains([]string{sweepSeeds, sweepBase, sweepCross, sweepRun}, name) {
			return nil, place(path, s.raw, fmt.Errorf("unknown key %s: want seeds, [train], [cross] or [[run]]", name), name)
		}
	}
	if err := decode(path, s.raw, &s.file); err != nil {
		return nil, err
	}
	base, err := s.values(s.file.Train, func(err error, key string) error { return place(path, s.raw, err, sweepBase, key) })
	if err != nil {
		return nil, err
	}
	trials, err := s.runs(base)
	if err != nil {
		return nil, err
	}
	if trials, err = s.crossed(trials); err != nil {
		return nil, err
	}
	if trials, err = s.seeded(trials); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, t := range trials {
		if t.name == "" {
			return nil, usagef("%s: says of nothing what there is to try: want [cross], [[run]] or seeds", path)
		}
		if seen[strings.ToLower(t.name)] {
			return nil, usagef("%s: two runs are %s: want each once", path, t.name)
		}
		seen[strings.ToLower(t.name)] = true
	}
	return trials, nil
}

// values returns the values of a table. at names the place of a key.
func (s *sweepSource) values(table map[string]any, at func(err error, key string) error) (list []assignment, err error) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		v, err := s.value(key, table[key], func(err error) error { return at(err, key) })
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// value returns a value for a key.
func (s *sweepSource) value(key string, v any, at func(error) error) (assignment, error) {
	switch {
	case slices.Contains(ofTheCall, key):
		return assignment{}, at(fmt.Errorf("%s: is not a setting of a training", key))
	case s.flags.Lookup(key) == nil:
		return assignment{}, at(fmt.Errorf("unknown key %s: want the name of a flag of elbow train", key))
	}
	text, err := textFor(s.flags.Lookup(key), v)
	if err != nil {
		return assignment{}, at(fmt.Errorf("%s: %w", key, err))
	}
	return assignment{key, text, at}, nil
}

// runs returns the configurations of [[run]], or one without values of its own.
func (s *sweepSource) runs(base []assignment) (all []*trial, err error) {
	for i, table := range s.file.Run {
		at := func(err error, key string) error { return s.placeRun(err, i, key) }
		table = maps.Clone(table)
		name, named := table[runName].(string)
		if _, there := table[runName]; there && (!named || name == "" || name[0] == '.' || name != asName(name)) {
			return nil, at(errors.New("name: want letters, digits and any of . , = + - _, and no dot first"), runName)
		}
		delete(table, runName)
		own, err := s.values(table, at)
		if err != nil {
			return nil, err
		}
		if !named {
			name = nameOf(own)
		}
		if name == "" {
			return nil, at(errors.New("[[run]]: sets nothing: want a key, or a name"), "")
		}
		all = append(all, &trial{name: name, values: slices.Concat(base, own)})
	}
	if len(all) == 0 {
		all = []*trial{{values: base}}
	}
	return all, nil
}

// crossed returns all trials with all values of [cross].
func (s *sweepSource) crossed(trials []*trial) ([]*trial, error) {
	for _, key := range slices.Sorted(maps.Keys(s.file.Cross)) {
		at := func(err error) error { return place(s.path, s.raw, err, sweepCross, key) }
		list, ok := s.file.Cross[key].([]any)
		switch {
		case !ok || len(list) == 0:
			return nil, at(fmt.Errorf("%s: want a list of values, as %s = [1, 2]", key, key))
		case key == "seed":
			return nil, at(errors.New(`seed: want seeds = "1..3" as the first line of the file`))
		case len(trials)*len(list) > maxTrials:
			return nil, at(fmt.Errorf("%s: makes more than %d runs", key, maxTrials))
		}
		for i, run := range s.file.Run {
			if _, twice := run[key]; twice {
				return nil, s.placeRun(fmt.Errorf("%s: is in [cross], too", key), i, key)
			}
		}
		var all []*trial
		for _, t := range trials {
			for _, one := range list {
				v, err := s.value(key, one, at)
				if err != nil {
					return nil, err
				}
				name := nameOf([]assignment{v})
				if t.name != "" {
					name = t.name + "," + name
				}
				all = append(all, &trial{name: name, values: append(slices.Clip(t.values), v)})
			}
		}
		trials = all
	}
	for _, t := range trials {
		const most = 120 // of the 255 that file systems allow
		if len(t.name) > most {
			t.name = fmt.Sprintf("%s-%x", t.name[:most-9], sha256.Sum256([]byte(t.name)))[:most]
		}
		t.group = t.name
	}
	return trials, nil
}

// seeded returns all trials with all seeds.
func (s *sweepSource) seeded(trials []*trial) ([]*trial, error) {
	if s.file.Seeds == nil {
		return trials, nil
	}
	at := func(err error) error { return place(s.path, s.raw, err, sweepSeeds) }
	text, err := textOf(s.file.Seeds)
	if err != nil {
		return nil, at(fmt.Errorf("seeds: %w", err))
	}
	var list seedList
	if err := list.Set(text); err != nil {
		return nil, at(fmt.Errorf("seeds: %w", err))
	}
	for _, t := range trials {
		for _, v := range t.values {
			if v.flag == "seed" {
				return nil, v.at(errors.New("seed: the file has seeds, too"))
			}
		}
	}
	if len(trials)*len(list) > maxTrials {
		return nil, at(fmt.Errorf("seeds: make more than %d runs", maxTrials))
	}
	return withSeeds(trials, list), nil
}

// runHead is the line before the keys of a run.
var runHead = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*"?run"?[ \t]*\]\]`)

// placeRun returns an error with the line at which the key of run i is, or its beginning.
func (s *sweepSource) placeRun(err error, i int, key string) error {
	if heads := runHead.FindAllIndex(s.raw, -1); i < len(heads) {
		at := heads[i][0]
		if key == "" {
			return usagef("%s: line %d: %w", s.path, bytes.Count(s.raw[:at], []byte("\n"))+1, err)
		}
		// What stands before it does not matter, but for its lines.
		raw := append(bytes.Repeat([]byte("\n"), bytes.Count(s.raw[:at], []byte("\n"))), s.raw[at:]...)
		return placeAt(s.path, raw, err, field(sweepRun, reflect.SliceOf(refusing(key))))
	}
	return place(s.path, s.raw, err, sweepRun)
}

// nameOf names values as flags are read.
func nameOf(values []assignment) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, v.flag+"="+asName(v.text))
	}
	return strings.Join(parts, ",")
}

// asName returns a text with what has no place in the name of a folder replaced.
func asName(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune(".,=+-_", c) {
			return c
		}
		return '-'
	}, text)
}
