package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/floatjson"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// perImage is the unit of the tables of images.
func perImage(s model.Score) float64 { return -s.NLLPerSeq }

const perImageUnit = "bound in nats per image, higher is better"

// figure2 marks a value that was read off curves, and not recently.
func figure2(value string, latent int) []figures {
	return []figures{{"about " + value, fmt.Sprintf("Figure 2, z=%d, at the end of the curve", latent), "Kingma and Welling 2014, from memory"}}
}

// digits is a row of the MNIST table. The figures to compare with come from trainings on all
// 60,000 images, so no more than 1,000 are held out.
func digits(latent int, method string, published []figures) row {
	name := "AEVB"
	if method == model.MethodWakeSleep {
		name = "wake-sleep"
	}
	return row{name: fmt.Sprintf("%s, z=%d", name, latent), model: model.Config{Model: model.ModelVAE, Hidden: 500, Latent: latent}, figures: published,
		train: func(t *model.TrainConfig) {
			t.Batch, t.Epochs, t.Patience, t.Clip, t.Method = 100, 20, 0, 0, method
		}}
}

var mnistTable = experiment{
	name:   "mnist",
	about:  "MNIST digits, real-valued pixels as targets: the VAE of Kingma and Welling 2014, 500 tanh units, beside wake-sleep",
	unit:   perImageUnit,
	folder: "mnist",
	data:   dataFlags{Options: dataset.Options{Kind: model.FormImage, Held: 1000}},
	value:  perImage,
	finish: drawFigure2,
	rows: []row{
		digits(20, "", append(figure2("-100", 20), figures{"-105.6", "784-400-20, ReLU, 10 epochs", "PyTorch's example, read"})),
		digits(10, "", figure2("-105", 10)),
		digits(3, "", figure2("-130", 3)),
		digits(20, model.MethodWakeSleep, nil),
		digits(10, model.MethodWakeSleep, nil),
		digits(3, model.MethodWakeSleep, nil),
	},
}

func faces(latent int, published []figures) row {
	return row{name: fmt.Sprintf("AEVB, z=%d", latent), model: model.Config{Model: model.ModelVAE, Likelihood: model.Gauss, Hidden: 200, Latent: latent}, figures: published,
		train: func(t *model.TrainConfig) { t.Batch, t.Epochs, t.Patience, t.Clip = 100, 600, 0, 50 }}
}

var freyTable = experiment{
	name:   "frey",
	about:  "Frey Face, pixels as byte/256, densities: the VAE of Kingma and Welling 2014, 200 tanh units; the split is shuffled",
	unit:   perImageUnit,
	folder: "frey-face/frey-faces-idx3-ubyte.gz",
	data:   dataFlags{Options: dataset.Options{Kind: model.FormImage, Pixels: dataset.Pixels256, Shuffle: true}},
	value:  perImage,
	finish: drawFigure2,
	rows: []row{
		faces(10, figure2("1300", 10)),
		faces(2, figure2("800", 2)),
		faces(20, figure2("1300 to 1400", 20)),
	},
}

// figure2File is the picture of the bounds against the number of samples seen.
const figure2File = "figure2" // .png and .svg

// drawFigure2 draws the bounds of all rows over the samples seen, a panel for each size of
// z: on valid, and dashed on train.
func drawFigure2(_ context.Context, r *tableRun) error {
	var panels []figure.Panel
	index := map[string]int{}
	for _, res := range r.results {
		if res.Samples > 1 {
			continue
		}
		name, z, _ := strings.Cut(res.Row, ", ")
		k, ok := index[z]
		if !ok {
			k = len(panels)
			index[z] = k
			panels = append(panels, figure.Panel{Title: z, XLabel: "million training samples", YLabel: "bound, nats per image"})
		}
		if len(r.seeds) > 1 {
			name = fmt.Sprintf("%s, seed %d", name, res.Seed)
		}
		history, err := readMetrics(filepath.Join(res.Folder, metricsFile))
		if err != nil {
			return err
		}
		valid, train := figure.Line{Name: name}, figure.Line{Name: name + ", train", Dashed: true}
		for _, e := range history {
			seen := float64(e.Epoch) * float64(len(r.data.Train)) / 1e6
			valid.X, valid.Y = append(valid.X, seen), append(valid.Y, r.value(e.Valid))
			train.X, train.Y = append(train.X, seen), append(train.Y, r.value(e.Train))
		}
		panels[k].Lines = append(panels[k].Lines, valid, train)
	}
	path := filepath.Join(r.dir, figure2File)
	fmt.Fprintf(r.out, "%s.png\n", path)
	return both(path, func(path string) error { return figure.Curves(path, "The bound during training", panels) })
}

// readMetrics reads what writeMetrics has written.
func readMetrics(path string) ([]model.Epoch, error) {
	raw, err := (&infile.Budget{Max: 1 << 30}).Read(path)
	if err != nil {
		return nil, err
	}
	var history []model.Epoch
	for line := range bytes.Lines(raw) {
		var e model.Epoch
		if err := floatjson.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("%s: epoch %d: %w", path, len(history)+1, err)
		}
		history = append(history, e)
	}
	return history, nil
}
