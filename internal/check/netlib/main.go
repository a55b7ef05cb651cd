package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/elbow-go/elbow/asm"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("netlib: ")
	drivers := flag.String("drivers", "", "folder of the drivers and of the reference BLAS (default: where Debian has them)")
	flag.Parse()
	if err := check(os.Stdout, *drivers); err != nil {
		log.Fatal(err)
	}
}

// check prints a line for each instruction set and way. A driver that finds something, or misses
// what was planted, is an error.
func check(out io.Writer, drivers string) error {
	drivers, err := find(drivers)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "elbow-netlib-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shim, err := build(dir)
	if err != nil {
		return err
	}
	var groups []*group
	for _, isa := range asm.Available() {
		for _, way := range ways {
			groups = append(groups, &group{isa: isa.String(), way: way.name, tests: way.tests()})
		}
	}
	start(groups, runner{drivers: drivers, shim: shim, dir: dir})
	return report(out, groups)
}

// find returns the folder of the drivers.
func find(dir string) (string, error) {
	pattern := dir
	if dir == "" {
		pattern = "/usr/lib/*/blas"
	}
	found, err := filepath.Glob(filepath.Join(pattern, "xblat3s"))
	if err == nil && len(found) == 1 {
		dir = filepath.Dir(found[0])
		_, err = os.Stat(filepath.Join(dir, "libblas.so.3"))
	}
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%s has not both xblat3s and libblas.so.3: install them (Debian: libblas-test libblas3)", pattern)
	}
	return dir, nil
}

// build compiles the shim and returns its path.
func build(dir string) (string, error) {
	path := filepath.Join(dir, "libshim.so")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", path, "github.com/elbow-go/elbow/internal/check/netlib/_shim")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build of the shim: %w\n%s", err, text)
	}
	return path, nil
}

// A group is a line of the report.
type group struct {
	isa, way string
	tests    []test
	results  []result // one for each test
	done     sync.WaitGroup
}

type result struct {
	calls int
	err   error
}

// start lets all drivers run, as many at a time as there are processors, group by group.
func start(groups []*group, r runner) {
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, g := range groups {
		g.results = make([]result, len(g.tests))
		g.done.Add(len(g.tests))
	}
	go func() {
		for _, g := range groups {
			for i, t := range g.tests {
				places <- struct{}{}
				go func() {
					g.results[i].calls, g.results[i].err = r.both(t, g.isa, g.way)
					g.done.Done()
					<-places
				}()
			}
		}
	}()
}

// report prints each group as soon as it is complete.
func report(out io.Writer, groups []*group) error {
	var wrong []error
	drivers, calls := 0, 0
	fmt.Fprintf(out, "%-9s%-11s%8s%9s\n", "isa", "way", "drivers", "calls")
	for _, g := range groups {
		g.done.Wait()
		passed, sum := 0, 0
		for i, r := range g.results {
			if r.err != nil {
				wrong = append(wrong, fmt.Errorf("%s, %s, %s: %w", g.isa, g.way, g.tests[i].driver, r.err))
				continue
			}
			passed, sum = passed+1, sum+r.calls
		}
		fmt.Fprintf(out, "%-9s%-11s%4d/%-3d%9d\n", g.isa, g.way, passed, len(g.tests), sum)
		drivers, calls = drivers+passed, calls+sum
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	fmt.Fprintf(out, "%d runs of drivers, %d calls: passed; and %d of %d planted errors found\n", drivers, calls, drivers, drivers)
	return nil
}
