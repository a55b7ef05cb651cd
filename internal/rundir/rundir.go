// Package rundir keeps the files that the program makes in a folder apart from everybody else's.
//
//	Open --> lock (one process at a time) --> manifest: names and SHA-256 of what was made
//	           |
//	atomicfile.Write(folder/name) --asks--> is name free, or as it was made? --> rename
//
// A folder of results is also a folder of its user, who keeps notes there, edits a sample, or names
// one by mistake that holds something else. So nothing is replaced or deleted unless it is known
// to be the program's own: its name is in the manifest, and its content is what was written then.
// All else is an error that names the file, before any work is done ([Dir.Reserve]) and again when
// the file is about to appear.
//
// The manifest, [Manifest], is a list as of sha256sum, which also checks it. While a folder is
// open, lines are added to it before files are renamed, the names of temporary files among them.
// So it is right whenever the process is killed, and the next one removes what was left
// behind, which is temporary files by the names listed and no others.
package rundir

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/atomicfile"
)

// Dir is a folder that this process has opened, and no other.
type Dir struct {
	path    string
	lock    *lock
	list    *manifest
	made    bool                   // the folder itself
	seen    map[string]os.FileInfo // files as this process left or checked them
	release func()
}

// Open makes the folder if need be, locks it, reads its manifest and removes the temporary files
// of a run that was killed. It writes nothing else: a folder in which nothing is made stays as it
// was.
func Open(path string) (*Dir, error) {
	_, err := os.Stat(path)
	d := &Dir{path: path, made: errors.Is(err, fs.ErrNotExist), seen: map[string]os.FileInfo{}}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, err
	}
	if d.lock, err = acquire(path); err != nil {
		return nil, err
	}
	if d.list, err = readManifest(path); err == nil {
		d.release, err = atomicfile.Keep(path, d)
	}
	if err != nil {
		d.lock.release()
		return nil, err
	}
	return d, d.list.sweep()
}

// Close ends the list and lets others open the folder. If nothing was made in it, nothing is left.
func (d *Dir) Close() error {
	d.release()
	err := d.list.close()
	d.lock.release()
	if d.made {
		_ = os.Remove(d.path) // if it is empty
	}
	return err
}

// Root returns the path of the folder as it was opened.
func (d *Dir) Root() string { return d.path }

// Name returns the name of a path in the folder, if it is in the folder.
func (d *Dir) Name(path string) (name string, ok bool) {
	name, err := d.name(path)
	return name, err == nil && filepath.IsLocal(filepath.FromSlash(name))
}

// Path returns the path of a file in the folder.
func (d *Dir) Path(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// Listed reports whether the folder has a manifest, which folders of earlier versions have not.
func (d *Dir) Listed() bool { return d.list.found }

// Owns reports whether the file is there and is as the program made it.
func (d *Dir) Owns(name string) bool {
	there, err := d.check(name)
	return there && err == nil
}

// Reserve reports files under these names that are not the program's own.
func (d *Dir) Reserve(names ...string) error {
	for _, name := range names {
		if _, err := d.check(name); err != nil {
			return err
		}
	}
	return nil
}

// Adopt enters a file as the program's own, on other evidence than the manifest.
func (d *Dir) Adopt(name string) error {
	sum, err := sumOf(d.Path(name))
	if err != nil {
		return err
	}
	return d.list.add(name, sum)
}

// Clear deletes all files that the program made, so that a new run begins in a clean folder. What
// has changed since, or is no regular file any more, belongs to the user now, and stays.
func (d *Dir) Clear() error {
	for _, name := range d.list.names() {
		if !d.Owns(name) {
			continue
		}
		if err := os.Remove(d.Path(name)); err != nil {
			return err
		}
		delete(d.seen, name)
	}
	return nil
}

// Remove deletes files that the program made; those that are not there do not matter.
func (d *Dir) Remove(names ...string) error {
	if err := d.Reserve(names...); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Remove(d.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(d.seen, name)
	}
	return nil
}

// check reports whether there is a file of this name, and an error if it is not the program's.
func (d *Dir) check(name string) (there bool, err error) {
	path := d.Path(name)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return true, fmt.Errorf("%s: in the way, and no file that was made here; %s", path, remedy)
	}
	if old := d.seen[name]; old != nil && os.SameFile(old, info) && old.Size() == info.Size() && old.ModTime().Equal(info.ModTime()) {
		return true, nil
	}
	sums := d.list.sums[name]
	if len(sums) == 0 {
		return true, fmt.Errorf("%s: was not made here, so it is not replaced; %s", path, remedy)
	}
	sum, err := sumOf(path)
	if err != nil {
		return true, err
	}
	if !slices.Contains(sums, sum) {
		return true, fmt.Errorf("%s: has changed since it was made, so it is not replaced; %s", path, remedy)
	}
	d.seen[name] = info
	return true, nil
}

// remedy is what to do about a file of the user's.
const remedy = "move it away, or choose another -out"

// Begin implements [atomicfile.Keeper].
func (d *Dir) Begin(path, temp string) error {
	name, err := d.name(path)
	if err != nil {
		return err
	}
	if _, err := d.check(name); err != nil {
		return err
	}
	t, err := d.name(temp)
	if err != nil {
		return err
	}
	return d.list.addTemporary(t)
}

// Commit implements [atomicfile.Keeper].
func (d *Dir) Commit(path, _ string, sum [sha256.Size]byte) error {
	name, err := d.name(path)
	if err != nil {
		return err
	}
	if _, err := d.check(name); err != nil {
		return err
	}
	return d.list.add(name, sum)
}

// Done implements [atomicfile.Keeper].
func (d *Dir) Done(path, temp string) {
	name, err1 := d.name(path)
	t, err2 := d.name(temp)
	if err1 != nil || err2 != nil {
		return // Begin has refused them
	}
	d.list.settle(name, t)
	if info, err := os.Lstat(path); err == nil {
		d.seen[name] = info
	}
}

// name returns the name in the manifest of a path in the folder.
func (d *Dir) name(path string) (string, error) {
	dir, err := filepath.Abs(d.path)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	name, err := filepath.Rel(dir, abs)
	if err != nil {
		return "", err
	}
	name = filepath.ToSlash(name)
	if strings.ContainsAny(name, "\n\r\\") {
		return "", fmt.Errorf("%q: a name that a list cannot hold", name)
	}
	if name == Manifest || name == lockFile {
		return "", fmt.Errorf("%s: a name of the folder's own", name)
	}
	return name, nil
}

func sumOf(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// Inside reports whether path is dir or lies in it. Neither needs to exist; links are followed
// as far as they do.
func Inside(path, dir string) bool {
	target, err := os.Stat(dir)
	if err != nil {
		return false // nothing can lie in it
	}
	at, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(at); err == nil {
		at = real
	}
	for {
		if info, err := os.Stat(at); err == nil && os.SameFile(info, target) {
			return true
		}
		up := filepath.Dir(at)
		if up == at {
			return false
		}
		at = up
	}
}
