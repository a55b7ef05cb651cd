package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain makes the test program a stand-in for elbow when BITS_ELBOW is set: what it
// leaves depends on ELBOW_ISA as BITS_ELBOW says.
func TestMain(m *testing.M) {
	if how := os.Getenv("BITS_ELBOW"); how != "" {
		if err := standIn(how, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func standIn(how string, args []string) error {
	isa := os.Getenv("ELBOW_ISA")
	if args[0] == "eval" {
		fmt.Printf(`{"nll": 1.5, "threads": %q}`, isa)
		return nil
	}
	if how == "fails "+isa {
		return fmt.Errorf("%s is out of order", isa)
	}
	loss := 0.25
	if how == "other "+isa {
		loss = math.Nextafter(loss, 1)
	}
	out := args[slices.Index(args, "-out")+1]
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"best.safetensors":       tensors(`{"model":"rnn"}`, 1, 2, 3),
		"metrics.jsonl":          fmt.Appendf(nil, "{\"epoch\":1,\"seconds\":%d,\"nll\":%v}\n", len(isa), loss),
		"summary.json":           fmt.Appendf(nil, `{"isa":%q,"go":"x","train":{"threads":3}}`, isa),
		"checkpoint.safetensors": tensors(fmt.Sprintf(`{"train":{"threads":%d}}`, len(isa)), 1, 2, 3),
		"curves.svg":             []byte(isa),
	} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// tensors is a file of safetensors with one tensor.
func tensors(meta string, numbers ...float32) []byte {
	header := fmt.Sprintf(`{"__metadata__":{"elbow":%q},"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, meta, len(numbers), 4*len(numbers))
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	for _, v := range numbers {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func TestCompare(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	columns := []column{{name: "generic", isa: "generic"}, {name: "avx2", isa: "avx2"}, {name: "arm64", isa: "neon"}}
	for i := range columns {
		columns[i].program = []string{os.Args[0]}
	}
	rows := []training{{name: "one", train: "-x 1"}, {name: "two", then: "eval"}}
	for _, test := range []struct{ how, row, wrong string }{
		{"same", "same    same", ""},
		{"other neon", "same    OTHER", "metrics.jsonl, first at line 1.nll"},
		{"other generic", "OTHER   OTHER", "0.25000000000000006"},
		{"fails avx2", "FAILED  same", "avx2 is out of order"},
		{"fails generic", "?       ?", "generic is out of order"},
	} {
		t.Setenv("BITS_ELBOW", test.how)
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, inputs), 0o777); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := compare(&out, dir, rows, columns)
		text := out.String()
		if (err == nil) != (test.wrong == "") || !strings.Contains(text, test.wrong) || strings.Count(text, test.row+"\n") != 2 {
			t.Errorf("%s: error %v and\n%s", test.how, err, text)
		}
	}
}

func TestNoTraining(t *testing.T) {
	var out bytes.Buffer
	if err := check(&out, "", "no such training", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no such training") {
		t.Errorf("error %v", err)
	}
}

func TestNormalise(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"summary.json", `{"b":1.10, "isa":"avx2","a":[{"seconds":1,"x":12345678901234567890}]}`, `{"a":[{"x":12345678901234567890}],"b":1.10}`},
		{"metrics.jsonl", "{\"epoch\":1,\"seconds\":1}\n{\"epoch\":2,\"seconds\":4}\n", "{\"epoch\":1}\n{\"epoch\":2}\n"},
		{"best.safetensors", "threads", "threads"},
	} {
		got, err := normalise(test.name, []byte(test.in))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s, error %v, want %s", test.name, got, err, test.want)
		}
	}
	a, errA := normalise("checkpoint.safetensors", tensors(`{"threads":1,"x":2}`, 5))
	b, errB := normalise("checkpoint.safetensors", tensors(`{"threads":17,"x":2}`, 5))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("checkpoints %q and %q, errors %v and %v", a, b, errA, errB)
	}
	for _, bad := range []string{"", "12345678", "\x03\x00\x00\x00\x00\x00\x00\x00{}", "\x02\x00\x00\x00\x00\x00\x00\x00[]"} {
		if _, err := normalise("checkpoint.safetensors", []byte(bad)); err == nil {
			t.Errorf("%q is taken for a checkpoint", bad)
		}
	}
}

func TestDifferences(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b []byte
		want string
	}{
		{"best.safetensors", tensors(`{"x":1}`, 1, 2, 3), tensors(`{"x":1}`, 1, 2.5, 3), "first at w[1]"},
		{"best.safetensors", tensors(`{"x":1}`, 1), tensors(`{"x":2}`, 1), "first at elbow.x"},
		{"best.safetensors", tensors(`{"x":1}`, 1), []byte("short"), "first at elbow.x"},
		{"summary.json", []byte(`{"a":[1,2]}`), []byte(`{"a":[1,2,3]}`), "first at line 1.a[2]"},
		{"summary.json", []byte(`{"a":1}`), []byte(`{"b":1}`), "first at line 1.a"},
		{"sample.csv", []byte("a\nb"), []byte("a\nc"), "first at line 2"},
		{"sample.wav", []byte("ab"), []byte("ac"), "first at byte 1"},
		{"sample.wav", []byte("ab"), nil, "other has none"},
	} {
		a, b := files{test.name: test.a}, files{}
		if test.b != nil {
			b[test.name] = test.b
		}
		if got := differences(a, b, "one", "other"); len(got) != 1 || !strings.Contains(got[0], test.want) {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
		if a.sum() == b.sum() || len(differences(a, a, "one", "one")) > 0 {
			t.Errorf("%s: sums or differences are wrong", test.name)
		}
	}
}

// TestInputs: the same inputs each time, on every machine.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	if err := writeInputs(dir); err != nil {
		t.Fatal(err)
	}
	all := files{}
	for _, name := range slices.Concat([]string{"rolls.json", "series.csv", "text.txt", "sound.wav", "images.npy"},
		strings.Fields("strokes/train_points.npy strokes/valid_lengths.npy strokes/test_meta.json")) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	const want = "373c2bafb6a7864d93cc5a258880118a5d4762db443f77553bb9a7baa34e7ccb"
	if got := all.sum(); got != want {
		t.Errorf("%v: hash %s, want %s", slices.Sorted(maps.Keys(all)), got, want)
	}
}
