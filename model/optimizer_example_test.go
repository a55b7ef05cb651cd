package model_test

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// Layers of package cell in a loop of one's own: a classifier that hears whether a sequence has begun with 1 or -1.
func ExampleOptimizer() {
	const in, hidden, classes, batch = 1, 8, 2, 4
	lstm, head := cell.NewRecurrent[float32](cell.LSTM, in, hidden), cell.NewDense[float32](hidden, classes, cell.Linear)
	lstm.Init(kernels.Noise{Seed: 1})
	head.Init(kernels.Noise{Seed: 1, Stream: 1})
	dlstm, dhead := lstm.NewGrad(), head.NewGrad()
	params, grads := append(lstm.Tensors(), head.Tensors()...), append(dlstm.Tensors(), dhead.Tensors()...)

	shape, seq := cell.NewRagged(5, 4, 3, 2), cell.NewSequence[float32]()
	x := make([]float32, shape.Rows()*in)
	copy(x, []float32{1, -1, -1, 1}) // step 0 of all
	target := []int32{1, 0, 0, 1}

	h, dh := make([]float32, batch*hidden), make([]float32, batch*hidden)
	logits, dlogits := make([]float32, batch*classes), make([]float32, batch*classes)
	lp, dlp := make([]float32, batch), []float32{-0.25, -0.25, -0.25, -0.25} // the loss is -Σ lp / batch

	adamw := &model.Optimizer{Method: model.OptimizerAdamW, Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Decay: 0.01, Clip: 1}
	for range 40 {
		lstm.PackForTraining()
		head.PackForTraining()
		lstm.Forward(seq, shape, x, nil, nil, 1)
		seq.Final(h, nil)
		head.Forward(logits, h, batch)

		cell.Zero(grads)
		kernels.CategoricalLogProbBackward(lp, &kernels.CategoricalGrad[float32]{Logits: dlogits}, dlp, target,
			&kernels.Categorical[float32]{Logits: logits}, batch, classes)
		head.ParamGrad(dhead, dlogits, h, batch, 0, hidden, 0, classes)
		head.InputGrad(dh, dlogits, batch, 0, hidden, false)
		lstm.Backward(seq, dlstm, cell.Grads[float32]{DHn: dh}, x, 1)
		adamw.Step(params, grads)
	}
	fmt.Printf("%.2f\n", lp)
	// Output:
	// [-0.10 -0.02 -0.06 -0.18]
}
