#!/usr/bin/env python3
"""Writes the golden files golden_*.json beside this script: recurrent layers as PyTorch
computes them, forward and backward, in float64.

    python3 golden.py            all files
    python3 golden.py lstm_proj  the named ones

Made with Python 3.11 and PyTorch 1.13.0 (Debian 12, python3-torch) or later; the versions that
wrote a file are in the file. Nothing but this script needs Python. A new version of
PyTorch may draw other random numbers: then all files change, and all stay true.

What is in a file (cell/golden_test.go reads it):

    kind      RNNTanh, RNNReLU, LSTM, GRU, GRUBefore, LSTMPeephole, LSTMClip, LSTMProj,
              LSTMNorm or GRUNorm
    in, hidden, lengths
    proj      columns of h, kind LSTMProj only; out below is proj, and hidden without one
    clip      bound of c, kind LSTMClip only
    x         [sum n_t, in]
    directions: two objects, forward and reverse, each a layer of its own over the same x
      reverse   false or true
      wih       [G*hidden, in]      G = 1, 4 (i f g o) or 3 (r z n)
      whh       [G*hidden, out]
      b         [G*hidden]          the sum of PyTorch's two; of n in kind GRU: bias_ih only
      bhn       [hidden]            kinds GRU and GRUNorm only: bias_hh of n
      peephole  [3*hidden]          kind LSTMPeephole only: i f o
      whr       [proj, hidden]      kind LSTMProj only
      gih, ghh  [G*hidden]          the Norms only
      gc, bc    [hidden]            kind LSTMNorm only
      h0, c0    [batch, out], [batch, hidden]   c0 of the LSTMs only, likewise below
      y         [sum n_t, out]      h of every valid step
      hn, cn    [batch, hidden]     the states after a row's last step
      gy, ghn, gcn                  weights of the loss  sum gy*y + sum ghn*hn + sum gcn*cn
      dx, dh0, dc0, dwih, dwhh, db, dbhn, dpeephole, dwhr,
      dgih, dghh, dgc, dbc          its gradients, shaped as the values

All matrices are row-major and flat. x, y and their gradients are ragged, time-major:
lengths do not increase, step t holds the first n_t rows, steps follow each other. That is
the data of a torch PackedSequence. The reverse direction reads every row from its own last
step to step 0; its y stand at the time of the x they have read, h0 is the state before
the row's last step, and hn the state after step 0.

nn.RNN, nn.LSTM and nn.GRU do not have a GRU with the reset gate in front of the product,
nor peepholes, a bound of c or normalisation: these run through the loop below, with autograd. The loop is checked
against PyTorch's own layers for all the kinds they have.
"""

import json
import os
import platform
import sys

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

SEED = 20240613
IN, HIDDEN, LENGTHS = 5, 4, [7, 5, 2]
BATCH = len(LENGTHS)
GATES = {"RNNTanh": 1, "RNNReLU": 1, "LSTM": 4, "GRU": 3, "GRUBefore": 3, "LSTMPeephole": 4, "LSTMClip": 4, "LSTMProj": 4,
         "LSTMNorm": 4, "GRUNorm": 3}
PROJ, CLIP = {"LSTMProj": 3}, {"LSTMClip": 0.5}

torch.set_default_dtype(torch.float64)


def norm_step(kind, p, x, h, c):
    """One step with the products normalised by PyTorch's own layer_norm."""

    def norm(a, gain):
        return torch.nn.functional.layer_norm(a, gain.shape, gain)

    def products(rows):
        return norm(x @ p["wih"][rows].T, p["gih"][rows]) + p["b"][rows], norm(h @ p["whh"][rows].T, p["ghh"][rows])

    if kind == "LSTMNorm":
        i, f, g, o = sum(products(slice(None))).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(norm(c, p["gc"]) + p["bc"]), c
    r, z = torch.sigmoid(sum(products(slice(0, 2 * HIDDEN)))).chunk(2, 1)
    a, u = products(slice(2 * HIDDEN, None))
    n = torch.tanh(a + r * (u + p["bhn"]))
    return (1 - z) * n + z * h, c


def step(kind, p, x, h, c):
    """One step of any kind on rows x, in the equations of the kernels."""
    if kind.endswith("Norm"):
        return norm_step(kind, p, x, h, c)
    pre = x @ p["wih"].T + p["b"]
    if kind.startswith("RNN"):
        f = torch.tanh if kind == "RNNTanh" else torch.relu
        return f(pre + h @ p["whh"].T), c
    if kind.startswith("LSTM"):
        i, f, g, o = (pre + h @ p["whh"].T).chunk(4, 1)
        pi, pf, po = p["peephole"].chunk(3) if "peephole" in p else (0, 0, 0)
        c, old = torch.sigmoid(f + pf * c) * c, c
        c = c + torch.sigmoid(i + pi * old) * torch.tanh(g)
        if kind in CLIP:
            c = c.clamp(-CLIP[kind], CLIP[kind])
        m = torch.sigmoid(o + po * c) * torch.tanh(c)
        return m @ p["whr"].T if "whr" in p else m, c
    r, z, n = pre.chunk(3, 1)
    ur, uz, un = p["whh"].chunk(3)
    r, z = torch.sigmoid(r + h @ ur.T), torch.sigmoid(z + h @ uz.T)
    if kind == "GRU":
        n = torch.tanh(n + r * (h @ un.T + p["bhn"]))
    else:
        n = torch.tanh(n + (r * h) @ un.T)
    return (1 - z) * n + z * h, c


def loop(kind, p, x, h0, c0, reverse):
    """The whole ragged sequence, row by row, so that nothing about the batch is shared
    with the way PyTorch does it. x is the data of the packed sequence."""
    counts = [sum(1 for n in LENGTHS if n > t) for t in range(LENGTHS[0])]
    offset = [sum(counts[:t]) for t in range(LENGTHS[0])]
    y = [None] * sum(counts)
    hn, cn = [], []
    for row, n in enumerate(LENGTHS):
        h, c = h0[row : row + 1], c0[row : row + 1]
        for t in reversed(range(n)) if reverse else range(n):
            k = offset[t] + row
            h, c = step(kind, p, x[k : k + 1], h, c)
            y[k] = h
        hn.append(h)
        cn.append(c)
    return torch.cat(y), torch.cat(hn), torch.cat(cn)


def module(kind):
    """PyTorch's layer, both directions, with random weights, or None."""
    if kind in ("GRUBefore", "LSTMPeephole", "LSTMClip", "LSTMNorm", "GRUNorm"):
        return None
    m = {
        "RNNTanh": lambda **k: torch.nn.RNN(nonlinearity="tanh", **k),
        "RNNReLU": lambda **k: torch.nn.RNN(nonlinearity="relu", **k),
        "LSTM": torch.nn.LSTM,
        "LSTMProj": lambda **k: torch.nn.LSTM(proj_size=PROJ[kind], **k),
        "GRU": torch.nn.GRU,
    }[kind](input_size=IN, hidden_size=HIDDEN, bidirectional=True)
    with torch.no_grad():
        for w in m.parameters():
            w.normal_(0, 0.6)
    return m


def merged(kind, m, d):
    """The parameters of direction d of a PyTorch layer, in our form."""
    s = "_l0" + ("_reverse" if d else "")
    bih, bhh = getattr(m, "bias_ih" + s), getattr(m, "bias_hh" + s)
    p = {"wih": getattr(m, "weight_ih" + s), "whh": getattr(m, "weight_hh" + s), "b": bih + bhh}
    if kind in PROJ:
        p["whr"] = getattr(m, "weight_hr" + s)
    if kind == "GRU":
        h2 = 2 * HIDDEN
        p["b"] = torch.cat([bih[:h2] + bhh[:h2], bih[h2:]])
        p["bhn"] = bhh[h2:]
    return {k: v.detach().clone().requires_grad_() for k, v in p.items()}


def own(kind):
    """Random parameters of a kind that PyTorch does not have."""
    g = GATES[kind] * HIDDEN
    p = {"wih": torch.randn(g, IN), "whh": torch.randn(g, HIDDEN), "b": torch.randn(g)}
    if kind == "LSTMPeephole":
        p["peephole"] = torch.randn(3 * HIDDEN)
    if kind.endswith("Norm"):
        p["gih"], p["ghh"] = torch.randn(g), torch.randn(g)
    if kind == "GRUNorm":
        p["bhn"] = torch.randn(HIDDEN)
    if kind == "LSTMNorm":
        p["gc"], p["bc"] = torch.randn(HIDDEN), torch.randn(HIDDEN)
    return {k: (0.6 * v).requires_grad_() for k, v in p.items()}


def close(what, a, b):
    err = (a - b).abs().max().item()
    assert err < 1e-13, (what, err)


def direction(kind, m, d, x, packed, h0, c0):
    lstm = kind.startswith("LSTM")
    p = merged(kind, m, d) if m else own(kind)
    y, hn, cn = loop(kind, p, x, h0[d], c0[d], d == 1)
    out = {"y": y, "hn": hn, "cn": cn}
    g = {"gy": torch.randn_like(y), "ghn": torch.randn_like(hn), "gcn": torch.randn_like(cn)}
    given = {"x": x, "h0": h0, "c0": c0, **p} if lstm else {"x": x, "h0": h0, **p}

    def loss(y, hn, cn):
        l = (g["gy"] * y).sum() + (g["ghn"] * hn).sum()
        return l + (g["gcn"] * cn).sum() if lstm else l

    grads = dict(zip(given, torch.autograd.grad(loss(y, hn, cn), given.values())))
    grads["h0"] = grads["h0"][d]
    if lstm:
        grads["c0"] = grads["c0"][d]

    if m:  # what goes into the file is PyTorch's own result; the loop has to agree
        ty, tn = m(packed, (h0, c0) if lstm else h0)
        tn = tn if lstm else (tn, c0)
        torch_out = {"y": ty.data.chunk(2, 1)[d], "hn": tn[0][d], "cn": tn[1][d]}
        s = "_l0" + ("_reverse" if d else "")
        names = {"wih": "weight_ih", "whh": "weight_hh", "b": "bias_ih", "bhn": "bias_hh", "whr": "weight_hr"}
        wrt = {"x": x, "h0": h0, "c0": c0} if lstm else {"x": x, "h0": h0}
        wrt.update({k: getattr(m, names[k] + s) for k in p})
        wrt["bhh"] = getattr(m, "bias_hh" + s)
        tg = dict(zip(wrt, torch.autograd.grad(loss(**torch_out), wrt.values())))
        tg["h0"] = tg["h0"][d]
        if lstm:
            tg["c0"] = tg["c0"][d]
        bhh = tg.pop("bhh")
        if kind == "GRU":
            close("db", tg["b"][: 2 * HIDDEN], bhh[: 2 * HIDDEN])
            tg["bhn"] = bhh[2 * HIDDEN :]
        else:
            close("db", tg["b"], bhh)
        for k in out:
            close(k, out[k], torch_out[k])
        for k in grads:
            close("d" + k, grads[k], tg[k])
        out, grads = torch_out, tg

    r = {"reverse": d == 1, **p, "h0": h0[d], "c0": c0[d], **out, **g}
    r.update({"d" + k: v for k, v in grads.items()})
    if not lstm:
        for k in ("c0", "cn", "gcn"):
            del r[k]
    return r


def flat(v):
    return v.detach().reshape(-1).tolist() if isinstance(v, torch.Tensor) else v


def lines(obj, indent):
    """One line per key: a change of one tensor is a change of one line."""
    return (",\n" + indent).join(json.dumps(k) + ": " + json.dumps(flat(v)) for k, v in obj.items())


def write(kind, name):
    torch.manual_seed(SEED)
    m = module(kind)
    padded = torch.randn(LENGTHS[0], BATCH, IN)
    packed = pack_padded_sequence(padded, LENGTHS)
    x = packed.data.clone().requires_grad_()
    packed = PackedSequence(x, packed.batch_sizes)
    h0 = torch.randn(2, BATCH, PROJ.get(kind, HIDDEN), requires_grad=True)
    c0 = torch.randn(2, BATCH, HIDDEN, requires_grad=True)
    head = {
        "made_by": "cell/testdata/golden.py",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "seed": SEED,
        "kind": kind,
        "in": IN,
        "hidden": HIDDEN,
        "lengths": LENGTHS,
        **{k: v[kind] for k, v in (("proj", PROJ), ("clip", CLIP)) if kind in v},
        "x": x,
    }
    both = [lines(direction(kind, m, d, x, packed, h0, c0), "    ") for d in (0, 1)]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden_" + name + ".json")
    with open(path, "w") as f:
        f.write("{\n  " + lines(head, "  ") + ',\n  "directions": [{\n    ')
        f.write("\n  }, {\n    ".join(both) + "\n  }]\n}\n")


for kind, name in {
    "RNNTanh": "rnn_tanh",
    "RNNReLU": "rnn_relu",
    "LSTM": "lstm",
    "GRU": "gru",
    "GRUBefore": "gru_before",
    "LSTMPeephole": "lstm_peephole",
    "LSTMClip": "lstm_clip",
    "LSTMProj": "lstm_proj",
    "LSTMNorm": "lstm_norm",
    "GRUNorm": "gru_norm",
}.items():
    if name in (sys.argv[1:] or [name]):
        write(kind, name)
