#!/usr/bin/env python3
"""Writes the golden files stack_*.json beside this script: recurrent layers of one to three levels,
in one direction and in both, as PyTorch computes them from padded batches whose lengths are in any
order, forward and backward, in float64.

    python3 golden_stack.py

The versions that wrote a file are in the file. Nothing but this script needs Python. A new version
of PyTorch may draw other random numbers: then all files change, and all stay true.

What is in a file (cell/golden_stack_test.go reads it):

    kind, in, hidden, proj, steps, lengths      proj is proj_size of the LSTM, or 0; lengths are
              shorter than steps, and not sorted
    cases: objects with
      layers, bidirectional, batch_first
      x         [batch, steps, in], or [steps, batch, in] without batch_first
      h0, c0    [layers*directions, batch, hidden]     c0 of the LSTM only, likewise below
      y         [batch, steps, directions*hidden], or steps first; 0 behind the end of a sequence;
                with a projection h and y have proj columns instead of hidden
      hn, cn    [layers*directions, batch, hidden]
      gy, ghn, gcn                        weights of the loss  sum gy*y + sum ghn*hn + sum gcn*cn
      dx, dh0, dc0                        its gradients, shaped as the values
      params: objects with name, value, grad, in the order and the form of cell.Stack.Tensors
      err       of every result: the root mean square error of PyTorch's own float32

All that goes in is a multiple of 2^-12, so float32 holds it, and the sum of PyTorch's two biases.
"""

import json
import os
import platform

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SEED = 20240613
IN, HIDDEN, STEPS, LENGTHS = 4, 3, 6, [2, 5, 1, 5, 3]
BATCH = len(LENGTHS)
KINDS = {"RNNTanh": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}
FILES = {"rnntanh": ("RNNTanh", 0), "lstm": ("LSTM", 0), "gru": ("GRU", 0), "lstm_proj": ("LSTM", 2)}


def draw(*shape, scale=1.0):
    return torch.round(torch.randn(*shape, dtype=torch.float64) * scale * 4096) / 4096


def names(layers, directions):
    """PyTorch's suffix and our prefix of every layer, in order."""
    for l in range(layers):
        for d in range(directions):
            yield f"_l{l}" + ("_reverse" if d else ""), (f"{l}." if l else "") + ("reverse." if d else "")


def params(kind, proj, layers, directions, get, gradient):
    """All our parameters, or their gradients, as name: value, from get(PyTorch's name). The gradient of
    a sum of biases is that of either."""
    out = {}
    for suffix, prefix in names(layers, directions):
        out[prefix + "wih"], out[prefix + "whh"] = get("weight_ih" + suffix), get("weight_hh" + suffix)
        bih, bhh = get("bias_ih" + suffix), get("bias_hh" + suffix)
        h2 = 2 * HIDDEN
        if gradient:
            both = slice(0, h2) if kind == "GRU" else slice(None)
            assert torch.allclose(bih[both], bhh[both], rtol=1e-4, atol=1e-4)
            out[prefix + "b"] = bih
        elif kind == "GRU":
            out[prefix + "b"] = torch.cat([bih[:h2] + bhh[:h2], bih[h2:]])
        else:
            out[prefix + "b"] = bih + bhh
        if kind == "GRU":
            out[prefix + "bhn"] = bhh[h2:]
        if proj:
            out[prefix + "whr"] = get("weight_hr" + suffix)
    return out


def run(kind, proj, m, layers, directions, given, dtype):
    """Everything that PyTorch computes in one precision, as name: tensor."""
    m = m.to(dtype)
    for w in m.parameters():
        w.grad = None
    g = {k: v.detach().to(dtype).clone() for k, v in given.items()}
    for k in ("x", "h0", "c0"):
        g[k].requires_grad_()
    packed = pack_padded_sequence(g["x"], LENGTHS, batch_first=m.batch_first, enforce_sorted=False)
    lstm = kind == "LSTM"
    y, last = m(packed, (g["h0"], g["c0"]) if lstm else g["h0"])
    hn, cn = last if lstm else (last, None)
    y, _ = pad_packed_sequence(y, batch_first=m.batch_first, total_length=STEPS)
    loss = (g["gy"] * y).sum() + (g["ghn"] * hn).sum()
    out = {"y": y, "hn": hn}
    if lstm:
        loss = loss + (g["gcn"] * cn).sum()
        out["cn"] = cn
    loss.backward()
    out.update({"dx": g["x"].grad, "dh0": g["h0"].grad})
    if lstm:
        out["dc0"] = g["c0"].grad
    named = dict(m.named_parameters())
    grads = params(kind, proj, layers, directions, lambda n: named[n].grad, True)
    out.update({"d" + k: v for k, v in grads.items()})
    return {k: v.detach().double().clone() for k, v in out.items()}


def flat(v):
    return v.detach().reshape(-1).tolist()


def case(kind, proj, layers, directions):
    first = (layers + directions) % 2 == 0
    m = KINDS[kind](IN, HIDDEN, num_layers=layers, bidirectional=directions == 2, batch_first=first, **({"proj_size": proj} if proj else {}))
    with torch.no_grad():
        for w in m.parameters():
            w.copy_(draw(*w.shape, scale=0.6))
    n, out = layers * directions, proj or HIDDEN
    size = lambda cols: (BATCH, STEPS, cols) if first else (STEPS, BATCH, cols)
    given = {"x": draw(*size(IN)), "h0": draw(n, BATCH, out), "c0": draw(n, BATCH, HIDDEN),
             "gy": draw(*size(directions * out)), "ghn": draw(n, BATCH, out), "gcn": draw(n, BATCH, HIDDEN)}
    want = run(kind, proj, m, layers, directions, given, torch.float64)
    rough = run(kind, proj, m, layers, directions, given, torch.float32)
    err = {k: (rough[k] - v).square().mean().sqrt().item() for k, v in want.items()}
    m = m.double()
    named = dict(m.named_parameters())
    values = params(kind, proj, layers, directions, lambda n: named[n], False)
    r = {"layers": layers, "bidirectional": directions == 2, "batch_first": first}
    given = {k: v for k, v in given.items() if kind == "LSTM" or k not in ("c0", "gcn")}
    r.update({k: flat(v) for k, v in given.items()})
    r.update({k: flat(v) for k, v in want.items() if k in ("y", "hn", "cn", "dx", "dh0", "dc0")})
    r["params"] = [{"name": k, "value": flat(v), "grad": flat(want["d" + k])} for k, v in values.items()]
    r["err"] = err
    return r


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, (kind, proj) in FILES.items():
        torch.manual_seed(SEED)
        head = {"made_by": "cell/testdata/golden_stack.py", "python": platform.python_version(), "torch": torch.__version__,
                "seed": SEED, "kind": kind, "in": IN, "hidden": HIDDEN, "proj": proj, "steps": STEPS, "lengths": LENGTHS}
        cases = [case(kind, proj, layers, d) for layers in (1, 2, 3) for d in (1, 2)]
        with open(os.path.join(here, "stack_" + name + ".json"), "w") as f:
            f.write("{\n  " + ",\n  ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in head.items()))
            f.write(',\n  "cases": [{\n    ')
            f.write("\n  }, {\n    ".join(",\n    ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in c.items()) for c in cases))
            f.write("\n  }]\n}\n")


main()
