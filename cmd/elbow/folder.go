package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// divergedFile is there in place of results where a training diverged.
const divergedFile = "diverged.txt"

// trainFiles are the files of a training beside its samples.
var trainFiles = []string{model.CheckpointFile, model.BestFile, metricsFile, summaryFile, configFile, curvesFile + ".png", curvesFile + ".svg", divergedFile}

// latentFiles are the files of encode.
var latentFiles = []string{latentFile, mapFile + ".png", mapFile + ".svg"}

// tableFiles are the files of table, beside the folders of its rows.
func tableFiles(kind string) []string {
	return slices.Concat([]string{tableFile, figure2File + ".png", figure2File + ".svg"}, sampleFiles(kind), dataset.Files(kind, dataset.BaseSample, tableSounds))
}

// sampleFiles are the files of the samples that a training leaves.
func sampleFiles(kind string) []string {
	count, _ := dataset.SampleSizes(model.Form{Kind: kind})
	return dataset.Files(kind, dataset.BaseSample, count)
}

// allFiles are the names of all files that the program makes in a folder, whatever the data.
func allFiles() []string {
	names := slices.Concat(trainFiles, []string{sweepFile}, latentFiles, scoreFiles, dataset.ForecastFiles(), dataset.ImputedFiles(), []string{reportFile})
	for _, kind := range dataset.Kinds() {
		names = slices.Concat(names, tableFiles(kind), dataset.Files(kind, baseContinuation, 1), dataset.Files(kind, baseReconstruction, 1), dataset.Files(kind, baseWalk, 1))
	}
	return names
}

// apart reports data that lie in the folder of the results, where they could be replaced.
func apart(data, out string) error {
	if data != "" && rundir.Inside(data, out) {
		return fmt.Errorf("-data %s lies in the folder of the results, -out %s: choose another -out", data, out)
	}
	return nil
}

// within opens a folder of results for as long as do takes.
func within(path string, do func(*rundir.Dir) error) error {
	dir, err := rundir.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(do(dir), dir.Close())
}

// settled reports why a new training with these settings may not take the place of what is in
// the folder, and says on out what it takes the place of.
//
// goOn is what goes on with a training that has not ended.
func settled(dir *rundir.Dir, mc model.Config, tc model.TrainConfig, hash, goOn string, force bool, out io.Writer) error {
	if !dir.Listed() {
		if err := adopt(dir); err != nil {
			return err
		}
	}
	if force || dir.Owns(divergedFile) || !dir.Owns(model.CheckpointFile) {
		return nil // what is the user's, Reserve reports
	}
	old, err := model.ReadInfo(dir.Path(model.CheckpointFile))
	if err != nil {
		return fmt.Errorf("%w; -force begins again in its place", err)
	}
	t := old.Training
	if t == nil || !t.Ended || !dir.Owns(summaryFile) {
		return fmt.Errorf("%s holds a training that has not ended: go on with %s, begin again with -force, or choose another -out", dir.Root(), goOn)
	}
	if differ := differences(old.Config, t.Config, mc, tc); len(differ) > 0 {
		if len(differ) == 1 && differ[0] == "epochs" && tc.Epochs > t.Config.Epochs {
			return fmt.Errorf("%s holds a finished training of %d epochs: go on to %d with -resume, begin again with -force, or choose another -out", dir.Root(), t.Config.Epochs, tc.Epochs)
		}
		return fmt.Errorf("%s holds a finished training with other settings (%s): replace it with -force, or choose another -out", dir.Root(), strings.Join(differ, ", "))
	}
	if old.Hash != hash {
		return fmt.Errorf("%s holds a finished training on other data, %q: replace it with -force, or choose another -out", dir.Root(), old.Name)
	}
	fmt.Fprintf(out, "note: %s holds this very training, finished; it is made again\n", dir.Root())
	return nil
}

// differences names the settings in which two trainings differ, but for the number of goroutines,
// which changes nothing: at most four of them.
func differences(m1 model.Config, t1 model.TrainConfig, m2 model.Config, t2 model.TrainConfig) []string {
	t1.Threads = t2.Threads
	const most = 4
	a, b := members(m1, t1), members(m2, t2)
	all := maps.Clone(a)
	maps.Copy(all, b)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(a[name], b[name]) {
			names = append(names, name)
		}
	}
	if len(names) > most {
		names = append(names[:most], "...")
	}
	return names
}

// members returns settings or figures by the names under which they are stored.
func members(values ...any) map[string]any {
	all := map[string]any{}
	for _, v := range values {
		text, err := floatjson.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, &all)
		}
		if err != nil {
			panic(err) // they hold nothing that JSON cannot
		}
		delete(all, "notes") // on what is null there and a number here
		for i, s := 0, reflect.ValueOf(v); i < s.NumField(); i++ {
			name, _, _ := strings.Cut(s.Type().Field(i).Tag.Get("json"), ",")
			if f := s.Field(i); f.Kind() == reflect.Float64 && all[name] == nil && f.Float() != 0 {
				all[name] = f.Float()
			}
		}
	}
	return all
}

// adopt takes the files of a training over that an earlier version of the program has left, which
// kept no list of them, or that somebody has copied here to go on with: a checkpoint that is read
// as one, and what belongs to it by its content.
func adopt(dir *rundir.Dir) error {
	path := dir.Path(model.CheckpointFile)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	last, err := model.ReadInfo(path)
	if err != nil || last.Training == nil {
		return nil // not ours, which Reserve says, or not to go on with, which Resume does
	}
	same := map[string]func(path string) bool{
		model.CheckpointFile: func(string) bool { return true },
		model.BestFile: func(path string) bool {
			best, err := model.ReadInfo(path)
			return err == nil && best.Training == nil && best.Hash == last.Hash && reflect.DeepEqual(best.Config, last.Config)
		},
		metricsFile: func(path string) bool {
			history, err := readMetrics(path)
			n := len(history)
			return err == nil && n <= len(last.Training.History) && sameJSON(history, last.Training.History[:n])
		},
		summaryFile: func(path string) bool {
			sum, err := readSummary(path)
			return err == nil && sum.DataHash == last.Hash && reflect.DeepEqual(sum.Config, last.Config)
		},
		configFile: func(path string) bool {
			text, err := head(path, int64(len(configHead)))
			return err == nil && string(text) == configHead
		},
	}
	for _, name := range slices.Sorted(maps.Keys(same)) {
		if info, err := os.Lstat(dir.Path(name)); err == nil && info.Mode().IsRegular() && !dir.Owns(name) && same[name](dir.Path(name)) {
			if err := dir.Adopt(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameJSON compares values by how they are stored.
func sameJSON(a, b any) bool {
	x, err1 := floatjson.Marshal(a)
	y, err2 := floatjson.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// maxSummary bounds the files of results that are read again.
const maxSummary = 1 << 30

func readSummary(path string) (*summary, error) {
	raw, err := (&infile.Budget{Max: maxSummary}).Read(path)
	if err != nil {
		return nil, err
	}
	sum := new(summary)
	if err := floatjson.Unmarshal(raw, sum); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sum, nil
}

// diverged turns the error of a training that diverged into one that says what to try, and leaves
// it in the folder, so that a new training may take its place and -resume knows.
func diverged(err error, t *model.Trainer, dir *rundir.Dir) error {
	c := t.Config
	try := []string{fmt.Sprintf("a smaller -lr (it is %g)", c.Rate)}
	if c.Clip == 0 {
		try = append(try, "a -clip (it is off)")
	} else {
		try = append(try, fmt.Sprintf("a smaller -clip (it is %g)", c.Clip))
	}
	if c.Optimizer != "" && c.Optimizer != model.OptimizerAdam && c.Optimizer != model.OptimizerAdamW {
		try = append(try, fmt.Sprintf("-optimizer %s (it is %s)", model.OptimizerAdam, c.Optimizer))
	}
	advice := fmt.Errorf("the training diverged: %w; try %s; a new one may take its place in %s", err, strings.Join(try, ", "), dir.Root())
	return errors.Join(advice, atomicfile.WriteFile(dir.Path(divergedFile), []byte(advice.Error()+"\n"), 0o666))
}

// whyDiverged is the error of going on with a training that diverged.
func whyDiverged(dir *rundir.Dir) error {
	if !dir.Owns(divergedFile) {
		return nil
	}
	raw, err := (&infile.Budget{Max: maxSummary}).Read(dir.Path(divergedFile))
	if err != nil {
		return err
	}
	return fmt.Errorf("-resume would do the same again: %s", strings.TrimSpace(string(raw)))
}
