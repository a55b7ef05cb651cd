"""The models of bench.Models in PyTorch, as training: forward, backward, Adam.

The arrays are the loss, the gradients, the data [steps, batch, width], the noise and the parameters; both
gradients and parameters are those of all tensors one after the other, in the order of package model.
"""
import math

import torch
from torch import nn
from torch.nn import functional

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Flat:
    """Cuts tensors from one array, in order."""

    def __init__(self, array):
        self.array, self.at, self.params = array, 0, []

    def take(self, *shape):
        n = math.prod(shape)
        p = nn.Parameter(torch.from_numpy(self.array[self.at:self.at + n].copy()).reshape(shape))
        self.at += n
        self.params.append(p)
        return p

    def layer(self, inputs, outputs):
        return self.take(outputs, inputs), self.take(outputs)

    def mlp(self, inputs, width, layers, outputs=0):
        sizes = [inputs] + [width] * layers + ([outputs] if outputs else [])
        return [self.layer(i, o) for i, o in zip(sizes, sizes[1:])]


def relu_stack(layers, x):
    for w, b in layers:
        x = torch.relu(functional.linear(x, w, b))
    return x


def sigma(a):
    return functional.softplus(a) + 1e-4


def gauss_kl(mq, sq, mp, sp):
    ratio, distance = (sq / sp).square(), ((mq - mp) / sp).square()
    return 0.5 * (ratio + distance - 1 - ratio.log()).sum()


def standard_kl(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()


def bits(logits, x):
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")


class Gathered(torch.autograd.Function):
    """A product whose gradient by the weights is left for later: one product over all steps."""

    @staticmethod
    def forward(ctx, x, w, b, log):
        ctx.x, ctx.w, ctx.log = x.detach(), w, log
        return functional.linear(x, w, b)

    @staticmethod
    def backward(ctx, dy):
        ctx.log.append((ctx.x, dy))
        return dy @ ctx.w, None, None, None


class Gatherer:
    """Has the products of a loop be Gathered, and makes their gradients in the end. A weight may be
    made of parameters, as those of several products with h are: its gradient goes on to them."""

    def __init__(self):
        self.layers = {}

    def linear(self, x, w, b=None):
        log = self.layers.setdefault(id(w), (w, b, []))[2]
        return Gathered.apply(x, w.detach(), None if b is None else b.detach(), log)

    def flush(self):
        outputs, grads = [], []
        for w, b, log in self.layers.values():
            x, dy = torch.cat([x for x, _ in log]), torch.cat([dy for _, dy in log])
            outputs.append(w)
            grads.append(dy.t() @ x)
            if b is not None:
                outputs.append(b)
                grads.append(dy.sum(0))
        self.layers = {}
        torch.autograd.backward(outputs, grads)


class Direct:
    """The products of a loop as they are."""
    linear = staticmethod(functional.linear)

    def flush(self):
        pass


class VRNN:
    def __init__(self, a, d):
        self.batch, self.steps, data, f, h, z, depth, self.binary = d
        self.h, self.z, self.f = h, z, f
        flat = Flat(a[4])
        outputs = data if self.binary else 2 * data
        self.phi_x, self.phi_z = flat.mlp(data, f, depth), flat.mlp(z, f, depth)
        self.prior = flat.mlp(h, f, depth, 2 * z)
        self.posterior, self.decoder = flat.mlp(f + h, f, depth, 2 * z), flat.mlp(f + h, f, depth, outputs)
        self.wih, self.whh, self.b = flat.take(4 * h, 2 * f), flat.take(4 * h, h), flat.take(4 * h)
        self.params = flat.params
        self.x = torch.from_numpy(a[2]).reshape(self.steps, self.batch, data)
        self.eps = torch.from_numpy(a[3]).reshape(self.steps, self.batch, z)

    def nll(self, out, x):
        if self.binary:
            return bits(out, x)
        mean, s = out.chunk(2, -1)
        s = sigma(s)
        return (0.5 * ((x - mean) / s).square() + s.log() + HALF_LOG_2PI).sum()

    @staticmethod
    def cell(gates, c):
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    @staticmethod
    def head(layers, x):
        x = relu_stack(layers[:-1], x)
        mean, s = functional.linear(x, *layers[-1]).chunk(2, -1)
        return mean, sigma(s)

    def naive(self):
        """Every net inside of the loop, as most would write it."""
        h = c = torch.zeros(self.batch, self.h)
        loss = 0.0
        for x, eps in zip(self.x.unbind(0), self.eps.unbind(0)):
            fx = relu_stack(self.phi_x, x)
            mq, sq = self.head(self.posterior, torch.cat([fx, h], 1))
            mp, sp = self.head(self.prior, h)
            fz = relu_stack(self.phi_z, mq + sq * eps)
            out = relu_stack(self.decoder[:-1], torch.cat([fz, h], 1))
            loss = loss + gauss_kl(mq, sq, mp, sp) + self.nll(functional.linear(out, *self.decoder[-1]), x)
            h, c = self.cell(functional.linear(torch.cat([fx, fz], 1), self.wih, self.b) + functional.linear(h, self.whh), c)
        return loss

    def loop_step(self, linear, h, c, ex, gx, eps, state_w, hidden, head, phi_z, wz):
        """What needs h and what h needs: the posterior, z, its features and the cell."""
        hg, he = linear(h, state_w).split([4 * self.h, self.f], 1)
        e = torch.relu(ex + he)
        for w, b in hidden:
            e = torch.relu(linear(e, w, b))
        mean, s = linear(e, *head).chunk(2, 1)
        s = sigma(s)
        a = torch.addcmul(mean, s, eps)
        for w, b in phi_z:
            a = torch.relu(linear(a, w, b))
        h, c = self.cell(gx + linear(a, wz) + hg, c)
        return h, c, mean, s, a

    def batched(self, way, step):
        """All steps at once for whatever the loop does not need. The products with h are one."""
        n, f = self.steps * self.batch, self.f
        x = self.x.reshape(n, -1)
        fx = relu_stack(self.phi_x, x)
        w, b = self.posterior[0]
        ex = functional.linear(fx, w[:, :f], b).view(self.steps, self.batch, -1).unbind(0)
        gx = functional.linear(fx, self.wih[:, :f], self.b).view(self.steps, self.batch, -1).unbind(0)
        state_w, wz = torch.cat([self.whh, w[:, f:]]), self.wih[:, f:]
        h = c = torch.zeros(self.batch, self.h)
        hs, means, scales, features = [], [], [], []
        for t in range(self.steps):
            hs.append(h)
            h, c, mean, s, a = step(way.linear, h, c, ex[t], gx[t], self.eps[t], state_w, self.posterior[1:-1], self.posterior[-1], self.phi_z, wz)
            means.append(mean)
            scales.append(s)
            features.append(a)
        before, fz = torch.cat(hs), torch.cat(features)
        mp, sp = self.head(self.prior, before)
        w, b = self.decoder[0]
        out = torch.relu(functional.linear(fz, w[:, :f], b) + functional.linear(before, w[:, f:]))
        out = relu_stack(self.decoder[1:-1], out)
        return gauss_kl(torch.cat(means), torch.cat(scales), mp, sp) + self.nll(functional.linear(out, *self.decoder[-1]), x)


class VAE:
    def __init__(self, a, d):
        self.batch, _, data, _, _, _, depth, _ = d
        f, z = d[3] or d[4], d[5]
        flat = Flat(a[4])
        self.encoder, self.decoder = flat.mlp(data, f, depth, 2 * z), flat.mlp(z, f, depth, data)
        self.params = flat.params
        self.x, self.eps = torch.from_numpy(a[2]).reshape(self.batch, data), torch.from_numpy(a[3]).reshape(self.batch, z)

    def net(self, layers, x):
        for w, b in layers[:-1]:
            x = torch.tanh(functional.linear(x, w, b))
        return functional.linear(x, *layers[-1])

    def naive(self):
        mean, logvar = self.net(self.encoder, self.x).chunk(2, 1)
        z = mean + torch.exp(0.5 * logvar) * self.eps
        return bits(self.net(self.decoder, z), self.x) + standard_kl(mean, logvar)


class VRAE:
    def __init__(self, a, d, kind):
        self.batch, self.steps, data, _, h, z, _, _ = d
        flat, gates = Flat(a[4]), 4 if kind == "lstm" else 1

        def layer():
            return flat.take(gates * h, data), flat.take(gates * h, h), flat.take(gates * h)

        enc, self.latent, self.start, dec, self.output = layer(), flat.layer(h, 2 * z), flat.layer(z, h), layer(), flat.layer(h, data)
        self.kind, self.params = kind, flat.params
        self.encoder, self.decoder = (self.module(data, h, p) for p in (enc, dec))
        self.x = torch.from_numpy(a[2]).reshape(self.steps, self.batch, data)
        self.before = torch.cat([torch.zeros(1, self.batch, data), self.x[:-1]])
        self.eps = torch.from_numpy(a[3]).reshape(self.batch, z)

    def module(self, data, h, params):
        """A layer of PyTorch around our parameters; of its two biases one stays 0."""
        m = nn.LSTM(data, h) if self.kind == "lstm" else nn.RNN(data, h)
        m.weight_ih_l0, m.weight_hh_l0, m.bias_ih_l0 = params
        m.bias_hh_l0 = nn.Parameter(torch.zeros_like(m.bias_hh_l0), requires_grad=False)
        return m

    def naive(self):
        last = self.encoder(self.x)[0][-1]
        mean, logvar = functional.linear(last, *self.latent).chunk(2, 1)
        z = mean + torch.exp(0.5 * logvar) * self.eps
        h0 = torch.tanh(functional.linear(z, *self.start))[None]
        y = self.decoder(self.before, (h0, torch.zeros_like(h0)) if self.kind == "lstm" else h0)[0]
        return bits(functional.linear(y, *self.output), self.x) + standard_kl(mean, logvar)


def update(a, d, m, loss, after=lambda: None):
    """The parts and the end of a training."""
    scale = 1.0 / (d[0] * d[1])
    adam = torch.optim.Adam(m.params, lr=1e-5, fused=True)
    first = {}

    def run():
        for p in m.params:
            p.grad = None
        value = loss() * scale
        value.backward()
        after()
        if not first:  # the parameters are still those of the arrays
            first["loss"] = value.item()
            first["grads"] = torch.cat([p.grad.reshape(-1) for p in m.params])
        adam.step()

    def finish():
        a[0][0] = first["loss"]
        a[1][:] = first["grads"].numpy()

    return [run], finish


def naive(make):
    def peer(a, d):
        m = make(a, d)
        return update(a, d, m, m.naive)
    return peer


def compiled(make):
    def peer(a, d):
        m = make(a, d)
        return update(a, d, m, torch.compile(m.naive))
    return peer


def vrnn_batched(a, d):
    m = VRNN(a, d)
    return update(a, d, m, lambda: m.batched(Direct, m.loop_step))


def vrnn_compiled(a, d):
    m = VRNN(a, d)
    step = torch.compile(m.loop_step)
    return update(a, d, m, lambda: m.batched(Direct, step))


def vrnn_delayed(a, d):
    m, gatherer = VRNN(a, d), Gatherer()
    return update(a, d, m, lambda: m.batched(gatherer, m.loop_step), gatherer.flush)


def vrae(kind):
    return lambda a, d: VRAE(a, d, kind)


peers = {
    ("train.vrnn", "torch"): naive(VRNN), ("train.vrnn", "torch-batched"): vrnn_batched, ("train.vrnn", "torch-delayed"): vrnn_delayed,
    ("train.vrnn", "torch-compiled"): vrnn_compiled,
    ("train.vae", "torch"): naive(VAE), ("train.vae", "torch-compiled"): compiled(VAE),
    ("train.vrae-rnn", "torch"): naive(vrae("rnn")), ("train.vrae-lstm", "torch"): naive(vrae("lstm")),
}
