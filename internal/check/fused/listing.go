package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compile compiles the packages in the folders for arch and returns the places of fused
// instructions.
func compile(root, arch string, dirs []string) ([]place, error) {
	// The go command repeats what a compiler printed only while its cache has that file: a package
	// could be found compiled and its listing lost. Another -D each time, which is of no effect
	// within a module, makes the compiler run.
	once := strconv.FormatInt(time.Now().UnixNano(), 36)
	args := []string{"test", "-c", "-trimpath=false", "-o", os.DevNull, "-gcflags=" + modulePath + "/...=-S -D=" + once}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOARCH="+arch, "CGO_ENABLED=0")
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var rest bytes.Buffer // what is not assembly may be the message of an error
	fused, functions, err := scan(out, &rest)
	if failed := cmd.Wait(); failed != nil {
		return nil, fmt.Errorf("go test -c for %s: %w\n%s", arch, failed, rest.Bytes())
	}
	if err != nil {
		return nil, err
	}
	if functions == 0 {
		return nil, fmt.Errorf("the compiler has listed no functions for %s", arch)
	}
	var places []place
	sources := map[string]*source{}
	for _, i := range fused {
		rel, err := filepath.Rel(root, i.file)
		if err != nil {
			return nil, err
		}
		rel = filepath.ToSlash(rel)
		if strings.HasSuffix(rel, "_test.go") || !slices.Contains(dirs, filepath.ToSlash(filepath.Dir(rel))) {
			continue
		}
		if sources[rel] == nil {
			if sources[rel], err = parse(i.file); err != nil {
				return nil, err
			}
		}
		places = append(places, place{file: rel, line: i.line, function: sources[rel].function(i.line), what: i.op})
	}
	return places, nil
}

// An instruction of a listing, with the place where it was written.
type instruction struct {
	file string
	line int
	op   string
}

// scan reads what the compiler prints with -S. It returns the fused instructions, each once,
// and counts functions; lines that are no assembly go to rest.
func scan(r io.Reader, rest io.Writer) (fused []instruction, functions int, err error) {
	seen := map[instruction]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<26) // a symbol of data may be one long line
	for lines.Scan() {
		line := lines.Bytes()
		if bytes.Contains(line, []byte(" STEXT ")) {
			functions++
		}
		if !bytes.HasPrefix(line, []byte("\t")) {
			if bytes.HasPrefix(line, []byte("#")) || !bytes.Contains(line, []byte(" S")) {
				fmt.Fprintf(rest, "%s\n", line)
			}
			continue
		}
		if i, ok := parseInstruction(line); ok && !seen[i] {
			seen[i] = true
			fused = append(fused, i)
		}
	}
	return fused, functions, lines.Err()
}

// parseInstruction takes a line of the form
//
//	<tab>0x0010 00016 (/path/file.go:17)<tab>FMADDD<tab>F3, F5, F4, F3
//
// apart, if its mnemonic is that of a fused multiply-add: FMADDS, FNMSUBD and the like.
func parseInstruction(line []byte) (i instruction, ok bool) {
	if !bytes.HasPrefix(line, []byte("\t0x")) || !bytes.Contains(line, []byte("FM")) && !bytes.Contains(line, []byte("FNM")) {
		return i, false
	}
	_, after, ok := strings.Cut(string(line), " (")
	if !ok {
		return i, false
	}
	at, after, ok := strings.Cut(after, ")\t")
	if !ok {
		return i, false
	}
	i.op, _, _ = strings.Cut(after, "\t")
	if !slices.ContainsFunc([]string{"FMADD", "FMSUB", "FNMADD", "FNMSUB"}, func(s string) bool { return strings.Contains(i.op, s) }) {
		return i, false
	}
	colon := strings.LastIndexByte(at, ':')
	if colon < 0 {
		return i, false
	}
	i.file = at[:colon]
	i.line, _ = strconv.Atoi(at[colon+1:])
	return i, true
}
