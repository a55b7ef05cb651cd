package asm

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	full := []ISA{Generic, AVX2, AVX512}
	for _, c := range []struct {
		env  string
		have []ISA
		want ISA
		err  string
	}{
		{"", full, AVX512, ""},
		{"generic", full, Generic, ""},
		{"avx2", full, AVX2, ""},
		{"avx512", full, AVX512, ""},
		{"avx512", full[:2], AVX2, "not available"},
		{"neon", full, AVX512, "not available"},
		{"AVX2", full, AVX512, "unknown value"},
		{"sse", full[:1], Generic, "known values: generic neon avx2 avx512"},
	} {
		got, err := choose(c.env, c.have)
		if got != c.want {
			t.Errorf("choose(%q, %v) = %v, want %v", c.env, c.have, got, c.want)
		}
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("choose(%q, %v): error %v, want one with %q", c.env, c.have, err, c.err)
		}
	}
}

func TestUse(t *testing.T) {
	if err := EnvError(); err != nil {
		t.Fatal(err)
	}
	was := Active()
	defer Use(was)
	for _, isa := range Available() {
		Use(isa)
		if Active() != isa {
			t.Errorf("Use(%v): Active() = %v", isa, Active())
		}
	}
	defer func() {
		if e, _ := recover().(string); !strings.Contains(e, "asm: Use: isa = ISA(99), want one of") {
			t.Errorf("Use(99) panicked with %q", e)
		}
	}()
	Use(99)
}

func TestAvailable(t *testing.T) {
	a := Available()
	if a[0] != Generic {
		t.Errorf("Available()[0] = %v, want generic", a[0])
	}
	a[0] = 77
	if Available()[0] != Generic {
		t.Error("Available returned the package's own slice")
	}
}

func TestChooseDot(t *testing.T) {
	for _, c := range []struct {
		env  string
		isa  ISA
		want bool
		err  string
	}{
		{"", AVX512, true, ""},
		{"", Generic, false, ""},
		{"on", NEON, true, ""},
		{"on", Generic, false, "not available"},
		{"off", AVX512, false, ""},
		{"off", Generic, false, ""},
		{"no", AVX512, true, "known values: on off"},
		{"no", Generic, false, "known values: on off"},
	} {
		got, err := chooseDot(c.env, c.isa)
		if got != c.want {
			t.Errorf("chooseDot(%q, %v) = %v, want %v", c.env, c.isa, got, c.want)
		}
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("chooseDot(%q, %v): error %v, want one with %q", c.env, c.isa, err, c.err)
		}
	}
}

func TestUseDot(t *testing.T) {
	if !HasDot() {
		defer func() {
			if e, _ := recover().(string); !strings.Contains(e, "asm: UseDot: on = true") {
				t.Errorf("UseDot(true) panicked with %q", e)
			}
		}()
		UseDot(true)
	}
	was := UseDot(true)
	defer UseDot(was)
	before := Use(Generic)
	defer Use(before)
	if Dot() {
		t.Error("plain Go has no such instruction")
	}
	Use(dotISA)
	if !Dot() {
		t.Error("Dot() = false after UseDot(true)")
	}
	if UseDot(false); Dot() {
		t.Error("Dot() = true after UseDot(false)")
	}
}
