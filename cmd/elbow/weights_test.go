package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/model"
	"github.com/elbow-go/elbow/weights"
)

// TestExportImport: a trained model goes out under PyTorch's names and comes back the same; its graphs are written; inspect tells
// what all these files hold.
func TestExportImport(t *testing.T) {
	blastest.UseGo(t)
	dir := t.TempDir()
	run, out, back := filepath.Join(dir, "run"), filepath.Join(dir, "out"), filepath.Join(dir, "back")
	mustRun(t, "train", "-data", write(t, "tiny.json", tinyJSON), "-out", run, "-epochs", "1", "-hidden", "4", "-batch", "2")
	for _, as := range []string{"pytorch", "npz", "keras", "onnx"} {
		mustRun(t, "export", "-model", run, "-out", out, "-as", as)
	}
	for name, as := range map[string]string{"model.safetensors": "pytorch", "model.npz": "pytorch", "keras.npz": "keras"} {
		mustRun(t, "import", "-from", filepath.Join(out, name), "-as", as, "-model", run, "-out", back)
		a, b := tensorsIn(t, filepath.Join(run, model.BestFile)), tensorsIn(t, filepath.Join(back, model.BestFile))
		if !bytes.Equal(a, b) {
			t.Errorf("%s: other tensors came back", name)
		}
	}
	for file, want := range map[string][]string{
		filepath.Join(run, model.BestFile):         {"cell.wih F32 [16 8]", "cell: lstm of Elbow, 8 inputs, 4 units", "prior.0: a dense layer of Elbow, 4 inputs, 4 outputs"},
		filepath.Join(out, "model.safetensors"):    {"cell.weight_ih_l0 F32 [16 8]", "cell: lstm of PyTorch, 8 inputs, 4 units, states h c"},
		filepath.Join(out, "model.npz"):            {"npz", "cell.bias_hh_l0 F32 [16]"},
		filepath.Join(out, "keras.npz"):            {"cell/lstm/lstm_cell/kernel F32 [8 16]", "cell/lstm/lstm_cell: lstm of Keras, 8 inputs, 4 units", "prior.0: a dense layer of Keras, 4 inputs, 4 outputs"},
		filepath.Join(out, "step.onnx"):            {"onnx", ": lstm, 8 inputs, 4 units", "a dense layer"},
		filepath.Join(out, "update.onnx"):          {"onnx"},
		"../../weights/testdata/torch.safetensors": {"lstm-proj_3_both.rnn: lstm of PyTorch, 3 inputs, 4 units projected to 2, 3 layers, both directions"},
		"../../weights/testdata/keras.npz":         {"gru of Keras, 3 inputs, 4 units", "gru-before of Keras"},
		"../../weights/testdata/torch.pt":          {"pt, ", "gru_1.fc: a dense layer of PyTorch, 3 inputs, 2 outputs"},
	} {
		got := mustRun(t, "inspect", file)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("inspect %s: no %q in\n%s", file, w, got)
			}
		}
	}
	other := filepath.Join(dir, "other")
	mustRun(t, "train", "-data", write(t, "tiny.json", tinyJSON), "-out", other, "-epochs", "1", "-hidden", "5", "-batch", "2")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"import", "-from", filepath.Join(out, "model.npz"), "-model", other, "-out", back}, codeError, "want [20 10]"},
		{[]string{"import", "-from", filepath.Join(out, "model.npz"), "-model", run, "-out", run}, codeUsage, "choose another"},
		{[]string{"import"}, codeUsage, "-from"},
		{[]string{"import", "-from", "x", "-out", back, "-as", "onnx"}, codeUsage, "want pytorch or keras"},
		{[]string{"import", "-from", filepath.Join(out, "keras.npz"), "-model", run, "-out", back}, codeError, "missing phi_x.0.w"},
		{[]string{"export", "-model", run, "-as", "hdf5"}, codeUsage, "hdf5"},
		{[]string{"inspect"}, codeUsage, "want a file"},
		{[]string{"inspect", filepath.Join(dir, "none")}, codeError, "none"},
	} {
		code, _, errOut := elbow(context.Background(), c.args...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: exit code %d, %s, want %q", c.args, code, errOut, c.want)
		}
	}
}

// tensorsIn returns what a file holds without the metadata.
func tensorsIn(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Parse(path, raw)
	if err != nil {
		t.Fatal(err)
	}
	f.Meta = nil
	var b bytes.Buffer
	if err := weights.WriteSafetensors(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
