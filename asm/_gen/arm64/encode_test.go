package arm64

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// A sample is an instruction with the operands that were drawn for it.
type sample struct {
	name   string
	values []any
	Code
}

// samples draws operands for every instruction of the table, after the least and the greatest
// values they can have.
func samples(t *testing.T) (all []sample) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range names {
		for round := range 40 {
			var values []any
			for _, op := range instructions[name].operands {
				for _, n := range op.numbers {
					values = append(values, n.draw(rng, round, lane(op.arrangement)))
				}
				if n := len(values); op.distinct && values[n-2] == values[n-1] {
					values[n-1] = 31 - values[n-1].(V)
				}
			}
			code, err := Enc(name, values...)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, sample{name, values, code})
		}
	}
	return all
}

func (n number) draw(rng *rand.Rand, round, size int) any {
	low, high, unit := n.span(size)
	x := low + unit*rng.IntN((high-low)/unit+1)
	switch round {
	case 0:
		x = low
	case 1:
		x = high
	}
	switch n.kind {
	case 'v':
		return V(x)
	case 'r', 'b':
		for !R(x).usable() && !(n.kind == 'b' && R(x) == SP) {
			x = rng.IntN(high + 1)
		}
		return R(x)
	}
	return x
}

func (s sample) String() string { return fmt.Sprintf("%s%v", s.name, s.values) }

// undecoded are instructions newer than the decoder, by words that LLVM's assembler gives.
var undecoded = map[string]struct {
	values []any
	word   uint32
}{
	"SDOT":  {[]any{V(3), V(17), V(30)}, 0x4E9E9623},
	"UDOT":  {[]any{V(3), V(17), V(30)}, 0x6E9E9623},
	"SDOTE": {[]any{V(3), V(17), V(30), 3}, 0x4FBEEA23},
}

// TestDecode reads every word back with the decoder of golang.org/x/arch.
func TestDecode(t *testing.T) {
	for _, s := range samples(t) {
		if want, ok := undecoded[s.name]; ok {
			if got, err := Enc(s.name, want.values...); err != nil || got.Word != want.word {
				t.Errorf("%s%v = %08X, %v, want %08X", s.name, want.values, got.Word, err, want.word)
			}
			continue
		}
		if got, want := decode(s.Word), spelled(s.GNU); got != want {
			t.Errorf("%v: %08X decodes to %q, want %q", s, s.Word, got, want)
		}
	}
}

// decode gives the text of a word, or what is wrong with it.
func decode(word uint32) string {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], word)
	inst, err := arm64asm.Decode(b[:])
	if err != nil {
		return err.Error()
	}
	return spelled(arm64asm.GNUSyntax(inst))
}

// spelled takes out what assemblers and decoders write in different ways.
func spelled(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, s := range spellings {
		text = s.from.ReplaceAllString(text, s.to)
	}
	if m := strings.Split(text, ","); len(m) == 3 && m[1] == m[2] { // of equal operands
		text = strings.Replace(strings.Join(m[:2], ","), "orr ", "mov ", 1)
	}
	return hexadecimal.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[3:], 16, 64)
		return "#" + strconv.FormatUint(n, 10)
	})
}

var hexadecimal = regexp.MustCompile("#0x[0-9a-f]+")

var spellings = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(", "), ","},
	{regexp.MustCompile(`#0\.0$`), "#0"},
	{regexp.MustCompile(`,#0\]`), "]"},
	{regexp.MustCompile(`^uxtl(2?) (.*)$`), "ushll$1 $2,#0"},
	{regexp.MustCompile(`\{(v\d+\.\w+),\S*,(v\d+\.\w+)\}`), "{$1-$2}"},
}

// TestLLVM compares every word with the one LLVM's assembler gives for its text.
func TestLLVM(t *testing.T) {
	path, err := exec.LookPath("llvm-mc")
	if err != nil {
		t.Skip("llvm-mc is not installed (Debian: llvm)")
	}
	all := samples(t)
	var text bytes.Buffer
	for _, s := range all {
		fmt.Fprintln(&text, s.GNU)
	}
	cmd := exec.Command(path, "-triple=aarch64", "-mattr=+v8.4a,+dotprod", "-show-encoding")
	cmd.Stdin = &text
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("llvm-mc: %v\n%s", err, problems.String())
	}
	encodings := regexp.MustCompile(`encoding: \[0x(..),0x(..),0x(..),0x(..)\]`).FindAllStringSubmatch(out.String(), -1)
	if len(encodings) != len(all) {
		t.Fatalf("llvm-mc gives %d encodings of %d", len(encodings), len(all))
	}
	for i, e := range encodings {
		b, err := hex.DecodeString(e[1] + e[2] + e[3] + e[4])
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(b); got != all[i].Word {
			t.Errorf("%v: %q is %08X for LLVM, %08X for us", all[i], all[i].GNU, got, all[i].Word)
		}
	}
}

// TestGoAssembler compares every word with the one that Go's assembler gives for its mnemonic.
func TestGoAssembler(t *testing.T) {
	for _, v := range []version{Go126, Go127} {
		t.Run(fmt.Sprintf("1.%d", v), func(t *testing.T) {
			toolchain(t, v)
			var lines []string
			var wants []uint32
			for _, s := range samples(t) {
				if s.since <= v {
					lines, wants = append(lines, s.Go), append(wants, s.Word)
				}
			}
			for i, got := range assemble(t, lines) {
				if len(got) != 1 || got[0] != wants[i] {
					t.Errorf("%s is %08X for Go, %08X for us", lines[i], got, wants[i])
				}
			}
			t.Logf("%d instructions", len(wants))
		})
	}
}

// toolchain makes the go command of this test one that has the assembler of the version, or
// skips the test.
func toolchain(t *testing.T, v version) {
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(string(out), fmt.Sprintf("go1.%d", v)) {
		return
	}
	name := map[version]string{Go126: "go1.26.8", Go127: "go1.27.3"}[v]
	t.Setenv("GOTOOLCHAIN", name)
	if out, err := exec.Command("go", "version").CombinedOutput(); err != nil {
		t.Skipf("no %s here: %s", name, out)
	}
}

// assemble gives the words of each line of a function for arm64.
func assemble(t *testing.T, lines []string) [][]uint32 {
	words := make([][]uint32, len(lines))
	for _, w := range assembleFile(t, "TEXT ·f(SB), 4, $0-0\n\t"+strings.Join(lines, "\n\t")+"\n\tRET\n") {
		if i := w.line - 2; i >= 0 && i < len(lines) {
			words[i] = append(words[i], w.word)
		}
	}
	return words
}

// A placed word is one that the assembler made of a line of its file.
type placed struct {
	line int
	word uint32
}

// assembleFile gives the words of a file for arm64, in their order.
func assembleFile(t *testing.T, text string) (words []placed) {
	dir := t.TempDir()
	source, object := filepath.Join(dir, "x.s"), filepath.Join(dir, "x.o")
	if err := os.WriteFile(source, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(cmd.Environ(), "GOARCH=arm64", "GOOS=linux", "GOFLAGS=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%.4000s", args, err, out)
		}
		return out
	}
	include := filepath.Join(strings.TrimSpace(string(run("env", "GOROOT"))), "pkg", "include")
	run("tool", "asm", "-p", "x", "-I", include, "-o", object, source)
	for _, m := range regexp.MustCompile(`(?m)^\s*x\.s:(\d+)\s+0x[0-9a-f]+\s+([0-9a-f]{8})\s`).FindAllSubmatch(run("tool", "objdump", object), -1) {
		line, _ := strconv.Atoi(string(m[1]))
		word, err := strconv.ParseUint(string(m[2]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, placed{line, uint32(word)})
	}
	return words
}

// TestRefusals: wrong operands are errors, not other instructions.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []any
		want   string
	}{
		{"VADDPS", nil, "no instruction"},
		{"FADD", []any{V(0), V(1)}, "too few"},
		{"FADD", []any{V(0), V(1), V(2), V(3)}, "too many"},
		{"FADD", []any{V(0), V(1), V(32)}, "not within"},
		{"FADD", []any{V(0), V(1), R(2)}, "arm64.R"},
		{"FMLAE", []any{V(0), V(1), V(2), 4}, "not within 0 to 3"},
		{"FMLAE.2d", []any{V(0), V(1), V(2), 2}, "not within 0 to 1"},
		{"SHL", []any{V(0), V(1), 32}, "not within 0 to 31"},
		{"USHR", []any{V(0), V(1), 0}, "not within 1 to 32"},
		{"LDRQ", []any{V(0), R(18), 0}, "R18 is reserved"},
		{"LDRQ", []any{V(0), R(27), 0}, "R27 is reserved"},
		{"LDRQ", []any{V(0), R(1), 8}, "by 16"},
		{"LDRQ", []any{V(0), R(1), 65536}, "not within"},
		{"LDPQ", []any{V(0), V(1), R(1), 1024}, "not within -1024 to 1008"},
		{"LDPQ", []any{V(0), V(1), R(1), 8}, "by 16"},
		{"LDPQ", []any{V(5), V(5), R(1), 0}, "differ"},
		{"LDRQX", []any{V(0), R(1), SP}, "RSP is reserved"},
	} {
		if _, err := Enc(c.name, c.values...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Enc(%s, %v): error %v, want %q", c.name, c.values, err, c.want)
		}
	}
}
