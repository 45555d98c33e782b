"""`infer1` and `gemm` in onnxruntime, which does not train. usage: onnxruntime_peer.py WORKLOAD [--threads N]
[--seconds S]"""

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

import timing

random = np.random.default_rng(0)


class Graph:
    """Nodes and weights in the making; values are names."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def op(self, kind, *inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [f"v{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]

    def weight(self, *shape):
        values = (shape[0] ** -0.5 * random.standard_normal(shape)).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def linear(self, x, inputs, outputs):
        return self.op("Add", self.op("MatMul", x, self.weight(inputs, outputs)), self.weight(outputs))

    def session(self, inputs, output, output_shape, threads):
        def value(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(self.nodes, "workload", [value(*i) for i in inputs],
                                  [value(output, output_shape)], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        checker.check_model(model)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def classifier(graph, x):
    q, k, v = (graph.linear(x, 64, 64) for _ in range(3))
    graph.weights.append(numpy_helper.from_array(np.float32(64**-0.5), "scale"))
    scores = graph.op("Mul", graph.op("MatMul", q, graph.op("Transpose", k, perm=[0, 2, 1])), "scale")
    context = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), v)
    x = graph.op("Add", x, graph.linear(context, 64, 64))
    hidden = graph.op("Relu", graph.linear(x, 64, 128))
    x = graph.op("Add", x, graph.linear(hidden, 128, 64))
    return graph.linear(x, 64, 5)


def make_step(workload, threads):
    graph = Graph()
    name, *rest = workload.split(":")
    if name == "infer1":
        inputs, output, shape = [("x", [1, 10, 64])], classifier(graph, "x"), [1, 10, 5]
    elif name == "gemm" and len(rest) == 1:
        m, n, k = map(int, rest[0].split("x"))
        inputs, output, shape = [("a", [m, k]), ("b", [k, n])], graph.op("MatMul", "a", "b"), [m, n]
    else:
        raise SystemExit(f"onnxruntime does not run {workload}")
    session = graph.session(inputs, output, shape, threads)
    feeds = {name: random.standard_normal(shape).astype(np.float32) for name, shape in inputs}
    return lambda: session.run(None, feeds)


options = timing.arguments()
timing.report("onnxruntime", options, make_step(options.workload, options.threads))
