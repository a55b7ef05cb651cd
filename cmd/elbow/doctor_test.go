package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
)

// TestDotLine: doctor tells an instruction that is used from one that is forbidden and from one that is not there.
func TestDotLine(t *testing.T) {
	for _, c := range []struct {
		used, has bool
		want      string
	}{{true, true, "by the instruction"}, {false, true, "ELBOW_DOT"}, {false, false, "not there"}} {
		if got := dotLine(c.used, c.has); !strings.Contains(got, c.want) {
			t.Errorf("used %v, there %v: %q, want %q in it", c.used, c.has, got, c.want)
		}
	}
}

// TestDoctorOfWrongISA: doctor says what is used in place of an instruction set that is not there, and fails.
func TestDoctorOfWrongISA(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process that measures")
	}
	c := process(t, -1, "doctor")
	c.Env = append(c.Environ(), "ELBOW_ISA=mmx")
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, c); code != codeError {
		t.Errorf("exit code %d", code)
	}
	best := asm.Available()[len(asm.Available())-1]
	if !strings.Contains(out.String(), fmt.Sprintf("\nisa      %v, available: ", best)) || !strings.Contains(errOut.String(), `ELBOW_ISA="mmx": unknown value, using `+best.String()) {
		t.Errorf("%s%s", &out, &errOut)
	}
}
