package music

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	write(t, path("train", "b.mid"), midiFile(0, 96, note+eot))
	write(t, path("train", "a.ABC"), "X:1\nL:1/4\nK:C\nD E\n\nX:2\nL:1/4\nK:C\nF")
	write(t, path("train", "README"), "left aside")
	write(t, path("valid", "c.midi"), midiFile(0, 96, note+eot))
	write(t, path("test", "d.abc"), "X:1\nL:1/4\nK:C\nG")
	got, err := Open(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := &Dataset{
		Name: dir, StepsPerQuarter: 1,
		Train: []Piece{{path("train", "a.ABC#1"), Roll{{62}, {64}}}, {path("train", "a.ABC#2"), Roll{{65}}}, {path("train", "b.mid"), Roll{{60}}}},
		Valid: []Piece{{path("valid", "c.midi"), Roll{{60}}}},
		Test:  []Piece{{path("test", "d.abc"), Roll{{67}}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}

	write(t, path("d.json"), goodJSON)
	if d, err := Open(path("d.json"), 1); err != nil || len(d.Train) != 2 {
		t.Errorf("JSON: %v, %v", d, err)
	}
	for _, c := range []struct {
		want string
		open func() error
	}{
		{"none", func() error { _, err := Open(path("none"), 1); return err }},
		{"want a .json file", func() error { _, err := Open(path("train", "b.mid"), 1); return err }},
		{"0 steps per quarter note", func() error { _, err := Open(dir, 0); return err }},
		{"65 steps per quarter", func() error { _, err := OpenPieces(path("train", "b.mid"), 65); return err }},
		{"README: want a file .abc", func() error { _, err := OpenPieces(path("train", "README"), 1); return err }},
		{"train", func() error { _, err := Open(path("train"), 1); return err }}, // has no folder train
		{"e.abc:3:1: ", func() error {
			write(t, path("test", "e.abc"), "X:1\nK:C\n?")
			_, err := Open(dir, 1)
			return err
		}},
		{"no .abc, .mid or .midi file", func() error {
			os.Remove(path("valid", "c.midi"))
			_, err := Open(dir, 1)
			return err
		}},
	} {
		if err := c.open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
