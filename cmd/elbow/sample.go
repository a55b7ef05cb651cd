package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
)

func sample(_ context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("sample", flag.ContinueOnError)
	from := flags.String("model", "run", "a checkpoint, or the folder of a training, whose best parameters are used")
	dir := flags.String("out", "run", "folder for the MIDI file and the picture")
	steps := flags.Int("steps", 128, "steps of the sample")
	seed := flags.Uint64("seed", 1, "seed of the draws")
	grid := flags.Int("grid", 2, "steps per quarter note in the MIDI file")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	if *steps < 1 || *steps > 1<<20 || *grid < 1 || *grid > 96 {
		return usagef("-steps %d -grid %d: want 1..%d and 1..96", *steps, *grid, 1<<20)
	}
	m, _, _, err := model.Load(checkpoint(*from))
	if err != nil {
		return err
	}
	if m.Settings().Data != music.Dims {
		return fmt.Errorf("%s: %d dimensions, a piano roll has %d", checkpoint(*from), m.Settings().Data, music.Dims)
	}
	if err := makeDir(*dir); err != nil {
		return err
	}
	roll := music.FromRows(model.Sample(m, 1, *steps, *seed, false))
	return writeSample(*dir, roll, *grid, nil, out)
}
