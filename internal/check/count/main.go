package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
)

// A goal is a kernel to look at, and what its loops are measured in.
type goal struct {
	kernel string
	per    string
	wanted func(loop) bool
	units  func(loop) float64
}

var goals = []goal{
	// Tiles come in the order of their vectors, four first: the first loops of 24 chains are
	// those of 6x4, later ones those of 8x3.
	{"GemmTiles", "FMLA, 6x4 (24 chains)", func(l loop) bool { return l.chains == 24 }, func(l loop) float64 { return float64(l.fmla) }},
	{"GemmTiles", "FMLA, 5x4 (20 chains)", func(l loop) bool { return l.chains == 20 }, func(l loop) float64 { return float64(l.fmla) }},
	{"Exp", "vector", stores, func(l loop) float64 { return float64(l.stored) }},
	// Four gates, c and h are stored.
	{"LSTMStep", "4 units", stores, func(l loop) float64 { return float64(l.stored) / 6 }},
}

func stores(l loop) bool { return l.stored > 0 }

func main() {
	log.SetFlags(0)
	log.SetPrefix("count: ")
	dir, err := os.MkdirTemp("", "count")
	if err != nil {
		log.Fatal(err)
	}
	err = count(os.Stdout, filepath.Join(dir, "elbow"))
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// count builds the command into the file bin, and prints the table.
func count(w io.Writer, bin string) error {
	build := exec.Command("go", "build", "-o", bin, "./cmd/elbow")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kernel\tline\tinstructions\tFMLA\tstored\tstack\tper\t")
	for _, g := range goals {
		found, err := loopsOf(bin, g.kernel)
		if err != nil {
			return err
		}
		rows := 0
		for _, l := range found {
			if g.wanted(l) {
				rows++
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%.2f\t%s\n", g.kernel, l.line, l.size, l.fmla, l.stored, l.stack, float64(l.size)/g.units(l), g.per)
			}
		}
		if rows == 0 {
			return fmt.Errorf("no loop of %s per %s", g.kernel, g.per)
		}
	}
	return t.Flush()
}

// loopsOf disassembles a kernel.
func loopsOf(bin, kernel string) ([]loop, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "tool", "objdump", "-s", `asm/neon\.`+kernel+`\.abi0$`, bin)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool objdump: %w\n%s", err, stderr.Bytes())
	}
	code, err := parse(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	return loops(code), nil
}
