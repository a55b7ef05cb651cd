package model

import (
	"context"
	"runtime/pprof"
)

// The phases of a training: what its goroutines spend time on, as profiles tell them apart by the label
// phase.
const (
	phaseBatch    = "batch"
	phaseForward  = "forward"
	phaseBackward = "backward"
	phaseUpdate   = "update"
	phaseValid    = "valid"
)

// phases are contexts with the label of each phase; nil labels nothing.
type phases map[string]context.Context

func newPhases(ctx context.Context) phases {
	p := phases{}
	for _, name := range []string{phaseBatch, phaseForward, phaseBackward, phaseUpdate, phaseValid} {
		p[name] = pprof.WithLabels(ctx, pprof.Labels("phase", name))
	}
	return p
}

// begin labels this goroutine, and those it starts from now on. It allocates nothing.
func (p phases) begin(name string) {
	if ctx := p[name]; ctx != nil {
		pprof.SetGoroutineLabels(ctx)
	}
}
