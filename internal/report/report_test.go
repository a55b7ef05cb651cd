package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// kindOfRun is a run of one kind of data, to be made for a test.
type kindOfRun struct {
	name   string
	data   func(t testing.TB) string // empty: the built-in tunes
	model  string
	opts   dataset.Options
	latent int
	plane  bool // there is one to move in
	want   string
	given  int // conditions of every step
}

// odd is a name that has to be escaped, wherever it comes to.
const odd = `a<b>&"'</script>.csv`

var kinds = []kindOfRun{
	{"images", func(t testing.TB) string { return datatest.One(t, "faces-idx3-ubyte", datatest.IDX(60, true, false)) }, model.ModelVAE, dataset.Options{}, 2, true,
		"training samples scores reconstructions kl map manifold walk settings", 0},
	{"music", nil, model.ModelVRAE, dataset.Options{Window: 24}, 3, true, "training samples scores reconstructions kl map walk settings", 0},
	{"series", func(t testing.TB) string {
		return datatest.One(t, odd, datatest.Table(`<i>x</i>,"a & b"`, 300, 2, 3, 100))
	}, model.ModelVRNN, dataset.Options{}, 3, false, "training samples scores forecast reconstructions kl map settings", 0},
	{"sound", datatest.Waves, model.ModelVRNN, dataset.Options{Frame: 5}, 3, false, "training samples scores reconstructions kl map settings", 0},
	{"speech", datatest.Waves, model.ModelVRAE, dataset.Options{Frame: 5}, 3, true, "training samples scores reconstructions kl map walk settings", 0},
	{"strokes", datatest.Strokes, model.ModelVRAE, dataset.Options{}, 3, true, "training samples scores reconstructions kl map walk settings", 0},
	{"text", func(t testing.TB) string {
		return datatest.One(t, "a.txt", strings.Repeat("So <it> goes & on. ", 60))
	}, model.ModelRNN, dataset.Options{}, 0, false, "training samples scores settings", 0},
	{"curves", func(t testing.TB) string { return datatest.One(t, "a.csv", datatest.Table("up,down", 300, 2, 3, 1e5)) }, model.ModelVRAE, dataset.Options{Window: 24}, 3, true,
		"training samples scores reconstructions kl map walk settings", 0},
}

// run makes a run of a model that has not been trained.
func (k kindOfRun) run(t testing.TB) *Run {
	t.Helper()
	var d *dataset.Data
	var err error
	path := ""
	if k.data == nil {
		d, err = dataset.Tunes(true, k.opts)
	} else {
		path = k.data(t)
		d, err = dataset.Open(path, k.opts, new(infile.Budget))
	}
	if err != nil {
		t.Fatal(err)
	}
	if k.given > 0 {
		condition(d.Data, k.given)
	}
	c := model.Config{Given: k.given, Model: k.model, Likelihood: d.Suits.Likelihood, Data: d.Dim, Hidden: 6, Latent: k.latent, Classes: d.Form.Classes, Components: 2}
	if c.Teacher = k.name == "strokes"; !c.Teacher { // what is drawn cannot be fed back
		c.Components = 0
	}
	m, err := model.New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, d.Stats())
	file := filepath.Join(t.TempDir(), model.BestFile)
	if err := model.Save(file, m, d.Data); err != nil {
		t.Fatal(err)
	}
	r := &Run{Name: "a <run>", About: "a & b", Seed: 1, Threads: 2, Facts: [][2]string{{"test", "1 < 2"}}, Train: &model.TrainConfig{Epochs: 3, Rate: 0.01}}
	if r.Model, r.Info, err = model.Load(file); err != nil {
		t.Fatal(err)
	}
	if kind, _ := model.KindOf(k.model); kind.Latent == model.LatentSequence {
		r.Data = d
	} else if r.Data, err = dataset.OpenUncut(path, "", r.Info, false, new(infile.Budget)); err != nil {
		t.Fatal(err)
	}
	if k.given > 0 {
		condition(r.Data.Data, k.given)
	}
	for e := range 3 {
		s := model.Score{NLLPerStep: 3 - float64(e), ReconPerStep: 2, KLPerStep: 1 - float64(e), Exact: k.latent == 0}
		r.History = append(r.History, model.Epoch{Epoch: e + 1, GradNorm: math.NaN(), Train: s, Valid: s})
	}
	return r
}

// condition gives every sequence one of n conditions.
func condition(d *model.Data, n int) {
	d.Given = n
	for _, list := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		for i := range list {
			list[i].Given = make([]float32, n*list[i].Steps(d.Dim))
			for at := i % n; at < len(list[i].Given); at += n {
				list[i].Given[at] = 1
			}
		}
	}
}

func pageOf(t *testing.T, r *Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Of(r).Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var scripts = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// wellFormed reads a page as strictly as one can.
func wellFormed(page string) error {
	page = scripts.ReplaceAllString(page, "")
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "link"}, xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		switch v := token.(type) {
		case xml.StartElement:
			open = append(open, v.Name.Local)
		case xml.EndElement:
			if n := len(open); n == 0 || open[n-1] != v.Name.Local {
				return errors.New("a stray </" + v.Name.Local + ">")
			}
			open = open[:len(open)-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if len(open) > 0 {
		return errors.New("left open: " + strings.Join(open, " "))
	}
	return nil
}

// TestPage: of every kind of data the page has what there is to be seen, is well-formed, asks nobody for anything, escapes what comes
// from outside, and is the same again.
func TestPage(t *testing.T) {
	drawn := map[string]bool{}
	for _, k := range kinds {
		r := k.run(t)
		page := pageOf(t, r)
		if again := pageOf(t, r); again != page {
			t.Errorf("%s: another page the second time", k.name)
		}
		if err := wellFormed(page); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		if n := len(page); n > 2<<20 {
			t.Errorf("%s: %d bytes", k.name, n)
		}
		for _, bad := range []string{"http:", "https:", `src="/`, `href="/`, "@import", "url(", "<b>x", "<i>x", "<it>", "</script>.csv", "a <run>", "ZgotmplZ"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page has %s", k.name, bad)
			}
		}
		var ids []string
		for _, id := range regexp.MustCompile(`<section id="([a-z]+)"`).FindAllStringSubmatch(page, -1) {
			ids = append(ids, id[1])
		}
		if got := strings.Join(ids, " "); got != "results "+k.want {
			t.Errorf("%s: sections %s, want results %s", k.name, got, k.want)
		}
		var data struct {
			Figures []struct {
				Kind, Title string
				Data        map[string]any
			}
			Explore any
		}
		text := regexp.MustCompile(`(?s)id="page-data">(.*?)</script>`).FindStringSubmatch(page)
		if text == nil {
			t.Fatalf("%s: no data", k.name)
		}
		if err := json.Unmarshal([]byte(text[1]), &data); err != nil || data.Explore != nil {
			t.Errorf("%s: %v", k.name, err)
		}
		for _, f := range data.Figures {
			drawn[f.Kind] = true
			if f.Title == "" || len(f.Data) == 0 {
				t.Errorf("%s: a %s without title or data", k.name, f.Kind)
			}
		}
		if n := strings.Count(page, "<figure data-index="); n != len(data.Figures) || n < 4 {
			t.Errorf("%s: %d figures, of which %d have data", k.name, n, len(data.Figures))
		}
		if strings.Contains(k.want, "walk") != strings.Contains(page, "50 %") {
			t.Errorf("%s: the walk has no middle", k.name)
		}
	}
	for kind := range drawn {
		if !regexp.MustCompile(`const drawers = \{[^}]*\b` + kind + `\b`).MatchString(script) {
			t.Errorf("no drawer of a %s", kind)
		}
	}
	if len(drawn) != 8 {
		t.Errorf("%d kinds of figures were drawn: %v", len(drawn), drawn)
	}
}

// TestPolicy: the page lets its own script and style run and no others.
func TestPolicy(t *testing.T) {
	page := pageOf(t, kinds[6].run(t))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("no policy")
	}
	said := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy[1])
	for _, element := range []string{"style", "script"} {
		text := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindStringSubmatch(page)
		sum := sha256.Sum256([]byte(text[1]))
		if want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(said, want) {
			t.Errorf("%s is not in %s", want, said)
		}
	}
	if !strings.Contains(said, "default-src 'none'") || !strings.Contains(said, "connect-src 'none'") {
		t.Error(said)
	}
}

// TestNoSteps: data of no steps are as good as none; a test part of no steps leaves the others.
func TestNoSteps(t *testing.T) {
	r := kinds[7].run(t)
	d := *r.Data.Data
	r.Data = &dataset.Data{Data: &d}
	empty := []model.Sequence{{Name: "nothing"}}
	d.Test = empty
	if page := pageOf(t, r); !strings.Contains(page, `id="reconstructions"`) || !strings.Contains(page, `id="scores"`) {
		t.Error("nothing of train and valid")
	}
	d.Train, d.Valid = nil, empty
	if page := pageOf(t, r); !strings.Contains(page, "no steps") || strings.Contains(page, `id="scores"`) {
		t.Error("scores of no steps")
	}
}

// TestNoData: without the data of the training there is a page all the same, which says so.
func TestNoData(t *testing.T) {
	r := kinds[2].run(t)
	r.Data, r.Missing, r.History = nil, errors.New("it is <gone>"), nil
	page := pageOf(t, r)
	for _, want := range []string{"it is &lt;gone&gt;", "history of the training is not", `id="samples"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(page, `id="scores"`) {
		t.Error("scores of no data")
	}
}
