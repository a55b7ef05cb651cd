package music

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

// MaxGrid is the finest grid, in steps per quarter note.
const MaxGrid = 64

// Open reads a data set from outside, on a grid of stepsPerQuarter steps to the quarter
// note, 1 to MaxGrid:
//
//   - a file in the JSON layout of the Bach chorales, whose steps are taken as they are;
//   - an ABC book or a MIDI file (.abc, .mid, .midi, .kar, .rmi, or by another name if it
//     begins as a MIDI file does), whose pieces go to All;
//   - a folder, with all folders in it, of ABC and MIDI files. If it has a folder train and
//     a folder valid or test, these are the parts; otherwise all pieces go to All.
//
// Each file may be gzipped (.gz). Files of other kinds and hidden ones, such as those that a
// Mac leaves beside others (._x), are passed over. The pieces come in the order of the file
// names.
//
// A piece that cannot be read, or has no notes, is left out with a line in Skipped. It is
// an error if nothing is left, or less than half.
func Open(path string, stepsPerQuarter int, b *infile.Budget) (*Dataset, error) {
	if stepsPerQuarter < 1 || stepsPerQuarter > MaxGrid {
		return nil, fmt.Errorf("%s: %d steps per quarter note, want 1 to %d", path, stepsPerQuarter, MaxGrid)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f := &finder{grid: stepsPerQuarter, budget: b}
	d := &Dataset{Name: path, StepsPerQuarter: stepsPerQuarter}
	switch ext := extension(path); {
	case info.IsDir():
		err = f.openFolder(path, d)
	case ext == ".json":
		err = f.openJSON(path, d)
	default:
		if err = f.openFile(path, ext); err == nil {
			d.All = f.take()
		}
	}
	if err != nil {
		return nil, err
	}
	return f.finish(d)
}

// openFile reads a single file.
func (f *finder) openFile(path, ext string) error {
	if !isTune[ext] {
		head, err := f.budget.Head(path, 12)
		if err != nil {
			return err
		}
		if !IsMIDI(head) {
			return fmt.Errorf("%s: want a folder or a file .json, .abc, .mid, .midi, .kar or .rmi", path)
		}
	}
	return f.file(path)
}

// IsMIDI reports whether a file begins as MIDI files do.
func IsMIDI(head []byte) bool {
	return bytes.HasPrefix(head, []byte("MThd")) || len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "RMID"
}

// Is reports whether the name of a file is one of those that Open reads.
func Is(path string) bool {
	ext := extension(path)
	return ext == ".json" || isTune[ext]
}

// extension is that of a file's name in lower case, without .gz.
func extension(path string) string {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".gz")
	return filepath.Ext(name)
}

var isTune = map[string]bool{".abc": true, ".mid": true, ".midi": true, ".kar": true, ".rmi": true}

// finder collects the pieces of files, and what there is to be said about them.
type finder struct {
	grid    int
	budget  *infile.Budget
	pieces  []Piece
	read    int // pieces that were taken
	skipped []string
	notes   []string
	remarks []remark
}

// remark counts what is found again and again, and says where it was first.
type remark struct {
	what, place string
	count       int
}

// remark notes n times something that goes on a sentence, as "notes outside 21..108 are
// left out", and where.
func (f *finder) remark(n int, what string, place func() string) {
	for i := range f.remarks {
		if f.remarks[i].what == what {
			f.remarks[i].count += n
			return
		}
	}
	f.remarks = append(f.remarks, remark{what, place(), n})
}

// add takes in a piece of a file unless it has no notes. place names it in messages.
func (f *finder) add(path, place string, p Piece) error {
	if p.notes() == 0 {
		f.skip(place, errors.New("the piece has no notes"))
		return nil
	}
	f.pieces = append(f.pieces, p)
	return f.budget.Take(path, pieceBytes+spanBytes*int64(p.notes()))
}

// skip leaves a piece out.
func (f *finder) skip(place string, reason error) {
	f.skipped = append(f.skipped, fmt.Sprintf("%s: %v", place, reason))
}

// take returns the pieces collected so far and starts a new list.
func (f *finder) take() []Piece {
	pieces := f.pieces
	f.pieces, f.read = nil, f.read+len(pieces)
	return pieces
}

// file reads an ABC or a MIDI file.
func (f *finder) file(path string) error {
	data, err := f.budget.Read(path)
	if err != nil {
		if isDamagedGzip(err) {
			f.skipped = append(f.skipped, err.Error())
			return nil
		}
		return err
	}
	defer f.budget.Return(int64(len(data)))
	if extension(path) == ".abc" {
		return f.parseABC(path, data)
	}
	return f.parseMIDI(path, data)
}

// isDamagedGzip tells a file that cannot be unpacked from one that cannot be opened.
func isDamagedGzip(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt)
}

// partFolders are the names of the folders of the parts.
var partFolders = map[string]string{
	"train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid", "test": "test", "testing": "test",
}

func (f *finder) openFolder(dir string, d *Dataset) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	folders := map[string][]string{}
	loose := 0
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			if isTune[extension(path)] && !strings.HasPrefix(e.Name(), ".") {
				loose++
			}
		} else if part := partFolders[strings.ToLower(e.Name())]; part != "" {
			folders[part] = append(folders[part], path)
		} else if !strings.HasPrefix(e.Name(), ".") {
			loose++
		}
	}
	if len(folders["train"]) == 0 || len(folders) == 1 {
		if err := f.folder(dir); err != nil {
			return err
		}
		d.All = f.take()
		return nil
	}
	if loose > 0 {
		f.notes = append(f.notes, fmt.Sprintf("%s: %d files and folders beside those of the parts are not read", dir, loose))
	}
	for _, s := range d.parts() {
		for _, path := range folders[s.name] {
			if err := f.folder(path); err != nil {
				return err
			}
		}
		*s.pieces = f.take()
		if len(*s.pieces) == 0 && len(folders[s.name]) > 0 {
			f.notes = append(f.notes, fmt.Sprintf("%s: no piece", folders[s.name][0]))
		}
	}
	return nil
}

// folder reads the files in a folder and in its folders.
func (f *finder) folder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && e.IsDir():
			err = f.folder(path)
		case err == nil && info.IsDir():
			f.notes = append(f.notes, path+": a link to a folder, which is not followed")
		case !isTune[extension(path)]:
			err = nil
		case err == nil && !info.Mode().IsRegular():
			f.skip(path, errors.New("not a regular file"))
		case err == nil:
			err = f.file(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish completes d with what there is to be said.
func (f *finder) finish(d *Dataset) (*Dataset, error) {
	skipped := len(f.skipped)
	switch {
	case f.read == 0 && skipped == 0 && len(f.notes) == 1:
		return nil, errors.New(f.notes[0])
	case f.read == 0 && skipped == 0:
		return nil, fmt.Errorf("%s: no piece of music in it", d.Name)
	case f.read == 0 && skipped == 1:
		return nil, errors.New(f.skipped[0])
	case f.read < skipped:
		return nil, fmt.Errorf("%s: %d of %d pieces cannot be read, the first: %s", d.Name, skipped, f.read+skipped, f.skipped[0])
	}
	for _, r := range f.remarks {
		f.notes = append(f.notes, fmt.Sprintf("%d %s; the first: %s", r.count, r.what, r.place))
	}
	d.Skipped, d.Notes = f.skipped, append(f.notes, d.duplicates()...)
	return d, nil
}

// duplicates says which pieces are there more than once. They are not left out: in a set
// with parts that would make its figures those of another set, and without parts it is for
// whoever divides the pieces to keep equal ones together.
func (d *Dataset) duplicates() []string {
	type place struct{ part, name string }
	first := map[[sha256.Size]byte]place{}
	same, inTrain := 0, 0
	var example [2]string
	for _, s := range d.parts() {
		for i := range *s.pieces {
			p := &(*s.pieces)[i]
			sum := p.sum()
			was, ok := first[sum]
			if !ok {
				first[sum] = place{s.name, p.Name}
				continue
			}
			if same == 0 {
				example = [2]string{p.Name, was.name}
			}
			same++
			if was.part == "train" && s.name != "train" {
				inTrain++
			}
		}
	}
	if same == 0 {
		return nil
	}
	line := fmt.Sprintf("%d pieces are the same as one before them, the first: %.80q as %.80q", same, example[0], example[1])
	if inTrain > 0 {
		line += fmt.Sprintf("; %d of valid and test are also in train", inTrain)
	}
	return []string{line}
}

// sum returns a hash of the music of p.
func (p *Piece) sum() [sha256.Size]byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(p.steps))
	for k := range p.byNote {
		for _, s := range p.of(k) {
			b = append(b, p.byNote[k].note)
			b = binary.LittleEndian.AppendUint32(b, uint32(s.first))
			b = binary.LittleEndian.AppendUint32(b, uint32(s.end))
		}
	}
	return sha256.Sum256(b)
}
