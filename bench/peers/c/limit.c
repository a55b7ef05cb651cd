// Streaming limits: the large arrays of a case read and written once, with one addition an
// element and array. What a kernel of any arithmetic cannot beat, if it reads in this order.
#include "peer.h"

typedef float *restrict out;
typedef const float *restrict in;

#define PASS static __attribute__((noinline)) void

static volatile float sink;

PASS read2(in a, in b, long n) {
	float s0 = 0, s1 = 0;
	for (long i = 0; i < n; i++) s0 += a[i], s1 += b[i];
	sink = s0 + s1;
}
PASS read3(in a, in b, in c, long n) {
	float s0 = 0, s1 = 0, s2 = 0;
	for (long i = 0; i < n; i++) s0 += a[i], s1 += b[i], s2 += c[i];
	sink = s0 + s1 + s2;
}
PASS read4(in a, in b, in c, in d, long n) {
	float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	for (long i = 0; i < n; i++) s0 += a[i], s1 += b[i], s2 += c[i], s3 += d[i];
	sink = s0 + s1 + s2 + s3;
}
PASS read2write1(in a, in b, out x, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + b[i];
}
PASS read2write2(in a, in b, out x, out y, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + b[i], y[i] = a[i] - b[i];
}
PASS read3write3(in a, in b, in c, out x, out y, out z, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + b[i], y[i] = b[i] + c[i], z[i] = c[i] + a[i];
}
PASS read4write4(in a, in b, in c, in d, out x, out y, out z, out u, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + b[i], y[i] = b[i] + c[i], z[i] = c[i] + d[i], u[i] = d[i] + a[i];
}
PASS read5write2(in a, in b, in c, in d, in e, out x, out y, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + b[i], y[i] = (c[i] + d[i]) + e[i];
}
PASS read6write4(in a, in b, in c, in d, in e, in f, out x, out y, out z, out u, long n) {
	for (long i = 0; i < n; i++) x[i] = a[i] + e[i], y[i] = b[i] + f[i], z[i] = c[i] + e[i], u[i] = d[i] + f[i];
}
PASS read1change3(in g, out p, out m, out v, long n) {
	for (long i = 0; i < n; i++) m[i] += g[i], v[i] += g[i], p[i] += g[i];
}

#define LIMIT(name, call)                                  \
	static void name(float *const *A, const int *d) {      \
		long n = (long)d[0] * d[1];                        \
		call;                                              \
	}
LIMIT(kl, read4(A[1], A[2], A[3], A[4], n))
LIMIT(kl_backward, read4write4(A[6], A[7], A[8], A[9], A[1], A[2], A[3], A[4], n))
LIMIT(log_prob, read3(A[1], A[2], A[3], n))
LIMIT(log_prob_backward, read3write3(A[5], A[6], A[7], A[1], A[2], A[3], n))
LIMIT(latent, read5write2(A[3], A[4], A[5], A[6], A[7], A[1], A[2], n))
LIMIT(latent_backward, read6write4(A[6], A[7], A[8], A[9], A[4], A[10], A[0], A[1], A[2], A[3], n))
LIMIT(gmm, read2(A[3], A[4], n * d[2]))
LIMIT(gmm_backward, read2write2(A[7], A[8], A[2], A[3], n * d[2]))
LIMIT(bernoulli, read2(A[1], A[2], n))
LIMIT(bernoulli_backward, read2write1(A[3], A[4], A[1], n))
static void adam(float *const *A, const int *d) { read1change3(A[3], A[0], A[1], A[2], d[0]); }

#define FORMS(family, f) {family ".Sigma", "limit", f}, {family ".LogVar", "limit", f}, {family ".SoftplusSigma", "limit", f}
const struct peer limit_peers[] = {
	FORMS("GaussKL", kl), FORMS("GaussKLBackward", kl_backward), FORMS("GaussLogProb", log_prob), FORMS("GaussLogProbBackward", log_prob_backward),
	FORMS("LatentStep", latent), FORMS("LatentStepBackward", latent_backward), FORMS("GMMLogProb", gmm), FORMS("GMMLogProbBackward", gmm_backward),
	{"BernoulliLogProb", "limit", bernoulli}, {"BernoulliLogProbBackward", "limit", bernoulli_backward}, {"Adam", "limit", adam}, {0},
};
