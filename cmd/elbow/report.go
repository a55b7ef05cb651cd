package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/report"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// reportFile is the page of a run.
const reportFile = "report.html"

// looking is what the flags of report and explore say.
type looking struct {
	data    dataFlags
	run     string
	seed    uint64
	threads int
}

// flags declares the flags.
func (l *looking) flags(cmd *call) {
	l.data.flags(cmd)
	cmd.StringVar(&l.run, "model", "run", "the folder of a training, or a checkpoint; RUN is the same")
	cmd.Uint64Var(&l.seed, "seed", 1, "seed of the draws")
	cmd.IntVar(&l.threads, "threads", runtime.GOMAXPROCS(0), "goroutines; the page does not depend on it")
}

// parse parses the flags, and takes the run from before them.
func (l *looking) parse(cmd *call) error {
	run := cmd.names(1)
	if err := cmd.parse(); err != nil {
		return err
	}
	given := cmd.given()
	switch {
	case len(run) > 0 && given["model"]:
		return usagef("%s -model %s: want one of them", run[0], l.run)
	case len(run) > 0:
		l.run = run[0]
	}
	return checkLimits(given, limit{"threads", l.threads, 1, cell.MaxThreads})
}

// load returns the run, with its data if they can be had.
func (l *looking) load(out io.Writer) (*report.Run, error) {
	path := checkpoint(l.run)
	m, info, err := model.Load(path)
	if err != nil {
		return nil, err
	}
	name, err := filepath.Abs(l.run)
	if err != nil {
		return nil, err
	}
	r := &report.Run{Name: filepath.Base(name), About: describe(m.Settings()) + ", trained on " + filepath.Base(info.Name), Model: m, Info: info, Seed: l.seed, Threads: l.threads}
	asked := l.data.path != ""
	l.data.given(func(string) { asked = true })
	r.Data, r.Missing = l.data.openUncut(path, info, out)
	if r.Missing == nil {
		remark(out, r.Data.Notes)
		if err := m.Settings().CheckData(r.Data.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	} else if asked {
		return nil, r.Missing
	}
	dir := filepath.Dir(path)
	if last, err := model.ReadInfo(filepath.Join(dir, model.CheckpointFile)); err == nil && last.Training != nil {
		r.History, r.Train = last.Training.History, &last.Training.Config
	}
	switch sum, err := readSummary(filepath.Join(dir, summaryFile)); {
	case err == nil:
		r.Facts = facts(sum)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return r, room(r.Memory(), "the page", nil)
}

// facts are the results of a training.
func facts(s *summary) [][2]string {
	rows := [][2]string{{"data", s.Data}, {"parameters", fmt.Sprint(s.Params)}, {"epochs", fmt.Sprintf("%d, the best one %d, in %.0f s", s.Epochs, s.BestEpoch, s.Seconds)}}
	for _, part := range []struct {
		name  string
		score model.Score
	}{{"valid", s.Valid}, {"test", s.Test}} {
		var b bytes.Buffer
		printScore(&b, part.name, part.score)
		rows = append(rows, [2]string{part.name, strings.TrimSpace(strings.TrimPrefix(b.String(), part.name))})
	}
	if s.Bits != nil {
		rows = append(rows, [2]string{"text", fmt.Sprintf("%s; a five-gram has %s", perCharacter(s.Bits.Model), perCharacter(s.Bits.NGram))})
	}
	return append(rows, [2]string{"made with", fmt.Sprintf("%s, blas %s; %s, -threads %d, seed %d", s.ISA, s.BLAS, s.Go, s.Threads, s.Seed)})
}

func reportRun(_ context.Context, cmd *call) error {
	var l looking
	l.flags(cmd)
	dir := cmd.String("out", "", "folder for "+reportFile+" (default: that of the training)")
	if err := l.parse(cmd); err != nil {
		return err
	}
	r, err := l.load(cmd.out)
	if err != nil {
		return err
	}
	if *dir == "" {
		*dir = filepath.Dir(checkpoint(l.run))
	}
	if err := apart(l.data.path, *dir); err != nil {
		return err
	}
	return within(*dir, func(folder *rundir.Dir) error {
		if err := folder.Reserve(reportFile); err != nil {
			return err
		}
		start := time.Now()
		if err := atomicfile.Write(folder.Path(reportFile), 0o666, report.Of(r).Write); err != nil {
			return err
		}
		info, err := os.Stat(folder.Path(reportFile))
		if err != nil {
			return err
		}
		seconds := time.Since(start).Seconds()
		fmt.Fprintf(cmd.out, "a page of %s in %.1f s\n", amount(float64(info.Size())), seconds)
		return cmd.left(*dir, []string{reportFile}, map[string]any{"bytes": info.Size(), "seconds": seconds})
	})
}

// moves is how many moves are measured before a page is served.
const moves = 50

func exploreRun(ctx context.Context, cmd *call) error {
	var l looking
	l.flags(cmd)
	port := cmd.Int("port", 0, "port of the address 127.0.0.1; 0: one that is free")
	if err := l.parse(cmd); err != nil {
		return err
	}
	if err := checkLimits(cmd.given(), limit{"port", *port, 0, 65535}); err != nil {
		return err
	}
	r, err := l.load(cmd.out)
	if err != nil {
		return err
	}
	e, err := report.Explore(r)
	if err != nil {
		return fmt.Errorf("%s: %w", l.run, err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	median, most := e.Latency(moves)
	address := fmt.Sprintf("http://%s/", listener.Addr())
	fmt.Fprintf(cmd.out, "a move is decoded in %.1f ms, the slowest of %d in %.1f ms\n%s\nCtrl-C ends it\n", millis(median), moves, millis(most), address)
	if err := cmd.result(map[string]any{"address": address, "median_ms": millis(median), "most_ms": millis(most)}); err != nil {
		return err
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
