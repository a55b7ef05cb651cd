#!/usr/bin/env python3
"""Writes golden.json beside this script: what ONNX Runtime and the package silero-vad make of a test signal.

    make vad-model
    ELBOW_DATA=... ELBOW_VAD_WRITE=/tmp go test ./examples/vad -run Write      writes /tmp/8000.wav and /tmp/16000.wav
    python3 examples/vad/testdata/golden.py examples/vad/model/silero_vad-6.2.3-py3-none-any.whl /tmp

It needs numpy, onnxruntime and torch; the versions that wrote the file are in it. Tests need no Python.

What is in it, for 8000 and 16000 samples per second:

    samples     of the signal
    p           probability of every chunk, by ONNX Runtime on the file named, seven digits
    segments    of get_speech_timestamps_from_probs: for each case its settings (seconds), and [start, end] in samples
    events      of VADIterator: ["start" or "end", sample]
"""

import json
import os
import platform
import sys
import types
import wave
import zipfile

import numpy as np
import onnxruntime as ort
import torch

WHEEL, FOLDER = sys.argv[1], sys.argv[2]
FILES = {8000: "silero_vad.onnx", 16000: "silero_vad_16k_op15.onnx"}
CASES = [{}, {"max": 2.5}, {"max": 6, "silence": 0.3}, {"threshold": 0.9, "speech": 0.6, "pad": 0.2}]


def probabilities(x, rate, model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    chunk, before = rate // 1000 * 32, rate // 1000 * 4
    state, context, out = np.zeros((2, 1, 128), np.float32), np.zeros(before, np.float32), []
    x = np.concatenate([x, np.zeros(-len(x) % chunk, np.float32)])
    for part in x.reshape(-1, chunk):
        p, state = session.run(None, {"input": np.concatenate([context, part])[None], "state": state, "sr": np.array(rate, np.int64)})
        context = part[-before:]
        out.append(float(p[0, 0]))
    return out


class Given:
    """Stands for a model whose probabilities are known."""

    def __init__(self, p):
        self.p = iter(p)

    def reset_states(self):
        pass

    def __call__(self, x, rate):
        return torch.tensor(next(self.p), dtype=torch.float64)


def main():
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # imported, not used
    sys.path.insert(0, WHEEL)
    from silero_vad.utils_vad import VADIterator, get_speech_timestamps_from_probs

    golden = {"made_by": "examples/vad/testdata/golden.py", "python": platform.python_version(), "torch": torch.__version__,
              "onnxruntime": ort.__version__, "wheel": os.path.basename(WHEEL), "rates": {}}
    for rate, file in FILES.items():
        with wave.open(os.path.join(FOLDER, f"{rate}.wav")) as w:
            x = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768
        p = probabilities(x, rate, zipfile.ZipFile(WHEEL).read("silero_vad/data/" + file))
        segments = []
        for c in CASES:
            found = get_speech_timestamps_from_probs(
                p, sampling_rate=rate, audio_length_samples=len(x), threshold=c.get("threshold", 0.5), min_speech_duration_ms=round(1000 * c.get("speech", 0.25)),
                min_silence_duration_ms=round(1000 * c.get("silence", 0.1)), speech_pad_ms=round(1000 * c.get("pad", 0.03)), max_speech_duration_s=c.get("max", float("inf")))
            segments.append({**c, "found": [[s["start"], s["end"]] for s in found]})
        chunk = rate // 1000 * 32
        iterator, events = VADIterator(Given(p), sampling_rate=rate), []
        for _ in range(len(x) // chunk):
            events += [list(e) for e in (iterator(torch.zeros(chunk)) or {}).items()]
        golden["rates"][rate] = {"file": file, "samples": len(x), "p": [round(v, 7) for v in p], "segments": segments, "events": events}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
        json.dump(golden, f)
        f.write("\n")


main()
