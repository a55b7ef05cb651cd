// Package model holds the models of sequences and data points, their objective, and how they
// are trained, stored and sampled.
//
//	Config --New--> Model (parameters) --NewPass--> Pass
//	                                                 |
//	Data --Batch, Objective--> Forward --> LogProb, KL per row --> Totals --> Score
//	                           Backward --> gradient --> Optimizer --> Model
//
//	Trainer (epochs, warm-up, early stopping) --> checkpoint.safetensors, best.safetensors
//	checkpoint.safetensors --Resume--> Trainer
//	Updater (one update after another, of a stream or in a loop of one's own)
//	best.safetensors --Load--> Model --> Evaluate, ScoreSteps, Sample
//	                                     Scorer: Score, Continue   with z: Encode, Reconstruct
//	                                     VAE, VRAE: Encode, Decode   Regression: Predict
//	                                     Classifier: Classify
//
// The models, by what they have one latent variable for:
//
//	step          VRNN (vrnn, vrnn-i), STORN     every likelihood, any number of recurrent layers
//	sequence      VRAE                           likelihoods whose mean can be fed back, or a teacher
//	data point    VAE                            bernoulli and gauss; a point is a sequence of one step
//	nothing       VRNN (rnn), Regression, Classifier      exact likelihoods
//
// [Regression] describes one part of a data point given the other, [Classifier] the label of
// a sequence, starting from a VRAE if there is one.
//
// Every model of sequences or data points can be given conditions, which it does not predict: the class
// of a sequence, the time of day of a step, a promotion that is known beforehand. They are Given of a
// [Sequence], a [Batch] and a [Draw], and further inputs of the nets, so that log p(x) becomes
// log p(x | conditions) in all figures.
//
// The [Objective] is the variational bound with one or many draws, its KL term in closed
// form or sampled, or the importance-weighted bound; a VAE can also learn by wake-sleep or
// with the score function, and [MeasureGradient] compares the variances. [WeightPosterior]
// is a posterior over the parameters of any model. A setting of the training that a model
// has no use for is refused by [NewTrainer].
//
// Models are generic over float32 and float64: float32 is for use, float64 for checking
// gradients. Recurrent weights may be rounded to bfloat16 for inference, see [BF16Packer],
// and all weights be quantised to int8, see [Int8Packer].
// Everything random is drawn by counters (package kernels, Noise), so a run can be stopped
// and resumed, split over any number of goroutines, and repeated, with the same bits.
//
// All figures are in nats. Reported bounds are totals divided by steps with KL weight 1,
// whatever weight training used; those of a classifier are per sequence.
package model
