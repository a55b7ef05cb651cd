#!/usr/bin/env python3
"""Runs the graphs of our models in ONNX Runtime, step by step, and compares the outputs with ours.

    ELBOW_GRAPHS=DIR go test -run TestWriteModelGraphs ./model && python3 model/testdata/run_graphs.py DIR
"""

import glob
import json
import os
import sys

import numpy as np
import onnx
import onnxruntime

worst, count = {}, 0


def compare(name, got, want):
    want = np.asarray(want, np.float32)
    worst[name] = max(worst.get(name, 0.0), float(np.abs(np.asarray(got).reshape(-1) - want.reshape(-1)).max()))


for path in sorted(glob.glob(sys.argv[1] + "/*.json")):
    c = json.load(open(path))
    graphs = {}
    for g in glob.glob(path[:-5] + ".*.onnx"):
        onnx.checker.check_model(onnx.load(g), full_check=True)
        graphs[os.path.basename(g).split(".")[1]] = onnxruntime.InferenceSession(g)
        count += 1
    rows = lambda k: np.asarray(c[k], np.float32).reshape(c["steps"], c["batch"], -1)
    run = lambda g, **inputs: dict(zip([o.name for o in graphs[g].get_outputs()], graphs[g].run(None, {i.name: inputs[i.name] for i in graphs[g].get_inputs()})))
    given = rows("given") if c["given"] and c["model"] != "vrae" else [None] * c["steps"]
    name = os.path.basename(path)[:-5]
    if c["model"] == "vae":
        given = given.reshape(-1, 2) if c["given"] else None
        e = run("encoder", x=rows("x").reshape(-1, 3), given=given)
        compare(name, e["mu"], rows("posterior").reshape(-1, 4)[:, :2])
        compare(name, run("decoder", z=rows("z").reshape(-1, 2), given=given)["theta"], c["theta"])
    elif c["model"] == "vrae":
        x, at, data = None, 0, np.asarray(c["x"], np.float32).reshape(-1, 3)
        if c["given"]:
            data = np.concatenate([data, np.asarray(c["given"], np.float32).reshape(len(data), -1)], 1)
        x = np.zeros((c["steps"], c["batch"], data.shape[1]), np.float32)
        for t in range(c["steps"]):
            n = sum(l > t for l in c["lengths"])
            x[t, :n] = data[at:at + n]
            at += n
        e = run("encoder", x=x, lengths=np.array(c["lengths"], np.int32))
        q = np.asarray(c["posterior"], np.float32).reshape(c["batch"], -1)
        compare(name, e["mu"], q[:, :2])
        compare(name, e["sigma"], np.exp(q[:, 2:] / 2))
    else:
        zero = np.zeros((c["layers"], c["batch"], c["hidden"]), np.float32)
        s = {"h": zero, "c": zero, "r": zero, "rc": zero, "previous": np.zeros((c["batch"], 3), np.float32)}
        for t in range(c["steps"]):
            x = rows("x")[t]
            eps = rows("eps")[t] if c["eps"] else None
            s["given"] = given[t]
            o = run("step", x=x, eps=eps, **s)
            compare(name, o["theta"], rows("theta")[t])
            if c["eps"]:
                n = rows("posterior").shape[-1] // 2
                compare(name, o["mu"], rows("posterior")[t][:, :n])
                z = rows("z")[t]
                compare(name, o["mu"] + o["sigma"] * eps, z)
                if "update" in graphs:
                    u = run("update", x=x, z=z, **s)
                    compare(name, u["hn"], o["hn"])
                    compare(name, run("predict", eps=eps, **s)["z"].shape, z.shape)
                    if c.get("prior"):
                        compare(name, o["prior_mu"], rows("prior")[t][:, :n])
                else:
                    p = run("predict", eps=z, **s)  # a z of the prior that happens to be that of the posterior
                    compare(name, p["theta"], o["theta"])
                    compare(name, o["next"], x - np.asarray(c["mean"], np.float32))
            s = {"h": o["hn"], "c": o.get("cn"), "r": o.get("rn"), "rc": o.get("rcn"), "previous": o.get("next")}
for name, v in worst.items():
    print(f"{name:14} {v:.2g}")
print(f"{count} graphs, onnxruntime {onnxruntime.__version__}: largest difference {max(worst.values()):.2g}")
sys.exit(not (max(worst.values()) <= 1e-5))
