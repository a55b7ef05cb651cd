package rundir

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/internal/atomicfile"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func closed(t *testing.T, d *Dir) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// put makes a file as the program does.
func put(t *testing.T, d *Dir, name, text string) {
	t.Helper()
	if err := atomicfile.WriteFile(d.Path(name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// users makes a file as anybody does.
func users(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, path, text string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s: %q, %v, want %q", path, got, err, text)
	}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want one with %q", err, w)
		}
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, e := range entries {
		s = append(s, e.Name())
	}
	return strings.Join(s, " ")
}

// What the program made it may replace and delete, in this run and in later ones.
func TestOwnFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	d := open(t, dir)
	if d.Listed() || d.Owns("a") {
		t.Error("an empty folder has a manifest or a file")
	}
	put(t, d, "a", "one")
	put(t, d, "a", "two")
	put(t, d, "b", "")
	if err := os.Mkdir(d.Path("walk"), 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, d, "walk/c", "x")
	closed(t, d)
	if got := names(t, dir); got != "a b elbow.sha256 walk" {
		t.Errorf("the folder holds %s", got)
	}
	if path, err := exec.LookPath("sha256sum"); err == nil {
		c := exec.Command(path, "-c", "--strict", Manifest)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil || strings.Count(string(out), "OK") != 3 {
			t.Errorf("sha256sum -c: %v: %s", err, out)
		}
	}

	d = open(t, dir)
	if !d.Listed() || !d.Owns("a") || !d.Owns("walk/c") || d.Owns("none") {
		t.Error("what was made is not known again")
	}
	put(t, d, "a", "three")
	if err := d.Remove("b", "none"); err != nil {
		t.Error(err)
	}
	users(t, d.Path("mine"), "keep")
	if err := d.Clear(); err != nil {
		t.Error(err)
	}
	closed(t, d)
	if got := names(t, dir); got != "mine walk" { // the manifest lists nothing any more
		t.Errorf("after Clear the folder holds %s", got)
	}
}

// A folder in which nothing is made stays as it was, or is gone if it was made for it.
func TestNothingMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	d := open(t, dir)
	if err := d.Reserve("a"); err != nil {
		t.Error(err)
	}
	closed(t, d)
	if _, err := os.Stat(dir); err == nil {
		t.Error("an empty folder stayed")
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	closed(t, open(t, dir))
	if got := names(t, dir); got != "" {
		t.Errorf("the folder holds %s", got)
	}
}

// Files of the user's are never replaced or deleted, wherever they come from.
func TestUsersFiles(t *testing.T) {
	dir := t.TempDir()
	users(t, filepath.Join(dir, "notes"), "mine")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	for _, name := range []string{"edited", "replaced", "linked", "same"} {
		put(t, d, name, "made of "+name)
	}
	closed(t, d)
	users(t, d.Path("edited"), "made by hand")
	users(t, d.Path("other"), "other")
	for _, name := range []string{"replaced", "linked"} {
		if err := os.Remove(d.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(d.Path("replaced"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(d.Path("other"), d.Path("linked")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}

	d = open(t, dir)
	for name, why := range map[string]string{"notes": "not made here", "edited": "has changed", "replaced": "in the way", "linked": "in the way", "folder": "in the way"} {
		err := d.Reserve("new", name)
		wantError(t, err, d.Path(name), why, "-out")
		wantError(t, d.Remove(name), d.Path(name))
		err = atomicfile.Write(d.Path(name), 0o666, func(io.Writer) error { t.Errorf("%s: writing has begun", name); return nil })
		wantError(t, err, d.Path(name), why)
		if d.Owns(name) {
			t.Errorf("%s is taken for its own", name)
		}
	}
	// One that comes while the program is at work is seen as well.
	err := atomicfile.Write(d.Path("race"), 0o666, func(w io.Writer) error {
		users(t, d.Path("race"), "first")
		return nil
	})
	wantError(t, err, "not made here")
	put(t, d, "same", "new")
	users(t, d.Path("same"), "mine")
	wantError(t, atomicfile.WriteFile(d.Path("same"), nil, 0o666), "has changed")
	if err := d.Clear(); err != nil {
		t.Error(err)
	}
	closed(t, d)
	for name, text := range map[string]string{"notes": "mine", "edited": "made by hand", "other": "other", "race": "first", "same": "mine"} {
		want(t, filepath.Join(dir, name), text)
	}
	if got := names(t, dir); !strings.Contains(got, "folder") || !strings.Contains(got, "replaced") || runtime.GOOS != "windows" && !strings.Contains(got, "linked") {
		t.Errorf("the folder holds %s", got)
	}
}

// A folder that was copied or moved is still known: contents count, not times.
func TestCopiedFolder(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	d := open(t, from)
	put(t, d, "a", "x")
	closed(t, d)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	d = open(t, to)
	put(t, d, "a", "y")
	closed(t, d)
}

func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	users(t, filepath.Join(dir, "a"), "old version")
	d := open(t, dir)
	if err := d.Adopt("a"); err != nil || !d.Owns("a") {
		t.Errorf("%v, owned %t", err, d.Owns("a"))
	}
	if err := d.Adopt("none"); err == nil {
		t.Error("adopted a file that is not there")
	}
	put(t, d, "a", "new")
	closed(t, d)
}

// Whatever the list says after a crash of the machine, files that are not in it are safe.
func TestDamagedManifest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Manifest)
	d := open(t, dir)
	put(t, d, "a", "x")
	put(t, d, "b", "y")
	closed(t, d)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 5 {
		users(t, path, string(whole[:cut]))
		d := open(t, dir)
		if err := d.Reserve("a"); err != nil {
			wantError(t, err, "not made here")
		} else if cut < len(manifestHead)+64+3 {
			t.Errorf("cut at %d: a file is owned that is not listed", cut)
		}
		put(t, d, "c", "new")
		d.release()
		d.lock.release() // and no Close, as if killed
		if err := d.list.file.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, dir)
		if !d.Owns("c") {
			t.Errorf("cut at %d: what was added after it is not read", cut)
		}
		if err := d.Remove("c"); err != nil {
			t.Fatal(err)
		}
		closed(t, d)
	}
	for _, text := range []string{"mine\n", strings.Repeat("0", 64) + "  a\n", "# a list of mine\n"} {
		users(t, path, text)
		_, err := Open(dir)
		wantError(t, err, path, "no list of this program")
		want(t, path, text)
	}
	if got := names(t, dir); got != "a b elbow.sha256" {
		t.Errorf("the folder holds %s", got)
	}
}

// Names in a list that lead out of the folder are passed over.
func TestHostileManifest(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "run")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(base, ".victim.tmp")
	users(t, out, "")
	users(t, filepath.Join(dir, "plain"), "")
	empty := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	users(t, filepath.Join(dir, Manifest), manifestHead+temporaryMark+"../.victim.tmp\n"+temporaryMark+"plain\n"+temporaryMark+out+"\n"+
		empty+"  ../.victim.tmp\n"+empty+"  "+out+"\n"+empty+" *x\nnonsense\n"+strings.Repeat("z", 64)+"  plain\n")
	d := open(t, dir)
	if err := d.Clear(); err != nil {
		t.Error(err)
	}
	put(t, d, "a", "")
	closed(t, d)
	want(t, out, "")
	want(t, filepath.Join(dir, "plain"), "")
}

// The list stays short in a run of many files.
func TestLongRun(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	defer closed(t, d)
	for i := range 3 * maxLines {
		temp := fmt.Sprintf("%s.a.%d.tmp", dir+string(filepath.Separator), i)
		if err := d.Begin(d.Path("a"), temp); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(d.Path("a"), temp, [32]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		d.Done(d.Path("a"), temp)
	}
	if info, err := os.Stat(d.Path(Manifest)); err != nil || info.Size() > 2<<20 || d.list.lines > maxLines+2 {
		t.Errorf("%d bytes, %d lines, %v", info.Size(), d.list.lines, err)
	}
}

func TestInside(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	if err := os.MkdirAll(filepath.Join(run, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	users(t, filepath.Join(run, "x.csv"), "")
	users(t, filepath.Join(dir, "y.csv"), "")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(run, link); err != nil {
		t.Skip(err)
	}
	t.Chdir(run)
	for path, inside := range map[string]bool{
		filepath.Join(run, "x.csv"): true, filepath.Join(run, "none"): true, run: true, filepath.Join(run, "sub"): true, "x.csv": true, ".": true,
		filepath.Join(link, "x.csv"): true, filepath.Join(dir, "y.csv"): false, dir: false, filepath.Join(run, "..", "y.csv"): false,
		run + "2": false,
	} {
		for _, d := range []string{run, link, "."} {
			if got := Inside(path, d); got != inside {
				t.Errorf("Inside(%s, %s) = %t", path, d, got)
			}
		}
	}
	if Inside(run, filepath.Join(dir, "none")) {
		t.Error("something lies in a folder that does not exist")
	}
}

// child, in a process of its own, opens a folder and waits.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RUNDIR_CHILD"); dir != "" {
		d, err := Open(dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		_ = atomicfile.WriteFile(d.Path("done"), nil, 0o666)
		_ = atomicfile.Write(d.Path("part"), 0o666, func(w io.Writer) error {
			fmt.Println("ready")
			time.Sleep(time.Minute)
			return nil
		})
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// start has another process open the folder.
func start(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "RUNDIR_CHILD="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := out.Read(b); err != nil || !bytes.HasPrefix(b[:n], []byte("ready")) {
		t.Fatalf("the other process: %v: %s", err, b[:n])
	}
	return c
}

// Two processes do not share a folder; one that was killed leaves nothing that blocks or stays.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	other := start(t, dir)
	_, err := Open(dir)
	wantError(t, err, dir, fmt.Sprintf("process %d is at work", other.Process.Pid), "-out")
	users(t, filepath.Join(dir, ".part.123.tmp"), "mine") // not one of those listed
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if got := names(t, dir); strings.Count(got, ".part.") != 2 {
		t.Fatalf("the killed process left %s", got)
	}
	d := open(t, dir)
	if got := names(t, dir); got != ".elbow.lock .part.123.tmp done elbow.sha256" {
		t.Errorf("the folder holds %s", got)
	}
	_, err = Open(dir)
	wantError(t, err, "is at work")
	if !d.Owns("done") {
		t.Error("a file of the killed process is not known")
	}
	closed(t, d)
	closed(t, open(t, dir))
	if got := names(t, dir); got != ".part.123.tmp done elbow.sha256" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestLockInTheWay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, lockFile)
	users(t, path, "mine")
	_, err := Open(dir)
	wantError(t, err, path, "not made here")
	want(t, path, "mine")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wantError(t, err, path, "in the way")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// What a full disk leaves of a lock is no obstacle.
	for _, text := range []string{"", "elb", "elbow 12", "elbow 12 345", "elbow 12 345\n"} {
		users(t, path, text)
		closed(t, open(t, dir))
		if got := names(t, dir); got != "" {
			t.Errorf("%q: the folder holds %s", text, got)
		}
	}
}

// Where the system has no locks, the time of the file is one.
func TestBeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), lockFile)
	lockAs := func() (*lock, error) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		l := &lock{file: f}
		if err := l.take(errUnsupported); err != nil {
			f.Close()
			return nil, err
		}
		return l, nil
	}
	first, err := lockAs()
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockAs()
	wantError(t, err, "is at work", "killed")
	first.release()
	second, err := lockAs()
	if err != nil {
		t.Fatal(err)
	}
	// A killed one stops renewing the time.
	close(second.stop)
	<-second.done
	second.file.Close()
	old := time.Now().Add(-2 * staleAfter)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	third, err := lockAs()
	if err != nil {
		t.Fatal(err)
	}
	third.release()
}
