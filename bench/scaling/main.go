// Command scaling writes what docs/scaling.md says in figures, so that none is typed by hand:
//
//	go run ./bench/scaling        (make scaling)
//
//	bench/results/NAME-sums.txt --fit--> network --+--> steps --> tables and docs/scaling.svg
//	sizes of models, times of updates -------------+--> simulate --> how far steps are off
//
// A step of a training is modelled by a few terms, in model.go, and simulated message by message, in simulate.go. Who
// has which part of a sum says package dist.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

const (
	page = "docs/scaling.md"
	svg  = "docs/scaling.svg"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("scaling: ")
	sums := flag.String("sums", "bench/results/epyc-2026-12-01-sums.txt", "what internal/check/sums has printed")
	flag.Parse()
	if err := write(*sums); err != nil {
		log.Fatal(err)
	}
}

func write(sums string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	out, err := fill(text, sums)
	if err != nil {
		return err
	}
	if err := os.WriteFile(page, out, 0o666); err != nil {
		return err
	}
	if err := os.Remove(svg); err != nil && !os.IsNotExist(err) {
		return err
	}
	return draw(filepath.FromSlash(svg))
}

// fill writes the tables between their marks.
func fill(text []byte, sums string) ([]byte, error) {
	measured, err := readSums(sums)
	if err != nil {
		return nil, err
	}
	for _, t := range []struct {
		name  string
		table string
	}{
		{"fit", fitTable(measured)}, {"tree", treeTable()}, {"models", modelTable()}, {"weak", weakTable()}, {"strong", strongTable()},
		{"batch", batchTable()}, {"simulation", simulationTable()}, {"published", publishedTable()},
	} {
		begin, end := []byte("<!-- "+t.name+" -->\n"), []byte("<!-- end of "+t.name+" -->")
		i, j := bytes.Index(text, begin), bytes.Index(text, end)
		if i < 0 || j < i {
			return nil, fmt.Errorf("%s: no marks of %q", page, t.name)
		}
		text = append(append(append([]byte(nil), text[:i+len(begin)]...), t.table...), text[j:]...)
	}
	return text, nil
}
