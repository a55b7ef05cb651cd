package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// mixtureRounds is the number of rounds of the sweeps over mixtures.
func mixtureRounds() int {
	if *exhaustive {
		return 100000
	}
	return 3000
}

// logit draws a logit, small or up to the end of float32.
func (d *rangeDraw) logit() float32 {
	size := []float64{1, 1, 100, 3e38}[d.rng.IntN(4)]
	return clamp32(float32(size*d.rng.NormFloat64()), math.MaxFloat32)
}

// similar fills x with draws of which some are the same: components at the same distance.
func (d *rangeDraw) similar(x []float32, draw func() float64) {
	for i := range x {
		if x[i] = float32(draw()); i > 0 && d.rng.IntN(2) == 0 {
			x[i] = x[d.rng.IntN(i)]
		}
	}
}

// rangeJoint are the terms of a row of a mixture in float64: responsibilities, and by how much of
// themselves those of float32 may be off. size is of what a term is the sum of.
type rangeJoint struct{ v, size []float64 }

func (j *rangeJoint) add(logit, v, size float64) {
	j.v, j.size = append(j.v, logit+v), append(j.size, 1+math.Abs(logit)+size)
}

func (j *rangeJoint) responsibility(c int) (p, off float64) {
	all, worst := oracleLSE(j.v), 0.0
	for i, v := range j.v {
		if v > all-200-1e-4*j.size[i] {
			worst = max(worst, j.size[i])
		}
	}
	return math.Exp(j.v[c] - all), math.Expm1(0x1p-18 * (1 + worst + j.size[c]))
}

// checkWeighted compares a gradient of a component, want without weight and responsibility; size
// is of what want is the sum of, and tiny what it is off by below the normal numbers. Gradients
// that do not fit are the end of float32.
func checkWeighted(t *testing.T, got float32, w, p, off, want, size, tiny float64, what func() string) {
	t.Helper()
	if !finite32(got) {
		t.Fatalf("gradient %v, want %v; %s", got, w*p*want, what())
	}
	v := math.Max(-math.MaxFloat32, math.Min(w*p*want, math.MaxFloat32))
	if tol := math.Abs(w*p*size)*(rangeTol+off) + 0x1p-145*(1+math.Abs(w))*size + tiny; !(math.Abs(float64(got)-v) <= tol) && p*off < 1e-2 {
		t.Fatalf("gradient %v, want %v; p = %v %s", got, v, p, what())
	}
}

// TestGMMRange: values and gradients of mixtures are finite, and near those of float64 where the
// responsibilities are, for arguments from end to end of float32.
func TestGMMRange(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 82))
		for n := range mixtureRounds() {
			d := newRangeDraw(rng, ScaleForm(n%4))
			k, cols := []int{1, 2, 3, 20}[rng.IntN(4)], []int{1, 1, 2, 5}[rng.IntN(4)]
			testGMMRange(t, d, k, cols)
		}
	})
}

func testGMMRange(t *testing.T, d *rangeDraw, k, cols int) {
	n, form := k*cols, d.form
	x, mu, s, logits, w := make([]float32, cols), make([]float32, n), make([]float32, n), make([]float32, k), []float32{float32(d.weight())}
	d.similar(x, d.mean)
	d.similar(mu, d.mean)
	d.similar(s, d.scale)
	for c := range logits {
		logits[c] = d.logit()
	}
	lp, dx, dl, dmu, ds := []float32{0}, make([]float32, cols), make([]float32, k), make([]float32, n), make([]float32, n)
	GMMLogProbBackward(lp, dx, dl, dmu, ds, w, x, logits, mu, s, form, 1, k, cols, k, n)
	what := func() string {
		return fmt.Sprintf("%v k=%d lp=%v w=%v x=%v logits=%v mu=%v s=%v", form, k, lp[0], w, x, logits, mu, s)
	}

	a, b, e, f, g := []float32{0}, make([]float32, cols), make([]float32, k), make([]float32, n), make([]float32, n)
	gmmLogProbBackwardGeneric(a, b, e, f, g, w, x, logits, mu, s, form, 1, k, cols, k, n)
	asmtest.SameFloats(t, "lp, dx", joined(lp, dx), joined(a, b))
	asmtest.SameFloats(t, "dlogits, dmu, ds", joined(dl, dmu, ds), joined(e, f, g))
	copy(f, mu)
	copy(g, s)
	GMMLogProbBackward(a, b, e, f, g, w, x, logits, f, g, form, 1, k, cols, k, n)
	asmtest.SameFloats(t, "dx, dmu, ds in place", joined(b, f, g), joined(dx, dmu, ds))
	GMMLogProb(a, x, logits, mu, s, form, 1, k, cols, k, n)
	asmtest.SameFloats(t, "lp", a, lp)

	var joint rangeJoint
	shifted := oracleLogits(logits)
	for c := range k {
		v, size := 0.0, 0.0
		for j := range cols {
			g := newRangeTerm(form, x[j], mu[c*cols+j], s[c*cols+j])
			v, size = v-g.t*g.t/2-g.log-math.Log(2*math.Pi)/2, size+g.t*g.t/2+math.Abs(g.log)+1
		}
		joint.add(shifted[c], v, size)
	}
	if want := oracleLSE(joint.v) - oracleLSE(shifted); !fits(lp[0], want, rangeTol*(1+math.Abs(want)+math.Log(float64(k))+joint.worst())) {
		t.Fatalf("lp = %v, want %v; %s", lp[0], want, what())
	}
	if lp[0] == float32(math.Inf(-1)) {
		return // no responsibilities
	}
	for j, v := range dx {
		if !finite32(v) {
			t.Fatalf("dx[%d] = %v; %s", j, v, what())
		}
	}
	for c := range k {
		p, off := joint.responsibility(c)
		for j := range cols {
			at := c*cols + j
			g, w := newRangeTerm(form, x[j], mu[at], s[at]), float64(w[0])
			v := g.t * g.inv
			checkWeighted(t, dmu[at], w, p, off, v, math.Abs(v)+g.inv, g.tiny(w), what)
			checkWeighted(t, ds[at], w, p, off, (g.t*g.t-1)*g.slope, (g.t*g.t+1)*g.tol()/rangeTol, g.tiny(w)*(1+math.Abs(g.t)), what)
		}
	}
}

// worst is the size of the terms that count in the sum.
func (j *rangeJoint) worst() (size float64) {
	all := oracleLSE(j.v)
	for c, v := range j.v {
		if v > all-200-1e-4*j.size[c] {
			size = max(size, j.size[c])
		}
	}
	return size
}
