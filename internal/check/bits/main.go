package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bits: ")
	emulator := flag.String("arm64", "qemu-aarch64", "program that runs programs for arm64; empty: leave them out")
	match := flag.String("run", "", "only the trainings whose name matches this regular expression")
	keep := flag.String("keep", "", "folder for inputs and results, which are kept (default: a temporary one)")
	flag.Parse()
	if err := check(os.Stdout, *emulator, *match, *keep); err != nil {
		log.Fatal(err)
	}
}

// check prints the table. Anything that is not the same everywhere is an error.
func check(out io.Writer, emulator, match, dir string) error {
	m, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	var rows []training
	for _, t := range trainings {
		if m.MatchString(t.name) {
			rows = append(rows, t)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("no training matches %q", match)
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "elbow-bits-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := writeInputs(filepath.Join(dir, inputs)); err != nil {
		return err
	}
	columns, err := build(dir, emulator)
	if err != nil {
		return err
	}
	return compare(out, dir, rows, columns)
}

// A column is a way of running the command.
type column struct {
	name    string
	program []string // with the emulator before it
	isa     string   // ELBOW_ISA; empty: the best one
	threads int
}

// build compiles the command for the columns, the reference in plain Go first.
func build(dir, emulator string) ([]column, error) {
	native, err := compile(dir, "elbow", nil)
	if err != nil {
		return nil, err
	}
	columns, err := sets("", []string{native})
	if err != nil {
		return nil, err
	}
	pure, err := compile(dir, "elbow-purego", nil, "-tags", "purego")
	if err != nil {
		return nil, err
	}
	columns = append(columns, column{name: "purego", program: []string{pure}, threads: 1})
	for _, n := range []int{1, 2, 3, 7} {
		name := fmt.Sprintf("%d threads", n)
		if n == 1 {
			name = "1 thread"
		}
		columns = append(columns, column{name: name, program: []string{native}, threads: n})
	}
	if emulator == "" || runtime.GOARCH == "arm64" {
		return columns, nil
	}
	if _, err := exec.LookPath(emulator); err != nil {
		return nil, fmt.Errorf("%w: install it (Debian: qemu-user), or leave arm64 out with -arm64=", err)
	}
	arm, err := compile(dir, "elbow-arm64", []string{"GOARCH=arm64", "CGO_ENABLED=0"})
	if err != nil {
		return nil, err
	}
	more, err := sets("arm64", []string{emulator, arm})
	return append(columns, more...), err
}

// sets returns a column for each instruction set of a program, plain Go first. Where that is
// the only one, the name of the architecture is enough.
func sets(arch string, program []string) (columns []column, err error) {
	list, err := exec.Command(program[0], append(program[1:len(program):len(program)], "doctor", "-isas")...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s doctor -isas: %w", strings.Join(program, " "), err)
	}
	isas := strings.Fields(string(list))
	for _, isa := range isas {
		name := strings.TrimSpace(arch + " " + isa)
		if arch != "" && len(isas) == 1 {
			name = arch
		}
		c := column{name: name, program: program, isa: isa, threads: 1}
		if isa == "generic" {
			columns = append([]column{c}, columns...)
		} else {
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 || columns[0].isa != "generic" {
		return nil, fmt.Errorf("%s doctor -isas: %q, want generic among them", strings.Join(program, " "), list)
	}
	return columns, nil
}

func compile(dir, name string, env []string, flags ...string) (string, error) {
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "github.com/elbow-go/elbow/cmd/elbow")...)
	cmd.Env = append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build for %s: %w\n%s", name, err, text)
	}
	return path, nil
}
