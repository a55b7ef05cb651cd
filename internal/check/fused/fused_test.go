package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listing is what the compiler prints with -S, cut short.
const listing = `# example.com/p
p.f STEXT size=48 args=0x18 locals=0x0 funcid=0x0 align=0x0 leaf
	0x0000 00000 (/m/p/a.go:3)	TEXT	p.f(SB), LEAF|NOFRAME|ABIInternal, $0-24
	0x0000 00000 (/m/p/a.go:3)	FUNCDATA	$0, gclocals·FzY36IO2mY0y4dZ1+Izd/w==(SB)
	0x0000 00000 (/m/p/a.go:4)	FMADDD	F0, F2, F1, F0
	0x0004 00004 (/m/p (old)/b.go:17)	FNMSUBS	F0, F2, F1, F0
	0x0008 00008 (/m/p/a.go:4)	FMADDD	F0, F2, F1, F0
	0x000c 00012 (/m/p/a.go:5)	FMULD	F0, F2, F1
	0x0010 00016 (/m/p/a.go:6)	CALL	p.FMADD(SB)
	0x0014 00020 (/m/p/a.go:7)	RET	(R30)
	0x0000 00 08 41 1f c0 03 5f d6                          ..A..._.
p.s SRODATA static dupok size=5
	0x0000 46 4d 41 44 44                                   FMADD
a.go:9:2: undefined: x
`

func TestScan(t *testing.T) {
	var rest bytes.Buffer
	got, functions, err := scan(strings.NewReader(listing), &rest)
	if err != nil {
		t.Fatal(err)
	}
	want := []instruction{{"/m/p/a.go", 4, "FMADDD"}, {"/m/p (old)/b.go", 17, "FNMSUBS"}}
	if !slices.Equal(got, want) || functions != 1 {
		t.Errorf("%v in %d functions, want %v in 1", got, functions, want)
	}
	if r := rest.String(); r != "# example.com/p\na.go:9:2: undefined: x\n" {
		t.Errorf("left over: %q", r)
	}
}

const code = `package p

import m "math"

var v = m.Log(2)

func (t *T[X]) f(x float64) float64 {
	g := func() float64 { return m.Tanh(x) }
	return g() + m.Sqrt(m.Pi) + m.MaxFloat64 + m.Max(x, 1) + math.Exp(x)
}

func h() float64 { return m.Exp(1) }
`

func TestMathUses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := mathUses(filepath.Dir(dir), filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Base(dir) + "/a.go"
	want := []place{{file, 5, "a variable", "math.Log"}, {file, 8, "T.f", "math.Tanh"}, {file, 12, "h", "math.Exp"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAllowed(t *testing.T) {
	for p, want := range map[place]bool{
		{file: "internal/f32/f32.go", function: "FMA"}:      true,
		{file: "kernels/softmax.go", function: "softmax64"}: true,
		{file: "kernels/softmax.go", function: "softmax"}:   false,
		{file: "model/objective.go", function: "x64"}:       false,
	} {
		if p.allowed() != want {
			t.Errorf("%v: allowed %v, want %v", p, !want, want)
		}
	}
	if allNeeded(nil) == nil {
		t.Error("exceptions that nothing needs are not reported")
	}
}
