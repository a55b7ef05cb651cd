package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/elbow-go/elbow/internal/nab"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/kernels"
)

var nabTable = experiment{
	name:   "nab",
	about:  "The Numenta Anomaly Benchmark: anomalies in 58 series, found online",
	unit:   "score of the benchmark, 100 is perfect, higher is better",
	folder: "nab",
	seeds:  seedList{1, 2, 3, 4, 5},
	own:    detectAnomalies,
}

// nabPublished are figures of the profile standard, of detectors whose scores of every row the
// repository of the benchmark holds. A test scores those again.
var nabPublished = []figures{
	{"74.85", "ARTime", "results/final_results.json, read"},
	{"70.10", "numenta", "the same"},
	{"58.20", "earthgecko Skyline", "the same"},
	{"51.72", "Random Cut Forest", "the same"},
}

// nabRow is a line of table.json.
type nabRow struct {
	Row      string  `json:"row"`
	Seeds    int     `json:"seeds"`    // 1 where nothing is drawn
	Standard float64 `json:"standard"` // mean over the seeds, and their deviation
	Std      float64 `json:"std"`
	LowFP    float64 `json:"low_fp"`
	LowFN    float64 `json:"low_fn"`
	Found    float64 `json:"found"` // windows, of 116
	False    float64 `json:"false"` // alarms outside of windows
	Setting  string  `json:"setting,omitempty"`
	// Of the halves of the series that had no part in the choice of setting and threshold, and of those that had.
	OtherHalf float64 `json:"other_half"`
	OtherStd  float64 `json:"other_std"`
	OwnHalf   float64 `json:"own_half"`
}

// nabSetting is how the likelihoods of two kinds of surprises count beside the records.
type nabSetting struct {
	next, delayed           nabWindow
	weightNext, weightDelay float64
}

// How many surprises likelihoods look back at: with nabLong to what was normal for weeks, of those from
// afar; and how many of the last ones they look at.
const nabNear, nabLong = 500, 8000

var nabShorts = []int{3, 10}

func (s nabSetting) String() string {
	text := fmt.Sprintf("%g L%v", s.weightNext, s.next)
	if s.weightDelay > 0 {
		text += fmt.Sprintf(", %g L delayed%v", s.weightDelay, s.delayed)
	}
	return text
}

func (w nabWindow) String() string { return fmt.Sprintf("(%d, %d)", w.long, w.short) }

// nabSettings are what the rows with a likelihood choose from, the best on average over the seeds.
func nabSettings() (all []nabSetting) {
	for _, short := range nabShorts {
		for _, w := range []float64{0.005, 0.01} {
			s := nabSetting{next: nabWindow{nabNear, short}, weightNext: w}
			all = append(all, s)
			for _, delayed := range nabShorts {
				for _, s.weightDelay = range []float64{0.005, 0.01, 0.02} {
					s.delayed = nabWindow{nabLong, delayed}
					all = append(all, s)
				}
			}
		}
	}
	return all
}

const (
	nabQuiet   = 20   // rows after an alarm in which only a higher score is another one
	nabMean    = 20   // rows of a mean that can be a record
	nabRecord  = 0.1  // weight of its records
	nabLevel   = 1000 // values whose mean stands for the delayed network where there is none
	nabSplits  = 5    // of the series into two halves
	nabShuffle = 65   // noise stream of the splits
)

// nabSurprise holds the surprises of all series: those of every next value and those from afar.
type nabSurprise struct{ next, delayed [][]float64 }

// nabWindow is how many surprises a likelihood compares with how many.
type nabWindow struct{ long, short int }

// nabLikelihoods are the likelihoods that settings choose from.
type nabLikelihoods struct{ next, delayed map[nabWindow][][]float64 }

// likelihoods computes them.
func (r nabSurprise) likelihoods() nabLikelihoods {
	of := func(surprises [][]float64, long int) map[nabWindow][][]float64 {
		all := map[nabWindow][][]float64{}
		for _, short := range nabShorts {
			for _, s := range surprises {
				w := nabWindow{long, short}
				all[w] = append(all[w], nab.Likelihood(s, long, short))
			}
		}
		return all
	}
	return nabLikelihoods{of(r.next, nabNear), of(r.delayed, nabLong)}
}

// nabRun makes the table.
type nabRun struct {
	*tableRun
	all    []nab.Series
	halves [][]int // of the numbers of the series, those beside each other are complements
}

// detectAnomalies runs the detectors and scores them.
func detectAnomalies(ctx context.Context, r *tableRun, folder *rundir.Dir) (any, error) {
	all, err := nab.Read(r.experiment.data.path, r.experiment.data.budget(r.out))
	if err != nil {
		return nil, err
	}
	n := &nabRun{tableRun: r, all: all}
	if r.quick {
		n.shorten()
	}
	for split := range nabSplits {
		order := make([]int, len(n.all))
		for i := range order {
			order[i] = i
		}
		kernels.Shuffle(order, kernels.Noise{Seed: 1, Stream: nabShuffle, Update: uint32(split)}, 0, 0)
		n.halves = append(n.halves, order[:len(order)/2], order[len(order)/2:])
	}
	rows, err := n.rows(ctx)
	if err != nil {
		return nil, err
	}
	n.print(rows)
	return map[string]any{"results": rows}, writeJSON(folder.Path(tableFile), rows)
}

// shorten leaves every eighth series, and one seed.
func (n *nabRun) shorten() {
	var some []nab.Series
	for i := 0; i < len(n.all); i += 8 {
		some = append(some, n.all[i])
	}
	n.all, n.seeds = some, n.seeds[:1]
}

// rows computes all lines.
func (n *nabRun) rows(ctx context.Context) ([]nabRow, error) {
	ranges, records := make([][]float64, len(n.all)), make([][]float64, len(n.all))
	none := make([][]float64, len(n.all))
	walk := nabSurprise{make([][]float64, len(n.all)), make([][]float64, len(n.all))}
	for i := range n.all {
		s := &n.all[i]
		ranges[i], none[i] = nab.Records(s.Values), make([]float64, len(s.Values))
		records[i] = nab.MeanRecords(s.Values, nabMean)
		for t, v := range ranges[i] {
			records[i][t] = max(v, nabRecord*records[i][t])
		}
		walk.next[i], walk.delayed[i] = nab.Walk(s.Values, 1, nabMost), nab.Walk(s.Values, nabLevel, nabMost)
	}
	networks := make([]nabLikelihoods, len(n.seeds))
	for k, seed := range n.seeds {
		fmt.Fprintf(n.out, "seed %d\n", seed)
		r, err := n.surprises(ctx, seed)
		if err != nil {
			return nil, err
		}
		networks[k] = r.likelihoods()
	}
	var rows []nabRow
	for _, d := range []struct {
		name        string
		records     [][]float64
		likelihoods []nabLikelihoods
	}{
		{"range rule alone", ranges, nil},
		{"records alone", records, nil},
		{"likelihood alone", none, networks},
		{"records, random walk", records, []nabLikelihoods{walk.likelihoods()}},
		{"records, networks", records, networks},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rows = append(rows, n.row(d.name, d.records, d.likelihoods))
	}
	return rows, nil
}

// surprises runs both networks over all series.
func (n *nabRun) surprises(ctx context.Context, seed uint64) (nabSurprise, error) {
	r := nabSurprise{make([][]float64, len(n.all)), make([][]float64, len(n.all))}
	errs := make([]error, len(n.all))
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range n.all {
			if ctx.Err() != nil {
				return
			}
			next <- i
		}
	}()
	par.Do(n.threads, n.threads, func(int, int) {
		for i := range next {
			if r.next[i], errs[i] = nabSurprises(&n.all[i], seed); errs[i] == nil {
				r.delayed[i], errs[i] = nabDelays(&n.all[i], seed)
			}
		}
	})
	for i, err := range errs {
		if err != nil {
			return r, fmt.Errorf("%s: %w", n.all[i].Name, err)
		}
	}
	return r, ctx.Err()
}

// outcome is how a detector did with one seed and one setting.
type outcome struct {
	whole  nab.Result
	halves []nab.Result
}

// row scores a detector, with the best setting if there are likelihoods to have settings for.
func (n *nabRun) row(name string, records [][]float64, likelihoods []nabLikelihoods) nabRow {
	settings := nabSettings()
	if likelihoods == nil {
		settings, likelihoods = []nabSetting{{}}, make([]nabLikelihoods, 1)
	}
	outcomes := make([][]outcome, len(likelihoods)) // [seed][setting]
	for k := range likelihoods {
		outcomes[k] = make([]outcome, len(settings))
	}
	par.Do(n.threads, len(likelihoods)*len(settings), func(lo, hi int) {
		for j := lo; j < hi; j++ {
			k, c := j/len(settings), j%len(settings)
			outcomes[k][c] = n.outcome(n.scores(records, likelihoods[k], settings[c]))
		}
	})
	best := bestOf(len(settings), func(c int) float64 {
		sum := 0.0
		for k := range outcomes {
			sum += outcomes[k][c].whole.Score
		}
		return sum
	})
	row := nabRow{Row: name, Seeds: len(likelihoods)}
	if len(settings) > 1 {
		row.Setting = settings[best].String()
	}
	var standard, own, other []float64
	share := 1 / float64(len(likelihoods))
	for k, of := range outcomes {
		scores := n.scores(records, likelihoods[k], settings[best])
		whole := of[best].whole
		standard = append(standard, whole.Score)
		row.LowFP += float64(share * nab.Best(n.all, scores, nab.LowFP).Score)
		row.LowFN += float64(share * nab.Best(n.all, scores, nab.LowFN).Score)
		row.Found += float64(share * float64(whole.Found))
		row.False += float64(share * float64(whole.False))
		for h := range n.halves {
			chosen := bestOf(len(settings), func(c int) float64 { return of[c].halves[h].Score })
			result, rest := of[chosen].halves[h], n.halves[h^1]
			scores := n.scores(records, likelihoods[k], settings[chosen])
			own = append(own, result.Score)
			other = append(other, nab.At(pickNAB(n.all, rest), pickNAB(scores, rest), nab.Standard, result.Threshold).Score)
		}
	}
	over := spreadOf(standard)
	row.Standard, row.Std = over.Mean, over.Deviation
	over = spreadOf(other)
	row.OtherHalf, row.OtherStd = over.Mean, over.Deviation
	row.OwnHalf = spreadOf(own).Mean
	return row
}

// bestOf returns the first of n places whose value is the largest.
func bestOf(n int, value func(int) float64) int {
	best, most := 0, math.Inf(-1)
	for i := range n {
		if v := value(i); v > most {
			best, most = i, v
		}
	}
	return best
}

// scores returns the scores of a detector for every row of all series.
func (n *nabRun) scores(records [][]float64, l nabLikelihoods, c nabSetting) [][]float64 {
	scores := make([][]float64, len(n.all))
	for i := range scores {
		s := slices.Clone(records[i])
		if c.weightNext > 0 {
			for t, v := range l.next[c.next][i] {
				s[t] = max(s[t], c.weightNext*v)
			}
		}
		if c.weightDelay > 0 {
			for t, v := range l.delayed[c.delayed][i] {
				s[t] = max(s[t], c.weightDelay*v)
			}
		}
		nab.Quiet(s, nabQuiet)
		scores[i] = s
	}
	return scores
}

// outcome scores a detector on all series and on every half.
func (n *nabRun) outcome(scores [][]float64) outcome {
	o := outcome{whole: nab.Best(n.all, scores, nab.Standard)}
	for _, half := range n.halves {
		o.halves = append(o.halves, nab.Best(pickNAB(n.all, half), pickNAB(scores, half), nab.Standard))
	}
	return o
}

// pickNAB returns the elements of all at the given places.
func pickNAB[T any](all []T, at []int) []T {
	some := make([]T, len(at))
	for i, k := range at {
		some[i] = all[k]
	}
	return some
}

// print prints the table.
func (n *nabRun) print(rows []nabRow) {
	windows := 0
	for i := range n.all {
		windows += len(n.all[i].Windows)
	}
	fmt.Fprintf(n.out, "\n%s\n%s\n%d series, %d windows; settings of likelihoods: the best of %d on all series; ± over seeds and, of halves, over halves too\n\n",
		n.about, n.unit, len(n.all), windows, len(nabSettings()))
	fmt.Fprintf(n.out, "%-22s %5s  %14s %8s %8s %6s %6s  %14s %8s  %s\n", "", "seeds", "standard", "low FP", "low FN", "found", "false", "other half", "own half", "setting")
	for _, r := range rows {
		fmt.Fprintf(n.out, "%-22s %5d  %s %8.2f %8.2f %6.1f %6.1f  %s %8.2f  %s\n",
			r.Row, r.Seeds, spread{r.Standard, r.Std}.column(), r.LowFP, r.LowFN, r.Found, r.False, spread{r.OtherHalf, r.OtherStd}.column(), r.OwnHalf, r.Setting)
	}
	fmt.Fprintln(n.out)
	for _, f := range nabPublished {
		fmt.Fprintf(n.out, "%-22s %5s  %7s  %s\n", f.What, "", f.Value, f.Source)
	}
	fmt.Fprintf(n.out, "\n%s\n", filepath.Join(n.dir, tableFile))
}
