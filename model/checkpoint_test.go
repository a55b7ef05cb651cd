package model

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestCheckpointNotFinite: a figure that JSON cannot hold, as of an outlier, costs neither the
// checkpoint nor, after a resume, the figure.
func TestCheckpointNotFinite(t *testing.T) {
	dir, d := t.TempDir(), testData(3)
	tc := testTrainConfig()
	tr := newTestTrainer(t, Config{Hidden: 4}, tc, d, dir)
	tr.OnEpoch = func(e Epoch) error {
		if e.Epoch == 2 {
			return errStop
		}
		return nil
	}
	if err := tr.Run(context.Background()); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	e := &tr.state.History[0]
	e.Train.NLLPerStep, e.Valid.NLLPerSeq, e.GradNorm = math.Inf(1), math.Inf(-1), math.NaN()
	for name, c := range e.Channels {
		c.Max = math.Inf(1)
		e.Channels[name] = c
	}
	tr.state.Sum.LogProb = math.Inf(-1)
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	back, err := Resume(dir, d, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := back.History()[0]
	if !math.IsInf(got.Train.NLLPerStep, 1) || !math.IsInf(got.Valid.NLLPerSeq, -1) || !math.IsNaN(got.GradNorm) || !math.IsInf(back.state.Sum.LogProb, -1) {
		t.Errorf("read back: %+v", got)
	}
	for name, c := range got.Channels {
		if !math.IsInf(c.Max, 1) {
			t.Errorf("channel %s: %v", name, c)
		}
	}
	if err := back.Run(context.Background()); err != nil {
		t.Error(err)
	}
}

var errStop = errors.New("enough")

// TestTrainingEnded: whether a training has ended is read from its checkpoint.
func TestTrainingEnded(t *testing.T) {
	d := testData(3)
	for _, c := range []struct {
		epochs, patience, stop, done int
		ended                        bool
	}{
		{3, 0, 0, 3, true}, {3, 0, 2, 2, false}, {50, 1, 0, 0, true}, {50, 1, 1, 1, false},
	} {
		dir, tc := t.TempDir(), testTrainConfig()
		tc.Epochs, tc.Patience, tc.Rate = c.epochs, c.patience, 0
		tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, tc, d, dir)
		tr.OnEpoch = func(e Epoch) error {
			if e.Epoch == c.stop {
				return errStop
			}
			return nil
		}
		if err := tr.Run(context.Background()); err != nil && !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		info, err := ReadInfo(filepath.Join(dir, CheckpointFile))
		if err != nil {
			t.Fatal(err)
		}
		tn := info.Training
		if tn == nil || tn.Ended != c.ended || c.done > 0 && len(tn.History) != c.done || tn.Config.Epochs != c.epochs {
			t.Errorf("%+v: %+v", c, tn)
		}
		if info, err := ReadInfo(filepath.Join(dir, BestFile)); err != nil || info.Training != nil {
			t.Errorf("%s: %+v, %v, want no training", BestFile, info.Training, err)
		}
	}
}

// TestLandmarks: what is checked of a file before a model is made are all its matrices, with
// the shapes they have, and every model comes back from its file.
func TestLandmarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), BestFile)
	for _, c := range testConfigs() {
		m := newTestModel[float32](t, c)
		want := map[string][]int{}
		for _, ts := range stored(m) {
			if len(ts.Shape) == 2 || ts.Name == meanTensor {
				want[ts.Name] = ts.Shape
			}
		}
		for _, l := range m.Settings().landmarks() {
			if !slices.Equal(want[l.name], l.shape) {
				t.Errorf("%s: %s is said to be %v, is %v", c.testName(), l.name, l.shape, want[l.name])
			}
			delete(want, l.name)
		}
		for name := range want {
			t.Errorf("%s: nothing is said of %s", c.testName(), name)
		}
		if err := Save(path, m, &Data{}); err != nil {
			t.Fatal(err)
		}
		back, _, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, ts := range stored(back) {
			asmtest.SameFloats(t, ts.Name, ts.Data, stored(m)[i].Data)
		}
	}
}

func TestCheckpointDamage(t *testing.T) {
	d := testData(5)
	tr := newTestTrainer(t, Config{Hidden: 4}, testTrainConfig(), d, t.TempDir())
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(tr.Dir, CheckpointFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path); err != nil {
		t.Fatal(err)
	}
	bad := func(name string, data []byte, want string) {
		t.Helper()
		p := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(p, data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(p)
		if err == nil || !strings.Contains(err.Error(), p) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with the path and %q", name, err, want)
		}
	}
	bad("empty", nil, "header")
	for _, n := range []int{1, 7, 8, 9, 100, len(good) / 2, len(good) - 1} {
		bad("cut", good[:n], "header")
	}
	bad("long header", append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, good[8:]...), "header")
	bad("no JSON", append(slices.Clone(good[:8]), bytesOf('x', len(good)-8)...), "header")
	text := string(good)
	same := func(old, new string) []byte { // replaces without changing the length
		t.Helper()
		if !strings.Contains(text, old) || len(old) != len(new) {
			t.Fatalf("bad replacement %q -> %q", old, new)
		}
		return []byte(strings.Replace(text, old, new, 1))
	}
	bad("other sizes", same(`\"hidden\":4`, `\"hidden\":5`), `tensor "prior.0.w": shape [4 4] does not fit`)
	bad("more layers", same(`\"layers\":1`, `\"layers\":9`), `no tensor "cell.1.wih"`)
	bad("deeper", same(`\"depth\":1`, `\"depth\":9`), `tensor "phi_x.1.w"`)
	bad("other tensor", same(`"phi_x.0.b"`, `"phi_y.0.b"`), `no tensor "phi_x.0.b"`)
	bad("other model", same(`\"vrnn\"`, `\"vrnx\"`), `unknown model "vrnx"`)
	bad("other version", same(`\"version\":1`, `\"version\":9`), "version 9")
	nan := slices.Clone(good)
	copy(nan[len(nan)-4:], []byte{0, 0, 0xc0, 0x7f})
	p := filepath.Join(tr.Dir, CheckpointFile)
	if err := os.WriteFile(p, nan, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(tr.Dir, d, 0, 1); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("NaN in a tensor: %v", err)
	}
}

func bytesOf(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}
