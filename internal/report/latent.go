package report

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// latents adds what there is to be seen of the latent variables.
func (r *Run) latents(add func(Section)) {
	add(r.reconstructions())
	c := r.codes()
	if c.rows() == 0 {
		return
	}
	add(c.kl())
	add(Section{ID: "map", Title: "Map of the latent space", Layout: wide, Text: c.words(), Figures: []Figure{{"map", c.plane.Title(), "", c.plot()}}})
	add(r.manifold(c))
	add(r.walk(c))
}

// reconstructions are what data are decoded to, beside them.
func (r *Run) reconstructions() Section {
	form := r.Info.Form
	most := dataset.Beside(form)
	if most == 1 {
		most = 2
	}
	seqs := r.tests(most, r.whole())
	made := model.Reconstruct(r.Model, seqs, r.Threads)
	s := Section{ID: "reconstructions", Title: "Reconstructions", Layout: pairs,
		Text: "What the means of the latent variables are decoded to. A model that feeds data back sees the data before each step, too."}
	switch form.Kind {
	case model.FormImage, model.FormStrokes: // a sheet of each
		s.Figures = r.shower().show(dataset.Output{Pieces: made, Means: true, Before: seqs, Names: slices.Repeat([]string{"reconstructions"}, len(made))})
	case model.FormSeries: // one over the other
		s.Layout = wide
		s.Figures = r.shower().show(dataset.Output{Pieces: made[:1], Means: true, Before: seqs[:1], Names: []string{"reconstruction"}})
	default:
		for i := range made {
			s.Figures = append(s.Figures, r.shower().show(dataset.Output{Pieces: made[i : i+1], Means: true, Before: seqs[i : i+1], Names: []string{"reconstruction"}})...)
		}
		align(s.Figures)
	}
	return s
}

// whole reports whether there is one z for a sequence.
func (r *Run) whole() bool {
	k, err := model.KindOf(r.Model.Settings().Model)
	return err == nil && k.Latent == model.LatentSequence
}

// codes are encoded data.
type codes struct {
	of     string      // what a row is of: a step or a sequence
	groups []string    // of each row
	means  [][]float32 // of each row
	kls    []float64   // of each dimension, the mean over the rows
	seqs   []model.Sequence
	plane  *Plane
}

func (c *codes) rows() int { return len(c.means) }

// codes encodes the data.
func (r *Run) codes() *codes {
	z := r.Model.Settings().Latent
	c := &codes{of: "step", kls: make([]float64, z), seqs: sequences(r.stretches())}
	if r.whole() || r.Info.Form.Kind == model.FormImage {
		c.of = "sequence"
	}
	if r.Info.Form.Kind == model.FormImage {
		c.of = "image"
	}
	group := GroupsOf(c.seqs)
	encoded, rows := model.Encode(r.Model, c.seqs, r.Threads), 0
	for _, e := range encoded {
		rows += len(e.Mean) / z
	}
	every, at := max((rows+maxMapped-1)/maxMapped, 1), 0
	for i, e := range encoded {
		for k := 0; k < len(e.Mean); k += z {
			for j, v := range e.KL[k : k+z] {
				c.kls[j] += float64(v) / float64(rows)
			}
			if at%every == 0 {
				c.means, c.groups = append(c.means, e.Mean[k:k+z]), append(c.groups, group[i])
			}
			at++
		}
	}
	if len(c.means) > 0 {
		c.plane = PlaneOf(slices.Concat(c.means...), len(c.means), z)
	}
	return c
}

// GroupsOf returns what each sequence is told apart by on a map: its label, or the folder of its file, or how the name of its
// file begins, or the piece that it is of, whatever makes a few groups first. One group has no name.
func GroupsOf(seqs []model.Sequence) []string {
	const most = 24
	for _, of := range []func(q *model.Sequence) string{
		func(q *model.Sequence) string { return q.Label },
		func(q *model.Sequence) string { return filepath.Base(filepath.Dir(q.Name)) },
		func(q *model.Sequence) string {
			name := filepath.Base(q.Name)
			if i := strings.IndexAny(name, "_- "); i > 0 {
				return name[:i]
			}
			return name
		},
		func(q *model.Sequence) string { piece, _ := model.Piece(q.Name); return filepath.Base(piece) },
	} {
		names, seen := make([]string, len(seqs)), map[string]bool{}
		for i := range seqs {
			names[i] = of(&seqs[i])
			seen[names[i]] = true
		}
		if len(seen) >= 2 && len(seen) <= most {
			return names
		}
	}
	return make([]string, len(seqs))
}

// order returns the dimensions, those with the largest KL terms first.
func (c *codes) order() []int {
	order := make([]int, len(c.kls))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.kls[b], c.kls[a]) })
	return order
}

// kl is the KL term of every dimension.
func (c *codes) kl() Section {
	order := c.order()
	b, sum, used := bars{X: "dimension of z", Y: "nats per " + c.of}, 0.0, 0
	for _, j := range order {
		b.Names, b.Values = append(b.Names, strconv.Itoa(j)), append(b.Values, c.kls[j])
		if sum += c.kls[j]; c.kls[j] > inUse {
			used++
		}
	}
	return Section{ID: "kl", Title: "KL per latent dimension", Layout: wide,
		Text:    fmt.Sprintf("%.4g nats per %s together; %d of %d dimensions have more than %g.", sum, c.of, used, len(order), inUse),
		Figures: []Figure{{"bars", "mean KL, the largest first", "", b}}}
}

// inUse is how many nats a dimension of z takes on average that a model makes use of.
const inUse = 0.01

func (c *codes) words() string {
	s := fmt.Sprintf("The means of z of %d %ss", len(c.means), c.of)
	if n := len(c.plot().Groups); n > 1 {
		s += fmt.Sprintf(", in %d groups; choose one in the legend to see it alone", n)
	}
	if c.plane.Share < 1 {
		s += fmt.Sprintf(". The map shows %.0f %% of the variance", 100*c.plane.Share)
	}
	return s + "."
}

// plot returns the map.
func (c *codes) plot() plot {
	p := plot{X: c.plane.X, Y: c.plane.Y}
	index := map[string]int{}
	for i, z := range c.means {
		k, ok := index[c.groups[i]]
		if !ok {
			k = len(p.Groups)
			index[c.groups[i]] = k
			p.Groups = append(p.Groups, group{Name: c.groups[i]})
		}
		x, y := c.plane.Project(z)
		p.Groups[k].X, p.Groups[k].Y = append(p.Groups[k].X, x), append(p.Groups[k].Y, y)
	}
	slices.SortStableFunc(p.Groups, func(a, b group) int { return naturally(a.Name, b.Name) })
	return p
}

// naturally orders numbers by their size.
func naturally(a, b string) int {
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// Plane is a plane in a latent space:
//
//	z = Origin + x U + y V,   x = U·z, y = V·z
//
// where U and V are orthonormal.
type Plane struct {
	X, Y         string // what the axes are
	Origin, U, V []float64
	Share        float64 // of the variance of the points that it was made for
}

// PlaneOf returns the plane of the first two principal components of n points [n, dim], through their mean, or of the dimensions
// themselves where there are no more than two.
func PlaneOf(points []float32, n, dim int) *Plane {
	all := mat.NewDense(n, dim, nil)
	mean := make([]float64, dim)
	for i := range n {
		for j := range dim {
			v := float64(points[i*dim+j])
			all.Set(i, j, v)
			mean[j] += v / float64(n)
		}
	}
	p := axesOf(dim, 0, min(1, dim-1))
	if p.Share = 1; dim == 1 {
		p.V, p.Y = make([]float64, 1), ""
	}
	var pc stat.PC
	if dim > 2 && n > 2 && pc.PrincipalComponents(all, nil) {
		var axes mat.Dense
		pc.VectorsTo(&axes)
		p.U, p.V = mat.Col(nil, 0, &axes), mat.Col(nil, 1, &axes)
		p.X, p.Y = "first principal component of z", "second"
		shown, total := 0.0, 0.0
		for k, v := range pc.VarsTo(nil) {
			if total += v; k < 2 {
				shown += v
			}
		}
		if total > 0 {
			p.Share = shown / total
		}
	}
	p.through(mean)
	return p
}

// axesOf returns the plane of two dimensions through 0.
func axesOf(dim, i, j int) *Plane {
	p := &Plane{X: fmt.Sprintf("z, dimension %d", i), Y: fmt.Sprintf("z, dimension %d", j), Origin: make([]float64, dim), U: make([]float64, dim), V: make([]float64, dim)}
	p.U[i], p.V[j] = 1, 1
	return p
}

// through moves the plane so that it goes through a point.
func (p *Plane) through(z []float64) {
	x, y := dot(p.U, z), dot(p.V, z)
	for j := range z {
		p.Origin[j] = z[j] - float64(x*p.U[j]) - float64(y*p.V[j])
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += float64(a[i] * b[i])
	}
	return sum
}

// Title names the plane.
func (p *Plane) Title() string {
	if strings.HasPrefix(p.X, "first") {
		return "principal components"
	}
	return strings.TrimSuffix(p.X+" and "+strings.TrimPrefix(p.Y, "z, dimension "), " and ")
}

// Project returns where a point is on the plane.
func (p *Plane) Project(z []float32) (x, y float64) {
	for j, v := range z {
		x += float64(p.U[j] * float64(v))
		y += float64(p.V[j] * float64(v))
	}
	return x, y
}

// At returns the point of a place on the plane.
func (p *Plane) At(x, y float64) []float32 {
	z := make([]float32, len(p.Origin))
	for j := range z {
		z[j] = float32(p.Origin[j] + float64(x*p.U[j]) + float64(y*p.V[j]))
	}
	return z
}

// manifold is what a VAE of images with two latent variables decodes a grid to, at quantiles of the prior.
// Source: Kingma and Welling 2014, Figure 4.
func (r *Run) manifold(c *codes) Section {
	s := Section{ID: "manifold", Title: "Manifold of the two latent variables", Layout: wide}
	m, ok := r.Model.(*model.VAE[float32])
	if !ok || m.Latent != 2 || r.Info.Form.Kind != model.FormImage {
		return s
	}
	const n = 16
	at := func(i int) float32 { return float32(math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/n-1)) }
	var z []float32
	for row := range n {
		for col := range n {
			z = append(z, at(col), at(n-1-row))
		}
	}
	x := make([]float32, n*n*m.Data)
	m.Decode(x, z, r.conditions(c.seqs[:1], n*n, 1), n*n)
	f := r.shower().images(fmt.Sprintf("%d × %d quantiles of the prior", n, n), []piece{{x: x}}, false)
	d := f.Data.(images)
	d.Across, d.Touched = n, true
	f.Data, f.Words = d, "from left to right dimension 0 grows, from below to above dimension 1"
	s.Figures = []Figure{f}
	return s
}

// walk goes from one sequence of the data to another in a straight line.
func (r *Run) walk(c *codes) Section {
	s := Section{ID: "walk", Title: "A walk through the latent space"}
	if r.Info.Form.Kind == model.FormSeries {
		s.Layout = wide
	}
	decode := r.decoder()
	if decode == nil {
		return s
	}
	groups := GroupsOf(c.seqs)
	other := slices.IndexFunc(groups, func(g string) bool { return g != groups[0] })
	if len(c.seqs) < 2 {
		return s
	}
	if other < 0 {
		other = 1
	}
	ends := []model.Sequence{c.seqs[0], c.seqs[other]}
	if !r.whole() && (ends[0].Steps(r.Data.Dim) > 1 || ends[1].Steps(r.Data.Dim) > 1) {
		return s // a latent variable of every step: there is no straight line from one sequence to another
	}
	const points = 5
	steps := ends[0].Steps(r.Data.Dim)
	e := model.Encode(r.Model, ends, 1)
	z := model.Interpolate(e[0].Mean, e[1].Mean, points)
	o := dataset.Output{Pieces: dataset.Split(decode(z, r.conditions(ends[:1], points, steps), points, steps), points), Means: true, Before: ends[:1], After: ends[1:],
		Names: []string{"from", "25 %", "50 %", "75 %", "to"}}
	s.Figures = r.shower().show(o)
	s.Text = fmt.Sprintf("From %s to %s, decoded in equal steps between the means of their latent variables, with the data at both ends.", filepath.Base(ends[0].Name), filepath.Base(ends[1].Name))
	return s
}

// decoder returns what decodes count latent vectors under conditions to means of so many steps, nil where a model has none for a
// whole sequence or data point.
func (r *Run) decoder() func(z, given []float32, count, steps int) []float32 {
	switch m := r.Model.(type) {
	case *model.VAE[float32]:
		return func(z, given []float32, count, _ int) []float32 {
			x := make([]float32, count*m.Data)
			m.Decode(x, z, given, count)
			return x
		}
	case *model.VRAE[float32]:
		return m.Decode
	}
	return nil
}
