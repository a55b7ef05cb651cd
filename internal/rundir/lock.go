package rundir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// lockFile is there while a folder is open. It holds who has it open.
const lockFile = ".elbow.lock"

// lockText matches what lock files hold, also one that a full disk cut.
var lockText = regexp.MustCompile(`^(e|el|elb|elbo|elbow[ \d]{0,32}\n?)?$`)

// ErrBusy is the error of opening a folder that is open already.
var ErrBusy = errors.New("at work in this folder")

var (
	errLocked      = errors.New("locked")             // by another process
	errUnsupported = errors.New("no locks of files")  // on this system or in this file system
	errGone        = errors.New("removed by another") // while it was being locked
)

// lock is a lock on a folder. The system's own lock on the file ends with the process, however
// that ends; where there is none, see beat.
type lock struct {
	file *os.File
	stop chan struct{} // ends beat
	done chan struct{}
}

// acquire locks a folder, or says who has it.
func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, lockFile)
	for range 100 {
		l, err := try(path)
		if err == nil || !errors.Is(err, errGone) {
			return l, err
		}
	}
	return nil, fmt.Errorf("%s: others lock and free it all the time", path)
}

// try opens and locks the file. Who frees it removes it, so it may be gone by then.
func try(path string) (*lock, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: in the way, and no file that was made here; %s", path, remedy)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	l := &lock{file: f}
	if err := l.take(lockHandle(f)); err != nil {
		f.Close()
		return nil, err
	}
	hold(path, true)
	return l, nil
}

// held are the locks of this process.
var held struct {
	sync.Mutex
	files map[string]bool
}

func hold(path string, on bool) {
	held.Lock()
	defer held.Unlock()
	if held.files == nil {
		held.files = map[string]bool{}
	}
	if on {
		held.files[path] = true
	} else {
		delete(held.files, path)
	}
}

// Abandon removes the lock files of all folders that are open. It is for a process that is about to
// end: folders cannot be closed after it.
func Abandon() {
	held.Lock() // for good
	for path := range held.files {
		os.Remove(path)
	}
}

// take makes the file ours, after the system's answer to a request for a lock on it.
func (l *lock) take(answer error) error {
	path, beats := l.file.Name(), errors.Is(answer, errUnsupported)
	text, err := holder(l.file)
	if err != nil {
		return err
	}
	info, err := l.file.Stat()
	switch {
	case err != nil:
		return err
	case !lockText.MatchString(text):
		return fmt.Errorf("%s: was not made here, so it is not replaced; %s", path, remedy)
	case errors.Is(answer, errLocked):
		return busy(path, text, "")
	case beats && text != "" && time.Since(info.ModTime()) < staleAfter:
		return busy(path, text, ", or was killed there in the last minutes")
	case answer != nil && !beats:
		return fmt.Errorf("%s: %w", path, answer)
	}
	mine := fmt.Sprintf("elbow %d %d\n", os.Getpid(), time.Now().UnixNano())
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	if _, err := l.file.WriteAt([]byte(mine), 0); err != nil {
		_ = os.Remove(path)
		return err
	}
	if beats {
		time.Sleep(settleTime)
		if text, err := holder(l.file); err != nil || text != mine {
			return errors.Join(err, busy(path, text, ""))
		}
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(info, now) {
		return errGone
	}
	if beats {
		l.stop, l.done = make(chan struct{}), make(chan struct{})
		go l.beat()
	}
	return nil
}

// holder returns who has the lock, as the file says it.
func holder(f *os.File) (string, error) {
	b := make([]byte, 64)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF {
		err = nil
	}
	return string(b[:n]), err
}

// busy is the error of a folder that is open elsewhere.
func busy(path, text, or string) error {
	who := "another process"
	if process := 0; len(text) > 0 {
		if _, err := fmt.Sscanf(text, "elbow %d", &process); err == nil {
			who = fmt.Sprintf("process %d", process)
		}
	}
	return fmt.Errorf("%s: %s is %w%s; wait for it, or choose another -out", filepath.Dir(path), who, ErrBusy, or)
}

// release removes the file and frees it, in this order where that is possible: nobody can lock it
// in between and lose it.
func (l *lock) release() {
	if l.stop != nil {
		close(l.stop)
		<-l.done
	}
	name := l.file.Name()
	hold(name, false)
	err := os.Remove(name)
	l.file.Close()
	if err != nil { // open files cannot be removed on Windows
		_ = os.Remove(name)
	}
}

// Without locks of the system, a file whose time is younger than staleAfter is locked, and who has
// it renews the time.
const (
	beatEvery  = 10 * time.Second
	staleAfter = 2 * time.Minute
	settleTime = 100 * time.Millisecond // in which two that find a stale file have both written
)

// beat renews the time until release.
func (l *lock) beat() {
	defer close(l.done)
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case now := <-tick.C:
			_ = os.Chtimes(l.file.Name(), now, now)
		}
	}
}
