// Package model holds the models of sequences and data points, their objective, and how they
// are trained, stored and sampled.
//
//	Config --New--> Model (parameters) --NewPass--> Pass
//	                                                 |
//	Data --Batch, Objective--> Forward --> LogProb, KL per row --> Totals --> Score
//	                           Backward --> gradient --> Optimizer --> Model
//
//	Trainer (epochs, warm-up, early stopping) --> checkpoint.safetensors, best.safetensors
//	best.safetensors --Load--> Model --> Evaluate, Sample
//
// The models of sequences with one latent variable per step, or none, are [VRNN] and [STORN];
// they take every likelihood and any number of recurrent layers. [VRAE] has one latent
// variable per sequence, [VAE] one per data point; data points are sequences of one step.
// [Regression] describes one part of a data point given the other.
//
// The [Objective] is the variational bound with one or many draws, its KL term in closed
// form or sampled, or the importance-weighted bound; a VAE can also learn by wake-sleep or
// with the score function. [WeightPosterior] is a posterior over the parameters of any
// model.
//
// Models are generic over float32 and float64: float32 is for use, float64 for checking
// gradients. Everything random is drawn by counters (package kernels, Noise), so a run can
// be stopped and resumed, split over any number of goroutines, and repeated, with the same
// bits.
//
// All figures are in nats. Reported bounds are totals divided by steps with KL weight 1,
// whatever weight training used.
package model
