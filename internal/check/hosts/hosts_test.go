//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeepalive: the settings that are tried out here are those that README.md names and deploy uses.
func TestKeepalive(t *testing.T) {
	for _, name := range []string{"README.md", "deploy/train.sh"} {
		text, err := os.ReadFile(filepath.Join("../../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(keepalive, " "); !strings.Contains(string(text), want) {
			t.Errorf("%s does not say %s", name, want)
		}
	}
}

// TestHash: a checkpoint is compared without its header, and all else counts.
func TestHash(t *testing.T) {
	c := &check{dir: t.TempDir()}
	hash := func(header, checkpoint, best string) string {
		for name, text := range map[string]string{"checkpoint.safetensors": string(rune(len(header))) + "\x00\x00\x00\x00\x00\x00\x00" + header + checkpoint, "best.safetensors": best} {
			if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		h, err := c.hash("")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := hash("1 s", "x", "y")
	if got := hash("22 s", "x", "y"); got != want {
		t.Error("the header counts")
	}
	if hash("1 s", "X", "y") == want || hash("1 s", "x", "Y") == want {
		t.Error("what is trained does not count")
	}
}
