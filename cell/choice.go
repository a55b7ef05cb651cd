package cell

import "time"

// A pass over few sequences may be divided among goroutines in two ways: by sequences, where one sequence
// is one goroutine's, or by the units of every step. Which is quicker depends on the layer, on the caches, and on
// what else the machine does, so a Sequence measures it: it goes the way that took less time per step when
// last gone, and tries the other one again after some passes, twice as many each time in vain.

// A choice is between those ways. It changes no bit.
type choice struct {
	of     choiceCase
	took   [2]time.Duration // per step, by sequences and by units; 0 is not known
	wait   int              // passes from one trial to the next
	passes int              // since the last trial
}

// choiceCase is what the times of a choice are of.
type choiceCase struct {
	layer          any
	batch, threads int
}

// How many passes go from one trial to the next, at first and at most. The first pass of all, which is by units,
// also finds its memory for the first time, so the second trial comes soon.
const (
	trialSoon = 4
	trialLate = 1024
)

// next reports whether the next pass is to be divided by units.
func (c *choice) next(of choiceCase) bool {
	if c.of != of {
		*c = choice{of: of, wait: trialSoon}
	}
	c.passes++
	switch units := c.took[1] < c.took[0]; {
	case c.took[1] == 0:
		return true
	case c.took[0] == 0:
		return false
	default:
		return units != c.trial()
	}
}

// trial reports whether the next pass, or the one that is running, goes the way that was slower.
func (c *choice) trial() bool { return c.passes > c.wait }

// done notes what the pass has taken for each of its steps.
func (c *choice) done(units bool, took time.Duration) {
	known := c.took[0] > 0 && c.took[1] > 0
	before, way := c.took[1] < c.took[0], 0
	if units {
		way = 1
	}
	took = max(1, took)
	if last := c.took[way]; last > 0 { // a pass that something came in between of does not count for all
		took = min(took, last+last/4+1)
	}
	c.took[way] = took
	switch {
	case !known:
	case before != (c.took[1] < c.took[0]):
		c.passes, c.wait = 0, trialSoon
	case c.trial():
		c.passes, c.wait = 0, min(2*c.wait, trialLate)
	}
}
