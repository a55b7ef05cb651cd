// Package atomicfile writes files that are either complete or absent: the bytes go to a
// new file in the same folder, which is flushed to the disk and then renamed.
//
// A reader sees the old file or the new one, never a part. A process that is killed in the
// middle leaves the old file in place, and at worst a file named ".<name>.<number>.tmp"; one
// that ends by itself calls [Abandon] first.
//
// A folder can have a [Keeper], who sees every file that is about to appear in it and may
// refuse it. It is found by the path, because those who write files, from checkpoints to
// pictures, know no more than that; and what all of them go through, none can forget.
package atomicfile

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Keeper watches over the files of a folder. Its methods are called one at a time.
type Keeper interface {
	// Begin is called before the new file temp is made, which will take the place of path.
	Begin(path, temp string) error
	// Commit is called when temp is complete, before the rename; sum is the SHA-256 of it.
	Commit(path, temp string, sum [sha256.Size]byte) error
	// Done is called after the rename.
	Done(path, temp string)
}

// What the whole process shares. The lock is held while a file appears or disappears, not
// while it is written.
var (
	mu      sync.Mutex
	pending = map[string]bool{}   // new files that are not renamed yet
	keepers = map[string]Keeper{} // by the absolute path of the folder
)

// fault, in tests, makes the named step fail.
var fault func(step string) error

func failed(step string) error {
	if fault != nil {
		return fault(step)
	}
	return nil
}

// Keep has k watch over dir and all folders in it that have no keeper of their own, until
// release is called. It is an error if dir has one.
func Keep(dir string, k Keeper) (release func(), err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	if keepers[abs] != nil {
		return nil, fmt.Errorf("%s: has a keeper already", dir)
	}
	keepers[abs] = k
	return func() {
		mu.Lock()
		defer mu.Unlock()
		delete(keepers, abs)
	}, nil
}

// keeperOf returns the keeper of the nearest folder around path, or nil.
func keeperOf(path string) Keeper {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	for len(keepers) > 0 {
		dir := filepath.Dir(abs)
		if k := keepers[dir]; k != nil || dir == abs {
			return k
		}
		abs = dir
	}
	return nil
}

// Abandon removes the new files of all writing that goes on and lets no other file appear.
// It is for a process that is about to end: whoever writes a file after it waits for ever.
func Abandon() {
	mu.Lock() // for good
	for name := range pending {
		os.Remove(name)
	}
}

// WriteFile puts data into the file path, in place of what was there. perm is the mode of
// the new file before the umask. If path is a symbolic link, the link is replaced and its
// target is left alone. Errors name path.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is WriteFile for content that is produced while it is written. If write returns an
// error, path keeps its old content, the new file is removed and the error, which names
// path, wraps the one of write.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) error {
	n, err := create(path, perm)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer n.discard() // a panic of write leaves no file behind either
	if err := n.fill(write); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := n.commit(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(path)
}

// newFile is a file that is being written, on its way to path.
type newFile struct {
	*os.File
	path   string
	keeper Keeper
	hash   hash.Hash // of what was written, for the keeper
}

// create makes a new file beside path. os.CreateTemp is not used because it fixes the mode
// to 0600, and the umask, which belongs to the final mode, cannot be read without setting it.
func create(path string, perm fs.FileMode) (*newFile, error) {
	dir, base := filepath.Split(path)
	if base == "" {
		return nil, errors.New("the path names no file")
	}
	mu.Lock()
	defer mu.Unlock()
	n := &newFile{path: path, keeper: keeperOf(path), hash: sha256.New()}
	for try := 0; ; try++ {
		name := fmt.Sprintf("%s.%s.%d.tmp", dir, base, rand.Uint32())
		if _, err := os.Lstat(name); err == nil && try < 100 {
			continue
		}
		if n.keeper != nil {
			if err := n.keeper.Begin(path, name); err != nil {
				return nil, err
			}
		}
		err := failed("create")
		if err == nil {
			n.File, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		}
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		if err == nil {
			pending[name] = true
		}
		return n, err
	}
}

// fill has write write the content, and brings it to the disk: without the flush a crash of
// the machine may keep the rename and lose the bytes.
func (n *newFile) fill(write func(io.Writer) error) error {
	to := io.Writer(n.File)
	if n.keeper != nil {
		to = io.MultiWriter(n.File, n.hash)
	}
	b := bufio.NewWriterSize(to, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	if err := errors.Join(b.Flush(), failed("write")); err != nil {
		return err
	}
	if err := errors.Join(n.Sync(), failed("sync")); err != nil {
		return err
	}
	return errors.Join(n.Close(), failed("close"))
}

// commit gives the file its name.
func (n *newFile) commit() error {
	mu.Lock()
	defer mu.Unlock()
	if n.keeper != nil {
		if err := n.keeper.Commit(n.path, n.Name(), [sha256.Size]byte(n.hash.Sum(nil))); err != nil {
			return err
		}
	}
	if err := failed("rename"); err != nil {
		return err
	}
	if err := os.Rename(n.Name(), n.path); err != nil {
		return err
	}
	delete(pending, n.Name())
	if n.keeper != nil {
		n.keeper.Done(n.path, n.Name())
	}
	return nil
}

// discard removes a file that was not committed.
func (n *newFile) discard() {
	mu.Lock()
	defer mu.Unlock()
	if pending[n.Name()] {
		delete(pending, n.Name())
		n.Close()
		os.Remove(n.Name())
	}
}

// syncDir makes the rename itself durable. Windows cannot flush a folder.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer d.Close()
	// Some file systems refuse to flush a folder. The file is complete by now, so this
	// is no reason to fail.
	_ = d.Sync()
	return nil
}
