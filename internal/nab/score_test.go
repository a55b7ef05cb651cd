package nab

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/elbow-go/elbow/internal/infile"
)

// corpus reads the benchmark, which is not part of the project.
func corpus(t testing.TB) (folder string, all []Series) {
	t.Helper()
	folder = filepath.Join(os.Getenv("ELBOW_DATA"), "nab")
	if _, err := os.Stat(filepath.Join(folder, windowsFile)); err != nil {
		t.Skip("no folder nab in ELBOW_DATA")
	}
	all, err := Read(folder, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	return folder, all
}

// TestPublished: the scores that detectors have left in the repository come to the figures that were
// published for them, with the thresholds that were.
func TestPublished(t *testing.T) {
	folder, all := corpus(t)
	rows, windows := 0, 0
	for i := range all {
		rows += len(all[i].Values)
		windows += len(all[i].Windows)
	}
	if len(all) != 58 || rows != 365558 || windows != 116 {
		t.Errorf("%d series, %d rows, %d windows, want 58, 365558, 116", len(all), rows, windows)
	}
	var published map[string]map[string]float64
	var thresholds map[string]map[string]struct{ Threshold float64 }
	for name, v := range map[string]any{"results/final_results.json": &published, "config/thresholds.json": &thresholds} {
		raw, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err == nil {
			err = json.Unmarshal(raw, v)
		}
		if err != nil {
			t.Skip(err)
		}
	}
	for _, c := range []struct {
		detector string
		want     float64 // of the profile standard
	}{
		{"ARTime", 74.85}, {"numenta", 70.10}, {"contextOSE", 69.90}, {"earthgeckoSkyline", 58.20}, {"knncad", 57.99},
		{"relativeEntropy", 54.64}, {"randomCutForest", 51.72}, {"twitterADVec", 47.06}, {"windowedGaussian", 39.65}, {"skyline", 35.69},
	} {
		scores := make([][]float64, len(all))
		for i := range all {
			dir, base := filepath.Split(filepath.FromSlash(all[i].Name))
			var err error
			path := filepath.Join(folder, "results", c.detector, dir, c.detector+"_"+base)
			if _, scores[i], err = readColumn(path, "anomaly_score", new(infile.Budget)); err != nil {
				t.Fatal(err)
			}
		}
		for key, p := range map[string]Profile{"standard": Standard, "reward_low_FP_rate": LowFP, "reward_low_FN_rate": LowFN} {
			got, want := At(all, scores, p, thresholds[c.detector][key].Threshold), published[c.detector][key]
			if math.Abs(got.Score-want) > 1e-4 || p == Standard && math.Abs(got.Score-c.want) > 0.005 {
				t.Errorf("%s, %s: %.5f, published %.5f", c.detector, p.Name, got.Score, want)
			}
			// The search of the benchmark missed the best threshold of some.
			if best := Best(all, scores, p); best.Score < got.Score-1e-9 || best.Score > got.Score+6 {
				t.Errorf("%s, %s: at best %.5f, with the published threshold %.5f", c.detector, p.Name, best.Score, got.Score)
			}
		}
	}
}

// made returns series of n rows, a minute apart, with the given windows.
func made(n int, windows ...Window) Series {
	s := Series{Name: "made", Values: make([]float64, n), Windows: windows}
	for i := range n {
		s.Times = append(s.Times, time.Unix(int64(60*i), 0).UTC())
	}
	return s
}

// TestScore: single alarms, whose worth is computed here by hand. 100 rows have a probation of 15, the
// window is 50..59.
func TestScore(t *testing.T) {
	s := func(u float64) float64 { return 2/(1+math.Exp(5*u)) - 1 }
	for _, c := range []struct {
		row   int
		p     Profile
		want  float64 // above no alarm
		found int
	}{
		{14, Standard, 0, 0}, // does not count
		{15, Standard, -0.11, 0},
		{49, LowFP, -0.22, 0},
		{50, Standard, 1 + 1, 1}, // the left edge is worth all
		{59, Standard, 1 + s(-0.1)/s(-1), 1},
		{59, LowFN, 2 + s(-0.1)/s(-1), 1},
		{60, Standard, 0.11 * s(1./9), 0}, // just behind the window it costs little
		{86, Standard, 0.11 * s(3), 0},
		{87, Standard, -0.11, 0},
	} {
		all := []Series{made(100, Window{50, 59})}
		scores := [][]float64{make([]float64, 100)}
		scores[0][c.row] = 0.5
		got := At(all, scores, c.p, 0.25)
		if want := 100 * c.want / (c.p.TP + c.p.FN); math.Abs(got.Score-want) > 1e-9 || got.Found != c.found || got.False != min(max(c.row-14, 0), 1)-c.found {
			t.Errorf("an alarm in row %d, %s: %+v, want %.6f", c.row, c.p.Name, got, want)
		}
	}
}

// TestBest: of the alarms in a window only the best counts, and the threshold found is the best of all.
func TestBest(t *testing.T) {
	all := []Series{made(100, Window{30, 39}, Window{60, 69}), made(80), made(200, Window{150, 179})}
	scores := make([][]float64, len(all))
	for i := range all {
		scores[i] = make([]float64, len(all[i].Values))
		for t := range scores[i] {
			scores[i][t] = float64((t*37+i*11)%23) / 64 // ties
		}
	}
	scores[0][33], scores[0][31], scores[2][160], scores[1][70] = 0.9, 0.8, 0.7, 0.8
	for _, p := range []Profile{Standard, LowFP, LowFN} {
		best := Best(all, scores, p)
		if at := At(all, scores, p, best.Threshold); at != best {
			t.Errorf("%s: %+v, but %+v at that threshold", p.Name, best, at)
		}
		for k := range 65 {
			if at := At(all, scores, p, float64(k)/64); at.Score > best.Score+1e-9 {
				t.Errorf("%s: %+v is better than %+v", p.Name, at, best)
			}
		}
		if best.Found < 1 || best.Score <= 0 {
			t.Errorf("%s: %+v", p.Name, best)
		}
	}
	for i := range scores {
		clear(scores[i])
		scores[i][len(scores[i])-1] = 1 // a false alarm each
	}
	if best := Best(all, scores, Standard); best.Score != 0 || best.Threshold != NoAlarm {
		t.Errorf("false alarms only: %+v, want none of them", best)
	}
}

// TestScoreNaN: scores that have no order are refused, but not in the probation, where none counts.
func TestScoreNaN(t *testing.T) {
	all, scores := []Series{made(100, Window{50, 59})}, [][]float64{make([]float64, 100)}
	scores[0][14] = math.NaN()
	At(all, scores, Standard, 1)
	scores[0][15] = math.NaN()
	for name, f := range map[string]func(){
		"At":   func() { At(all, scores, Standard, 1) },
		"Best": func() { Best(all, scores, Standard) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s takes a score that is NaN", name)
				}
			}()
			f()
		}()
	}
}
