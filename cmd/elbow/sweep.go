package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// A sweep is a list of trainings, each in a folder of its own. Processes share it without knowing of each
// other: whoever has a folder open trains there, and a folder whose training is finished is not trained
// in again. Folders are locked by package rundir, and locks end with their process.
type sweep struct {
	trials []*trial
	dir    string
	force  bool
	jobs   int // trainings at a time
	out    io.Writer

	mu      sync.Mutex // of all below, and of out
	ended   int
	waiting bool // it has been said that others have what is left
}

// A trial is a training of a sweep.
type trial struct {
	name, group string // of the training, and of those that differ from it in the seed alone
	values      []assignment
	call        *call // with the flags of train
	settings    settings
	flags       dataFlags
	data        *dataset.Data
	mc          model.Config
	tc          model.TrainConfig

	state trialState
	found bool      // finished before, or elsewhere
	tried time.Time // when another process was seen at it
	sum   *summary
	err   error
}

type trialState int

const (
	trialFree trialState = iota
	trialHere            // this process is at it
	trialDone
	trialFailed
)

// An assignment is a flag and what it is set to, and where a file says so.
type assignment struct {
	flag, text string
	at         func(error) error // names the place; nil on a command line
}

// sweepFile lies beside the folders, with what the trainings came to.
const sweepFile = "sweep.json"

const (
	maxTrials  = 10_000
	retryEvery = 500 * time.Millisecond // after which a folder that another process has open is tried again
)

func runSweep(ctx context.Context, cmd *call) error {
	names := cmd.names(1)
	s := &sweep{out: cmd.out}
	cmd.StringVar(&s.dir, "out", "", "folder for the results, one in it for each run (default: run-NAME for a file NAME.toml)")
	cmd.IntVar(&s.jobs, "jobs", 1, "runs at a time; they share the cores")
	cmd.BoolVar(&s.force, "force", false, "train runs again that are there with other settings or data, or have diverged, and delete those")
	if err := cmd.parse(); err != nil {
		return err
	}
	if len(names) == 0 {
		return usagef("want a file first that says what to train, as elbow help sweep does")
	}
	if err := checkLimits(cmd.given(), limit{"jobs", s.jobs, 1, cell.MaxThreads}); err != nil {
		return err
	}
	if s.dir == "" {
		s.dir = "run-" + strings.TrimSuffix(filepath.Base(names[0]), ".toml")
	}
	plans, err := readSweep(names[0])
	if err != nil {
		return err
	}
	if err := s.prepare(plans, cmd.out); err != nil {
		return err
	}
	return s.run(ctx, cmd)
}

// trainSeeds is the sweep of train -seeds, whose trainings differ in the seed alone.
func trainSeeds(ctx context.Context, cmd *call, dir string, list seedList, force bool) error {
	s := &sweep{dir: dir, force: force, jobs: 1, out: cmd.out}
	var values []assignment
	given := cmd.given()
	for _, section := range cmd.sections {
		for _, name := range section.flags {
			if given[name] && !slices.Contains(ofTheCall, name) {
				values = append(values, assignment{flag: name, text: cmd.Lookup(name).Value.String()})
			}
		}
	}
	if err := s.prepare(withSeeds([]*trial{{values: values}}, list), cmd.out); err != nil {
		return err
	}
	return s.run(ctx, cmd)
}

// withSeeds returns every trial with every seed.
func withSeeds(trials []*trial, list seedList) (all []*trial) {
	for _, t := range trials {
		for _, seed := range list {
			name := fmt.Sprintf("seed%d", seed)
			if t.name != "" {
				name = t.name + "," + name
			}
			all = append(all, &trial{name: name, group: t.name, values: append(slices.Clip(t.values), assignment{flag: "seed", text: fmt.Sprint(seed)})})
		}
	}
	return all
}

// prepare reads the data and finds out whatever can be wrong before anything is trained.
func (s *sweep) prepare(trials []*trial, out io.Writer) error {
	read := map[string]*dataset.Data{} // by how they are read
	for _, t := range trials {
		if err := t.set(); err != nil {
			return err
		}
		if err := apart(t.flags.path, s.dir); err != nil {
			return t.place(err, "data")
		}
		k, err := model.KindOf(t.settings.model.Model)
		key := fmt.Sprint(t.flags.path, t.flags.Options, t.flags.maxData, err == nil && wholeSequences(k), t.settings.model.Likelihood == model.Bernoulli)
		if t.data = read[key]; t.data == nil {
			if t.data, err = t.flags.toTrain(&t.settings, "", false, out); err != nil {
				return t.place(err, "data")
			}
			read[key] = t.data
			remark(out, t.data.Notes)
		}
		if t.mc, t.tc, err = t.settings.finish(t.call.FlagSet, t.data); err != nil {
			return t.place(err, "")
		}
		t.settings.resolve(t.mc, t.tc)
		if !t.call.given()["threads"] {
			t.tc.Threads = max(runtime.GOMAXPROCS(0)/s.jobs, 1)
		}
	}
	s.trials = trials
	return nil
}

// set sets the flags of a trial.
func (t *trial) set() error {
	t.call = newCall(command{name: "train"}, nil, io.Discard)
	t.settings.flags(t.call)
	t.flags.flags(t.call)
	for _, v := range t.values {
		if err := t.call.Set(v.flag, v.text); err != nil {
			return v.place(fmt.Errorf("%s: %.80q: %w", v.flag, v.text, err))
		}
	}
	if e := t.settings.train.Epochs; e < 1 {
		return t.place(usagef("-epochs %d: want at least 1", e), "")
	}
	return nil
}

// place returns an error with the place at which a file sets what it is about, as far as that can be told.
func (v assignment) place(err error) error {
	if v.at == nil {
		return usageError{err}
	}
	return v.at(err)
}

// place does so for an error that begins with the name of a flag or else, perhaps, is about one, and says of
// which training it is.
func (t *trial) place(err error, about string) error {
	if name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "-"), " "); t.call.Lookup(strings.TrimSuffix(name, ":")) != nil {
		about = strings.TrimSuffix(name, ":")
	}
	if t.name != "" && t.group != "" {
		err = fmt.Errorf("%s: %w", t.name, err)
	}
	for _, v := range slices.Backward(t.values) {
		if v.flag == about && v.at != nil {
			return v.at(err)
		}
	}
	return err
}

// run trains what is not trained yet, and prints what came out.
func (s *sweep) run(ctx context.Context, cmd *call) error {
	if err := s.shared(func(folder *rundir.Dir) error { return folder.Reserve(sweepFile) }); err != nil {
		return err
	}
	said := sync.OnceFunc(func() {
		if s.inner() == io.Discard { // otherwise the training says so
			fmt.Fprintln(s.out, "stopped; "+sameCommand)
		}
	})
	defer context.AfterFunc(ctx, said)() // at once: the process ends with the last checkpoint
	var group sync.WaitGroup
	for range min(s.jobs, len(s.trials)) {
		group.Go(func() { s.work(ctx) })
	}
	group.Wait()
	for _, t := range s.trials {
		if t.state == trialFree {
			said()
			return context.Canceled
		}
	}
	results := s.results()
	if err := s.shared(func(*rundir.Dir) error { return writeJSON(filepath.Join(s.dir, sweepFile), results) }); err != nil {
		return err
	}
	if err := s.print(results); err != nil {
		return err
	}
	return errors.Join(cmd.result(results), s.failure())
}

// shared opens the folder of all for a moment, in which others have to wait.
func (s *sweep) shared(do func(*rundir.Dir) error) (err error) {
	for range 100 {
		if err = within(s.dir, do); !free(err) {
			return err
		}
		time.Sleep(retryEvery / 5)
	}
	return err
}

// free reports whether the error of opening a folder is one that passes: others have it open, or remove it
// since it is empty.
func free(err error) bool { return errors.Is(err, rundir.ErrBusy) || errors.Is(err, fs.ErrNotExist) }

// work trains one after the other, until all are finished, here or elsewhere.
func (s *sweep) work(ctx context.Context) {
	for {
		t, left := s.next()
		switch {
		case !left:
			return
		case ctx.Err() != nil:
			if t != nil {
				s.end(t, trialFree, nil, nil)
			}
			return
		case t == nil:
			select {
			case <-ctx.Done():
			case <-time.After(retryEvery):
			}
			continue
		}
		sum, err := s.train(ctx, t)
		switch {
		case err == nil:
			s.end(t, trialDone, sum, nil)
		case errors.Is(err, rundir.ErrBusy):
			s.end(t, trialFree, nil, nil)
		case errors.Is(err, context.Canceled):
			s.end(t, trialFree, nil, nil)
			return
		default:
			s.end(t, trialFailed, nil, err)
		}
	}
}

// next returns a trial that can be tried now, if there is one, and whether any are left.
func (s *sweep) next() (t *trial, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	elsewhere := 0
	for _, t := range s.trials {
		if t.state != trialFree {
			continue
		}
		if left = true; time.Since(t.tried) > retryEvery {
			t.state = trialHere
			return t, true
		}
		elsewhere++
	}
	if elsewhere > 0 && !s.waiting {
		s.waiting = true
		fmt.Fprintf(s.out, "waiting for %d runs that other processes are at\n", elsewhere)
	}
	return nil, left
}

// end notes what became of a trial, and says so if that was here.
func (s *sweep) end(t *trial, state trialState, sum *summary, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.state, t.sum, t.err, t.tried = state, sum, err, time.Now()
	if state == trialFree {
		return
	}
	if s.ended++; t.found {
		return
	}
	said := fmt.Sprintf("%d of %d: %s: ", s.ended, len(s.trials), t.name)
	if err != nil {
		fmt.Fprintln(s.out, message(said+"failed: "+err.Error(), maxMessage-1))
		return
	}
	f := figuresOf(t.name, sum)
	fmt.Fprintf(s.out, "%sbest epoch %d of %d, %.0f s, valid %s, test %s\n", said, sum.BestEpoch, sum.Epochs, sum.Seconds, f.figure(f.Valid), f.figure(f.Test))
}

// inner returns where a single training says how it goes on.
func (s *sweep) inner() io.Writer {
	if s.jobs == 1 {
		return chatter(s.out)
	}
	return io.Discard
}

// train trains in the folder of a trial, or takes what is there.
func (s *sweep) train(ctx context.Context, t *trial) (sum *summary, err error) {
	r := &tableRun{data: t.data, dir: s.dir, force: s.force, threads: t.tc.Threads, out: s.inner()}
	r.begun = func(folder *rundir.Dir, _ model.Config, _ model.TrainConfig) error {
		return t.call.writeEffective(folder, t.settings.unused)
	}
	path := filepath.Join(s.dir, t.name)
	folder, err := rundir.Open(path)
	if free(err) {
		return nil, fmt.Errorf("%w: %w", rundir.ErrBusy, err)
	} else if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if !s.force {
		if err := t.diverged(folder); err != nil {
			return nil, err
		}
	}
	if sum, err = r.done(folder, t.mc, t.tc); err != nil || sum != nil {
		t.found = err == nil
		return sum, err
	}
	return r.train(ctx, folder, t.mc, t.tc)
}

// diverged is the error of a training that has diverged in this folder, and would again.
func (t *trial) diverged(folder *rundir.Dir) error {
	why := whyDiverged(folder)
	if why == nil || !folder.Owns(configFile) {
		return nil
	}
	now, err := t.call.effective(t.settings.unused)
	if err != nil {
		return err
	}
	then, err := (&infile.Budget{Max: maxConfig}).Read(folder.Path(configFile))
	if err != nil || !slices.Equal(assigned(then), assigned(now)) {
		return err
	}
	return why
}

// assigned returns the lines of a configuration that say something; what is so by default may depend on the machine.
func assigned(config []byte) []string {
	return slices.DeleteFunc(strings.Split(string(config), "\n"), func(line string) bool { return line == "" || line[0] == '#' })
}

// sweepResults is what sweep.json holds.
type sweepResults struct {
	Runs   []runFigures   `json:"runs"`
	Means  []groupFigures `json:"means,omitempty"` // over the seeds
	Failed []failedTrial  `json:"failed,omitempty"`
	Best   string         `json:"best,omitempty"` // by valid: a run or, with several seeds, what has the best mean
}

// groupFigures is what trainings came to that differ in the seed alone, in nats per step.
type groupFigures struct {
	Run   string `json:"run"`
	Seeds int    `json:"seeds"`
	Valid spread `json:"valid"`
	Test  spread `json:"test"`
	Exact bool   `json:"exact"`
}

type failedTrial struct {
	Run   string `json:"run"`
	Error string `json:"error"`
}

// results returns what came out.
func (s *sweep) results() (r sweepResults) {
	groups := map[string][]*trial{}
	var order []string
	for _, t := range s.trials {
		if t.err != nil {
			r.Failed = append(r.Failed, failedTrial{t.name, t.err.Error()})
			continue
		}
		f := figuresOf(t.name, t.sum)
		f.Folder = filepath.Join(s.dir, t.name)
		r.Runs = append(r.Runs, f)
		if t.group != t.name && groups[t.group] == nil {
			order = append(order, t.group)
		}
		groups[t.group] = append(groups[t.group], t)
	}
	for _, name := range order {
		var valid, test []float64
		exact := true
		for _, t := range groups[name] {
			valid, test = append(valid, t.sum.Valid.NLLPerStep), append(test, t.sum.Test.NLLPerStep)
			exact = exact && t.sum.Test.Exact
		}
		r.Means = append(r.Means, groupFigures{name, len(valid), spreadOf(valid), spreadOf(test), exact})
	}
	if len(r.Means) == len(r.Runs) { // of one seed each
		r.Means = nil
	}
	if s.comparable() {
		r.Best = r.best()
	}
	return r
}

// comparable reports whether all trainings saw the same data.
func (s *sweep) comparable() bool {
	return !slices.ContainsFunc(s.trials, func(t *trial) bool { return t.data.Hash != s.trials[0].data.Hash })
}

// best returns what has the lowest figure for valid, or the lowest mean of it.
func (r *sweepResults) best() (name string) {
	lowest := math.Inf(1)
	for _, f := range r.Runs {
		if len(r.Means) == 0 && f.Valid < lowest {
			name, lowest = f.Run, f.Valid
		}
	}
	for _, m := range r.Means {
		if m.Valid.Mean < lowest {
			name, lowest = m.Run, m.Valid.Mean
		}
	}
	return name
}

// print prints the table of the results.
func (s *sweep) print(r sweepResults) error {
	fmt.Fprintln(s.out)
	if err := printRuns(s.out, nil, r.Runs, true); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, m := range r.Means {
		fmt.Fprintln(w, strings.TrimPrefix(fmt.Sprintf("%s\tseeds: %d;\tvalid %v;\ttest %v", m.Run, m.Seeds, m.Valid, m.Test), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := s.foundBefore(); n > 0 {
		fmt.Fprintf(s.out, "%d of %d runs were finished before, or by other processes\n", n, len(s.trials))
	}
	switch {
	case !s.comparable():
		fmt.Fprintln(s.out, "the data are not the same: their figures cannot be compared")
	case r.Best != "":
		fmt.Fprintf(s.out, "best by valid: %s\n", r.Best)
	}
	fmt.Fprintf(s.out, "%s: %s\n", s.dir, sweepFile)
	return nil
}

// foundBefore returns how many trainings were not made here.
func (s *sweep) foundBefore() (n int) {
	for _, t := range s.trials {
		if t.found {
			n++
		}
	}
	return n
}

// failure is the error of a sweep with trainings that failed.
func (s *sweep) failure() error {
	var failed []error
	for _, t := range s.trials {
		if t.err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", t.name, t.err))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d runs failed: %w", len(failed), len(s.trials), errors.Join(failed...))
}
