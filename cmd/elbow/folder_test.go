package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset/datatest"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// mine is the content of a file of the user's.
const mine = "mine\n"

// plant puts a file of the user's into a folder.
func plant(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(mine), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func wantMine(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(raw) != mine {
			t.Errorf("%s: the user's file is gone or changed: %v", name, err)
		}
	}
}

// mustFail runs a command line that has to fail with these words, in one line.
func mustFail(t *testing.T, words []string, args ...string) {
	t.Helper()
	code, _, errOut := elbow(context.Background(), args...)
	if code != 1 || strings.Count(errOut, "\n") != 1 || len(errOut) > maxMessage {
		t.Errorf("elbow %v: exit code %d: %q", args, code, errOut)
	}
	for _, w := range words {
		if !strings.Contains(errOut, w) {
			t.Errorf("elbow %v: no %q in %q", args, w, errOut)
		}
	}
}

// list returns the names of the files in a folder, but for the manifest.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != rundir.Manifest {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestCanaries: whatever lies in the folder under a name that a command uses, it is left alone. If
// the command would write that file, it is an error, before any work; if not, it does not matter.
func TestCanaries(t *testing.T) {
	blastest.UseGo(t)
	data, text := write(t, "tiny.json", tinyJSON), write(t, "a.txt", strings.Repeat(page, 8))
	trained := filepath.Join(t.TempDir(), "vrae")
	mustRun(t, "train", "-model", "vrae", "-data", data, "-out", trained, "-epochs", "1", "-hidden", "4")
	for _, c := range []struct {
		args   []string
		writes []string
	}{
		{[]string{"train", "-data", data, "-epochs", "1", "-hidden", "4"}, slices.Concat(trainFiles, sampleFiles(model.FormRoll))},
		{[]string{"train", "-data", data, "-epochs", "1", "-hidden", "4", "-force"}, slices.Concat(trainFiles, sampleFiles(model.FormRoll))},
		{[]string{"sample", "-model", trained, "-steps", "8"}, sampleFiles(model.FormRoll)},
		{[]string{"encode", "-model", trained, "-data", data}, latentFiles},
		{[]string{"table", "text", "-quick", "-rows", "gru", "-data", text}, tableFiles(model.FormText)},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			for _, name := range c.writes {
				dir := t.TempDir()
				plant(t, dir, name)
				mustFail(t, []string{filepath.Join(dir, name), "not made here", "-out"}, append(c.args, "-out", dir)...)
				wantMine(t, dir, name)
				if got := list(t, dir); len(got) != 1 {
					t.Errorf("beside %s there is %v", name, got)
				}
			}
			dir := t.TempDir()
			others := slices.DeleteFunc(allFiles(), func(name string) bool { return slices.Contains(c.writes, name) })
			plant(t, dir, others...)
			mustRun(t, append(c.args, "-out", dir)...)
			mustRun(t, append(c.args, "-out", dir)...) // over its own files
			wantMine(t, dir, others...)
			for _, name := range list(t, dir) {
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() && !slices.Contains(allFiles(), name) {
					t.Errorf("%s was made, which is not listed", name)
				}
			}
		})
	}
}

// TestChangedFiles: what the program made and the user has changed since is the user's.
func TestChangedFiles(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "tiny.json", tinyJSON), t.TempDir()
	args := []string{"train", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4"}
	mustRun(t, args...)
	mustRun(t, "encode", "-model", trainedVRAE(t, data), "-data", data, "-out", dir)
	for _, name := range slices.Concat(trainFiles, sampleFiles(model.FormRoll)) {
		path := filepath.Join(dir, name)
		old, err := os.ReadFile(path)
		if err != nil {
			continue // diverged.txt
		}
		plant(t, dir, name)
		mustFail(t, []string{path, "has changed"}, append(args, "-force")...)
		wantMine(t, dir, name)
		if err := os.WriteFile(path, old, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// What the new training does not write stays, if it has changed, and goes, if it has not.
	plant(t, dir, latentFile)
	mustRun(t, append(args, "-force")...)
	wantMine(t, dir, latentFile)
	if slices.Contains(list(t, dir), mapFile+".png") {
		t.Error("a map of another model stayed")
	}
}

func trainedVRAE(t *testing.T, data string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vrae")
	mustRun(t, "train", "-model", "vrae", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4")
	return dir
}

// TestSampleFiles: every kind of data leaves the files that are listed for it.
func TestSampleFiles(t *testing.T) {
	blastest.UseGo(t)
	for kind, args := range map[string][]string{
		model.FormRoll:    {write(t, "a.json", tinyJSON)},
		model.FormWave:    {datatest.Waves(t), "-frame", "5"},
		model.FormImage:   {filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy")},
		model.FormStrokes: {datatest.Strokes(t)},
		model.FormText:    {write(t, "a.txt", strings.Repeat(page, 8)), "-streams", "2"},
		model.FormSeries:  {write(t, "a.csv", strings.Repeat("1,2\n3,5\n", 9))},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		mustRun(t, append([]string{"train", "-out", dir, "-epochs", "1", "-hidden", "4", "-data"}, args...)...)
		want := slices.Sorted(slices.Values(slices.Concat(trainFiles[:len(trainFiles)-1], sampleFiles(kind))))
		if got := list(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s: the folder holds %v, want %v", kind, got, want)
		}
	}
}

// TestReplace: what a new training may take the place of.
func TestReplace(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	other := write(t, "other.json", strings.Replace(tinyJSON, "72", "73", 1))
	args := func(data string, more ...string) []string {
		return append([]string{"train", "-data", data, "-out", dir, "-epochs", "2", "-hidden", "4"}, more...)
	}
	mustRun(t, args(data)...)
	stamp := func() string {
		raw, err := os.ReadFile(filepath.Join(dir, model.BestFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	before := stamp()
	mustFail(t, []string{dir, "finished training with other settings (lr, seed)", "-force"}, args(data, "-seed", "2", "-lr", "0.01")...)
	mustFail(t, []string{dir, "of 2 epochs", "-resume"}, args(data, "-epochs", "3")...)
	mustFail(t, []string{dir, "other data", "tiny.json", "-force"}, args(other)...)
	if stamp() != before {
		t.Error("a refused training changed the folder")
	}
	if out := mustRun(t, args(data, "-threads", "2")...); !strings.Contains(out, "this very training") {
		t.Errorf("the same training again printed %s", out)
	}
	mustRun(t, args(other, "-force", "-hidden", "6")...)

	// One that was stopped, whatever else lies there: whether it has ended, its checkpoint says.
	ctx := &countdown{Context: context.Background(), left: 3}
	if code, _, errOut := elbow(ctx, args(data, "-force", "-batch", "1")...); code != 130 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	mustFail(t, []string{dir, "has not ended", "-resume", "-force"}, args(data, "-batch", "1")...)
	plant(t, dir, summaryFile)
	mustFail(t, []string{dir, "has not ended"}, args(data, "-batch", "1")...)
	mustFail(t, []string{summaryFile, "not made here"}, "train", "-data", data, "-out", dir, "-resume")
	wantMine(t, dir, summaryFile)
	if err := os.Remove(filepath.Join(dir, summaryFile)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "train", "-data", data, "-out", dir, "-resume")

	// One that ended, but was stopped before its results were there.
	if err := os.Remove(filepath.Join(dir, summaryFile)); err != nil {
		t.Fatal(err)
	}
	mustFail(t, []string{dir, "has not ended", "-resume"}, args(data, "-batch", "1")...)
	mustRun(t, "train", "-data", data, "-out", dir, "-resume")
	mustRun(t, args(data, "-batch", "1")...)
}

// TestDiverged: the error says what to try, -resume says why not, and a new training may take its
// place.
func TestDiverged(t *testing.T) {
	blastest.UseGo(t)
	var rows strings.Builder
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		fmt.Fprintf(&rows, "%v,%v\n", rng.NormFloat64(), rng.NormFloat64())
	}
	data, dir := write(t, "x.csv", rows.String()), filepath.Join(t.TempDir(), "run")
	args := []string{"train", "-data", data, "-out", dir, "-epochs", "9"}
	mustFail(t, []string{"diverged", "a smaller -lr (it is 50)", "-clip (it is off)", "-optimizer adam (it is sgd)", dir},
		append(args, "-lr", "50", "-clip", "0", "-optimizer", "sgd")...)
	mustFail(t, []string{"-resume would do the same", "smaller -lr"}, "train", "-data", data, "-out", dir, "-resume")
	mustRun(t, args...)
	if got := list(t, dir); slices.Contains(got, divergedFile) {
		t.Errorf("the folder holds %v", got)
	}
}

// TestOldFolder: a folder without a manifest, as earlier versions left it, can be gone on with, and
// so can a checkpoint that was copied into a new one.
func TestOldFolder(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	args := []string{"train", "-data", data, "-out", dir, "-epochs", "4", "-hidden", "4"}
	ctx := &countdown{Context: context.Background(), left: 2}
	if code, _, errOut := elbow(ctx, args...); code != 130 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	forget := func(dir string) {
		if err := os.Remove(filepath.Join(dir, rundir.Manifest)); err != nil {
			t.Fatal(err)
		}
	}
	forget(dir)
	mustFail(t, []string{"has not ended"}, args...)
	mustRun(t, "train", "-data", data, "-out", dir, "-resume")
	forget(dir)
	// Pictures and samples could be anybody's.
	mustFail(t, []string{curvesFile, "not made here"}, "train", "-data", data, "-out", dir, "-resume", "-epochs", "5")
	mustFail(t, []string{curvesFile, "not made here"}, append(args, "-force")...)

	copied := t.TempDir()
	raw, err := os.ReadFile(filepath.Join(dir, model.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, model.CheckpointFile), raw, 0o666); err != nil {
		t.Fatal(err)
	}
	plant(t, copied, metricsFile)
	mustFail(t, []string{metricsFile, "not made here"}, "train", "-data", data, "-out", copied, "-resume", "-epochs", "6")
	wantMine(t, copied, metricsFile)
	if err := os.Remove(filepath.Join(copied, metricsFile)); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "train", "-data", data, "-out", copied, "-resume", "-epochs", "6")

	// A best.safetensors of some other training does not belong to the checkpoint.
	strange := t.TempDir()
	for name, from := range map[string]string{model.CheckpointFile: copied, model.BestFile: trainedVRAE(t, data)} {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(strange, name), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	mustFail(t, []string{model.BestFile, "not made here"}, "train", "-data", data, "-out", strange, "-resume", "-epochs", "7")
}

// TestDataInOut: data that lie where results go are refused, by whatever path.
func TestDataInOut(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sample.csv"), []byte(strings.Repeat("1,2\n3,5\n", 9)), 0o666); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	trained := trainedVRAE(t, write(t, "tiny.json", tinyJSON))
	t.Chdir(dir)
	for _, data := range []string{filepath.Join(dir, "sample.csv"), "sample.csv", dir, ".", link} {
		for _, out := range []string{dir, ".", link} {
			for _, args := range [][]string{{"train"}, {"encode", "-model", trained}, {"interpolate", "x", "y", "-model", trained}, {"table", "text"}} {
				mustFail(t, []string{"-data", "-out"}, append(args, "-data", data, "-out", out)...)
			}
		}
	}
	if got := list(t, dir); len(got) != 1 {
		t.Errorf("the folder holds %v", got)
	}
}

// TestBusyFolder: a second process, or the same one, does not write into a folder in use.
func TestBusyFolder(t *testing.T) {
	data, dir := write(t, "tiny.json", tinyJSON), t.TempDir()
	err := within(dir, func(*rundir.Dir) error {
		mustFail(t, []string{dir, "at work in this folder"}, "train", "-data", data, "-out", dir)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestProfile: a profile replaces a file beside the training only if that is a profile too.
func TestProfile(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	args := func(profile string) []string {
		return []string{"train", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4", "-cpuprofile", profile}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "new", "cpu.out"), filepath.Join(dir, "cpu.out")} {
		mustRun(t, args(path)...)
		mustRun(t, args(path)...)
		if raw, err := os.ReadFile(path); err != nil || len(raw) == 0 {
			t.Errorf("%s: %d bytes, %v", path, len(raw), err)
		}
	}
	notes := t.TempDir()
	plant(t, notes, "notes.txt")
	mustFail(t, []string{"notes.txt", "no profile"}, args(filepath.Join(notes, "notes.txt"))...)
	wantMine(t, notes, "notes.txt")
	mustFail(t, []string{notes, "folder"}, args(notes)...)
	if code, _, errOut := elbow(context.Background(), args(filepath.Join(dir, metricsFile))...); code != 2 {
		t.Errorf("exit code %d: %s", code, errOut)
	}
	if info, err := os.Stat(os.DevNull); err == nil && info.Mode()&os.ModeDevice != 0 {
		mustRun(t, args(os.DevNull)...)
		if after, err := os.Stat(os.DevNull); err != nil || !os.SameFile(info, after) || after.Mode() != info.Mode() {
			t.Errorf("%s is not what it was: %v", os.DevNull, err)
		}
	}
}
