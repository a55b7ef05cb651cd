//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

func exps(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Exp(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.Exp(&dst[0], &x[0], n)
		default:
			expGeneric(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func logs(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Log(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.Log(&dst[0], &x[0], n)
		default:
			logGeneric(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func tanhs(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Tanh(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.Tanh(&dst[0], &x[0], n)
		default:
			tanhGeneric(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func sigmoids(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Sigmoid(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.Sigmoid(&dst[0], &x[0], n)
		default:
			sigmoidGeneric(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func softpluses(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Softplus(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.Softplus(&dst[0], &x[0], n)
		default:
			softplusGeneric(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func relus(dst, x []float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.ReLU(&dst[0], &x[0], n)
		case asm.AVX2:
			avx2.ReLU(&dst[0], &x[0], n)
		default:
			relu(dst, x[:n])
		}
		dst, x = dst[n:], x[n:]
	}
}

func tanhBackward(dx, dy, y []float32) {
	for len(y) > 0 {
		n := min(len(y), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.TanhBackward(&dx[0], &dy[0], &y[0], n)
		case asm.AVX2:
			avx2.TanhBackward(&dx[0], &dy[0], &y[0], n)
		default:
			tanhBackwardGeneric(dx, dy, y[:n])
		}
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}

func sigmoidBackward(dx, dy, y []float32) {
	for len(y) > 0 {
		n := min(len(y), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.SigmoidBackward(&dx[0], &dy[0], &y[0], n)
		case asm.AVX2:
			avx2.SigmoidBackward(&dx[0], &dy[0], &y[0], n)
		default:
			sigmoidBackwardGeneric(dx, dy, y[:n])
		}
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}

func softplusBackward(dx, dy, y []float32) {
	for len(y) > 0 {
		n := min(len(y), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.SoftplusBackward(&dx[0], &dy[0], &y[0], n)
		case asm.AVX2:
			avx2.SoftplusBackward(&dx[0], &dy[0], &y[0], n)
		default:
			softplusBackwardGeneric(dx, dy, y[:n])
		}
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}

func reluBackwards(dx, dy, y []float32) {
	for len(y) > 0 {
		n := min(len(y), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.ReLUBackward(&dx[0], &dy[0], &y[0], n)
		case asm.AVX2:
			avx2.ReLUBackward(&dx[0], &dy[0], &y[0], n)
		default:
			reluBackward(dx, dy, y[:n])
		}
		dx, dy, y = dx[n:], dy[n:], y[n:]
	}
}
