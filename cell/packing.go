package cell

import (
	"errors"
	"fmt"

	"github.com/elbow-go/elbow/asm"
)

// packing is what has to be the same when a packed copy is used as when it was made.
type packing struct {
	ready    bool
	training bool // it has what the backward pass needs
	isa      asm.ISA
	sizes    layerSizes
}

// layerSizes are the exported sizes of a layer; kind is that of a Recurrent, the activation of a
// Dense.
type layerSizes struct{ kind, in, out int }

// set remembers how a layer was packed.
func (p *packing) set(training bool, sizes layerSizes) {
	*p = packing{true, training, asm.Active(), sizes}
}

// fits reports whether the layer is packed for what it is about to do.
func (p *packing) fits(training bool, sizes layerSizes) bool {
	return p.ready && p.isa == asm.Active() && (p.training || !training) && p.sizes == sizes
}

// err returns why a layer that does not fit does not, or nil.
func (p *packing) err(training bool, sizes layerSizes) error {
	switch {
	case p.fits(training, sizes):
		return nil
	case !p.ready:
		return errors.New("the layer is not packed: call Pack or PackForTraining after its parameters were written")
	case training && !p.training:
		return errors.New("the layer is packed for inference only: call PackForTraining")
	case p.isa != asm.Active():
		return fmt.Errorf("the layer is packed for isa = %v, want %v: call Pack or PackForTraining again after asm.Use", p.isa, asm.Active())
	}
	return fmt.Errorf("kind, inputs and outputs of the layer are %v, but %v when it was packed: make a new one", sizes, p.sizes)
}
