// A process that times C code for bench/peers, one command a line on standard input:
//
//	list                                 FAMILY IMPL for each peer, then "end"
//	load D size.. A length..             D sizes, A arrays; the arrays follow as raw float32
//	run FAMILY IMPL NANOSECONDS          the nanoseconds of one call, over about so many in all;
//	                                     0 makes one call
//	read I                               array I as raw float32
//
// Wrong input ends the process.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "peer.h"

static const struct peer *const lists[] = {sleef_peers, loops_peers, loops_avx2_peers, limit_peers};
enum { LISTS = sizeof lists / sizeof *lists, MAX = 16, LARGE = 2 << 20 };

static float *arrays[MAX];
static size_t lengths[MAX];
static int sizes[MAX], count;

static void fail(const char *what) {
	fprintf(stderr, "peer: %s\n", what);
	exit(1);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * t.tv_sec + t.tv_nsec;
}

static void load(void) {
	int dims;
	if (scanf("%d", &dims) != 1 || dims < 0 || dims > MAX) fail("load: sizes");
	for (int i = 0; i < dims; i++)
		if (scanf("%d", &sizes[i]) != 1) fail("load: size");
	for (int i = 0; i < count; i++) free(arrays[i]);
	if (scanf("%d", &count) != 1 || count < 0 || count > MAX) fail("load: arrays");
	for (int i = 0; i < count; i++)
		if (scanf("%zu", &lengths[i]) != 1) fail("load: length");
	if (getchar() != '\n') fail("load: end of line");
	for (int i = 0; i < count; i++) {
		// As the arrays on the other side: large pages for all but small ones.
		size_t size = 4 * lengths[i] + 64, page = size < 128 << 10 ? 4096 : LARGE;
		size = (size + page - 1) / page * page;
		if (posix_memalign((void **)&arrays[i], page, size)) fail("load: memory");
		if (page == LARGE) madvise(arrays[i], size, MADV_HUGEPAGE);
		if (fread(arrays[i], 4, lengths[i], stdin) != lengths[i]) fail("load: data");
	}
}

static const struct peer *find(const char *family, const char *impl) {
	for (int l = 0; l < LISTS; l++)
		for (const struct peer *p = lists[l]; p->family; p++)
			if (!strcmp(p->family, family) && !strcmp(p->impl, impl)) return p;
	fail("run: no such peer");
	return 0;
}

static void run(void) {
	char family[64], impl[64];
	double total;
	if (scanf("%63s %63s %lf", family, impl, &total) != 3) fail("run: arguments");
	const struct peer *p = find(family, impl);
	p->run(arrays, sizes);
	double each = 0;
	if (total > 0) {
		double start = now();
		p->run(arrays, sizes);
		each = now() - start;
		long calls = each * 2 > total ? 1 : (long)(total / (each < 1 ? 1 : each));
		start = now();
		for (long i = 0; i < calls; i++) p->run(arrays, sizes);
		each = (now() - start) / calls;
	}
	printf("%.3f\n", each);
}

int main(void) {
	char command[16];
	while (scanf("%15s", command) == 1) {
		int i;
		if (!strcmp(command, "list")) {
			for (int l = 0; l < LISTS; l++)
				for (const struct peer *p = lists[l]; p->family; p++) printf("%s %s\n", p->family, p->impl);
			puts("end");
		} else if (!strcmp(command, "load")) load();
		else if (!strcmp(command, "run")) run();
		else if (!strcmp(command, "read")) {
			if (scanf("%d", &i) != 1 || i < 0 || i >= count) fail("read: index");
			fwrite(arrays[i], 4, lengths[i], stdout);
		} else fail("unknown command");
		fflush(stdout);
	}
	return 0;
}
