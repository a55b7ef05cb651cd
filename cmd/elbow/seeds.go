package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// seedsFile lies beside the folders of the seeds, with what they have in common.
const seedsFile = "seeds.json"

// maxSeeds is how many trainings differ in the seed at most.
const maxSeeds = 1000

// seedList is a flag for seeds: 1..5, or 3,8,11, or 5, which is 1..5.
type seedList []uint64

func (l *seedList) String() string {
	var parts []string
	for i := 0; i < len(*l); {
		j := i
		for j+1 < len(*l) && (*l)[j+1] == (*l)[j]+1 {
			j++
		}
		if part := strconv.FormatUint((*l)[i], 10); j > i {
			parts = append(parts, part+".."+strconv.FormatUint((*l)[j], 10))
		} else {
			parts = append(parts, part)
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

func (l *seedList) Set(text string) error {
	bad := errors.New("want seeds such as 1..5 or 3,8,11, each once")
	var all seedList
	seen := map[uint64]bool{}
	parts := strings.Split(text, ",")
	if n, err := strconv.Atoi(text); err == nil {
		parts = []string{"1.." + strconv.Itoa(n)}
	}
	for _, part := range parts {
		first, last, ok := strings.Cut(part, "..")
		if !ok {
			last = first
		}
		from, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 63)
		to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 63)
		if err1 != nil || err2 != nil || to < from || to-from >= maxSeeds || len(all)+int(to-from) >= maxSeeds {
			return bad
		}
		for seed := from; seed <= to; seed++ {
			if seen[seed] {
				return bad
			}
			seen[seed] = true
			all = append(all, seed)
		}
	}
	*l = all
	return nil
}

// A spread is the mean of some figures and their standard deviation, NaN of a single one.
type spread struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// spreadOf returns those of figures.
func spreadOf(values []float64) spread {
	s, n := model.SpreadOf(slices.Values(values)), float64(len(values))
	return spread{s.Mean, s.Std * math.Sqrt(n/(n-1))}
}

// String leaves the deviation of a single figure out.
func (s spread) String() string {
	if math.IsNaN(s.Deviation) {
		return fmt.Sprintf("%.4f", s.Mean)
	}
	return fmt.Sprintf("%.4f, deviation %.4f", s.Mean, s.Deviation)
}

// column prints it as a column of a table has it.
func (s spread) column() string {
	if math.IsNaN(s.Deviation) {
		return fmt.Sprintf("%7.2f%7s", s.Mean, "")
	}
	return fmt.Sprintf("%7.2f ± %4.2f", s.Mean, s.Deviation)
}

// seedRow is what the training with a seed came to.
type seedRow struct {
	Seed      uint64  `json:"seed"`
	Folder    string  `json:"folder"`
	BestEpoch int     `json:"best_epoch"`
	Valid     float64 `json:"valid"` // nats per step
	Test      float64 `json:"test"`
}

// seedResults is what seeds.json holds.
type seedResults struct {
	Seeds []seedRow `json:"seeds"`
	Valid spread    `json:"valid"`
	Test  spread    `json:"test"`
	Exact bool      `json:"exact"`
}

// trainSeeds trains with one seed after the other, each in a folder of its own in dir. What is there
// already stays, and what was stopped goes on.
func trainSeeds(ctx context.Context, cmd *call, s *settings, d *dataset.Data, dir string, list seedList, force bool) error {
	mc, tc, err := s.finish(cmd.FlagSet, d)
	if err != nil {
		return err
	}
	s.resolve(mc, tc)
	r := &tableRun{data: d, dir: dir, force: force, threads: tc.Threads, out: cmd.out}
	r.begun = func(folder *rundir.Dir, _ model.Config, tc model.TrainConfig) error {
		s.train.Seed = tc.Seed
		return cmd.writeEffective(folder, s.unused)
	}
	remark(cmd.out, d.Notes)
	return within(dir, func(outer *rundir.Dir) error {
		if err := outer.Reserve(seedsFile); err != nil {
			return err
		}
		var all seedResults
		var valid, test []float64
		for _, seed := range list {
			tc.Seed = seed
			var sum *summary
			path := filepath.Join(dir, fmt.Sprintf("seed%d", seed))
			err := within(path, func(folder *rundir.Dir) (err error) {
				sum, err = r.made(ctx, folder, mc, tc)
				return err
			})
			if err != nil {
				return fmt.Errorf("seed %d: %w", seed, err)
			}
			fmt.Fprintf(cmd.out, "seed %d, best epoch %d of %d, %.0f s\n", seed, sum.BestEpoch, sum.Epochs, sum.Seconds)
			printScore(cmd.out, "test", sum.Test)
			all.Seeds = append(all.Seeds, seedRow{seed, path, sum.BestEpoch, sum.Valid.NLLPerStep, sum.Test.NLLPerStep})
			valid, test, all.Exact = append(valid, sum.Valid.NLLPerStep), append(test, sum.Test.NLLPerStep), sum.Test.Exact
		}
		all.Valid, all.Test = spreadOf(valid), spreadOf(test)
		if err := writeJSON(filepath.Join(dir, seedsFile), all); err != nil {
			return err
		}
		fmt.Fprintf(cmd.out, "seeds: %d; nats per step: valid %v; test %v\n%s: %s\n", len(list), all.Valid, all.Test, dir, seedsFile)
		return cmd.result(all)
	})
}
