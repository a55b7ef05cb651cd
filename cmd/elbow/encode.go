package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/report"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// The files that encode leaves.
const (
	latentFile = "latent.csv"
	mapFile    = "map" // .png and .svg
)

// maxMapped is how many windows, or steps, a map shows at most, the first ones: to find the nearest
// neighbours takes time in proportion to the square.
const maxMapped = 4000

func encode(_ context.Context, cmd *call) error {
	out := cmd.out
	var data dataFlags
	data.flags(cmd)
	from, dir := cmd.modelFlag(), cmd.outFlag()
	threads := cmd.Int("threads", runtime.GOMAXPROCS(0), "goroutines")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := checkLimits(cmd.given(), limit{"threads", *threads, 1, cell.MaxThreads}); err != nil {
		return err
	}
	if err := apart(data.path, *dir); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	d, err := latentData(&data, m, info, path, out)
	if err != nil {
		return err
	}
	if err := room(m.Settings().MemoryToEncode(d.All(), d.Dim, *threads), "encoding", cmd.FlagSet); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(latentFiles...); err != nil {
			return err
		}
		l, err := writeLatent(*dir, m, d, *threads)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, l)
		return cmd.left(*dir, []string{latentFile, mapFile + ".png"}, l.figures())
	})
}

// latentData reads what a model with latent variables is to read.
func latentData(f *dataFlags, m model.Model[float32], info model.Info, path string, out io.Writer) (*dataset.Data, error) {
	c := m.Settings()
	if c.Latent == 0 {
		return nil, fmt.Errorf("%s: a %s has no latent variables", path, c.Model)
	}
	return f.openFor(m, info, path, out)
}

// latent says how the data lie in a latent space. Neighbours are those of the first part, or of its
// beginning.
type latent struct {
	what            string // windows, of which each has one z, or steps
	rows, pieces    int
	purity          float64 // nearest neighbour of the same piece
	apart           float64 // likewise, where windows that share steps are no neighbours
	variance        float64 // share of the variance that the map shows
	kl              float64 // of all rows, the mean
	active, latents int     // dimensions, of which so many have a KL term above inUse
}

// figures are the same in JSON.
func (l latent) figures() map[string]any {
	return map[string]any{"kl": l.kl, "latent": l.latents, "active": l.active, l.what: l.rows, "pieces": l.pieces, "purity": l.purity, "purity_apart": l.apart, "map_variance": l.variance}
}

// inUse is how many nats a dimension of z takes on average that a model makes use of.
const inUse = 0.01

// String is what is printed.
func (l latent) String() string {
	if l.rows < 2 {
		return fmt.Sprintf("KL %.4f nats, %d of %d dimensions above %g", l.kl, l.active, l.latents, inUse)
	}
	return fmt.Sprintf("KL %.4f nats, %d of %d dimensions above %g\n%d %s of %d pieces: the nearest neighbour is of the same piece in %.1f %%, among %s that share no step in %.1f %%; the map shows %.0f %% of the variance",
		l.kl, l.active, l.latents, inUse, l.rows, l.what, l.pieces, 100*l.purity, l.what, 100*l.apart, 100*l.variance)
}

// point is a row of a table of latent variables, and what it is of.
type point struct {
	part, name, label string
	first, steps      int // of the piece
	mean              []float32
}

// writeLatent encodes the data, writes the table of all parts and draws the map of the
// first.
func writeLatent(dir string, m model.Model[float32], d *dataset.Data, threads int) (latent, error) {
	z, pieces := m.Settings().Latent, d.Pieces()
	seqs := make([]model.Sequence, len(pieces))
	for i := range pieces {
		seqs[i] = pieces[i].Sequence
	}
	codes := model.Encode(m, seqs, threads)
	var points []point
	l, kls, rows, whole := latent{what: "steps", latents: z}, make([]float64, z), 0, false
	if k, err := model.KindOf(m.Settings().Model); err == nil && wholeSequences(k) {
		l.what, whole = "windows", true
	}
	err := atomicfile.Write(filepath.Join(dir, latentFile), 0o666, func(w io.Writer) error {
		t := csv.NewWriter(w)
		line := []string{"part", "piece", "step", "label"}
		for _, name := range []string{"mean", "sigma", "kl"} {
			for j := range z {
				line = append(line, name+strconv.Itoa(j))
			}
		}
		t.Write(line)
		for i, e := range codes {
			p := pieces[i]
			piece, first := model.Piece(p.Name)
			n := len(e.Mean) / z
			each := 1
			if whole {
				each = p.Steps(d.Dim)
			}
			for r := range n {
				row := func(x []float32) []float32 { return x[r*z : (r+1)*z] }
				part := p.Part(r)
				line = append(line[:0], part, piece, strconv.Itoa(first+r), p.Label)
				for _, x := range [][]float32{e.Mean, e.Sigma, e.KL} {
					for _, v := range row(x) {
						line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32))
					}
				}
				t.Write(line)
				for j, v := range row(e.KL) {
					kls[j] += float64(v)
				}
				rows++
				if len(points) == 0 || part == points[0].part && len(points) < maxMapped {
					points = append(points, point{part, piece, p.Label, first + r, each, row(e.Mean)})
				}
			}
		}
		t.Flush()
		return t.Error()
	})
	if err != nil {
		return latent{}, err
	}
	if len(points) == 0 {
		return latent{}, fmt.Errorf("%s: no steps to encode", d.Name)
	}
	for _, v := range kls {
		v /= float64(rows)
		if l.kl += v; v > inUse {
			l.active++
		}
	}
	return l, l.draw(filepath.Join(dir, mapFile), d.Name, points, z)
}

// draw draws the map and says how pure it is.
func (l *latent) draw(path, data string, points []point, z int) error {
	names, mean, seqs := make([]string, len(points)), []float32(nil), make([]model.Sequence, len(points))
	for i, p := range points {
		seqs[i] = model.Sequence{Name: p.name, Label: p.label}
		names[i] = p.name
		if p.label != "" {
			names[i] = p.label
		}
		mean = append(mean, p.mean...)
	}
	shared := func(i, j int) bool {
		a, b := points[i], points[j]
		return a.name == b.name && a.first < b.first+b.steps && b.first < a.first+a.steps
	}
	plane := report.PlaneOf(mean, len(names), z)
	x, y := make([]float64, len(names)), make([]float64, len(names))
	for i, p := range points {
		x[i], y[i] = plane.Project(p.mean)
	}
	clouds := cloudsOf(report.GroupsOf(seqs), x, y)
	l.rows, l.pieces, l.variance = len(names), distinct(names), plane.Share
	l.purity, l.apart = model.Purity(mean, z, names, nil), model.Purity(mean, z, names, shared)
	return both(path, func(path string) error { return figure.Scatter(path, "Latent means: "+data, plane.X, plane.Y, clouds) })
}

// cloudsOf sorts points by their groups, in the order in which those appear first.
func cloudsOf(groups []string, x, y []float64) (clouds []figure.Cloud) {
	index := map[string]int{}
	for i, name := range groups {
		k, ok := index[name]
		if !ok {
			k = len(clouds)
			index[name] = k
			clouds = append(clouds, figure.Cloud{Name: name})
		}
		clouds[k].X, clouds[k].Y = append(clouds[k].X, x[i]), append(clouds[k].Y, y[i])
	}
	return clouds
}

func distinct(names []string) int {
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	return len(seen)
}
