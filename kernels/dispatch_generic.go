//go:build purego || !amd64

package kernels

// Which code runs where there is no machine code: plain Go.

func exps(dst, x []float32)                { expGeneric(dst, x) }
func logs(dst, x []float32)                { logGeneric(dst, x) }
func tanhs(dst, x []float32)               { tanhGeneric(dst, x) }
func sigmoids(dst, x []float32)            { sigmoidGeneric(dst, x) }
func softpluses(dst, x []float32)          { softplusGeneric(dst, x) }
func relus(dst, x []float32)               { relu(dst, x) }
func tanhBackward(dx, dy, y []float32)     { tanhBackwardGeneric(dx, dy, y) }
func sigmoidBackward(dx, dy, y []float32)  { sigmoidBackwardGeneric(dx, dy, y) }
func softplusBackward(dx, dy, y []float32) { softplusBackwardGeneric(dx, dy, y) }
func reluBackwards(dx, dy, y []float32)    { reluBackward(dx, dy, y) }

func rnnStep(h, a []float32, batch, hidden, lda int, act Activation) {
	rnnStepGeneric(h, a, batch, hidden, lda, act)
}

func rnnStepBackward(da, dh, h []float32, batch, hidden, ldda int, act Activation) {
	rnnStepBackwardGeneric(da, dh, h, batch, hidden, ldda, act)
}

func lstmStep(hy, cy, gates, cx, peephole []float32, batch, hidden, ldg int) {
	lstmStepGeneric(hy, cy, gates, cx, peephole, batch, hidden, ldg)
}

func lstmStepBackward(dgates, dcx, dh, dcy, gates, cx, cy, peephole []float32, batch, hidden, ldg int) {
	lstmStepBackwardGeneric(dgates, dcx, dh, dcy, gates, cx, cy, peephole, batch, hidden, ldg)
}

func gruStep(hy, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	gruStepGeneric(hy, gates, hn, hx, batch, hidden, ldg, ldhn)
}

func gruStepBackward(dgates, dhn, dhx, dh, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	gruStepBackwardGeneric(dgates, dhn, dhx, dh, gates, hn, hx, batch, hidden, ldg, ldhn)
}

func gruBeforeReset(rh, gates, hx []float32, batch, hidden, ldg, ldrh int) {
	gruBeforeResetGeneric(rh, gates, hx, batch, hidden, ldg, ldrh)
}

func gruBeforeUpdate(hy, gates, hx []float32, batch, hidden, ldg int) {
	gruBeforeUpdateGeneric(hy, gates, hx, batch, hidden, ldg)
}

func gruBeforeUpdateBackward(dgates, dhx, dh, gates, hx []float32, batch, hidden, ldg int) {
	gruBeforeUpdateBackwardGeneric(dgates, dhx, dh, gates, hx, batch, hidden, ldg)
}

func gruBeforeResetBackward(dgates, dhx, drh, gates, hx []float32, batch, hidden, ldg, lddrh int) {
	gruBeforeResetBackwardGeneric(dgates, dhx, drh, gates, hx, batch, hidden, ldg, lddrh)
}

func axpy(dst, x []float32, a float32) { axpyGeneric(dst, x, a) }
func scal(dst, x []float32, a float32) { scale(dst, x, a) }

func addColumnSums32(dst, x []float32, rows, cols, ldx int) { addColumnSums(dst, x, rows, cols, ldx) }

func addColumnProducts(dst, a, b []float32, rows, cols, lda, ldb int) {
	addColumnProductsGeneric(dst, a, b, rows, cols, lda, ldb)
}

func sumSquares(x []float32) float32 { return sumSquaresGeneric(x) }

func adam(p, g, m, v []float32, beta1, beta2, a, eps, s float32) {
	adamGeneric(p, g, m, v, beta1, beta2, a, eps, s)
}

func sgd(p, g, m []float32, lr, mu float32)      { sgdGeneric(p, g, m, lr, mu) }
func adagrad(p, g, s []float32, lr, eps float32) { adagradGeneric(p, g, s, lr, eps) }

func softmax(dst, x []float32, rows, cols int) { softmaxGeneric(dst, x, rows, cols) }
func softmaxBackward(dx, dy, y []float32, rows, cols int) {
	softmaxBackwardGeneric(dx, dy, y, rows, cols)
}
func logSumExp(dst, x []float32, rows, cols int) { logSumExpGeneric(dst, x, rows, cols) }

func uniforms(dst []float32, n Noise, step, row uint32, rows, cols int) {
	uniformsGeneric(dst, n, step, row, rows, cols)
}

func normals(dst []float32, n Noise, step, row uint32, rows, cols int) {
	normalsGeneric(dst, n, step, row, rows, cols)
}
