"""Recurrent layers of PyTorch, and whole models written in it (torch_models.py)."""
import os
import warnings

import torch
from torch import nn

import peer
import torch_models

warnings.filterwarnings("ignore")
torch.set_num_threads(peer.THREADS)


def tensor(a, *shape):
    return torch.from_numpy(a).reshape(shape)


def layer(kind, inputs, hidden, params):
    """A layer with our parameters: b is the sum of PyTorch's two biases, but for the GRU's bhn."""
    m = nn.LSTM(inputs, hidden) if kind == "lstm" else nn.GRU(inputs, hidden)
    gates = 4 if kind == "lstm" else 3
    with torch.no_grad():
        m.weight_ih_l0.copy_(tensor(params[0], gates * hidden, inputs))
        m.weight_hh_l0.copy_(tensor(params[1], gates * hidden, hidden))
        m.bias_ih_l0.copy_(tensor(params[2], gates * hidden))
        m.bias_hh_l0.zero_()
        if kind == "gru":
            m.bias_hh_l0[2 * hidden:].copy_(tensor(params[3], hidden))
    return m


def without_tape(f):
    def g():
        with torch.inference_mode():
            return f()
    return g


def inference(kind):
    def make(a, d):
        batch, steps, inputs, hidden = d
        m, x, y = layer(kind, inputs, hidden, a[2:]), tensor(a[1], steps, batch, inputs), {}

        def run():
            y["y"] = m(x)[0]

        def finish():
            a[0][:] = y["y"].reshape(-1).numpy()

        return [without_tape(run)], finish
    return make


def training(kind):
    def make(a, d):
        batch, steps, inputs, hidden = d
        first = 6 if kind == "gru" else 5  # of the arrays that are read
        m = layer(kind, inputs, hidden, a[first + 2:])
        x, dy = tensor(a[first], steps, batch, inputs).requires_grad_(), tensor(a[first + 1], steps, batch, hidden)
        params, left = list(m.parameters()), {}

        def forward():
            left["y"] = m(x)[0]

        def backward():
            left["out"], left["g"] = left["y"].detach(), torch.autograd.grad(left["y"], [x] + params, dy)
            left["y"] = None

        def finish():
            g = left["g"]
            results = [left["out"], g[0], g[1], g[2], g[3]] + ([g[4][2 * hidden:]] if kind == "gru" else [])
            for to, result in zip(a, results):
                to[:] = result.reshape(-1).numpy()

        return [forward, backward], finish
    return make


def step(kind, how):
    """One step: of the cell, of the function below it, or of a layer with one step."""
    def make(a, d):
        batch, hidden = d
        m, x = layer(kind, hidden, hidden, a[2:]), tensor(a[1], batch, hidden)
        h = torch.zeros(batch, hidden)
        weights = [p.detach() for p in m.parameters()]
        y = {}
        if how == "layer":
            x, h = x[None], h[None]
            call = (lambda: m(x, (h, h))[0]) if kind == "lstm" else (lambda: m(x, h)[0])
        elif how == "op":
            call = (lambda: torch.lstm_cell(x, (h, h), *weights)[0]) if kind == "lstm" else (lambda: torch.gru_cell(x, h, *weights))
        else:
            cell = (nn.LSTMCell if kind == "lstm" else nn.GRUCell)(hidden, hidden)
            for p, w in zip(cell.parameters(), weights):
                p.data.copy_(w)
            call = (lambda: cell(x, (h, h))[0]) if kind == "lstm" else (lambda: cell(x, h))

        def run():
            y["y"] = call()

        def finish():
            a[0][:] = y["y"].reshape(-1).numpy()

        return [without_tape(run)], finish
    return make


class Wrapped(nn.Module):
    """quantize_dynamic replaces the modules inside of another one: a bare nn.LSTM it leaves in float32."""

    def __init__(self, m):
        super().__init__()
        self.m = m

    def forward(self, x):
        return self.m(x)[0]


def int8(kind):
    def make(a, d):
        batch, steps, inputs, hidden = d
        w = Wrapped(layer(kind, inputs, hidden, a[2:])).eval()
        q = torch.ao.quantization.quantize_dynamic(w, {nn.LSTM, nn.GRU}, dtype=torch.qint8)
        if "quantized" not in type(q.m).__module__:
            raise RuntimeError("the layer was not quantised")
        x, y = tensor(a[1], steps, batch, inputs), {}

        def run():
            y["y"] = q(x)

        def finish():
            a[0][:] = y["y"].reshape(-1).numpy()

        return [without_tape(run)], finish
    return make


peers = {}
for kind in "lstm", "gru":
    peers[kind + ".inference", "torch"] = inference(kind)
    peers[kind + ".training", "torch"] = training(kind)
    peers[kind + ".int8", "torch-int8"] = int8(kind)
    for how in "cell", "op", "layer":
        peers[kind + ".step", "torch-" + how] = step(kind, how)
peers.update(torch_models.peers)

config = torch.__config__.show()
lines = ["%s, threads %d, capability %s" % (torch.__version__, torch.get_num_threads(), torch.backends.cpu.get_cpu_capability())]
lines += [line.strip(" -") for line in config.splitlines() if "Math Kernel Library" in line or "MKL-DNN" in line]
with open("/proc/cpuinfo") as f:
    intel = "GenuineIntel" in f.read()
if not intel and torch.backends.mkl.is_available():
    lines.append("MKL is made to use AVX-512 on a processor not Intel's" if "libintel.so" in os.environ.get("LD_PRELOAD", "")
                 else "NOT AT ITS BEST: MKL uses AVX2 on a processor not Intel's")
peer.serve(peers, lines)
