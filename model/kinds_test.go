package model

import (
	"slices"
	"testing"
)

// TestKinds: what the table says of a model before there is one is what the model does.
func TestKinds(t *testing.T) {
	for _, c := range testConfigs() {
		m := newModel[float32](t, c)
		k, err := KindOf(c.Model)
		if err != nil {
			t.Fatal(err)
		}
		_, alone := m.(*Classifier[float32])
		if (k.Latent != LatentNone) != (m.Settings().Latent > 0) || k.Carried != (m.State() > 0) ||
			(k.Latent == LatentSequence) != terms(m.NewPass(1)).perSequence || k.Supervised != (alone || m.Settings().given() < m.Settings().Given) {
			t.Errorf("%+v: the model is %+v, with %d columns of state", k, m.Settings(), m.State())
		}
	}
	if k, err := KindOf("gan"); err == nil {
		t.Errorf("an unknown model is %+v", k)
	}
}

// TestUnused: what a model ignores is named, and nothing that is a default or 0.
func TestUnused(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   []string
	}{
		{Config{Model: ModelVAE, Data: 4, Hidden: 3, Cell: "lstm", Layers: 1, Depth: 2}, []string{"cell", "layers"}},
		{Config{Model: ModelRNN, Data: 4, Hidden: 3, Latent: 2, Cell: "gru", Units: 3, Activation: "tanh"}, []string{"latent", "units", "activation"}},
		{Config{Model: ModelVRAE, Data: 4, Hidden: 3, Layers: 2, Reverse: true, Labels: []string{"a"}}, []string{"layers", "labels"}},
		{Config{Data: 4, Hidden: 3, Likelihood: GMM, Components: 2, DropoutInput: 0.5}, nil},
	} {
		got, err := c.config.Unused()
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: unused are %q, %v, want %q", c.config, got, err, c.want)
		}
	}
	if _, err := (Config{Model: "gan"}).Unused(); err == nil {
		t.Error("an unknown model is no error")
	}
}
