// What the files of the peers share: see peer.c.
#pragma once
#ifdef __cplusplus
extern "C" {
#endif

// A peer does the work of one case. a holds its arrays and d its sizes, in the order of
// bench/internal/cases.
struct peer {
	const char *family; // and the form, if it has one: GaussKL.Sigma
	const char *impl;
	void (*run)(float *const *a, const int *d);
	// The others may be missing.
	void (*second)(float *const *a, const int *d);  // second part of the work, timed apart
	void (*prepare)(float *const *a, const int *d); // once for new arrays, not timed
	void (*finish)(float *const *a, const int *d);  // puts results into the arrays
};

// Lists of peers, each ended by one without a name.
extern const struct peer sleef_peers[], loops_peers[], loops_avx2_peers[], limit_peers[];

// What a program has: its lists, ended by 0, once it has seen its arguments, and lines that say
// what it is and with which settings it runs.
const struct peer *const *peer_lists(int argc, char **argv);
void peer_info(void);

// peer_fail ends the process.
void peer_fail(const char *what);

#ifdef __cplusplus
}
#endif
