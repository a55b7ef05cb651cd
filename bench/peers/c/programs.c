// The lists of the programs that are made of plain C: see build.go.
#include <gnu/libc-version.h>
#include <stdio.h>
#include "peer.h"

const struct peer *const *peer_lists(int argc, char **argv) {
#ifdef SLEEF
	static const struct peer *const lists[] = {sleef_peers, 0};
#else
	static const struct peer *const lists[] = {loops_peers, loops_avx2_peers, limit_peers, 0};
#endif
	return lists;
}

void peer_info(void) {
#ifdef SLEEF
	extern const char *const sleef_version;
	printf("%s, gcc %s\n", sleef_version, __VERSION__);
#else
	printf("gcc %s, glibc %s (libmvec)\n", __VERSION__, gnu_get_libc_version());
#endif
}
