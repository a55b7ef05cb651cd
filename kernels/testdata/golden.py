#!/usr/bin/env python3
"""Writes golden.json beside this script: what PyTorch computes, in float64, for recurrent
cells, densities and optimisers, with gradients.

    python3 golden.py

Made with Python 3.11.2 and PyTorch 1.13.0 (Debian 12, python3-torch); the versions that
wrote the file are in the file. Nothing but this script needs Python. A new version of
PyTorch may draw other random numbers: then the file changes, and stays true.

cases[name] is a list; each case has strings (scale, act), sizes, and values: row-major,
flat, under the names of the arguments in Go. The gradients of a cell or a density are
those of  sum(dkl * kl),  sum(dlp * lp)  or  sum(dhy * hy) + sum(dcy * cy):  the value
called dX belongs to X, all others are given.

    RNNCell, LSTMCell, GRUCell      torch.nn cells: x [B,I], hx, cx, wih, whh, b, bhn
    LSTMCellPeephole, GRUCellBefore the same in own lines, with autograd
        b is the sum of PyTorch's two vectors; GRUCell: of n the input's only, bhn has the other
    GaussKL                         torch.distributions.kl_divergence of two Normal
    GaussKLStandard                 the same against Normal(0, 1)
    GaussLogProb                    Normal.log_prob, summed over the dimensions
    GMMLogProb                      MixtureSameFamily(Categorical, Independent(Normal)).log_prob
    BivariateGMMLogProb             MixtureSameFamily(Categorical, MultivariateNormal).log_prob
                                    + Bernoulli(penLogit).log_prob(pen); correlation tanh(rho)
    BernoulliLogProb                Bernoulli(logits=...).log_prob, x between 0 and 1
    CategoricalLogProb              Categorical(logits=...).log_prob, target counts from 0
    Adam, SGD, Adagrad, AdamW       torch.optim, five steps: g [5,n]; p [6,n] and the state
                                    (m, v, s) [5,n] after every step, p from before the first

scale says how s gives sigma: Sigma s, LogSigma exp(s), LogVar exp(s/2), SoftplusSigma
softplus(s) + 1e-4. Gradients are with respect to s as given.
"""

import json
import os
import platform

import torch
import torch.distributions as D

SEED = 20240614
SCALES = {
    "Sigma": lambda s: s,
    "LogSigma": torch.exp,
    "LogVar": lambda s: torch.exp(s / 2),
    "SoftplusSigma": lambda s: torch.nn.functional.softplus(s) + 1e-4,
}

torch.set_default_dtype(torch.float64)
torch.manual_seed(SEED)
cases = {}


def leaf(*shape, scale=1.0):
    return (scale * torch.randn(*shape)).requires_grad_()


def spread(scale, *shape):
    """Values of s for a scale, with sigma between about 0.1 and 10."""
    s = torch.randn(*shape)
    return (torch.exp(s) if scale == "Sigma" else s).requires_grad_()


def add(name, sizes, given, out, weights, **strings):
    """Appends a case: given and out by Go's names, gradients for every leaf of given."""
    leaves = {k: v for k, v in given.items() if v.requires_grad}
    loss = sum((weights[k] * out[k]).sum() for k in out)
    grads = torch.autograd.grad(loss, leaves.values())
    values = {**given, **out, **{"d" + k: v for k, v in weights.items()}}
    values.update({"d" + k: v for k, v in zip(leaves, grads)})
    case = {**strings, "sizes": sizes, "values": values}
    cases.setdefault(name, []).append(case)


def cells():
    batch, inp, hidden = 3, 5, 6
    sizes = {"batch": batch, "in": inp, "hidden": hidden}

    def params(gates):
        return {
            "x": leaf(batch, inp),
            "hx": leaf(batch, hidden),
            "wih": leaf(gates * hidden, inp, scale=0.6),
            "whh": leaf(gates * hidden, hidden, scale=0.6),
            "b": leaf(gates * hidden, scale=0.6),
        }

    def weights(*names):
        return {k: torch.randn(batch, hidden) for k in names}

    def run(module, p, state, bih, bhh):
        """The cell of torch.nn with our parameters in place of its own."""
        values = {"weight_ih": p["wih"], "weight_hh": p["whh"], "bias_ih": bih, "bias_hh": bhh}
        return torch.nn.utils.stateless.functional_call(module, values, (p["x"], state))

    for act in ("RNNTanh", "RNNReLU"):
        p = params(1)
        cell = torch.nn.RNNCell(inp, hidden, nonlinearity=act[3:].lower())
        hy = run(cell, p, p["hx"], p["b"], torch.zeros(hidden))
        add("RNNCell", sizes, p, {"hy": hy}, weights("hy"), act=act)

    p = {**params(4), "cx": leaf(batch, hidden)}
    cell = torch.nn.LSTMCell(inp, hidden)
    hy, cy = run(cell, p, (p["hx"], p["cx"]), p["b"], torch.zeros(4 * hidden))
    add("LSTMCell", sizes, p, {"hy": hy, "cy": cy}, weights("hy", "cy"))

    p = {**params(4), "cx": leaf(batch, hidden), "peephole": leaf(3 * hidden)}
    i, f, g, o = (p["x"] @ p["wih"].T + p["hx"] @ p["whh"].T + p["b"]).chunk(4, 1)
    pi, pf, po = p["peephole"].chunk(3)
    cy = torch.sigmoid(f + pf * p["cx"]) * p["cx"] + torch.sigmoid(i + pi * p["cx"]) * torch.tanh(g)
    hy = torch.sigmoid(o + po * cy) * torch.tanh(cy)
    add("LSTMCellPeephole", sizes, p, {"hy": hy, "cy": cy}, weights("hy", "cy"))

    p = {**params(3), "bhn": leaf(hidden)}
    cell = torch.nn.GRUCell(inp, hidden)
    hy = run(cell, p, p["hx"], p["b"], torch.cat([torch.zeros(2 * hidden), p["bhn"]]))
    add("GRUCell", sizes, p, {"hy": hy}, weights("hy"))

    p = params(3)
    r, z, n = (p["x"] @ p["wih"].T + p["b"]).chunk(3, 1)
    ur, uz, un = p["whh"].chunk(3)
    r, z = torch.sigmoid(r + p["hx"] @ ur.T), torch.sigmoid(z + p["hx"] @ uz.T)
    n = torch.tanh(n + (r * p["hx"]) @ un.T)
    add("GRUCellBefore", sizes, p, {"hy": (1 - z) * n + z * p["hx"]}, weights("hy"))


def gaussians():
    rows, z = 4, 19
    for scale, sigma in SCALES.items():
        sizes = {"rows": rows, "z": z}
        q = {"muQ": leaf(rows, z), "sQ": spread(scale, rows, z)}
        p = {"muP": leaf(rows, z), "sP": spread(scale, rows, z)}
        kl = D.kl_divergence(D.Normal(q["muQ"], sigma(q["sQ"])), D.Normal(p["muP"], sigma(p["sP"])))
        add("GaussKL", sizes, {**q, **p}, {"kl": kl.sum(1)}, {"kl": torch.randn(rows)}, scale=scale)

        g = {"mu": leaf(rows, z), "s": spread(scale, rows, z)}
        kl = D.kl_divergence(D.Normal(g["mu"], sigma(g["s"])), D.Normal(0.0, 1.0))
        add("GaussKLStandard", sizes, g, {"kl": kl.sum(1)}, {"kl": torch.randn(rows)}, scale=scale)

        g = {"x": leaf(rows, z), "mu": leaf(rows, z), "s": spread(scale, rows, z)}
        lp = D.Normal(g["mu"], sigma(g["s"])).log_prob(g["x"]).sum(1)
        add("GaussLogProb", {"rows": rows, "d": z}, g, {"lp": lp}, {"lp": torch.randn(rows)}, scale=scale)

        k, d = 5, 3
        g = {"x": leaf(rows, d), "logits": leaf(rows, k, scale=2), "mu": leaf(rows, k, d), "s": spread(scale, rows, k, d)}
        parts = D.Independent(D.Normal(g["mu"], sigma(g["s"])), 1)
        lp = D.MixtureSameFamily(D.Categorical(logits=g["logits"]), parts).log_prob(g["x"])
        add("GMMLogProb", {"rows": rows, "k": k, "d": d}, g, {"lp": lp}, {"lp": torch.randn(rows)}, scale=scale)

        g = {
            "x": leaf(rows, 2),
            "pen": torch.tensor([0.0, 1.0, 0.0, 1.0]),
            "logits": leaf(rows, k, scale=2),
            "mu": leaf(rows, k, 2),
            "s": spread(scale, rows, k, 2),
            "rho": leaf(rows, k),
            "penLogit": leaf(rows),
        }
        s, r = sigma(g["s"]), torch.tanh(g["rho"])
        c = r * s[..., 0] * s[..., 1]
        cov = torch.stack([s[..., 0] ** 2, c, c, s[..., 1] ** 2], -1).reshape(rows, k, 2, 2)
        parts = D.MultivariateNormal(g["mu"], cov)
        lp = D.MixtureSameFamily(D.Categorical(logits=g["logits"]), parts).log_prob(g["x"])
        lp = lp + D.Bernoulli(logits=g["penLogit"]).log_prob(g["pen"])
        add("BivariateGMMLogProb", {"rows": rows, "k": k}, g, {"lp": lp}, {"lp": torch.randn(rows)}, scale=scale)


def discrete():
    rows, d = 4, 19
    g = {"x": torch.rand(rows, d), "logits": leaf(rows, d, scale=3)}
    g["x"][0] = (g["x"][0] > 0.5).double()
    lp = D.Bernoulli(logits=g["logits"], validate_args=False).log_prob(g["x"]).sum(1)
    add("BernoulliLogProb", {"rows": rows, "d": d}, g, {"lp": lp}, {"lp": torch.randn(rows)})

    g = {"target": torch.randint(d, (rows,)), "logits": leaf(rows, d, scale=3)}
    lp = D.Categorical(logits=g["logits"]).log_prob(g["target"])
    add("CategoricalLogProb", {"rows": rows, "k": d}, g, {"lp": lp}, {"lp": torch.randn(rows)})


def optimisers():
    n, steps = 19, 5
    for name, make, args, state in (
        ("Adam", torch.optim.Adam, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8}, {"m": "exp_avg", "v": "exp_avg_sq"}),
        ("SGD", torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}, {"m": "momentum_buffer"}),
        ("Adagrad", torch.optim.Adagrad, {"lr": 0.01, "eps": 1e-10}, {"s": "sum"}),
        ("AdamW", torch.optim.AdamW, {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.3}, {"m": "exp_avg", "v": "exp_avg_sq"}),
    ):
        p = leaf(n)
        opt = make([p], **args)
        values = {"g": torch.randn(steps, n) * 10 ** torch.linspace(-6, 3, n), "p": [p.detach().clone()]}
        values.update({k: [] for k in state})
        for g in values["g"]:
            p.grad = g.clone()
            opt.step()
            values["p"].append(p.detach().clone())
            for k, v in state.items():
                values[k].append(opt.state[p][v].clone())
        for k in ["p", *state]:
            values[k] = torch.stack(values[k])
        for k in ("lr", "eps"):
            if k in args:
                values[k] = torch.tensor([args[k]])
        if "betas" in args:
            values["beta1"], values["beta2"] = torch.tensor(args["betas"][:1]), torch.tensor(args["betas"][1:])
        if "weight_decay" in args:
            values["decay"] = torch.tensor([args["weight_decay"]])
        if "momentum" in args:
            values["mu"] = torch.tensor([args["momentum"]])
        cases[name] = [{"sizes": {"steps": steps, "n": n}, "values": values}]


def dump(obj, indent):
    """Objects and lists of objects one entry per line, tensors flat on one line."""
    if isinstance(obj, torch.Tensor):
        return json.dumps(obj.detach().reshape(-1).tolist())
    if isinstance(obj, (dict, list)) and indent < 6:
        pad = "\n" + "  " * (indent + 1)
        if isinstance(obj, dict):
            items, ends = [json.dumps(k) + ": " + dump(v, indent + 1) for k, v in obj.items()], "{}"
        else:
            items, ends = [dump(v, indent + 1) for v in obj], "[]"
        return ends[0] + pad + ("," + pad).join(items) + pad[:-2] + ends[1]
    return json.dumps(obj)


cells()
gaussians()
discrete()
optimisers()
head = {
    "made_by": "kernels/testdata/golden.py",
    "python": platform.python_version(),
    "torch": torch.__version__,
    "seed": SEED,
    "cases": cases,
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
    f.write(dump(head, 0) + "\n")
