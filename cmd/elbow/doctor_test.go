package main

import (
	"strings"
	"testing"
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
