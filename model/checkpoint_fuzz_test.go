package model

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCheckpoint loads any bytes: a model, or an error that names the file.
func FuzzCheckpoint(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, BestFile)
	for _, c := range []Config{{Model: ModelRNN, Data: 2, Hidden: 2}, {Model: ModelVRNN, Data: 2, Hidden: 2}, {Model: ModelVAE, Data: 2, Hidden: 2, Latent: 1}} {
		m, err := New[float32](c)
		if err != nil {
			f.Fatal(err)
		}
		if err := Save(path, m, &Data{Name: "d", Dim: 2, Form: Form{Kind: FormSeries}}); err != nil {
			f.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Skip(err)
		}
		m, _, err := Load(path)
		if err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%v: does not name %s", err, path)
		}
		if err == nil && m.Settings().Data < 1 {
			t.Errorf("%+v", m.Settings())
		}
	})
}
