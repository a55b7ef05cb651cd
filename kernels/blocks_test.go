package kernels

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// rewriteBlocks is for new functions, and for the day when the reference changes.
var rewriteBlocks = flag.Bool("rewrite-blocks", false, "with -exhaustive: have plain Go write the checksums that TestBlockSums compares with")

// The 2^32 inputs of a function are cut into blocks of 2^20. Multiplied by blockStep, which is
// odd, their numbers give each bit pattern once, and every block inputs of all exponents.
const (
	blockCount = 1 << 12
	blockSize  = 1 << 20
	blockStep  = 0x9e3779b1 // 2^32 by the golden ratio
)

// blockInputs writes the inputs of a block from number i on.
func blockInputs(x []float32, block, i int) {
	for j := range x {
		x[j] = math.Float32frombits(uint32(block*blockSize+i+j) * blockStep)
	}
}

// blockFuncs are those that files of checksums exist of.
var blockFuncs = sweepFuncs[:4] // Exp, Log, Tanh, Sigmoid

// TestBlockSums compares results with those of the reference, a checksum for each block: all of
// them if exhaustive, else those of 2^22 inputs, or 2^20. The checksums, 4 bytes each, were written on
// amd64, as computing the reference takes hours in an emulator, which has the results of one
// instruction set in minutes: go test -run TestBlockSums/Exp/isa=neon -exhaustive.
func TestBlockSums(t *testing.T) {
	blocks := 4
	if *exhaustive {
		blocks = blockCount
	} else if testing.Short() {
		blocks = 1
	}
	for _, c := range blockFuncs {
		t.Run(c.name, func(t *testing.T) {
			file := "testdata/blocks/" + c.name + ".crc32"
			if *exhaustive && *rewriteBlocks {
				writeBlocks(t, file, c.f)
			}
			want, err := os.ReadFile(file)
			if err != nil || len(want) != 4*blockCount {
				t.Fatalf("%d bytes, want %d; error %v", len(want), 4*blockCount, err)
			}
			asmtest.ForEachISA(t, func(t *testing.T) {
				wrong := 0
				for b := range blocks {
					if blockSum(c.f, b) != binary.LittleEndian.Uint32(want[4*b:]) {
						if wrong++; wrong == 1 {
							t.Errorf("block %d has other bits than the reference; %s", b, blockDifference(c.f, b))
						}
					}
				}
				t.Logf("%d of %d blocks differ", wrong, blocks)
			})
		})
	}
}

// blockSum is the checksum of the results of a block.
func blockSum(f func(dst, x []float32), block int) uint32 {
	sum := uint32(0)
	var x, y [1 << 12]float32
	for i := 0; i < blockSize; i += len(x) {
		blockInputs(x[:], block, i)
		f(y[:], x[:])
		sum = bitsCRC(sum, y[:]...)
	}
	return sum
}

// blockDifference tells the first result of a block that plain Go has other bits for here.
func blockDifference(f func(dst, x []float32), block int) string {
	var x, y, want [1 << 12]float32
	for i := 0; i < blockSize; i += len(x) {
		blockInputs(x[:], block, i)
		f(y[:], x[:])
		isa := asm.Use(asm.Generic)
		f(want[:], x[:])
		asm.Use(isa)
		for j := range y {
			if !asmtest.SameBits(y[j], want[j]) {
				return fmt.Sprintf("of %x is %x, in plain Go %x", x[j], y[j], want[j])
			}
		}
	}
	return "and so has plain Go here"
}

func writeBlocks(t *testing.T, file string, f func(dst, x []float32)) {
	defer asm.Use(asm.Use(asm.Generic))
	var sums []byte
	for b := range blockCount {
		sums = binary.LittleEndian.AppendUint32(sums, blockSum(f, b))
	}
	if err := os.WriteFile(file, sums, 0o644); err != nil {
		t.Fatal(err)
	}
}
