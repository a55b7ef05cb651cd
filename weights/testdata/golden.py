#!/usr/bin/env python3
"""Writes the golden files of this folder: layers with random weights as their libraries save them, what they compute, and
the versions. Tests read them; nothing but this script needs Python.

    python3 golden.py torch keras

    torch.safetensors, torch.pt, keras.npz      the weights of all cases, in float64, each under the name of its case
    torch.json, keras.json                      versions, sizes and, for each case, an input, states and what comes out

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


def main():
    makers = {"torch": torch_cases, "keras": keras_cases}
    for what in sys.argv[1:]:
        cases, versions, lengths = makers[what]()
        head = {"made_by": "weights/testdata/golden.py", "python": platform.python_version(), "numpy": np.__version__, **versions,
                "in": IN, "hidden": HIDDEN, "steps": STEPS, "lengths": lengths}
        with open(os.path.join(HERE, what + ".json"), "w") as f:
            f.write("{\n  " + ",\n  ".join(json.dumps(k) + ": " + json.dumps(v) for k, v in head.items()) + ',\n  "cases": [\n    ')
            f.write(",\n    ".join(json.dumps(c) for c in cases) + "\n  ]\n}\n")


main()
