package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
)

// measured is a row of internal/check/sums.
type measured struct {
	ranks, leaves, bytes int
	allreduce, tree      float64 // milliseconds
}

func readSums(path string) (list []measured, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var m measured
	for in := bufio.NewScanner(f); in.Scan(); {
		var ranks, leaves int
		if n, _ := fmt.Sscanf(in.Text(), "%d ranks, %d leaves", &ranks, &leaves); n == 2 {
			m.ranks, m.leaves = ranks, leaves
		}
		var ratio float64
		if n, _ := fmt.Sscan(in.Text(), &m.bytes, &m.allreduce, &m.tree, &ratio); n == 4 {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no rows", path)
	}
	return list, nil
}

// sum returns the milliseconds of the sum of a vector that is there as a whole.
func (n network) sum(leaves, ranks, bytes int) float64 {
	return 1e3 * n.step(job{numbers: bytes / 4, stages: []stage{{0, 1}}}, leaves, ranks, 0)
}

// burst is how many bytes tbf lets through at once, without regard to its rate: rows below a few of them say nothing.
const burst = 1 << 18

// fitted are the rows that the network is fitted to.
func fitted(list []measured) (rows []measured) {
	for _, m := range list {
		if m.bytes >= 2*burst {
			rows = append(rows, m)
		}
	}
	return rows
}

// fit returns the start and the rate with which the logarithms of times are off by least squares. Two to four ranks do not
// tell what a message costs: that stays as it is.
func (n network) fit(list []measured) network {
	loss := func(n network) (sum float64) {
		for _, m := range list {
			d := math.Log(n.sum(m.leaves, m.ranks, m.bytes) / m.tree)
			sum += d * d
		}
		return sum
	}
	best := loss(n)
	for step := 1.5; step > 1.0005; {
		better := false
		for _, change := range [][2]float64{{step, 1}, {1 / step, 1}, {1, step}, {1, 1 / step}} {
			m := n
			m.start, m.rate = n.start*change[0], n.rate*change[1]
			if l := loss(m); l < best {
				n, best, better = m, l, true
			}
		}
		if !better {
			step = math.Sqrt(step)
		}
	}
	return n
}

// off returns how far the model is off, in the mean (of logarithms) and at most.
func (n network) off(list []measured) (typical, most float64) {
	sum := 0.0
	for _, m := range list {
		d := math.Abs(math.Log(n.sum(m.leaves, m.ranks, m.bytes) / m.tree))
		sum += d
		most = math.Max(most, d)
	}
	return math.Exp(sum/float64(len(list))) - 1, math.Exp(most) - 1
}
