package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/elbow-go/elbow/internal/array"
)

// The numbers of the fields that are read and written, of onnx.proto3.
const (
	modelIR       = 1
	modelProducer = 2
	modelGraph    = 7
	modelOpset    = 8
	modelMeta     = 14

	entryKey   = 1 // of metadata: StringStringEntryProto
	entryValue = 2

	graphNode        = 1
	graphName        = 2
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12

	nodeInput  = 1
	nodeOutput = 2
	nodeName   = 3
	nodeOp     = 4
	nodeAttr   = 5

	attrName    = 1
	attrF       = 2
	attrI       = 3
	attrS       = 4
	attrT       = 5
	attrG       = 6
	attrFloats  = 7
	attrInts    = 8
	attrStrings = 9
	attrGraphs  = 11
	attrType    = 20

	tensorDims     = 1
	tensorType     = 2
	tensorFloats   = 4
	tensorInt32s   = 5
	tensorInt64s   = 7
	tensorName     = 8
	tensorRaw      = 9
	tensorDoubles  = 10
	tensorUint64s  = 11
	tensorLocation = 14
)

// onnxTypes are the types of elements by their numbers.
var onnxTypes = map[uint64]DType{1: F32, 2: U8, 3: I8, 4: U16, 5: I16, 6: I32, 7: I64, 9: Bool, 10: F16, 11: F64, 12: U32, 13: U64, 14: "C64", 16: BF16,
	17: "F8_E4M3", 19: "F8_E5M2"}

const onnxString = 8

// maxDepth bounds graphs within graphs.
const maxDepth = 32

// Node is a node of an ONNX graph that computes with weights: RNN, LSTM, GRU, Conv, Gemm, MatMul or the Add that may
// follow one.
type Node struct {
	Name    string // its own, or that of its first output
	Op      string
	Inputs  []string // an empty one is left out
	Outputs []string

	attributes []byte // messages, one after the other, each behind its length
	scope      *scope
}

// A scope is a graph: the tensors that its nodes see by their names are its own and those of the graphs around it.
type scope struct {
	tensors map[string]*Tensor
	around  *scope
	path    string // of the node and the branch, before names that there are already
}

// find returns the constant of that name, or nil.
func (s *scope) find(name string) *Tensor {
	for ; s != nil && name != ""; s = s.around {
		if t := s.tensors[name]; t != nil {
			return t
		}
	}
	return nil
}

// constant returns input i of a node if it is there, and the tensor if that is a constant.
func (n *Node) constant(i int) (t *Tensor, there bool) {
	if i >= len(n.Inputs) || n.Inputs[i] == "" {
		return nil, false
	}
	return n.scope.find(n.Inputs[i]), true
}

// A field is a field of a message: a number, or the bytes of anything longer.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64
	bytes []byte
}

// fields calls visit for all fields of a message.
func fields(raw []byte, visit func(f field) error) error {
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return protowire.ParseError(n)
		}
		f := field{num: num, typ: typ}
		raw = raw[n:]
		switch typ {
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(raw)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(raw)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(raw)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(raw)
		default:
			n = protowire.ConsumeFieldValue(num, typ, raw)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		raw = raw[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// isONNX reports whether a file is a protobuf message with a graph. The format has no mark of its own.
func isONNX(raw []byte) bool {
	graph := false
	err := fields(raw, func(f field) error {
		graph = graph || f.num == modelGraph && f.typ == protowire.BytesType
		return nil
	})
	return len(raw) > 0 && (err == nil && graph || raw[0] == modelIR<<3)
}

// onnxReader reads a model.
type onnxReader struct {
	f     *File
	names map[string]bool // of tensors that are listed
	words int             // inputs and outputs of nodes
	last  Node            // the one that is read: most are not kept
}

func readONNX(f *File, raw []byte) error {
	r := &onnxReader{f: f, names: map[string]bool{}}
	f.Meta = map[string]string{}
	return fields(raw, func(x field) error {
		switch x.num {
		case modelGraph:
			return r.graph(x.bytes, &scope{tensors: map[string]*Tensor{}}, 0)
		case modelMeta:
			var key, value string
			err := fields(x.bytes, func(x field) error {
				switch x.num {
				case entryKey:
					key = string(x.bytes)
				case entryValue:
					value = string(x.bytes)
				}
				return nil
			})
			if len(f.Meta) == maxMeta {
				return fmt.Errorf("more than %d entries of metadata", maxMeta)
			}
			f.Meta[key] = value
			return err
		}
		return nil
	})
}

// graph reads a graph: first all initialisers, which may stand behind the nodes that use them.
func (r *onnxReader) graph(raw []byte, s *scope, depth int) error {
	if depth == maxDepth {
		return fmt.Errorf("graphs within graphs, more than %d", maxDepth)
	}
	err := fields(raw, func(x field) error {
		if x.num != graphInitializer {
			return nil
		}
		t, err := r.tensor(x.bytes)
		if err != nil || t == nil {
			return err
		}
		return r.add(s, t.Name, t)
	})
	if err != nil {
		return err
	}
	return fields(raw, func(x field) error {
		if x.num != graphNode {
			return nil
		}
		return r.node(x.bytes, s, depth)
	})
}

// add lists a constant under its name, with the path of the graph if there is one of that name already.
func (r *onnxReader) add(s *scope, name string, t *Tensor) error {
	if len(r.f.Tensors) == maxTensors {
		return fmt.Errorf("more than %d tensors", maxTensors)
	}
	s.tensors[name] = t
	if t.Name = name; r.names[name] {
		if t.Name = s.path + name; r.names[t.Name] {
			return fmt.Errorf("two tensors %.60q", t.Name)
		}
	}
	r.names[t.Name] = true
	r.f.Tensors = append(r.f.Tensors, t)
	return nil
}

// node reads a node: what it computes with, the constant that it is, the graphs within it.
func (r *onnxReader) node(raw []byte, s *scope, depth int) error {
	n := &r.last
	*n = Node{scope: s}
	err := fields(raw, func(x field) error {
		switch x.num {
		case nodeOp:
			n.Op = string(x.bytes)
		case nodeName:
			n.Name = string(x.bytes)
		case nodeInput, nodeOutput:
			if r.words++; r.words > 8*maxTensors {
				return errors.New("too many inputs and outputs")
			}
			if x.num == nodeInput {
				n.Inputs = append(n.Inputs, string(x.bytes))
			} else {
				n.Outputs = append(n.Outputs, string(x.bytes))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n.Name == "" && len(n.Outputs) > 0 {
		n.Name = n.Outputs[0]
	}
	switch n.Op {
	case "Constant":
		return r.constant(raw, n, s)
	case "Identity":
		if t := s.find(first(n.Inputs)); t != nil {
			return r.add(s, first(n.Outputs), t.as(""))
		}
		return nil
	case "RNN", "LSTM", "GRU", "Gemm", "MatMul", "Add", "Conv":
		if len(r.f.Nodes) == maxTensors {
			return fmt.Errorf("more than %d nodes", maxTensors)
		}
		kept := *n
		kept.attributes = raw
		r.f.Nodes = append(r.f.Nodes, &kept)
		return nil
	}
	path := s.path + n.Name + "/"
	return attributes(raw, func(name string, a []byte) error {
		return fields(a, func(x field) error {
			if x.num != attrG && x.num != attrGraphs {
				return nil
			}
			return r.graph(x.bytes, &scope{map[string]*Tensor{}, s, path + name + "/"}, depth+1)
		})
	})
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// attributes calls visit for all attributes of a node.
func attributes(raw []byte, visit func(name string, a []byte) error) error {
	return fields(raw, func(x field) error {
		if x.num != nodeAttr {
			return nil
		}
		name := ""
		if err := fields(x.bytes, func(x field) error {
			if x.num == attrName {
				name = string(x.bytes)
			}
			return nil
		}); err != nil {
			return err
		}
		return visit(name, x.bytes)
	})
}

// constant reads a Constant node, whose value is a tensor, a number or a list of numbers.
func (r *onnxReader) constant(raw []byte, n *Node, s *scope) error {
	return attributes(raw, func(name string, a []byte) error {
		return fields(a, func(x field) error {
			var t *Tensor
			var err error
			switch {
			case name == "value" && x.num == attrT:
				t, err = r.tensor(x.bytes)
			case name == "value_float" && x.num == attrF:
				t = Of("", nil, []float32{math.Float32frombits(uint32(x.value))})
			case name == "value_floats" && x.num == attrFloats && x.typ == protowire.BytesType && len(x.bytes)%4 == 0:
				t = &Tensor{Shape: []int{len(x.bytes) / 4}, DType: F32, bytes: r.f.file.slice(x.bytes)}
			}
			if err != nil || t == nil {
				return err
			}
			return r.add(s, first(n.Outputs), t)
		})
	})
}

// tensor reads a tensor. One of text is left out.
func (r *onnxReader) tensor(raw []byte) (*Tensor, error) {
	t, typ := &Tensor{Shape: []int{}}, uint64(0)
	var data, packed []byte
	plain := false
	err := fields(raw, func(x field) error {
		switch x.num {
		case tensorName:
			t.Name = string(x.bytes)
		case tensorType:
			typ = x.value
		case tensorDims:
			return t.addDims(x)
		case tensorLocation:
			if x.value != 0 {
				return errors.New("its elements are in another file: save the model in one")
			}
		case tensorRaw:
			data, plain = x.bytes, true
		case tensorFloats, tensorDoubles:
			data = extend(data, x, map[protowire.Number]int{tensorFloats: 4, tensorDoubles: 8}[x.num])
			plain = true
		case tensorInt32s, tensorInt64s, tensorUint64s:
			if x.typ == protowire.VarintType {
				packed = protowire.AppendVarint(packed, x.value)
			} else {
				packed = extend(packed, x, 1)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tensor %.60q: %w", t.Name, err)
	}
	if typ == onnxString {
		return nil, nil
	}
	known := false
	if t.DType, known = onnxTypes[typ]; !known {
		t.DType = DType(fmt.Sprintf("ONNX type %d", typ))
		return t, nil
	}
	width := t.DType.Width()
	n, ok := array.Count(t.Shape, len(raw))
	if plain || len(packed) == 0 {
		t.bytes, ok = r.f.file.slice(data), ok && len(data) == n*width
	} else {
		t.bytes, ok = unpack(r.f.file.slice(packed), n, width), ok && numbersIn(packed) == n
	}
	if !ok {
		return nil, fmt.Errorf("tensor %.60q: %d bytes of elements, which is not shape %v of %s", t.Name, len(data)+len(packed), t.Shape, t.DType)
	}
	return t, nil
}

// addDims adds dimensions, one or a packed list.
func (t *Tensor) addDims(x field) error {
	list := x.bytes
	if x.typ == protowire.VarintType {
		list = protowire.AppendVarint(nil, x.value)
	}
	for len(list) > 0 {
		v, n := protowire.ConsumeVarint(list)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if v > math.MaxInt32 || len(t.Shape) == maxRank {
			return fmt.Errorf("dimension %d of size %d", len(t.Shape), v)
		}
		t.Shape, list = append(t.Shape, int(v)), list[n:]
	}
	return nil
}

// extend appends the elements of a field, which a file has in one piece or one by one. The one piece stays where
// it is.
func extend(data []byte, x field, width int) []byte {
	switch { // append copies a piece of the file, which has no room behind it
	case x.typ == protowire.Fixed32Type && width == 4:
		return binary.LittleEndian.AppendUint32(data, uint32(x.value))
	case x.typ == protowire.Fixed64Type && width == 8:
		return binary.LittleEndian.AppendUint64(data, x.value)
	case data == nil:
		return x.bytes[:len(x.bytes):len(x.bytes)]
	}
	return append(data, x.bytes...)
}

// numbersIn returns how many varints there are.
func numbersIn(packed []byte) int {
	n := 0
	for _, b := range packed {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// unpack returns a function that decodes n varints as numbers of width bytes.
func unpack(packed func() []byte, n, width int) func() []byte {
	return func() []byte {
		list, raw := packed(), make([]byte, 0, n*width)
		for range n {
			v, k := protowire.ConsumeVarint(list)
			if k < 0 { // too long for a number
				v, k = 0, 1
			}
			list = list[k:]
			for range width {
				raw = append(raw, byte(v))
				v >>= 8
			}
		}
		return raw
	}
}
