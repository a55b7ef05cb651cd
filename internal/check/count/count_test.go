package main

import (
	"strings"
	"testing"
)

// listing is made up: a loop around two loops, the second with its counter on the stack.
const listing = `TEXT example.com/neon.Made.abi0(SB) /src/made_arm64.s
  made_arm64.s:4	0x1000		f94007e0		MOVD 8(RSP), R0
  made_arm64.s:5	0x1004		ad400420		FLDPQ (R1), (F0, F1)
  made_arm64.s:6	0x1008		4e3bcc04		VFMLA V27.S4, V0.S4, V4.S4
  made_arm64.s:7	0x100c		4ebacd00		VFMLS V26.S4, V8.S4, V0.S4
  made_arm64.s:8	0x1010		4fa21004		FMLA V2.S[1], V0.S4, V4.S4
  made_arm64.s:9	0x1014		ad000400		FSTPQ (F0, F1), (R0)
  made_arm64.s:10	0x1018		3d800802		FMOVQ F2, 32(R0)
  made_arm64.s:11	0x101c		f10005ef		SUBS $1, R15, R15
  made_arm64.s:12	0x1020		54ffff21		BNE -7(PC)
  made_arm64.s:13	0x1024		14000002		JMP 2(PC)
  made_arm64.s:14	0x1028		d65f03c0		RET
  made_arm64.s:15	0x102c		4e20d400		FADD V0.S4, V0.S4, V0.S4
  made_arm64.s:16	0x1030		3d8003e0		FMOVQ F0, (RSP)
  made_arm64.s:17	0x1034		b5ffffd8		CBNZ R24, -2(PC)
  made_arm64.s:18	0x1038		17fffff3		JMP -13(PC)
`

func TestLoops(t *testing.T) {
	code, err := parse(strings.NewReader(listing))
	if err != nil {
		t.Fatal(err)
	}
	if len(code) != 15 {
		t.Fatalf("%d instructions, want 15", len(code))
	}
	want := []loop{
		{line: "made_arm64.s:5", at: 1, size: 8, fmla: 3, chains: 2, stored: 3},
		{line: "made_arm64.s:15", at: 11, size: 3, stack: 1},
	}
	got := loops(code)
	if len(got) != len(want) {
		t.Fatalf("%d loops, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("loop %d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

// chains is made up as well: of a tile of two chains, which may start in two ways, and has another
// loop before its last one.
const chains = `TEXT example.com/neon.Chains.abi0(SB) /src/made_arm64.s
  made_arm64.s:3	0x1000		b4000060		CBZ R0, 3(PC)
  made_arm64.s:4	0x1004		3dc00400		FMOVQ 16(R0), F0
  made_arm64.s:5	0x1008		14000003		JMP 3(PC)
  made_arm64.s:6	0x100c		3ce26801		FMOVQ (R0)(R2), F1
  made_arm64.s:7	0x1010		3cc10400		FMOVQ.P 16(R0), F0
  made_arm64.s:8	0x1014		14000002		JMP 2(PC)
  made_arm64.s:9	0x1018		ad400400		FLDPQ (R0), (F0, F1)
  made_arm64.s:9	0x1018		4e22cc40		VFMLA V2.S4, V2.S4, V0.S4
  made_arm64.s:9	0x1018		b4000020		CBZ R0, 1(PC)
  made_arm64.s:10	0x101c		4e22cc40		VFMLA V2.S4, V2.S4, V0.S4
  made_arm64.s:11	0x1020		4e22cc41		VFMLA V2.S4, V2.S4, V1.S4
  made_arm64.s:12	0x1024		f10005ef		SUBS $1, R15, R15
  made_arm64.s:13	0x1028		54ffffa1		BNE -3(PC)
  made_arm64.s:14	0x102c		b4000040		CBZ R0, 2(PC)
  made_arm64.s:15	0x1030		3d800000		FMOVQ F0, (R0)
  made_arm64.s:16	0x1034		b4000060		CBZ R0, 3(PC)
  made_arm64.s:17	0x1038		ad000400		FSTPQ (F0, F1), (R0)
  made_arm64.s:18	0x103c		d65f03c0		RET
  made_arm64.s:19	0x1040		14000001		JMP 1(PC)
`

func TestEdges(t *testing.T) {
	code, err := parse(strings.NewReader(chains))
	if err != nil {
		t.Fatal(err)
	}
	found := loops(code)
	if len(found) != 1 || found[0].chains != 2 {
		t.Fatalf("loops %+v, want one of 2 chains", found)
	}
	start, end := edges(code, found[0])
	if len(start) != 2 || start[0].line != "made_arm64.s:6" {
		t.Errorf("chains start in %v, want lines 6 and 7", start)
	}
	if len(end) != 2 || end[0].line != "made_arm64.s:17" {
		t.Errorf("chains end in %v, want lines 17 and 18", end)
	}
}

// TestEstimate has LLVM read the loop of TestEdges, where it is installed.
func TestEstimate(t *testing.T) {
	l, err := findLLVM()
	if err != nil {
		t.Skip(err)
	}
	code, err := parse(strings.NewReader(chains))
	if err != nil {
		t.Fatal(err)
	}
	one := row{order: []part{{"loop", 6}}}
	text, err := l.text(one.code(map[string]piece{"loop": {code[9:13], 2}}))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, "fmla\tv"); n != 6 {
		t.Errorf("%d multiply-adds, want 6:\n%s", n, text)
	}
	// Three multiply-adds of a chain wait for each other, four cycles each.
	if n, err := l.cycles(text, cores[0]); err != nil || n < 12 || n > 12.1 {
		t.Errorf("%v cycles, error %v, want 12", n, err)
	}
	if _, err := l.text([]instruction{{word: 0xffffffff, line: "made_arm64.s:1"}}); err == nil {
		t.Error("no error for what is no instruction")
	}
}

func TestFunctions(t *testing.T) {
	all, err := functions([]byte(listing + "\n" + chains))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all["Made"]) != 15 || len(all["Chains"]) == 0 {
		t.Errorf("%d functions, Made with %d instructions, Chains with %d", len(all), len(all["Made"]), len(all["Chains"]))
	}
	if l := loops(all["Made"]); l[1].stack != 1 {
		t.Errorf("loops of Made: %+v", l)
	}
}

func TestParseError(t *testing.T) {
	if _, err := parse(strings.NewReader("a.s:1 0x1000 xyz RET\n")); err == nil {
		t.Error("no error for a word that is no number")
	}
}

func TestLabels(t *testing.T) {
	l := labels{"a.s": strings.Split("f:\n\tADD R1, R2, R3\n\t// note: this\n\tRET", "\n")}
	if got, err := l.before("a.s:4"); got != "f" || err != nil {
		t.Errorf("label %q, error %v, want f", got, err)
	}
	for _, line := range []string{"a.s:1", "a.s"} {
		if _, err := l.before(line); err == nil {
			t.Errorf("no error for line %q", line)
		}
	}
}
