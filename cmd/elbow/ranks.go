package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/measure"
	"github.com/elbow-go/elbow/model"
)

// A training can run on several processes that mpirun starts, the ranks. All of them make the same
// training; rank 0 alone has the folder, prints and shows progress. What ends one of them ends all.

type commKey struct{}

// withRanks returns a context that knows the ranks.
func withRanks(ctx context.Context, comm *dist.Comm) context.Context {
	return context.WithValue(ctx, commKey{}, comm)
}

// ranksOf returns the ranks that a context knows; nil is one process.
func ranksOf(ctx context.Context) *dist.Comm {
	comm, _ := ctx.Value(commKey{}).(*dist.Comm)
	return comm
}

// leave ends the process. A rank that is done waits for the others, one that is not ends them.
func leave(comm *dist.Comm, code int) {
	if code == 0 {
		if err := comm.Close(); err != nil {
			complain(os.Stderr, "elbow", err, "")
			code = codeError
		}
	}
	if code != 0 {
		comm.Abort(code)
	}
	os.Exit(code)
}

// late is how long a rank waits with its message: if all have the same one, that of rank 0 is enough, which
// ends the others.
const late = time.Second

// lateWriter is the standard error of a rank other than 0.
type lateWriter struct {
	io.Writer
	rank int
	ctx  context.Context // that ends when another rank has ended this one
}

func (w lateWriter) Write(p []byte) (int, error) {
	select {
	case <-w.ctx.Done():
		return len(p), nil
	case <-time.After(late):
	}
	_, err := fmt.Fprintf(w.Writer, "rank %d: %s", w.rank, p)
	return len(p), err
}

// join has a training share out its shards with the ranks, once rank 0 has its folder. What others read of the data
// leaves the memory of this one.
func join(comm *dist.Comm, t *model.Trainer, d *dataset.Data, out io.Writer) error {
	if comm.Size() == 1 {
		return nil
	}
	if err := t.Join(comm); err != nil {
		return usageError{err}
	}
	fmt.Fprintf(out, "%d ranks share out %d shards; this one sees %d of %d cores%s\n", comm.Size(), t.Config.Shards, runtime.NumCPU(), measure.ThisCPU().Cores, unbind(comm))
	if d.Train = t.Data.Train; comm.Rank() > 0 { // rank 0 scores what is held out in the end
		d.Valid, d.Test = t.Data.Valid, nil
	}
	debug.FreeOSMemory()
	// What sends and adds up shares cores with the goroutines that compute, by the system's turns and not by Go's,
	// which are of 10 ms.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 3)
	return infile.Release()
}

// unbind is what there is to say where a process of mpirun may use a part of the cores only.
func unbind(comm *dist.Comm) string {
	if comm == nil || runtime.NumCPU() >= measure.ThisCPU().Cores {
		return ""
	}
	return ": mpirun binds ranks to cores unless it is given --bind-to none"
}

// follow is the training of a rank other than 0.
func follow(ctx context.Context, cmd *call, s *settings, d *dataset.Data, dir string, resume bool) error {
	comm := ranksOf(ctx)
	release := stopperOf(ctx).hold() // rank 0 ends all when its checkpoint is written
	defer release()
	var mc model.Config
	var tc model.TrainConfig
	if !resume {
		var err error
		if mc, tc, err = s.finish(cmd.FlagSet, d); err != nil {
			return err
		}
	}
	if err := comm.Barrier(); err != nil { // until rank 0 has the folder
		return err
	}
	t, err := trainerOf(cmd, s, mc, tc, d, dir, resume)
	if err != nil {
		return err
	}
	if err := join(comm, t, d, cmd.out); err != nil {
		return err
	}
	t.OnEpoch = func(model.Epoch) error { return infile.Release() }
	err = t.Run(ctx)
	if errors.Is(err, model.ErrDiverged) || errors.Is(err, context.Canceled) {
		return errors.Join(comm.Barrier(), err) // rank 0 ends all when it has left what there is to leave
	}
	return err
}

// trainerOf prepares a training without its folder.
func trainerOf(cmd *call, s *settings, mc model.Config, tc model.TrainConfig, d *dataset.Data, dir string, resume bool) (*model.Trainer, error) {
	if !resume {
		return newTrainer(mc, tc, d)
	}
	epochs := 0
	if cmd.given()["epochs"] {
		epochs = s.train.Epochs
	}
	t, err := model.Resume(dir, d.Data, epochs, s.train.Threads)
	if err == nil {
		t.Dir = "" // rank 0 alone writes
	}
	return t, err
}
