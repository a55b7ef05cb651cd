package arm64

import (
	"fmt"
	"strconv"
	"strings"
)

// Code is one instruction in its three spellings, which come from one row of the table.
type Code struct {
	Word  uint32
	GNU   string  // as GNU's assembler and LLVM write it
	Go    string  // as Go's assembler writes it, if it knows it at all
	since version // the first one that does
}

// Enc encodes the form of that name in the table. Its operands are V, R and int in GNU's
// order: registers before their lane, a base before its offset.
func Enc(name string, operands ...any) (Code, error) {
	ins, ok := instructions[name]
	if !ok {
		return Code{}, fmt.Errorf("arm64: no instruction %s", name)
	}
	code, err := ins.encode(operands)
	if err != nil {
		return Code{}, fmt.Errorf("arm64: %s%v: %w", name, operands, err)
	}
	return code, nil
}

// An instruction is a form in one arrangement, with its text taken apart.
type instruction struct {
	name     string
	word     uint32
	gnuName  string
	goName   string
	since    version
	operands []operand
}

// An operand is a class with the arrangement it has in this instruction, or a fixed text.
type operand struct {
	class
	arrangement string
}

var instructions = map[string]*instruction{}

// names has those of all instructions in the order of the table.
var names []string

func init() {
	for _, f := range forms {
		first, _, _ := strings.Cut(f.arrangements, " ")
		for _, arrangement := range strings.Split(f.arrangements, " ") {
			name := f.name
			if arrangement != first {
				name += "." + arrangement
			}
			if instructions[name] != nil {
				panic("arm64: " + name + " stands in the table twice")
			}
			instructions[name] = f.in(name, first, arrangement)
			names = append(names, name)
		}
	}
}

// in takes the text of a form apart for one of its arrangements.
func (f form) in(name, first, arrangement string) *instruction {
	words := strings.Split(f.text, " ")
	ins := &instruction{name: name, word: f.base, gnuName: words[0], goName: f.goName, since: f.since}
	sized := false
	for _, w := range words[1:] {
		if text, ok := strings.CutPrefix(w, "'"); ok {
			ins.operands = append(ins.operands, operand{class: class{gnu: text, goText: fixed[text]}})
			continue
		}
		// Vd.T, Vm.T[e], {Vn.16b}, {Vd.s}[l], #left.T: the arrangement ends at a bracket.
		arr := ""
		if dot := strings.IndexByte(w, '.'); dot >= 0 {
			end := len(w)
			if n := strings.IndexAny(w[dot:], "}["); n >= 0 {
				end = dot + n
			}
			arr = w[dot+1 : end]
			w = w[:dot] + w[end:]
		}
		if arr == "T" {
			arr = arrangement
		}
		c, ok := classes[w]
		if !ok {
			panic("arm64: " + name + " has an operand of no class: " + w)
		}
		sized = sized || c.sized
		ins.operands = append(ins.operands, operand{c, arr})
	}
	if !sized && arrangement != first {
		ins.word += uint32(sizeField(arrangement)-sizeField(first)) << 22
	}
	return ins
}

// lane is the size of a lane in bits, and sizeField what most encodings write for it.
func lane(arrangement string) int {
	if arrangement == "" {
		return 32
	}
	return 8 << sizeField(arrangement)
}

func sizeField(arrangement string) int {
	return strings.IndexByte("bhsd", arrangement[len(arrangement)-1])
}

func (ins *instruction) encode(values []any) (Code, error) {
	word, gnu, goText := ins.word, []string(nil), []string(nil)
	for _, op := range ins.operands {
		if len(values) < len(op.numbers) {
			return Code{}, fmt.Errorf("too few operands")
		}
		bits, numbers, err := op.bits(values)
		if err != nil {
			return Code{}, err
		}
		values = values[len(op.numbers):]
		word |= bits
		gnu = append(gnu, op.write(op.gnu, op.arrangement, numbers))
		if op.goText != "" {
			goText = append(goText, op.write(op.goText, goArrangement(op.arrangement), numbers))
		}
	}
	if len(values) > 0 {
		return Code{}, fmt.Errorf("too many operands")
	}
	if !strings.HasPrefix(ins.gnuName, "st") { // Go writes the destination last, as stores do anyway
		for i, j := 0, len(goText)-1; i < j; i, j = i+1, j-1 {
			goText[i], goText[j] = goText[j], goText[i]
		}
	}
	return Code{
		Word:  word,
		GNU:   memory.Replace(ins.gnuName + " " + strings.Join(gnu, ", ")),
		Go:    memory.Replace(ins.goName + " " + strings.Join(goText, ", ")),
		since: ins.since,
	}, nil
}

// memory makes the texts of addresses those that people write.
var memory = strings.NewReplacer(", #0]", "]", " 0(", " (", "[x31", "[sp", "(R31)", "(RSP)")

// bits checks the numbers of an operand and packs them.
func (op operand) bits(values []any) (bits uint32, numbers []int, err error) {
	size := lane(op.arrangement)
	for i, n := range op.numbers {
		x, err := n.check(values[i], size)
		if err != nil {
			return 0, nil, err
		}
		bits |= n.bits(x, size)
		numbers = append(numbers, x)
	}
	if op.distinct && numbers[0] == numbers[1] {
		return 0, nil, fmt.Errorf("registers must differ")
	}
	return bits, numbers, nil
}

func (n number) check(value any, size int) (x int, err error) {
	kind := byte(0)
	switch v := value.(type) {
	case V:
		kind, x = 'v', int(v)
	case R:
		kind, x = 'r', int(v)
		if n.kind == 'b' {
			kind = 'b'
		}
		if !v.usable() && !(kind == 'b' && v == SP) {
			return 0, fmt.Errorf("%v is reserved", v)
		}
	case int:
		kind, x = '#', v
	}
	if kind != n.kind {
		return 0, fmt.Errorf("%v is a %T", value, value)
	}
	low, high, unit := n.span(size)
	if x < low || x > high || x%unit != 0 {
		return 0, fmt.Errorf("%d is not within %d to %d by %d", x, low, high, unit)
	}
	return x, nil
}

// write fills the text of a class. The numbers are looked for in the text of the class alone,
// not in what has been filled in.
func (op operand) write(text, arrangement string, numbers []int) string {
	if len(op.numbers) == 0 {
		return text
	}
	letter := ""
	switch {
	case arrangement == "4b": // groups of bytes keep their size
		letter = arrangement
	case arrangement != "":
		letter = strings.Trim(arrangement, "0123456789")
	}
	first := numbers[0]
	pairs := []string{"0", strconv.Itoa(first), "T", arrangement, "L", letter}
	for _, plus := range []string{"+++", "++", "+"} { // registers follow each other in a circle
		pairs = append(pairs, plus, strconv.Itoa((first+len(plus))%32))
	}
	if len(numbers) > 1 {
		pairs = append(pairs, "1", strconv.Itoa(numbers[1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// goArrangement turns 4s into S4.
func goArrangement(arrangement string) string {
	letter := strings.Trim(arrangement, "0123456789")
	return strings.ToUpper(letter) + strings.TrimSuffix(arrangement, letter)
}
