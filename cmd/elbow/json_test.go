package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/internal/floatjson"
)

// TestOutlier: a figure that is infinite is null in the summary and for eval, with a note, and
// does not keep the training from going on.
func TestOutlier(t *testing.T) {
	blastest.UseGo(t)
	var rows strings.Builder
	for i := range 120 {
		v := math.Sin(float64(i))
		if i == 118 { // in the test part
			v = 3e38
		}
		fmt.Fprintln(&rows, v)
	}
	data, dir := write(t, "x.csv", rows.String()), t.TempDir()
	mustRun(t, "train", "-data", data, "-out", dir, "-epochs", "2", "-hidden", "4")
	mustRun(t, "train", "-data", data, "-out", dir, "-resume", "-epochs", "3")
	// json.Unmarshal would read null as 0.
	var plain struct {
		Test struct {
			NLL *float64 `json:"nll_per_step"`
		}
		Notes []string
	}
	readJSON(t, filepath.Join(dir, summaryFile), &plain)
	if plain.Test.NLL != nil || len(plain.Notes) == 0 || !strings.HasPrefix(plain.Notes[0], "test.nll_per_step is ") {
		t.Errorf("%+v", plain)
	}
	out := mustRun(t, "eval", "-data", data, "-model", dir, "-json")
	if !strings.Contains(out, `"nll_per_step": null`) || !strings.Contains(out, `"test.nll_per_step is `) {
		t.Errorf("eval -json: %s", out)
	}
	var all struct {
		Test struct {
			NLL float64 `json:"nll_per_step"`
		} `json:"test"`
	}
	if err := floatjson.Unmarshal([]byte(out), &all); err != nil || !math.IsInf(all.Test.NLL, 1) && !math.IsNaN(all.Test.NLL) {
		t.Errorf("read back: %+v, %v", all, err)
	}
}
