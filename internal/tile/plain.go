package tile

// The product in plain Go. It is the fallback of everything, so unlike the other
// references it is written for speed, but only with means that leave every float32 output
// one chain of fused multiply-adds, k ascending:
//
//	for each block of k
//	    for each block of rows of A           pack pairs of rows     a[k] = pair
//	        for each 4 columns of B           pack                   b[k] = quad
//	            for each pair of rows of A    tile: 8 chains in one loop
//
// Packing widens float32 to float64 once for many uses and makes all four transpositions
// the same problem. A new block of k continues the chains from the values in C, which are
// all of their state.
const (
	plainK    = 64 // steps in a packed block
	plainRows = 64 // rows in a packed block of A
)

// plain sets C to A*B + beta*C for m rows and n columns. The columns of C are side by side,
// unless there is one row.
func (p *product[T]) plain(m, n int, beta T) {
	if m == 1 {
		p.plainRow(n, beta)
		return
	}
	c, ldc := p.c.data[p.c.at:], p.c.row
	Scale(m, n, beta, c, ldc)
	pairs := p.room.get().pairs[:]
	var quads [plainK]quad
	for k0 := 0; k0 < p.k; k0 += plainK {
		kb := min(plainK, p.k-k0)
		bp := quads[:kb]
		for i0 := 0; i0 < m; i0 += plainRows {
			ib := min(plainRows, m-i0)
			for i := 0; i < ib; i += 2 {
				packPair(pairs[i/2*kb:][:kb], &p.a, i0+i, k0, min(2, ib-i))
			}
			ap := pairs[:(ib+1)/2*kb]
			var sa survey
			if !is64[T]() {
				sa = newSurvey(ap)
			}
			for j := 0; j < n; j += 4 {
				w := min(4, n-j)
				packQuad(bp, &p.b, k0, j, w)
				kind := wideTile
				if !is64[T]() {
					kind = chooseTile(sa, bp)
				}
				panel(ib, w, ap, bp, kind, c[i0*ldc+j:], ldc)
			}
		}
	}
}

// panel adds the product of packed rows of A and w columns of B to C.
func panel[T Float](rows, w int, ap []pair, bp []quad, kind tileKind, c []T, ldc int) {
	var edge [8]T
	for i := 0; i < rows; i += 2 {
		a := ap[i/2*len(bp):][:len(bp)]
		c0, c1 := c[i*ldc:], c[i*ldc:]
		if i+1 < rows {
			c1 = c[(i+1)*ldc:]
		}
		inside := w == 4 && i+1 < rows
		t0, t1 := c0, c1
		if !inside {
			t0, t1 = edge[:4], edge[4:]
			copy(t0, c0[:w])
			copy(t1, c1[:w])
		}
		switch kind {
		case exactTile:
			tileExact(any(t0).([]float32), any(t1).([]float32), a, bp)
		case plainTile:
			tile(any(t0).([]float32), any(t1).([]float32), a, bp)
		case carefulTile:
			tileCareful(any(t0).([]float32), any(t1).([]float32), a, bp)
		case wideTile:
			tile64(any(t0).([]float64), any(t1).([]float64), a, bp)
		}
		if !inside {
			copy(c1[:w], t1) // without a second row this is the first one,
			copy(c0[:w], t0) // with the same values
		}
	}
}
