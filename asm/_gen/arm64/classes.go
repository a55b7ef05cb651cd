package arm64

import "strconv"

// V and R are a vector register and a general register as operands of Enc; an int is a lane,
// an amount or an offset.
type (
	V int
	R int
)

// SP is the stack pointer, which only loads and stores take: see Func.Local.
const SP R = 31

func (r R) String() string {
	if r == SP {
		return "RSP"
	}
	return "R" + strconv.Itoa(int(r))
}

// usable reports whether generated code may have the register: not R16 and R17, which the
// linker's jumps use, R18 of the system, R27 of Go's assembler, R28 the goroutine, and the
// frame pointer, link register and stack pointer.
func (r R) usable() bool { return 0 <= r && r <= 15 || 19 <= r && r <= 26 }

// A number is one operand of Enc: what values it takes, and the bits they become. The size of
// a lane in bits comes from the arrangement in the text of the form.
type number struct {
	kind byte // v, r, b for a base, which may be SP, or # for an int
	span func(lane int) (low, high, unit int)
	bits func(x, lane int) uint32
}

// A class is an operand of the text of a form, with one number or two, and what it looks like:
// 0 and 1 are its numbers, + a number's successor, T the arrangement, L the letter of its lanes.
type class struct {
	numbers     []number
	gnu, goText string
	sized       bool // its bits say the size of the lanes, not those at 22
	distinct    bool // its registers must differ
}

var classes = map[string]class{
	"Vd":  {numbers: vectorAt(0), gnu: "v0.T", goText: "V0.T"},
	"Vn":  {numbers: vectorAt(5), gnu: "v0.T", goText: "V0.T"},
	"Vm":  {numbers: vectorAt(16), gnu: "v0.T", goText: "V0.T"},
	"Vnm": {numbers: vectorAt(5, 16), gnu: "v0.T", goText: "V0.T"},
	"Qd":  {numbers: vectorAt(0), gnu: "q0", goText: "F0"},
	"Dt":  {numbers: vectorAt(0), gnu: "d0", goText: "F0"},
	"St":  {numbers: vectorAt(0), gnu: "s0", goText: "F0"},
	"Dd":  {numbers: vectorAt(0), gnu: "d0", goText: "V0"},
	"Sd":  {numbers: vectorAt(0), gnu: "s0", goText: "V0"},
	"Wd":  {numbers: generalAt(0), gnu: "w0", goText: "R0"},
	"Xd":  {numbers: generalAt(0), gnu: "x0", goText: "R0"},
	"Wn":  {numbers: generalAt(5), gnu: "w0", goText: "R0"},
	"Xn":  {numbers: generalAt(5), gnu: "x0", goText: "R0"},

	"Qd,Qu":   {numbers: append(vectorAt(0), vectorAt(10)...), gnu: "q0, q1", goText: "(F0, F1)", distinct: true},
	"{Vd}":    {numbers: vectorAt(0), gnu: "{v0.T}", goText: "[V0.T]"},
	"{Vd4}":   {numbers: vectorAt(0), gnu: "{v0.T, v+.T, v++.T, v+++.T}", goText: "[V0.T, V+.T, V++.T, V+++.T]"},
	"{Vn}":    {numbers: vectorAt(5), gnu: "{v0.T}", goText: "[V0.T]"},
	"{Vn2}":   {numbers: vectorAt(5), gnu: "{v0.T, v+.T}", goText: "[V0.T, V+.T]"},
	"{Vd}[l]": {numbers: append(vectorAt(0), listLane), gnu: "{v0.L}[1]", goText: "V0.L[1]"},
	"Vm[e]":   {numbers: append(vectorAt(16), elementLane), gnu: "v0.L[1]", goText: "V0.L[1]"},
	"Vn[5]":   {numbers: append(vectorAt(5), copyLane), gnu: "v0.L[1]", goText: "V0.L[1]", sized: true},
	"Vd[5]":   {numbers: append(vectorAt(0), copyLane), gnu: "v0.L[1]", goText: "V0.L[1]", sized: true},
	"Vn[4]":   {numbers: append(vectorAt(5), sourceLane), gnu: "v0.L[1]", goText: "V0.L[1]"},

	"[Xn]":      {numbers: generalAt(5), gnu: "[x0]", goText: "(R0)"},
	"[Xn+4]":    offset(0, 4095*4, 4, 10, 12),
	"[Xn+8]":    offset(0, 4095*8, 8, 10, 12),
	"[Xn+16]":   offset(0, 4095*16, 16, 10, 12),
	"[Xn-1]":    offset(-256, -1, 1, 12, 9), // from 0 on the assembler prefers the other form
	"[Xn+pair]": offset(-1024, 1008, 16, 15, 7),
	"[Xn],1":    after(offset(-256, 255, 1, 12, 9)),
	"[Xn],pair": after(offset(-1024, 1008, 16, 15, 7)),
	"[Xn,Xm]":   {numbers: append(generalAt(5), generalAt(16)...), gnu: "[x0, x1]", goText: "(R0)(R1)"},
	"[Xn,Xm,2]": {numbers: append(generalAt(5), generalAt(16)...), gnu: "[x0, x1, lsl #2]", goText: "(R0)(R1<<2)"},
	"[Xn,Xm,3]": {numbers: append(generalAt(5), generalAt(16)...), gnu: "[x0, x1, lsl #3]", goText: "(R0)(R1<<3)"},
	"[Xn,Xm,4]": {numbers: append(generalAt(5), generalAt(16)...), gnu: "[x0, x1, lsl #4]", goText: "(R0)(R1<<4)"},

	"#left":  {numbers: []number{leftShift}, gnu: "#0", goText: "$0", sized: true},
	"#right": {numbers: []number{rightShift}, gnu: "#0", goText: "$0", sized: true},
	"#bytes": {numbers: []number{{'#', within(0, 15, 1), at(11)}}, gnu: "#0", goText: "$0"},
	"#8": {numbers: []number{{'#', within(0, 255, 1), func(x, _ int) uint32 {
		return uint32(x>>5<<16 | x&31<<5)
	}}}, gnu: "#0", goText: "$0"},
}

// fixed are operands without numbers: GNU's text and what Go writes for it.
var fixed = map[string]string{"#0.0": "$(0.0)", "#16": "", "pldl1keep": "PLDL1KEEP", "pldl2keep": "PLDL2KEEP"}

func within(low, high, unit int) func(int) (int, int, int) {
	return func(int) (int, int, int) { return low, high, unit }
}

func at(place int) func(int, int) uint32 {
	return func(x, _ int) uint32 { return uint32(x) << place }
}

// vectorAt is a vector register whose number stands at all these places.
func vectorAt(places ...int) []number {
	return []number{{'v', within(0, 31, 1), func(x, _ int) (bits uint32) {
		for _, p := range places {
			bits |= uint32(x) << p
		}
		return bits
	}}}
}

func generalAt(place int) []number {
	return []number{{'r', within(0, 26, 1), at(place)}}
}

// offset is base and distance. Only what one instruction can reach is taken: further away the
// assembler would add in R27, without a word.
func offset(low, high, unit, place, width int) class {
	distance := number{'#', within(low, high, unit), func(x, _ int) uint32 {
		return uint32(x/unit) & (1<<width - 1) << place
	}}
	base := number{'b', within(0, 31, 1), at(5)}
	return class{numbers: []number{base, distance}, gnu: "[x0, #1]", goText: "1(R0)"}
}

// after is the same with the base moved by the distance after the access.
func after(c class) class {
	c.numbers[0] = generalAt(5)[0]
	c.gnu = "[x0], #1"
	return c
}

// lanes are those of a vector of 16 bytes.
func lanes(lane int) (low, high, unit int) { return 0, 128/lane - 1, 1 }

var (
	// elementLane is that of products by element: bits 11 and 21, or 11 alone of two lanes.
	elementLane = number{'#', func(lane int) (int, int, int) {
		if lane == 8 { // a group of four bytes
			lane = 32
		}
		return lanes(lane)
	}, func(x, lane int) uint32 {
		if lane == 64 {
			return uint32(x) << 11
		}
		return uint32(x>>1<<11 | x&1<<21)
	}}
	// listLane is that of loads and stores of a lane: bits 30 and 12, or 30 alone.
	listLane = number{'#', lanes, func(x, lane int) uint32 {
		if lane == 64 {
			return uint32(x) << 30
		}
		return uint32(x>>1<<30 | x&1<<12)
	}}
	// copyLane is five bits, of which the lowest one that is set says the size.
	copyLane   = number{'#', lanes, func(x, lane int) uint32 { return uint32((2*x+1)*lane/8) << 16 }}
	sourceLane = number{'#', lanes, func(x, lane int) uint32 { return uint32(x*lane/8) << 11 }}

	// The highest bit set at 16 of a shift is the size of a lane.
	leftShift  = number{'#', func(lane int) (int, int, int) { return 0, lane - 1, 1 }, func(x, lane int) uint32 { return uint32(lane+x) << 16 }}
	rightShift = number{'#', func(lane int) (int, int, int) { return 1, lane, 1 }, func(x, lane int) uint32 { return uint32(2*lane-x) << 16 }}
)
