package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDeploy: the flags of elbow that the scripts in deploy give are there, and those that go with -resume are those
// that it takes.
func TestDeploy(t *testing.T) {
	var help strings.Builder
	run(context.Background(), []string{"train", "-h", "all"}, &help, io.Discard)
	calls := regexp.MustCompile(`(?m)^(train\.sh |    args: ).*$`)
	word := regexp.MustCompile(`(?:^|[ \[])(--?[a-z-]*)`)
	for _, name := range []string{"slurm.sh", "kubeflow.yaml"} {
		text, err := os.ReadFile("../../deploy/" + name)
		if err != nil {
			t.Fatal(err)
		}
		call := calls.FindString(string(text))
		always, settings, ok := strings.Cut(call, "--")
		if !ok || !strings.Contains(always, "-data") || !strings.Contains(settings, "-shards") {
			t.Errorf("%s calls train.sh as %q", name, call)
		}
		for _, m := range word.FindAllStringSubmatch(always, -1) {
			if flag := m[1]; !isDataFlag(flag[1:]) && flag != "-threads" {
				t.Errorf("%s: -resume does not take %s", name, flag)
			}
		}
		for _, m := range word.FindAllStringSubmatch(call, -1) {
			if flag := m[1]; flag != "--" && !strings.Contains(help.String(), "\n  "+flag+" ") {
				t.Errorf("%s: elbow train has no flag %s", name, flag)
			}
		}
	}
}

// TestTrainScript: train.sh goes on from a checkpoint, without the settings of the start, and gives up where nothing comes
// of it.
func TestTrainScript(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	script, err := filepath.Abs("../../deploy/train.sh")
	if err != nil {
		t.Fatal(err)
	}
	// This mpirun fails three times, after two of them with a new checkpoint, and ends with 2 then.
	const mpirun = `#!/bin/sh
while [ "$1" != train ]; do shift; done
echo "$@" >>calls
n=$(wc -l <calls)
mkdir -p run
[ "$n" = 2 ] || echo "$n" >run/checkpoint.safetensors
[ "$n" -lt 4 ] || exit 2
exit 137
`
	start, again := "train -data my waves.csv -threads 2 -shards 8 -out run\n", "train -resume -data my waves.csv -threads 2 -out run\n"
	for _, c := range []struct {
		tries, calls string
		code         int
	}{{"1", start, 137}, {"2", start + again, 137}, {"3", start + again + again + again, 2}} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "mpirun"), []byte(mpirun), 0o777); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(sh, script, "run", "-data", "my waves.csv", "-threads", "2", "--", "-shards", "8")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "PAUSE=0", "TRIES="+c.tries)
		out, _ := cmd.CombinedOutput()
		calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
		if code := cmd.ProcessState.ExitCode(); code != c.code || string(calls) != c.calls {
			t.Errorf("tries %s: code %d, want %d; calls\n%swant\n%s%s", c.tries, code, c.code, calls, c.calls, out)
		}
	}
}
