package size

import (
	"math"
	"math/big"
	"slices"
	"testing"
)

// edges are sizes around those where a product or a sum stops to fit an int.
func edges() []int {
	var all []int
	for _, x := range []int{0, 1, 2, 3, 5, 7, 1 << 15, 1 << 16, 46341, 1<<31 - 1, Max / 16, Max / 7, Max / 3, Max / 2} {
		all = append(all, x, x+1, x+2)
	}
	all = append(all, math.MaxInt-1, math.MaxInt)
	return slices.DeleteFunc(all, func(x int) bool { return x < 0 }) // where an int has 32 bits
}

// capped returns x as an int, at most Max.
func capped(x *big.Int) int {
	if most := big.NewInt(Max); x.Cmp(most) > 0 {
		return Max
	}
	return int(x.Int64())
}

func bigOf(x int) *big.Int { return big.NewInt(int64(x)) }

func TestAgainstBig(t *testing.T) {
	all := edges()
	for _, x := range all {
		for _, y := range all {
			if got, want := Mul(x, y), capped(new(big.Int).Mul(bigOf(x), bigOf(y))); got != want {
				t.Fatalf("Mul(%d, %d) = %d, want %d", x, y, got, want)
			}
			if got, want := Add(x, y), capped(new(big.Int).Add(bigOf(x), bigOf(y))); got != want {
				t.Fatalf("Add(%d, %d) = %d, want %d", x, y, got, want)
			}
			for _, ld := range all {
				sum := new(big.Int).Mul(bigOf(x-1), bigOf(ld))
				want := capped(sum.Add(sum, bigOf(y)))
				if x == 0 || y == 0 {
					want = 0
				}
				if got := Matrix(x, y, ld); got != want {
					t.Fatalf("Matrix(%d, %d, %d) = %d, want %d", x, y, ld, got, want)
				}
			}
		}
	}
}

// TestNegative: a negative stride is out of bounds as soon as it counts, the least int too,
// whose magnitude is no int.
func TestNegative(t *testing.T) {
	for _, ld := range []int{-1, -2, math.MinInt, math.MinInt + 1} {
		if got := Matrix(2, 1, ld); got != Max {
			t.Errorf("Matrix(2, 1, %d) = %d, want Max", ld, got)
		}
		if got := Matrix(1, 1, ld); got != 1 {
			t.Errorf("Matrix(1, 1, %d) = %d, want 1", ld, got)
		}
	}
}
