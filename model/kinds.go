package model

import "github.com/elbow-go/elbow/cell"

// kind is one kind of model.
type kind[T cell.Float] struct {
	name string
	// resolve is [Config.Resolve] for it.
	resolve func(Config) (Config, error)
	// build returns a model of a resolved configuration whose slots are still empty.
	build func(Config) builder[T]
}

// kinds lists the models.
func kinds[T cell.Float]() []kind[T] {
	return []kind[T]{
		{ModelRNN, Config.resolveRNN, newVRNN[T]},
		{ModelVRNN, Config.resolveVRNN, newVRNN[T]},
		{ModelVRNNI, Config.resolveVRNNI, newVRNN[T]},
		{ModelSTORN, Config.resolveVRNNI, newSTORN[T]},
		{ModelVRAE, Config.resolveVRAE, newVRAE[T]},
		{ModelClassifier, Config.resolveClassifier, newClassifier[T]},
		{ModelVAE, Config.resolveVAE, newVAE[T]},
		{ModelRegression, Config.resolveRegression, newRegression[T]},
	}
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
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind[T]{}, oneOf("model", name, names)
}
