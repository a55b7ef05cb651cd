"""Recurrent layers of ONNX Runtime, their inputs and outputs bound to memory beforehand."""
import os
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import peer

# Our gates in the order of ONNX: i o f g of the LSTM, z r n of the GRU.
ORDER = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "gru-before": [1, 0, 2]}


def gates(kind, w):
    """w [gates, ...] in the order of ONNX, with one direction."""
    return numpy.ascontiguousarray(w[ORDER[kind]].reshape(1, -1, *w.shape[2:]))


def model(kind, batch, steps, inputs, hidden, params):
    n = len(ORDER[kind])
    wih, whh, b = (p.reshape(n, hidden, -1) for p in params[:3])
    # Both halves of the bias: of the input, and of the state, where the GRU has bhn.
    other = numpy.zeros_like(b)
    if kind == "gru":
        other[2, :, 0] = params[3]
    bias = numpy.concatenate([gates(kind, b[:, :, 0]), gates(kind, other[:, :, 0])], axis=1)
    weights = [numpy_helper.from_array(v, name) for name, v in (("W", gates(kind, wih)), ("R", gates(kind, whh)), ("B", bias))]
    extra = {} if kind == "lstm" else {"linear_before_reset": int(kind == "gru")}
    node = helper.make_node("LSTM" if kind == "lstm" else "GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=hidden, **extra)
    graph = helper.make_graph([node], "layer", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [steps, batch, inputs])],
                              [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [steps, 1, batch, hidden])], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 9
    return proto


def session(proto):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = peer.THREADS, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(peer.THREADS > 1)))
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(proto, options, providers=["CPUExecutionProvider"])


def bound(run, x, y, shape, result):
    """The parts and the end of a session with its input and output in fixed memory."""
    binding = run.io_binding()
    source = onnxruntime.OrtValue.ortvalue_from_numpy(x.reshape(shape))
    target = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.zeros(result, numpy.float32))
    binding.bind_ortvalue_input("X", source)
    binding.bind_ortvalue_output("Y", target)

    def finish():
        y[:] = target.numpy().reshape(-1)

    return [lambda: run.run_with_iobinding(binding)], finish


def inference(kind):
    def make(a, d):
        batch, steps, inputs, hidden = d
        proto = model(kind, batch, steps, inputs, hidden, a[2:])
        return bound(session(proto.SerializeToString()), a[1], a[0], (steps, batch, inputs), (steps, 1, batch, hidden))
    return make


def step(kind):
    return lambda a, d: inference(kind)(a, [d[0], 1, d[1], d[1]])


def int8(kind):
    """DynamicQuantizeLSTM: weights in int8 with a scale for each row, inputs quantised in every step."""
    def make(a, d):
        batch, steps, inputs, hidden = d
        with tempfile.TemporaryDirectory() as folder:
            plain, small = os.path.join(folder, "plain.onnx"), os.path.join(folder, "int8.onnx")
            onnx.save(model(kind, batch, steps, inputs, hidden, a[2:]), plain)
            quantize_dynamic(plain, small, per_channel=True, weight_type=QuantType.QInt8)
            if "DynamicQuantizeLSTM" not in [n.op_type for n in onnx.load(small).graph.node]:
                raise RuntimeError("the layer was not quantised")
            return bound(session(small), a[1], a[0], (steps, batch, inputs), (steps, 1, batch, hidden))
    return make


peers = {("lstm.int8", "onnxruntime-int8"): int8("lstm")}
for kind in ORDER:
    peers[kind + ".inference", "onnxruntime"] = inference(kind)
    peers[kind + ".step", "onnxruntime"] = step(kind)
peer.serve(peers, ["%s, threads %d, all graph optimisations, inputs and outputs bound" % (onnxruntime.__version__, peer.THREADS)])
