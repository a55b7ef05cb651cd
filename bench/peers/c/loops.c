// Plain loops, one fused loop a kernel, for gcc -O3 -ffast-math, which vectorises them and
// takes the elementary functions from libmvec. Compiled for AVX-512 and for AVX2: PEERS names
// the list, SUFFIX what the implementations get at the end of their names.
#include <math.h>
#include <stdlib.h>
#include "peer.h"

typedef float *restrict out;
typedef const float *restrict in;
typedef float *const *args;

#define HALF_LOG_2PI 0.91893853f
#define SCALE_EPS 1e-4f

static inline float softplus(float x) { return fmaxf(x, 0) + log1pf(expf(-fabsf(x))); }
static inline float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// Loops are in functions of their own: gcc believes restrict of arguments only.
#define ROW static __attribute__((noinline))

#define UNARY(name, expr)                                                                 \
	ROW void name##_row(out y, in x, int n) { for (int i = 0; i < n; i++) y[i] = expr; }   \
	static void name(args a, const int *d) { name##_row(a[0], a[1], d[0]); }
UNARY(exps, expf(x[i]))
UNARY(logs, logf(x[i]))
UNARY(tanhs, tanhf(x[i]))
UNARY(sigmoids, sigmoid(x[i]))
UNARY(softpluses, softplus(x[i]))

// A form gives sigma (SIGMA) and what the gradient of sigma is multiplied by (DSIGMA).
#define DIRECT(s) (s)
#define ONE(s) 1
#define SOFT(s) (softplus(s) + SCALE_EPS)

// Each row of a matrix is one call of the row function; P(i) is array i from this row on.
#define ROWS(name, call)                               \
	static void name(args A, const int *d) {           \
		int n = d[1];                                  \
		for (int b = 0; b < d[0]; b++) {               \
			long k = (long)b * n;                      \
			A[0][b] = call;                            \
		}                                              \
	}
#define P(i) (A[i] + k)

#define KL_ROW(name, SIGMA)                                                              \
	ROW float name(in mq, in sq, in mp, in sp, int n) {                                  \
		float s = 0;                                                                     \
		for (int i = 0; i < n; i++) {                                                    \
			float v = 1 / SIGMA(sp[i]), r = SIGMA(sq[i]) * v, t = (mq[i] - mp[i]) * v;   \
			s += 0.5f * (r * r + t * t - 1) - logf(r);                                   \
		}                                                                                \
		return s;                                                                        \
	}
KL_ROW(kl_row, DIRECT)
KL_ROW(kl_soft_row, SOFT)

ROW float kl_logvar_row(in mq, in lq, in mp, in lp, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float t = mq[i] - mp[i], l = lq[i] - lp[i];
		s += 0.5f * (expf(l) + t * t * expf(-lp[i]) - 1 - l);
	}
	return s;
}
ROWS(kl, kl_row(P(1), P(2), P(3), P(4), n))
ROWS(kl_soft, kl_soft_row(P(1), P(2), P(3), P(4), n))
ROWS(kl_logvar, kl_logvar_row(P(1), P(2), P(3), P(4), n))

#define KL_BACKWARD_ROW(name, SIGMA, DSIGMA)                                                       \
	ROW float name(out dmq, out dsq, out dmp, out dsp, float w, in mq, in sq, in mp, in sp, int n) { \
		float s = 0;                                                                               \
		for (int i = 0; i < n; i++) {                                                              \
			float q = SIGMA(sq[i]), v = 1 / SIGMA(sp[i]), r = q * v, t = (mq[i] - mp[i]) * v;      \
			s += 0.5f * (r * r + t * t - 1) - logf(r);                                             \
			float h = w * t * v;                                                                   \
			dmq[i] = h;                                                                            \
			dmp[i] = -h;                                                                           \
			dsq[i] = w * (r * v - 1 / q) * DSIGMA(sq[i]);                                          \
			dsp[i] = w * v * (1 - r * r - t * t) * DSIGMA(sp[i]);                                  \
		}                                                                                          \
		return s;                                                                                  \
	}
KL_BACKWARD_ROW(kl_backward_row, DIRECT, ONE)
KL_BACKWARD_ROW(kl_backward_soft_row, SOFT, sigmoid)

ROW float kl_backward_logvar_row(out dmq, out dlq, out dmp, out dlp, float w, in mq, in lq, in mp, in lp, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float t = mq[i] - mp[i], l = lq[i] - lp[i], r = expf(l), p = expf(-lp[i]), h = w * t * p;
		s += 0.5f * (r + t * t * p - 1 - l);
		dmq[i] = h;
		dmp[i] = -h;
		dlq[i] = 0.5f * w * (r - 1);
		dlp[i] = 0.5f * w * (1 - r - t * t * p);
	}
	return s;
}
#define KL_BACKWARD(f) f(P(1), P(2), P(3), P(4), A[5][b], P(6), P(7), P(8), P(9), n)
ROWS(kl_backward, KL_BACKWARD(kl_backward_row))
ROWS(kl_backward_soft, KL_BACKWARD(kl_backward_soft_row))
ROWS(kl_backward_logvar, KL_BACKWARD(kl_backward_logvar_row))

#define LOG_PROB_ROW(name, SIGMA)                                \
	ROW float name(in x, in m, in sg, int n) {                   \
		float s = 0;                                             \
		for (int i = 0; i < n; i++) {                            \
			float q = SIGMA(sg[i]), t = (x[i] - m[i]) / q;       \
			s -= 0.5f * t * t + logf(q) + HALF_LOG_2PI;          \
		}                                                        \
		return s;                                                \
	}
LOG_PROB_ROW(log_prob_row, DIRECT)
LOG_PROB_ROW(log_prob_soft_row, SOFT)

ROW float log_prob_logvar_row(in x, in m, in l, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float t = x[i] - m[i];
		s -= 0.5f * (t * t * expf(-l[i]) + l[i]) + HALF_LOG_2PI;
	}
	return s;
}
ROWS(log_prob, log_prob_row(P(1), P(2), P(3), n))
ROWS(log_prob_soft, log_prob_soft_row(P(1), P(2), P(3), n))
ROWS(log_prob_logvar, log_prob_logvar_row(P(1), P(2), P(3), n))

#define LOG_PROB_BACKWARD_ROW(name, SIGMA, DSIGMA)                                       \
	ROW float name(out dx, out dm, out ds, float w, in x, in m, in sg, int n) {          \
		float s = 0;                                                                     \
		for (int i = 0; i < n; i++) {                                                    \
			float q = SIGMA(sg[i]), v = 1 / q, t = (x[i] - m[i]) * v, h = w * t * v;     \
			s -= 0.5f * t * t + logf(q) + HALF_LOG_2PI;                                  \
			dx[i] = -h;                                                                  \
			dm[i] = h;                                                                   \
			ds[i] = w * v * (t * t - 1) * DSIGMA(sg[i]);                                 \
		}                                                                                \
		return s;                                                                        \
	}
LOG_PROB_BACKWARD_ROW(log_prob_backward_row, DIRECT, ONE)
LOG_PROB_BACKWARD_ROW(log_prob_backward_soft_row, SOFT, sigmoid)

ROW float log_prob_backward_logvar_row(out dx, out dm, out ds, float w, in x, in m, in l, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float t = x[i] - m[i], p = expf(-l[i]), h = w * t * p;
		s -= 0.5f * (t * t * p + l[i]) + HALF_LOG_2PI;
		dx[i] = -h;
		dm[i] = h;
		ds[i] = 0.5f * w * (t * t * p - 1);
	}
	return s;
}
#define LOG_PROB_BACKWARD(f) f(P(1), P(2), P(3), A[4][b], P(5), P(6), P(7), n)
ROWS(log_prob_backward, LOG_PROB_BACKWARD(log_prob_backward_row))
ROWS(log_prob_backward_soft, LOG_PROB_BACKWARD(log_prob_backward_soft_row))
ROWS(log_prob_backward_logvar, LOG_PROB_BACKWARD(log_prob_backward_logvar_row))

// The latent step without a kernel for it: the loops that a program has for sigma and the
// sample, and for the divergence, one after the other over the whole batch.
static float *scratch(long n) {
	static float *p;
	static long have;
	if (n > have) {
		free(p);
		if (posix_memalign((void **)&p, 4096, 4 * n)) abort();
		have = n;
	}
	return p;
}

ROW void copy(out y, in x, long n) { for (long i = 0; i < n; i++) y[i] = x[i]; }
ROW void soft(out y, in x, long n) { for (long i = 0; i < n; i++) y[i] = SOFT(x[i]); }
ROW void half_exp(out y, in x, long n) { for (long i = 0; i < n; i++) y[i] = expf(0.5f * x[i]); }
ROW void sample(out z, in m, in s, in e, long n) { for (long i = 0; i < n; i++) z[i] = m[i] + s[i] * e[i]; }

static void latent(args A, const int *d) {
	long n = (long)d[0] * d[1];
	copy(A[1], A[4], n);
	sample(A[2], A[3], A[1], A[7], n);
	kl((float *[]){A[0], A[3], A[1], A[5], A[6]}, d);
}

static void latent_soft(args A, const int *d) {
	long n = (long)d[0] * d[1];
	float *p = scratch(n);
	soft(A[1], A[4], n);
	soft(p, A[6], n);
	sample(A[2], A[3], A[1], A[7], n);
	kl((float *[]){A[0], A[3], A[1], A[5], p}, d);
}

static void latent_logvar(args A, const int *d) {
	long n = (long)d[0] * d[1];
	half_exp(A[1], A[4], n);
	sample(A[2], A[3], A[1], A[7], n);
	kl_logvar((float *[]){A[0], A[3], A[4], A[5], A[6]}, d);
}

// The gradient of the sample, added to that of mu and sigma, or its logarithm.
ROW void add_sample(out dm, out ds, in g, in e, long n) {
	for (long i = 0; i < n; i++) {
		dm[i] += g[i];
		ds[i] += g[i] * e[i];
	}
}

ROW void add_sample_logvar(out dm, out ds, in g, in e, in l, long n) {
	for (long i = 0; i < n; i++) {
		dm[i] += g[i];
		ds[i] += 0.5f * g[i] * e[i] * expf(0.5f * l[i]);
	}
}

ROW void times_sigmoid(out d, in s, long n) { for (long i = 0; i < n; i++) d[i] *= sigmoid(s[i]); }

static void latent_backward(args A, const int *d) {
	long n = (long)d[0] * d[1];
	float *p = scratch(d[0]);
	kl_backward((float *[]){p, A[0], A[1], A[2], A[3], A[5], A[6], A[7], A[8], A[9]}, d);
	add_sample(A[0], A[1], A[4], A[10], n);
}

static void latent_backward_soft(args A, const int *d) {
	long n = (long)d[0] * d[1];
	float *q = scratch(2 * n + d[0]), *p = q + n;
	soft(q, A[7], n);
	soft(p, A[9], n);
	kl_backward((float *[]){p + n, A[0], A[1], A[2], A[3], A[5], A[6], q, A[8], p}, d);
	add_sample(A[0], A[1], A[4], A[10], n);
	times_sigmoid(A[1], A[7], n);
	times_sigmoid(A[3], A[9], n);
}

static void latent_backward_logvar(args A, const int *d) {
	long n = (long)d[0] * d[1];
	float *p = scratch(d[0]);
	kl_backward_logvar((float *[]){p, A[0], A[1], A[2], A[3], A[5], A[6], A[7], A[8], A[9]}, d);
	add_sample_logvar(A[0], A[1], A[4], A[10], A[7], n);
}

// Mixtures: the loop of a log-density for each component, then a few operations a row.
typedef float density(in x, in m, in s, int n);

static inline __attribute__((always_inline)) void mixture(density f, float *lp, float *joint, in x, in logits, in mu, in sg, const int *d) {
	int K = d[1], D = d[2];
	for (int b = 0; b < d[0]; b++) {
		float top = -INFINITY, best = -INFINITY, all = 0, prior = 0;
		in l = logits + (long)b * K;
		float *j = joint + (long)b * K;
		for (int k = 0; k < K; k++) {
			long at = ((long)b * K + k) * D;
			j[k] = l[k] + f(x + (long)b * D, mu + at, sg + at, D);
			if (j[k] > best) best = j[k];
			if (l[k] > top) top = l[k];
		}
		for (int k = 0; k < K; k++) {
			all += expf(j[k] - best);
			prior += expf(l[k] - top);
		}
		lp[b] = best + logf(all) - top - logf(prior);
	}
}

#define MIXTURE(name, f) \
	static void name(args A, const int *d) { mixture(f, A[0], scratch((long)d[0] * d[1]), A[1], A[2], A[3], A[4], d); }
MIXTURE(gmm, log_prob_row)
MIXTURE(gmm_soft, log_prob_soft_row)
MIXTURE(gmm_logvar, log_prob_logvar_row)

#define COMPONENT(name, SIGMA, DSIGMA)                                            \
	ROW void name(out dm, out ds, float w, in x, in m, in s, int n) {             \
		for (int i = 0; i < n; i++) {                                             \
			float v = 1 / SIGMA(s[i]), t = (x[i] - m[i]) * v;                     \
			dm[i] = w * t * v;                                                    \
			ds[i] = w * v * (t * t - 1) * DSIGMA(s[i]);                           \
		}                                                                         \
	}
COMPONENT(component, DIRECT, ONE)
COMPONENT(component_soft, SOFT, sigmoid)

ROW void component_logvar(out dm, out ds, float w, in x, in m, in s, int n) {
	for (int i = 0; i < n; i++) {
		float t = x[i] - m[i], v = expf(-s[i]);
		dm[i] = w * t * v;
		ds[i] = 0.5f * w * (t * t * v - 1);
	}
}

typedef void component_gradient(out dm, out ds, float w, in x, in m, in s, int n);

static inline __attribute__((always_inline)) void mixture_backward(density f, component_gradient g, args A, const int *d) {
	int K = d[1], D = d[2];
	float *joint = scratch((long)d[0] * K);
	mixture(f, A[0], joint, A[5], A[6], A[7], A[8], d);
	for (int b = 0; b < d[0]; b++) {
		in l = A[6] + (long)b * K;
		float top = -INFINITY, prior = 0;
		for (int k = 0; k < K; k++) if (l[k] > top) top = l[k];
		for (int k = 0; k < K; k++) prior += expf(l[k] - top);
		float all = A[0][b] + top + logf(prior);
		for (int k = 0; k < K; k++) {
			long at = ((long)b * K + k) * D;
			float p = expf(joint[(long)b * K + k] - all);
			A[1][(long)b * K + k] = A[4][b] * (p - expf(l[k] - top) / prior);
			g(A[2] + at, A[3] + at, A[4][b] * p, A[5] + (long)b * D, A[7] + at, A[8] + at, D);
		}
	}
}

#define MIXTURE_BACKWARD(name, f, g) \
	static void name(args A, const int *d) { mixture_backward(f, g, A, d); }
MIXTURE_BACKWARD(gmm_backward, log_prob_row, component)
MIXTURE_BACKWARD(gmm_backward_soft, log_prob_soft_row, component_soft)
MIXTURE_BACKWARD(gmm_backward_logvar, log_prob_logvar_row, component_logvar)

ROW float bernoulli_row(in x, in l, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) s += x[i] * l[i] - softplus(l[i]);
	return s;
}

ROW float bernoulli_backward_row(out dl, float w, in x, in l, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) {
		float e = expf(-fabsf(l[i])), q = 1 / (1 + e);
		s += x[i] * l[i] - (fmaxf(l[i], 0) + log1pf(e));
		dl[i] = w * (x[i] - (l[i] >= 0 ? q : e * q));
	}
	return s;
}
ROWS(bernoulli, bernoulli_row(P(1), P(2), n))
ROWS(bernoulli_backward, bernoulli_backward_row(P(1), A[2][b], P(3), P(4), n))

ROW void adam_row(out p, out m, out v, in g, int n) {
	const float beta1 = 0.9f, beta2 = 0.999f, a = 1e-3f / 0.5f, scale = 1 / sqrtf(0.1f);
	for (int i = 0; i < n; i++) {
		float x = beta1 * m[i] + (1 - beta1) * g[i], y = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
		m[i] = x;
		v[i] = y;
		p[i] -= a * x / (sqrtf(y) * scale + 1e-8f);
	}
}
static void adam(args A, const int *d) { adam_row(A[0], A[1], A[2], A[3], d[0]); }

#define VEC "libmvec" SUFFIX
#define C "c" SUFFIX
const struct peer PEERS[] = {
	{"Exp", VEC, exps}, {"Log", VEC, logs}, {"Tanh", VEC, tanhs}, {"Sigmoid", VEC, sigmoids}, {"Softplus", VEC, softpluses},
	{"GaussKL.Sigma", C, kl}, {"GaussKL.LogVar", C, kl_logvar}, {"GaussKL.SoftplusSigma", C, kl_soft},
	{"GaussKLBackward.Sigma", C, kl_backward}, {"GaussKLBackward.LogVar", C, kl_backward_logvar},
	{"GaussKLBackward.SoftplusSigma", C, kl_backward_soft},
	{"GaussLogProb.Sigma", C, log_prob}, {"GaussLogProb.LogVar", C, log_prob_logvar}, {"GaussLogProb.SoftplusSigma", C, log_prob_soft},
	{"GaussLogProbBackward.Sigma", C, log_prob_backward}, {"GaussLogProbBackward.LogVar", C, log_prob_backward_logvar},
	{"GaussLogProbBackward.SoftplusSigma", C, log_prob_backward_soft},
	{"LatentStep.Sigma", C, latent}, {"LatentStep.LogVar", C, latent_logvar}, {"LatentStep.SoftplusSigma", C, latent_soft},
	{"LatentStepBackward.Sigma", C, latent_backward}, {"LatentStepBackward.LogVar", C, latent_backward_logvar},
	{"LatentStepBackward.SoftplusSigma", C, latent_backward_soft},
	{"GMMLogProb.Sigma", C, gmm}, {"GMMLogProb.LogVar", C, gmm_logvar}, {"GMMLogProb.SoftplusSigma", C, gmm_soft},
	{"GMMLogProbBackward.Sigma", C, gmm_backward}, {"GMMLogProbBackward.LogVar", C, gmm_backward_logvar},
	{"GMMLogProbBackward.SoftplusSigma", C, gmm_backward_soft},
	{"BernoulliLogProb", C, bernoulli}, {"BernoulliLogProbBackward", C, bernoulli_backward}, {"Adam", C, adam}, {0},
};
