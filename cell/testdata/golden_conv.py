#!/usr/bin/env python3
"""Writes conv.json beside this script: convolutions over the steps of sequences as PyTorch computes them,
forward and backward, in float64.

    python3 golden_conv.py

The versions that wrote the file are in it. Nothing but this script needs Python. A new version of PyTorch may
draw other random numbers: then the file changes, and stays true.

What is in it (cell/conv_golden_test.go reads it): cases, objects with

    in, out, kernel, stride, padding, batch, steps, relu
    x         [batch, steps, in]
    w, b      [out, kernel, in], [out]
    y         [batch, outputs, out]       after relu, if that is true
    gy        weights of the loss  sum gy*y
    dx, dw, db                           its gradients, shaped as the values
    err       of y, dx, dw, db: the root mean square error of PyTorch's own float32

All that goes in is a multiple of 2^-12, so float32 holds it.
"""

import json
import os
import platform

import torch

SEED = 20261130
#        in, out, kernel, stride, padding, batch, steps, relu
CASES = [(3, 4, 3, 1, 1, 2, 7, True), (40, 5, 3, 2, 1, 2, 9, True), (1, 6, 8, 4, 0, 3, 30, False), (5, 3, 4, 3, 5, 2, 6, False),
         (2, 3, 1, 1, 0, 4, 3, False), (33, 7, 5, 1, 2, 3, 2, True), (4, 2, 2, 5, 1, 1, 11, False)]


def draw(*shape):
    return torch.round(torch.randn(*shape, dtype=torch.float64) * 4096) / 4096


def run(case, given, dtype):
    stride, padding, relu = case[3], case[4], case[7]
    x, w, b = [given[k].to(dtype).clone().requires_grad_(True) for k in ("x", "w", "b")]
    y = torch.nn.functional.conv1d(x.transpose(1, 2), w.transpose(1, 2), b, stride=stride, padding=padding).transpose(1, 2)
    y = torch.relu(y) if relu else y
    if "gy" not in given:
        given["gy"] = draw(*y.shape)
    (given["gy"].to(dtype) * y).sum().backward()
    return {"y": y.detach(), "dx": x.grad, "dw": w.grad, "db": b.grad}


def main():
    torch.manual_seed(SEED)
    cases = []
    for case in CASES:
        cin, cout, kernel, stride, padding, batch, steps, relu = case
        given = {"x": draw(batch, steps, cin), "w": draw(cout, kernel, cin), "b": draw(cout)}
        exact, single = run(case, given, torch.float64), run(case, given, torch.float32)
        c = {"in": cin, "out": cout, "kernel": kernel, "stride": stride, "padding": padding, "batch": batch, "steps": steps, "relu": relu}
        for name, value in {**given, **exact}.items():
            c[name] = value.flatten().tolist()
        c["err"] = {k: float(((single[k].double() - exact[k]) ** 2).mean().sqrt()) for k in exact}
        cases.append(c)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conv.json")
    with open(path, "w") as f:
        json.dump({"made_by": "cell/testdata/golden_conv.py", "python": platform.python_version(), "torch": torch.__version__, "seed": SEED, "cases": cases}, f)
        f.write("\n")


main()
