package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/progress"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// The files that train leaves in its folder beside the checkpoints.
const (
	metricsFile = "metrics.jsonl"
	summaryFile = "summary.json"
	curvesFile  = "curves" // .png and .svg
)

// summary is what summary.json holds.
type summary struct {
	Model      string            `json:"model"`
	Likelihood string            `json:"likelihood"`
	Params     int               `json:"params"`
	Seed       uint64            `json:"seed"`
	Epochs     int               `json:"epochs"`
	BestEpoch  int               `json:"best_epoch"`
	Seconds    float64           `json:"seconds"`
	ISA        string            `json:"isa"`
	BLAS       string            `json:"blas"`
	Threads    int               `json:"threads"`
	Valid      model.Score       `json:"valid"`
	Test       model.Score       `json:"test"`
	Bits       *bits             `json:"bits_per_character,omitempty"` // of text
	Data       string            `json:"data"`
	DataHash   string            `json:"data_hash"`
	Config     model.Config      `json:"config"`
	Train      model.TrainConfig `json:"train"`
	Go         string            `json:"go"`

	files    []string // that were left beside it
	unitNats *float64 // what the nats per step are higher by in the units of the data, which the form of the data says
}

// bits are the figures of a text, on its test part.
type bits struct {
	Model float64 `json:"model"`
	NGram float64 `json:"ngram"` // of a five-gram model
	// Counted is how many characters the latter was made from.
	Counted int `json:"ngram_characters"`
}

func train(ctx context.Context, cmd *call) error {
	out := cmd.out
	var s settings
	s.flags(cmd)
	var data dataFlags
	data.flags(cmd)
	dir := cmd.String("out", "run", "folder for the results")
	var seeds seedList
	cmd.Var(&seeds, "seeds", "train with each of these `seeds`, such as 1..5, each in a folder of its own in -out, and print mean and deviation; the same command goes on after an interrupt")
	resume := cmd.Bool("resume", false, "go on from the checkpoint in -out, with its settings")
	force := cmd.Bool("force", false, "begin again where -out holds another training, and delete that one's files")
	if err := cmd.parse(); err != nil {
		return err
	}
	if s.train.Epochs < 1 {
		return usagef("-epochs %d: want at least 1", s.train.Epochs)
	}
	comm := ranksOf(ctx)
	switch given := cmd.given(); {
	case comm.Size() > 1 && given["seeds"]:
		return usagef("-seeds: its trainings do not need each other: start it without mpirun")
	case comm.Size() > 1 && !*resume && s.train.Shards < comm.Size():
		return usagef("-shards %d: want at least the %d of the processes that were started", s.train.Shards, comm.Size())
	}
	if given := cmd.given(); given["seeds"] && (given["seed"] || *resume) {
		return usagef("-seeds: it takes neither -seed nor -resume")
	}
	if err := apart(data.path, *dir); err != nil {
		return err
	}
	if len(seeds) > 0 {
		return trainSeeds(ctx, cmd, *dir, seeds, *force)
	}
	d, err := data.toTrain(&s, *dir, *resume, out)
	if err != nil {
		return err
	}
	if comm.Rank() > 0 {
		return follow(ctx, cmd, &s, d, *dir, *resume)
	}
	var prepare func(*rundir.Dir) (*model.Trainer, error)
	if *resume {
		prepare, err = resumed(cmd, &s, d)
	} else {
		prepare, err = fresh(cmd, &s, d, *force)
	}
	if err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		t, err := prepare(folder)
		if err != nil {
			return err
		}
		if err := errors.Join(comm.Barrier(), join(comm, t, d, out)); err != nil {
			return err
		}
		again := fmt.Sprintf("elbow train -resume -out %s%s", *dir, data.again())
		sum, err := trainIn(ctx, folder, t, d, again, out)
		if err != nil {
			return err
		}
		return cmd.result(sum)
	})
}

// trainIn trains, scores and leaves the results in a folder. again is what goes on with it after
// an interrupt.
func trainIn(ctx context.Context, folder *rundir.Dir, t *model.Trainer, d *dataset.Data, again string, out io.Writer) (*summary, error) {
	remark(out, d.Notes)
	introduce(t, d, out)
	if err := runTraining(ctx, t, folder, "go on with: "+again, out); err != nil {
		return nil, err
	}
	anneal := annealing(t.Model.Settings())
	if anneal.Runs > 0 { // which takes longer than many epochs
		fmt.Fprintf(chatter(out), "estimating the likelihoods of valid and test: %d chains of %d temperatures for every step\n", anneal.Runs, anneal.Temperatures)
	}
	sum, err := finishTraining(t, d, folder.Root(), anneal)
	if err != nil {
		return nil, err
	}
	printSummary(out, sum)
	fmt.Fprintf(out, "%s: %s\n", folder.Root(), strings.Join(sum.files, " "))
	return sum, nil
}

// introduce says what is about to be trained.
func introduce(t *model.Trainer, d *dataset.Data, out io.Writer) {
	steps := 0
	for i := range d.Train {
		steps += d.Train[i].Steps(d.Dim)
	}
	fmt.Fprintf(out, "%s: %d parameters; %s: %d + %d + %d sequences, %d steps to train on\n", describe(t.Model.Settings()), cell.Count(t.Model.Tensors()),
		d.Name, len(d.Train), len(d.Valid), len(d.Test), steps)
	of := ""
	if _, ok := unitNats(d.Form, d.Dim); ok {
		of = " of standardised values"
	}
	fmt.Fprintf(out, "isa %v, blas %s; -threads %d, seed %d; nats per step%s, lower is better\n", asm.Active(), blas.Info(), t.Config.Threads, t.Config.Seed, of)
	if d.Form.Kind != model.FormSeries {
		return
	}
	if n := t.Config.Truncate; n > 0 {
		fmt.Fprintf(out, "an update every %d steps, the state carried over; -truncate sets how many, 0 whole sequences\n", n)
	} else if len(d.Train) <= t.Config.Batch && steps > 1000 {
		fmt.Fprintf(out, "note: one update an epoch, of all %d steps; -window cuts sequences into parts, for batches of -batch of them\n", steps)
	}
}

// fresh returns what prepares the training that the flags ask for in a folder. Whatever can be
// wrong without the folder is found out before it is touched.
func fresh(cmd *call, s *settings, d *dataset.Data, force bool) (func(*rundir.Dir) (*model.Trainer, error), error) {
	mc, tc, err := s.finish(cmd.FlagSet, d)
	if err != nil {
		return nil, err
	}
	if l := mc.Likelihood; (l == model.Gauss || l == model.GMM) && d.Suits.Likelihood == model.Bernoulli && d.Form.Kind != model.FormImage {
		d.Notes = append(d.Notes, fmt.Sprintf("note: -likelihood %s: the data are ones and zeros, around which a density can be as high as it likes: its nats cannot be compared with those of -likelihood %s", l, model.Bernoulli))
	}
	if err := room(mc.MemoryToTrain(tc, d.Data), "this training", cmd.FlagSet); err != nil {
		return nil, err
	}
	return func(dir *rundir.Dir) (*model.Trainer, error) {
		if err := settled(dir, mc, tc, d.Hash, "-resume", force, cmd.out); err != nil {
			return nil, err
		}
		const large = 1024
		if mc.Cell != "" && mc.Hidden >= large {
			fmt.Fprintf(chatter(cmd.out), "drawing orthogonal matrices of %d x %d\n", mc.Hidden, mc.Hidden)
		}
		t, err := begin(mc, tc, d, dir)
		if err != nil {
			return nil, err
		}
		s.resolve(mc, tc)
		return t, cmd.writeEffective(dir, s.unused)
	}, nil
}

// begin prepares a new training and clears the folder of what an earlier one left there.
func begin(mc model.Config, tc model.TrainConfig, d *dataset.Data, dir *rundir.Dir) (*model.Trainer, error) {
	if err := dir.Reserve(slices.Concat(trainFiles, sampleFiles(d.Form.Kind))...); err != nil {
		return nil, err
	}
	t, err := newTrainer(mc, tc, d)
	if err != nil {
		return nil, err
	}
	t.Dir = dir.Root()
	return t, dir.Clear()
}

// newTrainer prepares a new training that has no folder yet.
func newTrainer(mc model.Config, tc model.TrainConfig, d *dataset.Data) (*model.Trainer, error) {
	m, err := model.New[float32](mc)
	if err != nil {
		return nil, err
	}
	m.Init(tc.Seed, d.StatsFor(mc))
	t, err := model.NewTrainer(m, d.Data, tc)
	if err != nil {
		return nil, usageError{err} // settings that do not go together, or not with the data
	}
	return t, nil
}

// resumed returns what prepares the training that a folder holds to go on, with the settings of
// its checkpoint; only -epochs and -threads may be given.
func resumed(cmd *call, s *settings, d *dataset.Data) (func(*rundir.Dir) (*model.Trainer, error), error) {
	epochs := 0
	var other error
	cmd.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "epochs":
			epochs = s.train.Epochs
		case "threads":
		default:
			if isDataFlag(f.Name) || slices.Contains(ofTheCall, f.Name) {
				return
			}
			other = usagef("-%s cannot be given with -resume: the settings are those of the checkpoint", f.Name)
		}
	})
	if other != nil {
		return nil, other
	}
	return func(dir *rundir.Dir) (*model.Trainer, error) {
		if err := whyDiverged(dir); err != nil {
			return nil, err
		}
		if err := adopt(dir); err != nil {
			return nil, err
		}
		info, err := model.ReadInfo(dir.Path(model.CheckpointFile))
		if err != nil {
			return nil, err
		}
		if t := info.Training; t != nil {
			if done := len(t.History); epochs > 0 && epochs < done {
				return nil, usagef("-epochs %d: %d are done; give more, or leave it out to go on with those of the checkpoint", epochs, done)
			}
			if r := t.Config.Schedule; r.Name == model.ScheduleCosine && r.MinRate == 0 && epochs > r.TMax {
				return nil, usagef("-epochs %d: the learning rate of this training is 0 after %d, its -lr-t-max, which is -epochs unless it is given: begin again with a larger one, or with -lr-min", epochs, r.TMax)
			}
			if err := room(info.Config.MemoryToTrain(t.Config, d.Data), "this training", nil); err != nil {
				return nil, err
			}
		}
		t, err := model.Resume(dir.Root(), d.Data, epochs, s.train.Threads)
		if err != nil {
			return nil, err
		}
		if err := dir.Reserve(slices.Concat(trainFiles, sampleFiles(d.Form.Kind))...); err != nil {
			return nil, err
		}
		return t, moreEpochs(dir, epochs)
	}, nil
}

// runTraining trains with progress on out and the metrics in a folder. goOn says what to do after an
// interrupt. Until there is a checkpoint then, the process does not end.
func runTraining(ctx context.Context, t *model.Trainer, folder *rundir.Dir, goOn string, out io.Writer) error {
	release := stopperOf(ctx).hold()
	defer release()
	done, total := t.Progress()
	bar := progress.New(chatter(out), total, done)
	var mu sync.Mutex // of the bar
	show := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	defer show(bar.Close)
	t.OnBatch = func() { show(func() { bar.Step(1) }) }
	ranks := ranksOf(ctx).Size()
	t.OnEpoch = func(e model.Epoch) error {
		show(func() { bar.Epoch(epochLine(e)) })
		err := writeMetrics(folder.Path(metricsFile), t.History())
		if ranks > 1 {
			err = errors.Join(err, infile.Release())
		}
		return err
	}
	t.OnStop = func(err error) {
		said := make(chan struct{})
		go show(func() {
			defer close(said)
			bar.Close()
			if err != nil {
				fmt.Fprintln(out, message("stopped without a new checkpoint: "+err.Error(), maxMessage-1))
				return
			}
			fmt.Fprintf(out, "stopped in epoch %d after %.0f s; %s\n", len(t.History())+1, t.Seconds(), goOn)
		})
		select {
		case <-said:
		case <-time.After(grace): // nobody reads what is printed
		}
		release()
	}
	err := t.Run(ctx)
	if errors.Is(err, model.ErrDiverged) {
		err = diverged(err, t, folder)
	}
	return err
}

// epochLine is the line that is printed for an epoch.
func epochLine(e model.Epoch) string {
	s := fmt.Sprintf("epoch %3d  train %8.4f  valid %8.4f", e.Epoch, e.Train.Figure(), e.Valid.Figure())
	if e.Valid.Measure != "" {
		s = fmt.Sprintf("epoch %3d  train: %s %8.4f  valid: %s %8.4f", e.Epoch, e.Train.Measure, e.Train.Figure(), e.Valid.Measure, e.Valid.Figure())
	}
	if bound(e.Valid) {
		s += fmt.Sprintf("  kl %7.4f", e.Valid.KLPerStep)
	}
	if e.Rate > 0 {
		s += fmt.Sprintf("  lr %.3g", e.Rate)
	}
	s += fmt.Sprintf("  %.1f s", e.Seconds)
	if e.Best {
		s += "  best"
	}
	return s
}

func writeMetrics(path string, history []model.Epoch) error {
	var buf bytes.Buffer
	for _, e := range history {
		line, err := floatjson.Marshal(e)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		buf.Write(append(line, '\n'))
	}
	return atomicfile.WriteFile(path, buf.Bytes(), 0o666)
}

// finishTraining scores valid and test once, with the best parameters, and leaves the
// summary, the pictures and the sample. anneal is how likelihoods are estimated that have to be.
func finishTraining(t *model.Trainer, d *dataset.Data, dir string, anneal model.Annealing) (*summary, error) {
	best := filepath.Join(dir, model.BestFile)
	m, _, err := model.Load(best)
	if err != nil {
		return nil, err
	}
	c, mc := t.Config, m.Settings()
	e := c.Eval()
	e.Anneal = anneal
	_, bestEpoch := t.Best()
	sum := &summary{Model: mc.Model, Likelihood: mc.Likelihood, Params: cell.Count(m.Tensors()), Seed: c.Seed, Epochs: len(t.History()), BestEpoch: bestEpoch,
		Seconds: t.Seconds(), ISA: asm.Active().String(), BLAS: blas.Info(), Threads: c.Threads,
		Valid: model.Evaluate(m, d.Valid, e), Test: model.Evaluate(m, d.Test, e),
		Data: d.Name, DataHash: d.Hash, Config: mc, Train: c, Go: runtime.Version()}
	if ngram, counted, ok := d.NGram(); ok {
		sum.Bits = &bits{Model: sum.Test.NLLPerStep / math.Ln2, NGram: ngram, Counted: counted}
	}
	if more, ok := unitNats(d.Form, d.Dim); ok {
		sum.unitNats = &more
	}
	if err := drawCurves(filepath.Join(dir, curvesFile), t.History()); err != nil {
		return nil, err
	}
	files, err := writeSamples(dir, m, d.Form, sampling{seed: c.Seed}, d.Test[:min(len(d.Test), dataset.Beside(d.Form))])
	if err != nil {
		return nil, err
	}
	// Last, since a folder with a summary is one whose results are all there.
	if err := writeJSON(filepath.Join(dir, summaryFile), sum); err != nil {
		return nil, err
	}
	sum.files = append([]string{summaryFile, curvesFile + ".png"}, files...)
	return sum, nil
}

func printSummary(out io.Writer, s *summary) {
	fmt.Fprintf(out, "best epoch %d of %d, %.0f s\n", s.BestEpoch, s.Epochs, s.Seconds)
	printScore(out, "valid", s.Valid)
	printScore(out, "test", s.Test)
	if s.unitNats != nil {
		printUnits(out, "test", s.Test, *s.unitNats, true)
	}
	if s.Bits != nil {
		fmt.Fprintf(out, "test  %s; a five-gram (Kneser-Ney) has %s\n", perCharacter(s.Bits.Model), perCharacter(s.Bits.NGram))
	}
}

// perCharacter says what a character of text costs: bits, and the perplexity, their power of two.
func perCharacter(bits float64) string {
	return fmt.Sprintf("%.4f bits per character, perplexity %.3f", bits, f64.Exp(bits*math.Ln2))
}

// annealing returns how the likelihood of a model is estimated where it has to be.
func annealing(c model.Config) model.Annealing {
	if c.Likelihood == model.RBM {
		return model.DefaultAnnealing()
	}
	return model.Annealing{}
}

// bound reports whether a score is a bound, neither exact nor something else.
func bound(s model.Score) bool { return !s.Exact && s.Measure == "" }

func printScore(out io.Writer, name string, s model.Score) {
	kind := "nll"
	switch {
	case s.Measure != "":
		fmt.Fprintf(out, "%-5s nll %.4f nats per step, %s, %.2f per sequence, %d steps\n", name, s.NLLPerStep, estimate(s.StdErr, s.Bias), s.NLLPerSeq, s.Steps)
		return
	case bound(s):
		kind = "bound"
	}
	gain := ""
	if s.Samples > 1 { // the terms are means over the draws, and the bound is below their sum
		gain = fmt.Sprintf(", less %.4f by %d draws", s.ReconPerStep+s.KLPerStep-s.NLLPerStep, s.Samples)
	}
	fmt.Fprintf(out, "%-5s %s %.4f nats per step (recon %.4f, kl %.4f%s), %.2f per sequence, %d steps\n",
		name, kind, s.NLLPerStep, s.ReconPerStep, s.KLPerStep, gain, s.NLLPerSeq, s.Steps)
}

// estimate says how sure a likelihood is that had to be estimated.
func estimate(stdErr, bias float64) string {
	return fmt.Sprintf("estimated (%s), standard error %.4f, too low by about %.4f", model.MeasureAnnealed, stdErr, bias)
}

func writeJSON(path string, v any) error {
	text, err := floatjson.MarshalIndent(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return atomicfile.WriteFile(path, append(text, '\n'), 0o666)
}
