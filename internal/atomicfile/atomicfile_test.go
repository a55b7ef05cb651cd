package atomicfile

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// names lists what lies in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return s
}

// wantOnly fails unless dir holds exactly the named files.
func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := names(t, dir); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	for _, s := range []string{"first", "", "a longer third text"} {
		if err := WriteFile(path, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, s)
		wantOnly(t, dir, "a.json")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o600 != 0o600 || mode&^0o644 != 0 {
		t.Errorf("mode %v, want 0644 less the umask", mode)
	}
}

func TestWriteFileInWorkingFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := WriteFile("plain", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, "plain")
}

// An error in the middle keeps the old file and leaves nothing beside it.
func TestWriteError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.jsonl")
	if err := WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the pen broke")
	err := Write(path, 0o644, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of the ne"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %q, want one that wraps %q and names %s", err, broken, path)
	}
	wantContent(t, path, "old")
	wantOnly(t, dir, "metrics.jsonl")
}

func TestWritePanic(t *testing.T) {
	dir := t.TempDir()
	func() {
		defer func() { recover() }()
		_ = Write(filepath.Join(dir, "f"), 0o644, func(io.Writer) error { panic("bug") })
	}()
	wantOnly(t, dir)
}

// The rename is the last thing that can fail; the new file is gone then, too.
func TestRenameError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, []byte("data"), 0o644)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s", err, path)
	}
	wantOnly(t, dir, "taken")
}

func TestNoFolder(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing", "f"), dir + string(filepath.Separator), ""} {
		err := WriteFile(path, []byte("data"), 0o644)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one that names %q", err, path)
		}
	}
	if err := WriteFile(filepath.Join(dir, "missing", "f"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	wantOnly(t, dir)
}

func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		f.Close()
		t.Skip("this user may write into a read-only folder")
	}
	err := WriteFile(path, []byte("new"), 0o644)
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want fs.ErrPermission with %s", err, path)
	}
	wantContent(t, path, "old")
	wantOnly(t, dir, "f")
}

// keeper is a [Keeper] that notes what it sees, and refuses the file "no" and, at the end,
// "late".
type keeper struct {
	seen []string
	sums map[string][sha256.Size]byte
}

func (k *keeper) note(what, path string) { k.seen = append(k.seen, what+" "+filepath.Base(path)) }

func (k *keeper) Begin(path, temp string) error {
	if _, err := os.Stat(temp); err == nil {
		return errors.New("the new file is there already")
	}
	k.note("begin", path)
	if filepath.Base(path) == "no" {
		return errors.New("not this one")
	}
	return nil
}

func (k *keeper) Commit(path, temp string, sum [sha256.Size]byte) error {
	if _, err := os.Stat(temp); err != nil {
		return err
	}
	k.note("commit", path)
	k.sums[filepath.Base(path)] = sum
	if filepath.Base(path) == "late" {
		return errors.New("not any more")
	}
	return nil
}

func (k *keeper) Done(path, _ string) { k.note("done", path) }

func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	k := &keeper{sums: map[string][sha256.Size]byte{}}
	release, err := Keep(dir, k)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Keep(filepath.Join(dir, "."), k); err == nil {
		t.Error("a folder got a second keeper")
	}
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, path := range []string{filepath.Join(dir, "a"), filepath.Join(sub, "b"), "c"} {
		if err := WriteFile(path, []byte("text of "+filepath.Base(path)), 0o644); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"no", "late"} {
		if err := WriteFile(filepath.Join(dir, name), nil, 0o644); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
	wantOnly(t, dir, "a", "c", "sub")
	want := "begin a, commit a, done a, begin b, commit b, done b, begin c, commit c, done c, begin no, begin late, commit late"
	if got := strings.Join(k.seen, ", "); got != want {
		t.Errorf("the keeper saw %q, want %q", got, want)
	}
	if k.sums["b"] != sha256.Sum256([]byte("text of b")) {
		t.Error("the keeper was given another sum than that of the content")
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "no"), nil, 0o644); err != nil {
		t.Errorf("outside of the folder: %v", err)
	}
	release()
	if err := WriteFile(filepath.Join(dir, "no"), nil, 0o644); err != nil {
		t.Errorf("after release: %v", err)
	}
}

// Whatever step fails, the old file stays, whole, and nothing lies beside it.
func TestFaults(t *testing.T) {
	defer func() { fault = nil }()
	for _, step := range []string{"create", "write", "sync", "close", "rename"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		fault = nil
		if err := WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		full := errors.New("no space left")
		fault = func(at string) error {
			if at == step {
				return full
			}
			return nil
		}
		if err := WriteFile(path, []byte("new"), 0o644); !errors.Is(err, full) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", step, err)
		}
		wantContent(t, path, "old")
		wantOnly(t, dir, "f")
	}
}

// TestAbandon runs in a process of its own, which ends in the middle of writing.
func TestAbandon(t *testing.T) {
	if dir := os.Getenv("ATOMICFILE_ABANDON"); dir != "" {
		_ = Write(filepath.Join(dir, "a"), 0o644, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
			Abandon()
			go WriteFile(filepath.Join(dir, "b"), nil, 0o644)
			time.Sleep(50 * time.Millisecond)
			os.Exit(7)
			return nil
		})
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	if err := WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestAbandon$")
	c.Env = append(os.Environ(), "ATOMICFILE_ABANDON="+dir)
	out, err := c.CombinedOutput()
	if code := c.ProcessState.ExitCode(); code != 7 {
		t.Fatalf("exit code %d, want 7: %v: %s", code, err, out)
	}
	wantContent(t, filepath.Join(dir, "a"), "old")
	wantOnly(t, dir, "a")
}
