package weights

import (
	"bytes"
	"os"
	"runtime"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// fuzzReader parses any bytes of a format: tensors that can be read, or an error. Neither takes more memory than twice the
// file and a few megabytes. Layers are made of them by all conventions, with float64 between, so that a byte
// of the file may become many, but only in proportion.
func fuzzReader(f *testing.F, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
		for _, cut := range []int{len(s) / 3, len(s) - 3} {
			if cut > 0 {
				f.Add(s[:cut])
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		file, err := Parse("f", bytes.Clone(raw))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(3*len(raw)+8<<20); got > most { // once for the clone
			t.Errorf("%d bytes for a file of %d", got, len(raw))
		}
		if err != nil {
			return
		}
		defer func() {
			runtime.ReadMemStats(&before)
			if got, most := before.TotalAlloc-after.TotalAlloc, uint64(200*len(raw)+64<<20); got > most {
				t.Errorf("%d bytes for layers from a file of %d", got, len(raw))
			}
		}()
		for _, x := range file.Tensors {
			if !x.DType.readable() || x.Len() > len(raw) {
				continue
			}
			if _, err := Values[float32](x); err != nil {
				t.Error(err)
			}
		}
		Recurrents[float32](file)
		DenseNodes[float32](file)
		ConvNodes[float32](file)
		for _, c := range Conventions() {
			Stack[float32](file, c)
			Dense[float32](file, c, cell.Linear)
		}
	})
}

// written returns the bytes of a file with layers and what else there is.
func written(f *testing.F, write func(*bytes.Buffer, *File) error) []byte {
	f.Helper()
	file := &File{Meta: map[string]string{"format": "pt"}}
	for i, c := range Conventions() {
		if err := AddStack(file, c.Name+c.sep, random[float32](cell.LSTM, 1, cell.Bidirectional(i%2), cell.Options{}), c); err != nil {
			f.Fatal(err)
		}
	}
	file.Add(Of("number", nil, []float64{1}), Of("none", []int{0, 3}, []float32{}))
	var b bytes.Buffer
	if err := write(&b, file); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}

func FuzzSafetensors(f *testing.F) {
	fuzzReader(f, written(f, func(b *bytes.Buffer, file *File) error { return WriteSafetensors(b, file) }),
		[]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), []byte("\x40\x00\x00\x00\x00\x00\x00\x00"+`{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}       `+"\x00\x00\x80\x3f"))
}

func FuzzNPZ(f *testing.F) {
	seeds := [][]byte{written(f, func(b *bytes.Buffer, file *File) error { return WriteNPZ(b, file) })}
	if raw, err := os.ReadFile("testdata/keras.npz"); err == nil {
		seeds = append(seeds, raw[:20000])
	}
	fuzzReader(f, seeds...)
}

func FuzzONNX(f *testing.F) {
	seeds := [][]byte{graphOf(f, random[float32](cell.LSTM, 2, cell.Concat, cell.Options{Peepholes: true})), graphOf(f, random[float64](cell.GRU, 1, cell.OneWay, cell.Options{}))}
	if nodes, err := Open("testdata/onnx_nodes.npz"); err == nil {
		defer nodes.Close()
		for _, x := range nodes.Select("*/model").Tensors {
			seeds = append(seeds, bytes.Clone(x.bytes()))
		}
	}
	fuzzReader(f, seeds...)
}

func FuzzPyTorch(f *testing.F) {
	raw, err := os.ReadFile("testdata/torch.pt")
	if err != nil {
		f.Fatal(err)
	}
	fuzzReader(f, raw, pickled("\x80\x02}q\x00(X\x01\x00\x00\x00ah\x00u."), pickled("\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."))
}

// FuzzPickle runs any pickle.
func FuzzPickle(f *testing.F) {
	file := open(f, "testdata/torch.pt")
	raw := file.file.raw
	at := bytes.Index(raw, []byte("\x80\x02"))
	f.Add(raw[at : at+4000])
	f.Fuzz(func(t *testing.T, raw []byte) {
		Parse("f", pickled(string(raw)))
	})
}
