#!/usr/bin/env python3
"""Writes the test cases of the nodes RNN, LSTM and GRU that come with the package onnx, and cases of our own for what these leave out,
with the outputs of ONNX Runtime, to onnx_nodes.npz: for each case the model as bytes (CASE/model), inputs CASE/in/NAME and
outputs CASE/out/NAME. Tests read it; nothing but this script needs Python.

    python3 nodes.py
"""

import os
import platform

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

HERE = os.path.dirname(os.path.abspath(__file__))
out = {}


def put(name, model, inputs, outputs):
    out[name + "/model"] = np.frombuffer(model.SerializeToString(), dtype=np.uint8)
    for k, v in inputs.items():
        out[f"{name}/in/{k}"] = np.asarray(v)
    for k, v in outputs.items():
        out[f"{name}/out/{k}"] = np.asarray(v)


def from_onnx():
    n = 0
    for case in collect_testcases(None):
        if case.model is None or [node.op_type for node in case.model.graph.node] not in (["RNN"], ["LSTM"], ["GRU"]):
            continue
        g = case.model.graph
        inputs, outputs = case.data_sets[0]
        put("onnx_" + case.name, case.model, {i.name: v for i, v in zip(g.input, inputs)}, {o.name: v for o, v in zip(g.output, outputs)})
        n += 1
    return n


def ours():
    rng = np.random.default_rng(20261130)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32) * np.float32(0.5)
    steps, batch, i, h = 5, 3, 3, 4
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}
    # There is no layout = 1 in ONNX Runtime; onnx's own cases have it.
    for op in ("RNN", "LSTM", "GRU"):
        for direction in ("forward", "reverse", "bidirectional"):
            for extra in ({}, {"linear_before_reset": 1}) if op == "GRU" else ({}, {"activations": ["Relu"]}) if op == "RNN" else ({}, {"P": True}):
                d, g = 2 if direction == "bidirectional" else 1, gates[op]
                extra = {k: v * d if k == "activations" else v for k, v in extra.items()}
                name = f"ort_{op}_{direction}{'_'.join([''] + list(extra))}"
                consts = {"W": draw(d, g * h, i), "R": draw(d, g * h, h), "B": draw(d, 2 * g * h)}
                if extra.pop("P", False):
                    consts["P"] = draw(d, 3 * h)
                inputs = {"X": draw(steps, batch, i), "lens": np.array([3, 5, 1], np.int32), "H0": draw(d, batch, h), "C0": draw(d, batch, h)}
                args = ["X", "W", "R", "B", "lens", "H0"] + (["C0", "P" if "P" in consts else ""] if op == "LSTM" else [])
                if op != "LSTM":
                    del inputs["C0"]
                names = ["Y", "Y_h"] + (["Y_c"] if op == "LSTM" else [])
                node = helper.make_node(op, args, names, name="the node", hidden_size=h, direction=direction, **extra)
                value = lambda k, v: helper.make_tensor_value_info(k, TensorProto.INT32 if k == "lens" else TensorProto.FLOAT, v)
                graph = helper.make_graph([node], "g", [value(k, v.shape) for k, v in inputs.items()], [value(k, [steps, d, batch, h] if k == "Y" else [d, batch, h]) for k in names],
                                          [numpy_helper.from_array(v, k) for k, v in consts.items()])
                model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
                onnx.checker.check_model(model)
                got = onnxruntime.InferenceSession(model.SerializeToString()).run(names, inputs)
                put(name, model, inputs, dict(zip(names, got)))


print(from_onnx(), "cases of onnx")
ours()
out["versions"] = np.frombuffer(f"python {platform.python_version()} numpy {np.__version__} onnx {onnx.__version__} onnxruntime {onnxruntime.__version__}".encode(), dtype=np.uint8)
np.savez(os.path.join(HERE, "onnx_nodes.npz"), **out)
