#!/usr/bin/env python3
"""Runs the graphs that we write in ONNX Runtime and compares the outputs with ours.

    ELBOW_GRAPHS=DIR go test -run TestWriteGraphs ./weights && python3 weights/testdata/run_graphs.py DIR
"""

import glob
import json
import sys

import numpy as np
import onnx
import onnxruntime

worst, count = 0.0, 0
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    c = json.load(open(path[:-5] + ".json"))
    f32 = lambda k, *shape: np.array(c[k], np.float32).reshape(shape)
    batch = len(c["lengths"])
    inputs = {"x": f32("x", batch, c["steps"], c["in"]).transpose(1, 0, 2), "lengths": np.array(c["lengths"], np.int32), "h0": f32("h0", -1, batch, c["hidden"])}
    if c["c0"]:
        inputs["c0"] = f32("c0", -1, batch, c["hidden"])
    s = onnxruntime.InferenceSession(path)
    for name, got in zip([o.name for o in s.get_outputs()], s.run(None, inputs)):
        if name == "y":
            got = got.transpose(1, 0, 2)
        worst = max(worst, float(np.abs(got.reshape(-1) - f32(name, -1)).max()))
    count += 1
print(f"{count} graphs, onnxruntime {onnxruntime.__version__}: largest difference {worst:.2g}")
sys.exit(not (count > 0 and worst <= 1e-5))
