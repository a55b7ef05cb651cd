// A process that times C code for bench/peers, one command a line on standard input:
//
//	info                                 lines that say what it is, then "end"
//	list                                 FAMILY IMPL for each peer, then "end"
//	load D size.. A length..             D sizes, A arrays; the arrays follow as raw float32
//	run FAMILY IMPL NANOSECONDS          the nanoseconds of one call of each part of the work, over
//	                                     about so many in all; 0 makes one call
//	read I                               array I as raw float32
//
// The processes in Python understand the same. Wrong input ends the process.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "peer.h"

enum { MAX = 32, LARGE = 2 << 20 };

static const struct peer *const *lists, *prepared;
static float *arrays[MAX];
static size_t lengths[MAX];
static int sizes[MAX], count;

void peer_fail(const char *what) {
	fprintf(stderr, "peer: %s\n", what);
	exit(1);
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * t.tv_sec + t.tv_nsec;
}

static void load(void) {
	prepared = 0;
	int dims;
	if (scanf("%d", &dims) != 1 || dims < 0 || dims > MAX) peer_fail("load: sizes");
	for (int i = 0; i < dims; i++)
		if (scanf("%d", &sizes[i]) != 1) peer_fail("load: size");
	for (int i = 0; i < count; i++) free(arrays[i]);
	if (scanf("%d", &count) != 1 || count < 0 || count > MAX) peer_fail("load: arrays");
	for (int i = 0; i < count; i++)
		if (scanf("%zu", &lengths[i]) != 1) peer_fail("load: length");
	if (getchar() != '\n') peer_fail("load: end of line");
	for (int i = 0; i < count; i++) {
		// As the arrays on the other side: large pages for all but small ones.
		size_t size = 4 * lengths[i] + 64, page = size < 128 << 10 ? 4096 : LARGE;
		size = (size + page - 1) / page * page;
		if (posix_memalign((void **)&arrays[i], page, size)) peer_fail("load: memory");
		if (page == LARGE) madvise(arrays[i], size, MADV_HUGEPAGE);
		if (fread(arrays[i], 4, lengths[i], stdin) != lengths[i]) peer_fail("load: data");
	}
}

static const struct peer *find(const char *family, const char *impl) {
	for (int l = 0; lists[l]; l++)
		for (const struct peer *p = lists[l]; p->family; p++)
			if (!strcmp(p->family, family) && !strcmp(p->impl, impl)) return p;
	peer_fail("run: no such peer");
	return 0;
}

// work does a call and adds the time of its parts to them.
static double work(const struct peer *p, double part[2]) {
	double start = now();
	p->run(arrays, sizes);
	double middle = now();
	part[0] += middle - start;
	if (!p->second) return middle - start;
	p->second(arrays, sizes);
	double end = now();
	part[1] += end - middle;
	return end - start;
}

static void run(void) {
	char family[64], impl[64];
	double total, part[2] = {0, 0};
	if (scanf("%63s %63s %lf", family, impl, &total) != 3) peer_fail("run: arguments");
	const struct peer *p = find(family, impl);
	if (p->prepare && p != prepared) p->prepare(arrays, sizes);
	prepared = p;
	double each = work(p, part);
	long calls = 1;
	if (total > 0 && each * 2 <= total) {
		calls = (long)(total / (each < 1 ? 1 : each));
		part[0] = part[1] = 0;
		if (p->second)
			for (long i = 0; i < calls; i++) work(p, part);
		else {
			double start = now();
			for (long i = 0; i < calls; i++) p->run(arrays, sizes);
			part[0] = now() - start;
		}
	}
	if (total == 0 && p->finish) p->finish(arrays, sizes);
	printf("%.3f", part[0] / calls);
	if (p->second) printf(" %.3f", part[1] / calls);
	puts("");
}

int main(int argc, char **argv) {
	char command[16];
	lists = peer_lists(argc, argv);
	while (scanf("%15s", command) == 1) {
		int i;
		if (!strcmp(command, "info")) {
			peer_info();
			puts("end");
		} else if (!strcmp(command, "list")) {
			for (int l = 0; lists[l]; l++)
				for (const struct peer *p = lists[l]; p->family; p++) printf("%s %s\n", p->family, p->impl);
			puts("end");
		} else if (!strcmp(command, "load")) load();
		else if (!strcmp(command, "run")) run();
		else if (!strcmp(command, "read")) {
			if (scanf("%d", &i) != 1 || i < 0 || i >= count) peer_fail("read: index");
			fwrite(arrays[i], 4, lengths[i], stdout);
		} else peer_fail("unknown command");
		fflush(stdout);
	}
	return 0;
}
