package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	mathbits "math/bits"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/measure"
	"github.com/elbow-go/elbow/kernels"
)

// bench measures the main kernels beside what the machine can do at most.
func bench(ctx context.Context, cmd *call) error {
	out := cmd.out
	svg := cmd.String("svg", "", "draw a roofline into this file, which must not be there yet")
	if err := cmd.parse(); err != nil {
		return err
	}
	if err := checkPicture(*svg); err != nil {
		return err
	}
	m := measureMachine()
	m.print(out)
	rows, err := m.measure(ctx, benchWorks)
	if err != nil {
		return err
	}
	printRows(out, rows)
	if err := m.draw(*svg, rows); err != nil {
		return err
	}
	return cmd.result(m.figures(rows))
}

// checkPicture says what keeps a roofline from being drawn into a file: one that is there already, as a
// command replaces only what it made, or that there is no peak to draw.
func checkPicture(path string) error {
	if path == "" {
		return nil
	}
	if asm.Active() == asm.Generic {
		return fmt.Errorf("%s: there is no roofline of plain Go, whose peak nobody knows", path)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return cmp.Or(err, fmt.Errorf("%s is there already", path))
	}
	return nil
}

// A machine is what one core does at this moment.
type machine struct {
	cpu    measure.CPU
	peak   float64 // float32 operations a second on registers alone, 0 in plain Go
	levels []figure.Memory
	rates  map[int]float64 // bytes a second that are read of an array of a size
}

// beyond is the size of an array that no cache holds.
const beyond = 256 << 20

func measureMachine() *machine {
	m := &machine{cpu: measure.ThisCPU(), peak: measure.Peak(asm.Active()), rates: map[int]float64{}}
	for _, l := range []struct {
		name string
		size int
	}{{"L1", m.cpu.L1D / 2}, {"L2", m.cpu.L2 / 2}, {"L3", m.cpu.L3 / 2}, {"memory", beyond}} {
		if l.size > 0 {
			m.levels = append(m.levels, figure.Memory{Name: l.name, Rate: m.rate(l.size)})
		}
	}
	return m
}

// rate is how many bytes a second are read of an array of so many bytes, rounded up to a power
// of 2, again and again.
func (m *machine) rate(bytes int) float64 {
	size := min(1<<mathbits.Len(uint(bytes-1)), beyond)
	if _, ok := m.rates[size]; !ok {
		m.rates[size] = measure.ReadRate(size)
	}
	return m.rates[size]
}

func (m *machine) print(out io.Writer) {
	if m.peak > 0 {
		fmt.Fprintf(out, "peak     %.0f GFLOP/s of float32 multiply-adds on one core with %v\n", m.peak/1e9, asm.Active())
	}
	fmt.Fprint(out, "reads    GB/s on one core:")
	for i, l := range m.levels {
		fmt.Fprintf(out, "%s %s %.0f", map[bool]string{true: ","}[i > 0], l.Name, l.Rate/1e9)
	}
	fmt.Fprintln(out)
}

// bound is how many operations a second are possible at most on so many bytes, with so many
// operations for each: 0 in plain Go, whose peak nobody knows.
func (m *machine) bound(intensity float64, bytes int) float64 {
	if m.peak == 0 {
		return 0
	}
	return min(m.peak, intensity*m.rate(bytes))
}

// A work is a call that is measured: its float32 operations, and the bytes that it reads and writes.
type work struct {
	group, name string
	flops       float64
	bytes       int
	call        func()
}

// A measured work has the seconds of a call, its operations a byte and those possible at most a second.
type measured struct {
	work
	seconds, intensity, bound float64
}

// share is the part of the bound that is reached.
func (r measured) share() string {
	if r.bound == 0 {
		return "unknown share"
	}
	return fmt.Sprintf("%.0f%%", 100*r.flops/r.seconds/r.bound)
}

func (m *machine) measure(ctx context.Context, works func() []work) (rows []measured, err error) {
	for _, w := range works() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := measured{work: w, intensity: w.flops / float64(w.bytes)}
		r.seconds, r.bound = secondsOf(w.call), m.bound(r.intensity, w.bytes)
		rows = append(rows, r)
	}
	return rows, nil
}

// secondsOf is the time of a call: of as many as take a tenth of a millisecond, in as many rounds
// as take a third of a second, but no more than 30.
func secondsOf(f func()) float64 {
	f()
	once := measure.Fastest(3, f)
	calls := max(1, int(1e-4/once))
	rounds := min(30, max(1, int(0.3/(once*float64(calls)))))
	return measure.Fastest(rounds, func() {
		for range calls {
			f()
		}
	}) / float64(calls)
}

// figures are what was measured, in operations and bytes a second.
func (m *machine) figures(rows []measured) map[string]any {
	var all []map[string]any
	for _, r := range rows {
		all = append(all, map[string]any{"name": r.name, "seconds": r.seconds, "flops": r.flops / r.seconds, "bytes": float64(r.bytes) / r.seconds, "bound": r.bound})
	}
	rates := map[string]float64{}
	for _, l := range m.levels {
		rates[l.Name] = l.Rate
	}
	return map[string]any{"isa": asm.Active().String(), "peak": m.peak, "reads": rates, "kernels": all}
}

func printRows(out io.Writer, rows []measured) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nno.\t \ttime, us\tGFLOP/s\tGB/s\tFLOP/byte\tof the bound\t")
	for i, r := range rows {
		fmt.Fprintf(w, "%d\t%s\t%.2f\t%.1f\t%.1f\t%.2f\t%s\t\n", i+1, r.name, 1e6*r.seconds, r.flops/r.seconds/1e9, float64(r.bytes)/r.seconds/1e9, r.intensity, r.share())
	}
	w.Flush()
	fmt.Fprintln(out, "The bound is the peak, or the rate at which as many bytes are read again and again.")
}

// draw draws the rows below the roofline, group by group.
func (m *machine) draw(path string, rows []measured) error {
	if path == "" {
		return nil
	}
	var works []figure.Work
	for _, r := range rows {
		if n := len(works); n == 0 || works[n-1].Name != r.group {
			works = append(works, figure.Work{Name: r.group})
		}
		w := &works[len(works)-1]
		w.Intensity, w.Rate = append(w.Intensity, r.intensity), append(w.Rate, r.flops/r.seconds)
	}
	name := cmp.Or(printable(m.cpu.Name), "unknown processor")
	return figure.Roofline(path, fmt.Sprintf("%s, one core, %v, float32", name, asm.Active()), m.peak, m.levels, works)
}

// benchWorks are what elbow bench measures.
func benchWorks() (list []work) {
	for _, n := range []int{64, 256, 1024} {
		list = append(list, productWork(n, n, n))
	}
	list = append(list, productWork(32, 1024, 256), productWork(1, 1024, 256))
	for _, kind := range []cell.Kind{cell.LSTM, cell.GRU} {
		for _, s := range [][2]int{{1, 256}, {1, 512}, {8, 512}, {32, 256}, {32, 512}, {128, 512}} {
			list = append(list, stepWork(kind, s[0], s[1]))
		}
	}
	const n = 4096
	for _, v := range []struct {
		name  string
		flops float64 // of an element: those of the polynomials and divisions, counted in the recipes
		f     func(dst, x []float32)
	}{{"exp", 10, kernels.Exp[float32]}, {"log", 14, kernels.Log[float32]}, {"tanh", 16, kernels.Tanh[float32]}, {"sigmoid", 13, kernels.Sigmoid[float32]}} {
		list = append(list, work{"vector maths", fmt.Sprintf("%s of %d", v.name, n), v.flops * n, 8 * n, vectorCall(n, v.f)})
	}
	return append(list, adamWork(1<<16), adamWork(1<<22), klWork(256, 256), klWork(256, 1024))
}

// doctorWorks are the few that elbow doctor measures.
func doctorWorks() []work {
	return []work{productWork(256, 256, 256), stepWork(cell.LSTM, 1, 256), stepWork(cell.LSTM, 32, 256), adamWork(1 << 16), klWork(256, 256)}
}

func productWork(m, n, k int) work {
	a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	return work{"products", fmt.Sprintf("product %d x %d x %d", m, n, k), 2 * float64(m) * float64(n) * float64(k), 4 * (m*k + k*n + m*n),
		func() { blas.Gemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a, k, b, n, 0, c, n) }}
}

// stepWork is one step of a layer whose input part is done: Step leaves activated gates in its
// place, from which it can start again.
func stepWork(kind cell.Kind, batch, hidden int) work {
	l, s, shape := cell.NewRecurrent[float32](kind, 1, hidden), cell.NewSequence[float32](), new(cell.Ragged)
	shape.Reset(slices.Repeat([]int{1}, batch))
	cell.Uniform(l.Whh, hidden, -0.1, 0.1, kernels.Noise{Seed: 1}, 0)
	l.Pack()
	s.Begin(l, shape, nil, nil)
	l.Project(s, make([]float32, batch), 0, batch, 0, 1)
	gates := kind.Gates()
	return work{"steps", fmt.Sprintf("%v step, %d x %d", kind, batch, hidden), 2 * float64(batch*gates*hidden*hidden),
		4 * hidden * (gates*hidden + batch*(gates+4)), func() { l.Step(s, 0, 0, batch) }}
}

func vectorCall(n int, f func(dst, x []float32)) func() {
	x, dst := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i%16) + 0.5
	}
	return func() { f(dst, x) }
}

// adamWork updates n parameters: 16 operations and 28 bytes each.
func adamWork(n int) work {
	p, g, a := make([]float32, n), make([]float32, n), &kernels.Moments[float32]{M: make([]float32, n), V: make([]float32, n)}
	o := &kernels.AdamSettings[float32]{LR: 1e-5, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, C1: 0.5, C2: 0.5}
	for i := range g {
		g[i] = float32(i%16) - 7.5
	}
	return work{"optimiser", fmt.Sprintf("Adam of %d", n), 16 * float64(n), 28 * n,
		func() { kernels.Adam(p, g, a, o) }}
}

// klWork is the KL term of two Gaussians with log variances: 34 operations, two exponentials
// among them, and 16 bytes each.
func klWork(rows, z int) work {
	n := rows * z
	kl, mu, s := make([]float32, rows), make([]float32, 2*n), make([]float32, 2*n)
	for i := range s {
		s[i] = float32(i%16-8) / 16
	}
	q := &kernels.Gauss[float32]{Mu: mu[:n], S: s[:n], Ld: z, Form: kernels.LogVar}
	p := &kernels.Gauss[float32]{Mu: mu[n:], S: s[n:], Ld: z, Form: kernels.LogVar}
	return work{"likelihoods", fmt.Sprintf("Gaussian KL, %d x %d", rows, z), 34 * float64(n), 16 * n, func() { kernels.GaussKL(kl, q, p, rows, z) }}
}
