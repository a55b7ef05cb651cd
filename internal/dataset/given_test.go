package dataset

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/model"
)

// writeAll writes files into a new folder and returns its path.
func writeAll(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sales is a table of 40 steps whose promotion is one of two kinds or none.
func sales(promotion func(t int) string) string {
	var b strings.Builder
	b.WriteString("price,demand,promotion,open\n")
	for t := range 40 {
		fmt.Fprintf(&b, "%d,%d.5,%s,%d\n", 10+t%4, t, promotion(t), t%2)
	}
	return b.String()
}

func kindOfDay(t int) string { return []string{"sale", "flyer", "no"}[t%3] }

func infoOf(d *Data) model.Info {
	return model.Info{Config: model.Config{Data: d.Dim, Given: d.Given}, Name: d.Name, Hash: d.Hash, Form: d.Form}
}

// TestGivenColumns: columns become conditions, by a form that is learned on train, and are data no
// longer.
func TestGivenColumns(t *testing.T) {
	dir := writeAll(t, map[string]string{"a.csv": sales(kindOfDay), "new.csv": sales(kindOfDay),
		"odd.csv":  sales(func(int) string { return "gift" }),
		"late.csv": sales(func(t int) string { return map[bool]string{true: "gift", false: "no"}[t > 35] }),
		"less.csv": "price,demand\n1,2\n2,3\n4,5\n", "numbers.csv": sales(func(int) string { return "3" })})
	path := filepath.Join(dir, "a.csv")
	d, err := Open(path, Options{Given: "promotion, price,open"}, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	if d.Dim != 1 || !slices.Equal(d.Form.Columns, []string{"demand"}) || d.Given != 5 || len(d.Form.Scale) != 1 {
		t.Fatalf("%d dimensions %q, given %d, form %+v", d.Dim, d.Form.Columns, d.Given, d.Form)
	}
	g := d.Form.Given
	if g[0].Name != "promotion" || !slices.Equal(g[0].Classes, []string{"flyer", "no", "sale"}) || g[2].Scale != 1 || g[2].Offset != 0 ||
		g[1].Offset != 11.5 || math.Abs(g[1].Scale-math.Sqrt(1.25)) > 1e-12 {
		t.Errorf("conditions %+v", g)
	}
	s := d.Train[0]
	price := float32((11 - 11.5) / math.Sqrt(1.25))
	if want := []float32{1, 0, 0, price, 1}; !slices.Equal(s.Given[5:10], want) {
		t.Errorf("step 1 is given %v, want %v", s.Given[5:10], want)
	}
	if first := float32((0.5 - d.Form.Offset[0]) / d.Form.Scale[0]); s.X[0] != first {
		t.Errorf("the first demand is %v, want %v", s.X[0], first)
	}
	if v := d.Valid[0]; !slices.Equal(v.Given[3:5], []float32{float32((10 - 11.5) / math.Sqrt(1.25)), 0}) {
		t.Errorf("valid is given %v", v.Given)
	}
	plain, err := Open(filepath.Join(dir, "numbers.csv"), Options{}, new(infile.Budget))
	if err != nil || plain.Given != 0 || plain.Dim != 4 {
		t.Errorf("without -given: %v", err)
	}

	info := infoOf(d)
	again, err := OpenAs(path, "", info, false, new(infile.Budget))
	if err != nil || again.Hash != d.Hash || again.Whole {
		t.Errorf("read again: %v, hash %s, want %s", err, again.Hash, d.Hash)
	}
	other, err := OpenAs(filepath.Join(dir, "new.csv"), "", info, false, new(infile.Budget))
	if err != nil || !slices.Equal(other.All()[0].Given, s.Given) {
		t.Errorf("other data of the form: %v", err)
	}
	uncut, err := OpenUncut(path, "", info, false, new(infile.Budget))
	if err != nil || len(uncut.Test[0].Given) != 40*5 || uncut.Check() != nil && len(uncut.Train) > 0 {
		t.Errorf("uncut: %v", err)
	}
	for file, want := range map[string]string{
		"odd.csv": `odd.csv, step 0: promotion: "gift" is none of the classes of the training: flyer, no, sale`, "late.csv": "late.csv, step 36: promotion",
		"less.csv": `-given "promotion": no such column of numbers or classes`, "numbers.csv": `step 0: promotion: "3" is none of the classes`,
	} {
		if _, err := OpenAs(filepath.Join(dir, file), "", info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	for given, want := range map[string]string{"promotion,sky": "no such column", "price,promotion,price": "or no other one", "price,demand,promotion,open": "none is left"} {
		if _, err := Open(path, Options{Given: given}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-given %s: %v, want %q", given, err, want)
		}
	}
	if _, err := Open(path, Options{Given: "price"}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "is text") || !strings.Contains(err.Error(), "-given") {
		t.Errorf("a text that is not given: %v", err)
	}
	if _, err := OpenAs(path, "price", info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "from the data themselves") {
		t.Errorf("other columns: %v", err)
	}
}

// TestGivenMissing: a number that is missing is an error with its place, be it in the first row, where it could be a
// text, or later.
func TestGivenMissing(t *testing.T) {
	for at, want := range map[int]string{
		0: `column 2 (price): "NA" in the first row is a missing value among numbers`,
		5: "a.csv, step 5: price: NaN, want a finite number",
	} {
		var b strings.Builder
		b.WriteString("demand,price\n")
		for i := range 39 {
			price := strconv.Itoa(2 + i%4)
			if i == at {
				price = "NA"
			}
			fmt.Fprintf(&b, "%d.5,%s\n", i%7, price)
		}
		path := filepath.Join(writeAll(t, map[string]string{"a.csv": b.String()}), "a.csv")
		if _, err := Open(path, Options{Given: "price"}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("row %d: %v, want %q", at, err, want)
		}
	}
}

// TestGivenUnseen: a class that the train part does not have is an error that names the place.
func TestGivenUnseen(t *testing.T) {
	dir := writeAll(t, map[string]string{"a.csv": sales(func(t int) string { return map[bool]string{true: "gift", false: "no"}[t > 35] })})
	_, err := Open(filepath.Join(dir, "a.csv"), Options{Given: "promotion"}, new(infile.Budget))
	if want := `a.csv, step 36: promotion: "gift" is none of the classes of the training: no`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// TestGivenArrays: columns of arrays are called by their places.
func TestGivenArrays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	var b strings.Builder
	for t := range 30 {
		fmt.Fprintf(&b, "%d;%d.25;%d\n", t, 2*t, t%2)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path, Options{Given: "x2"}, new(infile.Budget))
	if err != nil || d.Dim != 2 || d.Given != 1 || !slices.Equal(d.Train[0].Given[:3], []float32{0, 1, 0}) {
		t.Errorf("%v: %+v", err, d)
	}
}

const tune = "X:1\nT:a\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|cBAG|FEDC|CDEF|GABc|cBAG|FEDC|\n"

// TestGivenLabel: the class of a sequence is the folder that it lies in, or what a user says.
func TestGivenLabel(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("%s/%02d.abc", []string{"reel", "jig", "reel", "waltz"}[i%4], i)] = tune
	}
	files["alone.abc"] = tune
	dir := writeAll(t, files)
	if _, err := Open(dir, Options{Given: "label"}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "alone.abc: no class") {
		t.Errorf("a tune in no folder: %v", err)
	}
	alone := filepath.Join(t.TempDir(), "alone.abc")
	if err := os.Rename(filepath.Join(dir, "alone.abc"), alone); err != nil {
		t.Fatal(err)
	}
	d, err := Open(dir, Options{Given: "label"}, new(infile.Budget))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Form.Given[0].Classes, []string{"jig", "reel", "waltz"}) || d.Given != 3 {
		t.Fatalf("conditions %+v", d.Form.Given)
	}
	if n := len(d.Train) + len(d.Valid); n != 18 || !strings.Contains(d.Test[0].Name+d.Test[1].Name, "reel") || !strings.Contains(d.Train[0].Name+d.Train[1].Name, "reel") {
		t.Errorf("parts of %d, %d and %d tunes, tested on %q", len(d.Train), len(d.Valid), len(d.Test), d.Test[0].Name)
	}
	for _, s := range d.All() {
		row := []float32{0, 0, 0}
		row[slices.Index(d.Form.Given[0].Classes, filepath.Base(filepath.Dir(s.Name)))] = 1
		if !slices.Equal(s.Given, slices.Repeat(row, s.Steps(d.Dim))) {
			t.Errorf("%s is given %v", s.Name, s.Given)
		}
	}
	info := infoOf(d)
	if _, err := OpenAs(alone, "", info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "no class") {
		t.Errorf("a file in no folder: %v", err)
	}
	for _, given := range []string{"reel", "label=reel"} {
		a, err := OpenAs(alone, given, info, false, new(infile.Budget))
		if err != nil || !slices.Equal(a.Test[0].Given[:3], []float32{0, 1, 0}) {
			t.Errorf("-given %s: %v", given, err)
		}
	}
	if _, err := OpenAs(alone, "polka", info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "alone.abc, step 0: label: \"polka\" is none") {
		t.Errorf("a class of its own: %v", err)
	}
}

// TestGivenBeside: a table beside the data has a row for every step of a sequence, or one for all of them.
func TestGivenBeside(t *testing.T) {
	var data, steps, whole strings.Builder
	data.WriteString("sequence,x\n")
	steps.WriteString("sequence,day\n")
	whole.WriteString("sequence,site,area\n")
	for i := range 12 {
		fmt.Fprintf(&whole, "s%d,%s,%d\n", i, []string{"north", "south"}[i%2], 5*i)
		for t := range 10 {
			fmt.Fprintf(&data, "s%d,%d.5\n", i, t)
			fmt.Fprintf(&steps, "s%d,%s\n", i, []string{"mon", "tue"}[t%2])
		}
	}
	dir := writeAll(t, map[string]string{"a.csv": data.String(), "b.csv": data.String(), "steps.csv": steps.String(), "whole.csv": whole.String(),
		"few.csv": "sequence,site\ns0,north\n", "short.csv": strings.ReplaceAll(steps.String(), "s3,mon\ns3,tue\ns3,mon\n", "s3,mon\n")})
	in := func(name string) string { return filepath.Join(dir, name) }
	d, err := Open(in("a.csv"), Options{Given: in("steps.csv")}, new(infile.Budget))
	if err != nil || d.Given != 2 || d.Dim != 1 || !slices.Equal(d.Train[2].Given[:4], []float32{1, 0, 0, 1}) || d.Form.GivenFile != in("steps.csv") {
		t.Fatalf("a row for every step: %v", err)
	}
	w, err := Open(in("a.csv"), Options{Given: in("whole.csv")}, new(infile.Budget))
	if err != nil || w.Given != 3 || !slices.Equal(w.Train[3].Given[:2], []float32{0, 1}) || !slices.Equal(w.Train[3].Given[:3], w.Train[3].Given[27:]) {
		t.Fatalf("a row for every sequence: %v, %+v", err, w)
	}
	info := infoOf(w)
	if again, err := OpenAs(in("a.csv"), "", info, false, new(infile.Budget)); err != nil || again.Hash != w.Hash {
		t.Errorf("read again: %v", err)
	}
	if _, err := OpenAs(in("b.csv"), "", info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "say with -given which table") {
		t.Errorf("other data: %v", err)
	}
	if b, err := OpenAs(in("b.csv"), in("whole.csv"), info, false, new(infile.Budget)); err != nil || b.Given != 3 {
		t.Errorf("other data with their table: %v", err)
	}
	if _, err := OpenAs(in("b.csv"), in("steps.csv"), info, false, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "the conditions are day, the model was trained with site") {
		t.Errorf("other conditions: %v", err)
	}
	for file, want := range map[string]string{"few.csv": `no rows for "`, "short.csv": "6 rows for"} {
		if _, err := Open(in("a.csv"), Options{Given: in(file)}, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

// TestGivenSaid: conditions that a user says, or has in a table.
func TestGivenSaid(t *testing.T) {
	class := model.Form{Kind: model.FormImage, Given: []model.Condition{{Name: "label", Classes: []string{"2", "3"}}}}
	two := model.Form{Given: []model.Condition{{Name: "kind", Classes: []string{"a", "b"}}, {Name: "price", Offset: 10, Scale: 2}}}
	dir := writeAll(t, map[string]string{"plan.csv": "price,kind\n10,b\n12,a\n", "bad.csv": "price,kind\n10,c\n", "less.csv": "price\n10\n11\n"})
	for _, c := range []struct {
		form  model.Form
		text  string
		steps int
		want  []float32
	}{
		{class, "3", 0, []float32{0, 1}}, {class, "label=2", 2, []float32{1, 0, 1, 0}}, {two, "price=14,kind=b", 1, []float32{0, 1, 2}},
		{two, filepath.Join(dir, "plan.csv"), 0, []float32{0, 1, 0, 1, 0, 1}}, {two, filepath.Join(dir, "plan.csv"), 1, []float32{0, 1, 0}},
	} {
		if got, err := Given(c.form, c.text, c.steps, new(infile.Budget)); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"price=14": "no value for kind", "kind=c,price=1": `"c" is none of the classes`, "kind=a,price=x": `"x" is no number`, "kind=a,price=1,kind=b": `"kind" twice`, "kind=a,price=NaN": "want a finite number",
		"kind=a,price=1,day=2": `not given "day"`, "3": "NAME=VALUE", filepath.Join(dir, "plan.csv"): "2 rows for 5 steps",
		filepath.Join(dir, "bad.csv"): `bad.csv, row 1: kind: "c" is none`, filepath.Join(dir, "less.csv"): `no column "kind"`,
	} {
		if _, err := Given(two, text, 5, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := Given(model.Form{}, "3", 1, new(infile.Budget)); err == nil || !strings.Contains(err.Error(), "without conditions") {
		t.Errorf("no conditions: %v", err)
	}
}

// TestGivenOf: sequences give their conditions in turn; what is too long is cut, and a last row goes on.
func TestGivenOf(t *testing.T) {
	seqs := []model.Sequence{{Given: []float32{1, 2, 3, 4, 5, 6, 7, 8}}, {Given: []float32{9, 10, 11, 12}}}
	want := []float32{1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 11, 12, 1, 2, 3, 4, 5, 6}
	if got := GivenOf(seqs, 2, 3, 3); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !slices.Equal(seqs[1].Given, []float32{9, 10, 11, 12}) {
		t.Errorf("the data have changed: %v", seqs[1].Given)
	}
	if got := GivenOf(nil, 0, 3, 2); got != nil {
		t.Errorf("%v without conditions", got)
	}
}
