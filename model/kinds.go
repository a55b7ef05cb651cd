package model

import "github.com/elbow-go/elbow/cell"

// kind is one kind of model.
type kind[T cell.Float] struct {
	name string
	// resolve is [Config.Resolve] for it.
	resolve func(Config) (Config, error)
	// build returns a model of a resolved configuration with all parameters 0.
	build func(Config) Model[T]
	// landmarks is [Config.landmarks] for it.
	landmarks func(Config) []landmark
	// data, if not nil, reports what it cannot be trained on beside what its likelihood cannot.
	data func(Config, *Data) error
}

// kinds lists the models.
func kinds[T cell.Float]() []kind[T] {
	return []kind[T]{
		{name: ModelRNN, resolve: Config.resolveRNN, build: newVRNN[T], landmarks: Config.vrnnLandmarks},
		{name: ModelVRNN, resolve: Config.resolveVRNN, build: newVRNN[T], landmarks: Config.vrnnLandmarks},
		{name: ModelVRNNI, resolve: Config.resolveVRNNI, build: newVRNN[T], landmarks: Config.vrnnLandmarks},
		{name: ModelSTORN, resolve: Config.resolveVRNNI, build: newSTORN[T], landmarks: Config.stornLandmarks},
		{name: ModelVRAE, resolve: Config.resolveVRAE, build: newVRAE[T], landmarks: Config.vraeLandmarks},
		{name: ModelClassifier, resolve: Config.resolveClassifier, build: newClassifier[T], landmarks: Config.classifierLandmarks, data: Config.checkLabelsOf},
		{name: ModelVAE, resolve: Config.resolveVAE, build: newVAE[T], landmarks: Config.vaeLandmarks},
		{name: ModelRegression, resolve: Config.resolveRegression, build: newRegression[T], landmarks: Config.regressionLandmarks},
	}
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
