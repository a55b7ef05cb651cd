package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// average is the exponential moving average a of the parameters p,
//
//	a = p                       before and after the first update
//	a = decay a + (1-decay) p   after every other one
//
// (torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn; Polyak and Juditsky 1992). It is
// a model of its own, so that it can be scored and stored while training goes on with the other.
type average struct {
	model  Model[float32]
	shards *shards
	params []cell.Tensor[float32]
	decay  float32
}

// newAverage returns the average of m, before the first update: m itself.
func newAverage(m Model[float32], config TrainConfig) (*average, error) {
	a, err := New[float32](m.Settings())
	if err != nil {
		return nil, err
	}
	from := stored(m)
	for i, ts := range stored(a) {
		copy(ts.Data, from[i].Data)
	}
	return &average{model: a, shards: newShards(a, config.Shards, config.Threads, nil), params: a.Tensors(), decay: float32(config.EMADecay)}, nil
}

// add takes the parameters after an update, counted from 1.
func (a *average) add(params []cell.Tensor[float32], update uint32) {
	for i, t := range a.params {
		if update == 1 {
			copy(t.Data, params[i].Data)
			continue
		}
		kernels.Scal(t.Data, t.Data, a.decay)
		kernels.Axpy(t.Data, params[i].Data, 1-a.decay)
	}
}

// averaged returns the tensors under the names that an average has in checkpoints, ema.NAME.
func averaged(ts []cell.Tensor[float32]) []cell.Tensor[float32] {
	named := make([]cell.Tensor[float32], len(ts))
	for i, t := range ts {
		t.Name = "ema." + t.Name
		named[i] = t
	}
	return named
}
