package nab

import (
	"cmp"
	"math"
	"slices"

	"github.com/elbow-go/elbow/internal/f64"
)

// Profile is what a window found, a false alarm and a window missed count.
type Profile struct {
	Name       string
	TP, FP, FN float64
}

// The profiles of the benchmark.
var (
	Standard = Profile{"standard", 1, 0.11, 1}
	LowFP    = Profile{"reward low FP", 1, 0.22, 1}
	LowFN    = Profile{"reward low FN", 1, 0.11, 2}
)

// Result is how a detector did.
type Result struct {
	Score     float64 // 100 is perfect, 0 that of a detector without any alarm, or where there is nothing to find
	Threshold float64 // a row whose score is at least that is an alarm
	Found     int     // windows with an alarm
	False     int     // alarms outside of windows
}

// NoAlarm is a threshold that no score reaches.
var NoAlarm = math.Inf(1)

// sigmoid is what an alarm u widths of a window behind its end counts, and before its end with u < 0.
//
//	S(u) = 2/(1 + exp(5u)) - 1, and -1 for u > 3
func sigmoid(u float64) float64 {
	if u > 3 {
		return -1
	}
	return 2/(1+f64.Exp(5*u)) - 1
}

// event is a row that counts: its score, what it is worth as an alarm, and its window, or -1.
type event struct {
	score, worth float64
	window       int
}

// events appends the rows of a series that count, with the numbers of its windows from first on.
//
// An alarm in row i of a window of w rows with the last row b is worth TP S(-(b-i+1)/w)/S(-1). Outside
// of windows it is worth FP S((i-b)/(w-1)) of the window before, and -FP where there is none.
func (p Profile) events(list []event, s *Series, scores []float64, first int) []event {
	full := sigmoid(-1)
	next := 0 // the first window that does not end before the row
	for i := s.Probation(); i < len(s.Values); i++ {
		for next < len(s.Windows) && s.Windows[next].Last < i {
			next++
		}
		e := event{score: scores[i], window: -1, worth: -p.FP}
		switch {
		case next < len(s.Windows) && s.Windows[next].First <= i:
			w := s.Windows[next]
			e.window = first + next
			e.worth = p.TP * sigmoid(-float64(w.Last-i+1)/float64(w.Last-w.First+1)) / full
		case next > 0:
			w := s.Windows[next-1]
			e.worth = p.FP * sigmoid(float64(i-w.Last)/float64(w.Last-w.First))
		}
		list = append(list, e)
	}
	return list
}

// scan is the rows of all series, and what is known of the windows at the threshold that was reached.
type scan struct {
	Profile
	events []event
	best   []float64 // of the alarms of every window; NaN without one
	sum    float64
	result Result // Found and False
}

// newScan returns the scan of scores, one for each row of all series, before the first alarm.
func newScan(all []Series, scores [][]float64, p Profile) *scan {
	c := &scan{Profile: p}
	for i := range all {
		if len(scores[i]) != len(all[i].Values) {
			panic("nab: " + all[i].Name + ": want a score for every row")
		}
		if slices.ContainsFunc(scores[i][all[i].Probation():], math.IsNaN) {
			panic("nab: " + all[i].Name + ": a score is NaN")
		}
		c.events = p.events(c.events, &all[i], scores[i], len(c.best))
		for range all[i].Windows {
			c.best = append(c.best, math.NaN())
		}
	}
	c.sum = -p.FN * float64(len(c.best))
	return c
}

// alarm takes in one alarm.
func (c *scan) alarm(e event) {
	if e.window < 0 {
		c.sum += e.worth
		c.result.False++
		return
	}
	switch best := &c.best[e.window]; {
	case math.IsNaN(*best):
		c.sum += c.FN + e.worth
		c.result.Found++
		*best = e.worth
	case e.worth > *best:
		c.sum += e.worth - *best
		*best = e.worth
	}
}

// at returns the result of the alarms so far.
func (c *scan) at(threshold float64) Result {
	r := c.result
	r.Threshold = threshold
	if windows := float64(len(c.best)); windows > 0 {
		lost := float64(c.FN * windows)
		r.Score = 100 * (c.sum + lost) / (float64(c.TP*windows) + lost)
	}
	return r
}

// At scores a detector with a given threshold. scores[i] has a score for every row of all[i], which
// says how anomalous it is; those of the probation do not matter. At panics if there is not one for
// every row, or if one that matters is NaN.
//
// Of the alarms in a window only that counts which is worth most; a window without one counts -FN.
func At(all []Series, scores [][]float64, p Profile, threshold float64) Result {
	c := newScan(all, scores, p)
	for _, e := range c.events {
		if e.score >= threshold {
			c.alarm(e)
		}
	}
	return c.at(threshold)
}

// Best is At with the threshold that gives the best score, the highest of equal ones.
func Best(all []Series, scores [][]float64, p Profile) Result {
	c := newScan(all, scores, p)
	// Most rows have the least score, so they are not sorted.
	least := math.Inf(1)
	for _, e := range c.events {
		least = min(least, e.score)
	}
	at := 0
	for i, e := range c.events {
		if e.score > least {
			c.events[i], c.events[at] = c.events[at], e
			at++
		}
	}
	slices.SortFunc(c.events[:at], func(a, b event) int { return cmp.Compare(b.score, a.score) })
	best := c.at(NoAlarm)
	for i, e := range c.events {
		c.alarm(e)
		if i+1 < len(c.events) && c.events[i+1].score == e.score {
			continue
		}
		if r := c.at(e.score); r.Score > best.Score {
			best = r
		}
	}
	return best
}
