package asm

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestSameFunctions: the instruction sets have the same files with the same declarations, but
// for what takes 32 registers.
func TestSameFunctions(t *testing.T) {
	files, err := filepath.Glob("avx2/*_amd64.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated code: %v", err)
	}
	others, _ := filepath.Glob("avx512/*_amd64.go")
	others = slices.DeleteFunc(others, func(name string) bool { return name == "avx512/step_amd64.go" })
	if len(files) != len(others) {
		t.Errorf("avx2 has %v, avx512 %v", files, others)
	}
	for _, name := range files {
		a, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join("avx512", filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Replace(string(a), "package avx2", "package avx512", 1) != string(b) {
			t.Errorf("the functions of %s differ between avx2 and avx512", filepath.Base(name))
		}
	}
}

// TestDispatch: package simd calls every function of every instruction set, for no other one.
func TestDispatch(t *testing.T) {
	text, err := os.ReadFile("simd/simd_amd64.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func (\w+)\(`)
	calls := map[string]bool{}
	for _, part := range strings.Split(string(text), "\tcase asm.")[1:] {
		isa, code, _ := strings.Cut(part, ":")
		for _, m := range regexp.MustCompile(`\b(avx\d+)\.(\w+)\(`).FindAllStringSubmatch(code, -1) {
			if calls[m[1]+"."+m[2]] || m[1] != strings.ToLower(isa) {
				t.Errorf("%s.%s is called twice, or for %s", m[1], m[2], isa)
			}
			calls[m[1]+"."+m[2]] = true
		}
	}
	for _, isa := range []string{"avx2", "avx512"} {
		files, err := filepath.Glob(isa + "/*_amd64.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no generated code: %v", err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
				if !calls[isa+"."+m[1]] {
					t.Errorf("nothing calls %s.%s", isa, m[1])
				}
			}
		}
	}
}
