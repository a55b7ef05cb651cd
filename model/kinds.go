package model

import (
	"reflect"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Kind is what there is to know of a kind of model before there is one.
type Kind struct {
	Name   string // that of configurations
	Latent Latent
	// Carried says that a state is carried from step to step, so that sequences can be cut; its
	// layers of recurrent cells stand on top of each other.
	Carried bool
	// Supervised says that it learns some of the data from the rest. Which is which, labels or
	// dimensions, the data themselves do not say.
	Supervised bool
	Methods    []string // ways to learn from draws, see [Objective]; nil is the pathwise gradient alone
}

// Latent says what a model has a latent variable of.
type Latent uint8

const (
	LatentNone     Latent = iota
	LatentStep            // every step of a sequence
	LatentSequence        // a whole sequence, which is never cut
)

// kind is one kind of model.
type kind[T cell.Float] struct {
	Kind
	// resolve is [Config.Resolve] for it.
	resolve func(Config) (Config, error)
	// build returns a model of a resolved configuration whose slots are still empty.
	build func(Config) builder[T]
}

// kinds lists the models.
func kinds[T cell.Float]() []kind[T] {
	return []kind[T]{
		{Kind{Name: ModelRNN, Carried: true}, Config.resolveRNN, newVRNN[T]},
		{Kind{Name: ModelVRNN, Carried: true, Latent: LatentStep}, Config.resolveVRNN, newVRNN[T]},
		{Kind{Name: ModelVRNNI, Carried: true, Latent: LatentStep}, Config.resolveVRNNI, newVRNN[T]},
		{Kind{Name: ModelSTORN, Carried: true, Latent: LatentStep}, Config.resolveVRNNI, newSTORN[T]},
		{Kind{Name: ModelVRAE, Latent: LatentSequence}, Config.resolveVRAE, newVRAE[T]},
		{Kind{Name: ModelClassifier, Supervised: true}, Config.resolveClassifier, newClassifier[T]},
		{Kind{Name: ModelVAE, Latent: LatentStep, Methods: methods}, Config.resolveVAE, newVAE[T]},
		{Kind{Name: ModelRegression, Supervised: true}, Config.resolveRegression, newRegression[T]},
	}
}

// Kinds returns the kinds of models.
func Kinds() (ks []Kind) {
	for _, k := range kinds[float32]() {
		ks = append(ks, k.Kind)
	}
	return ks
}

// KindOf returns the kind of model with the given name, or an error that lists the names.
func KindOf(name string) (Kind, error) {
	k, err := kindOf[float32](name)
	return k.Kind, err
}

// Unused returns the settings that are not zero and that [Config.Resolve] would not keep, because
// the model has no use for them, by their names in a file. It reports what is not allowed.
func (c Config) Unused() ([]string, error) {
	r, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	var names []string
	was, is := reflect.ValueOf(c), reflect.ValueOf(r)
	for i := range was.NumField() {
		if f := was.Field(i); !f.IsZero() && !reflect.DeepEqual(f.Interface(), is.Field(i).Interface()) {
			name, _, _ := strings.Cut(was.Type().Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names, nil
}

// knows reports whether a model of the kind can learn by the method.
func (k Kind) knows(method string) bool {
	return method == "" || method == MethodPathwise || slices.Contains(k.Methods, method)
}

// builder is a model of this package.
type builder[T cell.Float] interface {
	Model[T]
	parts() *base[T]
	checkData(*Data) error // beyond the dimensions
}

// partsOf returns what a model has in common with others. A model of another package may have
// nothing but its configuration.
func partsOf[T cell.Float](m Model[T]) *base[T] {
	if b, ok := m.(builder[T]); ok {
		return b.parts()
	}
	return &base[T]{Config: m.Settings()}
}

// kindOf returns the kind of model with the given name.
func kindOf[T cell.Float](name string) (kind[T], error) {
	var names []string
	for _, k := range kinds[T]() {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return kind[T]{}, oneOf("model", name, names)
}
