package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// experiments are the tables that can be run again. The figures beside our own were
// published for the same data where a source says nothing else; "from memory" marks those
// that were not looked up again.
var experiments = []experiment{jsbTable, speechTable, strokesTable, mnistTable, freyTable, textTable, vraeTable, nabTable, vowelsTable}

func nats(s model.Score) float64          { return s.NLLPerStep }
func logLikelihood(s model.Score) float64 { return -s.NLLPerStep }

// warm50 is the KL warm-up without which the latent variables of small models may collapse.
func warm50(t *model.TrainConfig) { t.KLWarmup = 50 }

var jsbTable = experiment{
	name:   "jsb",
	about:  "Bach chorales, quarter-note grid: RNNs and VRNNs with independent notes, the RNN-NADE and the RNN-RBM",
	unit:   "nats per time step, lower is better",
	folder: "jsb-chorales/jsb-chorales-quarter.json",
	data:   dataFlags{Options: dataset.Options{Kind: model.FormRoll}},
	value:  nats,
	rows: []row{
		{name: "RNN", model: model.Config{Model: model.ModelRNN, Cell: "rnn", Hidden: 64}, figures: []figures{
			{"8.91", "RNN, 300K parameters", "Bai, Kolter and Koltun 2018, read"},
			{"9.10", "tanh RNN", "Chung et al. 2014, from memory"},
		}},
		{name: "LSTM", model: model.Config{Model: model.ModelRNN, Cell: "lstm", Hidden: 64}, figures: []figures{
			{"8.45", "LSTM, 300K parameters", "Bai, Kolter and Koltun 2018, read"},
			{"8.67", "LSTM", "Chung et al. 2014, from memory"},
		}},
		{name: "GRU", model: model.Config{Model: model.ModelRNN, Cell: "gru", Hidden: 64}, figures: []figures{
			{"8.43", "GRU, 300K parameters", "Bai, Kolter and Koltun 2018, read"},
			{"8.54", "GRU", "Chung et al. 2014, from memory"},
		}},
		{name: "VRNN", model: model.Config{Model: model.ModelVRNN, Hidden: 32}, train: warm50, samples: []int{5, 64}, figures: []figures{
			{"8.69", "VRNN trained with the ELBO", "VSMC-PRC, Table 1, read"},
			{"8.60", "VRNN trained with the ELBO", "Maddison et al. 2017, from memory"},
		}, bounds: map[int][]figures{5: {
			{"8.01", "trained and scored with 5 draws", "VSMC-PRC, Table 1, read"},
		}, 64: nil}},
		{name: "VRNN-I", model: model.Config{Model: model.ModelVRNNI, Hidden: 32}, train: warm50, samples: []int{5, 64}},
		{name: "RNN-NADE", model: nade(64, 0.1, 0.2), train: nadeTraining, figures: nadeFigures},
		{name: "RNN-NADE, transposed", model: nade(80, 0.05, 0.1), train: func(t *model.TrainConfig) {
			nadeTraining(t)
			t.Transpose, t.EMADecay = 5, 0.995
		}, figures: nadeFigures},
		{name: "RNN-RBM", model: rbm, train: rbmTraining, figures: []figures{
			{"6.27", "RNN-RBM", "Boulanger-Lewandowski, Bengio and Vincent 2012, from memory"},
		}},
	},
}

// nade is an RNN-NADE with so many units that drops shares of its inputs and of its states:
// without that it learns the chorales by heart.
func nade(hidden int, input, heads float64) model.Config {
	return model.Config{Model: model.ModelRNN, Likelihood: model.NADE, Units: 100, Hidden: hidden, DropoutInput: input, DropoutHeads: heads}
}

func nadeTraining(t *model.TrainConfig) { t.Batch, t.Rate, t.Reshuffle = 8, 4e-3, true }

// rbm drops more than nade, since its likelihood falls behind its pseudo-likelihood, which alone is
// watched in training, as soon as it learns by heart.
var rbm = model.Config{Model: model.ModelRNN, Likelihood: model.RBM, Units: 100, Hidden: 64, DropoutInput: 0.2, DropoutHeads: 0.5}

func rbmTraining(t *model.TrainConfig) {
	t.Batch, t.Rate, t.Reshuffle, t.EMADecay, t.Epochs, t.Patience = 8, 3e-3, true, 0.995, 200, 30
}

var nadeFigures = []figures{{"5.56", "RNN-NADE", "Boulanger-Lewandowski, Bengio and Vincent 2012, from memory"}}

// speech is how all models of that table are made and trained: small enough for minutes.
func speech(kind, likelihood string) model.Config {
	c := model.Config{Model: kind, Likelihood: likelihood, Hidden: 128, Latent: 32}
	if likelihood == model.GMM {
		c.Components = 5
	}
	return c
}

func speechTraining(rate float64) func(*model.TrainConfig) {
	return func(t *model.TrainConfig) {
		t.Batch, t.Rate, t.Epochs, t.Patience, t.Reshuffle = 32, rate, 220, 30, true
		// Gradients of 200 dimensions a step are long: the usual limit of 5 would bind always.
		t.Clip = 500
	}
}

// speechWarmup is speechTraining with a KL warm-up: without one a mixture leaves its latent
// variables alone and learns the training data by heart.
func speechWarmup(t *model.TrainConfig) {
	speechTraining(1e-3)(t)
	t.KLWarmup = 100
}

var speechTable = experiment{
	name:   "speech",
	about:  "Spoken digits as raw frames of 200 samples: the speech columns of Chung et al. 2015, Table 1, in small",
	unit:   "log-likelihood in nats per frame, higher is better",
	folder: "fsdd",
	data:   dataFlags{Options: dataset.Options{Kind: model.FormWave}},
	value:  logLikelihood,
	finish: bestSound,
	rows: []row{
		{name: "RNN-Gauss", model: speech(model.ModelRNN, model.Gauss), train: speechTraining(1e-3), figures: blizzard("88.5")},
		{name: "RNN-GMM", model: speech(model.ModelRNN, model.GMM), train: speechTraining(2e-3), figures: blizzard("185.3")},
		{name: "VRNN-I-Gauss", model: speech(model.ModelVRNNI, model.Gauss), train: speechWarmup, figures: blizzard(">= 223.3")},
		{name: "VRNN-Gauss", model: speech(model.ModelVRNN, model.Gauss), train: speechWarmup, figures: blizzard(">= 230.6")},
		{name: "VRNN-GMM", model: speech(model.ModelVRNN, model.GMM), train: speechWarmup, figures: blizzard(">= 227.7")},
	},
}

// blizzard is a figure for the other, much larger data set: the order of the models is what
// can be compared.
func blizzard(value string) []figures {
	return []figures{{value, "on Blizzard, 16 kHz, large models", "Chung et al. 2015, Table 1, read as quoted by others"}}
}

// tableSounds is how many samples bestSound leaves.
const tableSounds = 5

// bestSound leaves samples of the model with the best valid figure beside the table.
func bestSound(_ context.Context, r *tableRun) error {
	var best *result
	for i := range r.results {
		if res := &r.results[i]; res.Valid != nil && (best == nil || *res.Valid > *best.Valid) {
			best = res
		}
	}
	m, _, err := model.Load(filepath.Join(best.Folder, model.BestFile))
	if err != nil {
		return err
	}
	files, err := writeSamples(r.dir, m, r.data.Form, sampling{count: tableSounds, steps: 40, seed: best.Seed}, r.data.Test[:1])
	if err == nil {
		fmt.Fprintf(r.out, "%s: %s of %s\n", r.dir, strings.Join(files, " "), best.Row)
	}
	return err
}

// pen is how the models of the handwriting table are made.
func pen(kind, likelihood string) model.Config {
	c := model.Config{Model: kind, Likelihood: likelihood, Hidden: 128, Latent: 32}
	if likelihood == model.BivariateMixture {
		c.Components = 20
	}
	return c
}

func penTraining(t *model.TrainConfig) { t.Batch, t.Epochs, t.Patience = 32, 60, 10 }

var strokesTable = experiment{
	name:   "strokes",
	about:  "Pen strokes of the Omniglot characters: the handwriting column of Chung et al. 2015, Table 1, on open data",
	unit:   "log-likelihood in nats per drawing, higher is better",
	folder: "omniglot-strokes",
	data:   dataFlags{Options: dataset.Options{Kind: model.FormStrokes}},
	value:  func(s model.Score) float64 { return -s.NLLPerSeq },
	rows: []row{
		{name: "RNN-Gauss", model: pen(model.ModelRNN, model.Bivariate), train: penTraining, figures: iam("1016")},
		{name: "RNN-GMM", model: pen(model.ModelRNN, model.BivariateMixture), train: penTraining, figures: iam("1358")},
		{name: "VRNN-Gauss", model: pen(model.ModelVRNN, model.Bivariate), train: penTraining, figures: iam(">= 1337")},
		{name: "VRNN-GMM", model: pen(model.ModelVRNN, model.BivariateMixture), train: penTraining, figures: iam(">= 1384")},
	},
}

// iam is a figure for handwritten lines, which are longer and scaled in another way: the
// order of the models is what can be compared.
func iam(value string) []figures {
	return []figures{{value, "on IAM-OnDB, per line", "Chung et al. 2015, Table 1, from memory"}}
}

var textTable = experiment{
	name:      "text",
	about:     "A text, character by character: recurrent networks beside a five-gram",
	unit:      "bits per character, lower is better",
	needsData: "a file of plain text in UTF-8",
	data:      dataFlags{Options: dataset.Options{Kind: model.FormText}},
	value:     func(s model.Score) float64 { return s.NLLPerStep / math.Ln2 },
	rows: []row{
		{name: "LSTM", model: model.Config{Model: model.ModelRNN, Cell: "lstm", Hidden: 256}, train: textTraining},
		{name: "GRU", model: model.Config{Model: model.ModelRNN, Cell: "gru", Hidden: 256}, train: textTraining},
	},
}

func textTraining(t *model.TrainConfig) { t.Epochs, t.Patience, t.Rate = 30, 3, 2e-3 }
