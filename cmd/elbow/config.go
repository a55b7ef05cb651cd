package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// settings are the flags that say what to train and how.
type settings struct {
	model model.Config
	train model.TrainConfig

	preset string
	unused []string // settings for which the model has no use, by the names of their flags
}

// flags declares the flags. Those that a preset may set have their default in the preset.
func (s *settings) flags(fs *call) {
	s.modelFlags(fs)
	d := model.DefaultTrainConfig()
	t := &s.train
	fs.section(sectionTraining)
	fs.StringVar(&s.preset, "preset", "", "settings that flags then change: plain, tunes (small data and two minutes; used without -data), vrae (likewise, for a vrae) or chung (the VRNN paper's own, for speech)")
	fs.IntVar(&t.Epochs, "epochs", d.Epochs, "epochs at most")
	fs.IntVar(&t.Patience, "patience", d.Patience, "epochs without a better valid bound before training stops; 0: never")
	fs.IntVar(&t.Batch, "batch", d.Batch, "sequences per update")
	fs.Float64Var(&t.Rate, "lr", d.Rate, "learning rate")
	fs.IntVar(&t.KLWarmup, "kl-warmup", 0, "epochs over which the weight of the KL term rises from 0.1 of its value to all of it")
	fs.IntVar(&t.Truncate, "truncate", 0, "steps per update, the state carried over; 0: whole sequences (default for text, and for tables with sequences of more than 1000 steps: 100)")
	fs.Uint64Var(&t.Seed, "seed", 1, "seed of everything random")
	fs.IntVar(&t.Threads, "threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")

	fs.section("optimiser")
	fs.StringVar(&t.Optimizer, "optimizer", "", "adam, adamw, adagrad or sgd (default: adam)")
	fs.Float64Var(&t.Beta1, "beta1", d.Beta1, "decay of the mean of the gradients; the momentum of sgd")
	fs.Float64Var(&t.Beta2, "beta2", d.Beta2, "decay of the mean of their squares")
	fs.Float64Var(&t.Epsilon, "epsilon", d.Epsilon, "what is added to the root of it")
	fs.Float64Var(&t.Beta1Decay, "beta1-decay", 0, "adam: what -beta1 is multiplied by after every update, less than 1; 0: nothing")
	fs.Float64Var(&t.Clip, "clip", d.Clip, "largest global norm of the gradient; 0: no limit")
	fs.Float64Var(&t.ColumnClip, "column-clip", 0, "largest norm of the weights of a unit; 0: no limit")
	fs.BoolVar(&t.DivideByBatch, "divide-by-batch", false, "divide the gradient by the size of the batch once more")
	fs.Float64Var(&t.WeightDecay, "weight-decay", 0, "precision of a normal prior on the weights; 1 is N(0, I). Of adamw: the share of the weights, times -lr, that every update takes off (default: 0.01)")
	fs.BoolVar(&t.WeightPosterior, "weight-posterior", false, "learn a normal posterior over the parameters in place of one value each")
	fs.Float64Var(&t.EMADecay, "ema-decay", 0, "decay of an exponential moving average of the parameters, such as 0.999, which is scored and kept in their place; 0: none")
	s.scheduleFlags(fs)

	fs.section("objective")
	fs.StringVar(&t.Method, "method", "", "vae: aevb, wake-sleep, score or score-baseline (default: aevb)")
	fs.Float64Var(&t.KLWeight, "kl-weight", 1, "weight of the KL term; 1 is the bound")
	fs.Float64Var(&t.FreeBits, "free-bits", 0, "nats of KL per step that cost nothing more when saved")
	fs.IntVar(&t.Samples, "samples", 1, "draws of z per sequence in training")
	fs.BoolVar(&t.Sampled, "sampled", false, "estimate the KL term from the draws (SGVB estimator A) in place of its closed form")
	fs.BoolVar(&t.Importance, "importance", false, "train the importance-weighted bound of -samples draws")

	fs.section("batches")
	fs.BoolVar(&t.Reshuffle, "reshuffle", false, "deal all sequences out anew in every epoch, in place of batches of similar length (default for images)")
	fs.IntVar(&t.Shards, "shards", 1, "parts of a batch, each computed by itself; the result depends on their number, but not on who computes them")
	fs.IntVar(&t.ResetEvery, "reset-every", 0, "with -truncate: segments after which the carried state is set to zero; 0: never")
	fs.IntVar(&t.Transpose, "transpose", 0, "move each piece of a piano roll in training by up to that many semitones, up or down, anew in every epoch, as far as all its notes stay on the keyboard")
	fs.Float64Var(&t.TransposeProb, "transpose-prob", 0, "with -transpose: probability that a piece is moved in an epoch (default: 0.5)")
	fs.section(sectionOwn)
}

// modelFlags declares the flags that say which model.
func (s *settings) modelFlags(fs *call) {
	m := &s.model
	fs.section(sectionModel)
	fs.StringVar(&m.Model, "model", "", strings.Join(kindsThat(trainable), ", ")+" (default: vrnn; text rnn, images vae)")
	fs.StringVar(&m.Cell, "cell", "lstm", "rnn, rnn-relu, lstm, gru or gru-before")
	fs.StringVar(&m.Likelihood, "likelihood", "", strings.Join(model.Likelihoods(), ", ")+" (default: what fits the data)")
	fs.IntVar(&m.Hidden, "hidden", 32, "size of the recurrent state and width of every net")
	fs.IntVar(&m.Latent, "latent", 0, "size of z (default: as hidden; of a vrae 20)")
	fs.IntVar(&m.Layers, "layers", 1, "recurrent layers on top of each other")

	fs.section("nets")
	fs.IntVar(&m.Depth, "depth", 1, "hidden layers of every net")
	for _, w := range []struct {
		name string
		p    *int
		of   string
	}{{"phi-x", &m.PhiX, "that reads x"}, {"phi-z", &m.PhiZ, "that reads z"}, {"prior", &m.Prior, "of the prior"}, {"posterior", &m.Posterior, "of the posterior"},
		{"decoder", &m.Decoder, "of the outputs"}} {
		fs.IntVar(w.p, w.name, 0, "width of the net "+w.of+" (default: as hidden)")
	}
	fs.StringVar(&m.Init, "init", "", "of the weights: glorot, uniform within 0.08, or normal with a deviation of 0.01 (default: glorot)")
	fs.StringVar(&m.Activation, "activation", "", "vae: tanh or relu (default: tanh)")
	fs.StringVar(&m.Means, "means", "", "vae: means of a Gaussian output, linear or unit, which is within (0, 1) (default: unit for images)")
	fs.StringVar(&m.Scale, "scale", "", "vae: heads of sigma, softplus or logvar (default: softplus)")
	fs.BoolVar(&m.Reverse, "reverse", false, "a vrae reads sequences from their end")
	fs.BoolVar(&m.Teacher, "teacher", false, "a vrae's decoder sees the data in place of its own outputs")

	fs.section("outputs")
	fs.IntVar(&m.Components, "components", 0, "components of a mixture (default: 20)")
	fs.IntVar(&m.Rank, "rank", 0, "gauss-lowrank: factors of the covariance beside its diagonal (default: 4)")
	fs.Float64Var(&m.SigmaFloor, "sigma-floor", 0, "what is added to the softplus that gives sigma of the outputs; series with stretches that hardly change want 0.01 to 0.1 (default: 1e-4)")
	fs.StringVar(&m.Fill, "fill", "", "what a model sees in the place of a missing value: the mean of what it expects there, or a draw: "+model.FillMean+", "+model.FillDraw+" (default: "+model.FillMean+")")
	fs.IntVar(&m.Skip, "skip", 0, "gauss, gauss-full, gauss-lowrank, student and student-full: steps back from which a linear map leads straight to the outputs, started from a least-squares fit; 3 suits many series")
	fs.IntVar(&m.Units, "units", 0, "hidden units of a nade or an rbm (default: as hidden)")
	fs.IntVar(&m.Gibbs, "gibbs", 0, "steps of an rbm's chains, in training (CD-k) and where it is sampled (default: 15)")

	fs.section("dropout")
	fs.Float64Var(&m.Dropout, "dropout", 0, "share of the state that training drops between recurrent layers")
	fs.Float64Var(&m.DropoutInput, "dropout-input", 0, "share of the inputs that training drops")
	fs.Float64Var(&m.DropoutHeads, "dropout-heads", 0, "share of the state of the topmost recurrent layer that training drops below the nets that see it")
}

// scheduleFlags declares the flags of how the learning rate changes.
func (s *settings) scheduleFlags(fs *call) {
	r := &s.train.Schedule
	fs.section("learning rate")
	fs.StringVar(&r.Name, "lr-schedule", "", "how the learning rate changes: constant, step, cosine or plateau, as in torch.optim.lr_scheduler, stepped once an epoch (default: constant)")
	fs.IntVar(&r.Warmup, "lr-warmup", 0, "updates over which the learning rate rises in a line to that of the schedule")
	fs.IntVar(&r.StepSize, "lr-step-size", 0, "step: epochs after which the rate falls, again and again")
	fs.Float64Var(&r.Gamma, "lr-gamma", 0, "step and plateau: what the rate is multiplied by when it falls (default: 0.1)")
	fs.IntVar(&r.TMax, "lr-t-max", 0, "cosine: epochs until the rate is -lr-min (default: -epochs, and then -resume cannot add any unless -lr-min is above 0)")
	fs.Float64Var(&r.MinRate, "lr-min", 0, "cosine and plateau: smallest rate")
	fs.Var((*schedulePatience)(&r.Patience), "lr-patience", "plateau: `epochs` without a better valid bound that do not make the rate fall yet; 0: none (default: 10)")
	fs.Float64Var(&r.Threshold, "lr-threshold", 0, "plateau: share by which a bound has to be below the best one to be better (default: 1e-4)")
	fs.IntVar(&r.Cooldown, "lr-cooldown", 0, "plateau: epochs after a fall that do not count")
}

// schedulePatience is a flag for the patience of a schedule, of which 0 stands for the default: the 0 of a user
// is none.
type schedulePatience int

func (p *schedulePatience) String() string {
	switch *p {
	case 0:
		return ""
	case model.NoPatience:
		return "0"
	}
	return strconv.Itoa(int(*p))
}

func (p *schedulePatience) Set(text string) error {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 0:
		return errors.New("want at least 0")
	case n == 0:
		n = model.NoPatience
	}
	*p = schedulePatience(n)
	return nil
}

// finish applies what suits the data, then the preset, below the flags that were given, and
// returns the settings.
func (s *settings) finish(fs *flag.FlagSet, d *dataset.Data) (model.Config, model.TrainConfig, error) {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	m, t := s.model, s.train
	m.Data, m.Given, m.Classes, m.Levels = d.Dim, d.Given, d.Form.Classes, d.Form.Levels
	if m.Model == "" {
		m.Model = d.Suits.Model
	}
	if m.Likelihood == "" {
		m.Likelihood = d.Suits.Likelihood
	}
	k, err := model.KindOf(m.Model)
	switch {
	case err != nil:
		return m, t, usagef("unknown model %q, want one of %s", m.Model, strings.Join(kindsThat(trainable), ", "))
	case !trainable(k):
		return m, t, usagef("-model %s: programs train it, with package model", m.Model)
	}
	reshuffle := t.Reshuffle
	if suitImages(&m, &t, d); given["reshuffle"] {
		t.Reshuffle = reshuffle
	}
	if !given["truncate"] && k.Carried && !t.Importance { // whose bound is one of whole sequences
		t.Truncate = d.Suits.Truncate
	}
	if !given["batch"] && d.Form.Streams > 0 && d.Suits.Truncate > 0 && k.Carried {
		t.Batch = len(d.Train) // the parts that are read beside each other
	}
	p, err := s.chosen(k, d)
	if err != nil {
		return m, t, err
	}
	m, t = p.apply(k, m, t, given)
	if t.Optimizer == model.OptimizerAdamW && !given["weight-decay"] {
		t.WeightDecay = 0.01 // as in PyTorch
	}
	for _, z := range []struct {
		flag string
		zero bool
	}{
		{"units", m.Units == 0}, {"sigma-floor", m.SigmaFloor == 0}, {"gibbs", m.Gibbs == 0}, {"transpose-prob", t.TransposeProb == 0}, {"lr-gamma", t.Schedule.Gamma == 0},
		{"lr-t-max", t.Schedule.TMax == 0}, {"lr-threshold", t.Schedule.Threshold == 0},
	} {
		if given[z.flag] && z.zero { // in a configuration it stands for the default
			return m, t, usagef("-%s 0: want above 0", z.flag)
		}
	}
	if t.Schedule.Name == model.ScheduleCosine && t.Schedule.TMax == 0 {
		t.Schedule.TMax = t.Epochs
	}
	if t.KLWeight == 0 {
		return m, t, usagef("-kl-weight 0: want above 0")
	}
	if t.Shards < 1 {
		return m, t, usagef("-shards %d: want at least 1", t.Shards)
	} else if t.Shards == 1 {
		t.Shards = 0 // as in trainings that have none
	}
	unused, err := m.Unused()
	if err == nil {
		err = t.Check()
	}
	if err != nil {
		return m, t, usageError{err}
	}
	if m, err = m.Resolve(); err != nil {
		return m, t, usageError{err}
	}
	for i := range unused {
		unused[i] = strings.ReplaceAll(unused[i], "_", "-")
	}
	s.unused = unused
	return m, t, useless(k, m, unused, given)
}

// resolve puts what finish returned in the place of what the flags said, and the preset, of which
// it is the result, is none any more.
func (s *settings) resolve(m model.Config, t model.TrainConfig) {
	s.model, s.train, s.preset = m, t, "plain"
	// As the flags have what 0 stands for in a configuration.
	s.train.Shards, s.train.Samples, s.train.KLWeight = max(t.Shards, 1), max(t.Samples, 1), cmp.Or(t.KLWeight, 1)
}

// trainable reports whether data alone are enough to train a model.
func trainable(k model.Kind) bool { return !k.Supervised }

// kindsThat returns the names of some of the kinds of models.
func kindsThat(do func(model.Kind) bool) (names []string) {
	for _, k := range model.Kinds() {
		if do(k) {
			names = append(names, k.Name)
		}
	}
	return names
}

// useless reports a flag that was given and that the model, which is resolved, would ignore. unused
// are the flags of settings for which it has no use, but for -levels, which is one of the data. What cannot be trained together, package model reports.
func useless(k model.Kind, m model.Config, unused []string, given map[string]bool) error {
	for _, name := range unused {
		if given[name] && !isDataFlag(name) {
			return usagef("-%s: a %s with %s outputs has no use for it", name, m.Model, m.Likelihood)
		}
	}
	for _, u := range []struct {
		flags string
		used  bool
	}{
		{"kl-weight kl-warmup free-bits samples sampled importance", k.Latent != model.LatentNone},
		{"method", len(k.Methods) > 0},
	} {
		for name := range strings.FieldsSeq(u.flags) {
			if given[name] && !u.used {
				return usagef("-%s: a %s has no use for it", name, m.Model)
			}
		}
	}
	return nil
}

// suitImages sets what is always wanted of images: batches that differ from epoch to epoch,
// and Gaussian means in the range of the pixels.
func suitImages(m *model.Config, t *model.TrainConfig, d *dataset.Data) {
	if d.Suits.Reshuffle {
		t.Reshuffle = true
	}
	if d.Form.Kind == model.FormImage && m.Likelihood == model.Gauss && m.Means == "" {
		m.Means = model.MeansUnit // where the model has a use for it
	}
}

// preset is a set of settings for some kinds of models, below the flags that were given.
type preset struct {
	name  string
	fits  func(model.Kind) bool
	apply func(k model.Kind, m model.Config, t model.TrainConfig, given map[string]bool) (model.Config, model.TrainConfig)
}

var presets = []preset{
	{"plain", trainable, plain},
	{"tunes", trainable, tunes},
	{"vrae", wholeSequences, latentTunes},
	{"chung", func(k model.Kind) bool { return k.Carried }, chung},
}

// wholeSequences reports whether a model has one latent variable for a whole sequence.
func wholeSequences(k model.Kind) bool { return k.Latent == model.LatentSequence }

// chosen returns the preset that was asked for, or what suits the data.
func (s *settings) chosen(k model.Kind, d *dataset.Data) (preset, error) {
	name := cmp.Or(s.preset, "plain")
	if s.preset == "" && d.Form.Builtin != "" {
		if name = "tunes"; wholeSequences(k) {
			name = "vrae"
		}
	}
	var names []string
	for _, p := range presets {
		if p.name == name && !p.fits(k) {
			return p, usagef("-preset %s: it is for %s, not a %s", name, strings.Join(kindsThat(p.fits), ", "), k.Name)
		} else if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return preset{}, usagef("unknown preset %q, want one of %s", name, strings.Join(names, ", "))
}

// plain sets nothing.
func plain(_ model.Kind, m model.Config, t model.TrainConfig, _ map[string]bool) (model.Config, model.TrainConfig) {
	return m, t
}

// tunes sets what lets a model learn something of the built-in tunes within two minutes on
// two cores.
func tunes(k model.Kind, m model.Config, t model.TrainConfig, given map[string]bool) (model.Config, model.TrainConfig) {
	for _, v := range []struct {
		flag string
		p    *int
		v    int
	}{{"hidden", &m.Hidden, 64}, {"latent", &m.Latent, 32}, {"epochs", &t.Epochs, 40}, {"batch", &t.Batch, 8}, {"kl-warmup", &t.KLWarmup, 10}} {
		if !given[v.flag] {
			*v.p = v.v
		}
	}
	if !given["kl-warmup"] && (k.Latent == model.LatentNone || t.Method == model.MethodWakeSleep) {
		t.KLWarmup = 0 // no KL term to weigh
	}
	if !given["lr"] {
		t.Rate = 2e-3
	}
	return m, t
}

// chung sets what Chung et al. 2015 used for speech (Blizzard), as their published
// configuration has it, except where a flag was given. A -hidden that was given sets all
// widths, as without the preset.
func chung(k model.Kind, m model.Config, t model.TrainConfig, given map[string]bool) (model.Config, model.TrainConfig) {
	set := func(flag string, p *int, v int) {
		if !given[flag] {
			*p = v
		}
	}
	widths := func(v int) {
		set("phi-x", &m.PhiX, v)
		set("decoder", &m.Decoder, v)
	}
	if !given["hidden"] {
		m.Hidden = 4000
		switch gauss, exact := m.Likelihood == model.Gauss, k.Latent == model.LatentNone; {
		case exact && gauss:
			widths(800)
		case exact:
			widths(700)
		case gauss:
			widths(600)
		default:
			widths(500)
		}
		if k.Latent != model.LatentNone {
			set("phi-z", &m.PhiZ, 500)
			set("prior", &m.Prior, 500)
			set("posterior", &m.Posterior, 500)
		}
		set("latent", &m.Latent, 200)
	}
	if !given["init"] {
		m.Init = model.InitUniform
	}
	set("depth", &m.Depth, 4)
	set("epochs", &t.Epochs, 10)
	set("batch", &t.Batch, 128)
	set("truncate", &t.Truncate, 40)
	if t.Truncate > 0 {
		set("reset-every", &t.ResetEvery, 4)
	}
	if !given["lr"] {
		t.Rate = 3e-4
	}
	if !given["column-clip"] {
		t.ColumnClip = 1.9365
	}
	if !given["divide-by-batch"] {
		t.DivideByBatch = true
	}
	if !given["beta1-decay"] && (t.Optimizer == "" || t.Optimizer == model.OptimizerAdam) {
		t.Beta1Decay = 1e-8
	}
	return m, t
}

// describe names a model in one line.
func describe(c model.Config) string {
	s := fmt.Sprintf("%s, %s %d, %s", c.Model, cmp.Or(c.Cell, c.Activation), c.Hidden, c.Likelihood)
	if c.Layers > 1 {
		s = fmt.Sprintf("%s, %d layers of %s %d, %s", c.Model, c.Layers, c.Cell, c.Hidden, c.Likelihood)
	}
	if c.Components > 0 {
		s += fmt.Sprintf(" of %d", c.Components)
	}
	if c.Latent > 0 {
		s += fmt.Sprintf(", latent %d", c.Latent)
	}
	if c.Given > 0 {
		s += fmt.Sprintf(", given %d", c.Given)
	}
	return s
}
