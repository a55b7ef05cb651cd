// Package strokes reads drawings that were recorded as the path of a pen.
package strokes

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/npy"
)

// Dims is the number of values of a step: pen_up, dx, dy.
const Dims = 3

// Drawing is the path of a pen as steps from point to point: a drawing of n points has n-1
// of them. Step k is [pen_up of point k+1, x_{k+1}-x_k, y_{k+1}-y_k]; pen_up is 1 at the last
// point of a stroke, so the step after it moves the pen through the air. y goes up.
type Drawing struct {
	Name  string
	Steps []float32 // [n-1, Dims]
}

// Set is a data set in three parts. Skipped names the drawings that were left out because
// they have no step.
type Set struct {
	Train, Valid, Test []Drawing
	Skipped            []string
}

// Read reads the layout of the repacked Omniglot strokes from a folder. For each split s of
// train, valid and test:
//
//	s_points.npy   [N, 4]  x, y, t, pen_up, all drawings one after another
//	s_lengths.npy  [S]     points of each drawing, N in all
//	s_meta.json    S lists [alphabet, character, drawer]
//
// Errors name the file and the drawing or the point, counted from 0.
func Read(dir string, b *infile.Budget) (*Set, error) {
	s := new(Set)
	for _, part := range []struct {
		name string
		to   *[]Drawing
	}{{"train", &s.Train}, {"valid", &s.Valid}, {"test", &s.Test}} {
		if err := s.part(filepath.Join(dir, part.name), part.to, b); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) part(prefix string, to *[]Drawing, b *infile.Budget) error {
	pointsFile, lengthsFile, metaFile := prefix+"_points.npy", prefix+"_lengths.npy", prefix+"_meta.json"
	points, err := npy.Read(pointsFile, b)
	if err != nil {
		return err
	}
	if len(points.Shape) != 2 || points.Shape[1] != 4 {
		return fmt.Errorf("%s: shape %v, want [points, 4]", pointsFile, points.Shape)
	}
	lengths, err := npy.Read(lengthsFile, b)
	if err != nil {
		return err
	}
	if len(lengths.Shape) != 1 {
		return fmt.Errorf("%s: shape %v, want [drawings]", lengthsFile, lengths.Shape)
	}
	names, err := readMeta(metaFile, b)
	if err != nil {
		return err
	}
	if len(names) != lengths.Len() {
		return fmt.Errorf("%s: %d drawings, %s has %d", metaFile, len(names), lengthsFile, lengths.Len())
	}
	at, total := 0, points.Shape[0]
	counts, buf := make([]float64, lengths.Len()), []float64(nil)
	lengths.Read(counts, 0)
	for i, v := range counts {
		n := int(v)
		if float64(n) != v || n < 0 || n > total-at {
			return fmt.Errorf("%s: drawing %d: %v points, but %d are left in %s", lengthsFile, i, v, total-at, pointsFile)
		}
		d := Drawing{Name: names[i]}
		buf = append(buf[:0], make([]float64, 4*n)...)
		points.Read(buf, 4*at)
		if err := d.fill(buf); err != nil {
			return fmt.Errorf("%s: drawing %d, point %w", pointsFile, i, err)
		}
		at += n
		if len(d.Steps) == 0 {
			s.Skipped = append(s.Skipped, fmt.Sprintf("%s: drawing %d (%s): %d points make no step", pointsFile, i, d.Name, n))
			continue
		}
		*to = append(*to, d)
	}
	if at != total {
		return fmt.Errorf("%s: %d points more than the lengths in %s add up to", pointsFile, total-at, lengthsFile)
	}
	return nil
}

// readMeta returns a name for every drawing.
func readMeta(path string, b *infile.Budget) ([]string, error) {
	raw, err := b.Read(path)
	if err != nil {
		return nil, err
	}
	var list [][]any
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	names := make([]string, len(list))
	for i, m := range list {
		if len(m) != 3 {
			return nil, fmt.Errorf("%s: drawing %d: %d values, want alphabet, character, drawer", path, i, len(m))
		}
		names[i] = fmt.Sprintf("%v/%v/%v", m[0], m[1], m[2])
	}
	return names, nil
}

// fill computes the steps between points, [n, 4].
func (d *Drawing) fill(points []float64) error {
	for k := 0; 4*k < len(points); k++ {
		p := points[4*k : 4*k+4]
		for j, v := range p {
			if math.IsNaN(v) || math.Abs(v) > 1e9 {
				return fmt.Errorf("%d: column %d is %v", k, j, v)
			}
		}
		if p[3] != 0 && p[3] != 1 {
			return fmt.Errorf("%d: pen_up is %v, want 0 or 1", k, p[3])
		}
		if k > 0 {
			q := points[4*k-4:]
			d.Steps = append(d.Steps, float32(p[3]), float32(p[0]-q[0]), float32(p[1]-q[1]))
		}
	}
	return nil
}
