package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// The tests here run the command as a process of its own: the test binary, told so by childEnv.
// longEnv makes the random ones long.
const (
	childEnv = "ELBOW_TEST_CHILD" // "main", or the largest size of a file
	longEnv  = "ELBOW_TEST_LONG"
)

func TestMain(m *testing.M) {
	figure.DPI = 20 // what pictures look like, package figure tests
	if child := os.Getenv(childEnv); child != "" {
		if size, err := strconv.ParseUint(child, 10, 64); err == nil {
			limitFiles(size)
		}
		main()
	}
	os.Exit(m.Run())
}

// process returns a command that is not started yet. limit bounds the size of the files that it
// can write; negative is no bound.
func process(t *testing.T, limit int, args ...string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes, which an emulator may not do")
	}
	c := exec.Command(os.Args[0], args...)
	child := "main"
	if limit >= 0 {
		child = strconv.Itoa(limit)
	}
	c.Env = append(os.Environ(), childEnv+"="+child, "GOMAXPROCS=1")
	return c
}

// exitCode waits for a process that was started, for a minute.
func exitCode(t *testing.T, c *exec.Cmd) int {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	err := c.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode()
}

// unfinished returns the names of what a process that ends by itself does not leave.
func unfinished(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if name := filepath.Base(path); err == nil && strings.HasPrefix(name, ".") && path != dir {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// slow is a command line that takes longer than anybody waits.
type slow struct {
	args []string
	says string // what it prints when it is at what it is slow at; "": nothing
}

// slowCommands returns one for everything that commands do.
func slowCommands(t *testing.T) map[string]slow {
	t.Helper()
	data := write(t, "tiny.json", tinyJSON)
	vrae := filepath.Join(t.TempDir(), "vrae")
	mustRun(t, "train", "-model", "vrae", "-data", data, "-out", vrae, "-epochs", "1", "-hidden", "256")
	vrnn := filepath.Join(t.TempDir(), "vrnn")
	mustRun(t, "train", "-data", data, "-out", vrnn, "-epochs", "1", "-hidden", "64")
	// A test part that takes long to score, at the end of a short training.
	long := strings.Repeat("[60],", 3000)
	final := write(t, "final.json", strings.Replace(tinyJSON, `"test": [[`, `"test": [[`+long, 1))
	mass := write(t, "mass.json", strings.Replace(tinyJSON, `"train": [`, `"train": [`+strings.Repeat("["+long+"[62]],", 20), 1))
	return map[string]slow{
		"training":       {[]string{"train", "-v", "-data", data, "-epochs", "1000000", "-patience", "0", "-hidden", "8"}, "epoch   3"},
		"long updates":   {[]string{"train", "-data", mass, "-epochs", "100", "-hidden", "128"}, "nats per step, lower is better"},
		"final scoring":  {[]string{"train", "-v", "-data", final, "-epochs", "1", "-hidden", "64", "-samples", "3000", "-importance", "-batch", "1"}, "epoch   1"},
		"eval":           {[]string{"eval", "-data", data, "-model", vrnn, "-samples", "10000000"}, ""},
		"sample":         {[]string{"sample", "-model", vrnn, "-steps", "300000", "-count", "4"}, ""},
		"encode":         {[]string{"encode", "-model", vrae, "-data", mass}, ""},
		"sweep":          {[]string{"sweep", write(t, "s.toml", fmt.Sprintf("[train]\ndata = %q\nepochs = 1000000\npatience = 0\n[cross]\nhidden = [7, 8]\n", data)), "-v"}, "epoch   3"},
		"two of a sweep": {[]string{"sweep", write(t, "s.toml", fmt.Sprintf("seeds = 3\n[train]\ndata = %q\nhidden = 128\n", mass)), "-jobs", "2"}, ""},
		"table":          {[]string{"table", "jsb", "-data", mass}, "parameters, seed 1"},
	}
}

// printed is what a process has printed so far.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// TestSignals ends every command, whatever it is doing.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for name, cmd := range slowCommands(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := cmd.args
			for i, sig := range endSignals {
				if i > 0 && name != "training" {
					break // one signal is like another
				}
				if signal.Ignored(sig) {
					continue // the tests run under nohup
				}
				dir := filepath.Join(t.TempDir(), "run")
				if args[0] != "eval" {
					args = append(args[:len(args):len(args)], "-out", dir)
				}
				c := process(t, -1, args...)
				var out printed
				c.Stdout, c.Stderr = &out, &out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				if cmd.says == "" {
					time.Sleep(time.Second)
				}
				for range 100 {
					if time.Sleep(100 * time.Millisecond); strings.Contains(out.String(), cmd.says) {
						break
					}
				}
				time.Sleep(200 * time.Millisecond)
				if err := c.Process.Signal(sig); err != nil {
					t.Fatalf("it had ended already: %v: %s", err, &out)
				}
				start := time.Now()
				code := exitCode(t, c)
				if took := time.Since(start); code != codeInterrupted || took > 3*time.Second {
					t.Errorf("%v: exit code %d after %v, want %d within a second: %s", sig, code, took, codeInterrupted, &out)
				}
				if left := unfinished(t, filepath.Dir(dir)); len(left) > 0 {
					t.Errorf("%v: left behind: %v", sig, left)
				}
				if strings.Contains(out.String(), "goroutine ") {
					t.Errorf("%v: a trace: %s", sig, &out)
				}
				if name == "training" || name == "long updates" {
					if !strings.Contains(out.String(), "go on with: elbow train -resume -out "+dir) {
						t.Errorf("%v: printed %s", sig, &out)
					}
					if _, _, err := model.Load(filepath.Join(dir, model.CheckpointFile)); err != nil {
						t.Errorf("%v: %v", sig, err)
					}
				}
			}
		})
	}
}

// TestSignalsWhileReading ends a command that waits for its data.
func TestSignalsWhileReading(t *testing.T) {
	t.Parallel() // it waits
	fifo := filepath.Join(t.TempDir(), "data.csv")
	if err := mkfifo(fifo); err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	c := process(t, -1, "train", "-v", "-data", fifo, "-out", dir)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	if err := c.Process.Signal(endSignals[0]); err != nil {
		t.Skipf("it does not read what is no regular file: %s", &out)
	}
	start := time.Now()
	if code := exitCode(t, c); code != codeInterrupted || time.Since(start) > 3*time.Second {
		t.Errorf("exit code %d after %v: %s", code, time.Since(start), &out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// checkFolder fails unless every file of a training in the folder is whole, by the manifest, which
// also has to be there if a file is, and the user's file is as it was.
func checkFolder(t *testing.T, dir string) (trained bool) {
	t.Helper()
	wantMine(t, dir, "notes.txt")
	err := within(dir, func(d *rundir.Dir) error {
		for _, name := range list(t, dir) {
			if name != "notes.txt" && name[0] != '.' && !d.Owns(name) {
				t.Errorf("%s is not as the program made it", name)
			}
		}
		trained = d.Owns(model.CheckpointFile)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if trained {
		for _, name := range []string{model.CheckpointFile, model.BestFile} {
			if _, _, err := model.Load(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		if info, err := model.ReadInfo(filepath.Join(dir, model.CheckpointFile)); err != nil || info.Training == nil {
			t.Errorf("the checkpoint has no training: %v", err)
		}
	}
	if left := unfinished(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return trained
}

// disturbed trains again and again in processes that something happens to, until one ends well, and
// compares what comes out with a training that nothing happened to. disturb starts a process and
// returns whether it ended well.
func disturbed(t *testing.T, times int, disturb func(rng *rand.Rand, args []string) bool) {
	rng := rand.New(rand.NewPCG(7, uint64(times)))
	data, whole := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "whole")
	args := []string{"train", "-data", data, "-epochs", "60", "-patience", "0", "-hidden", "6", "-batch", "1", "-threads", "1"}
	mustRun(t, append(args, "-out", whole)...)
	want, err := os.ReadFile(filepath.Join(whole, model.BestFile))
	if err != nil {
		t.Fatal(err)
	}
	done, hit, finished := 0, 0, 0
	for done < times {
		dir := t.TempDir()
		plant(t, dir, "notes.txt")
		for trained := false; ; done++ {
			more := append(args[:len(args):len(args)], "-out", dir)
			if trained {
				more = []string{"train", "-data", data, "-resume", "-threads", "1", "-out", dir}
			}
			if done < times {
				if !disturb(rng, more) {
					hit++
					trained = checkFolder(t, dir)
					continue
				}
			} else {
				mustRun(t, more...)
			}
			break
		}
		finished++
		checkFolder(t, dir)
		if got, err := os.ReadFile(filepath.Join(dir, model.BestFile)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("best.safetensors differs from that of a training left alone: %v", err)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d disturbed, %d trainings came to their end", hit, finished)
}

func rounds(long int) int {
	if os.Getenv(longEnv) != "" {
		return long
	}
	return 10
}

// TestKill: after a kill at any moment, all files are whole, training goes on with the same bits,
// and nothing is left behind.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel() // it waits
	disturbed(t, rounds(250), func(rng *rand.Rand, args []string) bool {
		c := process(t, -1, args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(400 * time.Millisecond))))
		_ = c.Process.Kill()
		return exitCode(t, c) == 0
	})
}

// TestWriteErrors: the same when files cannot grow beyond a size.
func TestWriteErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	if !canLimitFiles {
		t.Skip("this system cannot limit the size of files")
	}
	t.Parallel() // it waits
	disturbed(t, rounds(200), func(rng *rand.Rand, args []string) bool {
		limit := 1 << (4 + rng.IntN(13))
		c := process(t, limit+rng.IntN(limit), args...)
		var errOut bytes.Buffer
		c.Stdout, c.Stderr = io.Discard, &errOut
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		code := exitCode(t, c)
		if text := errOut.String(); code != 0 && (code != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, "large") || !strings.Contains(text, args[len(args)-1])) {
			t.Errorf("limit %d: exit code %d: %q", limit, code, text)
		}
		return code == 0
	})
}

// TestStandardOutput: what cannot be printed is an error, and what nobody reads ends the command.
func TestStandardOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	data := write(t, "tiny.json", tinyJSON)
	vrnn := filepath.Join(t.TempDir(), "vrnn")
	mustRun(t, "train", "-data", data, "-out", vrnn, "-epochs", "1", "-hidden", "4")
	for _, args := range [][]string{{"help"}, {"train", "-h"}, {"doctor", "-isas"}, {"table", "-h"}, {"eval", "-data", data, "-model", vrnn},
		{"eval", "-data", data, "-model", vrnn, "-json"}, {"sample", "-model", vrnn, "-out", vrnn}} {
		var errOut bytes.Buffer
		if code := run(context.Background(), args, full, &errOut); code != 1 || !strings.Contains(errOut.String(), "no space") || strings.Count(errOut.String(), "\n") != 1 {
			t.Errorf("%v: exit code %d: %q", args, code, &errOut)
		}
	}
	// The training itself is not in vain.
	dir := filepath.Join(t.TempDir(), "run")
	if code := run(context.Background(), []string{"train", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4"}, full, io.Discard); code != 1 {
		t.Errorf("train: exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, summaryFile)); err != nil {
		t.Error(err)
	}
}

func TestClosedPipe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := filepath.Join(t.TempDir(), "run")
	data := write(t, "tiny.json", tinyJSON)
	c := process(t, -1, "train", "-data", data, "-out", dir, "-epochs", "1000000", "-patience", "0", "-hidden", "8", "-v")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if code := exitCode(t, c); code != codeUnread {
		t.Errorf("exit code %d, want %d", code, codeUnread)
	}
	if _, _, err := model.Load(filepath.Join(dir, model.CheckpointFile)); err != nil {
		t.Error(err)
	}
	if left := unfinished(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestMessages: whatever an error says, it is one line of printable text, not too long, that still
// names file and place.
func TestMessages(t *testing.T) {
	path := "/data/" + strings.Repeat("deep/", 100) + "speech.csv"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"x.csv: line 3: \x1b[2J\"\u202eq\u0000\xff\n and more", []string{`x.csv: line 3: \x1b[2J"\u202eq\x00\xff;  and more`}},
		{fmt.Sprintf("%s: line 12, column 7: %q is no number", "a.csv", strings.Repeat("é", 4000)), []string{"a.csv: line 12, column 7: \"é", "is no number"}},
		{path + ":12: want 3 columns, got 4; save it again", []string{"/data/deep", "speech.csv:12: want 3 columns, got 4; save it again"}},
		{"a.csv: " + strings.Repeat("many words ", 100) + "the end", []string{"a.csv: many words", "the end"}},
		{strings.Repeat("ü", 3000), []string{"ü"}},
		{"", nil},
	} {
		for _, hint := range []string{"", " (elbow train -h lists the flags)"} {
			var b bytes.Buffer
			complain(&b, "elbow train", errors.New(c.text), hint)
			got := b.String()
			if len(got) > maxMessage || strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, hint+"\n") || !strings.HasPrefix(got, "elbow train: ") || strings.ContainsRune(got, '\uFFFD') {
				t.Errorf("%d bytes: %q", len(got), got)
			}
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in %q", w, got)
				}
			}
		}
	}
}
