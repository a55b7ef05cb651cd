package tile

import "github.com/elbow-go/elbow/asm"

// Products with few rows of A, where op(B) has no columns side by side: y = x W^T for a small batch.
// Packing B costs as much as multiplying five rows by it. But the columns of A^T fit one short vector, so
// C^T = op(B)^T A^T needs no packing of anything but A: its tiles take B element by element, each once.

const (
	shortISA  = asm.AVX2 // whose vectors are filled by the rows; AVX-512 always comes with it
	shortFrom = 6        // rows; with fewer, most of a vector is idle
	shortCols = 16       // columns of C, for the sake of what all calls have in common
)

// isShort reports whether a product with m rows and n columns is computed by short.
func (p *product[T]) isShort(m, n int) bool {
	return (p.isa == asm.AVX2 || p.isa == asm.AVX512) && m >= shortFrom && m <= lanes[T](shortISA) && n >= shortCols &&
		p.packed == nil && p.b.row == 1 && p.b.col != 1
}

// short sets C to A*B + beta*C for so few rows. The chains are in scratch, turned over.
func (p *product[T]) short(m, n int, beta T) {
	row := size[T]() * lanes[T](shortISA) // of A^T and of C^T
	s := p.room.get()
	a, c := grow[T](&s.a, p.k*lanes[T](shortISA)), as[T](s.chains[:])
	packPanel(shortISA, &a[0], row, &place[T]{p.a.data, p.a.at, p.a.col, p.a.row}, 0, 0, p.k, 1, m)
	args := Args[T]{ARow: size[T]() * p.b.col, AStep: size[T](), BStep: row, C: &c[0], CRow: row, Vecs: 1, Tail: lanes[T](shortISA), Beta: beta}
	cols := len(c) / lanes[T](shortISA)
	for j := 0; j < n; j += cols {
		cols = min(cols, n-j)
		if args.Start = start(beta); args.Start > 0 {
			packPanel(shortISA, &c[0], row, &place[T]{p.c.data, p.c.at + j, 1, p.c.row}, 0, 0, cols, 1, m)
		}
		for k := 0; k < p.k; k += args.K {
			args.K = min(rowsK, p.k-k)
			args.A, args.B = p.b.ptr(k, j), &a[k*lanes[T](shortISA)]
			(&product[T]{isa: shortISA}).tiles(cols, args, 0)
			args.Start = 1
		}
		p.unturn(c, m, cols, j)
	}
}

// unturn copies the chains of short to m rows of C, from column j on.
func (p *product[T]) unturn(c []T, m, cols, j int) {
	l := lanes[T](shortISA)
	whole := cols / l
	if whole > 0 {
		args := packArgs[T]{Dst: p.c.ptr(0, j), DstRow: size[T]() * p.c.row, Src: &c[0], SrcRow: size[T]() * l, K: m, Vecs: whole, Tail: l}
		gemmPackT(shortISA, &args)
	}
	for i := range m {
		for col := whole * l; col < cols; col++ {
			*p.c.ptr(i, j+col) = c[col*l+i]
		}
	}
}
