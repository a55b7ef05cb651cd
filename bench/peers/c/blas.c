// Products of OpenBLAS or MKL, by the name of the library that the arguments give: its kind
// (openblas or mkl) and its file.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peer.h"

enum { ROWS = 101, PLAIN = 111, TRANSPOSED = 112, PACKED = 151, MATRIX_B = 162 };

typedef void product(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static void *library;
static product *gemm;
static char text[512];

// What MKL has for a matrix B that is packed beforehand.
static size_t (*pack_size)(int which, int m, int n, int k);
static void (*pack)(int order, int which, int trans, int m, int n, int k, float alpha, const float *src, int ld, float *dst);
static void (*packed_gemm)(int order, int ta, int tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
static float *packed;

// The sizes are M, N, K and whether A and B are transposed, the arrays C, A and B.
static void run(float *const *a, const int *d) {
	int m = d[0], n = d[1], k = d[2];
	gemm(ROWS, d[3] ? TRANSPOSED : PLAIN, d[4] ? TRANSPOSED : PLAIN, m, n, k, 1, a[1], d[3] ? m : k, a[2], d[4] ? k : n, 0, a[0], n);
}

static void prepare(float *const *a, const int *d) {
	free(packed);
	size_t size = (pack_size(MATRIX_B, d[0], d[1], d[2]) + 4095) & ~(size_t)4095;
	if (!(packed = aligned_alloc(4096, size))) peer_fail("memory");
	pack(ROWS, MATRIX_B, d[4] ? TRANSPOSED : PLAIN, d[0], d[1], d[2], 1, a[2], d[4] ? d[2] : d[1], packed);
}

static void run_packed(float *const *a, const int *d) {
	packed_gemm(ROWS, PLAIN, PACKED, d[0], d[1], d[2], a[1], d[2], packed, d[4] ? d[2] : d[1], 0, a[0], d[1]);
}

static const struct peer openblas[] = {{"product", "openblas", run}, {0}};
static const struct peer mkl[] = {{"product", "mkl", run}, {"product.packed", "mkl", run_packed, 0, prepare}, {0}};

static void *symbol(const char *name) {
	void *f = dlsym(library, name);
	if (!f) peer_fail(dlerror());
	return f;
}

const struct peer *const *peer_lists(int argc, char **argv) {
	static const struct peer *lists[2];
	if (argc != 3 || !(library = dlopen(argv[2], RTLD_NOW))) peer_fail(argc == 3 ? dlerror() : "arguments");
	const char *threads = getenv("PEER_THREADS");
	int n = threads ? atoi(threads) : 1;
	if (!strcmp(argv[1], "openblas")) {
		gemm = symbol("scipy_cblas_sgemm");
		((void (*)(int))symbol("scipy_openblas_set_num_threads"))(n);
		const char *core = ((char *(*)(void))symbol("scipy_openblas_get_corename"))();
		snprintf(text, sizeof text, "%s, core %s%s", ((char *(*)(void))symbol("scipy_openblas_get_config"))(), core,
			strcmp(core, "Prescott") ? "" : "\nNOT AT ITS BEST: these are kernels for a processor of 2004");
		lists[0] = openblas;
		return lists;
	}
	gemm = symbol("cblas_sgemm");
	pack_size = symbol("cblas_sgemm_pack_get_size");
	pack = symbol("cblas_sgemm_pack");
	packed_gemm = symbol("cblas_sgemm_compute");
	((void (*)(int))symbol("MKL_Set_Num_Threads"))(n);
	((void (*)(char *, int))symbol("mkl_get_version_string"))(text, 200);
	for (char *end = text + strlen(text); end > text && end[-1] == ' ';) *--end = 0;
	const char *preload = getenv("LD_PRELOAD");
	__builtin_cpu_init();
	if (__builtin_cpu_is("intel")) strcat(text, ", as installed");
	else strcat(text, preload && strstr(preload, "libintel.so") ? ", made to use AVX-512 on a processor not Intel's" :
		"\nNOT AT ITS BEST: as installed it uses AVX2 on a processor not Intel's");
	lists[0] = mkl;
	return lists;
}

void peer_info(void) { puts(text); }
