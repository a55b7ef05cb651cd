package report

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/model"
)

// Run is what a page is made of.
type Run struct {
	Name    string               // what the page is called
	About   string               // the model in a line
	Model   model.Model[float32] // packed
	Info    model.Info
	History []model.Epoch
	Train   *model.TrainConfig // nil: not known
	Facts   [][2]string        // results, by name

	// Data have every sequence as long as it came, where the model goes on from step to step. They are nil where
	// they cannot be had, for the reason Missing.
	Data    *dataset.Data
	Missing error

	Seed    uint64
	Threads int
}

// The bounds of the work.
const (
	maxSteps  = 20000 // that are scored or encoded, fewer by a model with many parameters
	maxPieces = 4000
	maxShown  = 300  // steps of a sequence that is shown
	maxMapped = 2000 // points of a map
	textSteps = 600  // of a sample of text
)

// forecastDraws is how often it is drawn how a table goes on.
const forecastDraws = 100

// Memory returns about how many bytes making the page takes beside the model and the data.
func (r *Run) Memory() float64 {
	c, form := r.Model.Settings(), r.Info.Form
	if !r.generates() {
		return 0
	}
	n, steps := dataset.SampleSizes(form)
	need := c.MemoryToSample(max(n, 2), max(steps, textSteps))
	if r.Data == nil {
		return need
	}
	seqs := sequences(r.stretches())
	need = max(need, c.MemoryToScoreSteps(seqs, r.Data.Dim, model.EvalConfig{Samples: 1, Threads: r.Threads}))
	if form.Kind == model.FormSeries {
		need = max(need, c.MemoryToScoreSteps(seqs[:min(len(seqs), 1)], r.Data.Dim, model.EvalConfig{Samples: forecastDraws, Threads: r.Threads}))
	}
	if c.Latent > 0 {
		shown := r.tests(max(dataset.Beside(form), 2), r.whole())
		need = max(need, c.MemoryToEncode(seqs, r.Data.Dim, r.Threads), c.MemoryToEncode(shown, r.Data.Dim, r.Threads))
	}
	return need
}

// Of makes the page of a run. The same run gives the same page.
func Of(r *Run) *Page {
	p := &Page{Title: r.Name, About: r.About}
	add := func(s Section) {
		if len(s.Figures) > 0 || len(s.Rows) > 0 || s.Text != "" {
			p.Sections = append(p.Sections, s)
		}
	}
	if r.Data != nil && len(r.tests(1, false)) == 0 {
		none := *r
		none.Data, none.Missing = nil, fmt.Errorf("%s: no steps", r.Data.Name)
		r = &none
	}
	results := Section{ID: "results", Title: "Results", Rows: r.Facts}
	if r.Data != nil && r.Data.Hash != r.Info.Hash {
		results.Text = "The data of this page are others than those of the training, or have changed since."
	}
	add(results)
	add(Section{ID: "training", Title: "Training", Figures: panels(CurvePanels(r.History)), Text: empty(r.History, "The history of the training is not in the run.")})
	if r.generates() && (r.Data != nil || r.Model.Settings().Given == 0) {
		add(r.samples())
	}
	if r.Data == nil {
		add(Section{ID: "data", Title: "Data", Text: fmt.Sprintf("The data of the training could not be read (%v), so there are no scores, reconstructions and maps.", r.Missing)})
	} else if r.generates() {
		add(r.scores())
		add(r.forecast())
		if r.Model.Settings().Latent > 0 {
			r.latents(add)
		}
	}
	add(Section{ID: "settings", Title: "Configuration", Rows: r.settings()})
	return p
}

// generates reports whether the model has a distribution over the data, as what learns labels has not.
func (r *Run) generates() bool {
	k, err := model.KindOf(r.Model.Settings().Model)
	return err == nil && !k.Supervised
}

func empty[E any](list []E, text string) string {
	if len(list) > 0 {
		return ""
	}
	return text
}

func panels(list []figure.Panel) (figures []Figure) {
	for _, p := range list {
		figures = append(figures, chartOf(p, ""))
	}
	return figures
}

// CurvePanels returns the panels of a picture of what became of the epochs.
func CurvePanels(history []model.Epoch) []figure.Panel {
	if len(history) == 0 {
		return nil
	}
	curve := func(name string, y func(model.Epoch) float64) figure.Line {
		l := figure.Line{Name: name}
		for _, e := range history {
			l.X, l.Y = append(l.X, float64(e.Epoch)), append(l.Y, y(e))
		}
		return l
	}
	panel := func(title string, lines ...figure.Line) figure.Panel {
		return figure.Panel{Title: title, XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: lines}
	}
	train := curve("train", func(e model.Epoch) float64 { return e.Train.Figure() })
	valid := curve("valid", func(e model.Epoch) float64 { return e.Valid.Figure() })
	var panels []figure.Panel
	switch first := history[0]; {
	case first.Valid.Measure != "":
		panels = []figure.Panel{panel("negative "+first.Valid.Measure, valid), panel(first.Train.Measure, train)}
	case first.Valid.Exact:
		panels = []figure.Panel{panel("NLL", train, valid)}
	default:
		panels = []figure.Panel{panel("bound on NLL", train, valid), panel("its two terms, valid",
			curve("reconstruction", func(e model.Epoch) float64 { return e.Valid.ReconPerStep }),
			curve("KL", func(e model.Epoch) float64 { return e.Valid.KLPerStep }))}
	}
	return append(panels, figure.Panel{Title: "gradient norm", XLabel: "epoch", YLabel: "before the clip", WholeX: true,
		Lines: []figure.Line{curve("mean of the epoch", func(e model.Epoch) float64 { return e.GradNorm })}})
}

// settings are the settings that are not zero, by their names in files.
func (r *Run) settings() (rows [][2]string) {
	list := []any{r.Model.Settings()}
	if r.Train != nil {
		list = append(list, *r.Train)
	}
	for _, s := range list {
		v := reflect.ValueOf(s)
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if f := v.Field(i); !f.IsZero() && name != "" && name != "-" {
				rows = append(rows, [2]string{name, strings.Trim(fmt.Sprintf("%+v", f.Interface()), "{}[]")})
			}
		}
	}
	return rows
}

func (r *Run) shower() shower { return shower{r.Info.Form, r.Model.Settings().Data} }

// stretch is a sequence of the data from one of its steps on.
type stretch struct {
	dataset.Piece
	first int
}

// part is that of a step of the stretch.
func (s stretch) part(step int) string { return s.Piece.Part(s.first + step) }

// sequences returns those of the stretches.
func sequences(list []stretch) (seqs []model.Sequence) {
	for i := range list {
		seqs = append(seqs, list[i].Sequence)
	}
	return seqs
}

const testPart = "test"

// budget returns how many steps are scored or encoded at most.
func (r *Run) budget() int {
	const work, least = 2e10, 2000 // parameters times steps, about a second
	return int(math.Min(math.Max(work/float64(cell.Count(r.Model.Tensors())), least), maxSteps))
}

// stretches returns sequences of the data, evenly spread, with as many steps together as the budget has; those with a test part are
// taken first. Of a sequence that is longer than that only the end is taken.
func (r *Run) stretches() (list []stretch) {
	dim := r.Data.Dim
	var test, others []dataset.Piece
	for _, p := range r.Data.Pieces() {
		if p.Steps(dim) == 0 {
			continue
		}
		if strings.Contains(p.Parts(), testPart) {
			test = append(test, p)
		} else {
			others = append(others, p)
		}
	}
	for i, pieces := range [][]dataset.Piece{test, others} {
		steps, most := r.budget(), maxPieces
		if i == 0 && len(others) > 0 {
			steps, most = steps/2, most/2
		}
		total := 0
		for _, p := range pieces {
			total += min(p.Steps(dim), steps)
		}
		every := max(math.Ceil(float64(total)/float64(steps)), math.Ceil(float64(len(pieces))/float64(most)), 1)
		for k := 0; k < len(pieces); k += int(every) {
			p := pieces[k]
			n := p.Steps(dim)
			from := max(n-steps, 0)
			p.Sequence = p.Slice(from, n, dim)
			list = append(list, stretch{p, from})
		}
	}
	return list
}

// tests returns at most so many sequences of the test part or, where there is none, of the data, each with its first
// maxShown steps at most, or all where whole is set.
func (r *Run) tests(most int, whole bool) []model.Sequence {
	if seqs := r.partly(testPart, most, whole); len(seqs) > 0 {
		return seqs
	}
	return r.partly("", most, whole)
}

// partly returns what tests does of a part, or of all where that is empty.
func (r *Run) partly(part string, most int, whole bool) (seqs []model.Sequence) {
	dim := r.Data.Dim
	for _, p := range r.Data.Pieces() {
		n := p.Steps(dim)
		in := func(step int) bool { return step < n && (part == "" || p.Part(step) == part) }
		from := 0
		for from < n && !in(from) {
			from++
		}
		to := from
		for in(to) && (whole || to-from < maxShown) {
			to++
		}
		if to > from && len(seqs) < most {
			seqs = append(seqs, p.Slice(from, to, dim))
		}
	}
	return seqs
}

// samples are draws of the model beside the data.
func (r *Run) samples() Section {
	form := r.Info.Form
	n, steps := dataset.SampleSizes(form)
	if form.Kind == model.FormText {
		steps = textSteps
	}
	// The mean of an image is what one looks at: its pixels do not know of each other.
	means := form.Kind == model.FormImage
	if n == 1 {
		n = 2
	}
	o := dataset.Output{Means: means}
	if r.Data != nil {
		o.Before = r.tests(dataset.Beside(form), false)
		if form.Kind != model.FormText { // as long as what is beside them
			steps = min(steps, r.length(o.Before))
		}
	}
	x := model.Sample(r.Model, model.Draw{Count: n, Steps: steps, Seed: r.Seed, Mean: means, Given: r.conditions(o.Before, n, steps)})
	o.Pieces = dataset.Split(x, n)
	return Section{ID: "samples", Title: "Samples", Figures: r.shower().show(o)}
}

// conditions returns those of count sequences of so many steps, taken from the sequences of the data in turn; nil if the model
// has none.
func (r *Run) conditions(seqs []model.Sequence, count, steps int) []float32 {
	return dataset.GivenOf(seqs, r.Model.Settings().Given, count, steps)
}

// length is the median of the lengths of sequences.
func (r *Run) length(seqs []model.Sequence) int {
	var n []int
	for i := range seqs {
		n = append(n, seqs[i].Steps(r.Data.Dim))
	}
	return median(n)
}

// median sorts values, of which there is one at least, and returns the one in the middle.
func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

// scores are the scores along the strangest sequences.
func (r *Run) scores() Section {
	s := Section{ID: "scores", Title: "Scores"}
	list := r.stretches()
	seqs := sequences(list)
	scores := model.ScoreSteps(r.Model, seqs, model.EvalConfig{Samples: 1, Seed: r.Seed, Threads: r.Threads})
	all := func(train bool) func(yield func(float64) bool) {
		return func(yield func(float64) bool) {
			for i, q := range scores {
				for t, v := range q.Steps {
					if (!train || list[i].part(t) == "train") && !yield(v.NLL) {
						return
					}
				}
			}
		}
	}
	usual, of := model.SpreadOf(all(true)), "of the training"
	if usual.N == 0 {
		usual, of = model.SpreadOf(all(false)), "of these data"
	}
	var shown []strange
	flagged, steps := 0, 0
	for i, q := range scores {
		v := strange{Scored: dataset.Scored{Piece: dataset.Piece{Sequence: seqs[i]}}, worst: math.Inf(-1)}
		for _, step := range q.Steps {
			hit := usual.Z(step.NLL) >= dataset.FlagAt || math.IsNaN(step.NLL)
			v.NLL, v.Flagged = append(v.NLL, step.NLL), append(v.Flagged, hit)
			if v.worst = math.Max(v.worst, step.NLL); hit {
				flagged++
			}
			steps++
		}
		if strings.Contains(list[i].Parts(), testPart) == strings.Contains(list[0].Parts(), testPart) {
			shown = append(shown, v)
		}
	}
	slices.SortStableFunc(shown, func(a, b strange) int { return cmp.Compare(b.worst, a.worst) })
	var most []dataset.Scored
	for _, v := range shown[:min(len(shown), dataset.ShownScores)] {
		most = append(most, v.Scored)
	}
	s.Text = fmt.Sprintf("Negative log-likelihood, or its bound, of every step. Steps %s have %.4g nats on average, with a standard deviation of %.4g; of the %d steps looked at %d are at least %d deviations above that, and marked.",
		of, usual.Mean, usual.Std, steps, flagged, dataset.FlagAt)
	if r.Info.Form.Kind == model.FormText {
		for _, v := range most[:min(len(most), 1)] {
			s.Figures = append(s.Figures, r.coloured(v))
		}
		return s
	}
	if r.Info.Form.Kind == model.FormImage { // a step each
		s.Figures = r.extremes(shown)
		return s
	}
	s.Layout = wide
	s.Figures = panels(dataset.ScorePanels(r.Info.Form, r.Data.Dim, most, usual.Mean+float64(dataset.FlagAt*usual.Std)))
	return s
}

// strange is a sequence with the score of its strangest step.
type strange struct {
	dataset.Scored
	worst float64
}

// extremes are the images with the highest scores, which come first, and with the lowest.
func (r *Run) extremes(shown []strange) (figures []Figure) {
	n := min(len(shown)/2, 36)
	for _, of := range []struct {
		title string
		list  []strange
	}{{"the least expected", shown[:n]}, {"the most expected", shown[len(shown)-n:]}} {
		var list []piece
		for _, v := range of.list {
			list = append(list, piece{x: v.Values(r.Data.Dim)})
		}
		if n > 0 {
			figures = append(figures, r.shower().images(of.title, list, false))
		}
	}
	return figures
}

// coloured is the end of a text with its scores.
func (r *Run) coloured(v dataset.Scored) Figure {
	const most = 1200
	from := max(len(v.NLL)-most, 0)
	q := v.Slice(from, len(v.NLL), r.Data.Dim)
	return Figure{"text", "the end of " + filepath.Base(v.Name), "the darker a character, the less the model has expected it",
		text{Text: dataset.Text(r.Info.Form, q.Values(r.Data.Dim)), Scores: v.NLL[from:]}}
}

// forecast holds the end of a table back and draws how it could go on.
func (r *Run) forecast() Section {
	s := Section{ID: "forecast", Title: "Forecast", Layout: wide}
	k, err := model.KindOf(r.Model.Settings().Model)
	if r.Info.Form.Kind != model.FormSeries || err != nil || !k.Carried {
		return s
	}
	list := r.stretches()
	if len(list) == 0 {
		return s
	}
	q, dim := list[0].Sequence, r.Data.Dim
	n := q.Steps(dim)
	held := min(n/5, 60)
	if held == 0 {
		return s
	}
	past, after := q.Slice(0, n-held, dim), q.Slice(n-held, n, dim)
	c := model.NewScorer(r.Model, model.EvalConfig{Samples: forecastDraws, Seed: r.Seed, Threads: r.Threads})
	c.Score(past)
	x := c.Continue(model.Draw{Count: forecastDraws, Steps: held, Seed: r.Seed, Given: r.conditions([]model.Sequence{after}, forecastDraws, held)})
	s.Text = fmt.Sprintf("The last %d steps of %s were held back; mean and quantiles are those of %d draws that go on from the steps before them.", held, filepath.Base(q.Name), forecastDraws)
	s.Figures = panels(dataset.ForecastPanels(r.Info.Form, dim, dataset.Forecast{Past: past, Truth: after.Values(dim), Draws: x, Count: forecastDraws, Levels: []float64{0.1, 0.5, 0.9}}))
	return s
}
