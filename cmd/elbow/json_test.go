package main

import (
	"context"
	"encoding/json"
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
			v = 1e38
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

// TestJSON: with -json every command prints one object and nothing else, with what people
// would have read.
func TestJSON(t *testing.T) {
	blastest.UseGo(t)
	data, dir := write(t, "tiny.json", tinyJSON), filepath.Join(t.TempDir(), "run")
	series := write(t, "x.csv", strings.Repeat("1,2\n3,5\n", 40))
	table, graphs, back := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "back")
	bySeries := filepath.Join(t.TempDir(), "series")
	for _, c := range []struct {
		args []string
		keys string
	}{
		{[]string{"train", "-model", "vrae", "-data", data, "-out", dir, "-epochs", "1", "-hidden", "4"}, "params valid test config train"},
		{[]string{"train", "-data", series, "-out", bySeries, "-epochs", "1", "-hidden", "4"}, "params valid test config train"},
		{[]string{"eval", "-model", dir}, "train valid test"},
		{[]string{"score", "-model", dir, "-out", dir}, "training flag flagged_steps top sequences"},
		{[]string{"score", "-model", bySeries, "-out", bySeries}, "training more_per_step_in_units"},
		{[]string{"sample", "-model", dir, "-out", dir, "-count", "2", "-steps", "9"}, "folder files seed steps"},
		{[]string{"continue", "-model", dir, "-out", dir, "-prime", data}, "folder files after from steps"},
		{[]string{"continue", "-model", bySeries, "-out", bySeries, "-prime", series, "-held", "5"}, "folder files after from steps draws quantiles held covered"},
		{[]string{"interpolate", data, data, "-model", dir, "-out", dir}, "folder files from to steps"},
		{[]string{"encode", "-model", dir, "-out", dir}, "folder files kl latent active pieces purity map_variance"},
		{[]string{"reconstruct", "-model", dir, "-out", dir}, "folder files sequences rms"},
		{[]string{"export", "-model", dir, "-out", graphs}, "folder files as"},
		{[]string{"import", "-model", dir, "-out", back, "-from", filepath.Join(graphs, "model.safetensors")}, "folder files"},
		{[]string{"inspect", filepath.Join(graphs, "model.safetensors")}, "file format tensors layers numbers meta"},
		{[]string{"table", "jsb", "-quick", "-data", data, "-out", table, "-rows", "LSTM"}, "results means"},
		{[]string{"compare", dir, bySeries}, "settings runs"},
		{[]string{"version"}, "version go platform isa"},
		{[]string{"doctor"}, "cpu isa isas machine cores usable_cores"},
		{[]string{"bench"}, "kernels reads peak isa"},
	} {
		if measures := c.args[0] == "doctor" || c.args[0] == "bench"; measures && testing.Short() {
			continue
		}
		code, out, errOut := elbow(context.Background(), append(c.args, "-json")...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", c.args, code, errOut)
		}
		var all map[string]any
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Errorf("%v: %v: %s", c.args, err, out)
		}
		for key := range strings.FieldsSeq(c.keys) {
			if _, ok := all[key]; !ok {
				t.Errorf("%v: no %s in %s", c.args, key, out)
			}
		}
	}
	// Nats of standardised values are there in the units of the data, too.
	var units map[string]struct {
		Standard *float64 `json:"nll_per_step"`
		InUnits  *float64 `json:"nll_per_step_in_units"`
	}
	printed := mustRun(t, "eval", "-model", bySeries)
	if err := json.Unmarshal([]byte(mustRun(t, "eval", "-model", bySeries, "-json")), &units); err != nil || units["test"].Standard == nil || units["test"].InUnits == nil ||
		!strings.Contains(printed, fmt.Sprintf("%.4f nats per step in the units of the data", *units["test"].InUnits)) {
		t.Errorf("%v, %+v: %s", err, units, printed)
	}
	// Notes on the data are not lost.
	_, out, errOut := elbow(context.Background(), "eval", "-json", "-model", dir, "-data", write(t, "other.json", strings.Replace(tinyJSON, "72", "73", 1)))
	if !strings.Contains(errOut, "trained on other data") || strings.Contains(out, "note:") {
		t.Errorf("notes: %q, %q", out, errOut)
	}
}

// TestQuiet: where the output is no terminal, nothing is said of epochs and files unless -v asks for it.
func TestQuiet(t *testing.T) {
	blastest.UseGo(t)
	args := []string{"train", "-data", write(t, "tiny.json", tinyJSON), "-epochs", "2", "-hidden", "4", "-out"}
	if out := mustRun(t, append(args, t.TempDir())...); strings.Contains(out, "epoch   1") || !strings.Contains(out, "\ntest ") {
		t.Errorf("without -v: %s", out)
	}
	if out := mustRun(t, append(args, t.TempDir(), "-v")...); !strings.Contains(out, "epoch   1") {
		t.Errorf("with -v: %s", out)
	}
}
