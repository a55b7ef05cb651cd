//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// kinds are the trainings whose bits are compared.
var kinds = []struct{ name, flags string }{
	{"vrnn", "-model vrnn -dropout-heads 0.1"},
	{"vae", "-model vae"},
	{"vrae", "-model vrae"},
	{"storn", "-model storn"},
	{"text, states carried", "-model rnn -data text.txt -streams 16 -truncate 25"},
	{"full variational Bayes", "-model rnn -weight-posterior"},
}

// sizes are the numbers of ranks and of threads that leave the same bits.
var (
	sizes   = []int{1, 2, 3, 4, 5, 8}
	threads = []int{1, 2}
)

// checkpoint is the file that a training is gone on with from.
const checkpoint = "checkpoint.safetensors"

// arguments are those of a training of 8 shards.
func (c *check) arguments(flags, out string, more ...string) []string {
	words := strings.Fields("train -shards 8 " + flags)
	for i, w := range words {
		if w == "text.txt" {
			words[i] = filepath.Join(c.dir, w)
		}
	}
	return append(append(words, "-out", filepath.Join(c.dir, out)), more...)
}

// alone trains in one process, without mpirun, and returns the hash of the result.
func (c *check) alone(args []string, out string) (string, error) {
	if text, err := exec.CommandContext(c.ctx, c.binary, args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", args, err, text)
	}
	return c.hash(out)
}

// hash is that of a checkpoint and of the best parameters. It leaves out the header of the checkpoint,
// which says how long the training took.
func (c *check) hash(out string) (string, error) {
	h := sha256.New()
	for _, name := range []string{checkpoint, "best.safetensors"} {
		raw, err := os.ReadFile(filepath.Join(c.dir, out, name))
		if err != nil {
			return "", err
		}
		if name == checkpoint {
			raw = raw[8+binary.LittleEndian.Uint64(raw):]
		}
		h.Write(raw)
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:12], nil
}

// bits compares what ranks leave with one process. Rank 0 is forced to use plain Go, and rank 1 AVX2 if this machine has it.
func (c *check) bits() error {
	out, err := exec.Command(c.binary, "doctor", "-isas").Output()
	if err != nil {
		return err
	}
	isas := []string{"generic"}
	if slices.Contains(strings.Fields(string(out)), "avx2") {
		isas = append(isas, "avx2")
	}
	for _, kind := range kinds {
		flags := kind.flags + " -hidden 9 -epochs 2"
		want, err := c.alone(c.arguments(flags, "one"), "one")
		if err != nil {
			return err
		}
		for _, p := range sizes {
			for _, t := range threads {
				to := "ranks"
				if err := os.RemoveAll(filepath.Join(c.dir, to)); err != nil {
					return err
				}
				if err := c.run(p, isas, c.arguments(flags, to, "-threads", strconv.Itoa(t))...); err != nil {
					return err
				}
				if got, err := c.hash(to); err != nil || got != want {
					return fmt.Errorf("%s: %d ranks of %d threads leave %s, one process %s (%v)", kind.name, p, t, got, want, err)
				}
			}
		}
		fmt.Printf("bits: %-22s %s by one process and by %v ranks of %v threads on up to %d hosts, ranks forced to %v\n",
			kind.name, want, sizes, threads, c.net.count, isas)
		if err := os.RemoveAll(filepath.Join(c.dir, "one")); err != nil {
			return err
		}
	}
	return nil
}

// long is a training that takes some seconds, of many epochs.
const long = "-model vrnn -hidden 16 -latent 4 -patience 0 -epochs 40"

// resume starts the long training, or goes on with it, under a random number of ranks.
func (c *check) resume(out string) (*job, error) {
	args := c.arguments(long, out)
	if _, err := os.Stat(filepath.Join(c.dir, out, checkpoint)); err == nil {
		args = []string{"train", "-resume", "-out", filepath.Join(c.dir, out)}
	} else if err := os.RemoveAll(filepath.Join(c.dir, out)); err != nil {
		return nil, err
	}
	return c.start(2+rand.IntN(c.net.count-1), nil, args...)
}

// strike waits for a random moment of a job and does harm then. It reports false if the job ended before.
func (j *job) strike(hurt func(j *job) error) (bool, error) {
	for len(j.ranks()) == 0 { // mpirun and its daemons need a moment
		select {
		case err := <-j.ended:
			return false, fmt.Errorf("no rank started: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	select {
	case err := <-j.ended:
		return false, err
	case <-time.After(rand.N(2 * time.Second)):
	}
	return true, hurt(j)
}

// suffer has a training harmed so often, gone on with every time under another number of ranks, and looks whether the
// ranks end within the limit and the training, in the end, with the bits of one process. A training that ends before is
// followed by another one.
func (c *check) suffer(what string, times int, limit time.Duration, hurt, heal func(j *job) error) error {
	want, err := c.alone(c.arguments(long, "one"), "one")
	if err != nil {
		return err
	}
	out, finished := "hurt", 0
	var took, mpirun []time.Duration
	for finished == 0 || len(took) < times {
		j, err := c.resume(out)
		if err != nil {
			return err
		}
		hit := false
		if len(took) < times {
			hit, err = j.strike(hurt)
		} else {
			err = <-j.ended
		}
		if hit {
			var ranks, all time.Duration
			ranks, all, err = j.wait(limit + time.Minute) // a machine that does much else is slow
			took, mpirun = append(took, ranks), append(mpirun, all)
			err = errors.Join(err, heal(j))
		}
		if err != nil {
			return fmt.Errorf("%s, time %d: %w\n%s", what, len(took), err, j.out.Bytes())
		}
		if hit {
			continue
		}
		if got, err := c.hash(out); err != nil || got != want {
			return fmt.Errorf("%s: in the end %s, one process %s (%v)", what, got, want, err)
		}
		finished++
		if err := os.RemoveAll(filepath.Join(c.dir, out)); err != nil {
			return err
		}
	}
	fmt.Printf("%s, %d times: ranks ended after at most %v (median %v), mpirun %v (%v); %d trainings went through it to the end: %s, as by one process\n", what, len(took),
		slices.Max(took).Round(time.Millisecond), median(took), slices.Max(mpirun).Round(time.Millisecond), median(mpirun), finished, want)
	if worst := slices.Max(took); worst > limit {
		return fmt.Errorf("%s: ranks ended after %v, want %v", what, worst, limit)
	}
	return os.RemoveAll(filepath.Join(c.dir, "one"))
}

func median(list []time.Duration) time.Duration {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2].Round(time.Millisecond)
}

// kill kills ranks.
func (c *check) kill() error {
	return c.suffer("kill -9 of a rank", c.times, 5*time.Second, func(j *job) error {
		if pids := j.ranks(); len(pids) > 0 {
			return syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
		}
		return nil
	}, func(*job) error { return nil })
}

// cut cuts hosts off.
func (c *check) cut() error {
	for _, way := range cuts {
		var host int
		err := c.suffer("a host cut off, "+way.name, (c.times+4)/5, 15*time.Second, func(j *job) error {
			host = 1 + rand.IntN(min(c.net.count, 1+bytes.Count([]byte(strings.Join(j.cmd.Args, " ")), []byte(" : "))))
			return way.cut(&c.net, host)
		}, func(*job) error { return way.mend(&c.net, host) })
		if err != nil {
			return err
		}
	}
	return nil
}

// program runs another program, one rank on each of 2, 3, ... hosts, and prints what it prints.
func (c *check) program() error {
	args := strings.Fields(c.other)
	if len(args) == 0 {
		return errors.New("no -program")
	}
	if err := build(c.binary, args[0]); err != nil {
		return err
	}
	for p := 2; p <= c.net.count; p++ {
		j, err := c.start(p, nil, args[1:]...)
		if err != nil {
			return err
		}
		err = <-j.ended
		fmt.Printf("%s", j.out.Bytes())
		if err != nil {
			return err
		}
	}
	return nil
}
