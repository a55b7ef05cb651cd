package asm

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAVX2Instructions reads the generated code: nothing in avx2 may need more than AVX2 and
// FMA. Registers above 15 and opmasks would be AVX-512 in disguise, which assembles, and
// faults on the machines the code is for.
func TestAVX2Instructions(t *testing.T) {
	files, err := filepath.Glob("avx2/*.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated code: %v", err)
	}
	wide := regexp.MustCompile(`\b(Z\d+|[XY](1[6-9]|[23]\d)|K[0-7])\b`)
	requires := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	reserved := regexp.MustCompile(`\b(BP|R14|R15)\b`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := wide.FindString(code); m != "" {
				t.Errorf("%s:%d: %s is not AVX2: %s", name, i+1, m, line)
			}
			if m := reserved.FindString(code); m != "" {
				t.Errorf("%s:%d: %s is reserved: %s", name, i+1, m, line)
			}
			for _, s := range []string{".BCST", ".Z ", "VSCALEF", "VPTERNLOG", "VRNDSCALE"} {
				if strings.Contains(code, s) {
					t.Errorf("%s:%d: %s is AVX-512: %s", name, i+1, s, line)
				}
			}
		}
		found := requires.FindAllStringSubmatch(string(text), -1)
		if len(found) != strings.Count(string(text), "\nTEXT ") {
			t.Errorf("%s: %d functions, %d lists of what they require", name, strings.Count(string(text), "\nTEXT "), len(found))
		}
		for _, m := range found {
			for need := range strings.SplitSeq(m[1], ", ") {
				switch need {
				case "AVX", "AVX2", "FMA3", "SSE", "SSE2", "CMOV", "MMX+": // the last for prefetches
				default:
					t.Errorf("%s: a function requires %s", name, need)
				}
			}
		}
	}
}

// leaves are the packages with machine code.
var leaves = []struct{ isa, goarch string }{{"avx2", "amd64"}, {"avx512", "amd64"}, {"neon", "arm64"}}

// TestSameFunctions: the instruction sets have the same files with the same declarations, but
// for what AVX-512 alone has registers or halves of vectors for, and what takes an instruction that AVX2
// does not have.
func TestSameFunctions(t *testing.T) {
	read := func(isa, goarch string) map[string]string {
		files, err := filepath.Glob(isa + "/*_" + goarch + ".go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no generated code: %v", err)
		}
		all := map[string]string{}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			stem := strings.TrimSuffix(filepath.Base(name), "_"+goarch+".go")
			all[stem] = strings.Replace(string(text), "package "+isa, "package", 1)
		}
		delete(all, "step")
		delete(all, "gemmhalf")
		delete(all, "dot")
		return all
	}
	first := leaves[0]
	want := read(first.isa, first.goarch)
	for _, l := range leaves[1:] {
		got := read(l.isa, l.goarch)
		if len(got) != len(want) {
			t.Errorf("%s has %d files, %s %d", l.isa, len(got), first.isa, len(want))
		}
		for stem, text := range want {
			if got[stem] != text {
				t.Errorf("the functions of %s differ between %s and %s", stem, first.isa, l.isa)
			}
		}
	}
}

// TestDispatch: package simd calls every function of every instruction set, for no other one.
func TestDispatch(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func (\w+)\(`)
	for _, l := range leaves {
		text, err := os.ReadFile("simd/simd_" + l.goarch + ".go")
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]bool{}
		for _, part := range strings.Split(string(text), "\tcase asm.")[1:] {
			isa, code, _ := strings.Cut(part, ":")
			for _, m := range regexp.MustCompile(`\b`+l.isa+`\.(\w+)\(`).FindAllStringSubmatch(code, -1) {
				if calls[m[1]] || l.isa != strings.ToLower(isa) {
					t.Errorf("%s.%s is called twice, or for %s", l.isa, m[1], isa)
				}
				calls[m[1]] = true
			}
		}
		files, err := filepath.Glob(l.isa + "/*_" + l.goarch + ".go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no generated code: %v", err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				if !calls[m[1]] {
					t.Errorf("nothing calls %s.%s", l.isa, m[1])
				}
			}
		}
	}
}

// TestNEONRegisters: the linker, the system, Go's assembler and Go itself have registers that no
// kernel may touch.
func TestNEONRegisters(t *testing.T) {
	files, err := filepath.Glob("neon/*.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated code: %v", err)
	}
	reserved := regexp.MustCompile(`\b[RXWrxw](16|17|18|27|28|29|30)\b`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := reserved.FindString(line); m != "" {
				t.Errorf("%s:%d: %s is reserved: %s", name, i+1, m, line)
			}
		}
	}
}
