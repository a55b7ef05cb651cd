#!/bin/sh
# Trains on all hosts that mpirun knows, from its host file or from Slurm, and goes on after what can go wrong: hosts that are
# not there yet, ranks that are killed, hosts that lose their network.
#
#	train.sh OUT FLAGS -- SETTINGS
#
# FLAGS of elbow train are given every time, -data and -threads above all, and SETTINGS only where OUT holds no checkpoint to
# go on from. OUT, the folder of the results, has to be the same one for all hosts. The number of ranks may change from time
# to time. MPIRUN_FLAGS are more flags of mpirun; TRIES is how often in a row it may fail without a new checkpoint, and PAUSE
# the seconds between. So that ranks on a host that is cut off end soon too, hosts want sysctl net.ipv4.tcp_retries2=4: README.md.
set -u
out=$1
shift
tries=${TRIES:-10}
left=$tries
before=
while :; do
	resume=
	[ ! -e "$out/checkpoint.safetensors" ] || resume=-resume
	(
		settings=
		for word; do # each goes to the end of the list, or out of it
			shift
			if [ "$word" = -- ]; then
				settings=yes
			elif [ -z "$settings" ] || [ -z "$resume" ]; then
				set -- "$@" "$word"
			fi
		done
		# shellcheck disable=SC2086 # MPIRUN_FLAGS are words, resume is one or none
		exec mpirun --bind-to none \
			--mca oob_tcp_keepalive_time 2 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 3 \
			${MPIRUN_FLAGS:-} elbow train $resume "$@" -out "$out"
	)
	code=$?
	case $code in
	0 | 2 | 130 | 143) exit $code ;; # done, a wrong command line, or somebody has stopped it
	esac
	now=$(cksum "$out/checkpoint.safetensors" 2>/dev/null)
	[ "$now" = "$before" ] || left=$tries
	before=$now
	left=$((left - 1))
	if [ "$left" -le 0 ]; then
		echo "train.sh: failed $tries times without a new checkpoint, the last time with code $code" >&2
		exit $code
	fi
	sleep "${PAUSE:-5}"
done
