package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/model"
)

// TestCases takes files as people have them, each for a kind of fault that readers make, to
// the commands. Steps of a case follow each other in one output folder.
func TestCases(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some forty models")
	}
	blastest.UseGo(t)
	type step struct {
		args []string // of a command; DIR is the folder of the case, OUT that of the results
		code int
		want string // in what is printed
	}
	train := func(data string, more ...string) step {
		return step{append([]string{"train", "-data", "DIR/" + data, "-out", "OUT", "-epochs", "2", "-hidden", "4"}, more...), 0, "test "}
	}
	refused := func(data, want string, more ...string) step {
		s := train(data, more...)
		s.code, s.want = 1, want
		return s
	}
	eval := func(data string, want string) step {
		return step{[]string{"eval", "-model", "OUT", "-data", "DIR/" + data}, 0, want}
	}
	saying := func(s step, want string) step { s.want = want; return s }
	for _, c := range []struct {
		folder string
		steps  []step
	}{
		{"01-eval-own-scale", []step{train("s-a.csv"), eval("s-b.csv", "data "), eval("an1.csv", "data ")}},
		{"03-eval-text-other-alphabet", []step{train("tx1.txt"), eval("tx2.txt", "data ")}},
		{"04-resume-on-other-data", []step{train("x1.csv"),
			{[]string{"train", "-resume", "-epochs", "3", "-data", "DIR/x4.csv", "-out", "OUT"}, 1, "other data"},
			{[]string{"train", "-resume", "-epochs", "3", "-data", "DIR/x1.csv", "-out", "OUT"}, 0, "test "}}},
		{"06-csv-first-line-dropped", []step{saying(train("c06-missing-first.csv"), "missing, the first in line 1")}},
		{"07-csv-float32-before-centring", []step{train("c17-unix.csv")}},
		{"08-csv-blank-lines", []step{refused("c18-onecol-blank.csv", "line 1")}},
		{"10-csv-index-column", []step{saying(train("c10-pandas-index.csv"), "left out")}},
		{"11-csv-delimiters", []step{train("c04-semicolon.csv"), train("c12-tab.csv", "-out", "OUT/1"), train("c22-cr.csv", "-out", "OUT/2"),
			saying(train("c16-timestamps.csv", "-out", "OUT/3"), "(t) left out")}},
		{"12-wav-list-base-names", []step{saying(train("wl", "-frame", "100"), "1 + 1 + 1 sequences, 20 steps")}},
		{"13-wav-headers", []step{saying(train("w02-size-ffffffff.wav", "-frame", "20"), "w02-size-ffffffff.wav: "), saying(train("w05-truncated.wav", "-frame", "20", "-out", "OUT/4"), "w05-truncated.wav: "),
			saying(train("w18-two-data.wav", "-frame", "20", "-out", "OUT/5"), "w18-two-data.wav: "), saying(train("w10-odd-unpadded-list.wav", "-frame", "20", "-out", "OUT/6"), "w10-odd-unpadded-list.wav: ")}},
		{"14-wav-24-32-float", []step{train("w06-24bit.wav", "-frame", "20"), train("w07-float32.wav", "-frame", "20", "-out", "OUT/7")}},
		{"05-eval-flags-forgotten", []step{train("gr", "-grid", "8"), eval("gr", "test "),
			{[]string{"eval", "-model", "OUT", "-data", "DIR/gr", "-grid", "4"}, 2, "-grid 4: the model was trained with 8"}}},
		{"17-midi-memory", []step{refused("bomb", "b0.mid")}},
		{"18-abc-books", []step{train(".", "-window", "4")}},
		{"20-abc-mid-entry", []step{train("tunes.abc"), saying(train("midis", "-out", "OUT/midis"), "2 + 1 + 1 sequences")}},
		{"22-json-rests-unisons", []step{train("j1-dup.json"), train("j2-rest-1.json", "-out", "OUT/8")}},
		{"23-npy", []step{train("n01-long.npy"), train("n08-1d.npy", "-out", "OUT/9"), refused("n09-obj.npy", "objects", "-out", "OUT/10")}},
		{"24-npy-u1-two-dims", []step{train("p1-u1-2d.npy")}},
		{"25-bernoulli-of-greys", []step{train("p4-f4-grey.npy", "-likelihood", "bernoulli")}},
		{"26-idx-dots", []step{saying(train("mk1"), "vae")}},
		{"27-apple-double", []step{train("adc")}},
		{"30-diverged-folder", []step{{[]string{"train", "-data", "DIR/s-a.csv", "-out", "OUT", "-lr", "50", "-clip", "0", "-optimizer", "sgd"}, 1, "-lr"}, train("s-a.csv")}},
		{"31-npz-lengths-mask", []step{train("z1-lengths.npz"), train("z3-x_train.npz", "-out", "OUT/11")}},
		{"32-eval-needs-three-parts", []step{{[]string{"train", "-data", "DIR/../01-eval-own-scale/s-a.csv", "-out", "OUT", "-epochs", "2", "-hidden", "4"}, 0, "test "}, eval("new7.csv", "7 steps"),
			{[]string{"train", "-data", "DIR/../03-eval-text-other-alphabet/tx1.txt", "-out", "OUT", "-epochs", "1", "-hidden", "4", "-out", "OUT/text"}, 0, "test "}, {[]string{"eval", "-model", "OUT/text", "-data", "DIR/short.txt"}, 0, "80 steps"}}},
		{"33-tables-taken-for-text", []step{saying(train("s-a.csv.gz"), "gauss"), saying(train("s-a.tsv", "-out", "OUT/13"), "gauss")}},
		{"35-outlier-in-test", []step{train("outlier_in_test.csv")}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			dir, out := filepath.Join("testdata", "cases", c.folder), t.TempDir()
			for _, s := range c.steps {
				args := make([]string, len(s.args))
				for i, a := range s.args {
					args[i] = strings.Replace(strings.Replace(a, "DIR", dir, 1), "OUT", out, 1)
				}
				code, printed, errOut := elbow(context.Background(), args...)
				if code != s.code || !strings.Contains(printed+errOut, s.want) {
					t.Errorf("elbow %v: exit code %d, want %d with %q:\n%s%s", args, code, s.code, s.want, printed, errOut)
				}
			}
		})
	}
}

// TestOwnScale: data far from those of the training score far worse.
func TestOwnScale(t *testing.T) {
	blastest.UseGo(t)
	score := func(dir, data string) float64 {
		out := mustRun(t, "eval", "-model", dir, "-data", data, "-json")
		var s map[string]model.Score
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		if q, ok := s["data"]; ok {
			return q.NLLPerStep
		}
		return s["test"].NLLPerStep
	}
	for _, c := range []struct {
		own    string
		others []string
		much   float64
	}{
		{"testdata/cases/01-eval-own-scale/s-a.csv", []string{"testdata/cases/01-eval-own-scale/s-b.csv", "testdata/cases/01-eval-own-scale/an1.csv"}, 100},
		{"testdata/cases/03-eval-text-other-alphabet/tx1.txt", []string{"testdata/cases/03-eval-text-other-alphabet/tx2.txt"}, 2},
	} {
		dir := t.TempDir()
		mustRun(t, "train", "-data", c.own, "-out", dir, "-epochs", "10", "-hidden", "8")
		own := score(dir, c.own)
		for _, other := range c.others {
			if s := score(dir, other); s < own+c.much {
				t.Errorf("%s scores %v, %s %v", c.own, own, other, s)
			}
		}
	}
}
