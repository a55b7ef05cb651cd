package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const modulePath = "gonum.org/v1/gonum"

// packages are those whose tests run, below modulePath.
var packages = []string{"mat", "lapack/gonum"}

// use is the file that each package gets, with its name for PACKAGE.
//
//go:embed use.go.txt
var use string

// edits are made once each: what gonum's tests want to read in a panic, and what ours says.
var edits = []struct{ file, old, new string }{
	{"mat/dense_test.go", `message != "blas: insufficient length of c"`, `!strings.HasPrefix(message, "blas: Gemm: len(c) = 0, want at least ")`},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gonum: ")
	if err := check(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func check(out io.Writer) error {
	dir, err := os.MkdirTemp("", "elbow-gonum-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	modfile, err := prepare(dir)
	if err != nil {
		return err
	}
	for _, products := range []string{"gonumblas", "blas"} {
		begin := time.Now()
		if text, err := test(modfile, products, packages); err != nil {
			return fmt.Errorf("with the products of %s: %w\n%s", products, err, text)
		}
		fmt.Fprintf(out, "%-10s%s: passed, %.0f s\n", products, strings.Join(packages, ", "), time.Since(begin).Seconds())
	}
	for _, p := range packages {
		switch text, err := test(modfile, "wrong", []string{p}, "-run", "^(TestDenseMul|TestDgetrf)$"); {
		case err == nil:
			return fmt.Errorf("%s passes with wrong products", p)
		case !bytes.Contains(text, []byte("--- FAIL: Test")):
			return fmt.Errorf("with wrong products: %w\n%s", err, text)
		}
		fmt.Fprintf(out, "%-10s%s: found\n", "wrong", p)
	}
	return nil
}

// prepare makes the copy and returns the path of a go.mod that is ours but for gonum.
func prepare(dir string) (modfile string, err error) {
	source, err := output("go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	if err != nil {
		return "", err
	}
	module, err := output("go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "gonum")
	if err := copyModule(to, source); err != nil {
		return "", err
	}
	modfile = filepath.Join(dir, "go.mod")
	for name, from := range map[string]string{modfile: module, filepath.Join(dir, "go.sum"): filepath.Join(filepath.Dir(module), "go.sum")} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(name, text, 0o666)
		}
		if err != nil {
			return "", err
		}
	}
	_, err = output("go", "mod", "edit", "-replace", modulePath+"="+to, modfile)
	return modfile, err
}

// copyModule copies gonum, as the module cache is for reading only, and makes the changes.
func copyModule(to, source string) error {
	if source == "" {
		return errors.New("gonum is not in the module cache: run go mod download")
	}
	if err := os.CopyFS(to, os.DirFS(source)); err != nil {
		return err
	}
	for _, p := range packages {
		text := strings.Replace(use, "PACKAGE", path.Base(p), 1)
		if err := os.WriteFile(filepath.Join(to, p, "use_test.go"), []byte(text), 0o666); err != nil {
			return err
		}
	}
	for _, e := range edits {
		name := filepath.Join(to, e.file)
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), e.old); n != 1 {
			return fmt.Errorf("gonum's %s has %d times %s, want 1", e.file, n, e.old)
		}
		text = []byte(strings.Replace(string(text), e.old, e.new, 1))
		// The copy is as read-only as the original.
		if err := errors.Join(os.Remove(name), os.WriteFile(name, text, 0o666)); err != nil {
			return err
		}
	}
	return nil
}

// test runs tests of the copy and returns what they say.
func test(modfile, products string, packages []string, flags ...string) ([]byte, error) {
	args := append([]string{"test", "-modfile=" + modfile, "-count=1"}, flags...)
	for _, p := range packages {
		args = append(args, modulePath+"/"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GONUM_PRODUCTS="+products)
	return cmd.CombinedOutput()
}

// output returns the one line that a command prints.
func output(name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(text)), nil
}
