// Loaded before MKL, this answers its question whether the processor is Intel's, without which it
// takes no AVX-512 code.
int mkl_serv_intel_cpu_true(void) { return 1; }
