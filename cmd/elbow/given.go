package main

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// under returns the sampling with the conditions that a user asks for. A table has as many steps as
// rows, unless steps are said.
func (s sampling) under(form model.Form, text string, stepsSaid bool) (sampling, error) {
	if text == "" {
		return s, usagef("say with -given what the model is given: %s", dataset.NameGiven(form))
	}
	rows, err := dataset.Given(form, text, 0, new(dataFlags).budget(nil))
	if err != nil {
		return s, err
	}
	width := form.GivenWidth()
	if n := len(rows) / width; n > 1 && !stepsSaid {
		s.steps = n
	}
	if _, steps := s.sizes(form); len(rows) == width {
		rows = slices.Repeat(rows, steps)
	} else if n := len(rows) / width; n < steps {
		return s, fmt.Errorf("-given %s: %d rows for %d steps", text, n, steps)
	} else {
		rows = rows[:steps*width]
	}
	s.given = rows
	return s, nil
}

// conditions returns those of count samples of so many steps: what is asked for or those of the data.
func (s sampling) conditions(width, count, steps int, data []model.Sequence) []float32 {
	if s.given != nil {
		return slices.Repeat(s.given, count)
	}
	return dataset.GivenOf(data, width, count, steps)
}

// toCome sets the conditions of the continuations: those that a user says, those of steps that are held
// back, or the class of the sequence, which stays.
func (c *continuing) toCome(form model.Form, past *model.Sequence, after []float32, dim int) error {
	width := form.GivenWidth()
	switch {
	case width == 0 && c.said != "":
		_, err := dataset.Given(form, c.said, c.Steps, nil)
		return err // that there are none
	case width == 0:
		return nil
	}
	rows, n := after, past.Steps(dim)
	switch {
	case c.said != "":
		var err error
		if rows, err = dataset.Given(form, c.said, c.Steps, c.data.budget(nil)); err != nil {
			return err
		}
	case after == nil && dataset.OfClass(form) && len(past.Given) > 0:
		rows = dataset.GivenFor(past.Given[(n-1)*width:], width, c.Steps)
	case after == nil:
		return usagef("say with -given what the model is given in the steps to come: %s", dataset.NameGiven(form))
	}
	if past.Given == nil { // of a prompt
		past.Given = dataset.GivenFor(rows, width, n)
	}
	for range c.Count {
		c.Given = append(c.Given, rows[:c.Steps*width]...)
	}
	return nil
}
