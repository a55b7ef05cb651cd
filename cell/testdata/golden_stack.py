#!/usr/bin/env python3
"""Writes the golden files stack_*.json beside this script: recurrent layers of one to three levels,
in one direction and in both, as PyTorch computes them from padded batches whose lengths are in any
order, forward and backward, in float64. torch.nn has no layer normalisation inside a recurrent layer:
those run through the loop below, by PyTorch's layer_norm and autograd.

    python3 golden_stack.py

The versions that wrote a file are in the file. Nothing but this script needs Python. A new version
of PyTorch may draw other random numbers: then all files change, and all stay true.

What is in a file (cell/golden_stack_test.go reads it):

    kind, in, hidden, proj, norm, steps, lengths      norm is LayerNorm; proj is proj_size of the LSTM, or 0; lengths are
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
FILES = {"rnntanh": ("RNNTanh", 0, False), "lstm": ("LSTM", 0, False), "gru": ("GRU", 0, False), "lstm_proj": ("LSTM", 2, False),
         "lstm_norm": ("LSTM", 0, True), "gru_norm": ("GRU", 0, True)}


def draw(*shape, scale=1.0):
    return torch.round(torch.randn(*shape, dtype=torch.float64) * scale * 4096) / 4096


def names(layers, directions):
    """PyTorch's suffix and our prefix of every layer, in order."""
    for l in range(layers):
        for d in range(directions):
            yield f"_l{l}" + ("_reverse" if d else ""), (f"{l}." if l else "") + ("reverse." if d else "")


def normed(a, gain):
    return torch.nn.functional.layer_norm(a, gain.shape, gain)


class Norm(torch.nn.Module):
    """A stack of layers whose products are normalised, in the equations of cell.Options, with the
    parameters of cell.Recurrent. It takes padded sequences, and lengths in any order."""

    def __init__(self, kind, layers, directions, batch_first):
        super().__init__()
        self.kind, self.layers, self.directions, self.batch_first = kind, layers, directions, batch_first
        rows = (4 if kind == "LSTM" else 3) * HIDDEN
        for suffix, prefix in names(layers, directions):
            inputs = IN if suffix.startswith("_l0") else directions * HIDDEN
            shapes = {"wih": (rows, inputs), "whh": (rows, HIDDEN), "b": (rows,)}
            shapes |= {} if kind == "LSTM" else {"bhn": (HIDDEN,)}
            shapes |= {"gih": (rows,), "ghh": (rows,)}
            shapes |= {"gc": (HIDDEN,), "bc": (HIDDEN,)} if kind == "LSTM" else {}
            for name, shape in shapes.items():
                self.register_parameter(name + suffix, torch.nn.Parameter(torch.empty(shape)))

    def step(self, suffix, x, h, c):
        p = lambda name: getattr(self, name + suffix)
        if self.kind == "LSTM":
            i, f, g, o = (normed(x @ p("wih").T, p("gih")) + normed(h @ p("whh").T, p("ghh")) + p("b")).chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return torch.sigmoid(o) * torch.tanh(normed(c, p("gc")) + p("bc")), c
        rz, n = slice(2 * HIDDEN), slice(2 * HIDDEN, None)
        product = lambda w, v, gain, rows: normed(v @ p(w)[rows].T, p(gain)[rows])
        r, z = torch.sigmoid(product("wih", x, "gih", rz) + product("whh", h, "ghh", rz) + p("b")[rz]).chunk(2)
        n = torch.tanh(product("wih", x, "gih", n) + p("b")[n] + r * (product("whh", h, "ghh", n) + p("bhn")))
        return (1 - z) * n + z * h, c

    def forward(self, x, lengths, h0, c0):
        x = x if self.batch_first else x.transpose(0, 1)
        hn, cn = [], []
        for i, (suffix, _) in enumerate(names(self.layers, self.directions)):
            if i % self.directions == 0:
                below, outs = x, []
            rows, hs, cs = [], [], []
            for b, n in enumerate(lengths):
                h, c, row = h0[i, b], c0[i, b], [torch.zeros_like(h0[i, b])] * STEPS
                for t in reversed(range(n)) if suffix.endswith("reverse") else range(n):
                    h, c = self.step(suffix, below[b, t], h, c)
                    row[t] = h
                rows.append(torch.stack(row))
                hs.append(h)
                cs.append(c)
            hn.append(torch.stack(hs))
            cn.append(torch.stack(cs))
            outs.append(torch.stack(rows))
            x = torch.cat(outs, 2) if len(outs) == self.directions else x
        return x if self.batch_first else x.transpose(0, 1), torch.stack(hn), torch.stack(cn)


def norm_params(layers, directions, named):
    """The parameters of a Norm as name: value, in the order of cell.Stack.Tensors."""
    return {prefix + k.removesuffix(suffix): v for suffix, prefix in names(layers, directions)
            for k, v in named.items() if k == k.split("_l")[0] + suffix}


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
    lstm = kind == "LSTM"
    if isinstance(m, Norm):
        y, hn, cn = m(g["x"], LENGTHS, g["h0"], g["c0"])
    else:
        packed = pack_padded_sequence(g["x"], LENGTHS, batch_first=m.batch_first, enforce_sorted=False)
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
    if isinstance(m, Norm):
        grads = norm_params(layers, directions, {k: v.grad for k, v in named.items()})
    else:
        grads = params(kind, proj, layers, directions, lambda n: named[n].grad, True)
    out.update({"d" + k: v for k, v in grads.items()})
    return {k: v.detach().double().clone() for k, v in out.items()}


def flat(v):
    return v.detach().reshape(-1).tolist()


def case(kind, proj, norm, layers, directions):
    first = (layers + directions) % 2 == 0
    m = Norm(kind, layers, directions, first) if norm else KINDS[kind](IN, HIDDEN, num_layers=layers, bidirectional=directions == 2, batch_first=first, **({"proj_size": proj} if proj else {}))
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
    values = norm_params(layers, directions, named) if norm else params(kind, proj, layers, directions, lambda n: named[n], False)
    r = {"layers": layers, "bidirectional": directions == 2, "batch_first": first}
    given = {k: v for k, v in given.items() if kind == "LSTM" or k not in ("c0", "gcn")}
    r.update({k: flat(v) for k, v in given.items()})
    r.update({k: flat(v) for k, v in want.items() if k in ("y", "hn", "cn", "dx", "dh0", "dc0")})
    r["params"] = [{"name": k, "value": flat(v), "grad": flat(want["d" + k])} for k, v in values.items()]
    r["err"] = err
    return r


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, (kind, proj, norm) in FILES.items():
        torch.manual_seed(SEED)
        head = {"made_by": "cell/testdata/golden_stack.py", "python": platform.python_version(), "torch": torch.__version__,
                "seed": SEED, "kind": kind, "in": IN, "hidden": HIDDEN, "proj": proj, "norm": norm, "steps": STEPS, "lengths": LENGTHS}
        cases = [case(kind, proj, norm, layers, d) for layers in (1, 2, 3) for d in (1, 2)]
        with open(os.path.join(here, "stack_" + name + ".json"), "w") as f:
            f.write("{\n  " + ",\n  ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in head.items()))
            f.write(',\n  "cases": [{\n    ')
            f.write("\n  }, {\n    ".join(",\n    ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in c.items()) for c in cases))
            f.write("\n  }]\n}\n")


main()
