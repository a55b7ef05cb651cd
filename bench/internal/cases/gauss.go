package cases

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// A gaussShape is a batch of diagonal Gaussians.
type gaussShape struct {
	rows, z int
	form    kernels.ScaleForm
}

// gaussShapes: what fits the second cache, what does not, and one step of VRNN-32 on JSB
// chorales, in each form of the scale. All matrices are dense.
func gaussShapes() (list []gaussShape) {
	for _, s := range [][2]int{{256, 64}, {256, 256}, {256, 1024}, {16, 32}} {
		for _, form := range []kernels.ScaleForm{kernels.Sigma, kernels.LogVar, kernels.SoftplusSigma} {
			list = append(list, gaussShape{s[0], s[1], form})
		}
	}
	return list
}

// gauss makes a case of a kernel that takes outputs and inputs of rows times z numbers, and
// row values, all in the order of its arguments.
func gauss(name string, f func(s gaussShape, r gaussSource) *Case) family {
	return family{name, each(gaussShapes(), func(s gaussShape) *Case {
		c := f(s, gaussSource{numbers(), s})
		c.Keys = fmt.Sprintf("B=%d/Z=%d/form=%v", s.rows, s.z, s.form)
		c.Dims, c.Elems = []int{s.rows, s.z}, s.rows*s.z
		return c
	})}
}

// A gaussSource makes arguments of a shape.
type gaussSource struct {
	source
	s gaussShape
}

func (r gaussSource) mean() Array    { return in(r.uniform(r.s.rows*r.s.z, -1, 1)) }
func (r gaussSource) eps() Array     { return in(r.normal(r.s.rows*r.s.z, 1)) }
func (r gaussSource) out() Array     { return out(r.s.rows * r.s.z) }
func (r gaussSource) row() Array     { return out(r.s.rows) }
func (r gaussSource) weights() Array { return in(r.uniform(r.s.rows, 0.5, 1.5)) }

// scale is a sigma between 0.3 and 2, in the form of the shape.
func (r gaussSource) scale() Array { return in(r.scales(r.s.rows*r.s.z, r.s.form)) }

func (r source) scales(n int, form kernels.ScaleForm) []float32 {
	return r.fill(n, func() float64 {
		sigma := 0.3 + 1.7*r.r.Float64()
		switch form {
		case kernels.LogSigma:
			return math.Log(sigma)
		case kernels.LogVar:
			return 2 * math.Log(sigma)
		case kernels.SoftplusSigma:
			return math.Log(math.Expm1(sigma))
		}
		return sigma
	})
}

// gauss and grad are the arguments of a kernel that two arrays make.
func (s gaussShape) gauss(mu, sd Array) *kernels.Gauss[float32] {
	return &kernels.Gauss[float32]{Mu: mu.Data, S: sd.Data, Ld: s.z, Form: s.form}
}

func grad(dmu, dsd Array) *kernels.GaussGrad[float32] {
	return &kernels.GaussGrad[float32]{Mu: dmu.Data, S: dsd.Data}
}

var gaussFamilies = []family{
	gauss("GaussKL", func(s gaussShape, r gaussSource) *Case {
		kl, mq, sq, mp, sp := r.row(), r.mean(), r.scale(), r.mean(), r.scale()
		return &Case{Arrays: []Array{kl, mq, sq, mp, sp}, Run: func() {
			kernels.GaussKL(kl.Data, s.gauss(mq, sq), s.gauss(mp, sp), s.rows, s.z)
		}}
	}),
	gauss("GaussKLBackward", func(s gaussShape, r gaussSource) *Case {
		kl, dmq, dsq, dmp, dsp := r.row(), r.out(), r.out(), r.out(), r.out()
		w, mq, sq, mp, sp := r.weights(), r.mean(), r.scale(), r.mean(), r.scale()
		return &Case{Arrays: []Array{kl, dmq, dsq, dmp, dsp, w, mq, sq, mp, sp}, Run: func() {
			kernels.GaussKLBackward(kl.Data, grad(dmq, dsq), grad(dmp, dsp), w.Data, s.gauss(mq, sq), s.gauss(mp, sp), s.rows, s.z)
		}}
	}),
	gauss("GaussKLStandard", func(s gaussShape, r gaussSource) *Case {
		kl, mq, sq := r.row(), r.mean(), r.scale()
		return &Case{Arrays: []Array{kl, mq, sq}, Run: func() {
			kernels.GaussKLStandard(kl.Data, s.gauss(mq, sq), s.rows, s.z)
		}}
	}),
	gauss("GaussKLStandardBackward", func(s gaussShape, r gaussSource) *Case {
		kl, dmq, dsq, w, mq, sq := r.row(), r.out(), r.out(), r.weights(), r.mean(), r.scale()
		return &Case{Arrays: []Array{kl, dmq, dsq, w, mq, sq}, Run: func() {
			kernels.GaussKLStandardBackward(kl.Data, grad(dmq, dsq), w.Data, s.gauss(mq, sq), s.rows, s.z)
		}}
	}),
	gauss("GaussLogProb", func(s gaussShape, r gaussSource) *Case {
		lp, x, m, sd := r.row(), r.mean(), r.mean(), r.scale()
		return &Case{Arrays: []Array{lp, x, m, sd}, Run: func() {
			kernels.GaussLogProb(lp.Data, x.Data, s.gauss(m, sd), s.rows, s.z)
		}}
	}),
	gauss("GaussLogProbBackward", func(s gaussShape, r gaussSource) *Case {
		lp, dx, dm, ds := r.row(), r.out(), r.out(), r.out()
		w, x, m, sd := r.weights(), r.mean(), r.mean(), r.scale()
		return &Case{Arrays: []Array{lp, dx, dm, ds, w, x, m, sd}, Run: func() {
			kernels.GaussLogProbBackward(lp.Data, dx.Data, grad(dm, ds), w.Data, x.Data, s.gauss(m, sd), s.rows, s.z)
		}}
	}),
	gauss("GaussSample", func(s gaussShape, r gaussSource) *Case {
		z, m, sd, eps := r.out(), r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{z, m, sd, eps}, Run: func() {
			kernels.GaussSample(z.Data, s.gauss(m, sd), eps.Data, s.rows, s.z)
		}}
	}),
	gauss("GaussSampleBackward", func(s gaussShape, r gaussSource) *Case {
		dm, ds := inout(r.out().Data), inout(r.out().Data)
		dz, sd, eps := r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{dm, ds, dz, sd, eps}, Run: func() {
			kernels.GaussSampleBackward(grad(dm, ds), dz.Data, s.gauss(Array{}, sd), eps.Data, s.rows, s.z)
		}}
	}),
	gauss("LatentStep", func(s gaussShape, r gaussSource) *Case {
		kl, sigma, z := r.row(), r.out(), r.out()
		mq, sq, mp, sp, eps := r.mean(), r.scale(), r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{kl, sigma, z, mq, sq, mp, sp, eps}, Run: func() {
			kernels.LatentStep(&kernels.Latent[float32]{Z: z.Data, KL: kl.Data, Sigma: sigma.Data}, s.gauss(mq, sq), s.gauss(mp, sp), eps.Data, s.rows, s.z)
		}}
	}),
	gauss("LatentStepBackward", func(s gaussShape, r gaussSource) *Case {
		dmq, dsq, dmp, dsp := r.out(), r.out(), r.out(), r.out()
		dz, w, mq, sq, mp, sp, eps := r.mean(), r.weights(), r.mean(), r.scale(), r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{dmq, dsq, dmp, dsp, dz, w, mq, sq, mp, sp, eps}, Run: func() {
			kernels.LatentStepBackward(grad(dmq, dsq), grad(dmp, dsp), dz.Data, w.Data, s.gauss(mq, sq), s.gauss(mp, sp), eps.Data, s.rows, s.z)
		}}
	}),
	gauss("LatentStepStandard", func(s gaussShape, r gaussSource) *Case {
		kl, sigma, z, mq, sq, eps := r.row(), r.out(), r.out(), r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{kl, sigma, z, mq, sq, eps}, Run: func() {
			kernels.LatentStep(&kernels.Latent[float32]{Z: z.Data, KL: kl.Data, Sigma: sigma.Data}, s.gauss(mq, sq), nil, eps.Data, s.rows, s.z)
		}}
	}),
	gauss("LatentStepStandardBackward", func(s gaussShape, r gaussSource) *Case {
		dmq, dsq, dz, w, mq, sq, eps := r.out(), r.out(), r.mean(), r.weights(), r.mean(), r.scale(), r.eps()
		return &Case{Arrays: []Array{dmq, dsq, dz, w, mq, sq, eps}, Run: func() {
			kernels.LatentStepBackward(grad(dmq, dsq), nil, dz.Data, w.Data, s.gauss(mq, sq), nil, eps.Data, s.rows, s.z)
		}}
	}),
}
