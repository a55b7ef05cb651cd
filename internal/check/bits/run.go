package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A training is a row of the table.
type training struct {
	name  string
	train string // arguments of elbow train
	then  string // a command on its result, with arguments; empty: none
}

// small are the sizes of almost all: no multiples of the widths of vectors.
const small = smallRNN + " -latent 5"

// smallRNN is small without latent variables.
const smallRNN = " -epochs 2 -hidden 17 -batch 7"

// trainings are the rows. Data sets are those of writeInputs.
var trainings = []training{
	{name: "tunes rnn", train: "-model rnn -cell gru-before -epochs 1 -hidden 8"},
	{name: "rolls vrnn", train: "-data rolls.json -model vrnn -importance -samples 3" + small,
		then: "eval -data rolls.json -samples 5"},
	{name: "rolls rnn", train: "-data rolls.json -model rnn -transpose 3 -dropout-input 0.1 -dropout-heads 0.2 -optimizer adamw -weight-decay 0.1 -ema-decay 0.9 -lr-schedule cosine -lr-warmup 3" + smallRNN},
	{name: "rolls shards", train: "-data rolls.json -model vrnn -shards 5 -truncate 9" + small},
	{name: "table storn", train: "-data series.csv -model storn -kl-warmup 2 -free-bits 0.1" + small,
		then: "eval -data series.csv -samples 3"},
	{name: "table vrnn-i", train: "-data series.csv -model vrnn-i -likelihood gmm -components 3 -cell gru -optimizer adagrad -lr 0.05 -truncate 8 -reset-every 2 -sampled -samples 2" + small},
	{name: "text rnn", train: "-data text.txt -model rnn -layers 2 -dropout 0.2 -streams 5 -truncate 25 -epochs 2 -hidden 17 -batch 5"},
	{name: "sound vrnn", train: "-data sound.wav -frame 20 -streams 4 -preset chung -depth 2" + small},
	{name: "sound rnn", train: "-data sound.wav -frame 10 -levels 256 -streams 4 -model rnn -components 3 -cell rnn -optimizer sgd -lr 0.01 -epochs 2 -hidden 17 -batch 4"},
	{name: "images vae", train: "-data images.npy -pixels draw -depth 2 -weight-decay 1" + small,
		then: "eval -data images.npy -pixels draw -samples 20"},
	{name: "greys vae", train: "-data images.npy -likelihood gauss -scale logvar -activation relu -method score-baseline -samples 2 -weight-posterior" + small},
	{name: "strokes vrnn", train: "-data strokes -likelihood bivariate-mixture -components 4 -cell rnn-relu" + small},
	{name: "strokes vrae", train: "-data strokes -model vrae -likelihood bivariate -window 6 -reverse -teacher" + small,
		then: "encode -data strokes -window 6"},
}

// compared are the files of a training that are compared; the first three have to be there.
// What a picture shows is in them.
var compared = []string{"best.safetensors", "metrics.jsonl", "summary.json", "checkpoint.safetensors",
	"sample.mid", "sample.wav", "sample.txt", "sample.csv", "latent.csv", thenFile}

// thenFile holds what the second command of a training has printed.
const thenFile = "then.json"

// run trains in a folder of its own below dir and returns the files of the result.
func run(dir string, t training, c column) (files, error) {
	to := filepath.Join(dir, "runs", c.name, t.name)
	if err := os.RemoveAll(to); err != nil {
		return nil, err
	}
	threads := []string{"-threads", strconv.Itoa(c.threads)}
	args := append(append([]string{"train"}, strings.Fields(t.train)...), threads...)
	if _, err := elbow(dir, c, append(args, "-out", to)); err != nil {
		return nil, err
	}
	if command, args, ok := strings.Cut(t.then, " "); ok {
		all := append(append([]string{command}, strings.Fields(args)...), threads...)
		all = append(all, "-model", to)
		switch command {
		case "eval":
			all = append(all, "-json")
		case "encode":
			all = append(all, "-out", to)
		}
		text, err := elbow(dir, c, all)
		if err != nil {
			return nil, err
		}
		if command == "eval" {
			if err := os.WriteFile(filepath.Join(to, thenFile), text, 0o666); err != nil {
				return nil, err
			}
		}
	}
	return readFiles(to)
}

// readFiles returns the files in dir that are compared, as they are compared.
func readFiles(dir string) (files, error) {
	list := files{}
	for i, name := range compared {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) && i >= 3 {
			continue
		}
		if err != nil {
			return nil, err
		}
		if list[name], err = normalise(name, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return list, nil
}

// elbow runs the command where the inputs are and returns what it prints.
func elbow(dir string, c column, args []string) ([]byte, error) {
	cmd := exec.Command(c.program[0], append(c.program[1:len(c.program):len(c.program)], args...)...)
	cmd.Dir = filepath.Join(dir, inputs)
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "ELBOW_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	if c.isa != "" {
		cmd.Env = append(cmd.Env, "ELBOW_ISA="+c.isa)
	}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("elbow %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(errors.Bytes()))
	}
	return out, nil
}
