package figure

// maxRuns is how many parts of a long line a picture tells apart: of each it shows the least and the
// largest value, so that no peak is lost, and few enough points to be drawn at once.
const maxRuns = 600

// Thin returns a line of at most two points for each of so many runs. A shorter line is returned as it
// is; of a band the widest place of each run is left.
func (l Line) Thin(runs int) Line {
	if len(l.X) <= 2*runs {
		return l
	}
	t := Line{Name: l.Name, Dashed: l.Dashed, Dots: l.Dots}
	add := func(at int) { t.X, t.Y = append(t.X, l.X[at]), append(t.Y, l.Y[at]) }
	for k := range runs {
		from, to := len(l.X)*k/runs, len(l.X)*(k+1)/runs
		low, high := -1, -1 // where the least and the largest value is
		for i := from; i < to; i++ {
			if y := l.Y[i]; !finite(y) || !finite(l.X[i]) {
				continue
			} else if low < 0 || y < l.Y[low] {
				low = i
			}
			if h := l.top(i); finite(h) && (high < 0 || h > l.top(high)) {
				high = i
			}
		}
		switch {
		case l.Hi != nil && (low < 0 || high < 0), low < 0:
			add(from) // a gap, which all of the run is
			if l.Hi != nil {
				t.Hi = append(t.Hi, l.Hi[from])
			}
		case l.Hi != nil:
			add(low)
			t.Hi = append(t.Hi, l.Hi[high])
		case low == high:
			add(low)
		default:
			add(min(low, high))
			add(max(low, high))
		}
	}
	return t
}

// top is the upper end of a line at a point, which of a band is not its Y.
func (l Line) top(i int) float64 {
	if l.Hi != nil {
		return l.Hi[i]
	}
	return l.Y[i]
}
