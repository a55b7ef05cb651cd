package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
	"github.com/elbow-go/elbow/sound"
)

// waves is recordings: a step is a frame of samples, not overlapping; a tail that fills no
// frame is left out.
var waves = kind{
	name: model.FormWave, options: []string{"frame", "levels", "streams"},
	is:   func(p *probe) bool { return p.has(".wav", ".wave") || sound.IsWAV(p.head) },
	read: readSound, split: splitSound, learn: learnSound, arrange: arrangeSound, check: checkSound, write: writeSound, ext: ".wav", picture: "waves",
	suits: func(s *set, f model.Form) Suits {
		t := Suits{Model: model.ModelVRNN, Likelihood: model.Gauss}
		if f.Levels > 0 {
			t.Likelihood = model.LogisticMixture
		}
		if f.Streams > 0 {
			t.Truncate = 40 // as for Blizzard in Chung et al. 2015
		}
		return t
	},
}

// recording is the raw values of a piece of sound.
type recording struct {
	*sound.WAV
	frame int
}

func (r recording) Read(dst []float64, from int) { r.WAV.Read(dst, from*r.frame) }

// wav reads a WAV file. Errors name the file and the byte.
func (r *reader) wav(path string) (*sound.WAV, error) {
	raw, err := r.budget.Read(path)
	if err != nil {
		return nil, err
	}
	return sound.ParseWAV(path, raw)
}

// readSound reads one recording, or all in a folder. The folder may say with the files
// train.txt, valid.txt and test.txt, a path per line, which recording belongs where, or with
// folders of these names; otherwise a hash of its name decides.
func readSound(r *reader, path string) (*set, error) {
	s := &set{dim: r.Frame}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		w, err := r.wav(path)
		if err == nil {
			err = s.record(path, w)
		}
		if err == nil && len(s.pieces) == 0 {
			err = errors.New(s.skipped[0])
		}
		return s, err
	}
	files, note, err := recordings(path)
	if err != nil {
		return nil, err
	}
	parts, listed, err := soundLists(path, files, r.budget)
	if err == nil && !listed {
		var beside []string
		if parts, beside, err = r.soundFolders(path); len(beside) > 0 {
			note = beside
		}
		listed = len(parts[0]) > 0
	}
	if err != nil {
		return nil, err
	}
	s.notes = append(s.notes, note...)
	if listed {
		s.parts = new([3][]int)
	} else {
		parts[0] = files
	}
	for p, list := range parts {
		for _, f := range list {
			before := len(s.pieces)
			w, err := r.wav(f)
			var limit *infile.LimitError
			switch {
			case errors.As(err, &limit):
				return nil, err
			case err != nil:
				s.skipped = append(s.skipped, err.Error())
				continue
			}
			if err := s.record(f, w); err != nil {
				return nil, err
			}
			for i := before; listed && i < len(s.pieces); i++ {
				s.parts[p] = append(s.parts[p], i)
			}
		}
	}
	if listed {
		s.notes = append(append(s.notes, twice(path, parts)...), unlisted(path, files, parts)...)
	}
	return s, nil
}

// recordings returns the recordings in a folder, and a note that names other files, but for
// the lists of the parts.
func recordings(dir string) (files, note []string, err error) {
	all, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	var others []string
	for _, f := range all {
		switch ext := strings.ToLower(filepath.Ext(f)); {
		case ext == ".wav" || ext == ".wave":
			files = append(files, f)
		case ext != ".txt":
			others = append(others, strings.TrimPrefix(f, dir+string(filepath.Separator)))
		}
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("%s: no .wav file", dir)
	}
	return files, unread(dir, others), nil
}

// soundFolders returns the recordings in the folders of the parts, if there are such.
func (r *reader) soundFolders(dir string) (parts [3][]string, note []string, err error) {
	dirs, note, err := r.folders(dir)
	for p, dir := range dirs {
		if dir != "" && err == nil {
			var more []string
			parts[p], more, err = recordings(dir)
			note = append(note, more...)
		}
	}
	return parts, note, err
}

// unlisted says how many recordings are in no part.
func unlisted(dir string, files []string, parts [3][]string) []string {
	in := map[string]bool{}
	for _, f := range slices.Concat(parts[:]...) {
		in[f] = true
	}
	out := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return in[f] })
	if len(out) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d recordings are in no part and not read, the first is %s", dir, len(out), out[0])}
}

// twice says which recordings are in more than one part.
func twice(dir string, parts [3][]string) (notes []string) {
	first := map[string]int{}
	for p, list := range parts {
		for _, f := range list {
			if q, ok := first[f]; ok && q != p {
				notes = append(notes, fmt.Sprintf("%s: %s is in %s and in %s", dir, f, partNames[q][0], partNames[p][0]))
			}
			first[f] = p
		}
	}
	return notes
}

// record adds a recording.
func (s *set) record(path string, w *sound.WAV) error {
	if s.form.Rate == 0 {
		s.form.Rate = w.Rate
	}
	if w.Rate != s.form.Rate {
		return fmt.Errorf("%s: %d samples per second, but %d in the recordings before it", path, w.Rate, s.form.Rate)
	}
	s.notes = append(s.notes, w.Notes...)
	steps := w.Len() / s.dim
	if steps == 0 {
		s.skipped = append(s.skipped, fmt.Sprintf("%s: its %d samples fill no frame of %d", path, w.Len(), s.dim))
		return nil
	}
	s.pieces = append(s.pieces, piece{name: path, steps: steps, rows: recording{w, s.dim}})
	return nil
}

// soundLists returns the recordings that the lists of a folder name, if it has lists. A line
// is a path in the folder; a file name alone will do where only one recording has it.
func soundLists(dir string, files []string, b *infile.Budget) (parts [3][]string, ok bool, err error) {
	exact, byName := map[string]string{}, map[string][]string{}
	for _, f := range files {
		rel, err := filepath.Rel(dir, f)
		if err != nil {
			return parts, false, err
		}
		exact[filepath.ToSlash(rel)] = f
		byName[filepath.Base(f)] = append(byName[filepath.Base(f)], f)
	}
	for p, names := range partNames {
		path, raw, err := soundList(dir, names, b)
		if p == 0 && errors.Is(err, fs.ErrNotExist) {
			return parts, false, nil
		}
		if p == 1 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return parts, false, err
		}
		for n, line := range strings.Split(string(raw), "\n") {
			line = filepath.ToSlash(strings.TrimSpace(line))
			if line == "" {
				continue
			}
			f, ok := exact[strings.TrimPrefix(line, "./")]
			if same := byName[line]; !ok && len(same) > 1 {
				return parts, false, fmt.Errorf("%s: line %d: %d recordings are called %.80q, %s and %s among them: write the path", path, n+1, len(same), line, same[0], same[1])
			} else if !ok && len(same) == 1 {
				f, ok = same[0], true
			}
			if !ok {
				return parts, false, fmt.Errorf("%s: line %d: no recording %.80q in %s", path, n+1, line, dir)
			}
			parts[p] = append(parts[p], f)
		}
	}
	return parts, true, nil
}

// soundList reads the list of a part under the first of its names that there is.
func soundList(dir string, names []string, b *infile.Budget) (path string, raw []byte, err error) {
	for _, n := range names {
		path = filepath.Join(dir, n+".txt")
		if raw, err = b.Read(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return path, raw, err
}

// splitSound splits a single recording along its time. Of several, a hash of the name puts
// 80, 10 and 10 of 100 into the parts, whatever else there is; where that leaves a part
// empty they are split in order.
func splitSound(s *set, f *model.Form) (parts [3][]span, err error) {
	if len(s.pieces) == 1 {
		n := s.pieces[0].steps
		if n < least {
			return parts, fmt.Errorf("%d frames of %d samples are too few to be split into train, valid and test", n, s.dim)
		}
		a, b := n*8/10, n*9/10
		return [3][]span{{{0, 0, a}}, {{0, a, b}}, {{0, b, n}}}, nil
	}
	for i, p := range s.pieces {
		sum := sha256.Sum256([]byte(filepath.Base(p.name)))
		part := max(0, int(sum[0])%10-7) // 0 to 7 train, 8 valid, 9 test
		parts[part] = append(parts[part], span{i, 0, p.steps})
	}
	if len(parts[0]) == 0 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return tenths(s, f)
	}
	return parts, nil
}

// learnSound finds the scale: of all samples of the train part, those of the tails too.
func learnSound(s *set, train []span, o Options, f *model.Form) error {
	if s.parts == nil && len(s.pieces) == 1 {
		f.Streams = o.Streams
	}
	if o.Levels > 0 {
		// Back in raw values, a level is the middle of its samples.
		step, last := 65536/float64(o.Levels), float64(o.Levels-1)
		scale := float64(last / 2 * step)
		f.Scale, f.Offset, f.Levels = []float64{scale}, []float64{scale + float64((step-1)/2) - 32768}, o.Levels
		return nil
	}
	buf := make([]float64, 1<<14)
	over := func(add func(v float64)) (n float64) {
		for _, at := range train {
			p := &s.pieces[at.piece]
			w := p.rows.(recording)
			from, to := at.from*s.dim, at.to*s.dim
			if at.to == p.steps {
				to = w.Len()
			}
			for from < to {
				k := min(len(buf), to-from)
				w.WAV.Read(buf[:k], from)
				for _, v := range buf[:k] {
					add(v)
				}
				from += k
				n += float64(k)
			}
		}
		return n
	}
	mean, squares := 0.0, 0.0
	n := over(func(v float64) { mean += v })
	mean /= max(n, 1)
	over(func(v float64) { squares += float64((v - mean) * (v - mean)) })
	std := math.Sqrt(squares / max(n, 1))
	if std == 0 {
		std = 1
	}
	f.Offset, f.Scale = []float64{mean}, []float64{std}
	return nil
}

func arrangeSound(seqs []model.Sequence, part int, f model.Form, dim int) []model.Sequence {
	if part != 0 || f.Streams == 0 {
		return seqs
	}
	return beside(seqs, f.Streams, dim)
}

func checkSound(s *set, f model.Form) error {
	if s.form.Rate != f.Rate {
		return fmt.Errorf("%d samples per second, the model was trained on %d", s.form.Rate, f.Rate)
	}
	return nil
}

// writeSound writes WAV and a picture of envelopes and spectrograms.
func writeSound(w *sheet) error {
	rate := max(w.form.Rate, 1)
	if err := w.each(func(f io.Writer, x []float32) error { return sound.WriteWAV(f, rate, x) }); err != nil {
		return err
	}
	const most = 4 // panels of a picture
	var panels []figure.SoundPanel
	data := func(list []shown) {
		for _, d := range list[:min(len(list), 1)] {
			panels = append(panels, figure.SoundPanel{Title: "data: " + filepath.Base(d.name), X: d.x})
		}
	}
	data(w.before)
	for i, x := range w.Pieces[:min(len(w.Pieces), most-len(panels)-min(len(w.after), 1))] {
		panels = append(panels, figure.SoundPanel{Title: w.title(i), X: x, Sample: true})
	}
	data(w.after)
	return w.draw(func(path string) error { return figure.Sounds(path, "Sound", panels, rate) })
}
