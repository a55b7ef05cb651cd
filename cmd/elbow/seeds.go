package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/model"
)

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
