package kernels

import (
	"slices"
	"testing"
)

// FuzzGates turns bytes into a kernel, sizes, strides, a place and values, ordinary or
// special, and holds the call to the oracle and to its memory.
func FuzzGates(f *testing.F) {
	for k := range uint8(len(gateKernels[float32]())) {
		for _, hidden := range []uint8{1, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33} {
			f.Add(k, uint8(3), hidden, hidden%3, hidden%16, uint64(k)<<8|uint64(hidden), hidden%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, kernel, batch, hidden, extra, offset uint8, seed uint64, special bool) {
		ks := gateKernels[float32]()
		k := ks[int(kernel)%len(ks)]
		draw := drawGateNormal
		if special {
			draw = drawGateSpecial
		}
		c := k.newCall(int(batch%40), int(hidden%80), int(extra%20), int(offset%16)).fill(seed, draw)
		before := make([][]float32, len(c.whole))
		for i, w := range c.whole {
			before[i] = slices.Clone(w)
		}
		c.checkOracle(t)
		for i, a := range k.args {
			first := gateGuardLen + int(offset%16)
			for at, x := range c.whole[i] {
				if !a.out || at < first || at >= first+len(c.a[i]) {
					if gateBits(x) != gateBits(before[i][at]) {
						t.Fatalf("%s: %s[%d] was written", k.name, a.name, at-first)
					}
				}
			}
		}
	})
}
