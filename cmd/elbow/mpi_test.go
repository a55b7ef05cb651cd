//go:build mpi

package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/model"
)

// mpirun runs this command on ranks, one for each list of arguments of mpirun before the program.
func mpirun(t *testing.T, ranks [][]string, args ...string) (string, int) {
	t.Helper()
	p := process(t, -1, args...)
	all := []string{"--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"}
	for i, own := range ranks {
		if i > 0 {
			all = append(all, ":")
		}
		all = append(append(append(all, "-n", "1"), own...), p.Args...)
	}
	c := exec.Command("mpirun", all...)
	c.Env = append(p.Env, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	code := exitCode(t, c)
	return out.String(), code
}

// trainedBits returns what a training leaves but for the header of its checkpoint, which says how long it took.
func trainedBits(t *testing.T, dir string) []byte {
	t.Helper()
	var files [2][]byte
	for i, name := range []string{model.CheckpointFile, model.BestFile} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = raw
	}
	header := binary.LittleEndian.Uint64(files[0])
	return append(files[0][8+header:], files[1]...)
}

// TestMPITrain: processes leave the bits of one, also where they use other instruction sets and where a training
// is resumed on another number of them.
func TestMPITrain(t *testing.T) {
	generic := []string{"-x", "ELBOW_ISA=" + asm.Generic.String()}
	for name, flags := range map[string]string{
		"vrnn": "-model vrnn -dropout-heads 0.1", "text": "-model rnn -truncate 40 -batch 6 -reshuffle", "posterior": "-model rnn -weight-posterior",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := func(out, epochs string) []string {
				return append(strings.Fields("train -shards 4 -hidden 5 -threads 2 -epochs "+epochs+" -out "+filepath.Join(dir, out)), strings.Fields(flags)...)
			}
			if out, code := mpirun(t, [][]string{nil}, args("one", "2")...); code != 0 {
				t.Fatal(out)
			}
			want := trainedBits(t, filepath.Join(dir, "one"))
			for name, ranks := range map[string][][]string{"two": {nil, generic}, "three": {nil, nil, generic}} {
				if out, code := mpirun(t, ranks, args(name, "1")...); code != 0 {
					t.Fatal(out)
				}
				if out, code := mpirun(t, ranks[1:], "train", "-resume", "-epochs", "2", "-out", filepath.Join(dir, name)); code != 0 {
					t.Fatal(out)
				}
				if !bytes.Equal(trainedBits(t, filepath.Join(dir, name)), want) {
					t.Errorf("%s ranks: other bits than one", name)
				}
			}
		})
	}
}

// TestMPIErrors: the message of a rank is seen, and its exit code is that of mpirun.
func TestMPIErrors(t *testing.T) {
	two := [][]string{nil, nil}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"train", "-shards 1: want at least the 2", codeUsage},
		{"sample", "2 processes were started", codeUsage},
		{"table nab -data " + t.TempDir(), "start it without mpirun", codeUsage},
		{"eval -model " + file, file, codeError},
		{"train -shards 2 -seeds 1..2", "without mpirun", codeUsage},
		{"train -shards 2 -out " + file, file, codeError}, // of rank 0 alone
	} {
		out, code := mpirun(t, two, strings.Fields(c.args)...)
		if code != c.code || strings.Count(out, c.want) != 1 {
			t.Errorf("%s: code %d, want %d and once %q\n%s", c.args, code, c.code, c.want, out)
		}
	}
}

// TestMPIScores: ranks print and leave what one process does.
func TestMPIScores(t *testing.T) {
	data := write(t, "tiny.json", tinyJSON)
	base := t.TempDir()
	run, one := filepath.Join(base, "run"), filepath.Join(base, "one")
	mustRun(t, "train", "-data", data, "-epochs", "1", "-hidden", "4", "-batch", "2", "-out", run)
	for _, args := range []string{"eval -json -samples 3 -model " + run, "score -json -model " + run + " -out " + one} {
		want := mustRun(t, strings.Fields(args)...)
		files := scoresIn(t, one)
		for _, ranks := range [][][]string{{nil, nil}, {nil, nil, nil}} {
			if out, code := mpirun(t, ranks, strings.Fields(args)...); code != 0 || out != want {
				t.Errorf("%s, %d ranks: code %d: %s, want %s", args, len(ranks), code, out, want)
			}
			if scoresIn(t, one) != files {
				t.Errorf("%s, %d ranks: other files", args, len(ranks))
			}
		}
	}
	table := func(out string) []string {
		return []string{"table", "jsb", "-quick", "-data", data, "-rows", "LSTM", "-seeds", "1..3", "-out", filepath.Join(base, out)}
	}
	mustRun(t, table("table1")...)
	if out, code := mpirun(t, [][]string{nil, nil}, table("table2")...); code != 0 || strings.Count(out, "of 3 seeds") != 1 {
		t.Fatalf("code %d: %s", code, out)
	}
	for _, name := range []string{"lstm-seed1", "lstm-seed2", "lstm-seed3"} {
		if !bytes.Equal(trainedBits(t, filepath.Join(base, "table1", name)), trainedBits(t, filepath.Join(base, "table2", name))) {
			t.Errorf("%s: other bits", name)
		}
	}
}
