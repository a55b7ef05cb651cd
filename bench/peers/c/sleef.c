// Elementwise functions with SLEEF, over whole vectors: the lengths are multiples of 16.
#include <immintrin.h>
#include <sleef.h>
#include "peer.h"

#define LOOP(name, lanes, load, store, expr)                  \
	static void name(float *const *a, const int *d) {         \
		float *y = a[0], *x = a[1];                           \
		for (int i = 0; i < d[0]; i += lanes) {               \
			__typeof__(load(x)) v = load(x + i);              \
			store(y + i, expr);                               \
		}                                                     \
	}
#define Y(name, expr) LOOP(name, 8, _mm256_loadu_ps, _mm256_storeu_ps, expr)

static inline __m256 one8(void) { return _mm256_set1_ps(1); }
static inline __m256 sign8(void) { return _mm256_set1_ps(-0.f); }

Y(exp8, Sleef_expf8_u10(v))
Y(log8, Sleef_logf8_u10(v))
Y(tanh8, Sleef_tanhf8_u10(v))
Y(tanh8u35, Sleef_tanhf8_u35(v))
Y(sigmoid8, _mm256_div_ps(one8(), _mm256_add_ps(one8(), Sleef_expf8_u10(_mm256_xor_ps(v, sign8())))))
Y(softplus8, _mm256_add_ps(_mm256_max_ps(v, _mm256_setzero_ps()), Sleef_log1pf8_u10(Sleef_expf8_u10(_mm256_or_ps(v, sign8())))))

#ifdef __AVX512F__
#define Z(name, expr) LOOP(name, 16, _mm512_loadu_ps, _mm512_storeu_ps, expr)

static inline __m512 one16(void) { return _mm512_set1_ps(1); }
static inline __m512 sign16(void) { return _mm512_set1_ps(-0.f); }

Z(exp16, Sleef_expf16_u10(v))
Z(log16, Sleef_logf16_u10(v))
Z(tanh16, Sleef_tanhf16_u10(v))
Z(tanh16u35, Sleef_tanhf16_u35(v))
Z(sigmoid16, _mm512_div_ps(one16(), _mm512_add_ps(one16(), Sleef_expf16_u10(_mm512_xor_ps(v, sign16())))))
Z(softplus16, _mm512_add_ps(_mm512_max_ps(v, _mm512_setzero_ps()), Sleef_log1pf16_u10(Sleef_expf16_u10(_mm512_or_ps(v, sign16())))))
#endif

const struct peer sleef_peers[] = {
#ifdef __AVX512F__
	{"Exp", "sleef", exp16}, {"Log", "sleef", log16}, {"Tanh", "sleef", tanh16}, {"Tanh", "sleef-u35", tanh16u35},
	{"Sigmoid", "sleef", sigmoid16}, {"Softplus", "sleef", softplus16},
#endif
	{"Exp", "sleef-avx2", exp8}, {"Log", "sleef-avx2", log8}, {"Tanh", "sleef-avx2", tanh8}, {"Tanh", "sleef-u35-avx2", tanh8u35},
	{"Sigmoid", "sleef-avx2", sigmoid8}, {"Softplus", "sleef-avx2", softplus8}, {0},
};

#define STRING(x) #x
#define VALUE(x) STRING(x)
const char *const sleef_version = "SLEEF " VALUE(SLEEF_VERSION_MAJOR) "." VALUE(SLEEF_VERSION_MINOR) "." VALUE(SLEEF_VERSION_PATCHLEVEL);
