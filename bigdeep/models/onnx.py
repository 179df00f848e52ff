"""A stack of layers, or a committee of these, as an ONNX graph, in float32. The only import of onnx.

Inputs "images" uint8 (N, H, W, C), N of any size; outputs "logits" float32 (N, classes). Between layers images stay
(N, H, W, C), as in the net itself, so that flattening gives the same order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bigdeep import sections
from bigdeep.models import directions, pooling, stack
from bigdeep.models import layers as kinds
from bigdeep.models.convolution import whole_kernel

OPSET, IR = 21, 10
NORM_EPSILON = {"batch": 1e-5, "layer": 1e-6}  # flax's defaults
TO_MAPS, TO_IMAGES = [0, 3, 1, 2], [0, 2, 3, 1]


class _Graph:
    """Nodes and constants, one after the other."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: list = []

    def constant(self, value: Any) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node; returns the name of its output."""
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def with_constant(self, kind: str, x: str, value: Any) -> str:
        return self.add(kind, x, self.constant(np.asarray(value, np.float32)))


def model(section: Mapping, shape: Sequence[int], classes: int, weights: Mapping) -> onnx.ModelProto:
    """The net of a config's section with its weights, {"params", "model_state"} as nested dicts of arrays.

    Raises BadInput for nets that are neither stacks nor a committee of these.
    """
    graph, params, statistics = _Graph(), weights["params"], weights["model_state"].get("batch_stats", {})
    x = graph.add("Cast", "images", to=TensorProto.FLOAT)
    x = graph.with_constant("Sub", graph.with_constant("Div", x, 127.5), 1.0)
    x = _net(graph, x, section, params, statistics, shape=tuple(shape), classes=classes)
    graph.add("Identity", x)
    graph.nodes[-1].output[0] = "logits"
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", *shape])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])
    whole = helper.make_graph(graph.nodes, "bigdeep", [images], [logits], graph.constants)
    made = helper.make_model(
        whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="bigdeep"
    )
    onnx.checker.check_model(made, full_check=True)
    return made


def _net(graph: _Graph, x: str, section: Mapping, params: Mapping, statistics: Mapping, **context: Any) -> str:
    """Its logits. context: shape and classes."""
    if section["name"] == "committee":
        named = {k: net for k, net in enumerate(section["members"], start=1) if section["member"] in (0, k)}
        parts = {k: (params[f"member{k}"], statistics.get(f"member{k}", {})) for k in named}
        said = [_net(graph, x, net, *parts[k], **context) for k, net in named.items()]
        return said[0] if section["member"] else _mean(graph, said)
    makers: dict[str, Callable] = {"mlp": stack.mlp, "stack": stack.stack}
    known = section["name"] in makers
    sections.check(known, "--format=onnx", section["name"], "a net named mlp or stack; stablehlo takes every net")
    net = sections.construct("model", makers, section, **context)
    for name, layer in net.layers.items():
        module = layer(name=name, parent=None)
        x = LAYERS[type(module)](graph, x, module, params.get(name, {}), statistics.get(name, {}))
    return x


def _mean(graph: _Graph, logits: Sequence[str]) -> str:
    """The log of the mean of the members' probabilities."""
    axis = graph.constant(np.array([1], np.int64))
    logs = [graph.add("Unsqueeze", graph.add("LogSoftmax", each, axis=1), axis) for each in logits]
    total = graph.add("ReduceLogSumExp", graph.add("Concat", *logs, axis=1), axis, keepdims=0)
    return graph.with_constant("Sub", total, np.log(len(logits)))


def _dense(graph: _Graph, x: str, module: Any, params: Mapping, statistics: Mapping) -> str:
    a = graph.with_constant("MatMul", x, params["kernel"])
    return _finish(graph, a, module, params, statistics)


def _convolution(graph: _Graph, x: str, module: Any, params: Mapping, statistics: Mapping) -> str:
    kernel = whole_kernel(params["kernel"], module.connections, module.features)
    weights = graph.constant(np.float32(np.transpose(kernel, (3, 2, 0, 1))))
    size = kernel.shape[:2] if module.padding == "same" else (1, 1)
    pads = [*((k - 1) // 2 for k in size), *(k // 2 for k in size)]
    maps = graph.add("Transpose", x, perm=TO_MAPS)
    maps = graph.add("Conv", maps, weights, strides=[module.stride] * 2, pads=pads)
    return _finish(graph, graph.add("Transpose", maps, perm=TO_IMAGES), module, params, statistics)


def _finish(graph: _Graph, a: str, module: Any, params: Mapping, statistics: Mapping) -> str:
    """activation(norm(a + bias))."""
    norm = getattr(module, "norm", "none")
    if norm == "none" and "bias" in params:
        a = graph.with_constant("Add", a, params["bias"])
    elif norm == "layer":
        scale, bias = (graph.constant(np.float32(params["norm"][key])) for key in ("scale", "bias"))
        a = graph.add("LayerNormalization", a, scale, bias, axis=-1, epsilon=NORM_EPSILON["layer"])
    elif norm == "batch":
        mean, variance = (np.float32(statistics["norm"][key]) for key in ("mean", "var"))
        factor = np.float32(params["norm"]["scale"]) / np.sqrt(variance + np.float32(NORM_EPSILON["batch"]))
        a = graph.with_constant("Mul", graph.with_constant("Sub", a, mean), factor)
        a = graph.with_constant("Add", a, params["norm"]["bias"])
    return ACTIVATIONS[module.activation](graph, a)


def _squared_relu(graph: _Graph, a: str) -> str:
    positive = graph.add("Relu", a)
    return graph.add("Mul", positive, positive)


def _scaled_tanh(graph: _Graph, a: str) -> str:
    return graph.with_constant("Mul", graph.add("Tanh", graph.with_constant("Mul", a, 0.6666)), 1.7159)


def _subsampling(graph: _Graph, x: str, module: Any, params: Mapping, statistics: Mapping) -> str:
    means = _pool("AveragePool")(graph, x, module, params, statistics)
    sums = graph.with_constant("Mul", means, float(module.size**2))
    a = graph.with_constant("Add", graph.with_constant("Mul", sums, params["kernel"]), params["bias"])
    return ACTIVATIONS[module.activation](graph, a)


def _pool(kind: str) -> Callable:
    def pool(graph: _Graph, x: str, module: Any, *_: Any) -> str:
        size = [module.size] * 2
        maps = graph.add(kind, graph.add("Transpose", x, perm=TO_MAPS), kernel_shape=size, strides=size)
        return graph.add("Transpose", maps, perm=TO_IMAGES)

    return pool


def _directions(graph: _Graph, x: str, module: Any, *_: Any) -> str:
    channels, count = module.channels, module.directions

    def convolved(x: str, kernels: np.ndarray, groups: int, stride: int = 1) -> str:
        """Every group of maps by the same kernels."""
        weights = graph.constant(np.float32(np.tile(kernels, (groups, 1, 1, 1))))
        return graph.add("Conv", x, weights, strides=[stride] * 2, group=groups)

    frame = graph.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    framed = graph.add("Pad", graph.add("Transpose", x, perm=TO_MAPS), frame, mode="edge")
    gradient = convolved(framed, np.stack([directions.SOBEL, directions.SOBEL.T])[:, None], channels)
    along, across = (convolved(gradient, a.T[:, :, None, None], channels) for a in directions.angles(count))
    shares = graph.add("Relu", graph.add("Sub", along, graph.add("Abs", across)))
    triangle = directions.windows(module.size, module.size, 1)
    means = convolved(shares, (triangle @ triangle.T)[None, None], channels * count, module.stride)
    roots = graph.add("Sqrt", graph.with_constant("Add", means, directions.EPSILON))
    return graph.add("Transpose", roots, perm=TO_IMAGES)


def _every(graph: _Graph, x: str, pieces: int) -> list[str]:
    """Every n-th unit, from the first, the second, … on."""

    def whole(value: int) -> str:
        return graph.constant(np.array([value], np.int64))

    last = np.iinfo(np.int64).max
    return [graph.add("Slice", x, whole(i), whole(last), whole(-1), whole(pieces)) for i in range(pieces)]


def _maxout(graph: _Graph, x: str, module: Any, *_: Any) -> str:
    return graph.add("Max", *_every(graph, x, module.pieces))


def _gated(graph: _Graph, x: str, module: Any, *_: Any) -> str:
    values, gates = _every(graph, x, 2)
    return graph.add("Mul", values, ACTIVATIONS[module.activation](graph, gates))


def _rbf(graph: _Graph, x: str, module: Any, *_: Any) -> str:
    column = graph.add("Unsqueeze", x, graph.constant(np.array([1], np.int64)))
    difference = graph.with_constant("Sub", column, np.array(module.codes, np.float32)[None])
    squares = graph.add("Mul", difference, difference)
    return graph.add("Neg", graph.add("ReduceSum", squares, graph.constant(np.array([2], np.int64)), keepdims=0))


ACTIVATIONS: dict[str, Callable[[_Graph, str], str]] = {
    "linear": lambda graph, a: a,
    "relu": lambda graph, a: graph.add("Relu", a),
    "squared_relu": _squared_relu,
    "gelu": lambda graph, a: graph.add("Gelu", a, approximate="tanh"),
    "tanh": lambda graph, a: graph.add("Tanh", a),
    "scaled_tanh": _scaled_tanh,
    "sigmoid": lambda graph, a: graph.add("Sigmoid", a),
}
LAYERS: dict[type, Callable] = {
    kinds.Dense: _dense,
    kinds.Convolution: _convolution,
    pooling.Subsampling: _subsampling,
    pooling.MaxPool: _pool("MaxPool"),
    pooling.AveragePool: _pool("AveragePool"),
    pooling.Maxout: _maxout,
    pooling.Gated: _gated,
    directions.Directions: _directions,
    kinds.Flatten: lambda graph, x, *_: graph.add("Flatten", x, axis=1),
    kinds.Dropout: lambda graph, x, *_: x,
    kinds.RBF: _rbf,
}
