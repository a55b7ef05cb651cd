package dataset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// probe is what can be seen of a file at a glance.
type probe struct {
	path string
	name string // lower case, without .gz
	ext  string // of name, with the dot
	head []byte // the beginning of the content, unpacked
	cut  bool   // there is more
}

const headSize = 4096

func look(path string, b *infile.Budget) (*probe, error) {
	p := &probe{path: path, name: strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".gz")}
	p.ext = filepath.Ext(p.name)
	var err error
	p.head, err = b.Head(path, headSize)
	p.cut = len(p.head) == headSize
	return p, err
}

// has reports whether the name ends in one of the extensions.
func (p *probe) has(ext ...string) bool { return slices.Contains(ext, p.ext) }

// recognise says which kind of data a path holds.
func recognise(path string, b *infile.Budget) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return recogniseFolder(path, b)
	}
	p, err := look(path, b)
	if err != nil {
		return "", err
	}
	for _, k := range kinds {
		if k.is != nil && k.is(p) {
			return k.name, nil
		}
	}
	return "", fmt.Errorf("%s: cannot tell what this is; -kind says it: %s", path, strings.Join(Kinds(), ", "))
}

// recogniseFolder goes by the first file that tells, in the order of names. Texts tell only
// if nothing else does: a folder of anything may hold a readme.
func recogniseFolder(dir string, b *infile.Budget) (string, error) {
	files, err := list(dir)
	if err != nil {
		return "", err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.ToLower(filepath.Base(f))
	}
	for _, k := range kinds {
		if k.folder != nil && k.folder(names) {
			return k.name, nil
		}
	}
	for _, path := range files {
		p, err := look(path, b)
		if err != nil {
			continue // whoever reads it says so
		}
		for _, k := range kinds {
			if k.is != nil && k.name != model.FormText && !p.has(".json", ".txt", ".md") && k.is(p) {
				return k.name, nil
			}
		}
	}
	if _, ok := parted(files, ".txt"); ok {
		return model.FormText, nil
	}
	return "", fmt.Errorf("%s: no file in it tells what the data are; -kind says it: %s", dir, strings.Join(Kinds(), ", "))
}

// list returns the files in a folder and in its folders, in the order of names. Hidden ones
// are passed over, among them those that a Mac leaves beside others.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
			continue
		case e.IsDir():
			below, err := list(path)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		default:
			files = append(files, path)
		}
	}
	return files, nil
}

// partNames are what the parts of a data set are called, in names of files, folders and
// arrays.
var partNames = [3][]string{{"train", "training"}, {"valid", "val", "validation", "dev"}, {"test"}}

// partOf says which part a name speaks of, one that holds it as a word: 0 to 2, or -1.
func partOf(name string) int {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !('a' <= r && r <= 'z') })
	for part, names := range partNames {
		for _, n := range names {
			if slices.Contains(words, n) {
				return part
			}
		}
	}
	return -1
}

// parted finds one file with the extension for each part; there may be none for valid.
func parted(files []string, ext string) (parts [3]string, ok bool) {
	for _, f := range files {
		if !strings.EqualFold(filepath.Ext(f), ext) {
			continue
		}
		p := partOf(strings.TrimSuffix(filepath.Base(f), filepath.Ext(f)))
		if p < 0 {
			continue
		}
		if parts[p] != "" {
			return parts, false
		}
		parts[p] = f
	}
	return parts, parts[0] != "" && parts[2] != ""
}

// folders returns the folders of the parts in dir, if it has those of train and test, and a
// note that names what lies beside them. Any other two parts are an error for whoever trains,
// who would else train on what is to be tested.
func (r *reader) folders(dir string) (parts [3]string, note []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return parts, nil, err
	}
	var others []string
	for _, e := range entries {
		path, p := filepath.Join(dir, e.Name()), partFolder(e.Name())
		switch info, err := os.Stat(path); {
		case strings.HasPrefix(e.Name(), "."):
		case p < 0 || err != nil || !info.IsDir():
			others = append(others, e.Name())
		case parts[p] != "":
			return parts, nil, fmt.Errorf("%s: both %q and %q could hold the %s part", dir, filepath.Base(parts[p]), e.Name(), partNames[p][0])
		default:
			parts[p] = path
		}
	}
	if parts[0] == "" || parts[2] == "" {
		return [3]string{}, nil, r.incomplete(dir, parts, "folder")
	}
	return parts, unread(dir, others), nil
}

// partFolder returns the part that a folder of the name holds, or -1.
func partFolder(name string) int {
	return slices.IndexFunc(partNames[:], func(names []string) bool { return slices.Contains(names, strings.ToLower(name)) })
}

// incomplete reports parts to be trained on of which train or test is missing.
func (r *reader) incomplete(dir string, parts [3]string, what string) error {
	if r.known != nil || parts[1] == "" || parts[0] == parts[2] {
		return nil
	}
	missing := 0
	if parts[0] != "" {
		missing = 2
	}
	return fmt.Errorf("%s: %q is there, but no %s for the %s part", dir, filepath.Base(parts[1]), what, partNames[missing][0])
}

// byName deals files out to the parts that their names speak of, if there are some for train
// and for test, with a note that names those that speak of none.
func (r *reader) byName(dir string, files []string) (parts [3][]string, note []string, err error) {
	var first [3]string
	var others []string
	for _, f := range files {
		name := filepath.Base(f)
		p := partOf(name)
		if p < 0 {
			others = append(others, name)
			continue
		}
		if parts[p] = append(parts[p], f); first[p] == "" {
			first[p] = f
		}
	}
	if first[0] == "" || first[2] == "" {
		return [3][]string{}, nil, r.incomplete(dir, first, "file")
	}
	return parts, unread(dir, others), nil
}

// unread is a note that names what is not read in a folder.
func unread(dir string, names []string) []string {
	const most = 5
	n := len(names)
	if n == 0 {
		return nil
	}
	more := ""
	if n > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", n-most)
	}
	return []string{fmt.Sprintf("%s: not read: %.150q%s", dir, names, more)}
}

// isText reports whether a file begins as a text does, in UTF-8 or in UTF-16 with a mark.
func (p *probe) isText() bool {
	if isUTF32(p.head) {
		return false
	}
	if utf16Order(p.head) != nil {
		return true
	}
	head := p.head
	// The end of what was read may be in the middle of a character.
	for i := 0; p.cut && i < utf8.UTFMax && !utf8.Valid(head); i++ {
		head = head[:len(head)-1]
	}
	return len(head) > 0 && !bytes.ContainsRune(head, 0) && utf8.Valid(head)
}
