package nab

import (
	"math"
	"slices"
	"testing"
)

func near(t *testing.T, name string, got, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", name, got, want)
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= bound) {
			t.Errorf("%s[%d] = %v, want %v", name, i, got[i], want[i])
		}
	}
}

func TestRecords(t *testing.T) {
	near(t, "Records", Records([]float64{3, 3, 5, 4, 6, 2, 2}), []float64{0, 0, 1, 0, 0.5, 1. / 3, 0}, 1e-15)
	// Means of two: 3, 4, 4.5, 5, 4, 2.
	near(t, "MeanRecords", MeanRecords([]float64{3, 3, 5, 4, 6, 2, 2}, 2), []float64{0, 0, 1, 0.5, 1. / 3, 0, 0.5}, 1e-15)
	near(t, "MeanRecords", MeanRecords([]float64{1, 9}, 3), []float64{0, 0}, 0)
}

func TestWalk(t *testing.T) {
	// Errors 0 (nothing is known yet), 0, 2 (nothing had happened), -1, 1: mean squares 4/3 and 5/4.
	near(t, "Walk", Walk([]float64{3, 3, 3, 5, 4, 5}, 1, 50), []float64{0, 0, 0, 50, 1 / (2 * 4. / 3), 1 / (2 * 5. / 4)}, 1e-15)
	// Means of two: 1, 1.5, 3.
	near(t, "Walk", Walk([]float64{1, 2, 4, 0}, 2, 50), []float64{0, 0, 6.25 / 2, 9 / (2 * 7.25 / 2)}, 1e-15)
}

// TestLikelihood compares with the definition, summed anew for every value.
func TestLikelihood(t *testing.T) {
	const long, short = 20, 3
	r := make([]float64, 90)
	for i := range r {
		r[i] = float64(i*i%13) / 4
	}
	r[70], r[71], r[72] = 9, 30, 50
	want := make([]float64, len(r))
	for i := 1; i < len(r); i++ {
		var m, v, q float64
		past := r[max(i-long, 0):i]
		for _, x := range past {
			m += x / float64(len(past))
		}
		for _, x := range past {
			v += (x - m) * (x - m) / float64(len(past))
		}
		last := r[max(i+1-short, 0) : i+1]
		for _, x := range last {
			q += x / float64(len(last))
		}
		want[i] = min(-math.Log10(math.Erfc((q-m)/math.Sqrt(max(v, 0.01))/math.Sqrt2)/2)/40, 1)
	}
	got := Likelihood(r, long, short)
	near(t, "Likelihood", got, want, 1e-9)
	if at := slices.Index(got, slices.Max(got)); at < 70 || at > 73 {
		t.Errorf("the least likely value is %d, want one of 70..73", at)
	}
	// The tail of the normal distribution, beyond what Erfc can hold too: Abramowitz and Stegun, table 26.2.
	for z, want := range map[float64]float64{0: math.Log10(0.5), 5: -6.54265, 8: -15.20614, 10: -23.11805, 20: -88.56010, 50: -544.96634, 100: -2173.87154} {
		if got := log10Tail(z); math.Abs(got-want) > 1e-3 {
			t.Errorf("log10 Q(%v) = %v, want %v", z, got, want)
		}
	}
}

func TestQuiet(t *testing.T) {
	scores := []float64{0, 1, 1, 2, 1, 1, 1.5, 0, 3, 3}
	Quiet(scores, 3)
	near(t, "Quiet", scores, []float64{0, 1, 0, 2, 0, 0, 0, 0, 3, 0}, 0)
}
