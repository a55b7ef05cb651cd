package main

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
)

const (
	// perMessage is the seconds of a core that a message takes, through the kernel's TCP on both sides. Assumed: with
	// four ranks it does not show.
	perMessage = 5e-6
	// wire is the delay of a network of a data centre. Assumed.
	wire = 25e-6
	// poll is the time between two looks of the goroutine that has a sum go on.
	poll = 50e-6
	// cores is how many a node has. Updates were measured on one.
	cores = 16
)

// here is where the fit begins, a network of 1 Gbit/s.
var here = network{"1 Gbit/s", 1e-4, perMessage, 1e8}

// networks are those that nobody here has: nine tenths of their rate, and an operation starts when it has been
// looked at twice.
var networks = []network{{"10 Gbit/s", wire + 2*poll, perMessage, 0.9 * 10e9 / 8}, {"100 Gbit/s", wire + 2*poll, perMessage, 0.9 * 100e9 / 8}}

// vrnn is a VRNN of bench.PeerModels. Its decoder and its prior are final before the backward pass goes through the
// steps, what reads z and h after them, and what reads the data last.
func vrnn(name string, x, width, hidden, latent, depth int) job {
	hiddenLayers := func(in int) int { return in*width + width + (depth-1)*(width*width+width) }
	net := func(in, out int) int { return hiddenLayers(in) + width*out + out }
	first := net(width+hidden, 2*x) + net(hidden, 2*latent)
	second := net(width+hidden, 2*latent) + hiddenLayers(latent) + 4*hidden*(2*width+hidden+1) // with the LSTM
	third := hiddenLayers(x)
	all := float64(first + second + third)
	return job{name: name, numbers: first + second + third, stages: []stage{{0.25, float64(first) / all}, {0.9, float64(second) / all}, {1, float64(third) / all}}}
}

// jobs are the three models. Their updates are measured, of 128, 32 and 32 sequences on one core, as README.md has them.
var jobs = func() []job {
	small, mid, large := vrnn("VRNN of 100 units", 28, 100, 100, 16, 2), vrnn("VRNN of 512 units", 200, 256, 512, 64, 2), vrnn("VRNN of 2000 units", 200, 600, 2000, 200, 4)
	small.sequence = 55.7e-3 / 128 / cores
	mid.sequence = 236e-3 / 32 / cores
	large.sequence = 2.654 / 32 / cores
	return []job{small, mid, large}
}()

var nodes = []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 1000}

// perNode is how many sequences a node has in weak scaling, and total all nodes in strong scaling.
const (
	perNode = 8 * cores
	total   = 8192
)

// efficiency is what part of a step is not waited for.
func efficiency(compute, step float64) string {
	return fmt.Sprintf("%.0f %%", math.Floor(100*compute/step+0.5))
}

type table struct{ strings.Builder }

func (t *table) row(cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(t, "| %v ", c)
	}
	fmt.Fprintln(t, "|")
}

func (t *table) head(cells ...any) {
	t.row(cells...)
	fmt.Fprintln(t, strings.Repeat("|---", len(cells))+"|")
}

func fitTable(list []measured) string {
	rows := fitted(list)
	n := here.fit(rows)
	typical, most := n.off(rows)
	var t table
	fmt.Fprintf(&t, "Start %.3f ms, rate %.1f MB/s; off by %.0f %% in the mean, %.0f %% at most.\n\n", n.start*1e3, n.rate/1e6, typical*100, most*100)
	t.head("ranks", "S", "MB", "subtrees, at most", "measured, ms", "model, ms", "MPI_Allreduce, ms")
	for _, m := range rows {
		t.row(m.ranks, m.leaves, m.bytes/1e6, largest(parts(m.leaves, m.ranks)), fmt.Sprintf("%.1f", m.tree),
			fmt.Sprintf("%.1f", n.sum(m.leaves, m.ranks, m.bytes)), fmt.Sprintf("%.1f", m.allreduce))
	}
	return t.String()
}

func treeTable() string {
	var t table
	ranks := []int{2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 100, 128}
	cells := []any{"S \\ ranks"}
	for _, p := range ranks {
		cells = append(cells, p)
	}
	t.head(cells...)
	for _, s := range []int{8, 12, 16, 32, 64, 128, 256, 1024} {
		cells := []any{s}
		for _, p := range ranks {
			if p > s {
				cells = append(cells, "")
				continue
			}
			k := parts(s, p)
			cells = append(cells, fmt.Sprintf("%.2f, %.1f", (mean(k)+1)/2, float64(largest(k)+1)/2))
		}
		t.row(cells...)
	}
	return t.String()
}

func modelTable() string {
	var t table
	t.head("", "parameters", "MB of gradient", "a sequence, on a core", "final before the loops")
	for _, j := range jobs {
		t.row(j.name, fmt.Sprintf("%.2f M", float64(j.numbers)/1e6), fmt.Sprintf("%.1f", 4*float64(j.numbers)/1e6),
			fmt.Sprintf("%.2f ms", j.sequence*cores*1e3), fmt.Sprintf("%.0f %%", 100*j.stages[0].share))
	}
	return t.String()
}

// curves is a table of efficiencies over nodes, where a node computes for so long.
func curves(compute func(j job, nodes int) float64) string {
	var t table
	cells := []any{"", "network", "sum"}
	for _, p := range nodes {
		cells = append(cells, p)
	}
	t.head(cells...)
	for _, j := range jobs {
		for _, n := range networks {
			for _, way := range ways {
				cells := []any{j.name, n.name, way.name}
				for _, p := range nodes {
					c := compute(j, p)
					cells = append(cells, efficiency(c, way.step(n, j, p, c)))
				}
				t.row(cells...)
			}
		}
	}
	return t.String()
}

// ways are how a sum can be made.
var ways = []struct {
	name string
	step func(n network, j job, ranks int, compute float64) float64
}{
	{"Elbow, S = P", func(n network, j job, ranks int, c float64) float64 { return n.step(j, ranks, ranks, c) }},
	{"Elbow, S = 1024", func(n network, j job, ranks int, c float64) float64 { return n.step(j, 1024, ranks, c) }},
	{"ring", network.ring},
	{"two binary trees", network.binary},
}

func weak(j job, _ int) float64       { return perNode * j.sequence }
func strong(j job, nodes int) float64 { return math.Ceil(total/float64(nodes)) * j.sequence }

func weakTable() string   { return curves(weak) }
func strongTable() string { return curves(strong) }

// batchTable says how many sequences a node needs for nine tenths.
func batchTable() string {
	var t table
	cells := []any{"", "network"}
	for _, p := range nodes {
		cells = append(cells, p)
	}
	t.head(cells...)
	for _, j := range jobs {
		for _, n := range networks {
			cells := []any{j.name, n.name}
			for _, p := range nodes {
				cells = append(cells, 1+sort.Search(1<<20, func(b int) bool {
					c := float64(b+1) * j.sequence
					return c >= 0.9*n.step(j, p, p, c)
				}))
			}
			t.row(cells...)
		}
	}
	return t.String()
}

// simulationTable compares a few steps with the simulation of them.
func simulationTable() string {
	var t table
	t.head("", "network", "ranks", "S", "computes, ms", "model, ms", "simulated, ms", "simulated, one rank 5 % slower")
	for _, j := range jobs[:2] {
		for _, n := range networks {
			for _, c := range [][2]int{{4, 4}, {16, 16}, {24, 64}, {64, 64}} {
				compute := 16 * j.sequence
				all := even(c[0], compute)
				even := n.simulate(j, c[1], all)
				all[0] *= 1.05
				ms := func(s float64) string { return fmt.Sprintf("%.2f", s*1e3) }
				t.row(j.name, n.name, c[0], c[1], ms(compute), ms(n.step(j, c[1], c[0], compute)), ms(even), ms(n.simulate(j, c[1], all)))
			}
		}
	}
	return t.String()
}

// even is a number of ranks that compute for as long.
func even(ranks int, compute float64) []float64 {
	list := make([]float64, ranks)
	for i := range list {
		list[i] = compute
	}
	return list
}

// publishedTable applies the model of a ring to what Horovod was measured on.
func publishedTable() string {
	// 128 servers of 4 P100 on 25 Gbit/s; images a second of one GPU and parameters: tensorflow.org's benchmarks of 2017.
	n := network{"25 Gbit/s", wire, perMessage, 0.9 * 25e9 / 8}
	var t table
	t.head("", "parameters", "a step of 64 images, ms", "model", "published")
	for _, c := range []struct {
		name, published string
		millions        float64
		images          float64
	}{{"Inception V3", "90 %", 23.9, 142}, {"VGG-16", "68 %", 138.4, 154}} {
		j := job{numbers: int(c.millions * 1e6), stages: []stage{{0.25, 0.25}, {0.5, 0.25}, {0.75, 0.25}, {1, 0.25}}}
		compute := 64 / c.images
		t.row(c.name, fmt.Sprintf("%.1f M", c.millions), fmt.Sprintf("%.0f", compute*1e3), efficiency(compute, n.ring(j, 128, compute)), c.published)
	}
	return t.String()
}

// draw draws the curves of weak scaling.
func draw(path string) error {
	var panels []figure.Panel
	for _, j := range jobs {
		p := figure.Panel{Title: j.name, XLabel: "log2 of nodes", YLabel: "efficiency, %"}
		for _, n := range networks {
			for i, way := range []int{0, 2} {
				l := figure.Line{Name: n.name + ", " + ways[way].name, Dashed: i == 1}
				for _, nodes := range nodes {
					c := weak(j, nodes)
					l.X = append(l.X, math.Log2(float64(nodes)))
					l.Y = append(l.Y, 100*c/ways[way].step(n, j, nodes, c))
				}
				p.Lines = append(p.Lines, l)
			}
		}
		panels = append(panels, p)
	}
	return figure.Curves(path, fmt.Sprintf("Weak scaling, %d sequences a node", perNode), panels)
}
