package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// The windows of the first experiment of Fabius and van Amersfoort 2014 have 50 steps; with
// so little music they overlap here.
const (
	vraeTunes  = 8
	vraeWindow = 50
	vraeHop    = 10
)

// What the table leaves for each row.
const (
	mapFile         = "map" // .png and .svg: the latent means of all windows
	interpolateFile = "interpolation"
	longFile        = "long"
)

var vraeTable = experiment{
	name:  "vrae",
	about: "Windows of eight tunes as points: the VRAE of Fabius and van Amersfoort 2014",
	unit:  "bound on the NLL in nats per step, lower is better",
	load:  vraeData,
	value: nats,
	after: vraePictures,
	rows: []row{
		{name: "VRAE 2-D", model: model.Config{Model: model.ModelVRAE, Hidden: 128, Latent: 2}, train: vraeTraining},
		{name: "VRAE 20-D", model: model.Config{Model: model.ModelVRAE, Hidden: 128, Latent: 20}, train: vraeTraining},
		{name: "VRAE 2-D LSTM reversed", model: model.Config{Model: model.ModelVRAE, Cell: "lstm", Hidden: 128, Latent: 2, Reverse: true}, train: vraeTraining},
	},
}

// vraeTraining has the KL weight of the authors' program: 0.01 per step, which is half the
// bound's own weight in a window of 50 steps. The paper prints no figures, only curves.
func vraeTraining(t *model.TrainConfig) {
	t.Epochs, t.Patience, t.KLWeight, t.Beta1 = 600, 0, 0.01*vraeWindow, 0.95
}

// vraeData cuts the first tunes that are long enough into windows. Valid and test are
// windows of the same tunes that begin between those for training.
func vraeData(r *tableRun) (*dataset, error) {
	d := builtinTunes()
	train, valid, test := music.Tunes()
	tunes := &model.Data{Name: "eight tunes", Dim: music.Dims, Form: d.Form}
	for _, t := range append(append(train, valid...), test...) {
		roll, _ := t.Rolls(d.Form.Rate)
		if len(roll) < vraeWindow+vraeHop || len(tunes.Train) == vraeTunes {
			continue
		}
		x := make([]float32, len(roll)*music.Dims)
		music.Rows(x, roll)
		tunes.Train = append(tunes.Train, model.Sequence{Name: t.Name, Label: t.Name, X: x})
	}
	tunes.Hash = hashOf(tunes)
	out := model.Windows(tunes, vraeWindow, vraeHop)
	between := model.Windows(tunes, vraeWindow, vraeHop/2)
	for _, w := range between.Train {
		switch _, first := model.Piece(w.Name); first % (2 * vraeHop) {
		case vraeHop / 2:
			out.Valid = append(out.Valid, w)
		case vraeHop + vraeHop/2:
			out.Test = append(out.Test, w)
		}
	}
	out.Hash = hashOf(out)
	return &dataset{Data: out}, nil
}

// vraePictures draws where the windows lie, measures whether those of a tune lie together,
// goes from one tune to another, and lets the decoder run on.
func vraePictures(r *tableRun, dir string, seed uint64, res *result) error {
	loaded, _, _, err := model.Load(filepath.Join(dir, model.BestFile))
	if err != nil {
		return err
	}
	m, ok := loaded.(*model.VRAE[float32])
	if !ok {
		return fmt.Errorf("%s: not a vrae", dir)
	}
	seqs := r.data.Train
	z, _ := m.Encode(seqs, 64, r.threads)
	labels, first := make([]string, len(seqs)), make([]int, len(seqs))
	for i, s := range seqs {
		labels[i], first[i] = model.Piece(s.Name)
	}
	// Windows that share steps are near each other for that reason alone.
	shares := func(i, j int) bool {
		return labels[i] == labels[j] && first[i]-first[j] < vraeWindow && first[j]-first[i] < vraeWindow
	}
	if p := model.Purity(z, m.Latent, labels, shares); !math.IsNaN(p) {
		res.Purity = p
	}
	if err := drawMap(filepath.Join(dir, mapFile), z, m.Latent, labels); err != nil {
		return err
	}
	// From a window of the first tune to one of the last, in nine steps.
	const points = 9
	line := model.Interpolate(z[:m.Latent], z[len(z)-m.Latent:], points)
	between := music.FromRows(m.Decode(line, points, vraeWindow))
	long := music.FromRows(m.Generate(make([]float32, m.Latent), 1, 1024, seed))
	for _, v := range []struct {
		file, title string
		roll        music.Roll
	}{
		{interpolateFile, fmt.Sprintf("from %s to %s", labels[0], labels[len(labels)-1]), between},
		{longFile, "1024 steps from the middle of the latent space", long},
	} {
		path := filepath.Join(dir, v.file)
		err := atomicfile.Write(path+".mid", 0o666, func(w io.Writer) error {
			return music.WriteMIDI(w, v.roll, music.MIDIOptions{StepsPerQuarter: r.data.Form.Rate, Title: v.title})
		})
		if err != nil {
			return err
		}
		if err := both(path, func(path string) error {
			return figure.Rolls(path, "Piano roll", []figure.RollPanel{{Title: v.title, Steps: v.roll, Sample: true}}, r.data.Form.Rate)
		}); err != nil {
			return err
		}
	}
	return nil
}

// drawMap draws the first two dimensions of points, coloured by label.
func drawMap(path string, z []float32, dim int, labels []string) error {
	var clouds []figure.Cloud
	index := map[string]int{}
	for i, l := range labels {
		k, ok := index[l]
		if !ok {
			k = len(clouds)
			index[l] = k
			clouds = append(clouds, figure.Cloud{Name: l})
		}
		c := &clouds[k]
		c.X = append(c.X, float64(z[i*dim]))
		c.Y = append(c.Y, float64(z[i*dim+min(1, dim-1)]))
	}
	return both(path, func(path string) error {
		return figure.Scatter(path, "Latent map", "first dimension", "second dimension", clouds)
	})
}
