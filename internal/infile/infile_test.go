package infile

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path, 5); err != nil || string(got) != "12345" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, c := range []struct {
		path, want string
		limit      int64
	}{{path, "limit of 4", 4}, {filepath.Dir(path), "not a regular file", 5}, {path + "x", "no such file", 5}} {
		if _, err := Read(c.path, c.limit); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v, want %q and the path", c.path, err, c.want)
		}
	}
	if got, err := Head(path, 3); err != nil || string(got) != "123" {
		t.Errorf("Head: %q, %v", got, err)
	}
}

func TestGunzip(t *testing.T) {
	text := bytes.Repeat([]byte("abc"), 20000)
	z := zipped(t, text)
	if got, err := Gunzip("p", z, int64(len(text))); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, err := Gunzip("p", text, 1); err != nil || !bytes.Equal(got, text) {
		t.Errorf("not gzipped: %d bytes, %v", len(got), err)
	}
	bad := bytes.Clone(z)
	bad[len(bad)-6] ^= 1 // the checksum
	for _, c := range []struct {
		data  []byte
		limit int64
		want  string
	}{{z, 59999, "limit of 59999"}, {z[:5], 1 << 20, "p: "}, {z[:len(z)-20], 1 << 20, "p: gzip"}, {bad, 1 << 20, "checksum"}} {
		if _, err := Gunzip("p", c.data, c.limit); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "f.gz")
	if err := os.WriteFile(path, z, 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Head(path, 4); err != nil || string(got) != "abca" {
		t.Errorf("Head: %q, %v", got, err)
	}
}
