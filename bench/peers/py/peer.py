"""What the processes in Python share: the protocol of bench/peers, see c/peer.c.

A peer is a function of arrays and sizes, in the order of bench/internal/cases, that makes ready what
it needs and returns the parts of the work, as functions without arguments, and a function that
puts the results into the arrays.
"""
import os
import sys
import time

import numpy

THREADS = int(os.environ.get("PEER_THREADS", "1"))


def serve(peers, info):
    """Answers until the input ends. peers is {(family, impl): peer}, info a list of lines."""
    # Libraries that print would write into the answers: what they write goes to the errors.
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    os.dup2(2, 1)
    source = sys.stdin.buffer
    arrays, sizes, ready = [], [], {}

    def say(text):
        out.write(text.encode() + b"\n")

    while True:
        words = source.readline().split()
        if not words:
            return
        command = words[0].decode()
        if command == "info":
            say("\n".join(info + ["end"]))
        elif command == "list":
            say("\n".join(["%s %s" % key for key in peers] + ["end"]))
        elif command == "load":
            numbers = [int(w) for w in words[1:]]
            sizes, lengths = numbers[1:1 + numbers[0]], numbers[2 + numbers[0]:]
            ready.clear()
            arrays = [numpy.frombuffer(bytearray(source.read(4 * n)), dtype=numpy.float32) for n in lengths]
        elif command == "read":
            out.write(arrays[int(words[1])].tobytes())
        elif command == "run":
            key = words[1].decode(), words[2].decode()
            try:
                if key not in ready:
                    ready.clear()
                    ready[key] = peers[key](arrays, sizes)
                say(run(*ready[key], float(words[3])))
            except Exception as err:
                say("no: " + " ".join(str(err).split())[:300])
        out.flush()


def run(parts, finish, total):
    """The nanoseconds of a call of each part, over about total of them; 0 makes one call."""
    times = [0] * len(parts)

    def once():
        for i, part in enumerate(parts):
            start = time.perf_counter_ns()
            part()
            times[i] += time.perf_counter_ns() - start

    once()
    calls = 1
    if total == 0:
        finish()
    elif 2 * sum(times) <= total:
        calls = int(total / max(1, sum(times)))
        if len(parts) == 1:
            part, steps = parts[0], range(calls)
            start = time.perf_counter_ns()
            for _ in steps:
                part()
            times[0] = time.perf_counter_ns() - start
        else:
            times[:] = [0] * len(parts)
            for _ in range(calls):
                once()
    return " ".join("%.3f" % (t / calls) for t in times)
