package model

import "math"

// Purity is the share of points whose nearest other point has the same label: 1 where
// labels form clusters, about the share of the most frequent labels where they do not.
// Distances are Euclidean, taken in float64; of equally near points the first counts.
//
// points is [len(labels), dim]. skip, if not nil, tells which pairs of points must not be
// each other's neighbour, such as windows that share steps. Points that have no neighbour
// left are not counted; if there are none that have, the purity is NaN. Purity takes time
// in proportion to the square of the number of points. It panics if points is short.
func Purity(points []float32, dim int, labels []string, skip func(i, j int) bool) float64 {
	n := len(labels)
	checkSize("Purity", "dim", dim, 0, maxSize)
	checkLen("Purity", "points", len(points), n, dim)
	counted, pure := 0, 0
	for i := range n {
		nearest, best := -1, math.Inf(1)
		for j := range n {
			if j == i || skip != nil && skip(i, j) {
				continue
			}
			d := 0.0
			for k := range dim {
				v := float64(points[i*dim+k]) - float64(points[j*dim+k])
				d += float64(v * v)
			}
			if nearest < 0 || d < best {
				nearest, best = j, d
			}
		}
		if nearest < 0 {
			continue
		}
		counted++
		if labels[i] == labels[nearest] {
			pure++
		}
	}
	return float64(pure) / float64(counted)
}
