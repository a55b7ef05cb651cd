package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A core is a model of llvm-mca that was made for the core it is named after. Many are not: those
// called cortex-a76 and apple-m1 are the models of older cores.
type core struct {
	name     string
	dispatch int // instructions a cycle, where LLVM has fewer than the core; else 0
	pipes    int // vector multiply-adds a cycle
}

var cores = []core{
	{"neoverse-n1", 4, 2}, {"neoverse-n2", 0, 2}, {"neoverse-v1", 0, 4}, {"neoverse-v2", 8, 4}, {"neoverse-v3", 0, 4},
}

// An llvm runs two programs of LLVM.
type llvm struct {
	mc, mca string
	version int
}

var versionNumber = regexp.MustCompile(`LLVM version ([0-9]+)`)

// findLLVM looks for LLVM 22 or newer, under the names of Debian and others: before it, there was
// no model of neoverse-v3, and those of the others were different.
func findLLVM() (llvm, error) {
	for _, suffix := range []string{"", "-22", "-23", "-24"} {
		l := llvm{mc: "llvm-mc" + suffix, mca: "llvm-mca" + suffix}
		out, err := run("", l.mca, "--version")
		if m := versionNumber.FindStringSubmatch(out); err == nil && m != nil {
			if l.version, _ = strconv.Atoi(m[1]); l.version >= 22 {
				return l, nil
			}
		}
	}
	return llvm{}, errors.New("no llvm-mca of LLVM 22 or newer (Debian: llvm-22)")
}

// run gives a program its standard input, and returns what it prints.
func run(input, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", program, err, stderr.String())
	}
	return string(out), nil
}

// text returns code as llvm-mca reads it.
func (l llvm) text(code []instruction) (string, error) {
	var words, text strings.Builder
	for _, in := range code {
		w := in.word
		fmt.Fprintf(&words, "%#x %#x %#x %#x\n", w&0xff, w>>8&0xff, w>>16&0xff, w>>24)
	}
	out, err := run(words.String(), l.mc, "--disassemble", "-triple=aarch64")
	n := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(strings.TrimSpace(line), ".") { // a directive
			text.WriteString(line)
			n++
		}
	}
	if err == nil && n != len(code) {
		err = fmt.Errorf("%s: %d of %d instructions at %s", l.mc, n, len(code), code[0].line)
	}
	return text.String(), err
}

var totalCycles = regexp.MustCompile(`Total Cycles: +([0-9]+)`)

// cycles returns how long a core takes for a round of code that it runs again and again.
func (l llvm) cycles(text string, c core) (float64, error) {
	rounds := 2 + 30_000/strings.Count(text, "\n")
	args := []string{"-mtriple=aarch64", "-mcpu=" + c.name, "-iterations=" + strconv.Itoa(rounds)}
	if c.dispatch > 0 {
		args = append(args, "-dispatch="+strconv.Itoa(c.dispatch))
	}
	out, err := run(text, l.mca, args...)
	if err != nil {
		return 0, err
	}
	m := totalCycles.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s: no cycles in %q", l.mca, out)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	return n / float64(rounds), err
}

// A piece is code that takes time, for per units of something.
type piece struct {
	code []instruction
	per  float64
}

// pieces returns the loops that estimates are made of, and what loads and stores the chains of a tile.
func pieces(bin string) (map[string]piece, error) {
	all := map[string]piece{}
	for _, kernel := range kernels() {
		code, found, err := loopsOf(bin, kernel)
		if err != nil {
			return nil, err
		}
		for _, g := range goals {
			i := slices.IndexFunc(found, g.means)
			if g.kernel != kernel || i < 0 {
				continue
			}
			l := found[i]
			all[kernel+g.label] = piece{code[l.at : l.at+l.size], g.units(l)}
			if g.label == stepTile {
				start, end := edges(code, l)
				if start == nil || end == nil {
					return nil, fmt.Errorf("the chains of the loop at %s are not loaded and stored", l.line)
				}
				all["start"], all["end"] = piece{start, 1}, piece{end, 1}
			}
		}
	}
	return all, nil
}

// stepTile is the loop of a fused step.
const stepTile = "kpacked6x4"

// A row is what is estimated for one work: pieces of code, one after the other.
type row struct {
	name  string
	fmla  int // multiply-adds of products
	units int // by what cycles are divided, if not 0
	order []part
}

// A part is a piece of code as often as it takes for so many units.
type part struct {
	piece string
	units int
}

// fused is what a fused step does for 6 rows of 16 units, for which weights are 4 panels: each
// time the chains are loaded, go on by the product and are stored, and then come the gates. h is
// packed once for all units: 8 rows of it, as there are 2 vectors in a step, so 32 vectors for 16.
func fused(hidden int) row {
	n := 24 * hidden
	panel := []part{{"start", 1}, {"GemmTiles" + stepTile, n}, {"end", 1}}
	return row{fmt.Sprintf("LSTM step of %d units, 6 rows x 16 units", hidden), 4 * n, 0,
		slices.Concat([]part{{"GemmPackT", 32}}, panel, panel, panel, panel, []part{{"LSTMStep", 24}})}
}

// tile is a product that a tile of so many rows of four vectors does in 8 steps.
func tile(name, loop string, rows int) row {
	n := 8 * 4 * rows
	return row{name + ", 8 steps", n, 0, []part{{"GemmTiles" + loop, n}}}
}

var rows = []row{
	tile("GemmTiles, 6x4, A packed", "kpacked6x4", 6),
	tile("GemmTiles, 6x4, A by rows", "krows6x4", 6),
	tile("GemmTiles, 5x4, A packed", "kpacked5x4", 5),
	tile("GemmTiles, 5x4, A by rows", "krows5x4", 5),
	{"Exp, a vector", 0, 4, []part{{"Exp", 4}}},
	{"LSTMStep, 4 units", 0, 4, []part{{"LSTMStep", 4}}},
	fused(256), fused(512),
}

// code is that of a row.
func (r row) code(all map[string]piece) []instruction {
	var code []instruction
	for _, p := range r.order {
		piece, ok := all[p.piece]
		if !ok {
			panic("no code of " + p.piece)
		}
		for n := 0.0; n < float64(p.units); n += piece.per {
			code = append(code, piece.code...)
		}
	}
	return code
}

// estimate prints the table of cycles.
func estimate(w io.Writer, bin string) error {
	l, err := findLLVM()
	if err != nil {
		return err
	}
	all, err := pieces(bin)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "LLVM %d: cycles, and multiply-adds in %% of the peak", l.version)
	for _, c := range cores {
		fmt.Fprintf(t, "\t%s", c.name)
		if c.dispatch > 0 {
			fmt.Fprintf(t, " -dispatch=%d", c.dispatch)
		}
	}
	for _, r := range rows {
		fmt.Fprintf(t, "\n%s", r.name)
		text, err := l.text(r.code(all))
		if err != nil {
			return err
		}
		for _, c := range cores {
			n, err := l.cycles(text, c)
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "\t%.1f", n/float64(max(1, r.units)))
			if r.fmla > 0 {
				fmt.Fprintf(t, " %.1f %%", 100*float64(r.fmla)/float64(c.pipes)/n)
			}
		}
	}
	fmt.Fprintln(t)
	return t.Flush()
}
