package rundir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

// Manifest is the name of the list.
const Manifest = "elbow.sha256"

const (
	// manifestHead is its first line: a file without it is not ours.
	manifestHead = "# What elbow made in this folder; it replaces and deletes nothing else.\n"
	// temporaryMark begins a line that names a temporary file, which sha256sum passes over.
	temporaryMark = "# temporary "

	maxManifest = 64 << 20 // bytes
	maxLines    = 1 << 13  // above which an open list is written anew
)

// manifest is the list of a folder. Lines are added at its end; the last two of a name count,
// since the last one may be of a file that was not renamed any more.
type manifest struct {
	dir       string
	found     bool // when it was opened
	sums      map[string][][sha256.Size]byte
	temporary []string
	file      *os.File // nil until something is added
	torn      bool     // the last line has no end
	lines     int
}

func (m *manifest) path() string { return filepath.Join(m.dir, Manifest) }

func readManifest(dir string) (*manifest, error) {
	m := &manifest{dir: dir, sums: map[string][][sha256.Size]byte{}}
	if _, err := os.Lstat(m.path()); errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	raw, err := (&infile.Budget{Max: maxManifest}).Read(m.path())
	if err != nil {
		return nil, err
	}
	text := string(raw)
	if strings.HasPrefix(manifestHead, text) {
		return m, nil // stopped at its very beginning
	}
	if !strings.HasPrefix(text, manifestHead) {
		return nil, fmt.Errorf("%s: is no list of this program; %s", m.path(), remedy)
	}
	m.found, m.torn = true, !strings.HasSuffix(text, "\n")
	for line := range strings.Lines(text) {
		m.lines++
		name := strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(name, temporaryMark); ok && isTemporary(name) {
			m.temporary = append(m.temporary, name)
			continue
		}
		const digits = 2 * sha256.Size
		if len(name) < digits+3 || name[digits:digits+2] != "  " {
			continue
		}
		sum, err := hex.DecodeString(name[:digits])
		if name = name[digits+2:]; err != nil || !filepath.IsLocal(filepath.FromSlash(name)) {
			continue
		}
		m.note(name, [sha256.Size]byte(sum))
	}
	return m, nil
}

// isTemporary reports whether name is one that atomicfile gives.
func isTemporary(name string) bool {
	base := name[strings.LastIndexByte(name, '/')+1:]
	return filepath.IsLocal(filepath.FromSlash(name)) && strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".tmp")
}

func (m *manifest) note(name string, sum [sha256.Size]byte) {
	s := append(m.sums[name], sum)
	m.sums[name] = s[max(0, len(s)-2):]
}

// names returns the names of all files of the list, in order.
func (m *manifest) names() []string { return slices.Sorted(maps.Keys(m.sums)) }

// add notes that name is going to be ours with the content of that sum.
func (m *manifest) add(name string, sum [sha256.Size]byte) error {
	if err := m.line(sumLine(name, sum)); err != nil {
		return err
	}
	m.note(name, sum)
	return nil
}

func sumLine(name string, sum [sha256.Size]byte) string { return fmt.Sprintf("%x  %s\n", sum, name) }

// settle forgets what name was before it got its last content, and its temporary file.
func (m *manifest) settle(name, temp string) {
	if s := m.sums[name]; len(s) > 1 {
		m.sums[name] = s[len(s)-1:]
	}
	m.temporary = slices.DeleteFunc(m.temporary, func(t string) bool { return t == temp })
}

// addTemporary notes a file that does not stay.
func (m *manifest) addTemporary(name string) error {
	if m.lines >= maxLines {
		if err := m.rewrite(); err != nil {
			return err
		}
	}
	m.temporary = append(m.temporary, name)
	return m.line(temporaryMark + name + "\n")
}

// line adds a line. It is one write, which a killed process has done or not; that it reaches the
// disk is not waited for.
func (m *manifest) line(text string) error {
	if m.file == nil {
		mode := os.O_WRONLY | os.O_APPEND | os.O_CREATE
		if m.lines == 0 {
			mode |= os.O_TRUNC
			text = manifestHead + text
			m.lines++
		}
		f, err := os.OpenFile(m.path(), mode, 0o666)
		if err != nil {
			return err
		}
		m.file = f
	}
	if m.torn {
		text = "\n" + text
	}
	n, err := m.file.WriteString(text)
	if n > 0 {
		m.torn = err != nil
	}
	m.lines++
	return err
}

// sweep removes the temporary files of a run that did not end by itself.
func (m *manifest) sweep() error {
	for _, name := range m.temporary {
		path := filepath.Join(m.dir, filepath.FromSlash(name))
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	m.temporary = nil
	return nil
}

// rewrite puts a list in place that has one line for each file that is still there.
func (m *manifest) rewrite() error {
	temp := fmt.Sprintf(".%s.%d.tmp", Manifest, rand.Uint32())
	if err := m.line(temporaryMark + temp + "\n"); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(manifestHead)
	lines := 1
	for _, name := range m.names() {
		if _, err := os.Lstat(filepath.Join(m.dir, filepath.FromSlash(name))); err != nil {
			delete(m.sums, name)
			continue
		}
		for _, sum := range m.sums[name] {
			text.WriteString(sumLine(name, sum))
			lines++
		}
	}
	for _, name := range m.temporary {
		text.WriteString(temporaryMark + name + "\n")
		lines++
	}
	path := filepath.Join(m.dir, temp)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text.String())
	err = errors.Join(err, f.Sync(), f.Close(), m.file.Close())
	m.file = nil
	if err == nil {
		err = os.Rename(path, m.path())
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	m.lines = lines
	return nil
}

// close leaves a short list, or none where nothing of it is there.
func (m *manifest) close() error {
	if m.file == nil {
		return nil
	}
	if err := m.rewrite(); err != nil || len(m.sums) > 0 {
		return err
	}
	return os.Remove(m.path())
}
