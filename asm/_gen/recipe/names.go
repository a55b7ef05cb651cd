package recipe

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// Names says in the generated code what constants are that have a name here.
var Names = map[uint32]string{}

func init() {
	for x, name := range map[float32]string{
		f32.Magic:       "makes an integer of what it is added to",
		f32.Magic + 127: "the same, with the bias of an exponent",
		f32.Magic + 254: "the same, with the bias of two",
		f32.Log2E:       "1/ln 2",
		2 * f32.Log2E:   "2/ln 2",
		f32.Ln2Hi:       "ln 2, the upper part",
		f32.Ln2Lo:       "ln 2, the rest",
		f32.Ln2Hi / 2:   "ln(2)/2, the upper part",
		f32.Ln2Lo / 2:   "ln(2)/2, the rest",
		f32.HalfLog2Pi:  "ln(2 pi)/2",
		f32.LogFourPi:   "ln(4 pi)",
		f32.FlushState:  "states below it become 0",
		f32.FlushGrad:   "gradients below it become 0",
		math.MaxFloat32: "the largest number",
	} {
		Names[math.Float32bits(x)] = name
	}
	for bits, name := range map[uint32]string{
		f32.SqrtHalfBits: "sqrt(1/2)",
		1<<31 - 1:        "all but the sign",
		1 << 31:          "the sign",
		1<<23 - 1:        "the mantissa",
		1 << 23:          "the lowest bit of the exponent; the smallest normal number",
		0x7f800000:       "Inf; the bits of the exponent",
		0xff800000:       "-Inf; the bits of sign and exponent",
		0x7fc00000:       "NaN",
		f32.PhiloxM0:     "multiplier of Philox",
		f32.PhiloxM1:     "multiplier of Philox",
	} {
		Names[bits] = name
	}
}
