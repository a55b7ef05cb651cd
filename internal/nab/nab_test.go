package nab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
)

// put writes files into a new folder, names and contents in turn.
func put(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	head = "timestamp,value\n"
	rows = head + "2014-07-01 00:00:00,1\n2014-07-01 00:30:00,2.5\n2014-07-01 01:00:00,-3\n2014-07-01 01:30:00,4\n"
)

func TestRead(t *testing.T) {
	all, err := Read(put(t, windowsFile, `{"b/y.csv": [["2014-07-01 01:30:00.000000", "2014-07-01 01:30:00.000000"], ["2014-07-01 00:10:00.000000", "2014-07-01 01:00:00.000000"]], "a/x.csv": []}`,
		"data/a/x.csv", rows, "data/b/y.csv", rows), new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "a/x.csv" || len(all[0].Windows) != 0 {
		t.Fatalf("%+v", all)
	}
	y := all[1]
	if len(y.Values) != 4 || y.Values[2] != -3 || y.Times[3].Sub(y.Times[0]).Minutes() != 90 ||
		len(y.Windows) != 2 || y.Windows[0] != (Window{1, 2}) || y.Windows[1] != (Window{3, 3}) {
		t.Errorf("%+v", y)
	}
	for _, c := range []struct{ n, want int }{{4, 0}, {1127, 169}, {4032, 604}, {22695, 750}} {
		if s := made(c.n); s.Probation() != c.want {
			t.Errorf("probation of %d rows: %d, want %d", c.n, s.Probation(), c.want)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for want, files := range map[string][]string{
		"of the repository numenta/NAB": {"data/a.csv", rows},
		"no series":                     {windowsFile, `{}`},
		"combined_windows.json: json":   {windowsFile, `{"a.csv": 1}`},
		"is no file of the corpus":      {windowsFile, `{"../a.csv": []}`},
		"a.csv: no such file":           {windowsFile, `{"a.csv": []}`},
		"a window of 1 times":           {windowsFile, `{"a.csv": [["2014-07-01 00:00:00"]]}`, "data/a.csv", rows},
		"no row between":                {windowsFile, `{"a.csv": [["2015-07-01 00:00:00", "2015-07-02 00:00:00"]]}`, "data/a.csv", rows},
		`cannot parse "soon"`:           {windowsFile, `{"a.csv": [["soon", "2015-07-02 00:00:00"]]}`, "data/a.csv", rows},
		"want timestamp and value":      {windowsFile, `{"a.csv": []}`, "data/a.csv", "time,value\n"},
		`a.csv: line 3: value "x"`:      {windowsFile, `{"a.csv": []}`, "data/a.csv", rows[:len(head)+22] + "2014-07-01 00:30:00,x\n"},
		`a.csv: line 3: value "NaN"`:    {windowsFile, `{"a.csv": []}`, "data/a.csv", rows[:len(head)+22] + "2014-07-01 00:30:00,NaN\n"},
		`a.csv: line 5: value "-inf"`:   {windowsFile, `{"a.csv": []}`, "data/a.csv", rows[:len(head)+22] + "\n\n2014-07-01 00:30:00,-inf\n"},
		"a.csv: line 2: parsing time":   {windowsFile, `{"a.csv": []}`, "data/a.csv", head + "1 July,2\n"},
		"a.csv: no rows":                {windowsFile, `{"a.csv": []}`, "data/a.csv", head},
		"a.csv: record on line 2":       {windowsFile, `{"a.csv": []}`, "data/a.csv", head + "2\n"},
	} {
		if _, err := Read(put(t, files...), new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestReadBudget: the rows count, not the bytes of the file alone.
func TestReadBudget(t *testing.T) {
	dir := put(t, windowsFile, `{"a.csv": []}`, "data/a.csv", rows)
	for most, ok := range map[int64]bool{13 + 4*rowBytes: true, 13 + 4*rowBytes - 1: false} {
		if _, err := Read(dir, &infile.Budget{Max: most}); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "-max-data") {
			t.Errorf("with %d bytes: %v", most, err)
		}
	}
}
