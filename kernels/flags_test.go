package kernels

import "flag"

// exhaustive turns the sweeps over a part of the inputs, or of the shapes of fused steps, into
// sweeps over all of them.
var exhaustive = flag.Bool("exhaustive", false, "sweep all 2^32 inputs of the one-argument functions, all shapes of the fused steps")
