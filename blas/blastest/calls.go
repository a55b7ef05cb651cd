package blastest

import (
	"reflect"

	gonum "gonum.org/v1/gonum/blas"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
)

// The sizes of the packed matrices of CallArg.
const packedK, packedN = 21, 19

// CallArg makes the arguments of products that a table of asmtest.Calls cannot know.
func CallArg(d *asmtest.Draw, fn, param string, t reflect.Type) (any, bool) {
	switch t {
	case reflect.TypeFor[blas.Transpose]():
		if b := d.Byte(); b >= 16 {
			return []blas.Transpose{blas.NoTrans, blas.Trans, gonum.ConjTrans}[b%3], true
		}
		return blas.Transpose(d.Byte()), true
	case reflect.TypeFor[int]():
		small := int(d.Byte())
		switch param {
		case "incX", "incY":
			small = []int{1, 1, 2, 3, -1, -2, -3, 0}[small%8]
		case "k0", "j0":
			small %= 3
		case "k1", "j1":
			small %= 20
		default:
			return nil, false
		}
		if x, odd := d.OddSize(); odd {
			return x, true
		}
		return small, true
	case reflect.TypeFor[[]int]():
		return ends(d), true
	case reflect.TypeFor[[]blas.Side[float32]]():
		return sides[float32](d), true
	case reflect.TypeFor[[]blas.Side[float64]]():
		return sides[float64](d), true
	case reflect.TypeFor[*blas.Packed[float32]]():
		return packed[float32](d, fn), true
	case reflect.TypeFor[*blas.Packed[float64]]():
		return packed[float64](d, fn), true
	}
	return nil, false
}

// ends returns those of up to three parts, most of them in order.
func ends(d *asmtest.Draw) []int {
	ends, last := make([]int, d.Byte()%4), 0
	for i := range ends {
		if x, odd := d.OddSize(); odd {
			last = x
		} else {
			last += int(d.Byte() % 8)
		}
		ends[i] = last
	}
	return ends
}

// sides returns those of up to three products.
func sides[T blas.Float](d *asmtest.Draw) []blas.Side[T] {
	s := make([]blas.Side[T], d.Byte()%4)
	for i := range s {
		s[i] = blas.Side[T]{N: d.Size("N"), B: make([]T, 40*int(d.Byte())), Ldb: d.Size("Ldb"), C: make([]T, 40*int(d.Byte())), Ldc: d.Size("Ldc")}
	}
	return s
}

// packed returns a matrix, or one that is still to be packed.
func packed[T blas.Float](d *asmtest.Draw, fn string) *blas.Packed[T] {
	p := new(blas.Packed[T])
	switch b := d.Byte(); {
	case fn == "Packed.Pack" || b < 16:
		return p
	case b < 24:
		return nil
	case b%2 == 0:
		p.Pack(blas.NoTrans, packedK, packedN, make([]T, packedK*packedN), packedN)
	default:
		p.Pack(blas.Trans, packedK, packedN, make([]T, packedK*packedN), packedK)
	}
	return p
}
