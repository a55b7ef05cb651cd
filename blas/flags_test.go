package blas_test

import "flag"

var exhaustive = flag.Bool("exhaustive", false, "test all shapes from 0 to 70 (half an hour or more per instruction set)")
