package arm64

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/asm/_gen/recipe"
)

// scalarLines has the general instructions in each of their shapes, at the ends of their ranges.
func scalarLines(f *Func) {
	r := R(26)
	for _, name := range []string{"ADD", "SUB", "ADDS", "SUBS"} {
		f.Go(name, 4095, R(0), r)
		f.Go(name, 4095<<12, R(0), r)
		f.Go(name, R(1), R(2), r)
		f.Go(name, Shifted{R(1), 4}, R(2), r)
	}
	f.Go("CMP", 4095, r)
	f.Go("CMP", R(1), r)
	for _, name := range []string{"AND", "ORR", "EOR"} {
		f.Go(name, 15, R(0), r)
		f.Go(name, -16, R(0), r)
		f.Go(name, 1<<62, R(0), r)
		f.Go(name, R(1), R(2), r)
	}
	f.Go("TST", 3, r)
	f.Go("BIC", R(1), R(2), r)
	for _, name := range []string{"LSL", "LSR", "ASR"} {
		f.Go(name, 1, R(0), r)
		f.Go(name, 63, R(0), r)
		f.Go(name, R(1), R(0), r)
	}
	f.Go("NEG", R(0), r)
	f.Go("MVN", R(0), r)
	f.Go("MUL", R(0), R(1), r)
	f.Go("MADD", R(0), R(1), R(2), r)
	f.Go("MSUB", R(0), R(1), R(2), r)
	f.Go("CSEL", Word("LT"), R(0), R(1), r)
	f.Go("CSINC", Word("HI"), R(0), R(1), r)
	f.Go("CSET", Word("EQ"), r)
	f.Go("MRS", Word("FPCR"), r)
	f.Go("MSR", r, Word("FPCR"))
	for _, x := range []int{0, 1, 65535, -1, -65536, 65535 << 32, 1 << 62} {
		f.Go("MOVD", x, r)
	}
	f.Go("MOVD", R(0), r)
	for name, size := range map[string]int{"MOVD": 8, "MOVW": 4, "MOVWU": 4, "MOVHU": 2, "MOVBU": 1} {
		for _, off := range []int{0, size, 4095 * size, -256, 255, -1} {
			f.Go(name, Mem{R(1), off}, r)
			f.Go(name, r, Mem{R(1), off})
		}
	}
	for name, size := range map[string]int{"FMOVS": 4, "FMOVD": 8} {
		f.Go(name, V(31), r)
		f.Go(name, r, V(31))
		f.Go(name, Mem{SP, size * 4}, V(3))
		f.Go(name, V(3), Mem{r, 4095 * size})
	}
	f.Go("MOVD", Arg("p"), R(0))
	f.Go("FMOVS", Arg("scale"), V(0))
	f.Label("here")
	for _, name := range []string{"B", "BEQ", "BNE", "BLT", "BLE", "BGT", "BGE", "BLO", "BLS", "BHI", "BHS", "BMI", "BPL"} {
		f.Go(name, Label("here"))
	}
	for _, name := range []string{"CBZ", "CBNZ", "CBZW", "CBNZW"} {
		f.Go(name, r, Label("here"))
	}
	f.Go("TBZ", 63, r, Label("here"))
	f.Go("TBNZ", 0, r, Label("here"))
	f.Go("RET")
}

// TestGeneral: every general instruction that is let through is a single one, and R27 stays
// out of it.
func TestGeneral(t *testing.T) {
	file := File{Assembler: Go126}
	f := file.Func(Func{Name: "f", Args: []Param{{Name: "p", Type: "*float32"}, {Name: "scale", Type: "float32"}}})
	scalarLines(f)
	lines := strings.Split(strings.TrimSpace(text(f.body)), "\n")
	for i, words := range assemble(t, lines) {
		if strings.HasSuffix(lines[i], ":") {
			continue
		}
		if len(words) != 1 {
			t.Errorf("%s: %d instructions: %08X", strings.TrimSpace(lines[i]), len(words), words)
		}
	}
}

// TestGeneralRefusals: what the assembler would split, or what is reserved, stops the generator.
func TestGeneralRefusals(t *testing.T) {
	for _, c := range []struct {
		name     string
		operands []any
		want     string
	}{
		{"ADD", []any{4097, R(0), R(1)}, "more than one"},
		{"ADD", []any{-1, R(0), R(1)}, "more than one"},
		{"CMP", []any{1 << 24, R(0)}, "more than one"},
		{"AND", []any{5, R(0), R(1)}, "more than one"},
		{"MOVD", []any{0x12345678, R(0)}, "more than one"},
		{"MOVD", []any{Mem{R(0), 32768}, R(1)}, "reach"},
		{"MOVD", []any{Mem{R(0), 257}, R(1)}, "reach"},
		{"MOVD", []any{Mem{R(27), 0}, R(1)}, "reserved"},
		{"ADD", []any{R(0), R(18)}, "reserved"},
		{"ADD", []any{R(0), SP}, "reserved"},
		{"ADD", []any{V(0), R(0)}, "cannot stand"},
		{"MOVD", []any{Arg("q"), R(0)}, "no argument"},
		{"MOVD", []any{Arg("scale"), R(0)}, "no argument"},
		{"VADD", []any{V(0)}, "no instruction"},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
					t.Errorf("%s%v: %s, want %q", c.name, c.operands, got, c.want)
				}
			}()
			file := File{Assembler: Go126}
			file.Func(Func{Name: "f", Args: []Param{{Name: "scale", Type: "float32"}}}).Go(c.name, c.operands...)
		}()
	}
}

// TestText is a whole file as it is written for both assemblers.
func TestText(t *testing.T) {
	for _, v := range []version{Go126, Go127} {
		file := File{Package: "p", Generator: "asm/_gen", Assembler: v}
		pool := file.Pool("consts")
		f := file.Func(Func{
			Name: "Dot", Doc: []string{"Dot adds x*y, scaled."},
			Args:    []Param{{Name: "x", Type: "*float32"}, {Name: "k", Type: "float32"}, {Name: "y", Type: "*float32"}},
			Results: []Param{{Name: "sum", Type: "float32"}},
		})
		f.Comment("Registers: R0 x")
		f.Go("MOVD", Arg("x"), R(0))
		f.Address(pool, R(1))
		f.Op("LDRQ", V(0), R(1), pool.Floats(0.5, "half"))
		f.Op("LDRQ", V(1), R(1), pool.Floats(0.5, "again"))
		f.Op("FADD", V(0), V(1), V(2))
		f.Op("FMLAE", V(0), V(1), V(2), 3)
		f.Op("STRQ", V(0), SP, f.Local(32))
		f.Go("FMOVS", V(0), Arg("sum"))
		f.Go("RET")
		add := "WORD     $0x4e22d420 // fadd v0.4s, v1.4s, v2.4s"
		if v == Go127 {
			add = "VFADD    V2.S4, V1.S4, V0.S4"
		}
		want := `// Code generated by asm/_gen. DO NOT EDIT.

//go:build !purego

#include "textflag.h"

DATA consts<>+0(SB)/8, $0x3f0000003f000000 // 0.5 half
DATA consts<>+8(SB)/8, $0x3f0000003f000000
GLOBL consts<>(SB), RODATA|NOPTR, $16

// func Dot(x *float32, k float32, y *float32) (sum float32)
TEXT ·Dot(SB), NOSPLIT, $40-28

	// Registers: R0 x
	MOVD     x+0(FP), R0
	MOVD     $consts<>(SB), R1
	FMOVQ    (R1), F0
	FMOVQ    (R1), F1
	` + add + `
	WORD     $0x4fa21820 // fmla v0.4s, v1.4s, v2.s[3]
	FMOVQ    F0, 16(RSP)
	FMOVS    F0, sum+24(FP)
	RET
`
		if got := string(file.Assembly()); got != want {
			t.Errorf("1.%d:\n%s\nwant\n%s", v, got, want)
		}
		want = `// Code generated by asm/_gen. DO NOT EDIT.

//go:build !purego

package p

// Dot adds x*y, scaled.
//
//go:noescape
func Dot(x *float32, k float32, y *float32) (sum float32)
`
		if got := string(file.Declarations()); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

// TestFile: a whole file gives the same words whether it is written for Go 1.26 and assembled by
// it, or for 1.27.
func TestFile(t *testing.T) {
	all := map[version][]placed{}
	for _, v := range []version{Go126, Go127} {
		t.Run(fmt.Sprintf("1.%d", v), func(t *testing.T) {
			toolchain(t, v)
			file := valuesFile()
			file.Assembler = v
			all[v] = assembleFile(t, string(file.Assembly()))
			vec := NEON.NewAsm("vec").(*asm)
			vec.file.Assembler = v
			recipe.Vec(engine.NewFile(vec))
			all[v] = append(all[v], assembleFile(t, string(vec.file.Assembly()))...)
		})
	}
	if len(all) == 2 && (len(all[Go126]) < 2000 || !slices.Equal(all[Go126], all[Go127])) {
		t.Errorf("%d words of Go 1.26 and %d of 1.27 differ", len(all[Go126]), len(all[Go127]))
	}
}

// TestKernels: in the files of asm/neon, every WORD is what its comment says.
func TestKernels(t *testing.T) {
	names, err := filepath.Glob("../../neon/*.s")
	if err != nil || len(names) == 0 {
		t.Fatalf("no generated code: %v", err)
	}
	word := regexp.MustCompile(`(?m)^\tWORD     \$0x([0-9a-f]{8}) // (.*)$`)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := word.FindAllSubmatch(text, -1)
		if len(found) != strings.Count(string(text), "WORD") {
			t.Errorf("%s: not every WORD has a comment", name)
		}
		for _, m := range found {
			w, err := strconv.ParseUint(string(m[1]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if d := dotElement.FindStringSubmatch(string(m[2])); d != nil {
				if code, err := Enc("SDOTE", V(digits(d[1])), V(digits(d[2])), V(digits(d[3])), digits(d[4])); err != nil || uint64(code.Word) != w {
					t.Errorf("%s: %s is %08x, %v", name, m[0], code.Word, err)
				}
			} else if got := decode(uint32(w)); got != spelled(string(m[2])) {
				t.Errorf("%s: %s is %s", name, m[0], got)
			}
		}
	}
}

// dotElement is an instruction that the decoder does not know: see undecoded.
var dotElement = regexp.MustCompile(`^sdot v(\d+)\.4s, v(\d+)\.16b, v(\d+)\.4b\[(\d)\]$`)

func digits(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// TestValues runs a sample of the instructions under qemu: the order of operands and what an
// instruction means are not in its text. testdata/values.go says what each one has to give.
func TestValues(t *testing.T) {
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("qemu-aarch64 is not installed (Debian: qemu-user)")
	}
	dir := t.TempDir()
	file := valuesFile()
	text, err := os.ReadFile("testdata/values.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"go.mod":       []byte("module values\n\ngo 1.26\n"),
		"main.go":      text,
		"ops_arm64.s":  file.Assembly(),
		"ops_arm64.go": file.Declarations(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = dir, append(cmd.Environ(), "GOARCH=arm64", "GOOS=linux", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	run("go", "vet", ".")
	run("go", "build", "-o", "values", ".")
	run(qemu, "./values")
}

// valuesFile has one function per instruction: d, n and m are loaded into V0, V1 and V2, the
// instruction is carried out, V0 is stored. V3 is m as well.
func valuesFile() *File {
	file := &File{Package: "main", Generator: "a test", Assembler: Go126}
	op := func(name string, instruction string, operands ...any) {
		f := file.Func(Func{
			Name: name, Doc: []string{name + " is " + instruction + "."},
			Args: []Param{{Name: "d", Type: "*vec"}, {Name: "n", Type: "*vec"}, {Name: "m", Type: "*vec"}},
		})
		for i, name := range []Arg{"d", "n", "m"} {
			f.Go("MOVD", name, R(i))
			f.Op("LDRQ", V(i), R(i), 0)
		}
		f.Op(instruction, operands...)
		f.Op("STRQ", V(0), R(0), 0)
		f.Go("RET")
	}
	for _, name := range []string{
		"FADD", "FSUB", "FMUL", "FDIV", "FMLA", "FMLS", "FMIN", "FMAX", "FABD", "FRECPS", "FCMEQ", "FCMGE", "FCMGT", "FACGT",
		"AND", "ORR", "EOR", "BIC", "ORN", "BSL", "BIT", "BIF", "ADD", "SUB", "MUL", "ADDP", "UMAX", "UMIN", "CMEQ",
		"CMTST", "CMGT", "CMHI", "UMULL", "UMULL2", "ZIP1", "ZIP2", "UZP1", "UZP2", "TRN1", "TRN2", "TBL", "TBX", "FADDP",
	} {
		op(name, name, V(0), V(1), V(2))
	}
	for _, name := range []string{"FSQRT", "FABS", "FNEG", "FRINTN", "FCMGT0", "FCMLT0", "SCVTF", "UCVTF", "FCVTZS", "FCVTNS", "NOT",
		"REV64", "FADDS", "FMAXV", "UMAXV", "ADDV", "SHLL", "SHLL2"} {
		op(name, name, V(0), V(1))
	}
	for _, name := range []string{"SHL", "SLI", "USHR", "SSHR", "USRA", "SRI", "USHLL", "USHLL2", "SHRN", "SHRN2"} {
		op(name, name, V(0), V(1), 5)
	}
	op("EXT", "EXT", V(0), V(1), V(2), 4)
	op("FMLAE", "FMLAE", V(0), V(1), V(2), 3)
	op("FMLSE", "FMLSE", V(0), V(1), V(2), 1)
	op("FMULE", "FMULE", V(0), V(1), V(2), 2)
	op("FMLA2d", "FMLA.2d", V(0), V(1), V(2))
	op("FMLAE2d", "FMLAE.2d", V(0), V(1), V(2), 1)
	op("DUPE", "DUPE", V(0), V(1), 2)
	op("INSE", "INSE", V(0), 3, V(1), 1)
	op("LDRS", "LDRS", V(0), R(1), 4)
	op("LDRD", "LDRD", V(0), R(1), 8)
	op("LD1E", "LD1E", V(0), 2, R(1))
	op("LD1R", "LD1R", V(0), R(1))
	op("TBL2", "TBL2", V(0), V(0), V(2))
	return file
}
