package arm64

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// The general registers are left to Go's assembler, which knows all of their instructions.
// What it would write as two instructions, through R27 or not, is refused here as well.

// Operands of Func.Go beside R, V and int, in Go's order.
type (
	// Mem is what lies at a distance from a register.
	Mem struct {
		Base R
		Off  int
	}
	// Shifted is a register times 2^By.
	Shifted struct {
		R  R
		By int
	}
	// Label is a place in the function, Word a condition such as LT or a register such as FPCR.
	Label string
	Word  string
	// Arg is an argument or a result of the function, by its name.
	Arg string
)

// general are the instructions that Func.Go writes: which values an int among the operands
// can have and, of loads and stores, the size.
var general = map[string]struct {
	immediate func(int) bool
	size      int
}{
	"ADD": {addend, 0}, "SUB": {addend, 0}, "CMP": {addend, 0}, "ADDS": {addend, 0}, "SUBS": {addend, 0},
	"AND": {mask, 0}, "ORR": {mask, 0}, "EOR": {mask, 0}, "TST": {mask, 0}, "BIC": {none, 0},
	"LSL": {distance, 0}, "LSR": {distance, 0}, "ASR": {distance, 0},
	"NEG": {none, 0}, "MVN": {none, 0}, "MUL": {none, 0}, "MADD": {none, 0}, "MSUB": {none, 0},
	"CSEL": {none, 0}, "CSINC": {none, 0}, "CSET": {none, 0},
	"MOVD": {constant, 8}, "MOVW": {none, 4}, "MOVWU": {none, 4}, "MOVHU": {none, 2}, "MOVBU": {none, 1},
	"FMOVS": {none, 4}, "FMOVD": {none, 8},
	"MRS": {none, 0}, "MSR": {none, 0},
	"CBZ": {none, 0}, "CBNZ": {none, 0}, "CBZW": {none, 0}, "CBNZW": {none, 0}, "TBZ": {distance, 0}, "TBNZ": {distance, 0},
	"B": {none, 0}, "BEQ": {none, 0}, "BNE": {none, 0}, "BLT": {none, 0}, "BLE": {none, 0}, "BGT": {none, 0}, "BGE": {none, 0},
	"BLO": {none, 0}, "BLS": {none, 0}, "BHI": {none, 0}, "BHS": {none, 0}, "BMI": {none, 0}, "BPL": {none, 0},
	"RET": {none, 0},
}

func none(int) bool { return false }

func distance(x int) bool { return 0 <= x && x < 64 }

// addend: twelve bits, or twelve bits at 12.
func addend(x int) bool { return 0 <= x && (x < 1<<12 || x&0xFFF == 0 && x < 1<<24) }

// mask: ones in a row, if need be around the end. The repeated patterns are not needed.
func mask(x int) bool {
	run := func(u uint64) bool { return u != 0 && bits.OnesCount64(u+u&-u) <= 1 }
	return run(uint64(x)) && x != -1 || run(^uint64(x)) && x != 0
}

// constant: sixteen bits at 0, 16, 32 or 48, among zeros or among ones.
func constant(x int) bool {
	for shift := 0; shift < 64; shift += 16 {
		if part := uint64(0xFFFF) << shift; uint64(x)&^part == 0 || ^uint64(x)&^part == 0 {
			return true
		}
	}
	return false
}

// near reports whether a load or store reaches this far: forward in steps of its size, or a
// little in both directions.
func near(off, size int) bool {
	return 0 <= off && off%size == 0 && off/size < 4096 || -256 <= off && off < 256
}

// operandText is how Go's assembler writes an operand, or an error if the instruction cannot
// have it.
func (f *Func) operandText(mnemonic string, operand any) (string, error) {
	rule := general[mnemonic]
	register := func(r R, text string) (string, error) {
		if !r.usable() && !(r == SP && strings.HasSuffix(text, "(RSP)")) {
			return "", fmt.Errorf("%v is reserved", r)
		}
		return text, nil
	}
	switch o := operand.(type) {
	case R:
		return register(o, o.String())
	case V:
		if rule.size == 0 || o < 0 || o > 31 {
			return "", fmt.Errorf("V%d cannot stand here", o)
		}
		return "F" + strconv.Itoa(int(o)), nil
	case int:
		if !rule.immediate(o) {
			return "", fmt.Errorf("%d needs more than one instruction", o)
		}
		return "$" + strconv.Itoa(o), nil
	case Mem:
		if rule.size == 0 || !near(o.Off, rule.size) {
			return "", fmt.Errorf("%v is not %d bytes within reach", o, rule.size)
		}
		if o.Off == 0 {
			return register(o.Base, "("+o.Base.String()+")")
		}
		return register(o.Base, fmt.Sprintf("%d(%v)", o.Off, o.Base))
	case Shifted:
		if rule.size != 0 || !distance(o.By) {
			return "", fmt.Errorf("no shift by %d here", o.By)
		}
		return register(o.R, fmt.Sprintf("%v<<%d", o.R, o.By))
	case Label:
		if o != "" { // a block that is only counted has no label
			f.jumps = append(f.jumps, o)
		}
		return string(o), nil
	case Word:
		return string(o), nil
	case Arg:
		p, ok := f.arg(o)
		if !ok || p.size() != rule.size {
			return "", fmt.Errorf("no argument %s of %d bytes", o, rule.size)
		}
		return fmt.Sprintf("%s+%d(FP)", o, p.offset), nil
	}
	return "", fmt.Errorf("%v is a %T", operand, operand)
}
