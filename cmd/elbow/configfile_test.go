package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/model"
)

// hashOf returns the hash of a file.
func hashOf(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// TestEffectiveConfig: the configuration that lies in a run gives the same run, whatever presets and data
// have set, and the same configuration.
func TestEffectiveConfig(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many models, to see that settings arrive; the machine makes no difference")
	}
	blastest.UseGo(t)
	roll, text := write(t, "a.json", tinyJSON), write(t, "a.txt", strings.Repeat(page, 9))
	series := write(t, "a.csv", strings.Repeat("1,2\n3,5\n", 40))
	images := filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy")
	for _, args := range [][]string{
		{"-data", roll},
		{"-data", roll, "-model", "rnn", "-likelihood", "nade", "-units", "3", "-optimizer", "adamw", "-batch", "2", "-transpose", "2"},
		{"-data", roll, "-preset", "chung", "-hidden", "5", "-truncate", "0", "-seed", "18446744073709551615"},
		{"-data", roll, "-preset", "tunes", "-hidden", "6", "-epochs", "400", "-patience", "1"},
		{"-data", roll, "-model", "rnn", "-lr-schedule", "plateau", "-lr-patience", "0"},
		{"-data", roll, "-model", "rnn", "-lr-schedule", "cosine", "-cell", "gru", "-layers", "2", "-dropout", "0.25"},
		{"-data", text, "-streams", "2"},
		{"-data", text, "-streams", "2", "-truncate", "0", "-model", "vrnn"},
		{"-data", series, "-window", "8", "-model", "vrae", "-teacher", "-latent", "2", "-kl-weight", "1e-7"},
		{"-data", write(t, "b.csv", "a,b\n"+strings.Repeat("1,2\n3,\n4,6\n", 40)), "-given", "a", "-fill", "draw", "-hop", "3", "-window", "6"},
		{"-data", images, "-likelihood", "gauss", "-reshuffle=false"},
		{"-data", images, "-model", "vae", "-method", "wake-sleep"},
	} {
		t.Run(strings.Join(args[2:], " "), func(t *testing.T) {
			first, second := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
			base := []string{"train", "-out", first}
			for _, v := range [][2]string{{"-hidden", "4"}, {"-epochs", "2"}} {
				if !slices.Contains(args, v[0]) {
					base = append(base, v[0], v[1])
				}
			}
			mustRun(t, append(base, args...)...)
			mustRun(t, "train", "-config", filepath.Join(first, configFile), "-out", second)
			for _, name := range []string{configFile, model.BestFile} {
				if a, b := hashOf(t, filepath.Join(first, name)), hashOf(t, filepath.Join(second, name)); a != b {
					text, _ := os.ReadFile(filepath.Join(first, configFile))
					t.Errorf("%s differs; from\n%s", name, text)
				}
			}
		})
	}
}

// TestConfigOfRow: so does that of a row of a table.
func TestConfigOfRow(t *testing.T) {
	blastest.UseGo(t)
	all := experiments
	defer func() { experiments = all }()
	for _, c := range []struct {
		table     experiment
		data, row string
	}{
		{jsbTable, write(t, "a.json", tinyJSON), "RNN-NADE, transposed"},
		{strokesTable, datatest.Strokes(t), "RNN-GMM"},
		{freyTable, filepath.Join(datatest.Put(t, "f.npy", datatest.NPY("|u1", "20, 3, 2", datatest.Ramp(120)...)), "f.npy"), "AEVB, z=2"},
		{vraeTable, "", "VRAE tanh RNN, z=2"},
	} {
		if c.data == "" && testing.Short() {
			continue
		}
		e := c.table
		e.rows, e.finish = slices.DeleteFunc(slices.Clone(e.rows), func(r row) bool { return r.name != c.row }), nil
		train := e.rows[0].train
		e.rows[0].train = func(t *model.TrainConfig) { train(t); t.Epochs = 1 }
		experiments = []experiment{e}
		dir, again := t.TempDir(), filepath.Join(t.TempDir(), "run")
		mustRun(t, "table", e.name, "-data", c.data, "-out", dir, "-seeds", "2..2")
		rows, err := filepath.Glob(filepath.Join(dir, "*", configFile))
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %v, %v", c.row, rows, err)
		}
		mustRun(t, "train", "-config", rows[0], "-out", again)
		if hashOf(t, filepath.Join(filepath.Dir(rows[0]), model.BestFile)) != hashOf(t, filepath.Join(again, model.BestFile)) {
			text, _ := os.ReadFile(rows[0])
			t.Errorf("%s: other parameters from\n%s", c.row, text)
		}
	}
}

// TestMoreEpochs: a training that goes on to more epochs says so in its configuration.
func TestMoreEpochs(t *testing.T) {
	blastest.UseGo(t)
	first, second := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	data := write(t, "a.json", tinyJSON)
	mustRun(t, "train", "-out", first, "-data", data, "-hidden", "4", "-epochs", "1", "-patience", "0")
	mustRun(t, "train", "-out", first, "-resume", "-epochs", "3")
	mustRun(t, "train", "-out", second, "-config", filepath.Join(first, configFile))
	if hashOf(t, filepath.Join(first, model.BestFile)) != hashOf(t, filepath.Join(second, model.BestFile)) {
		t.Error("other parameters")
	}
}

// TestConfigFile: a flag wins over the file, and what a file says wrongly is an error with its line.
func TestConfigFile(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "a.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	config := write(t, "c.toml", fmt.Sprintf("[train]\ndata = %q\nhidden = 64\nepochs = 1\nmax-data = \"1GB\"\nreshuffle = true\n\n[score]\nflag = 7.5\n", data))
	mustRun(t, "train", "-config", config, "-hidden", "3", "-out", dir)
	if info, err := model.ReadInfo(filepath.Join(dir, model.CheckpointFile)); err != nil || info.Config.Hidden != 3 || info.Training.Config.Epochs != 1 || !info.Training.Config.Reshuffle {
		t.Errorf("%+v, %v", info, err)
	}
	if out := mustRun(t, "score", "-model", dir, "-out", dir, "-config", config); !strings.Contains(out, "z 7.5") {
		t.Errorf("score: %s", out)
	}
	for _, c := range []struct{ text, want string }{
		{"[train]\nhidden = 3\nhiden = 4\n", "line 3: unknown key hiden"},
		{"[score]\nhidden = \"\"\"\nhiden = 4\"\"\"\n\n[train]\n# x\nhiden = 4\n", "line 7: unknown key hiden"},
		{"hidden = 4\n", "line 1"},
		{"[train]\nepochs = 1\nhidden = \"many\"\n", `line 3: hidden: "many": want a number`},
		{"[train]\nhidden = \"3\"\n", `line 2: hidden: "3": want a number`},
		{"[train]\nlr = true\n", `line 2: lr: "true": want a number`},
		{"[train]\nreshuffle = 1\n", `line 2: reshuffle: "1": want true or false`},
		{"[train]\nkind = 3\n", `line 2: kind: "3": want a string`},
		{"[train]\nhidden = 3.5\n", `line 2: hidden: "3.5": parse error`},
		{"[train]\nhidden = [4]\n", "line 2: hidden: want a string, a number, true or false"},
		{"[train]\nconfig = \"x\"\n", "line 2: unknown key config"},
		{"\n[trian]\n", "line 2: [trian]: there is no command of that name"},
		{"[train]\nhidden = 4\nhidden = 5\n", "line 3: "},
		{"[train]\nhidden 4\n", "line 2: "},
		{"[train]\nlr = 1e-3\nepochs = 0\n", "bad.toml: line 3: -epochs 0: want at least 1"},
		{"[train]\n\nhidden = -3\n", "bad.toml: line 3: "},
		{"[train]\nlr = 0.1\ndropout-heads = 2.0\n", "bad.toml: line 3: "},
		{"[train]\nepochs = 1\nmodel = \"nothing\"\n", "line 3: unknown model"},
		{"[train]\nhidden = 4\nbias-scale = 1\n", "line 3: unknown key"},
	} {
		path := write(t, "bad.toml", c.text)
		code, _, errOut := elbow(context.Background(), "train", "-data", data, "-config", path, "-out", dir)
		if code != codeUsage || !strings.Contains(errOut, c.want) {
			t.Errorf("%q: exit code %d: %q, want %q", c.text, code, errOut, c.want)
		}
	}
	mustFail(t, []string{"nowhere.toml"}, "train", "-config", filepath.Join(t.TempDir(), "nowhere.toml"))
}

// TestHelp: -h is short, has an example whose flags there are, and leaves nothing out of -h all.
func TestHelp(t *testing.T) {
	flags := regexp.MustCompile(`(?m)^  -([a-z0-9-]+)`)
	for _, c := range commands {
		args := []string{c.name}
		if c.name == "table" {
			args = append(args, "jsb")
		}
		short, all := mustRun(t, append(args, "-h")...), mustRun(t, append(args, "-h", "all")...)
		if n := strings.Count(short, "\n"); n > 60 {
			t.Errorf("%s: %d lines", c.name, n)
		}
		if !strings.Contains(short, "\n  "+c.example+"\n") || !strings.HasPrefix(c.example, "elbow "+c.name) {
			t.Errorf("%s: no example in %s", c.name, short)
		}
		known := map[string]bool{}
		for _, m := range flags.FindAllStringSubmatch(all, -1) {
			known[m[1]] = true
		}
		for _, m := range flags.FindAllStringSubmatch(short, -1) {
			if !known[m[1]] {
				t.Errorf("%s: -%s is not under -h all", c.name, m[1])
			}
		}
		for _, m := range regexp.MustCompile(` -([a-z-]+)`).FindAllStringSubmatch(c.example, -1) {
			if !known[m[1]] {
				t.Errorf("%s: the example has a flag -%s", c.name, m[1])
			}
		}
	}
	if all := mustRun(t, "train", "-h", "all"); strings.Contains(mustRun(t, "train", "-h"), "-lr-gamma") || !strings.Contains(all, "-lr-gamma") || !strings.Contains(all, "\nlearning rate flags\n") {
		t.Errorf("train -h all: %s", all)
	}
}

// TestHelpData: help data has a paragraph for every kind of data, and README.md the same text; help COMMAND is
// COMMAND -h.
func TestHelpData(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```text\n"+dataHelp+"```") {
		t.Error("README.md has another text than data.txt")
	}
	text := mustRun(t, "help", "data")
	for _, kind := range dataset.Kinds() {
		if !strings.Contains(text, "\n"+kind+" ") {
			t.Errorf("help data says nothing of kind %s", kind)
		}
	}
	if a, b := mustRun(t, "help", "-h"), mustRun(t, "help"); a != b {
		t.Errorf("help -h: %s", a)
	}
	if a, b := mustRun(t, "help", "score", "all"), mustRun(t, "score", "-h", "all"); a != b {
		t.Errorf("help score all: %s", a)
	}
	if code, _, errOut := elbow(context.Background(), "help", "nothing"); code != codeUsage || !strings.Contains(errOut, "unknown command") {
		t.Errorf("help nothing: exit code %d: %s", code, errOut)
	}
}
