package main

import (
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// The files that encode leaves.
const (
	latentFile = "latent.csv"
	mapFile    = "map" // .png and .svg
)

// encodeBatch is how many sequences are encoded at once.
const encodeBatch = 64

// maxMapped is how many windows a map shows at most, the first ones: to find the nearest
// neighbours takes time in proportion to the square.
const maxMapped = 4000

func encode(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("encode", flag.ContinueOnError)
	var data dataFlags
	data.flags(flags)
	from := flags.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
	dir := flags.String("out", "run", "folder for the files")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "goroutines")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	if *threads < 1 || *threads > cell.MaxThreads {
		return usagef("-threads %d: want 1..%d", *threads, cell.MaxThreads)
	}
	if err := apart(data.path, *dir); err != nil {
		return err
	}
	path := checkpoint(*from)
	m, info, err := model.Load(path)
	if err != nil {
		return err
	}
	v, ok := m.(*model.VRAE[float32])
	if !ok {
		return fmt.Errorf("%s: a %s has no latent variable of a whole sequence, a vrae has", path, m.Settings().Model)
	}
	d, err := data.openAs(path, info, out)
	if err != nil {
		return err
	}
	if err := v.CheckData(d.Data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	remark(out, d.Notes)
	need := 0.0
	for _, p := range d.Parts() {
		need = max(need, v.MemoryToScore(p.Seqs, d.Dim, model.EvalConfig{Batch: encodeBatch}))
	}
	if err := room(need, "encoding", flags); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(latentFiles...); err != nil {
			return err
		}
		l, err := writeLatent(*dir, v, d, *threads)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n%s: %s %s.png\n", l, *dir, latentFile, mapFile)
		return nil
	})
}

// latent says how the first part, or its beginning, lies in a latent space.
type latent struct {
	windows, pieces int
	purity          float64 // nearest neighbour of the same piece
	apart           float64 // likewise, where windows that share steps are no neighbours
	variance        float64 // share of the variance that the map shows
}

// String is the line that is printed.
func (l latent) String() string {
	return fmt.Sprintf("%d windows of %d pieces: the nearest neighbour is of the same piece in %.1f %%, among windows that share no step in %.1f %%; the map shows %.0f %% of the variance",
		l.windows, l.pieces, 100*l.purity, 100*l.apart, 100*l.variance)
}

// writeLatent encodes the data, writes the table of all parts and draws the map of the
// first.
func writeLatent(dir string, m *model.VRAE[float32], d *dataset.Data, threads int) (latent, error) {
	err := atomicfile.Write(filepath.Join(dir, latentFile), 0o666, func(w io.Writer) error {
		t := csv.NewWriter(w)
		line := []string{"part", "piece", "step", "label"}
		for _, name := range []string{"mean", "sigma"} {
			for j := range m.Latent {
				line = append(line, name+strconv.Itoa(j))
			}
		}
		t.Write(line)
		for _, part := range d.Parts() {
			mean, sigma := m.Encode(part.Seqs, encodeBatch, threads)
			for i, s := range part.Seqs {
				piece, step := model.Piece(s.Name)
				line = append(line[:0], part.Name, piece, strconv.Itoa(step), s.Label)
				for _, v := range append(mean[i*m.Latent:(i+1)*m.Latent:(i+1)*m.Latent], sigma[i*m.Latent:(i+1)*m.Latent]...) {
					line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32))
				}
				t.Write(line)
			}
		}
		t.Flush()
		return t.Error()
	})
	if err != nil {
		return latent{}, err
	}
	seqs := d.Parts()[0].Seqs
	seqs = seqs[:min(len(seqs), maxMapped)]
	mean, _ := m.Encode(seqs, encodeBatch, threads)
	names, first := make([]string, len(seqs)), make([]int, len(seqs))
	for i, s := range seqs {
		names[i], first[i] = model.Piece(s.Name)
		if s.Label != "" {
			names[i] = s.Label
		}
	}
	shared := func(i, j int) bool {
		a, _ := model.Piece(seqs[i].Name)
		b, _ := model.Piece(seqs[j].Name)
		return a == b && first[i] < first[j]+seqs[j].Steps(d.Dim) && first[j] < first[i]+seqs[i].Steps(d.Dim)
	}
	x, y, variance := project(mean, len(names), m.Latent)
	clouds := cloudsOf(names, x, y)
	l := latent{windows: len(names), pieces: distinct(names), variance: variance,
		purity: model.Purity(mean, m.Latent, names, nil), apart: model.Purity(mean, m.Latent, names, shared)}
	xLabel, yLabel := "first principal component of z", "second"
	if m.Latent <= 2 {
		xLabel, yLabel = "z, dimension 0", "z, dimension 1"
	}
	return l, both(filepath.Join(dir, mapFile), func(path string) error {
		return figure.Scatter(path, "Latent means: "+d.Name, xLabel, yLabel, clouds)
	})
}

// project brings n points [n, dim] to two dimensions: as they are if they have no more,
// otherwise on their first two principal components. It also returns the share of the
// variance that is left.
func project(points []float32, n, dim int) (x, y []float64, share float64) {
	x, y = make([]float64, n), make([]float64, n)
	all := mat.NewDense(n, dim, nil)
	for i := range n {
		for j := range dim {
			all.Set(i, j, float64(points[i*dim+j]))
		}
	}
	var pc stat.PC
	if dim > 2 && n > 2 && pc.PrincipalComponents(all, nil) {
		var axes, flat mat.Dense
		pc.VectorsTo(&axes)
		flat.Mul(all, axes.Slice(0, dim, 0, 2))
		all = &flat
		shown, total := 0.0, 0.0
		for k, v := range pc.VarsTo(nil) {
			if total += v; k < 2 {
				shown += v
			}
		}
		if share = 1; total > 0 {
			share = shown / total
		}
	} else if dim <= 2 {
		share = 1
	}
	_, cols := all.Dims()
	for i := range n {
		x[i] = all.At(i, 0)
		if cols > 1 {
			y[i] = all.At(i, 1)
		}
	}
	return x, y, share
}

// cloudsOf sorts points by name, in the order in which the names appear first. Names beyond
// what a picture can tell apart share the last cloud.
func cloudsOf(names []string, x, y []float64) []figure.Cloud {
	var clouds []figure.Cloud
	index := map[string]int{}
	for i, name := range names {
		k, ok := index[name]
		if !ok {
			if len(clouds) < figure.MaxClouds {
				clouds = append(clouds, figure.Cloud{Name: name})
			} else {
				clouds[len(clouds)-1].Name = "others"
			}
			k = len(clouds) - 1
			index[name] = k
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
