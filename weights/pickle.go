package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/elbow-go/elbow/internal/array"
)

// This file reads a state dict out of a pickle without executing anything: of all that a pickle may name, it knows
// OrderedDict, the storages of PyTorch and the function that makes a tensor of one. Any other object
// is left out, with all that it would do.
//
// github.com/nlpodyssey/gopickle v0.3.0 reads pickles too, but panics on some that are damaged (an odd number of
// items of a dict), and takes 256 bytes for each byte of one that is made to.

// The values of a pickle beside string, int, bool and nil.
type (
	pyDict   struct{ keys, values []any }
	pyList   struct{ items []any }
	pyTuple  []any
	pyGlobal string // module and name
	pyOther  struct{}
	pyMark   struct{}

	pyStorage struct {
		dtype DType
		key   string
	}
)

// Bounds of what a pickle may hold: each of these takes some memory that a byte of it does not pay for.
const (
	maxPickled = 8 * maxTensors // objects and references to them
	maxStack   = 1 << 14
)

// storageTypes are the types of elements by the names of their storages.
var storageTypes = map[pyGlobal]DType{
	"torch DoubleStorage": F64, "torch FloatStorage": F32, "torch HalfStorage": F16, "torch BFloat16Storage": BF16, "torch LongStorage": I64,
	"torch IntStorage": I32, "torch ShortStorage": I16, "torch CharStorage": I8, "torch ByteStorage": U8, "torch BoolStorage": Bool,
}

// unpickler is a stack machine, as pickles are programs for one.
type unpickler struct {
	text    []byte
	at      int
	stack   []any
	memo    []any
	objects int

	tensor func(s *pyStorage, offset int, shape, stride []int) (*Tensor, error)
}

var errPickleEnds = errors.New("it ends too early")

func (u *unpickler) take(n int) ([]byte, error) {
	if n < 0 || n > len(u.text)-u.at {
		return nil, errPickleEnds
	}
	u.at += n
	return u.text[u.at-n : u.at], nil
}

// size reads a length or a number of n bytes, little-endian.
func (u *unpickler) size(n int) (int, error) {
	var b [8]byte
	raw, err := u.take(n)
	copy(b[:], raw)
	if v := binary.LittleEndian.Uint64(b[:]); err == nil && v > math.MaxInt32 {
		err = errPickleEnds
	} else if err == nil {
		return int(v), nil
	}
	return 0, err
}

func (u *unpickler) push(v any) error {
	if u.objects++; u.objects > maxPickled || len(u.stack) >= maxStack {
		return errors.New("more objects than a state dict has")
	}
	u.stack = append(u.stack, v)
	return nil
}

func (u *unpickler) pop() (v any, err error) {
	if len(u.stack) == 0 {
		return nil, errors.New("an operation without its arguments")
	}
	v = u.stack[len(u.stack)-1]
	u.stack = u.stack[:len(u.stack)-1]
	return v, nil
}

// popMark returns a copy of what is above the last mark.
func (u *unpickler) popMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, ok := u.stack[i].(pyMark); ok {
			items := slices.Clone(u.stack[i+1:])
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("no mark")
}

// load runs the pickle and returns its value.
func (u *unpickler) load() (any, error) {
	for {
		op, err := u.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' {
			return u.pop()
		}
		at := u.at - 1
		known, err := u.constant(op[0])
		if !known && err == nil {
			known, err = u.build(op[0])
		}
		if !known && err == nil {
			err = fmt.Errorf("unknown operation %#x", op[0])
		}
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
	}
}

// constant runs an operation that pushes what follows it.
func (u *unpickler) constant(op byte) (known bool, err error) {
	sized := map[byte]int{'X': 4, 'T': 4, 'B': 4, 0x8c: 1, 'U': 1, 'C': 1, 0x8d: 8, 0x8e: 8} // texts and bytes, behind a length of so many bytes
	var v any
	switch op {
	case 0x80: // protocol
		_, err := u.take(1)
		return true, err
	case 0x95: // frame
		_, err := u.take(8)
		return true, err
	case 'X', 'T', 'B', 0x8c, 'U', 'C', 0x8d, 0x8e:
		n, err := u.size(sized[op])
		if err != nil {
			return true, err
		}
		text, err := u.take(n)
		if err != nil {
			return true, err
		}
		v = string(text)
	case 'K', 'M':
		v, err = u.size(map[byte]int{'K': 1, 'M': 2}[op])
	case 'J':
		var raw []byte
		if raw, err = u.take(4); err == nil {
			v = int(int32(binary.LittleEndian.Uint32(raw)))
		}
	case 0x8a:
		v, err = u.long()
	case 'G':
		_, err = u.take(8)
		v = pyOther{}
	case 'N':
	case 0x88, 0x89:
		v = op == 0x88
	case '(':
		v = pyMark{}
	case '}':
		v = &pyDict{}
	case ']', 0x8f: // list, set
		v = &pyList{}
	case ')':
		v = pyTuple{}
	case 'c':
		var module, name []byte
		if module, err = u.line(); err == nil {
			name, err = u.line()
		}
		v = pyGlobal(string(module) + " " + string(name))
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	return true, u.push(v)
}

func (u *unpickler) line() ([]byte, error) {
	n := bytes.IndexByte(u.text[u.at:], '\n')
	if n < 0 {
		return nil, errPickleEnds
	}
	text, err := u.take(n + 1)
	return bytes.TrimSuffix(text, []byte("\n")), err
}

// long reads an integer of up to 8 bytes; a longer one is no number that a tensor has.
func (u *unpickler) long() (any, error) {
	n, err := u.size(1)
	if err != nil {
		return nil, err
	}
	raw, err := u.take(n)
	if err != nil || n > 8 {
		return pyOther{}, err
	}
	v := uint64(0)
	for i, b := range raw {
		v |= uint64(b) << (8 * i)
	}
	if n > 0 && n < 8 && raw[n-1] >= 0x80 {
		v |= math.MaxUint64 << (8 * n)
	}
	return int(v), nil
}

// build runs an operation on the stack.
func (u *unpickler) build(op byte) (known bool, err error) {
	switch op {
	case 't':
		items, err := u.popMark()
		if err != nil {
			return true, err
		}
		return true, u.push(pyTuple(items))
	case 0x85, 0x86, 0x87:
		n := int(op - 0x84)
		if len(u.stack) < n {
			return true, errors.New("an operation without its arguments")
		}
		items := slices.Clone(u.stack[len(u.stack)-n:])
		u.stack = u.stack[:len(u.stack)-n]
		return true, u.push(pyTuple(items))
	case 'q', 'r', 0x94:
		return true, u.put(op)
	case 'h', 'j':
		n, err := u.size(map[byte]int{'h': 1, 'j': 4}[op])
		if err == nil && n >= len(u.memo) {
			err = errors.New("a reference to nothing")
		}
		if err != nil {
			return true, err
		}
		return true, u.push(u.memo[n])
	case 's', 'u', 'a', 'e', 0x90:
		return true, u.addItems(op)
	case '0':
		_, err := u.pop()
		return true, err
	case 0x93, 0x81, 'R', 'b', 'Q':
		return true, u.call(op)
	}
	return false, nil
}

// put remembers the top of the stack. Numbers are given in turn.
func (u *unpickler) put(op byte) error {
	n, err := len(u.memo), error(nil)
	if op != 0x94 {
		n, err = u.size(map[byte]int{'q': 1, 'r': 4}[op])
	}
	if err == nil && (n > len(u.memo) || n >= maxPickled || len(u.stack) == 0) {
		err = errors.New("a memory out of turn")
	}
	if err != nil {
		return err
	}
	if n == len(u.memo) {
		u.memo = append(u.memo, nil)
	}
	u.memo[n] = u.stack[len(u.stack)-1]
	return nil
}

// addItems adds to the list or dict below what is on the stack.
func (u *unpickler) addItems(op byte) error {
	var items []any
	var err error
	switch op {
	case 'a', 's':
		for range map[byte]int{'a': 1, 's': 2}[op] {
			var v any
			if v, err = u.pop(); err != nil {
				return err
			}
			items = slices.Insert(items, 0, v)
		}
	default:
		if items, err = u.popMark(); err != nil {
			return err
		}
	}
	if len(u.stack) == 0 {
		return errors.New("items of nothing")
	}
	switch to := u.stack[len(u.stack)-1].(type) {
	case *pyList:
		to.items = append(to.items, items...)
	case *pyDict:
		if len(items)%2 != 0 {
			return errors.New("a key without a value")
		}
		for i := 0; i < len(items); i += 2 {
			to.keys, to.values = append(to.keys, items[i]), append(to.values, items[i+1])
		}
	}
	return nil
}

// call runs an operation that would make an object: of what is known, that; of all else, nothing.
func (u *unpickler) call(op byte) error {
	arg, err := u.pop()
	if err != nil {
		return err
	}
	if op == 'Q' {
		return u.storage(arg)
	}
	callee, err := u.pop()
	if err != nil {
		return err
	}
	var made any = pyOther{}
	args, _ := arg.(pyTuple)
	switch name, _ := callee.(pyGlobal); {
	case op == 'b': // attributes of an object, which nobody asks for
		made = callee
	case op == 0x93:
		module, ok := callee.(string)
		name, ok2 := arg.(string)
		if !ok || !ok2 {
			return errors.New("a name that is no text")
		}
		made = pyGlobal(module + " " + name)
	case name == "collections OrderedDict":
		made = &pyDict{}
	case name == "torch._utils _rebuild_parameter" && len(args) > 0:
		made = args[0]
	case name == "torch._utils _rebuild_tensor_v2":
		if made, err = u.rebuild(args); err != nil {
			return err
		}
	}
	return u.push(made)
}

// storage pushes what a persistent id names: ("storage", its type, its key, a device, its length).
func (u *unpickler) storage(id any) error {
	t, _ := id.(pyTuple)
	if len(t) < 5 || t[0] != any("storage") {
		return errors.New("a persistent id that is no storage")
	}
	typ, ok := t[1].(pyGlobal)
	key, ok2 := t[2].(string)
	if !ok || !ok2 {
		return errors.New("a storage without a type or a key")
	}
	s := &pyStorage{storageTypes[typ], key}
	if s.dtype == "" {
		return u.push(pyOther{})
	}
	return u.push(s)
}

// rebuild makes a tensor of (storage, offset, shape, stride, ...).
func (u *unpickler) rebuild(args pyTuple) (any, error) {
	if len(args) < 4 {
		return nil, errors.New("a tensor without its arguments")
	}
	s, ok := args[0].(*pyStorage)
	if !ok {
		return pyOther{}, nil
	}
	offset, ok := args[1].(int)
	shape, ok2 := sizesOf(args[2])
	stride, ok3 := sizesOf(args[3])
	if !ok || !ok2 || !ok3 || offset < 0 || len(shape) != len(stride) || len(shape) > maxRank {
		return nil, errors.New("a tensor of no shape")
	}
	return u.tensor(s, offset, shape, stride)
}

func sizesOf(v any) (sizes []int, ok bool) {
	t, ok := v.(pyTuple)
	sizes = []int{}
	for _, x := range t {
		n, isInt := x.(int)
		ok = ok && isInt && n >= 0 && n <= math.MaxInt32
		sizes = append(sizes, n)
	}
	return sizes, ok
}

// strided returns a tensor of elements that lie in a storage with the given strides.
func strided(storage []byte, of func([]byte) func() []byte, dtype DType, offset int, shape, stride []int) (*Tensor, error) {
	width := dtype.Width()
	n, ok := array.Count(shape, len(storage)/width)
	last, plain, step := offset, true, 1
	for d := len(shape) - 1; d >= 0 && n > 0; d-- {
		last += (shape[d] - 1) * stride[d]
		plain = plain && (shape[d] == 1 || stride[d] == step)
		step *= shape[d]
	}
	if !ok || n > 0 && (last < 0 || last >= len(storage)/width) {
		return nil, fmt.Errorf("shape %v, offset %d and strides %v, of %d elements", shape, offset, stride, len(storage)/width)
	}
	t := &Tensor{Shape: shape, DType: dtype}
	switch {
	case n == 0:
		t.bytes = of(nil)
	case plain:
		t.bytes = of(storage[offset*width : (offset+n)*width])
	default:
		whole := of(storage)
		t.bytes = func() []byte { return gathered(whole(), width, offset, shape, stride) }
	}
	return t, nil
}

// gathered returns the elements with the given strides in C order.
func gathered(storage []byte, width, offset int, shape, stride []int) []byte {
	var raw []byte
	index := make([]int, len(shape))
	for {
		at := offset
		for d, i := range index {
			at += i * stride[d]
		}
		raw = append(raw, storage[at*width:(at+1)*width]...)
		d := len(shape) - 1
		for ; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
		if d < 0 {
			return raw
		}
	}
}

// flatten lists the tensors in a value by the keys on the way to them, with dots between.
func flatten(v any, name string, depth int, visits *int, add func(name string, t *Tensor) error) error {
	if *visits++; *visits > maxPickled || depth > maxDepth {
		return errors.New("dicts and lists within each other without end")
	}
	if len(name) > maxName {
		return fmt.Errorf("a key of more than %d bytes", maxName)
	}
	join := func(key string) string {
		if len(key) > maxName || name == "" {
			return key
		}
		return name + "." + key
	}
	switch v := v.(type) {
	case *Tensor:
		return add(name, v)
	case *pyDict:
		for i, k := range v.keys {
			key, ok := k.(string)
			if n, isInt := k.(int); isInt {
				key, ok = strconv.Itoa(n), true
			}
			if !ok {
				continue
			}
			if err := flatten(v.values[i], join(key), depth+1, visits, add); err != nil {
				return err
			}
		}
	case *pyList:
		for i, x := range v.items {
			if err := flatten(x, join(strconv.Itoa(i)), depth+1, visits, add); err != nil {
				return err
			}
		}
	}
	return nil
}
