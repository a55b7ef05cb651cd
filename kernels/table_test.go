package kernels

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/asm/simd"
)

// Every kernel is a row of one table: its function, what its slices hold and what they may share.
// All that kernels promise alike is tested for all rows in every_test.go; what is particular to a
// family, its accuracy among it, in the file of the family.

// A kernel is a row of the table. Slices are passed by the names of the parameters, or in the order of
// arrays to a function of the test; sizes by the names as well: rows and Batch are a number of rows, ld
// and what begins with it a row stride, any other int is n, the number of columns that most arrays have
// a multiple of. What a struct groups is named as q.Mu and q.Ld; what is not listed of it stays 0.
type kernel[T Float] struct {
	name   string // of the function, with a variant behind a slash
	f      any
	with   map[string]any // the values of other parameters, and of sizes that are fixed
	arrays []array

	each  bool // works element by element: a unit of one column of every block
	joint bool // a row is not on its own: a sum over rows, numbers named by their place
	slow  bool // no long rows, for time

	known []param // what params has found

	unit     func(x []gateNum) (y []gateNum) // the equation of a unit, columns of the inputs -> columns of the outputs
	backward bool                            // where the equation is infinite, the kernel may have NaN
}

// An array is a slice argument [rows, columns].
type array struct {
	name   string
	blocks []block
	in     bool // its values matter
	out    bool // it is written

	stride string   // the parameter that is its row stride; dense without
	one    bool     // one row for the whole call
	absent bool     // always nil
	counts bool     // its length says how many columns there are, so it cannot be too short
	free   bool     // as an output, it may hold denormals
	shares []string // as an output, the inputs that it may be the same slice as
	nils   []string // the cases in which it is nil
	zeros  bool     // as an input, nil means zeros
}

// A block is a number of columns of one kind, n of them where cols is 0, or n(n-1)/2 where it is triangle.
type block struct {
	kind kind
	cols int
}

// A kind says what a column holds, for drawing test values.
type kind int

const (
	kindAny    kind = iota
	kindMean        // sometimes so large that differences overflow
	kindScale       // of the form of the call
	kindBit         // mostly 0 or 1
	kindTarget      // an index of a column
	kindMask        // 0 or, mostly, 1
	kindPre         // pre-activations
	kindSigma       // activated by σ
	kindTanh        // activated by tanh
	kindState       // c, h
	kindGrad
	kindWeight // peepholes
	kindUnread // a column that the kernel must not look at
)

// in, out and inout make arrays with n columns of each kind; none is a slice that is not there.
func in(name string, kinds ...kind) array    { return array{name: name, in: true}.columns(0, kinds) }
func out(name string, kinds ...kind) array   { return array{name: name, out: true}.columns(0, kinds) }
func inout(name string, kinds ...kind) array { return in(name, kinds...).written() }
func none(name string) array                 { return array{name: name, absent: true} }

// value and weight have one column, an output and an input.
func value(name string) array  { return array{name: name, out: true}.columns(1, []kind{kindAny}) }
func weight(name string) array { return array{name: name, in: true}.columns(1, []kind{kindAny}) }

func (a array) columns(cols int, kinds []kind) array {
	a.blocks = slices.Clone(a.blocks)
	for _, k := range kinds {
		a.blocks = append(a.blocks, block{k, cols})
	}
	return a
}

// wide adds columns whose number is not n.
func (a array) wide(cols int, kinds ...kind) array { return a.columns(cols, kinds) }

func (a array) written() array                { a.out = true; return a }
func (a array) ld(param string) array         { a.stride = param; return a }
func (a array) row() array                    { a.one = true; return a }
func (a array) length() array                 { a.counts = true; return a }
func (a array) denormal() array               { a.free = true; return a }
func (a array) over(names ...string) array    { a.shares = names; return a }
func (a array) without(cases ...string) array { a.nils = cases; return a }
func (a array) orZeros() array                { a.zeros = true; return a.without(a.name) }

// width is how many columns there are.
func (a *array) width(n int) (w int) {
	for _, b := range a.blocks {
		w += b.size(n)
	}
	return w
}

// triangle is the columns of a strictly triangular matrix.
const triangle = -1

func (b block) size(n int) int {
	if b.cols == triangle {
		return n * (n - 1) / 2
	}
	if b.cols > 0 {
		return b.cols
	}
	return n
}

// kinds are those of all columns.
func (a *array) kinds(n int) []kind {
	kinds := make([]kind, 0, a.width(n))
	for _, b := range a.blocks {
		for range b.size(n) {
			kinds = append(kinds, b.kind)
		}
	}
	return kinds
}

func (k *kernel[T]) fn() string { fn, _, _ := strings.Cut(k.name, "/"); return fn }

// array returns the index of an array.
func (k *kernel[T]) array(name string) int {
	return slices.IndexFunc(k.arrays, func(a array) bool { return a.name == name })
}

var paramNames = sync.OnceValue(func() map[string][]string {
	params, err := asmtest.Params(".")
	if err != nil {
		panic(err)
	}
	return params
})

// A param is a parameter, or a field of one that points to a struct, as q.Mu.
type param struct {
	name  string // nothing where f is a function of the test
	t     reflect.Type
	group bool // its fields follow
}

// field is the name within a struct, or of the parameter.
func (p param) field() string { return p.name[strings.LastIndex(p.name, ".")+1:] }

// isField reports whether the parameter is part of a struct.
func (p param) isField() bool { return strings.Contains(p.name, ".") }

func (p param) isStride() bool { return strings.HasPrefix(strings.ToLower(p.field()), "ld") }

// named reports whether f is a function of the package.
func (k *kernel[T]) named() bool { return len(paramNames()[k.fn()]) == reflect.TypeOf(k.f).NumIn() }

// params returns the parameters.
func (k *kernel[T]) params() (params []param) {
	if k.known != nil {
		return k.known
	}
	f := reflect.TypeOf(k.f)
	for i := range f.NumIn() {
		p := param{t: f.In(i)}
		if k.named() {
			p.name = paramNames()[k.fn()][i]
		}
		p.group = p.t.Kind() == reflect.Pointer
		params = append(params, p)
		if p.group {
			for _, field := range reflect.VisibleFields(p.t.Elem()) {
				params = append(params, param{name: p.name + "." + field.Name, t: field.Type})
			}
		}
	}
	k.known = params
	return params
}

// has reports whether a parameter is called so, or a field of one.
func (k *kernel[T]) has(fields ...string) bool {
	return slices.ContainsFunc(k.params(), func(p param) bool { return slices.Contains(fields, p.field()) })
}

// hasRows reports whether there is a number of rows; else there is one.
func (k *kernel[T]) hasRows() bool { return k.has("rows", "Batch") }

// forms returns the forms of scale that the kernel is to be tested with.
func (k *kernel[T]) forms() []ScaleForm {
	if k.has("form", "Form") {
		return gaussForms
	}
	return gaussForms[:1]
}

// table returns all kernels.
func table[T Float]() []kernel[T] {
	likelihoods := slices.Concat(gaussTable[T](), mixtureTable[T](), discreteTable[T]())
	return slices.Concat(vecTable[T](), linearTable[T](), gateTable[T](), likelihoods, masked(likelihoods))
}

// masked returns the kernels that take a mask, with one: of every entry of x or, where there is no x, of
// every entry of a Gaussian.
func masked[T Float](ks []kernel[T]) (list []kernel[T]) {
	for _, k := range ks {
		for _, of := range []string{"x", "y", "target", "q.Mu"} {
			group := "p.Mask"
			if of == "q.Mu" {
				group = "q.Mask"
			}
			i := k.array(of)
			if i < 0 || !k.has("Mask") || !strings.Contains(k.name, "LogProb") && !strings.Contains(k.name, "KL") ||
				strings.Contains(k.name, "/d=2") || strings.Contains(k.name, "/d=1") { // they differ by nothing that a mask has to do with
				continue
			}
			mask := array{name: group, in: true}
			for _, b := range k.arrays[i].blocks {
				mask.blocks = append(mask.blocks, block{kindMask, b.cols})
			}
			k.name, k.arrays = maskedName(k.name), append(slices.Clip(k.arrays), mask)
			list = append(list, k)
			break
		}
	}
	return list
}

// maskedName is the name of a variant with a mask.
func maskedName(name string) string {
	if strings.Contains(name, "/") {
		return name + ",mask"
	}
	return name + "/mask"
}

// isMask reports whether array i is a mask.
func (k *kernel[T]) isMask(i int) bool {
	b := k.arrays[i].blocks
	return len(b) > 0 && b[0].kind == kindMask
}

// The functions of one argument, their gradients, the optimisers.
func vecTable[T Float]() (ks []kernel[T]) {
	forward := func(name string, f func(dst, x []T)) kernel[T] {
		return kernel[T]{name: name, f: f, each: true, arrays: []array{out("dst", kindAny).over("x"), in("x", kindAny).length()}}
	}
	backward := func(name string, f func(dx, dy, y []T)) kernel[T] {
		return kernel[T]{name: name, f: f, each: true,
			arrays: []array{out("dx", kindAny).over("dy", "y"), in("dy", kindAny), in("y", kindAny).length()}}
	}
	adam := func(name string, decay float64) kernel[T] {
		return kernel[T]{name: name, f: Adam[T], each: true,
			with:   map[string]any{"o.LR": 1e-3, "o.Beta1": 0.9, "o.Beta2": 0.999, "o.Eps": 1e-8, "o.Decay": decay, "o.C1": 0.3, "o.C2": 0.01},
			arrays: []array{inout("p", kindAny).length(), in("g", kindAny), inout("a.M", kindAny), inout("a.V", kindAny)}}
	}
	p, g, sum := inout("p", kindAny).length(), in("g", kindAny), inout("s", kindAny)
	return []kernel[T]{
		forward("Exp", Exp[T]), forward("Log", Log[T]), forward("Tanh", Tanh[T]),
		forward("Sigmoid", Sigmoid[T]), forward("Softplus", Softplus[T]), forward("ReLU", ReLU[T]),
		forward("Square", Square[T]), forward("Sqrt", Sqrt[T]),
		{name: "Magnitude", f: Magnitude[T], each: true,
			arrays: []array{out("dst", kindAny).over("re", "im"), in("re", kindAny).length(), in("im", kindAny)}},
		backward("TanhBackward", TanhBackward[T]), backward("SigmoidBackward", SigmoidBackward[T]),
		backward("SoftplusBackward", SoftplusBackward[T]), backward("ReLUBackward", ReLUBackward[T]),
		{name: "Axpy", f: Axpy[T], each: true, with: map[string]any{"a": 1.7},
			arrays: []array{inout("dst", kindAny).over("x"), in("x", kindAny).length()}},
		{name: "Scal", f: Scal[T], each: true, with: map[string]any{"a": -0.3},
			arrays: []array{out("dst", kindAny).over("x"), in("x", kindAny).length()}},
		adam("Adam", 0), adam("Adam/decay", 0.1),
		{name: "SGD", f: SGD[T], each: true, with: map[string]any{"o.LR": 0.01, "o.Momentum": 0.9},
			arrays: []array{p, g, inout("m", kindAny)}},
		{name: "SGD/plain", f: SGD[T], each: true, with: map[string]any{"o.LR": 0.01}, arrays: []array{p, g, none("m")}},
		{name: "Adagrad", f: Adagrad[T], each: true, with: map[string]any{"o.LR": 0.01, "o.Eps": 1e-8}, arrays: []array{p, g, sum}},
	}
}

// Sums over rows or columns, softmax, noise.
func linearTable[T Float]() []kernel[T] {
	noise := map[string]any{"n": Noise{Seed: 0xfedcba9876543210, Stream: 200, Update: 7}, "step": uint32(5), "row": uint32(1<<32 - maxTestElems)}
	x := in("x", kindAny)
	int8Arrays := []array{inout("c").wide(int8Outputs, kindAny).ld("ldc").denormal(), x.ld("ldx"), in("w", slices.Repeat([]kind{kindAny}, int8Outputs)...).row().length()}
	return []kernel[T]{
		{name: "SumSquares", f: func(dst, x []T) { dst[0] = T(SumSquares(x)) }, arrays: []array{value("sum"), x.length()}},
		{name: "SetRows", f: SetRows[T], each: true, arrays: []array{out("c", kindAny).ld("ldc"), in("bias", kindAny).row().orZeros()}},
		{name: "AddColumnSums", f: AddColumnSums[T], joint: true,
			arrays: []array{inout("dst", kindAny).row(), x.ld("ldx")}},
		{name: "AddColumnProducts", f: AddColumnProducts[T], joint: true,
			arrays: []array{inout("dst", kindAny).row(), in("a", kindAny).ld("lda"), in("b", kindAny).ld("ldb")}},
		{name: "Softmax", f: Softmax[T], arrays: []array{out("dst", kindAny).over("x"), x}},
		{name: "SoftmaxBackward", f: SoftmaxBackward[T],
			arrays: []array{out("dx", kindAny).over("dy", "y"), in("dy", kindAny), in("y", kindAny)}},
		{name: "LogSumExp", f: LogSumExp[T], arrays: []array{value("dst"), x}},
		{name: "LayerNorm", f: LayerNorm[T], with: map[string]any{"eps": 1e-5},
			arrays: []array{inout("y", kindAny).ld("n.Ld").denormal(), out("n.XHat", kindAny).ld("n.Ld").over("x").denormal(), value("n.RStd"), x.ld("n.Ld"), in("n.Weight", kindAny).row()}},
		{name: "LayerNormBackward", f: LayerNormBackward[T],
			arrays: []array{out("dx", kindAny).ld("n.Ld").over("dy", "n.XHat").denormal(), in("dy", kindAny).ld("n.Ld"), in("n.XHat", kindAny).ld("n.Ld"),
				weight("n.RStd"), in("n.Weight", kindAny).row()}},
		{name: "GemmInt8", f: gemmInt8Of[T], arrays: int8Arrays},
		{name: "GemmInt8/dot=off", f: gemmInt8WithoutDot[T], arrays: int8Arrays},
		{name: "Uniforms", f: Uniforms[T], joint: true, with: noise, arrays: []array{out("dst", kindAny)}},
		{name: "Normals", f: Normals[T], joint: true, with: noise, arrays: []array{out("dst", kindAny)}},
	}
}

// The gates of recurrent cells.
func gateTable[T Float]() (ks []kernel[T]) {
	for _, name := range []string{"tanh", "relu"} {
		act := map[string]any{"s.Act": map[string]Activation{"tanh": RNNTanh, "relu": RNNReLU}[name]}
		ks = append(ks,
			kernel[T]{name: "RNNStep/" + name, f: RNNStep[T], with: act, unit: rnnUnit(name),
				arrays: []array{out("s.H", kindState).over("s.Gates"), in("s.Gates", kindPre).ld("s.Ld")}},
			kernel[T]{name: "RNNStepBackward/" + name, f: RNNStepBackward[T], with: act, unit: rnnBackwardUnit(name),
				arrays: []array{out("d.Gates", kindGrad).ld("s.Ld").over("d.H", "s.H"), in("d.H", kindGrad), in("s.H", kindTanh)}})
	}
	pre := func(kinds ...kind) array { return inout("s.Gates", kinds...).ld("s.Ld") }
	active := func(kinds ...kind) array { return in("s.Gates", kinds...).ld("s.Ld") }
	dgates := func(kinds ...kind) array { return out("d.Gates", kinds...).ld("s.Ld").over("s.Gates") }
	h, dh, hPrev := out("s.H", kindState), in("d.H", kindGrad), in("s.HPrev", kindState).orZeros()
	cPrev := in("s.CPrev", kindState).orZeros()
	for _, peephole := range []array{none("s.Peephole"), in("s.Peephole", kindWeight, kindWeight, kindWeight).row().without("peephole")} {
		name := ""
		if !peephole.absent {
			name = "/peephole"
		}
		ks = append(ks,
			kernel[T]{name: "LSTMStep" + name, f: LSTMStep[T], unit: lstmUnit,
				arrays: []array{h, out("s.C", kindState).over("s.CPrev"), pre(kindPre, kindPre, kindPre, kindPre).denormal(), cPrev, peephole}},
			kernel[T]{name: "LSTMStepBackward" + name, f: LSTMStepBackward[T], unit: lstmBackwardUnit,
				arrays: []array{dgates(kindGrad, kindGrad, kindGrad, kindGrad), out("d.CPrev", kindGrad).over("d.C"), dh, in("d.C", kindGrad).orZeros(),
					active(kindSigma, kindSigma, kindTanh, kindSigma), cPrev, in("s.C", kindState), peephole}})
	}
	h, dhPrev := h.over("s.HPrev"), out("d.HPrev", kindGrad).over("d.H")
	const none = kindUnread
	ks = append(ks,
		kernel[T]{name: "GRUStep", f: GRUStep[T], unit: gruStepUnit,
			arrays: []array{h, pre(kindPre, kindPre, kindPre, kindPre).denormal(), hPrev}},
		kernel[T]{name: "GRUStepBackward", f: GRUStepBackward[T], unit: gruStepBackwardUnit,
			arrays: []array{dgates(kindGrad, kindGrad, kindGrad, kindGrad), dhPrev, dh, active(kindSigma, kindSigma, kindTanh, kindPre), hPrev}},
		kernel[T]{name: "GRUBeforeReset", f: GRUBeforeReset[T], unit: gruResetUnit,
			arrays: []array{pre(kindPre, kindPre, none, kindState).denormal(), hPrev}}, // rh of a denormal hPrev
		kernel[T]{name: "GRUBeforeUpdate", f: GRUBeforeUpdate[T], unit: gruUpdateUnit,
			arrays: []array{h, pre(none, kindSigma, kindPre, none).denormal(), hPrev}},
		kernel[T]{name: "GRUBeforeUpdateBackward", f: GRUBeforeUpdateBackward[T], unit: gruUpdateBackwardUnit,
			arrays: []array{dgates(none, kindGrad, kindGrad, none), dhPrev, dh, active(none, kindSigma, kindTanh, none), hPrev}},
		kernel[T]{name: "GRUBeforeResetBackward", f: GRUBeforeResetBackward[T], unit: gruResetBackwardUnit,
			arrays: []array{dgates(kindGrad, none, none, none), inout("d.HPrev", kindGrad), dh, active(kindSigma, none, none, none), hPrev}})
	for i := range ks {
		ks[i].each, ks[i].backward = true, strings.Contains(ks[i].name, "Backward")
	}
	return ks
}

// Gaussians: [rows, n] of means and scales with a stride of their own.
func gaussTable[T Float]() []kernel[T] {
	// of and grad are the arrays of a Gaussian and of its gradient, which are left out in the cases.
	of := func(name string, cases ...string) []array {
		ld := name + ".Ld"
		return []array{in(name+".Mu", kindMean).ld(ld).without(cases...), in(name+".S", kindScale).ld(ld).without(cases...)}
	}
	grad := func(name string, cases ...string) []array {
		mu, s, ld := name+".Mu", name+".S", name+".Ld"
		return []array{out("d"+mu, kindAny).ld(ld).over(mu).without(cases...), out("d"+s, kindAny).ld(ld).over(s).without(cases...)}
	}
	list := func(parts ...any) (arrays []array) {
		for _, part := range parts {
			if a, one := part.(array); one {
				arrays = append(arrays, a)
			} else {
				arrays = append(arrays, part.([]array)...)
			}
		}
		return arrays
	}
	kl, lp := value("kl"), value("lp")
	x, eps := in("x", kindMean), in("eps", kindAny)
	q, p, dq := of("q"), of("p"), grad("q")
	return []kernel[T]{
		{name: "GaussKL", f: GaussKL[T], arrays: list(kl, q, p)},
		{name: "GaussKLStandard", f: GaussKLStandard[T], arrays: list(kl, q)},
		{name: "GaussKLBackward", f: GaussKLBackward[T],
			arrays: list(kl.without("kl"), dq, grad("p", "fixed p"), weight("dkl"), q, p)},
		{name: "GaussKLStandardBackward", f: GaussKLStandardBackward[T],
			arrays: list(kl.without("kl"), dq, weight("dkl"), q)},
		{name: "GaussLogProb", f: GaussLogProb[T], arrays: list(lp, x, p)},
		{name: "GaussLogProbBackward", f: GaussLogProbBackward[T],
			arrays: list(lp.without("lp"), out("dx", kindAny).over("x").without("dx"), grad("p"), weight("dlp"), x, p)},
		{name: "GaussSample", f: GaussSample[T], arrays: list(out("z", kindAny).over("eps"), q, eps)},
		{name: "GaussSampleBackward", f: GaussSampleBackward[T],
			arrays: list(inout("dq.Mu", kindAny).ld("q.Ld"), inout("dq.S", kindAny).ld("q.Ld"), in("dz", kindAny), none("q.Mu"), q[1], eps)},
		{name: "LatentStep", f: LatentStep[T],
			arrays: list(out("out.Z", kindAny).over("eps"), value("out.KL"), out("out.Sigma", kindAny).without("sigma"), q, of("p", "standard"), eps)},
		{name: "LatentStepBackward", f: LatentStepBackward[T],
			arrays: list(dq, grad("p", "fixed p", "standard"), in("dz", kindAny), weight("dkl"), q, of("p", "standard"), eps)},
	}
}

// Mixtures. The bivariate ones have n components of 2 dimensions, the logistic ones n of 1 or 3
// columns, or 3 of n.
func mixtureTable[T Float]() (ks []kernel[T]) {
	lp, dlp := value("lp"), weight("dlp")
	three := func(k kind) []kind { return []kind{k, k, k} }
	part := func(name string, kinds []kind) array { return in("p."+name, kinds...).ld("p.Ld") }
	// grad is the gradient of an input, or of a field of p.
	grad := func(a array) array { a.name, a.in, a.out = "d"+a.name, false, true; return a }
	x := in("x", kindMean)
	for _, c := range []struct { // 3 components of n columns, n of 2
		name      string
		with      map[string]any
		x, logits array
		parts     int // times n elements of mu and of s
	}{
		{"", map[string]any{"p.K": 3}, x, in("p.Logits").wide(3, kindAny), 3},
		{"/d=2", map[string]any{"cols": 2}, in("x").wide(2, kindMean), in("p.Logits", kindAny), 2},
		{"/dense", map[string]any{"p.K": 3, "p.Ld": Dense}, x, in("p.Logits").wide(3, kindAny), 3},
	} {
		times := func(k kind) []kind { return slices.Repeat([]kind{k}, c.parts) }
		logits, mu, s := c.logits.ld("p.Ld"), part("Mu", times(kindMean)), part("S", times(kindScale))
		if c.with["p.Ld"] != nil {
			logits, mu, s = logits.ld(""), mu.ld(""), s.ld("")
		}
		ks = append(ks,
			kernel[T]{name: "GMMLogProb" + c.name, f: GMMLogProb[T], with: c.with, arrays: []array{lp, c.x, logits, mu, s}},
			kernel[T]{name: "GMMLogProbBackward" + c.name, f: GMMLogProbBackward[T], with: c.with,
				arrays: []array{lp.without("lp"), grad(c.x).without("dx"), grad(logits), grad(mu).over("p.Mu"), grad(s).over("p.S"),
					dlp, c.x, logits, mu, s}})
	}

	pen := in("y").wide(3, kindAny)
	planes := []kind{kindAny, kindAny, kindScale, kindScale, kindAny, kindAny} // means, scales, correlation, logits
	theta := in("p.Theta").wide(1, kindAny).columns(0, planes).ld("p.Ld")
	single := in("p.Theta").wide(1, kindAny).wide(1, planes[:5]...).ld("p.Ld")
	one := map[string]any{"p.K": 1}
	ks = append(ks,
		kernel[T]{name: "BivariateMixtureLogProb", f: BivariateMixtureLogProb[T], arrays: []array{lp, pen, theta}},
		kernel[T]{name: "BivariateMixtureLogProbBackward", f: BivariateMixtureLogProbBackward[T],
			arrays: []array{lp.without("lp"), grad(pen).without("dy"), grad(theta), dlp, pen, theta}},
		kernel[T]{name: "BivariateLogProb", f: BivariateLogProb[T], with: one, arrays: []array{lp, pen, single}},
		kernel[T]{name: "BivariateLogProbBackward", f: BivariateLogProbBackward[T], with: one,
			arrays: []array{lp.without("lp"), grad(pen).without("dy"), grad(single), dlp, pen, single}})

	for _, c := range []struct {
		name      string
		d, levels int
	}{{"/d=1", 1, 256}, {"/d=3", 3, 5}} {
		with := map[string]any{"cols": c.d, "levels": c.levels}
		kinds := func(k kind) []kind { return slices.Repeat([]kind{k}, c.d) }
		x := in("x").wide(c.d, kindAny)
		logits, mu, s := part("Logits", kinds(kindAny)), part("Mu", kinds(kindAny)), part("S", kinds(kindScale))
		ks = append(ks,
			kernel[T]{name: "LogisticMixtureLogProb" + c.name, f: LogisticMixtureLogProb[T], with: with, arrays: []array{lp, x, logits, mu, s}},
			kernel[T]{name: "LogisticMixtureLogProbBackward" + c.name, f: LogisticMixtureLogProbBackward[T], with: with,
				arrays: []array{lp.without("lp"), grad(logits), grad(mu).over("p.Mu"), grad(s).over("p.S"), dlp, x, logits, mu, s}})
	}
	ks = append(ks, kernel[T]{name: "LogisticMixtureLogProb/k=3", f: LogisticMixtureLogProb[T],
		with:   map[string]any{"p.K": 3, "levels": 1 << 16},
		arrays: []array{lp, x, part("Logits", three(kindAny)), part("Mu", three(kindAny)), part("S", three(kindScale))}})
	ks = append(ks, multivariateTable[T]()...)
	for i := range ks {
		ks[i].slow = true
	}
	return ks
}

func multivariateTable[T Float]() (ks []kernel[T]) {
	lp, dlp, x := value("lp"), weight("dlp"), in("x", kindAny)
	for _, c := range []struct {
		name     string
		nu       float64
		diagonal bool
		rank     int
	}{{"", 0, false, 0}, {"/diagonal", 0, true, 0}, {"/student", 3.5, false, 0}, {"/student,diagonal", 3.5, true, 0},
		{"/rank", 0, false, 3}, {"/student,rank", 3.5, false, 1}} {
		with := map[string]any{"p.Nu": c.nu, "p.Diagonal": c.diagonal, "p.Rank": c.rank}
		factors := slices.Repeat([]kind{kindAny}, 2+c.rank)
		theta, dtheta, eps := in("p.Theta", factors...), out("dp.Theta", factors...), in("eps", kindAny)
		draws := out("x", kindAny)
		switch {
		case c.rank > 0:
			eps = eps.wide(c.rank, kindAny)
		case !c.diagonal:
			theta, dtheta = theta.columns(triangle, []kind{kindAny}), dtheta.columns(triangle, []kind{kindAny})
		}
		if c.rank == 0 {
			draws = draws.over("eps")
		}
		theta, dtheta = theta.ld("p.Ld"), dtheta.ld("p.Ld")
		ks = append(ks,
			kernel[T]{name: "MultivariateLogProb" + c.name, f: MultivariateLogProb[T], with: with, arrays: []array{lp, x, theta}},
			kernel[T]{name: "MultivariateLogProbBackward" + c.name, f: MultivariateLogProbBackward[T], with: with,
				arrays: []array{lp.without("lp"), dtheta, value("dp.Nu").without("dp.Nu"), dlp, x, theta}},
			kernel[T]{name: "MultivariateSample" + c.name, f: MultivariateSample[T], with: with, arrays: []array{draws, theta, eps}})
	}
	return ks
}

// Outcomes that are one of n, or n bits.
func discreteTable[T Float]() []kernel[T] {
	lp, dlp, x, logits := value("lp"), weight("dlp"), in("x", kindBit), in("p.Logits", kindAny)
	target := in("target").wide(1, kindTarget)
	return []kernel[T]{
		{name: "BernoulliLogProb", f: BernoulliLogProb[T], arrays: []array{lp, x, logits}},
		{name: "BernoulliLogProbBackward", f: BernoulliLogProbBackward[T],
			arrays: []array{lp.without("lp"), out("dp.Logits", kindAny).over("p.Logits", "x"), dlp, x, logits}},
		{name: "CategoricalLogProb", f: CategoricalLogProb[T], arrays: []array{lp, target, logits}},
		{name: "CategoricalLogProbBackward", f: CategoricalLogProbBackward[T],
			arrays: []array{lp.without("lp"), out("dp.Logits", kindAny).over("p.Logits"), dlp, target, logits}},
	}
}

// elsewhere are the functions of package simd that no row of the table calls, as patterns, with who
// tests them.
var elsewhere = map[string]string{
	"Gem*64":    "asm/simd and blas",
	"Gem*":      "blas/blastest and fused_test.go",
	"LSTMTiles": "fused_test.go",
	"Chains":    "internal/measure",
}

// maxTestElems is beyond what one call of machine code gets.
const maxTestElems = simd.MaxElems + 1000
