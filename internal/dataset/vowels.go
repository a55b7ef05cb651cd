package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// The numbers of utterances of the Japanese vowels.
const (
	vowelDims  = 12
	vowelTrain = 270
	vowelValid = 40 // of these, as far apart as they come
	vowelTest  = 370
)

// Vowels reads the Japanese vowels of Kudo, Toyama and Shimbo 1999 from the folder with ae.train and ae.test:
// 12 cepstral coefficients a line, utterances separated by an empty line or one of ones. 230 of the 270
// utterances for training train, 40 are valid. The numbers are standardised by the 230.
func Vowels(dir string, budget *infile.Budget) (*Data, error) {
	d := &model.Data{Name: dir, Dim: vowelDims, Form: model.Form{Kind: model.FormSeries}}
	all, err := vowels(filepath.Join(dir, "ae.train"), vowelTrain, budget)
	if err != nil {
		return nil, err
	}
	if d.Test, err = vowels(filepath.Join(dir, "ae.test"), vowelTest, budget); err != nil {
		return nil, err
	}
	for i, q := range all {
		if (i+1)*vowelValid/vowelTrain > i*vowelValid/vowelTrain {
			d.Valid = append(d.Valid, q)
		} else {
			d.Train = append(d.Train, q)
		}
	}
	s := new(set)
	s.dim = vowelDims
	var spans []span
	for i, q := range d.Train {
		n := len(q.X) / vowelDims
		s.pieces = append(s.pieces, piece{name: q.Name, steps: n, rows: floats{q.X, vowelDims}})
		spans = append(spans, span{piece: i, to: n})
	}
	if d.Form.Offset, d.Form.Scale, err = s.moments(spans, nil); err != nil {
		return nil, err
	}
	c := newCode(d.Form)
	row := make([]float64, vowelDims)
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		for _, q := range seqs {
			for at := 0; at < len(q.X); at += vowelDims {
				floats{q.X, vowelDims}.Read(row, at/vowelDims)
				c.encode(q.X[at:at+vowelDims], row, vowelDims)
			}
		}
	}
	if d.Hash, err = hash(d); err != nil {
		return nil, err
	}
	return &Data{Data: d, Suits: Suits{Model: model.ModelRNN, Likelihood: model.GaussFull}}, nil
}

// floats are rows of float32.
type floats struct {
	x   []float32
	dim int
}

func (f floats) Read(dst []float64, from int) {
	for i := range dst {
		dst[i] = float64(f.x[from*f.dim+i])
	}
}

// vowels reads one of the files, of want utterances.
func vowels(path string, want int, budget *infile.Budget) (seqs []model.Sequence, err error) {
	raw, err := budget.Read(path)
	if err != nil {
		return nil, err
	}
	var x []float32
	end := func() {
		if len(x) > 0 {
			seqs = append(seqs, model.Sequence{Name: fmt.Sprintf("%s[%d]", filepath.Base(path), len(seqs)), X: x})
		}
		x = nil
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		words, ones := strings.Fields(lines.Text()), 0
		if len(words) == 0 {
			end()
			continue
		}
		if len(words) != vowelDims {
			return nil, fmt.Errorf("%s: line %d: %d numbers, want %d", path, n, len(words), vowelDims)
		}
		row := make([]float32, vowelDims)
		for j, w := range words {
			v, err := strconv.ParseFloat(w, 32)
			if err != nil || v-v != 0 {
				return nil, fmt.Errorf("%s: line %d: %.40q, want a finite number", path, n, w)
			}
			if row[j] = float32(v); v == 1 {
				ones++
			}
		}
		if ones == vowelDims {
			end()
			continue
		}
		x = append(x, row...)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if end(); len(seqs) != want {
		return nil, fmt.Errorf("%s: %d utterances, want the %d of the Japanese vowels", path, len(seqs), want)
	}
	return seqs, nil
}
