package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"regexp"
	"slices"
)

// rowTables are kernels that take more rows than there are registers for their pointers, or parts of
// vectors: a table of pointers, or the number of elements, is on the stack, and loops read it.
var rowTables = regexp.MustCompile(`^(GemmPackT?|GemvRows)(64)?$`)

// spills looks through the loops of all other kernels and returns an error for each that accesses
// the stack.
func spills(w io.Writer, bin string) (found []error, err error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "tool", "objdump", "-s", `asm/neon\.\w+\.abi0$`, bin)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool objdump: %w\n%s", err, stderr.Bytes())
	}
	all, err := functions(out)
	if err != nil {
		return nil, err
	}
	looked := 0
	for _, kernel := range slices.Sorted(maps.Keys(all)) {
		if rowTables.MatchString(kernel) {
			continue
		}
		for _, l := range loops(all[kernel]) {
			looked++
			if l.stack > 0 {
				found = append(found, fmt.Errorf("%s, %s: %d accesses of the stack in a loop, want none", kernel, l.line, l.stack))
			}
		}
	}
	fmt.Fprintf(w, "looked for the stack in %d loops of %d kernels\n", looked, len(all))
	return found, nil
}

var heading = regexp.MustCompile(`(?m)^TEXT .*\.(\w+)\.abi0\(SB\).*$`)

// functions takes what go tool objdump prints apart: the code of each function, by its name.
func functions(listing []byte) (map[string][]instruction, error) {
	all := map[string][]instruction{}
	starts := heading.FindAllSubmatchIndex(listing, -1)
	for i, at := range starts {
		end := len(listing)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		code, err := parse(bytes.NewReader(listing[at[1]:end]))
		if err != nil {
			return nil, err
		}
		all[string(listing[at[2]:at[3]])] = code
	}
	return all, nil
}
