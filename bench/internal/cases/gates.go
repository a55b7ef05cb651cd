package cases

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// A gateCase has the arrays of a step behind its matrix product, and the call.
type gateCase struct {
	arrays []Array
	run    func()
}

// gates makes the two directions of a step. An element is one unit with all its gates. The
// gradient gets the gates as the step has left them.
func gates(name string, forward, back func(r source, b, h int) gateCase) family {
	type direction struct {
		name string
		f    func(r source, b, h int) gateCase
	}
	type dirShape struct {
		direction
		b, h int
	}
	var list []dirShape
	for _, s := range [][2]int{{32, 256}, {1, 64}, {32, 1024}} {
		for _, d := range []direction{{"forward", forward}, {"backward", back}} {
			list = append(list, dirShape{d, s[0], s[1]})
		}
	}
	return family{name, each(list, func(s dirShape) *Case {
		g := s.f(numbers(), s.b, s.h)
		return &Case{Keys: fmt.Sprintf("dir=%s/B=%d/H=%d", s.name, s.b, s.h), Dims: []int{s.b, s.h}, Elems: s.b * s.h,
			Arrays: g.arrays, Run: g.run}
	})}
}

var gateFamilies = []family{
	gates("LSTMGates", func(r source, b, h int) gateCase {
		hy, cy, g, cx := out(b*h), out(b*h), inout(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		return gateCase{[]Array{hy, cy, g, cx}, func() { kernels.LSTMStep(hy.Data, cy.Data, g.Data, cx.Data, nil, b, h, 4*h) }}
	}, func(r source, b, h int) gateCase {
		dg, dcx := out(4*b*h), out(b*h)
		dh, g, cx, cy := in(r.normal(b*h, 1)), in(r.normal(4*b*h, 1)), in(r.normal(b*h, 1)), in(make([]float32, b*h))
		kernels.LSTMStep(make([]float32, b*h), cy.Data, g.Data, cx.Data, nil, b, h, 4*h)
		return gateCase{[]Array{dg, dcx, dh, g, cx, cy}, func() {
			kernels.LSTMStepBackward(dg.Data, dcx.Data, dh.Data, dh.Data, g.Data, cx.Data, cy.Data, nil, b, h, 4*h)
		}}
	}),
	gates("GRUGates", func(r source, b, h int) gateCase {
		hy, g, hn, hx := out(b*h), inout(r.normal(3*b*h, 1)), in(r.normal(b*h, 1)), in(r.normal(b*h, 1))
		return gateCase{[]Array{hy, g, hn, hx}, func() { kernels.GRUStep(hy.Data, g.Data, hn.Data, hx.Data, b, h, 3*h, h) }}
	}, func(r source, b, h int) gateCase {
		dg, dhn, dhx := out(3*b*h), out(b*h), out(b*h)
		dh, g, hn, hx := in(r.normal(b*h, 1)), in(r.normal(3*b*h, 1)), in(r.normal(b*h, 1)), in(r.normal(b*h, 1))
		kernels.GRUStep(make([]float32, b*h), g.Data, hn.Data, hx.Data, b, h, 3*h, h)
		return gateCase{[]Array{dg, dhn, dhx, dh, g, hn, hx}, func() {
			kernels.GRUStepBackward(dg.Data, dhn.Data, dhx.Data, dh.Data, g.Data, hn.Data, hx.Data, b, h, 3*h, h)
		}}
	}),
	gates("GRUBeforeGates", func(r source, b, h int) gateCase {
		hy, rh, g, hx := out(b*h), out(b*h), inout(r.normal(3*b*h, 1)), in(r.normal(b*h, 1))
		return gateCase{[]Array{hy, rh, g, hx}, func() {
			kernels.GRUBeforeReset(rh.Data, g.Data, hx.Data, b, h, 3*h, h)
			kernels.GRUBeforeUpdate(hy.Data, g.Data, hx.Data, b, h, 3*h)
		}}
	}, func(r source, b, h int) gateCase {
		dg, dhx := out(3*b*h), out(b*h)
		dh, drh, g, hx := in(r.normal(b*h, 1)), in(r.normal(b*h, 1)), in(r.normal(3*b*h, 1)), in(r.normal(b*h, 1))
		kernels.GRUBeforeReset(make([]float32, b*h), g.Data, hx.Data, b, h, 3*h, h)
		kernels.GRUBeforeUpdate(make([]float32, b*h), g.Data, hx.Data, b, h, 3*h)
		return gateCase{[]Array{dg, dhx, dh, drh, g, hx}, func() {
			kernels.GRUBeforeUpdateBackward(dg.Data, dhx.Data, dh.Data, g.Data, hx.Data, b, h, 3*h)
			kernels.GRUBeforeResetBackward(dg.Data, dhx.Data, drh.Data, g.Data, hx.Data, b, h, 3*h, h)
		}}
	}),
	gates("RNNGates", func(r source, b, h int) gateCase {
		hy, a := out(b*h), in(r.normal(b*h, 1))
		return gateCase{[]Array{hy, a}, func() { kernels.RNNStep(hy.Data, a.Data, b, h, h, kernels.RNNTanh) }}
	}, func(r source, b, h int) gateCase {
		da, dh, hy := out(b*h), in(r.normal(b*h, 1)), in(r.uniform(b*h, -1, 1))
		return gateCase{[]Array{da, dh, hy}, func() { kernels.RNNStepBackward(da.Data, dh.Data, hy.Data, b, h, h, kernels.RNNTanh) }}
	}),
}
