package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/dataset/datatest"
	"github.com/elbow-go/elbow/internal/nab"
)

// nabSeries returns a day and night of rows five minutes apart; from row shift on it is another signal.
func nabSeries(rows, shift int) nab.Series {
	s := nab.Series{Name: "made"}
	for i := range rows {
		v := math.Sin(2*math.Pi*float64(i)/288) + 0.1*math.Sin(float64(i*i))
		if i >= shift {
			v = 3 + v/2
		}
		s.Times = append(s.Times, time.Unix(int64(300*i), 0).UTC())
		s.Values = append(s.Values, v)
	}
	return s
}

// TestNABCausal: no score of a detector depends on what comes later, and a new level surprises both
// networks, the delayed one as long as it sees nothing of it.
func TestNABCausal(t *testing.T) {
	blastest.UseGo(t)
	const rows, shift = 1400, 1100 // in the middle of a piece
	n := &nabRun{tableRun: &tableRun{threads: 1}, all: []nab.Series{nabSeries(rows, rows), nabSeries(rows, shift)}}
	n.seeds = seedList{1}
	r, err := n.surprises(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	records := [][]float64{nab.Records(n.all[0].Values), nab.Records(n.all[1].Values)}
	scores := n.scores(records, r.likelihoods(), nabSetting{nabWindow{nabNear, 10}, nabWindow{nabLong, 3}, 0.01, 0.01})
	for name, both := range map[string][][]float64{"next": r.next, "delayed": r.delayed, "scores": scores} {
		if !slices.Equal(both[0][:shift], both[1][:shift]) {
			t.Errorf("%s: values from row %d on change scores before it", name, shift)
		}
		if at := slices.Index(both[1][shift-50:], slices.Max(both[1][shift-50:])); at < 50 {
			t.Errorf("%s: largest in row %d, want one of those from %d on", name, shift-50+at, shift)
		}
	}
	mean := func(x []float64) float64 { return nab.Means(x, len(x))[len(x)-1] }
	late := shift + 64 // the network has made updates
	if more := mean(r.delayed[1][late:late+64]) - mean(r.delayed[0][late:late+64]); more < 1 {
		t.Errorf("delayed: %v more %d rows after the change, want that it still surprises", more, late-shift)
	}
}

// TestTableNAB runs the table on a corpus of its own.
func TestTableNAB(t *testing.T) {
	blastest.UseGo(t)
	var files, labels []string
	for i := range 16 {
		s := nabSeries(500, 300+10*i)
		var b strings.Builder
		b.WriteString("timestamp,value\n")
		for j, v := range s.Values {
			fmt.Fprintf(&b, "%s,%.4f\n", s.Times[j].Format(time.DateTime), v)
		}
		name := fmt.Sprintf("made/%02d.csv", i)
		files = append(files, "data/"+name, b.String())
		labels = append(labels, fmt.Sprintf("%q: [[%q, %q]]", name, s.Times[290+10*i].Format(time.DateTime), s.Times[320+10*i].Format(time.DateTime)))
	}
	folder := datatest.Put(t, append(files, "labels/combined_windows.json", "{"+strings.Join(labels, ", ")+"}")...)
	dir := t.TempDir()
	out := mustRun(t, "table", "nab", "-quick", "-data", folder, "-out", dir)
	for _, want := range []string{"2 series, 2 windows", "records, networks          1    97.36           97.36", "numenta                         70.10"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	var rows []nabRow
	readJSON(t, filepath.Join(dir, tableFile), &rows)
	if len(rows) != 5 || rows[0].Row != "range rule alone" || rows[4].Row != "records, networks" {
		t.Fatalf("%+v", rows)
	}
	for _, r := range rows {
		if r.Seeds != 1 || !(r.Standard <= 100) || r.LowFN < r.Standard-1e-9 || r.LowFP > r.Standard+1e-9 || (r.Setting == "") != strings.HasSuffix(r.Row, "s alone") && r.Row != "range rule alone" {
			t.Errorf("%+v", r)
		}
	}
	if r := rows[4]; r.Found != 2 || r.Standard < 80 {
		t.Errorf("%+v, want both windows found", r)
	}
}
