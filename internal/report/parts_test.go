package report

import (
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/model"
)

// TestServe: the server gives the page and what points decode to, to this machine alone, and nothing else.
func TestServe(t *testing.T) {
	e, err := Explore(kinds[0].run(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, host string) (int, http.Header, string) {
		q := httptest.NewRequest(method, path, nil)
		q.Host = host
		w := httptest.NewRecorder()
		e.ServeHTTP(w, q)
		body, _ := io.ReadAll(w.Result().Body)
		return w.Code, w.Result().Header, string(body)
	}
	code, header, page := ask("GET", "/", "127.0.0.1:80")
	if code != 200 || !strings.Contains(page, `id="explore"`) || !strings.Contains(page, `"planes":[{"name":"z, dimension 0 and 1"`) {
		t.Errorf("code %d, %.200s", code, page)
	}
	if p := header.Get("Content-Security-Policy"); !strings.Contains(p, "connect-src 'self'") || !strings.Contains(p, "frame-ancestors 'none'") || strings.Contains(p, "unsafe") {
		t.Error(p)
	}
	if err := wellFormed(page); err != nil {
		t.Error(err)
	}
	_, _, text := ask("GET", "/decode?plane=0&given=0&x=0.5&y=-1", "localhost:80")
	var d struct {
		Figures []struct {
			Kind string
			Data images
		}
		Millis float64
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil || len(d.Figures) != 1 || d.Figures[0].Kind != "images" || d.Figures[0].Data.Rows == 0 {
		t.Errorf("%v, %.200s", err, text)
	}
	if _, _, other := ask("GET", "/decode?plane=0&given=0&x=3&y=3", "[::1]:80"); other == text {
		t.Error("two points are the same")
	}
	for _, bad := range []struct {
		method, path, host string
		code               int
	}{
		{"GET", "/", "elsewhere.example", 403}, {"GET", "/decode?plane=0&given=0&x=0&y=0", "elsewhere.example:80", 403}, {"POST", "/", "127.0.0.1", 405}, {"GET", "/secret", "127.0.0.1", 404},
		{"GET", "/decode", "127.0.0.1", 400}, {"GET", "/decode?plane=0&given=1&x=0&y=0", "127.0.0.1", 400}, {"GET", "/decode?plane=1&given=0&x=0&y=0", "127.0.0.1", 400}, {"GET", "/decode?plane=-1&given=0&x=0&y=0", "127.0.0.1", 400},
		{"GET", "/decode?plane=0&given=0&x=NaN&y=0", "127.0.0.1", 400}, {"GET", "/decode?plane=0&given=0&x=1e99&y=0", "127.0.0.1", 400},
	} {
		if code, _, _ := ask(bad.method, bad.path, bad.host); code != bad.code {
			t.Errorf("%s %s of %s: code %d, want %d", bad.method, bad.path, bad.host, code, bad.code)
		}
	}
	if median, most := e.Latency(5); median <= 0 || most < median {
		t.Errorf("%v and %v", median, most)
	}
}

// TestExplore: there are planes of pairs of dimensions, each once, and all go through the mean; models without a latent variable of
// a whole sequence are refused.
func TestExplore(t *testing.T) {
	r := kinds[1].run(t)
	e, err := Explore(r)
	if err != nil || len(e.Planes) != 2 || e.Planes[0].Name != "principal components" || !strings.HasPrefix(e.Planes[1].Name, "z, dimension ") {
		t.Fatalf("%v, %d planes", err, len(e.Planes))
	}
	mean := r.codes().mean()
	for _, p := range e.Planes {
		z := make([]float32, len(mean))
		for j := range z {
			z[j] = float32(mean[j])
		}
		for j, v := range p.At(p.Project(z)) {
			if math.Abs(float64(v-z[j])) > 1e-5 {
				t.Errorf("%s: dimension %d of the mean is %v, not %v", p.Name, j, v, z[j])
			}
		}
	}
	if e.steps != 24 {
		t.Errorf("points are decoded to %d steps, want as many as a window has", e.steps)
	}
	for _, k := range kinds {
		if _, err := Explore(k.run(t)); (err == nil) != k.plane {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

// TestPlane: points on a plane in five dimensions keep their distances on a map, and are found again from it.
func TestPlane(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, dim = 40, 5
	a, b := [dim]float64{0.6, 0, 0.8, 0, 0}, [dim]float64{0, 1, 0, 0, 0}
	points, flat := make([]float32, n*dim), make([]float32, n*2)
	for i := range n {
		u, v := rng.NormFloat64()*3, rng.NormFloat64()
		flat[2*i], flat[2*i+1] = float32(u), float32(v)
		for j := range dim {
			points[i*dim+j] = float32(u*a[j] + v*b[j] + 7)
		}
	}
	p, q := PlaneOf(points, n, dim), PlaneOf(flat, n, 2)
	if math.Abs(p.Share-1) > 1e-4 || q.Share != 1 || q.X != "z, dimension 0" || q.Y != "z, dimension 1" {
		t.Errorf("shares of the variance %v and %v, want 1; %q %q", p.Share, q.Share, q.X, q.Y)
	}
	x0, y0 := p.Project(points[:dim])
	for i := 1; i < n; i++ {
		z := points[i*dim : (i+1)*dim]
		x, y := p.Project(z)
		want := math.Hypot(float64(flat[2*i]-flat[0]), float64(flat[2*i+1]-flat[1]))
		if got := math.Hypot(x-x0, y-y0); math.Abs(got-want) > 1e-4 {
			t.Errorf("distance %v, want %v", got, want)
		}
		for j, v := range p.At(x, y) {
			if math.Abs(float64(v-z[j])) > 1e-4 {
				t.Errorf("point %d, dimension %d: %v, want %v", i, j, v, z[j])
			}
		}
	}
	if one := PlaneOf([]float32{1, 2, 4}, 3, 1); one.Y != "" || one.At(3, 9)[0] != 3 || one.Title() != "z, dimension 0" {
		t.Errorf("of one dimension: %+v", one)
	}
}

// TestSounds: sounds beside each other have the same axes, and silence is black.
func TestSounds(t *testing.T) {
	s := shower{model.Form{Kind: model.FormWave, Rate: 8000}, 1}
	loud, quiet := s.sound(piece{x: []float32{0, 32767, -32768, 0}}), s.sound(piece{x: make([]float32, 4000)})
	align([]Figure{loud, quiet})
	a, b := loud.Data.(*sound), quiet.Data.(*sound)
	if a.Peak != b.Peak || a.Length != b.Length || a.Peak < 0.99 || slices.Max(a.Levels) != 255 || slices.Max(b.Levels) != 0 {
		t.Errorf("axes %v and %v, %v and %v; loudest %d and %d", a.Peak, b.Peak, a.Length, b.Length, slices.Max(a.Levels), slices.Max(b.Levels))
	}
}

// TestShow: drawings keep their proportions and their gaps, rolls their notes and common axes.
func TestShow(t *testing.T) {
	if got, want := pathOf([]float32{0, 2, 0, 1, 0, 1, 0, -1, 0}), "M6.0 72.0L6.0 72.0L94.0 72.0L94.0 28.0M50.0 28.0L50.0 28.0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := pathOf([]float32{0, float32(math.Inf(1)), 0}); strings.Contains(got, "Inf") || strings.Contains(got, "NaN") {
		t.Error(got)
	}
	s := shower{model.Form{Kind: model.FormRoll, Rate: 2}, 88}
	rows := make([]float32, 4*88)
	rows[39], rows[88+39], rows[3*88+39], rows[88+50] = 1, 1, 1, 1 // C4 twice, once longer, and B4
	f, silent := s.roll(piece{x: rows}), s.roll(piece{x: make([]float32, 2*88)})
	align([]Figure{f, silent})
	r, empty := f.Data.(*roll), silent.Data.(*roll)
	if want := [][3]int{{60, 0, 2}, {71, 1, 2}, {60, 3, 4}}; !slices.Equal(r.Notes, want) {
		t.Errorf("notes %v, want %v", r.Notes, want)
	}
	if r.Low != empty.Low || r.High != empty.High || r.High-r.Low < 23 || r.Low > 60 || r.High < 71 || empty.Length != 4 || f.Words != "3 notes in 2 quarters, from C4 to B4" {
		t.Errorf("axes %d..%d and %d..%d, %q", r.Low, r.High, empty.Low, empty.High, f.Words)
	}
	text, err := json.Marshal(numbers{1, math.NaN(), 1.0 / 3, math.Inf(-1), 1e9})
	if err != nil || string(text) != "[1,null,0.33333,null,1e+09]" {
		t.Errorf("%s, %v", text, err)
	}
	if text, _ := json.Marshal(numbers{100001.23456, 100002.34567}); string(text) != "[100001.235,100002.346]" {
		t.Errorf("%s", text)
	}
}

// TestGroups: sequences are told apart by label, folder, the beginning of their names or the piece, whatever makes a few groups.
func TestGroups(t *testing.T) {
	many := func(name func(i int) model.Sequence) (list []model.Sequence) {
		for i := range 60 {
			list = append(list, name(i))
		}
		return list
	}
	letter := func(i int) string { return string(rune('a' + i%3)) }
	for what, c := range map[string]struct {
		list []model.Sequence
		want string
	}{
		"label": {many(func(i int) model.Sequence { return model.Sequence{Name: "x/y" + letter(i), Label: letter(i)} }), "b"},
		"folder": {many(func(i int) model.Sequence {
			return model.Sequence{Name: "x/" + letter(i) + "/" + strings.Repeat("n", i) + ".wav"}
		}), "b"},
		"name": {many(func(i int) model.Sequence {
			return model.Sequence{Name: "x/" + letter(i) + "_" + strings.Repeat("n", i)}
		}), "b"},
		"piece": {many(func(i int) model.Sequence {
			return model.Sequence{Name: "tune" + letter(i) + "@" + strings.Repeat("1", i/3+1)}
		}), "tuneb"},
		"none": {many(func(i int) model.Sequence { return model.Sequence{Name: "x/" + strings.Repeat("n", i+1)} }), ""},
	} {
		if got := GroupsOf(c.list)[1]; got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// TestGiven: a model with conditions is shown under those of the data, and explored under each of them.
func TestGiven(t *testing.T) {
	for _, k := range kinds[:3] {
		k.given = 2
		r := k.run(t)
		page := pageOf(t, r)
		for _, id := range strings.Fields(k.want) {
			if !strings.Contains(page, `id="`+id+`"`) {
				t.Errorf("%s: no %s", k.name, id)
			}
		}
		if !k.plane {
			continue
		}
		e, err := Explore(r)
		if err != nil || len(e.Given) != 2 {
			t.Fatalf("%s: %v, conditions of %q", k.name, err, e.Given)
		}
		shown := map[string]bool{}
		for i := range e.Given {
			text, err := json.Marshal(e.at(0, i, 0, 0).Figures)
			if err != nil {
				t.Fatal(err)
			}
			shown[string(text)] = true
		}
		if k.name == "images" && len(shown) < 2 {
			t.Errorf("%s: the same under all conditions", k.name)
		}
	}
}

// TestScale: what a point is decoded to has the axes of the data, so that they do not jump, or wider ones where it needs them.
func TestScale(t *testing.T) {
	e, err := Explore(kinds[7].run(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range e.at(0, 0, 1, -1).Figures {
		c := f.Data.(*chart)
		data := e.data.charts[f.Title]
		low, high := math.Min(data[0], slices.Min(c.Lines[0].Y)), math.Max(data[1], slices.Max(c.Lines[0].Y))
		if !slices.Equal(c.Range, numbers{low, high}) || data[1]-data[0] < 10 {
			t.Errorf("%s: from %v to %v, want %v to %v; data %v", f.Title, c.Range[0], c.Range[1], low, high, data)
		}
	}
	a := newScale()
	wide := Figure{"chart", "x", "", &chart{Lines: []line{{Y: numbers{0, 5}}, {Y: numbers{math.NaN(), -3}}}}}
	narrow := Figure{"chart", "x", "", &chart{Lines: []line{{Y: numbers{1}}}}}
	a.widen([]Figure{wide})
	a.apply([]Figure{narrow})
	if r := narrow.Data.(*chart).Range; !slices.Equal(r, numbers{-3, 5}) {
		t.Error(r)
	}
}

// TestMemory: a page takes what its largest part takes, the draws of a forecast among them.
func TestMemory(t *testing.T) {
	for _, k := range kinds {
		r := k.run(t)
		c, all := r.Model.Settings(), sequences(r.stretches())
		got := r.Memory()
		for what, need := range map[string]float64{
			"scores":   c.MemoryToScoreSteps(all, r.Data.Dim, model.EvalConfig{Threads: r.Threads}),
			"forecast": float64(len(r.forecast().Figures)) * forecastDraws * 4 * float64(c.Hidden),
			"codes":    float64(c.Latent) * 4,
		} {
			if got < need {
				t.Errorf("%s: %.0f bytes, but %s take %.0f", k.name, got, what, need)
			}
		}
		if r.Data = nil; r.Memory() <= 0 || r.Memory() > got {
			t.Errorf("%s: %v bytes without data, %v with them", k.name, r.Memory(), got)
		}
	}
}
