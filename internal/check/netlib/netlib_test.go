package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	passedC = ` cblas_sgemm  PASSED THE COLUMN-MAJOR COMPUTATIONAL TESTS ( 17496 CALLS)
 cblas_sgemm  PASSED THE ROW-MAJOR    COMPUTATIONAL TESTS (    12 CALLS)

 END OF TESTS
`
	passedFortran = ` SGEMM  PASSED THE COMPUTATIONAL TESTS ( 59049 CALLS)

 SSYMM  WAS NOT TESTED

 END OF TESTS
`
	wrong = ` ******* FATAL ERROR - COMPUTED RESULT IS LESS THAN HALF ACCURATE *******
       3       0.00000          0.100000E-02
 ******* SGEMM  FAILED ON CALL NUMBER:
  22114: SGEMM ('N','N',  3,  3,  3, 0.0, A,  4, B,  4, 0.0, C,  4).

 END OF TESTS
`
)

var (
	fortranTest = test{"xblat3s", "SGEMM", 3, false}
	cTest       = test{"xscblat3", "cblas_sgemm", 3, true}
)

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name  string
		of    test
		text  string
		calls int
		wrong string
	}{
		{"passed", fortranTest, passedFortran, 59049, ""},
		{"passed", cTest, passedC, 17508, ""},
		{"wrong", fortranTest, wrong, 0, "22114: SGEMM"},
		{"passed and wrong", fortranTest, passedFortran + wrong, 0, "22114: SGEMM"},
		{"nothing", fortranTest, "", 0, "0 times, want 1"},
		{"not tested", fortranTest, strings.Replace(passedFortran, "PASSED THE COMPUTATIONAL TESTS ( 59049 CALLS)", "WAS NOT TESTED", 1), 0, "0 times, want 1"},
		{"no end", fortranTest, strings.Replace(passedFortran, "END", "", 1), 0, "an end"},
		{"other routine", fortranTest, strings.Replace(passedFortran, "SGEMM", "SGEMMTR", 1), 0, "0 times, want 1"},
		{"no calls", fortranTest, strings.Replace(passedFortran, "59049", "    0", 1), 0, `"0" calls`},
		{"suspect", fortranTest, strings.Replace(passedFortran, " SGEMM  PASSED THE", " SGEMM  COMPLETED THE", 1), 0, "0 times, want 1"},
		{"one layout", cTest, strings.Replace(passedC, "ROW-MAJOR    COMPUTATIONAL", "", 1), 0, "1 times, want 2"},
	} {
		calls, err := test.of.verdict(test.text)
		if calls != test.calls || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s: %d calls, error %v, want %d and %q", test.name, calls, err, test.calls, test.wrong)
		}
	}
}

// TestMain makes the test program a stand-in for a driver and its shim when STAND_IN is set.
func TestMain(m *testing.M) {
	how := os.Getenv("STAND_IN")
	if how == "" {
		os.Exit(m.Run())
	}
	text := passedFortran
	if how != "finds nothing" && os.Getenv("NETLIB_PLANT") != "" || how == "finds too much" {
		text = wrong
	}
	isa := os.Getenv("ELBOW_ISA")
	if how == "other isa" {
		isa = "generic"
	}
	if how != "not preloaded" {
		fmt.Fprintf(os.Stderr, "shim: isa=%s way=%s\n", isa, os.Getenv("NETLIB_WAY"))
	}
	if in, err := io.ReadAll(os.Stdin); err != nil || string(in) != fortranTest.input() {
		text = ""
	}
	if err := os.WriteFile(summary, []byte(text), 0o666); err != nil || how == "fails" {
		os.Exit(2)
	}
}

func TestRunner(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := runner{drivers: t.TempDir(), dir: t.TempDir()}
	if err := os.Symlink(self, filepath.Join(r.drivers, fortranTest.driver)); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ how, wrong string }{
		{"works", ""},
		{"finds nothing", "planted error is not found"},
		{"finds too much", "22114: SGEMM"},
		{"not preloaded", `standard error has ""`},
		{"other isa", "isa=generic"},
		{"fails", "exit status 2"},
	} {
		t.Setenv("STAND_IN", c.how)
		g := &group{isa: "avx2", way: "packed", tests: []test{fortranTest}}
		start([]*group{g}, r)
		var out bytes.Buffer
		err := report(&out, []*group{g})
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: error %v, want %q", c.how, err, c.wrong)
		}
		if ok := strings.Contains(out.String(), "1 of 1 planted errors found"); ok != (c.wrong == "") {
			t.Errorf("%s: the report is\n%s", c.how, &out)
		}
	}
}

func TestNoDrivers(t *testing.T) {
	if err := check(io.Discard, t.TempDir()); err == nil || !strings.Contains(err.Error(), "libblas-test") {
		t.Errorf("error %v", err)
	}
}
