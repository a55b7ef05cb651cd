package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/dist"
)

// onRanks makes a training on so many ranks, which prepare returns a trainer for, and returns that of rank 0 and
// the errors of all. Only rank 0 has a folder.
func onRanks(t *testing.T, size int, prepare func(rank int) *Trainer, ctx func(rank int) context.Context) (*Trainer, []error) {
	t.Helper()
	comms, trainers, errs := dist.Local(size), make([]*Trainer, size), make([]error, size)
	for r, c := range comms {
		trainers[r] = prepare(r)
		if r > 0 {
			trainers[r].Dir = ""
		}
		c.Bucket = []int{0, 1000, 50}[size%3] // numbers, of which no bit depends
		if err := trainers[r].Join(c); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for r, tr := range trainers {
		wg.Go(func() {
			if errs[r] = tr.Run(ctx(r)); errs[r] != nil && !errors.Is(errs[r], context.Canceled) {
				comms[r].Abort(1)
			}
		})
	}
	wg.Wait()
	return trainers[0], errs
}

// TestRanks: any number of ranks and goroutines has the bits of one process, also where a training is stopped on
// one number of them and goes on with another.
func TestRanks(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range shardCases() {
		t.Run(c.name, func(t *testing.T) {
			const shards = 8
			same := func(got, want *Trainer) {
				t.Helper()
				sameTrainers(t, got, want)
				if !bytes.Equal(bestBytes(t, got.Dir), bestBytes(t, want.Dir)) {
					t.Error("best.safetensors differs")
				}
			}
			whole := c.trainer(t, shards, 1)
			if err := whole.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			always := func(int) context.Context { return t.Context() }
			for _, size := range []int{1, 2, 3, 5, 8} {
				for threads := 1; threads <= 2; threads++ {
					if testing.Short() && threads+size != 4 {
						continue
					}
					tr, errs := onRanks(t, size, func(int) *Trainer { return c.trainer(t, shards, threads) }, always)
					if err := errors.Join(errs...); err != nil {
						t.Fatal(err)
					}
					same(tr, whole)
				}
			}

			// The context of rank 1 ends: all stop, and rank 0 leaves a checkpoint.
			tr, errs := onRanks(t, 3, func(int) *Trainer { return c.trainer(t, shards, 1) }, func(rank int) context.Context {
				if rank == 1 {
					return &countdown{Context: context.Background(), left: 2}
				}
				return t.Context()
			})
			for r, err := range errs {
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("rank %d: %v", r, err)
				}
			}
			dir := tr.Dir
			tr, errs = onRanks(t, 2, func(int) *Trainer {
				tr, err := Resume(dir, c.data, 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				return tr
			}, always)
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			same(tr, whole)
		})
	}
}

// TestRanksForget: ranks keep the values of what they read, each another part of the data, and the caller's stay.
func TestRanksForget(t *testing.T) {
	blastest.UseGo(t)
	c := shardCases()[0]
	values := func(seqs []Sequence) (n int) {
		for i := range seqs {
			n += len(seqs[i].X)
		}
		return n
	}
	train, valid := values(c.data.Train), values(c.data.Valid)
	for _, reshuffle := range []bool{false, true} {
		held, scored := 0, 0
		for _, comm := range dist.Local(3) {
			tr := c.trainer(t, 8, 1)
			tr.Config.Reshuffle = reshuffle
			if err := tr.Join(comm); err != nil {
				t.Fatal(err)
			}
			held, scored = held+values(tr.Data.Train), scored+values(tr.Data.Valid)
			for i, s := range tr.Data.Train {
				if s.Steps(c.data.Dim) != c.data.Train[i].Steps(c.data.Dim) {
					t.Errorf("sequence %d has %d steps", i, s.Steps(c.data.Dim))
				}
			}
		}
		if want := map[bool]int{false: train, true: 3 * train}[reshuffle]; held != want || scored != valid {
			t.Errorf("reshuffle %v: three ranks hold %d and %d values, want %d and %d", reshuffle, held, scored, want, valid)
		}
	}
	if values(c.data.Train) != train || values(c.data.Valid) != valid {
		t.Error("the data of the caller have changed")
	}
}

// TestStages: when a pass reports a stage, the gradients of its parameters have the bits that they have in the end.
func TestStages(t *testing.T) {
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		b, p, grad := everyBatch(m), m.NewPass(2), newGradient(m)
		var early [][]float32
		p.(interface{ report(func(int)) }).report(func(stage int) {
			for _, x := range grad.stage(stage) {
				early = append(early, slices.Clone(x))
			}
		})
		m.PackForTraining()
		grad.of(p, b, Bound(11), phases{})
		if len(grad.stages) > 1 && len(early) == 0 {
			t.Errorf("%s: %d stages, but none is reported", c.Model, len(grad.stages))
		}
		for i, x := range early {
			if !slices.Equal(x, grad.data[i]) {
				t.Errorf("%s: slice %d of the gradient changes after it is final", c.Model, i)
			}
		}
	}
}

// TestRanksFail: more ranks than shards are refused, all see that a loss is not finite, and nobody waits for a
// rank that fails.
func TestRanksFail(t *testing.T) {
	blastest.UseGo(t)
	c := shardCases()[0]
	if err := c.trainer(t, 3, 1).Join(dist.Local(4)[0]); err == nil || !strings.Contains(err.Error(), "4 ranks") {
		t.Errorf("4 ranks of 3 shards: %v", err)
	}
	always := func(int) context.Context { return t.Context() }
	_, errs := onRanks(t, 2, func(int) *Trainer {
		tr := c.trainer(t, 3, 1)
		tr.params[0].Data[0] = float32(math.NaN())
		return tr
	}, always)
	for r, err := range errs {
		if !errors.Is(err, ErrDiverged) {
			t.Errorf("rank %d: %v, want that the training diverged", r, err)
		}
	}
	failed := errors.New("no room")
	_, errs = onRanks(t, 2, func(rank int) *Trainer {
		tr := c.trainer(t, 3, 1)
		if rank == 0 {
			tr.OnEpoch = func(Epoch) error { return failed }
		}
		return tr
	}, always)
	if !errors.Is(errs[0], failed) || !errors.Is(errs[1], dist.ErrAborted) {
		t.Errorf("errors %v", errs)
	}
}

// BenchmarkRanks is an update of two ranks, goroutines of one thread each, over a simulated network of 250 MB/s
// with 0.2 ms, and says which part of the time that the sum takes by itself is hidden behind the computation.
func BenchmarkRanks(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(6)) // as under mpirun: what waits for the network has threads of its own
	for _, c := range []struct {
		name   string
		config Config
		data   *Data
	}{
		{"vae", Config{Model: ModelVAE, Hidden: 500, Latent: 20, Depth: 1}, benchData(1000, 1, 784)},
		{"vrnn", Config{Model: ModelVRNN, Hidden: 256, Latent: 32, Depth: 1}, benchData(64, 30, 88)},
		{"storn", Config{Model: ModelSTORN, Hidden: 256, Latent: 32, Depth: 1}, benchData(64, 30, 88)},
		{"vrae", Config{Model: ModelVRAE, Hidden: 256, Latent: 20}, benchData(64, 30, 88)},
	} {
		for _, shards := range []int{2, 8} {
			b.Run(fmt.Sprintf("model=%s/S=%d", c.name, shards), func(b *testing.B) {
				tc := testTrainConfig()
				tc.Batch, tc.Shards, tc.Threads, tc.KLWarmup = len(c.data.Train), shards, 1, 0
				// In turn, so that a change of the machine's speed meets both.
				const latency, rate = 200 * time.Microsecond, 250e6
				kinds := [2][]*Trainer{ranks(b, dist.Local(2), c.config, tc, c.data), ranks(b, dist.Simulate(2, latency, rate), c.config, tc, c.data)}
				var took [2]time.Duration
				for b.Loop() {
					for i, trainers := range kinds {
						start := time.Now()
						var wg sync.WaitGroup
						for _, tr := range trainers {
							wg.Go(func() {
								if _, err := tr.update(tr.cuts[0]); err != nil {
									b.Error(err)
								}
							})
						}
						wg.Wait()
						took[i] += time.Since(start)
					}
				}
				sum := kinds[1][0].sumAlone(b, kinds[1][1])
				without, with := took[0].Seconds()/float64(b.N), took[1].Seconds()/float64(b.N)
				b.ReportMetric(1e3*without, "ms/alone")
				b.ReportMetric(1e3*with, "ms/update")
				b.ReportMetric(1e3*sum, "ms/sum")
				b.ReportMetric(100*(1-(with-without)/sum), "%hidden")
			})
		}
	}
}

// ranks returns trainers that share out a training.
func ranks(b *testing.B, comms []*dist.Comm, mc Config, tc TrainConfig, d *Data) (trainers []*Trainer) {
	for _, c := range comms {
		tr := newTestTrainer(b, mc, tc, d, b.TempDir())
		if err := tr.Join(c); err != nil {
			b.Fatal(err)
		}
		tr.Model.PackForTraining()
		tr.changing.Lock()
		trainers = append(trainers, tr)
	}
	return trainers
}

// sumAlone returns how long two ranks take for the sum of their gradients.
func (t *Trainer) sumAlone(b *testing.B, u *Trainer) float64 {
	const times = 5
	start := time.Now()
	var wg sync.WaitGroup
	for _, tr := range []*Trainer{t, u} {
		wg.Go(func() {
			s := tr.shards
			for range times {
				if err := s.comm.Sum(s.parts[0].Value, len(s.sums), s.parts); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start).Seconds() / times
}
