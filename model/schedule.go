package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/f64"
)

// The schedules of the learning rate, by the names used in configurations.
const (
	ScheduleConstant = "constant" // the rate stays; the same as no name
	ScheduleStep     = "step"     // torch.optim.lr_scheduler.StepLR
	ScheduleCosine   = "cosine"   // CosineAnnealingLR; Loshchilov and Hutter 2017, without restarts
	SchedulePlateau  = "plateau"  // ReduceLROnPlateau
)

var schedules = []string{ScheduleConstant, ScheduleStep, ScheduleCosine, SchedulePlateau}

// Schedule says how the learning rate changes during a training. With e epochs done, update u =
// 1, 2, .. of the training has the rate
//
//	lr = min(1, u/Warmup) s(e)
//
//	constant   s(e) = Rate
//	step       s(e) = Rate Gamma^floor(e/StepSize)
//	cosine     s(e) = MinRate + (Rate - MinRate) (1 + cos(π e/TMax))/2,   MinRate from e = TMax on
//	plateau    s(0) = Rate, which becomes max(Gamma s, MinRate) after more than Patience epochs in a row
//	           that are not better than the best one before them by Threshold of its size
//
// where Rate is that of [TrainConfig]. Names and definitions are those of torch.optim.lr_scheduler,
// stepped once an epoch. The warm-up is its LinearLR with 1/Warmup as the first factor, stepped once
// an update (Goyal et al. 2017). What a plateau looks at is the valid bound that chooses the best
// parameters, and it begins to when the KL weight has reached its end. Where the bound is negative,
// as densities can make it, PyTorch's relative threshold would take the same value for a better one;
// here it is a share of the absolute value.
type Schedule struct {
	Name   string `json:"name,omitempty"`   // one of the above; empty is constant
	Warmup int    `json:"warmup,omitempty"` // updates until the rate is that of the schedule; 0 and 1: none

	StepSize  int     `json:"step_size,omitempty"` // of step: epochs at one rate
	Gamma     float64 `json:"gamma,omitempty"`     // of step and plateau (factor in PyTorch): what the rate is multiplied by; 0 is 0.1
	TMax      int     `json:"t_max,omitempty"`     // of cosine: epochs until the rate is MinRate
	MinRate   float64 `json:"min_lr,omitempty"`    // of cosine (eta_min) and plateau
	Patience  int     `json:"patience,omitempty"`  // of plateau: epochs that may pass without a better bound; 0 is 10, NoPatience none
	Threshold float64 `json:"threshold,omitempty"` // of plateau; 0 is 1e-4
	Cooldown  int     `json:"cooldown,omitempty"`  // of plateau: epochs after a reduction that do not count
}

// NoPatience is the Patience of a plateau of whose rate the first epoch without a better bound takes.
const NoPatience = -1

func (s Schedule) name() string       { return cmp.Or(s.Name, ScheduleConstant) }
func (s Schedule) gamma() float64     { return cmp.Or(s.Gamma, 0.1) }
func (s Schedule) patience() int      { return max(cmp.Or(s.Patience, 10), 0) }
func (s Schedule) threshold() float64 { return cmp.Or(s.Threshold, 1e-4) }

// check reports what is out of range, and what the schedule has no use for.
func (s Schedule) check() error {
	if err := oneOf("schedule", s.name(), schedules); err != nil {
		return err
	}
	if s.Warmup < 0 || s.Warmup > 1<<30 {
		return fmt.Errorf("model: schedule: warmup = %d, want 0..%d", s.Warmup, 1<<30)
	}
	for _, v := range []struct {
		name        string
		got, lo, hi float64
		optional    bool   // 0 stands for something
		of          string // the schedules that it belongs to
	}{
		{"step_size", float64(s.StepSize), 1, 1 << 30, false, "step"},
		{"gamma", s.Gamma, 1e-9, 1 - 1e-9, true, "step plateau"},
		{"t_max", float64(s.TMax), 1, 1 << 30, false, "cosine"},
		{"min_lr", s.MinRate, 0, 1e3, true, "cosine plateau"},
		{"patience", float64(s.Patience), NoPatience, 1 << 30, true, "plateau"},
		{"threshold", s.Threshold, 0, 1, true, "plateau"},
		{"cooldown", float64(s.Cooldown), 0, 1 << 30, true, "plateau"},
	} {
		used := slices.Contains(strings.Fields(v.of), s.name())
		switch {
		case v.got == 0 && (v.optional || !used):
		case !used:
			return fmt.Errorf("model: schedule %s has no use for %s", s.name(), v.name)
		case !(v.got >= v.lo && v.got <= v.hi):
			return &placed{"schedule " + s.name(), outOfRange(v.name, v.got, v.lo, v.hi)}
		}
	}
	return nil
}

// suits reports a schedule that makes no sense beside the other settings.
func (s Schedule) suits(c TrainConfig) error {
	switch name := s.name(); {
	case s.MinRate > 0 && s.MinRate >= c.Rate:
		return fmt.Errorf("model: schedule %s: min_lr = %v is not below lr = %v", name, s.MinRate, c.Rate)
	case name == ScheduleCosine && s.MinRate == 0 && c.Epochs > s.TMax:
		return fmt.Errorf("model: schedule %s: the rate is 0 after t_max = %d epochs, which leaves nothing to do in %d epochs; it needs a larger t_max from the start, or a min_lr", name, s.TMax, c.Epochs)
	case name == SchedulePlateau && c.Patience > 0 && s.patience() >= c.Patience:
		return fmt.Errorf("model: schedule %s: patience = %d epochs, but training stops after %d without a better bound: want fewer", name, s.patience(), c.Patience)
	}
	return nil
}

// rate returns the learning rate of an update, counted from 1, when epochs epochs are done. p is
// the state of a plateau, nil for the other schedules.
func (s Schedule) rate(rate float64, epochs int, update uint32, p *plateau) float64 {
	switch s.Name {
	case ScheduleStep:
		rate *= f64.Pow(s.gamma(), uint64(epochs/s.StepSize))
	case ScheduleCosine:
		e := float64(min(epochs, s.TMax)) / float64(s.TMax)
		rate = s.MinRate + float64((rate-s.MinRate)*(1+f64.CosPi(e))/2)
	case SchedulePlateau:
		rate = p.Rate
	}
	if int64(update) < int64(s.Warmup) {
		rate *= float64(update) / float64(s.Warmup)
	}
	return rate
}

// plateau is what [SchedulePlateau] remembers.
type plateau struct {
	Rate     float64  `json:"lr"`
	Best     *float64 `json:"best,omitempty"`
	Bad      int      `json:"bad"` // epochs without a better bound
	Cooldown int      `json:"cooldown"`
}

// leastFall is the smallest change of the rate that is made (eps in PyTorch).
const leastFall = 1e-8

// see takes the bound of an epoch.
func (p *plateau) see(bound float64, s Schedule) {
	if p.Best == nil || bound < *p.Best-float64(s.threshold()*math.Abs(*p.Best)) {
		p.Best, p.Bad = &bound, 0
	} else {
		p.Bad++
	}
	if p.Cooldown > 0 {
		p.Cooldown, p.Bad = p.Cooldown-1, 0
	}
	if p.Bad <= s.patience() {
		return
	}
	if rate := math.Max(p.Rate*s.gamma(), s.MinRate); p.Rate-rate > leastFall {
		p.Rate = rate
	}
	p.Cooldown, p.Bad = s.Cooldown, 0
}

// check reports a state that cannot be that of a training at the given rate; it may come from a
// file.
func (p *plateau) check(rate float64) error {
	if p == nil || !(p.Rate >= 0 && p.Rate <= rate) || p.Bad < 0 || p.Cooldown < 0 {
		return errors.New("the state of schedule plateau is missing or out of range")
	}
	return nil
}
