//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// adam takes a = lr/c1 and s = 1/c2. AVX2 code serves AVX-512 too, but for arrays that fit into
// the second cache: from beyond, memory binds, and the wider code is no faster.
func adam(p, g, m, v []float32, beta1, beta2, a, eps, s float32) {
	wide := asm.Active() == asm.AVX512 && len(p) <= 1<<17 && eps >= 0x1p-60
	for len(p) > 0 {
		n := min(len(p), maxElems)
		if wide {
			// The AVX-512 code has quotients in software where eps is as above and all |m| and
			// divisors are below 2, with the same bits. It ends before 64 elements that are not so.
			// More of them are likely near by: AVX2 code goes on for many.
			n -= avx512.Adam(&p[0], &g[0], &m[0], &v[0], n, beta1, beta2, 1-beta1, 1-beta2, a, eps, s)
			if p, g, m, v = p[n:], g[n:], m[n:], v[n:]; len(p) == 0 {
				return
			}
			n = min(len(p), 1024)
		}
		if asm.Active() == asm.Generic {
			adamGeneric(p[:n], g, m, v, beta1, beta2, a, eps, s)
		} else {
			avx2.Adam(&p[0], &g[0], &m[0], &v[0], n, beta1, beta2, 1-beta1, 1-beta2, a, eps, s)
		}
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}

func sgd(p, g, m []float32, lr, mu float32) {
	for len(p) > 0 {
		n := min(len(p), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.SGD(&p[0], &g[0], &m[0], n, lr, mu)
		case asm.AVX2:
			avx2.SGD(&p[0], &g[0], &m[0], n, lr, mu)
		default:
			sgdGeneric(p[:n], g, m, lr, mu)
		}
		p, g, m = p[n:], g[n:], m[n:]
	}
}

func adagrad(p, g, s []float32, lr, eps float32) {
	for len(p) > 0 {
		n := min(len(p), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Adagrad(&p[0], &g[0], &s[0], n, lr, eps)
		case asm.AVX2:
			avx2.Adagrad(&p[0], &g[0], &s[0], n, lr, eps)
		default:
			adagradGeneric(p[:n], g, s, lr, eps)
		}
		p, g, s = p[n:], g[n:], s[n:]
	}
}
