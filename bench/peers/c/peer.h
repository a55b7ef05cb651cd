// What the files of the peers share: see peer.c.
#pragma once

// A peer does the work of one case. a holds its arrays and d its sizes, in the order of
// bench/internal/cases.
struct peer {
	const char *family; // and the form, if it has one: GaussKL.Sigma
	const char *impl;
	void (*run)(float *const *a, const int *d);
};

// Lists of peers, each ended by one without a name.
extern const struct peer sleef_peers[], loops_peers[], loops_avx2_peers[], limit_peers[];
