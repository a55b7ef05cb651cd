// Package nab reads the Numenta Anomaly Benchmark and scores detectors of anomalies by its rules.
//
//	folder --Read--> Series, windows --detector--> a score for every row --Best--> Result
//
// The benchmark is the corpus of github.com/numenta/NAB: 58 series, most of them metrics of servers,
// in which windows around anomalies are labelled. A detector gets the values of a series one by one
// and says of each, knowing the past alone, how anomalous it is.
//
// Source: Lavin and Ahmad 2015, Evaluating Real-time Anomaly Detection Algorithms.
package nab

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elbow-go/elbow/internal/infile"
)

// The files of the corpus, as its repository has them.
const (
	dataFolder  = "data"
	windowsFile = "labels/combined_windows.json"
)

// Series is a file of the corpus.
type Series struct {
	Name    string      // folder/file.csv
	Times   []time.Time // as in the file; a few files repeat times, and one goes back once
	Values  []float64   // all finite
	Windows []Window    // in the order of time
}

// Window is the rows First..Last around an anomaly.
type Window struct{ First, Last int }

// probationShare is the part of a series in which a detector may learn and nothing counts, and
// probationMost the most rows that it can be.
const (
	probationShare = 0.15
	probationMost  = 750
)

// Probation returns how many rows at the beginning do not count.
func (s *Series) Probation() int {
	return min(int(probationShare*float64(len(s.Values))), probationMost)
}

// Read reads the corpus from a folder that holds data and labels of the repository, within a budget.
// The series are in the order of their names.
func Read(folder string, b *infile.Budget) ([]Series, error) {
	path := filepath.Join(folder, filepath.FromSlash(windowsFile))
	raw, err := b.Read(path)
	if err != nil {
		return nil, fmt.Errorf("%w: want a folder with %s and %s of the repository numenta/NAB", err, dataFolder, windowsFile)
	}
	var windows map[string][][]string
	if err := json.Unmarshal(raw, &windows); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all := make([]Series, 0, len(windows))
	for name, labels := range windows {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("%s: %q is no file of the corpus", path, name)
		}
		s := Series{Name: name}
		file := filepath.Join(folder, dataFolder, filepath.FromSlash(name))
		if s.Times, s.Values, err = readColumn(file, "value", b); err != nil {
			return nil, err
		}
		for _, l := range labels {
			w, err := s.window(l)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, name, err)
			}
			s.Windows = append(s.Windows, w)
		}
		slices.SortFunc(s.Windows, func(a, b Window) int { return a.First - b.First })
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no series", path)
	}
	slices.SortFunc(all, func(a, b Series) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// window returns the rows between two times, both included.
func (s *Series) window(label []string) (Window, error) {
	if len(label) != 2 {
		return Window{}, fmt.Errorf("a window of %d times, want 2", len(label))
	}
	var at [2]time.Time
	for i, text := range label {
		t, err := time.Parse(time.DateTime, text) // which takes fractions of a second too
		if err != nil {
			return Window{}, err
		}
		at[i] = t
	}
	inside := func(t time.Time) bool { return !t.Before(at[0]) && !t.After(at[1]) }
	w := Window{slices.IndexFunc(s.Times, inside), len(s.Times) - 1}
	if w.First < 0 {
		return w, fmt.Errorf("no row between %s and %s", label[0], label[1])
	}
	for !inside(s.Times[w.Last]) {
		w.Last--
	}
	return w, nil
}

// rowBytes is what a row takes in memory: a time and a value.
const rowBytes = 24 + 8

// readColumn reads the times and the named column of a file. Whatever is no finite number is an error.
func readColumn(path, name string, b *infile.Budget) (times []time.Time, values []float64, err error) {
	f, err := b.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	at, stamp := slices.Index(head, name), slices.Index(head, "timestamp")
	if at < 0 || stamp < 0 {
		return nil, nil, fmt.Errorf("%s: columns %q, want timestamp and %s", path, head, name)
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) && len(values) > 0 {
			return times, values, nil
		} else if errors.Is(err, io.EOF) {
			err = errors.New("no rows")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err) // which has the line
		}
		line, _ := r.FieldPos(0)
		t, err := time.Parse(time.DateTime, row[stamp])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		v, err := strconv.ParseFloat(row[at], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, nil, fmt.Errorf("%s: line %d: %s %.40q, want a finite number", path, line, name, row[at])
		}
		if err := b.Take(path, rowBytes); err != nil {
			return nil, nil, err
		}
		times, values = append(times, t), append(values, v)
	}
}
