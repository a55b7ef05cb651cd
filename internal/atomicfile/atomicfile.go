// Package atomicfile writes files that are either complete or absent: the bytes go to a
// new file in the same folder, which is flushed to the disk and then renamed.
//
// A reader sees the old file or the new one, never a part. A run that is killed in the
// middle leaves the old file in place, and at worst a file named ".<name>.<number>.tmp".
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
)

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
	f, err := create(path, perm)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	// A panic of write leaves no file behind either.
	done := false
	defer func() {
		if !done {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	// Without the flush a crash of the machine may keep the rename and lose the bytes.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	done = true
	return syncDir(path)
}

// create makes a new file beside path. os.CreateTemp is not used because it fixes the mode
// to 0600, and the umask, which belongs to the final mode, cannot be read without setting it.
func create(path string, perm fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(path)
	if base == "" {
		return nil, errors.New("the path names no file")
	}
	for try := 0; ; try++ {
		name := fmt.Sprintf("%s.%s.%d.tmp", dir, base, rand.Uint32())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if errors.Is(err, fs.ErrExist) && try < 100 {
			continue
		}
		return f, err
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
