// Command elbow trains, scores and samples sequence models.
//
//	elbow train     data -> model.Trainer -> run/: checkpoints, metrics, summary, pictures, a sample
//	elbow eval      checkpoint, data -> nats per step
//	elbow score     checkpoint, data -> nats of every step and sequence, and which of them are unusual
//	elbow encode    checkpoint, data -> table and map of the latent variables, with their KL terms
//	elbow impute    checkpoint, data with missing values -> means and intervals in their place
//	elbow reconstruct  checkpoint, data -> what is decoded from the means of the latent variables
//	elbow sample    checkpoint -> MIDI, WAV, text, CSV or pictures, as the data were
//	elbow continue  checkpoint, the beginning of something -> how it could go on; of tables a forecast
//	elbow interpolate  checkpoint, two sequences -> what lies between them in the latent space
//	elbow report    run/ -> report.html, a page with all that there is to be seen of a training
//	elbow explore   run/ -> the same page on this machine, with a latent plane to move in
//	elbow table     a published table, trained again -> our figures beside those published
//	elbow sweep     list of configurations -> trainings, resumable, shared by processes, and the best
//	elbow compare   folders of trainings -> the settings that differ, and the figures
//	elbow inspect   file of weights -> its tensors, and what could be made of them
//	elbow export    checkpoint -> safetensors or npz with PyTorch's names, or graphs of ONNX
//	elbow import    checkpoint, the parameters of another program -> checkpoint
//	elbow doctor    what this machine and this build have
//	elbow bench     the main kernels beside what the machine can do at most, as a table and a roofline
//	elbow version   what this program was built from
//
// Without arguments train uses the tunes that ship inside the binary.
//
// INT, TERM and HUP end every command within a second; a training writes its checkpoint first,
// and nothing unfinished is left. A second INT or TERM does not wait for the checkpoint. The exit
// code is 0, 1 for an error, 2 for a wrong command line, 130 after a signal and, as other
// programs have it, 141 when the reader of standard output is gone.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/dist"
)

var commands []command

func init() { // dispatch and help read it
	commands = []command{
		{"train", "Trains a model on music, sound, images, pen strokes, text or tables. Without -data it takes the tunes that ship inside the program.", "elbow train -data waves.csv -model rnn -hidden 16 -epochs 150 -lr 0.01", "", train},
		{"eval", "Scores a trained model on data.", "elbow eval -model run -data other.csv -samples 64", "", eval},
		{"score", "Says how unexpected every step of data is to a trained model.", "elbow score -model run -data odd.csv -flag 8 -top 3", "", score},
		{"sample", "Draws from a trained model what its data were like.", "elbow sample -model run -count 4", "", sample},
		{"continue", "Goes on from a piece, a text or a series; forecasts tables with quantiles.", "elbow continue -model run -prime waves.csv -held 60", "", continueData},
		{"interpolate", "Goes from one sequence to another through the latent space. A and B are names of sequences of the data (of windows PIECE@STEP), or files, whose first sequences are taken.",
			"elbow interpolate greensleeves sakura -model run-vrae", "A B", interpolate},
		{"encode", "Places data in the latent space of a trained model.", "elbow encode -model run-vrae -out run-vrae", "", encode},
		{"reconstruct", "Decodes what a trained model has encoded, beside the data.", "elbow reconstruct -model run-vrae -of greensleeves", "", reconstruct},
		{"impute", "Fills in missing values of tables, with intervals.", "elbow impute -model run -data gaps.csv -out filled", "", impute},
		{"report", "Makes a page of a training, " + reportFile + " in its folder: curves, samples beside data, scores, and what there is to be seen of the latent space.", "elbow report run", "[RUN]", reportRun},
		{"explore", "Serves the page of report on this machine alone, with a latent plane to move in: what lies where one points is decoded at once.", "elbow explore run-vrae -port 8080", "[RUN]", exploreRun},
		{"table", "Trains the models of a published table and prints the figures side by side.", "elbow table jsb -data jsb-chorales-quarter.json -rows VRNN", "NAME", table},
		{"sweep", sweepAbout, "elbow sweep sizes.toml -jobs 2", "FILE", runSweep},
		{"compare", "Shows in which settings trainings differ, and what they came to. A folder of trainings, as of sweep or train -seeds, stands for those in it.", "elbow compare run run-gru", "RUN RUN...", compare},
		{"inspect", "Lists the tensors of a file of weights, and what could be made of them.", "elbow inspect model.safetensors", "FILE", inspect},
		{"export", "Writes a trained model for PyTorch, Keras or ONNX.", "elbow export -model run -as onnx -out graphs", "", export},
		{"import", "Takes the parameters of a model back from PyTorch or Keras.", "elbow import -model run -from trained.pt -out run-back", "", importWeights},
		{"doctor", "Says what this machine and this build have.", "elbow doctor -svg roofline.svg", "", doctor},
		{"bench", "Measures the main kernels beside what the machine can do at most.", "elbow bench -svg roofline.svg", "", bench},
		{"version", "Says what this program was built from.", "elbow version", "", version},
	}
}

// onRanks are the commands that ranks do together.
var onRanks = []string{"train", "eval", "score", "table"}

// commandNames returns the names of the commands.
func commandNames() (names []string) {
	for _, c := range commands {
		names = append(names, c.name)
	}
	return names
}

func main() {
	comm, err := dist.Start()
	if err != nil {
		complain(os.Stderr, "elbow", err, "")
		os.Exit(codeError)
	}
	ctx, s := newStopper(comm)
	go s.listen(catch())
	var out, errOut io.Writer = os.Stdout, os.Stderr
	if rank := comm.Rank(); rank > 0 {
		out, errOut = io.Discard, lateWriter{errOut, rank, ctx}
	}
	leave(comm, run(withRanks(ctx, comm), os.Args[1:], out, errOut))
}

// The exit codes beside 0.
const (
	codeError       = 1
	codeUsage       = 2   // a wrong command line
	codeInterrupted = 130 // by INT, TERM or HUP
	codeUnread      = 141 // nobody reads standard output any more, as SIGPIPE gives it
)

// run runs a command line and returns the exit code.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	s := stopperOf(ctx)
	o := &output{Writer: out, errOut: errOut, unread: func() { s.stop(codeUnread) }}
	code := dispatch(ctx, args, o, errOut)
	err := o.failed()
	switch stopped := s.stopped(); {
	case stopped != 0:
		return stopped // also if the work was done just then
	case err == nil || code != 0:
		return code
	case unread(err):
		return codeUnread
	}
	complain(errOut, "elbow", fmt.Errorf("standard output: %w", err), "")
	return codeError
}

func dispatch(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		usage(errOut)
		return codeUsage
	}
	if name := args[0]; name == "help" || name == "-h" || name == "-help" || name == "--help" {
		return help(ctx, args[1:], out, errOut)
	}
	at := slices.Index(commandNames(), args[0])
	if at < 0 {
		complain(errOut, "elbow", fmt.Errorf("unknown command %q", args[0]), "")
		usage(errOut)
		return codeUsage
	}
	c := commands[at]
	hint := fmt.Sprintf(" (elbow %s -h all lists the flags)", c.name)
	err := environment()
	if err == nil || c.name == "doctor" {
		limitGarbage()
		call := newCall(c, args[1:], out)
		if comm := ranksOf(ctx); comm.Size() > 1 && !slices.Contains(onRanks, c.name) {
			err = usagef("%d processes were started: this is done in one, without mpirun", comm.Size())
		} else {
			call.follower = comm.Rank() > 0
			err = errors.Join(c.run(ctx, call), call.end(), err)
		}
		if errors.As(err, new(usageError)) && call.blame != nil {
			err = call.blame(err)
		}
		if err != nil && call.config != "" && !strings.Contains(err.Error(), call.config) { // what is wrong may be in there
			hint = fmt.Sprintf(" (with -config %s; elbow %s -h all lists the flags)", message(call.config, maxMessage/3), c.name)
		}
	}
	var bad usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		return codeInterrupted
	case unread(err):
		return codeUnread
	case errors.As(err, &bad):
		complain(errOut, "elbow "+c.name, err, hint)
		return codeUsage
	}
	complain(errOut, "elbow "+c.name, err, "")
	return codeError
}

// dataHelp describes the layouts of data that are read. README.md has the same text.
//
//go:embed data.txt
var dataHelp string

// help is elbow help, elbow help data and elbow help COMMAND.
func help(ctx context.Context, args []string, out, errOut io.Writer) int {
	switch {
	case len(args) == 0 || args[0] == "help" || strings.HasPrefix(args[0], "-"):
		usage(out)
	case args[0] == "data":
		fmt.Fprint(out, dataHelp)
	default:
		return dispatch(ctx, append([]string{args[0], "-h"}, args[1:]...), out, errOut)
	}
	return 0
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: elbow COMMAND [flags]\n\n")
	for _, c := range commands {
		about, _, _ := strings.Cut(c.about, ". ")
		fmt.Fprintf(w, "  %-11s %s\n", c.name, strings.TrimSuffix(about, "."))
	}
	fmt.Fprint(w, "\nelbow COMMAND -h lists the flags of a command, -h all those for special cases, too.\n"+
		"elbow help data says how folders and tables of data are laid out.\n")
}

// environment reports variables that could not be obeyed.
func environment() error { return errors.Join(asm.EnvError(), blas.EnvError()) }

// usageError is a mistake on the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A limit is a flag, what it was set to, and what it may be.
type limit struct {
	flag             string
	got, least, most int
}

// checkLimits reports a flag that was given and is out of its limits.
func checkLimits(given map[string]bool, limits ...limit) error {
	for _, l := range limits {
		if given[l.flag] && (l.got < l.least || l.got > l.most) {
			return usagef("-%s %d: want %d..%d", l.flag, l.got, l.least, l.most)
		}
	}
	return nil
}
