package model

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/elbow-go/elbow/cell"
)

// Every pass begins with a look at the layers: whoever writes to parameters and forgets to pack
// them would get the results of the old ones, or of both. See [cell.Recurrent.Packed].

// packedLayer is a layer that knows whether it is packed.
type packedLayer interface{ Packed(training bool) error }

// packed returns the error of a layer with its name.
func packed(name string, l packedLayer, training bool) error {
	if err := l.Packed(training); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

var errZero = errors.New("the model is a zero value, want one from New or Load")

// checkPacked panics with the error of a model's packed.
func checkPacked(fn string, err error) {
	if err != nil {
		panic("model: " + fn + ": " + err.Error())
	}
}

// packedNet is packed for a net that may be nil.
func packedNet[T cell.Float](name string, n *cell.MLP[T], training bool) error {
	if n == nil {
		return nil
	}
	return packed(name, n, training)
}

// Packed is that of a layer; there is no copy, but the rule is the same for all parameters.
func (v *vector[T]) Packed(bool) error {
	if len(v.packed) != len(v.v) {
		return errors.New("the layer is not packed: call Pack or PackForTraining")
	}
	for i, x := range v.v {
		if y := v.packed[i]; x != y && (x == x || y == y) {
			return errors.New("h was written to since the layer was packed: call Pack after writing parameters")
		}
	}
	return nil
}

func (m *VRNN[T]) packed(training bool) error {
	if m.stack == nil {
		return errZero
	}
	return cmp.Or(packedNet("phi_x", m.phiX, training), packedNet("phi_z", m.phiZ, training), packedNet("prior", m.prior, training),
		packedNet("posterior", m.posterior, training), packedNet("decoder", m.decoder, training), packed("cell", m.stack, training))
}

func (m *STORN[T]) packed(training bool) error {
	if m.generator == nil {
		return errZero
	}
	return cmp.Or(packedNet("phi_r", m.phiR, training), packedNet("phi_x", m.phiX, training), packedNet("phi_z", m.phiZ, training),
		packedNet("posterior", m.posterior, training), packedNet("decoder", m.decoder, training),
		packed("recognition", m.recognition, training), packed("cell", m.generator, training))
}

func (m *VRAE[T]) packed(training bool) error {
	if m.encoder == nil {
		return errZero
	}
	return cmp.Or(packed("encoder", m.encoder, training), packed("latent", m.head, training), packed("start", m.start, training),
		packed("decoder", m.decoder, training), packed("output", m.output, training))
}

func (m *Classifier[T]) packed(training bool) error {
	if m.head == nil {
		return errZero
	}
	return cmp.Or(packed("cell", m.cell, training), packed("start", m.start, training), packed("head", m.head, training))
}

func (m *VAE[T]) packed(training bool) error {
	if m.encoder == nil {
		return errZero
	}
	return cmp.Or(packedNet("encoder", m.encoder, training), packedNet("decoder", m.decoder, training))
}

func (m *Regression[T]) packed(training bool) error {
	if m.net == nil {
		return errZero
	}
	return packedNet("net", m.net, training)
}
