package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/internal/measure"
)

func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for seconds")
	}
	svg := filepath.Join(t.TempDir(), "roofline.svg")
	code, out, errOut := elbow(context.Background(), "bench", "-svg", svg)
	if asm.Active() == asm.Generic {
		if code != codeError || !strings.Contains(errOut, "no roofline") {
			t.Errorf("code %d, %s: want an error, there is no roofline without machine code", code, errOut)
		}
		return
	}
	if code != 0 {
		t.Fatalf("code %d: %s", code, errOut)
	}
	for _, want := range []string{`peak +\d+ GFLOP/s`, `reads .*memory \d+`, `1 +product 64 x 64 x 64 +[\d.]+`, `lstm step, 32 x 256`, `tanh of 4096`, `Adam of 65536`, `Gaussian KL, 256 x 256`, `of the bound`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	text, err := os.ReadFile(svg)
	if err != nil || !bytes.Contains(text, []byte("vector maths")) {
		t.Errorf("%v, %d bytes of picture", err, len(text))
	}
	if code, out, _ := elbow(context.Background(), "bench", "-svg", svg); code != codeError || out != "" {
		t.Errorf("code %d, %q: want an error before anything is measured, the file is there", code, out)
	}
}

func TestBound(t *testing.T) {
	m := &machine{peak: 100, rates: map[int]float64{16: 40, 32: 20, beyond: 4}}
	for _, c := range []struct {
		intensity float64
		bytes     int
		want      float64
	}{{1, 10, 40}, {1, 17, 20}, {1, 2 * beyond, 4}, {10, 16, 100}, {4, 32, 80}} {
		if got := m.bound(c.intensity, c.bytes); got != c.want {
			t.Errorf("%d bytes, %g operations each: %g, want %g", c.bytes, c.intensity, got, c.want)
		}
	}
	m.peak = 0
	if got := m.bound(1000, 10); got != 0 {
		t.Errorf("without a peak %g, want none", got)
	}
}

// TestMeasure: works end when the command is stopped, and their figures are what was measured.
func TestMeasure(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &machine{cpu: measure.ThisCPU(), peak: 1, rates: map[int]float64{4: 1}}
	calls := 0
	one := func() []work { return []work{{"g", "n", 8, 4, func() { calls++ }}} }
	rows, err := m.measure(ctx, one)
	if err != nil || len(rows) != 1 || rows[0].intensity != 2 || rows[0].bound != 1 || !(rows[0].seconds > 0) || calls == 0 {
		t.Errorf("%+v, %v after %d calls", rows, err, calls)
	}
	cancel()
	if _, err := m.measure(ctx, one); err == nil {
		t.Error("no error after a stop")
	}
}
