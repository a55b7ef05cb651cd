#!/usr/bin/env python3
"""Writes the golden files of this folder: layers with random weights as their libraries save them, what they compute, and
the versions. Tests read them; nothing but this script needs Python.

    python3 golden.py torch keras onednn tensorflow1

    torch.safetensors, torch.pt, keras.npz ...      the weights of all cases, in float64 (oneDNN: float32), each under the name of its case
    torch.json, keras.json ...                      versions, sizes and, for each case, an input, states and what comes out

Batches are padded and batch first; lengths are in any order. Outputs behind the end of a sequence are 0.
"""

import json
import os
import platform
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
IN, HIDDEN, STEPS, LENGTHS = 3, 4, 5, [3, 5, 1]
BATCH = len(LENGTHS)


def flat(v):
    return [float(x) for x in np.asarray(v, dtype=np.float64).reshape(-1)]


def torch_cases():
    import torch
    from safetensors.torch import save_file
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.manual_seed(20261130)
    wide = {"dtype": torch.float64}
    cases, state, few = [], {}, {}
    for kind in ("rnn", "rnn-relu", "lstm", "gru", "lstm-proj"):
        for layers in (1, 2, 3):
            for both in (False, True):
                make = {"rnn": torch.nn.RNN, "rnn-relu": torch.nn.RNN, "gru": torch.nn.GRU}.get(kind, torch.nn.LSTM)
                more = {"rnn-relu": {"nonlinearity": "relu"}, "lstm-proj": {"proj_size": 2}}.get(kind, {})
                m = make(IN, HIDDEN, num_layers=layers, bidirectional=both, batch_first=True, bias=not (kind == "lstm" and layers == 3), **wide, **more)
                fc = torch.nn.Linear(3, 2, **wide)
                n, out, lstm = layers * (2 if both else 1), more.get("proj_size", HIDDEN), kind.startswith("lstm")
                x, z = torch.randn(BATCH, STEPS, IN, **wide), torch.randn(2, 3, **wide)
                h0, c0 = torch.randn(n, BATCH, out, **wide), torch.randn(n, BATCH, HIDDEN, **wide)
                with torch.no_grad():
                    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
                    y, last = m(packed, (h0, c0) if lstm else h0)
                    y, _ = pad_packed_sequence(y, batch_first=True, total_length=STEPS)
                    hn, cn = last if lstm else (last, None)
                    fcy = fc(z)
                name = f"{kind}_{layers}{'_both' if both else ''}."
                state.update({name + "rnn." + k: v for k, v in m.state_dict().items()})
                state.update({name + "fc." + k: v for k, v in fc.state_dict().items()})
                if layers == 1:
                    few.update({k: v for k, v in state.items() if k.startswith(name)})
                cases.append({"name": name, "kind": kind, "layers": layers, "both": both, "x": flat(x), "h0": flat(h0), "y": flat(y), "hn": flat(hn),
                              **({"c0": flat(c0), "cn": flat(cn)} if lstm else {}), "z": flat(z), "fc": flat(fcy)})
    save_file(state, os.path.join(HERE, "torch.safetensors"))
    torch.save(few, os.path.join(HERE, "torch.pt"))
    return cases, {"torch": torch.__version__}, LENGTHS


def keras_cases():
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    from keras import layers as L

    # Keras multiplies float64 in float32: by its rules the result of both is float32.
    from keras.src.backend.common import dtypes
    rules = dtypes.result_type
    dtypes.result_type = lambda *types: "float64" if any("float64" in str(t) for t in types) else rules(*types)
    keras.config.set_floatx("float64")
    rng = np.random.default_rng(20261130)
    draw = lambda shape, scale: rng.normal(size=shape) * scale
    cases, state = [], {}
    for kind in ("rnn", "rnn-relu", "lstm", "gru", "gru-before"):
        for layers in (1, 2, 3):
            for both in (False, True):
                keras.utils.clear_session()
                m = keras.Sequential([keras.Input((STEPS, IN), dtype="float64")])
                for _ in range(layers):
                    make = {"lstm": L.LSTM, "gru": L.GRU, "gru-before": L.GRU}.get(kind, L.SimpleRNN)
                    more = {"rnn-relu": {"activation": "relu"}, "gru-before": {"reset_after": False}}.get(kind, {})
                    rnn = make(HIDDEN, return_sequences=True, dtype="float64", **more)
                    m.add(L.Bidirectional(rnn, dtype="float64") if both else rnn)
                m.add(L.Dense(2, dtype="float64"))
                for w in m.weights:
                    w.assign(draw(w.shape, 0.5))
                x = draw((BATCH, STEPS, IN), 1)
                y = keras.ops.convert_to_numpy(m(x))
                assert y.dtype == np.float64
                name = f"{kind}_{layers}{'_both' if both else ''}/"
                state.update({name + w.path: keras.ops.convert_to_numpy(w) for w in m.weights})
                cases.append({"name": name, "kind": kind, "layers": layers, "both": both, "x": flat(x), "y": flat(y)})
    np.savez(os.path.join(HERE, "keras.npz"), **state)
    return cases, {"keras": keras.__version__}, [STEPS] * BATCH


class OneDNN:
    """The forward passes of oneDNN through its C interface; all arrays are dense, in C order, float32."""

    ARGS = {"x": 1, "h0": 2, "c0": 3, "weights_layer": 33, "weights_iter": 34, "weights_peephole": 35, "weights_projection": 36, "bias": 41, "y": 17, "hn": 18, "cn": 19}

    def __init__(self, path):
        import ctypes as c
        self.c, self.lib = c, c.CDLL(path)
        self.engine, self.stream = c.c_void_p(), c.c_void_p()
        self.call("engine_create", c.byref(self.engine), 1, c.c_size_t(0))  # 1 is the CPU
        self.call("stream_create", c.byref(self.stream), self.engine, 1)  # 1 is in order

        class Version(c.Structure):
            _fields_ = [("major", c.c_int), ("minor", c.c_int), ("patch", c.c_int)]

        self.lib.dnnl_version.restype = c.POINTER(Version)
        v = self.lib.dnnl_version().contents
        self.version = f"{v.major}.{v.minor}.{v.patch}"

    def call(self, name, *args):
        status = getattr(self.lib, "dnnl_" + name)(*args)
        assert status == 0, f"dnnl_{name}: status {status}"

    def desc(self, a):
        c = self.c
        if a is None:
            return c.c_void_p()
        d, dims, strides = c.c_void_p(), (c.c_int64 * 12)(*a.shape), (c.c_int64 * 12)(*(s // 4 for s in a.strides))
        self.call("memory_desc_create_with_strides", c.byref(d), a.ndim, dims, 3, strides)  # 3 is float32
        return d

    def forward(self, kind, both, a):
        """Runs a layer: the arrays of a, of which y, hn and cn are written."""
        c = self.c
        d = {k: self.desc(a.get(k)) for k in self.ARGS}
        pd, p, none = c.c_void_p(), c.c_void_p(), c.c_void_p()
        name = {"lstm": "lstm", "gru": "lbr_gru", "gru-before": "gru"}.get(kind, "vanilla_rnn")
        way, more, flags = 3 if both else 1, [], [0]
        if name == "lstm":
            parts = ["x", "h0", "c0", "weights_layer", "weights_iter", "weights_peephole", "weights_projection", "bias", "y", "hn", "cn"]
        else:
            parts = ["x", "h0", "weights_layer", "weights_iter", "bias", "y", "hn"]
        if name == "vanilla_rnn":
            more, flags = [0x20 if kind == "rnn-relu" else 0x21], [0, c.c_float(0), c.c_float(0)]  # dnnl_eltwise_relu and _tanh
        self.call(name + "_forward_primitive_desc_create", c.byref(pd), self.engine, 96, *more, way, *(d[k] for k in parts), *flags, none)  # 96 is inference
        self.call("primitive_create", c.byref(p), pd)

        class Arg(c.Structure):
            _fields_ = [("arg", c.c_int), ("memory", c.c_void_p)]

        args = []
        for k in parts:
            if a.get(k) is not None:
                m = c.c_void_p()
                self.call("memory_create", c.byref(m), d[k], self.engine, c.c_void_p(a[k].ctypes.data))
                args.append(Arg(self.ARGS[k], m))
        self.call("primitive_execute", p, self.stream, len(args), (Arg * len(args))(*args))
        self.call("stream_wait", self.stream)


def onednn_cases():
    """Needs the packages onednn-cpu-gomp; ONEDNN is the path of libdnnl.so."""
    lib = OneDNN(os.environ.get("ONEDNN", os.path.join(sys.prefix, "lib", "libdnnl.so.3")))
    rng = np.random.default_rng(20261130)
    draw = lambda *shape: (rng.normal(size=shape) * 0.5).astype(np.float32)
    zeros = lambda *shape: np.zeros(shape, np.float32)
    cases, state = [], {}
    for kind in ("rnn", "rnn-relu", "lstm", "gru", "gru-before", "lstm-peephole", "lstm-proj"):
        for layers, both in ((1, False), (1, True), (2, False), (3, False)):
            if layers > 1 and kind == "lstm-proj":
                continue  # oneDNN has none
            cell, h = kind.split("-p")[0], HIDDEN
            gates, dirs = {"lstm": 4, "gru": 3, "gru-before": 3}.get(cell, 1), 2 if both else 1
            n_in, out = HIDDEN if layers > 1 else IN, 2 if kind == "lstm-proj" else h  # all layers of a primitive have as many inputs
            w = {"weights_layer": draw(layers, dirs, n_in, gates, h), "weights_iter": draw(layers, dirs, out, gates, h), "bias": draw(layers, dirs, gates + (kind == "gru"), h)}
            if kind == "lstm-peephole":
                w["weights_peephole"] = draw(layers, dirs, 3, h)
            if kind == "lstm-proj":
                w["weights_projection"] = draw(layers, dirs, h, out)
            a = {**w, "x": draw(STEPS, BATCH, n_in), "h0": draw(layers, dirs, BATCH, out), "y": zeros(STEPS, BATCH, dirs * out), "hn": zeros(layers, dirs, BATCH, out)}
            if cell == "lstm":
                a.update(c0=draw(layers, dirs, BATCH, h), cn=zeros(layers, dirs, BATCH, h))
            lib.forward(cell, both, a)
            name = f"{kind}_{layers}{'_both' if both else ''}/"
            state.update({name + k: v for k, v in w.items()})
            first = lambda v: flat(np.swapaxes(v, 0, 1))
            cases.append({"name": name, "kind": cell, "layers": layers, "both": both, "in": n_in, "x": first(a["x"]), "h0": flat(a["h0"]), "y": first(a["y"]), "hn": flat(a["hn"]),
                          **({"c0": flat(a["c0"]), "cn": flat(a["cn"])} if cell == "lstm" else {})})
    np.savez(os.path.join(HERE, "onednn.npz"), **state)
    return cases, {"onednn": lib.version}, [STEPS] * BATCH


def tensorflow1_cases():
    """The cells of TensorFlow 1, which TensorFlow has kept in tf.compat.v1 up to 2.15 (tensorflow-cpu 2.15.1, numpy 1)."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    v1 = tf.compat.v1
    v1.disable_eager_execution()
    cells, wide = v1.nn.rnn_cell, {"dtype": tf.float64}
    make = {"rnn": cells.BasicRNNCell, "lstm": cells.BasicLSTMCell, "lstm-cell": cells.LSTMCell, "gru-before": cells.GRUCell,
            "lstm-peephole": lambda n, **k: cells.LSTMCell(n, use_peepholes=True, **k), "lstm-proj": lambda n, **k: cells.LSTMCell(n, use_peepholes=True, num_proj=2, **k)}
    rng = np.random.default_rng(20261130)
    cases, state = [], {}
    for kind in make:
        for layers, both in ((1, False), (1, True), (2, False), (3, False)):
            v1.reset_default_graph()
            lstm, out = kind.startswith("lstm"), 2 if kind == "lstm-proj" else HIDDEN
            n = layers * (2 if both else 1)
            x, h0, c0 = rng.normal(size=(BATCH, STEPS, IN)), rng.normal(size=(n, BATCH, out)), rng.normal(size=(n, BATCH, HIDDEN))
            given = [cells.LSTMStateTuple(c=tf.constant(c), h=tf.constant(h)) if lstm else tf.constant(h) for h, c in zip(h0, c0)]
            one = lambda: make[kind](HIDDEN, **wide)
            if both:
                y, last = v1.nn.bidirectional_dynamic_rnn(one(), one(), tf.constant(x), LENGTHS, given[0], given[1])
                y = tf.concat(y, 2)
            elif layers == 1:
                y, last = v1.nn.dynamic_rnn(one(), tf.constant(x), LENGTHS, given[0])
                last = [last]
            else:
                y, last = v1.nn.dynamic_rnn(cells.MultiRNNCell([one() for _ in range(layers)]), tf.constant(x), LENGTHS, tuple(given))
            with v1.Session() as run:
                for v in v1.global_variables():
                    v.load(rng.normal(size=v.shape) * 0.5, run)
                y, last = run.run([y, last])
                name = f"{kind}_{layers}{'_both' if both else ''}/"
                state.update({name + v.name: run.run(v) for v in v1.global_variables()})
            hn = [s.h if lstm else s for s in last]
            cases.append({"name": name, "kind": "lstm" if lstm else kind, "layers": layers, "both": both, "x": flat(x), "h0": flat(h0), "y": flat(y), "hn": flat(hn),
                          **({"c0": flat(c0), "cn": flat([s.c for s in last])} if lstm else {})})
    np.savez(os.path.join(HERE, "tensorflow1.npz"), **state)
    return cases, {"tensorflow": tf.__version__}, LENGTHS


def main():
    makers = {"torch": torch_cases, "keras": keras_cases, "onednn": onednn_cases, "tensorflow1": tensorflow1_cases}
    for what in sys.argv[1:]:
        cases, versions, lengths = makers[what]()
        head = {"made_by": "weights/testdata/golden.py", "python": platform.python_version(), "numpy": np.__version__, **versions,
                "in": IN, "hidden": HIDDEN, "steps": STEPS, "lengths": lengths}
        with open(os.path.join(HERE, what + ".json"), "w") as f:
            f.write("{\n  " + ",\n  ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in head.items()) + ',\n  "cases": [\n    ')
            f.write(",\n    ".join(json.dumps(c) for c in cases) + "\n  ]\n}\n")


main()
