#!/bin/sh
# compare.sh OLD NEW BENCH: benchmarks of two revisions, whose names match BENCH, in turn, COUNT times
# each; then the table of both. The revisions are built in folders of their own beside the sources,
# in bench-compare, where the output stays. Other arguments of go test are taken from FLAGS, those
# of the programs from RUN: "taskset -c 1", say.
set -eu
old=$1 new=$2 bench=$3
go=${GO:-go}
top=$(git rev-parse --show-toplevel)
out=$top/bench-compare
mkdir -p "$out"
for side in old new; do
	eval "revision=\$$side"
	commit=$(git rev-parse --verify "$revision^{commit}")
	tree=$out/$side.tree
	git worktree remove --force "$tree" 2>/dev/null || true
	git worktree add --quiet --detach "$tree" "$commit"
	(cd "$tree" && "$go" test -c -o "$out/$side.test" ./bench)
	git worktree remove --force "$tree"
	: >"$out/$side.txt"
	echo "$side: $revision is $commit"
done
cd "$top/bench"
i=0
while [ $i -lt "${COUNT:-6}" ]; do
	for side in old new; do
		${RUN:-} "$out/$side.test" -test.run xxx -test.bench "$bench" ${FLAGS:-} >>"$out/$side.txt"
	done
	i=$((i + 1))
done
cd "$top"
"$go" tool -modfile=tools/go.mod benchstat old="$out/old.txt" new="$out/new.txt"
