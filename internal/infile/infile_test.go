package infile

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBudgetRead(t *testing.T) {
	text := []byte(strings.Repeat("elbow ", 1000))
	for name, data := range map[string][]byte{"plain": text, "packed": zipped(t, text)} {
		path := write(t, name, data)
		b := &Budget{Max: 10000}
		got, err := b.Read(path)
		if err != nil || string(got) != string(text) || b.Left() != 10000-int64(len(text)) {
			t.Errorf("%s: %d bytes, %v, %d left", name, len(got), err, b.Left())
		}
		// The budget is one for all files.
		if _, err := b.Read(path); err == nil || !strings.Contains(err.Error(), "-max-data") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: read twice: %v", name, err)
		}
		if head, err := b.Head(path, 5); err != nil || string(head) != "elbow" {
			t.Errorf("%s: head %q, %v", name, head, err)
		}
	}
	b := new(Budget)
	if got, err := b.Read(write(t, "empty", nil)); err != nil || len(got) != 0 {
		t.Errorf("empty: %q, %v", got, err)
	}
	if _, err := b.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a folder") {
		t.Errorf("folder: %v", err)
	}
	if _, err := b.Read(os.DevNull); err == nil || !strings.Contains(err.Error(), "neither a file nor a pipe") {
		t.Errorf("device: %v", err)
	}
	cut := zipped(t, text)
	if _, err := b.Read(write(t, "cut.gz", cut[:len(cut)-6])); err == nil || !strings.Contains(err.Error(), "gzip, after") {
		t.Errorf("cut: %v", err)
	}
}

// A small file can unpack to any size: what a stream gives is bounded too.
func TestBudgetStream(t *testing.T) {
	b := &Budget{Max: 1 << 20}
	f, err := b.Open(write(t, "bomb.gz", zipped(t, make([]byte, 1<<22))))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := io.Copy(io.Discard, f); err == nil || !strings.Contains(err.Error(), "-max-data") {
		t.Errorf("%d bytes, %v", n, err)
	}
	f, err = b.Open(write(t, "f", []byte("abc")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		if got, err := io.ReadAll(f); err != nil || string(got) != "abc" {
			t.Errorf("%q, %v", got, err)
		}
		if err := f.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
}

// What comes through a pipe can be read again, and counts.
func TestBudgetPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Skip(err)
	}
	defer r.Close()
	path := "/dev/fd/" + strconv.FormatUint(uint64(r.Fd()), 10)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no " + path)
	}
	go func() { w.Write([]byte("from a pipe")); w.Close() }()
	b := &Budget{Max: 100}
	for range 2 {
		if head, err := b.Head(path, 4); err != nil || string(head) != "from" {
			t.Fatalf("%q, %v", head, err)
		}
	}
	if got, err := b.Read(path); err != nil || string(got) != "from a pipe" || b.Left() != 100-22 {
		t.Errorf("%q, %v, %d left", got, err, b.Left())
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return int64(b.TotalAlloc - a.TotalAlloc)
}

// TestBudgetMemory: whatever a packed file claims to unpack to, reading it takes little more
// memory than what it unpacks to, and much less than that where it is refused.
func TestBudgetMemory(t *testing.T) {
	const size, slack = 4 << 20, 1 << 19
	zeros := zipped(t, make([]byte, size))
	noise := make([]byte, size/8)
	rand.NewChaCha8([32]byte{}).Read(noise)
	plain := zipped(t, noise)
	for name, c := range map[string]struct {
		raw  []byte
		size int
		most int64
	}{
		"noise":                {plain, len(noise), int64(len(noise)) + slack},
		"zeros":                {zeros, size, size + slack},
		"zeros and noise":      {slices.Concat(zeros, plain), size + len(noise), int64(size+2*len(noise)) + slack},
		"noise and zeros":      {slices.Concat(plain, zeros), size + len(noise), int64(2*size+len(noise)) + slack},
		"the claim of nothing": {slices.Concat(plain, zipped(t, nil)), len(noise), 2*int64(len(noise)) + slack},
	} {
		path := write(t, "a.gz", c.raw)
		n := allocated(func() {
			b := new(Budget)
			got, err := b.Read(path)
			if err != nil || len(got) != c.size || b.Limit()-b.Left() != int64(c.size) {
				t.Errorf("%s: %d bytes, want %d, %v, %d held", name, len(got), c.size, err, b.Limit()-b.Left())
			}
		})
		if n > c.most {
			t.Errorf("%s: %d bytes for %d", name, n, c.size)
		}
		n = allocated(func() {
			if _, err := (&Budget{Max: int64(c.size) - 1}).Read(path); err == nil || !strings.Contains(err.Error(), "-max-data") {
				t.Errorf("%s: %v", name, err)
			}
		})
		if n > c.most {
			t.Errorf("%s: %d bytes to refuse %d", name, n, c.size)
		}
	}
}

// TestFalseClaim: what a packed file claims to unpack to is not allocated.
func TestFalseClaim(t *testing.T) {
	raw := zipped(t, []byte("text"))
	copy(raw[len(raw)-4:], []byte{255, 255, 255, 127})
	path := write(t, "a.gz", raw)
	n := allocated(func() {
		if _, err := new(Budget).Read(path); err == nil || !strings.Contains(err.Error(), "gzip, after") {
			t.Error(err)
		}
	})
	if n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
}

// TestLimitError: who leaves out what cannot be read can tell that there is no room.
func TestLimitError(t *testing.T) {
	_, err := (&Budget{Max: 3}).Read(write(t, "a", []byte("text")))
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != 3 {
		t.Errorf("%v", err)
	}
}

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

// TestReadLarge: a large file, which is mapped, has the content of a read one, also after Release.
func TestReadLarge(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), mapFrom/8)
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, want, 0o666); err != nil {
		t.Fatal(err)
	}
	b := &Budget{Max: int64(len(want)) + 5}
	got, err := b.Read(path)
	if err != nil || !bytes.Equal(got, want) || b.Left() != 5 {
		t.Fatalf("%d bytes, %v, %d left", len(got), err, b.Left())
	}
	if err := Release(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("after Release other bytes, %v", err)
	}
	var limit *LimitError
	if _, err := b.Read(path); !errors.As(err, &limit) {
		t.Errorf("beyond the limit: %v", err)
	}
}
