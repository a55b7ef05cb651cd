package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A goal is how many instructions a loop of a kernel may take for what it is measured in.
type goal struct {
	kernel string
	label  string // of the loop, or "" for the first that stores vectors
	most   float64
	per    string
	units  func(loop) float64
}

var goals = []goal{
	// For packed to one see asm/_gen/recipe/gemm_elems.go.
	{"GemmTiles", "kpacked6x4", 1.16, "FMLA", fmlas},
	{"GemmTiles", "krows6x4", 1.20, "FMLA", fmlas},
	{"GemmTiles", "krowsapart6x4", 1.25, "FMLA", fmlas},
	{"GemmTiles", "kcolumns6x4", 1.30, "FMLA", fmlas},
	{"GemmTiles", "one6x4", 1.50, "FMLA", fmlas},
	{"GemmTiles", "kpacked5x4", 1.18, "FMLA", fmlas},
	{"GemmTiles", "krows5x4", 1.22, "FMLA", fmlas},
	{"GemmTiles", "krowsapart5x4", 1.28, "FMLA", fmlas},
	{"GemmTiles", "kcolumns5x4", 1.35, "FMLA", fmlas},
	{"GemmTiles", "one5x4", 1.55, "FMLA", fmlas},
	{"GemmTiles", "kpacked8x3", 1.17, "FMLA", fmlas},
	{"GemmRow", "four4", 1.70, "FMLA", fmlas},
	{"GemmRow", "four4x2", 1.38, "FMLA", fmlas},
	{"GemmPackT", "", 7.25, "vector", stores},
	{"Exp", "", 27, "vector", stores},
	// Four gates, c and h are stored.
	{"LSTMStep", "", 150, "4 units", func(l loop) float64 { return float64(l.stored) / 6 }},
}

func fmlas(l loop) float64  { return float64(l.fmla) }
func stores(l loop) float64 { return float64(l.stored) }

func main() {
	log.SetFlags(0)
	log.SetPrefix("count: ")
	mca := flag.Bool("mca", false, "have llvm-mca estimate the cycles of the loops, instead of counting")
	flag.Parse()
	dir, err := os.MkdirTemp("", "count")
	if err != nil {
		log.Fatal(err)
	}
	bin := filepath.Join(dir, "elbow")
	if err = build(bin); err == nil && *mca {
		err = estimate(os.Stdout, bin)
	} else if err == nil {
		err = count(os.Stdout, bin)
	}
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// build links the command for arm64 into the file bin.
func build(bin string) error {
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/elbow")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// count prints the table of instructions, and returns an error unless the goals are met.
func count(w io.Writer, bin string) error {
	known := map[string][]loop{}
	for _, kernel := range kernels() {
		_, all, err := loopsOf(bin, kernel)
		if err != nil {
			return err
		}
		known[kernel] = all
	}
	var missed []error
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kernel\tloop\tline\tinstructions\tFMLA\tstored\tstack\tcount\tat most\tper\t")
	for _, g := range goals {
		all := known[g.kernel]
		i := slices.IndexFunc(all, g.means)
		if i < 0 {
			return fmt.Errorf("no loop %q of %s", g.label, g.kernel)
		}
		l := all[i]
		n := float64(l.size) / g.units(l)
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%.3f\t%v\t%s\n", g.kernel, l.label, l.line, l.size, l.fmla, l.stored, l.stack, n, g.most, g.per)
		if n > g.most {
			missed = append(missed, fmt.Errorf("%s, loop %s: %.3f instructions per %s, want at most %v", g.kernel, l.label, n, g.per, g.most))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	spilled, err := spills(w, bin)
	if err != nil {
		return err
	}
	missed = append(missed, spilled...)
	return errors.Join(missed...)
}

// kernels are those that there are goals for.
func kernels() []string {
	var all []string
	for _, g := range goals {
		all = append(all, g.kernel)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// means reports whether g is about a loop.
func (g goal) means(l loop) bool {
	if g.label == "" {
		return l.stored > 0
	}
	return l.label == g.label
}

// loopsOf returns the code of a kernel, and its loops.
func loopsOf(bin, kernel string) ([]instruction, []loop, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "tool", "objdump", "-s", `asm/neon\.`+kernel+`\.abi0$`, bin)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go tool objdump: %w\n%s", err, stderr.Bytes())
	}
	code, err := parse(bytes.NewReader(out))
	if err != nil {
		return nil, nil, err
	}
	all := loops(code)
	labels := labels{}
	for i := range all {
		if all[i].label, err = labels.before(all[i].line); err != nil {
			return nil, nil, err
		}
	}
	return code, all, nil
}

// labels are the lines of files in asm/neon.
type labels map[string][]string

// before returns the label before a line, file:number.
func (l labels) before(line string) (string, error) {
	file, number, _ := strings.Cut(line, ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		return "", fmt.Errorf("line %q: %w", line, err)
	}
	if l[file] == nil {
		text, err := os.ReadFile(filepath.Join("asm", "neon", file))
		if err != nil {
			return "", err
		}
		l[file] = strings.Split(string(text), "\n")
	}
	for i := min(n, len(l[file])) - 2; i >= 0; i-- {
		if label, is := strings.CutSuffix(l[file][i], ":"); is && !strings.ContainsAny(label, " \t") {
			return label, nil
		}
	}
	return "", fmt.Errorf("%s: no label before it", line)
}
