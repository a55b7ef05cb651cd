package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

// sampleSteps is the length of the sample that train leaves: 16 bars of 4/4 in eighths.
const sampleSteps = 128

// drawCurves draws what became of the epochs as path.png and path.svg.
func drawCurves(path string, history []model.Epoch) error {
	curve := func(name string, y func(model.Epoch) float64) figure.Line {
		l := figure.Line{Name: name}
		for _, e := range history {
			l.X, l.Y = append(l.X, float64(e.Epoch)), append(l.Y, y(e))
		}
		return l
	}
	name := "NLL"
	if !history[0].Valid.Exact {
		name = "bound on NLL"
	}
	panels := []figure.Panel{{Title: name, XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: []figure.Line{
		curve("train", func(e model.Epoch) float64 { return e.Train.NLLPerStep }),
		curve("valid", func(e model.Epoch) float64 { return e.Valid.NLLPerStep }),
	}}}
	if !history[0].Valid.Exact {
		panels = append(panels, figure.Panel{Title: "its two terms, valid", XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: []figure.Line{
			curve("reconstruction", func(e model.Epoch) float64 { return e.Valid.ReconPerStep }),
			curve("KL", func(e model.Epoch) float64 { return e.Valid.KLPerStep }),
		}})
	}
	panels = append(panels, figure.Panel{Title: "gradient norm", XLabel: "epoch", YLabel: "before the clip", WholeX: true,
		Lines: []figure.Line{curve("mean of the epoch", func(e model.Epoch) float64 { return e.GradNorm })}})
	for _, ext := range []string{".png", ".svg"} {
		if err := figure.Curves(path+ext, "Training", panels); err != nil {
			return err
		}
	}
	return nil
}

// drawSample leaves a sample of the model beside a piece of the test data.
func drawSample(m model.Model[float32], set *music.Dataset, seed uint64, dir string) error {
	roll := music.FromRows(model.Sample(m, 1, sampleSteps, seed, false))
	piece := set.Test[0]
	data := figure.RollPanel{Title: "data: " + piece.Name, Steps: piece.Steps[:min(len(piece.Steps), sampleSteps)]}
	return writeSample(dir, roll, set.StepsPerQuarter, []figure.RollPanel{data}, io.Discard)
}

// writeSample writes a sampled roll as MIDI and, below the given panels, as a picture.
func writeSample(dir string, roll music.Roll, grid int, above []figure.RollPanel, out io.Writer) error {
	midi := filepath.Join(dir, sampleFile)
	err := atomicfile.Write(midi, 0o666, func(w io.Writer) error {
		return music.WriteMIDI(w, roll, music.MIDIOptions{StepsPerQuarter: grid, Title: "sample"})
	})
	if err != nil {
		return err
	}
	panels := append(above, figure.RollPanel{Title: "sample of the model", Steps: roll, Sample: true})
	for _, ext := range []string{".png", ".svg"} {
		if err := figure.Rolls(filepath.Join(dir, rollsFile+ext), "Piano rolls", panels, grid); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s: %d steps, %s %s.png\n", dir, len(roll), sampleFile, rollsFile)
	return nil
}
