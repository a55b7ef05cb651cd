package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

const (
	tableFile = "table.json"
	dataEnv   = "ELBOW_DATA" // folder of the data sets, for table and for tests
)

// experiment is one table of figures that others have published, as something to run again.
type experiment struct {
	name, about string
	unit        string
	folder      string    // below the folder of data sets; "" for the built-in tunes
	data        dataFlags // how the data are read
	needsData   string    // what to ask for where there is no default
	// read reads what is no kind of data of its own; it may be nil.
	read func(f *dataFlags, out io.Writer) (*dataset.Data, error)
	rows []row

	// value turns a score into the unit.
	value func(model.Score) float64
	// finish leaves what belongs to the table beside its rows, and may add to the results.
	// It may be nil.
	finish func(ctx context.Context, r *tableRun) error

	seeds seedList // the default is 1
	// own makes a table whose rows are not trainings, and returns what the command prints as JSON.
	own func(ctx context.Context, r *tableRun, folder *rundir.Dir) (any, error)
}

// sameCommand is what to do after an interrupt.
const sameCommand = "the same command goes on"

// row is one line of a table: a training with the settings of package model and, after it,
// scores of the test part with more than one draw of z.
type row struct {
	name    string
	model   model.Config
	train   func(*model.TrainConfig) // changes the defaults
	samples []int                    // draws for importance-weighted bounds
	figures []figures
	bounds  map[int][]figures // published beside the importance-weighted bounds
}

// figures is what was published, in the unit of the table.
type figures struct {
	Value  string `json:"value"`
	What   string `json:"what"`
	Source string `json:"source"` // and how sure it is: read in the source, or from memory
}

// result is a line of table.json.
type result struct {
	Row        string    `json:"row"`
	Model      string    `json:"model"`
	Likelihood string    `json:"likelihood"`
	Params     int       `json:"params"`
	Seed       uint64    `json:"seed"`
	Epochs     int       `json:"epochs"`
	BestEpoch  int       `json:"best_epoch"`
	Seconds    float64   `json:"seconds"`
	Samples    int       `json:"samples"` // draws of z per sequence in the test figure
	Valid      *float64  `json:"valid,omitempty"`
	Test       float64   `json:"test"`
	KL         float64   `json:"kl_per_step"`
	Exact      bool      `json:"exact"`
	StdErr     float64   `json:"std_err,omitempty"` // of a figure that was estimated, in nats per step; likewise how much too low it is
	Bias       float64   `json:"bias,omitempty"`
	NGram      float64   `json:"ngram,omitempty"`  // text: bits per character of the five-gram
	Purity     float64   `json:"purity,omitempty"` // share of windows whose nearest neighbour is of the same tune
	Apart      float64   `json:"apart,omitempty"`  // likewise among windows that share no steps
	Unit       string    `json:"unit"`
	Published  []figures `json:"published"`
	Folder     string    `json:"folder"`
}

// tableRun is a run of an experiment.
type tableRun struct {
	experiment
	data    *dataset.Data
	dir     string
	quick   bool
	force   bool
	begun   func(*rundir.Dir, model.Config, model.TrainConfig) error // called when a training has begun
	threads int
	results []result
	out     io.Writer
}

func table(ctx context.Context, cmd *call) error {
	name := cmd.names(1)
	if len(name) == 0 && len(cmd.args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, cmd.args[0]) {
		listTables(cmd)
		return flag.ErrHelp
	}
	e, err := experimentOf(name)
	if err != nil {
		return err
	}
	r := &tableRun{experiment: e, out: cmd.out}
	r.begun = r.writeConfig
	if err := r.parse(cmd); err != nil {
		return err
	}
	if err := r.findData(); err != nil {
		return err
	}
	if comm := ranksOf(ctx); r.own != nil && comm.Size() > 1 {
		return usagef("table %s: it takes a minute or two: start it without mpirun", r.name)
	}
	if r.own != nil {
		return within(r.dir, func(folder *rundir.Dir) error {
			if err := folder.Reserve(tableFile); err != nil {
				return err
			}
			results, err := r.own(ctx, r, folder)
			if err != nil {
				return err
			}
			return cmd.result(results)
		})
	}
	if err := r.loadData(); err != nil {
		return err
	}
	if ranksOf(ctx).Rank() > 0 {
		return r.shareOut(ctx)
	}
	return within(r.dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(tableFiles(r.data.Form.Kind)...); err != nil {
			return err
		}
		if err := errors.Join(r.shareOut(ctx), ctx.Err()); err != nil {
			return err
		}
		if err := r.run(ctx); err != nil {
			return err
		}
		return cmd.result(map[string]any{"results": r.results, "means": r.means()})
	})
}

// experimentOf returns the experiment that is called so, name being what stands before the flags.
func experimentOf(name []string) (experiment, error) {
	var names []string
	for _, e := range experiments {
		if len(name) > 0 && e.name == name[0] {
			return e, nil
		}
		names = append(names, e.name)
	}
	if len(name) == 0 {
		return experiment{}, usagef("want the name of a table first, one of %v", names)
	}
	return experiment{}, usagef("unknown table %q, want one of %v", name[0], names)
}

// parse declares the flags and parses them.
func (r *tableRun) parse(cmd *call) error {
	usage := cmp.Or(r.needsData, "the data (default: the tunes that ship inside the program)")
	if r.folder != "" {
		usage = "the data, or a folder with " + r.folder + " in it (default: the folder that " + dataEnv + " names)"
	}
	cmd.StringVar(&r.experiment.data.path, "data", "", usage)
	cmd.StringVar(&r.dir, "out", "run-"+r.name, "folder for the results, one in it for each row (default: run-"+r.name+", with -quick run-"+r.name+"-quick)")
	cmd.BoolVar(&r.force, "force", false, "train rows again that are there with other settings or data, and delete those")
	cmd.BoolVar(&r.quick, "quick", false, "two epochs on a small part of the data, to see that everything works")
	if r.seeds == nil {
		r.seeds = seedList{1}
	}
	cmd.Var(&r.seeds, "seeds", "train each row with these `seeds`, such as 1..5")
	cmd.IntVar(&r.threads, "threads", runtime.GOMAXPROCS(0), "goroutines; the result does not depend on it")
	only := cmd.String("rows", "", "only the rows whose names hold this")
	if err := cmd.parse(); err != nil {
		return err
	}
	given := cmd.given()
	if r.quick && !given["out"] {
		r.dir += "-quick"
	}
	if r.threads < 1 {
		return usagef("-threads %d: want at least 1", r.threads)
	}
	for _, name := range []string{"rows", "force"} {
		if r.own != nil && given[name] {
			return usagef("-%s: table %s is made as a whole, anew every time", name, r.name)
		}
	}
	return r.choose(*only)
}

// choose leaves the rows whose names hold a text.
func (r *tableRun) choose(only string) error {
	if only == "" {
		return nil
	}
	all := r.rows
	r.rows = nil
	for _, w := range all {
		if strings.Contains(strings.ToLower(w.name), strings.ToLower(only)) {
			r.rows = append(r.rows, w)
		}
	}
	if len(r.rows) == 0 {
		return usagef("-rows %q: no row of table %s has it in its name", only, r.name)
	}
	return nil
}

// listTables prints what tables there are.
func listTables(cmd *call) {
	fmt.Fprintf(cmd.out, "usage: elbow table NAME [flags]\n\n%s\n\n  %s\n\n", cmd.about, cmd.example)
	for _, e := range experiments {
		fmt.Fprintf(cmd.out, "  %-8s %s\n", e.name, e.about)
	}
	fmt.Fprint(cmd.out, "\nelbow table NAME -h lists the flags.\n")
}

// loadData finds and reads the data, and takes a small part of them if that is enough.
func (r *tableRun) loadData() error {
	d, err := r.readData()
	if err != nil {
		return err
	}
	if r.quick {
		d.Shorten(64, 200)
	}
	r.data = d
	return nil
}

// findData finds the data of the experiment: -data, or a part of the folder of data sets.
func (r *tableRun) findData() error {
	f := &r.experiment.data
	if f.path == "" && r.folder != "" {
		base := os.Getenv(dataEnv)
		if base == "" {
			return usagef("-data: want the folder of %s, or %s in the environment", r.folder, dataEnv)
		}
		f.path = base
	}
	f.path = dataIn(f.path, r.folder)
	if f.path == "" && r.needsData != "" {
		return usagef("-data: want %s", r.needsData)
	}
	return apart(f.path, r.dir)
}

// readData reads the data of the experiment.
func (r *tableRun) readData() (*dataset.Data, error) {
	f := &r.experiment.data
	if r.read != nil {
		return r.read(f, r.out)
	}
	f.Frame, f.Streams = dataset.DefaultFrame, dataset.DefaultStreams
	return f.open(r.out)
}

// dataIn returns the data set of a table that -data names by itself, by its folder or by the folder of all data
// sets; folder is where it is in the last one.
func dataIn(path, folder string) string {
	if folder == "" {
		return path
	}
	whole := filepath.Join(path, filepath.FromSlash(folder))
	for _, in := range []string{whole, filepath.Join(path, filepath.Base(whole))} {
		if _, err := os.Stat(in); err == nil {
			return in
		}
	}
	if path == os.Getenv(dataEnv) {
		return whole // of which the error speaks then
	}
	return path
}

// shareOut has every rank make some of the rows, with one seed each, which run finds finished then.
func (r *tableRun) shareOut(ctx context.Context) error {
	comm := ranksOf(ctx)
	if comm.Size() == 1 {
		return nil
	}
	release := stopperOf(ctx).hold() // the first one to end ends the others, which have checkpoints to write
	defer release()
	own := *r
	own.out = io.Discard
	for i, w := range r.rows {
		for j, seed := range r.seeds {
			if (i*len(r.seeds)+j)%comm.Size() != comm.Rank() {
				continue
			}
			fmt.Fprintf(chatter(r.out), "%s, seed %d\n", w.name, seed)
			err := own.row(ctx, w, seed)
			if errors.Is(err, context.Canceled) {
				return errors.Join(err, comm.Barrier())
			} else if err != nil {
				return fmt.Errorf("%s, seed %d: %w", w.name, seed, err)
			}
		}
	}
	return comm.Barrier()
}

// run trains what is not done yet, row by row. What is done stays in the folder, so a run
// that was stopped goes on where it was.
func (r *tableRun) run(ctx context.Context) error {
	fmt.Fprintf(r.out, "%s\n%s: %d + %d + %d sequences; %s\n", r.about, r.data.Name, len(r.data.Train), len(r.data.Valid), len(r.data.Test), r.unit)
	remark(r.out, r.data.Notes)
	for _, w := range r.rows {
		for _, seed := range r.seeds {
			if err := r.row(ctx, w, seed); err != nil {
				return fmt.Errorf("%s, seed %d: %w", w.name, seed, err)
			}
			if err := writeJSON(filepath.Join(r.dir, tableFile), r.results); err != nil {
				return err
			}
		}
	}
	if r.finish != nil {
		err := r.finish(ctx, r)
		if err == nil {
			err = writeJSON(filepath.Join(r.dir, tableFile), r.results)
		}
		if err != nil {
			return err
		}
	}
	r.print()
	return nil
}

// add adds a line to the results.
func (r *tableRun) add(w row, seed uint64, dir string, sum *summary, test model.Score, k int, published []figures) *result {
	res := result{Row: w.name, Model: sum.Model, Likelihood: sum.Likelihood, Params: sum.Params, Seed: seed, Epochs: sum.Epochs, BestEpoch: sum.BestEpoch,
		Seconds: sum.Seconds, Samples: k, Test: r.value(test), KL: test.KLPerStep, Exact: test.Exact, StdErr: test.StdErr, Bias: test.Bias, Unit: r.unit, Published: published, Folder: dir}
	if k == 1 {
		valid := r.value(sum.Valid)
		res.Valid = &valid
	}
	if sum.Bits != nil {
		res.NGram = sum.Bits.NGram
	}
	r.results = append(r.results, res)
	return &r.results[len(r.results)-1]
}

// label is the name of a row, with the draws if there are several.
func (r result) label() string {
	if r.Samples > 1 {
		return fmt.Sprintf("%s, %d draws", r.Row, r.Samples)
	}
	return r.Row
}

// line is a row as it is printed.
func (r result) line() string {
	sign := " "
	if !r.Exact && r.StdErr == 0 {
		sign = "~" // a bound
	}
	var published []string
	if r.Purity > 0 {
		published = append(published, fmt.Sprintf("purity %.3f, among windows that share no steps %.3f", r.Purity, r.Apart))
	}
	if r.StdErr > 0 {
		published = append(published, estimate(r.StdErr, r.Bias))
	}
	for _, f := range r.Published {
		published = append(published, fmt.Sprintf("%s %s (%s)", f.Value, f.What, f.Source))
	}
	return fmt.Sprintf("%-28s %8d %4d %6d %8.0f  %s%10.4f  %7.3f  %s", r.label(), r.Params, r.Seed, r.BestEpoch, r.Seconds, sign, r.Test, r.KL, strings.Join(published, "; "))
}

// print prints the whole table.
func (r *tableRun) print() {
	fmt.Fprintf(r.out, "\n%s\ntest, %s; ~ is a bound\n\n", r.about, r.unit)
	fmt.Fprintf(r.out, "%-28s %8s %4s %6s %8s  %11s  %7s  %s\n", "", "params", "seed", "epoch", "seconds", "test", "kl/step", "published")
	for _, res := range r.results {
		fmt.Fprintln(r.out, res.line())
	}
	for _, m := range r.means() {
		fmt.Fprintf(r.out, "%-28s mean %.4f, deviation %.4f, of %d seeds\n", m.Row, m.Mean, m.Deviation, m.Seeds)
	}
	if ngram := r.ngram(); ngram > 0 {
		fmt.Fprintf(r.out, "%-28s %8s %4s %6s %8s   %10.4f\n", "five-gram, Kneser-Ney", "", "", "", "", ngram)
	}
	fmt.Fprintf(r.out, "\n%s\n", filepath.Join(r.dir, tableFile))
}

// rowMean is a row over all its seeds.
type rowMean struct {
	Row       string  `json:"row"`
	Samples   int     `json:"samples"`
	Seeds     int     `json:"seeds"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// means returns the means of the rows, if there are several seeds. Rows that nothing is drawn for have none.
func (r *tableRun) means() (list []rowMean) {
	if len(r.seeds) < 2 {
		return nil
	}
	tests := map[string][]float64{}
	for _, res := range r.results {
		if tests[res.label()] == nil {
			list = append(list, rowMean{Row: res.label(), Samples: res.Samples})
		}
		tests[res.label()] = append(tests[res.label()], res.Test)
	}
	for i := range list {
		all := tests[list[i].Row]
		s := spreadOf(all)
		list[i].Seeds, list[i].Mean, list[i].Deviation = len(all), s.Mean, s.Deviation
	}
	return slices.DeleteFunc(list, func(m rowMean) bool { return m.Seeds < 2 })
}

func (r *tableRun) ngram() float64 {
	for _, res := range r.results {
		if res.NGram > 0 {
			return res.NGram
		}
	}
	return 0
}
