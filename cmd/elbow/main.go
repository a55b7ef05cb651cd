// Command elbow trains, scores and samples sequence models.
//
//	elbow train     data -> model.Trainer -> run/: checkpoints, metrics, summary, pictures, a sample
//	elbow eval      checkpoint, data -> nats per step
//	elbow encode    checkpoint of a VRAE, data -> table and map of its latent variables
//	elbow sample    checkpoint -> MIDI, WAV, text, CSV or pictures, as the data were
//	elbow table     a published table, trained again -> our figures beside those published
//	elbow doctor    what this machine and this build have
//
// Without arguments train uses the tunes that ship inside the binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
)

type command struct {
	name, about string
	run         func(ctx context.Context, args []string, out io.Writer) error
}

var commands = []command{
	{"train", "train a model on music, sound, images, pen strokes, text or tables", train},
	{"eval", "score a trained model on data", eval},
	{"sample", "draw from a trained model what its data were like", sample},
	{"table", "train the models of a published table and print the figures side by side", table},
	{"encode", "place data in the latent space of a trained vrae", encode},
	{"doctor", "say what this machine and this build have", doctor},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work at the next safe point; a second one ends the program.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs a command line and returns the exit code: 0, 1 for an error, 2 for a wrong
// command line, 130 when it was interrupted.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		usage(errOut)
		return 2
	}
	if name := args[0]; name == "help" || name == "-h" || name == "-help" || name == "--help" {
		usage(out)
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := environment()
		if err == nil {
			err = c.run(ctx, args[1:], out)
		}
		var bad usageError
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, context.Canceled):
			return 130
		case errors.As(err, &bad):
			fmt.Fprintf(errOut, "elbow %s: %v (elbow %s -h lists the flags)\n", c.name, err, c.name)
			return 2
		default:
			fmt.Fprintf(errOut, "elbow %s: %s\n", c.name, oneLine(err))
			return 1
		}
	}
	fmt.Fprintf(errOut, "elbow: unknown command %q\n", args[0])
	usage(errOut)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: elbow COMMAND [flags]\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nelbow COMMAND -h lists the flags of a command.\n")
}

// oneLine joins the lines of an error of several parts.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// environment reports variables that could not be obeyed.
func environment() error { return errors.Join(asm.EnvError(), blas.EnvError()) }

// usageError is a mistake on the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// parse parses the flags of a command, which takes no other arguments. Help goes to out,
// errors are returned only.
func parse(fs *flag.FlagSet, args []string, out io.Writer) error {
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "usage: elbow %s [flags]\n\n", fs.Name())
		fs.SetOutput(out)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{err}
	case fs.NArg() > 0:
		return usagef("unexpected argument %q", fs.Arg(0))
	}
	return nil
}

// maxMessage is how long a message may be, in bytes.
const maxMessage = 300
