package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// exploring is a latent space to move in.
type exploring struct {
	Planes []view   `json:"planes"`
	Given  []string `json:"given"` // the conditions there are to choose from, by whose they are

	show   shower
	decode func(z, given []float32, count, steps int) []float32
	given  [][]float32 // the conditions
	data   *scale      // so that axes do not jump from point to point
	steps  int
	mu     sync.Mutex // one decoding at a time
}

// view is a plane as the script shows it, from Low to High.
type view struct {
	*Plane `json:"-"`
	Name   string     `json:"name"`
	Plot   plot       `json:"plot"`
	Low    [2]float64 `json:"low"`
	High   [2]float64 `json:"high"`
}

// maxViews is how many planes there are to choose from, the principal components and pairs of the dimensions with the largest
// KL terms.
const maxViews = 9

// longest is how many steps of a sequence a point is decoded to at most.
const longest = 128

// Explorer is a page that is served.
type Explorer struct {
	page *Page
	*exploring
}

// Explore returns the page of a run with a latent plane to move in. It is an error if the model has none.
func Explore(r *Run) (*Explorer, error) {
	c := r.Model.Settings()
	decode := r.decoder()
	switch {
	case c.Latent == 0:
		return nil, fmt.Errorf("a %s has no latent variables to move in", c.Model)
	case decode == nil:
		return nil, fmt.Errorf("a %s has latent variables of every step: there is no point that could be decoded to a whole sequence", c.Model)
	case r.Data == nil:
		return nil, fmt.Errorf("where the data lie is not known: %w", r.Missing)
	}
	codes := r.codes()
	if codes.rows() == 0 {
		return nil, fmt.Errorf("%s: no steps to encode", r.Data.Name)
	}
	e := &exploring{show: r.shower(), decode: decode, steps: 1}
	if r.whole() {
		e.steps = min(r.length(codes.seqs), longest)
	}
	e.Planes = append(e.Planes, viewOf(codes))
	order := codes.order()
	e.conditions(r, codes.seqs)
	e.data = e.scale(r, codes.seqs)
	mean := codes.mean()
	for k := 0; k+1 < len(order) && c.Latent > 2 && len(e.Planes) < maxViews; k += 2 {
		of := *codes
		of.plane = axesOf(c.Latent, order[k], order[k+1])
		of.plane.through(mean)
		e.Planes = append(e.Planes, viewOf(&of))
	}
	p := Of(r)
	p.explore = e
	return &Explorer{p, e}, nil
}

// conditions offers the conditions of sequences that begin with different ones, by the label of the first of them or its name.
func (e *exploring) conditions(r *Run, seqs []model.Sequence) {
	const most = 24
	n := r.Model.Settings().Given
	seen := map[string]bool{}
	for i := range seqs {
		if n == 0 || len(e.given) == most {
			break
		}
		row := fmt.Sprint(seqs[i].Given[:n])
		if seen[row] {
			continue
		}
		seen[row] = true
		e.Given = append(e.Given, cmp.Or(seqs[i].Label, filepath.Base(seqs[i].Name)))
		e.given = append(e.given, r.conditions(seqs[i:i+1], 1, e.steps))
	}
	if len(e.given) == 0 {
		e.given = [][]float32{nil}
	}
}

// scale returns the axes that some of the data need.
func (e *exploring) scale(r *Run, seqs []model.Sequence) *scale {
	const some = 6
	var o dataset.Output
	for i := range seqs[:min(len(seqs), some)] {
		q := seqs[i].Slice(0, min(seqs[i].Steps(r.Data.Dim), e.steps), r.Data.Dim)
		o.Pieces, o.Names = append(o.Pieces, q.Values(r.Data.Dim)), append(o.Names, q.Name)
	}
	a := newScale()
	a.widen(e.show.show(o))
	return a
}

// mean is that of all rows.
func (c *codes) mean() []float64 {
	mean := make([]float64, len(c.kls))
	for _, z := range c.means {
		for j, v := range z {
			mean[j] += float64(v) / float64(len(c.means))
		}
	}
	return mean
}

// viewOf returns the plane of the codes, as large as that they all have room with a margin.
func viewOf(c *codes) view {
	v := view{Plane: c.plane, Name: c.plane.Title(), Plot: c.plot(), Low: [2]float64{math.Inf(1), math.Inf(1)}, High: [2]float64{math.Inf(-1), math.Inf(-1)}}
	for _, g := range v.Plot.Groups {
		for i := range g.X {
			for k, at := range [2]float64{g.X[i], g.Y[i]} {
				v.Low[k], v.High[k] = math.Min(v.Low[k], at), math.Max(v.High[k], at)
			}
		}
	}
	for k := range v.Low {
		margin := math.Max(0.1*(v.High[k]-v.Low[k]), 0.5)
		v.Low[k], v.High[k] = v.Low[k]-margin, v.High[k]+margin
	}
	return v
}

// decoded is what a point is decoded to.
type decoded struct {
	Figures []Figure `json:"figures"`
	Millis  float64  `json:"millis"` // that it took
}

// at returns what a point of a plane is decoded to.
func (e *exploring) at(plane, given int, x, y float64) decoded {
	e.mu.Lock()
	defer e.mu.Unlock()
	start := time.Now()
	made := e.decode(e.Planes[plane].At(x, y), e.given[given], 1, e.steps)
	d := decoded{Figures: e.show.show(dataset.Output{Pieces: [][]float32{made}, Means: true, Names: []string{"decoded"}})}
	a := *e.data
	a.charts = maps.Clone(a.charts)
	a.widen(d.Figures)
	a.apply(d.Figures)
	d.Millis = float64(time.Since(start).Microseconds()) / 1000
	return d
}

// Latency returns the median and the longest time of n moves over the first plane, each decoded and encoded for the page.
func (e *Explorer) Latency(n int) (usual, most time.Duration) {
	v := e.Planes[0]
	var took []time.Duration
	for i := range n {
		start := time.Now()
		share := (float64(i) + 0.5) / float64(n)
		if _, err := json.Marshal(e.at(0, 0, v.Low[0]+share*(v.High[0]-v.Low[0]), v.High[1]-share*(v.High[1]-v.Low[1]))); err != nil {
			panic("report: Latency: " + err.Error()) // figures hold nothing that JSON cannot
		}
		took = append(took, time.Since(start))
	}
	return median(took), slices.Max(took)
}

// ServeHTTP serves the page at / and what points decode to at /decode?plane=0&given=0&x=0.5&y=-1, as JSON. It answers requests alone that
// name this machine as their host, so that no page from elsewhere can ask.
func (e *Explorer) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", policy("'self'")+"; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	switch {
	case !local(q.Host):
		http.Error(w, "this page is served to this machine alone", http.StatusForbidden)
	case q.Method != http.MethodGet && q.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
	case q.URL.Path == "/":
		h.Set("Content-Type", "text/html; charset=utf-8")
		_ = e.page.Write(w) // an error is that of a reader who is gone
	case q.URL.Path == "/decode":
		e.serveDecode(w, q)
	default:
		http.NotFound(w, q)
	}
}

func (e *Explorer) serveDecode(w http.ResponseWriter, q *http.Request) {
	form := q.URL.Query()
	plane, err := strconv.Atoi(form.Get("plane"))
	given, none := strconv.Atoi(form.Get("given"))
	if none != nil || given < 0 || given >= len(e.given) {
		err = fmt.Errorf("want given=0..%d", len(e.given)-1)
	}
	var at [2]float64
	for k, name := range []string{"x", "y"} {
		var bad error
		if at[k], bad = strconv.ParseFloat(form.Get(name), 64); bad != nil || !(math.Abs(at[k]) <= 1e6) {
			err = fmt.Errorf("want %s=NUMBER", name)
		}
	}
	if err != nil || plane < 0 || plane >= len(e.Planes) {
		http.Error(w, fmt.Sprintf("want plane=0..%d, given=0..%d, x and y", len(e.Planes)-1, len(e.given)-1), http.StatusBadRequest)
		return
	}
	text, err := json.Marshal(e.at(plane, given, at[0], at[1]))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// local reports whether a Host header names this machine.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
