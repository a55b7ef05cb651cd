package recipe

import "math"

// Names says in the generated code what constants are that have a name here.
var Names = map[uint32]string{}

func init() {
	for x, name := range map[float32]string{
		magic:           "makes an integer of what it is added to",
		log2e:           "1/ln 2",
		2 * log2e:       "2/ln 2",
		ln2Hi:           "ln 2, the upper part",
		ln2Lo:           "ln 2, the rest",
		ln2Hi / 2:       "ln(2)/2, the upper part",
		ln2Lo / 2:       "ln(2)/2, the rest",
		halfLog2Pi:      "ln(2 pi)/2",
		logFourPi:       "ln(4 pi)",
		scaleEps:        "scaleEps",
		flushStateBelow: "states below it become 0",
		flushGradBelow:  "gradients below it become 0",
		math.MaxFloat32: "the largest number",
	} {
		Names[math.Float32bits(x)] = name
	}
	for bits, name := range map[uint32]string{
		sqrtHalfBits: "sqrt(1/2)",
		1<<31 - 1:    "all but the sign",
		1 << 31:      "the sign",
		1<<23 - 1:    "the mantissa",
		1 << 23:      "the lowest bit of the exponent; the smallest normal number",
		0x7f800000:   "Inf; the bits of the exponent",
		0xff800000:   "-Inf; the bits of sign and exponent",
		0x7fc00000:   "NaN",
		philoxM0:     "multiplier of Philox",
		philoxM1:     "multiplier of Philox",
	} {
		Names[bits] = name
	}
}
