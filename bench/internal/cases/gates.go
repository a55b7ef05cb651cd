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

type (
	step     = kernels.Step[float32]
	stepGrad = kernels.StepGrad[float32]
)

var gateFamilies = []family{
	gates("LSTMGates", func(r source, b, h int) gateCase {
		hy, cy, g, cx := out(b*h), out(b*h), inout(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		s := &step{H: hy.Data, C: cy.Data, Gates: g.Data, CPrev: cx.Data, Batch: b, Ld: 4 * h}
		return gateCase{[]Array{hy, cy, g, cx}, func() { kernels.LSTMStep(s, h) }}
	}, func(r source, b, h int) gateCase {
		dg, dcx := out(4*b*h), out(b*h)
		dh, g, cx, cy := in(r.normal(b*h, 1)), in(r.normal(4*b*h, 1)), in(r.normal(b*h, 1)), in(make([]float32, b*h))
		s := &step{H: make([]float32, b*h), C: cy.Data, Gates: g.Data, CPrev: cx.Data, Batch: b, Ld: 4 * h}
		kernels.LSTMStep(s, h)
		d := &stepGrad{H: dh.Data, C: dh.Data, Gates: dg.Data, CPrev: dcx.Data}
		return gateCase{[]Array{dg, dcx, dh, g, cx, cy}, func() { kernels.LSTMStepBackward(d, s, h) }}
	}),
	gates("GRUGates", func(r source, b, h int) gateCase {
		hy, g, hx := out(b*h), inout(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		s := &step{H: hy.Data, Gates: g.Data, HPrev: hx.Data, Batch: b, Ld: 4 * h}
		return gateCase{[]Array{hy, g, hx}, func() { kernels.GRUStep(s, h) }}
	}, func(r source, b, h int) gateCase {
		dg, dhx := out(4*b*h), out(b*h)
		dh, g, hx := in(r.normal(b*h, 1)), in(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		s := &step{H: make([]float32, b*h), Gates: g.Data, HPrev: hx.Data, Batch: b, Ld: 4 * h}
		kernels.GRUStep(s, h)
		d := &stepGrad{H: dh.Data, Gates: dg.Data, HPrev: dhx.Data}
		return gateCase{[]Array{dg, dhx, dh, g, hx}, func() { kernels.GRUStepBackward(d, s, h) }}
	}),
	gates("GRUBeforeGates", func(r source, b, h int) gateCase {
		hy, g, hx := out(b*h), inout(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		s := &step{H: hy.Data, Gates: g.Data, HPrev: hx.Data, Batch: b, Ld: 4 * h}
		return gateCase{[]Array{hy, g, hx}, func() {
			kernels.GRUBeforeReset(s, h)
			kernels.GRUBeforeUpdate(s, h)
		}}
	}, func(r source, b, h int) gateCase {
		dg, dhx := out(4*b*h), out(b*h)
		dh, drh, g, hx := in(r.normal(b*h, 1)), in(r.normal(b*h, 1)), in(r.normal(4*b*h, 1)), in(r.normal(b*h, 1))
		s := &step{H: make([]float32, b*h), Gates: g.Data, HPrev: hx.Data, Batch: b, Ld: 4 * h}
		kernels.GRUBeforeReset(s, h)
		kernels.GRUBeforeUpdate(s, h)
		update := &stepGrad{H: dh.Data, Gates: dg.Data, HPrev: dhx.Data}
		reset := &stepGrad{H: drh.Data, Gates: dg.Data, HPrev: dhx.Data}
		return gateCase{[]Array{dg, dhx, dh, drh, g, hx}, func() {
			kernels.GRUBeforeUpdateBackward(update, s, h)
			kernels.GRUBeforeResetBackward(reset, s, h)
		}}
	}),
	gates("RNNGates", func(r source, b, h int) gateCase {
		hy, a := out(b*h), in(r.normal(b*h, 1))
		s := &step{H: hy.Data, Gates: a.Data, Act: kernels.RNNTanh, Batch: b, Ld: h}
		return gateCase{[]Array{hy, a}, func() { kernels.RNNStep(s, h) }}
	}, func(r source, b, h int) gateCase {
		da, dh, hy := out(b*h), in(r.normal(b*h, 1)), in(r.uniform(b*h, -1, 1))
		s, d := &step{H: hy.Data, Act: kernels.RNNTanh, Batch: b, Ld: h}, &stepGrad{H: dh.Data, Gates: da.Data}
		return gateCase{[]Array{da, dh, hy}, func() { kernels.RNNStepBackward(d, s, h) }}
	}),
}
