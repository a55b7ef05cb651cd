package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// safetensorsFile is a file with a header and elements.
func safetensorsFile(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

// TestHostileSafetensors: headers that lie are refused with the place.
func TestHostileSafetensors(t *testing.T) {
	entry := func(typ, shape, offsets string) string {
		return fmt.Sprintf(`{"a":{"dtype":"%s","shape":[%s],"data_offsets":[%s]}}`, typ, shape, offsets)
	}
	for name, c := range map[string][3]string{
		"beyond the end":    {entry("F32", "2", "0,8"), "1234", `"a": bytes 0 to 8 of 4`},
		"backward":          {entry("F32", "1", "4,0"), "1234", "bytes 4 to 0"},
		"another shape":     {entry("F32", "2", "0,4"), "1234", "shape [2]"},
		"overflow":          {entry("U8", "4294967296,4294967297", "0,4"), "1234", "shape"},
		"a negative size":   {entry("F32", "-1", "0,4"), "1234", "size"},
		"a huge size":       {entry("F32", "99999999999999999999", "0,4"), "1234", "size"},
		"no such type":      {entry("F31", "1", "0,4"), "1234", "F31"},
		"a hole":            {entry("F32", "1", "4,8"), "12345678", "begins at byte 4"},
		"a rest":            {entry("F32", "1", "0,4"), "12345678", "end at byte 4"},
		"two of a name":     {`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "12", `two tensors "a"`},
		"overlapping":       {`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "123", "begins at byte 1"},
		"no offsets":        {`{"a":{"dtype":"U8","shape":[1]}}`, "1", "want dtype"},
		"an unknown key":    {`{"a":{"dtype":"U8","shape":[1],"x":1}}`, "1", `"x"`},
		"text behind":       {`{} x`, "", "the end"},
		"a string unclosed": {`{"a`, "", "string"},
		"many dimensions":   {entry("F32", strings.Repeat("1,", 40)+"1", "0,4"), "1234", "dimensions"},
	} {
		_, err := Parse("f", safetensorsFile(c[0], c[1]))
		if err == nil || !strings.Contains(err.Error(), c[2]) || !strings.Contains(err.Error(), "f: header") {
			t.Errorf("%s: %v, want %q", name, err, c[2])
		}
	}
}

// TestHostileONNX: tensors that lie, and graphs without end.
func TestHostileONNX(t *testing.T) {
	deep := []byte{}
	for range 40 {
		deep = message(nil, graphNode, message(text(nil, nodeOp, "If"), nodeAttr, message(text(nil, attrName, "b"), attrG, deep)))
	}
	tensor := func(dim, typ uint64, num protowire.Number, data string) []byte {
		return message(nil, graphInitializer, text(number(number(text(nil, tensorName, "t"), tensorDims, dim), tensorType, typ), num, data))
	}
	for name, c := range map[string]struct {
		graph []byte
		want  string
	}{
		"graphs without end": {deep, "graphs within graphs"},
		"too few":            {tensor(2, 1, tensorRaw, "1234"), `"t": 4 bytes`},
		"too many":           {tensor(1, 1, tensorRaw, "12345678"), `"t": 8 bytes`},
		"varints cut":        {tensor(2, 7, tensorInt64s, "\x01\x80"), `"t": 2 bytes`},
		"a huge dimension":   {tensor(1<<40, 1, tensorRaw, ""), "dimension 0"},
		"another file":       {message(nil, graphInitializer, number(text(nil, tensorName, "t"), tensorLocation, 1)), "another file"},
		"two of a name":      {append(tensor(1, 1, tensorRaw, "1234"), tensor(1, 1, tensorRaw, "1234")...), `two tensors "t"`},
	} {
		_, err := Parse("f", message(number(nil, modelIR, 8), modelGraph, c.graph))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "f: ") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// pickled is a file of torch.save with this pickle, and a storage 0 of four floats.
func pickled(text string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range [][2]string{{"a/data.pkl", text}, {"a/data/0", "\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40"}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m[0], Method: zip.Store})
		if err != nil {
			panic(err)
		}
		w.Write([]byte(m[1]))
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pickledTensor is the pickle of {"w": a tensor of storage 0}; offset, shape and stride are operations.
func pickledTensor(offset, shape, stride string) string {
	return "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ" +
		offset + shape + stride + "\x89NtRs."
}

// TestPickles: tensors that lie across a storage are put in order, and everything that a pickle should not do is refused or left out.
func TestPickles(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []float32
	}{
		"as it lies": {pickledTensor("K\x00", "K\x02K\x02\x86", "K\x02K\x01\x86"), []float32{1, 2, 3, 4}},
		"transposed": {pickledTensor("K\x00", "K\x02K\x02\x86", "K\x01K\x02\x86"), []float32{1, 3, 2, 4}},
		"a part":     {pickledTensor("K\x01", "K\x02\x85", "K\x02\x85"), []float32{2, 4}},
		"a number":   {pickledTensor("K\x03", ")", ")"), []float32{4}},
	} {
		f, err := Parse("f", pickled(c.text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := Values[float32](f.Tensor("w"))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	for name, c := range map[string][2]string{
		"beyond":         {pickledTensor("K\x00", "K\x05\x85", "K\x01\x85"), "shape [5]"},
		"strides beyond": {pickledTensor("K\x00", "K\x02\x85", "K\x04\x85"), "strides [4]"},
		"expanded":       {pickledTensor("K\x00", "J\xff\xff\xff\x7f\x85", "K\x00\x85"), "strides [0]"},
		"negative":       {pickledTensor("J\xff\xff\xff\xff", ")", ")"), "no shape"},
		"an odd dict":    {"}(K\x01u.", "without a value"},
		"no stop":        {"}", "ends too early"},
		"empty stack":    {".", "without its arguments"},
		"marks":          {strings.Repeat("(", 1<<15), "more objects"},
		"a long text":    {"X\xff\xff\xff\x7f.", "ends too early"},
		"itself":         {"]q\x00h\x00a.", "without end"},
		"far memory":     {"Nr\xff\xff\xff\x7f.", "out of turn"},
		"no operation":   {"\xff", "unknown operation"},
		"a module":       {"cnn\nModule\n)\x81}b.", "state_dict"},
	} {
		if _, err := Parse("f", pickled(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v, want %q", name, err, c[1])
		}
	}
	// Nothing is called, whatever its name.
	mark := filepath.Join(t.TempDir(), "mark")
	f, err := Parse("f", pickled(fmt.Sprintf("\x80\x02}(X\x01\x00\x00\x00acos\nsystem\nX%c\x00\x00\x00touch %s\x85RX\x01\x00\x00\x00bK\x01u.", len("touch "+mark), mark)))
	if _, gone := os.Stat(mark); err != nil || len(f.Tensors) != 0 || gone == nil {
		t.Errorf("%v, %v", err, f)
	}
}

// TestHostileShapes: shapes that fit each other but are of no layer.
func TestHostileShapes(t *testing.T) {
	none := []float32{}
	for name, f := range map[string]*File{
		"no directions":   {Tensors: []*Tensor{Of("W", []int{0, 16, 3}, none), Of("R", []int{0, 16, 4}, none)}},
		"no units":        {Tensors: []*Tensor{Of("W", []int{1, 0, 3}, none), Of("R", []int{1, 0, 0}, none)}},
		"three ways":      {Tensors: []*Tensor{Of("W", []int{3, 4, 1}, make([]float32, 12)), Of("R", []int{3, 4, 1}, make([]float32, 12))}},
		"no projection":   {Tensors: []*Tensor{Of("weight_ih", []int{1 << 16, 0}, none), Of("weight_hh", []int{1 << 16, 0}, none), Of("weight_hr", []int{0, 1 << 14}, none)}},
		"too many layers": {Tensors: []*Tensor{Of("weights_layer", []int{1 << 16, 1, 1, 4, 1}, make([]float32, 4<<16)), Of("weights_iter", []int{1 << 16, 1, 1, 4, 1}, make([]float32, 4<<16))}},
		"no inputs left":  {Tensors: []*Tensor{Of("kernel", []int{2, 16}, make([]float32, 32)), Of("bias", []int{16}, make([]float32, 16))}},
	} {
		for _, c := range Conventions() {
			if st, err := Stack[float32](f, c); err == nil {
				t.Errorf("%s: a stack of %d layers of %s", name, len(st.Layers), c.Name)
			}
		}
		Layers(f)
	}
}

// TestHostileMemory: no header makes the reader allocate more than twice the file and a few megabytes.
func TestHostileMemory(t *testing.T) {
	many := func(item string, n int) string { return strings.Repeat(item, n) }
	var tensors strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&tensors, `,"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
	}
	for name, header := range map[string]string{
		"dimensions": `{"a":{"dtype":"U8","shape":[` + many("1,", 1<<20) + `1]}}`,
		"metadata":   `{"__metadata__":{"a":"b"` + many(`,"a":"b"`, 1<<20) + `}}`,
		"nested":     `{"a":` + many(`{"a":`, 1<<20),
		"one string": `{"` + many(`\n`, 1<<21) + `":{}}`,
		"tensors":    "{" + tensors.String()[1:] + "}",
		"marks":      "PICK" + many("(", 1<<21),
		"lists":      "PICK" + many("]0", 1<<20),
		"numbers":    "PICK(" + many("K\x01", 1<<20) + "t.",
		"nodes":      "ONNX\x08\x08\x3a" + string(protowire.AppendVarint(nil, 2<<20)) + many("\x0a\x00", 1<<20),
		"inputs":     "ONNX\x08\x08\x3a" + string(protowire.AppendVarint(nil, 2<<20+5)) + "\x0a" + string(protowire.AppendVarint(nil, 2<<20)) + many("\x0a\x00", 1<<20),
	} {
		raw := safetensorsFile(header, "")
		if model, ok := strings.CutPrefix(header, "ONNX"); ok {
			raw = []byte(model)
		}
		if pickle, ok := strings.CutPrefix(header, "PICK"); ok {
			raw = pickled(pickle)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Parse("f", raw)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(2*len(raw)+8<<20); got > most {
			t.Errorf("%s: %d bytes for a file of %d, %v", name, got, len(raw), err)
		}
	}
}
