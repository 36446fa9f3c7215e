"""Inference by ONNX Runtime: the net is written as an ONNX graph, node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped, import-not-found, unused-ignore]
from onnx import TensorProto, helper, numpy_helper  # type: ignore[import-not-found, unused-ignore]

from tinyconv import nn
from tinyconv.bench.rivals.layouts import channels_first, out_in_kernel
from tinyconv.bench.workload import Workload
from tinyconv.engine import Array
from tinyconv.errors import DataError
from tinyconv.models import mobilefacenet

OPSET, IR_VERSION = 17, 8  # of 2022: read by every ONNX Runtime since 1.13


def build(workload: Workload, threads: int) -> Callable[[], Any]:
    """A function of no arguments that runs the net once and returns its output.

    Raises
    ------
    DataError
        The workload learns.
    """
    if workload.learning is not None:
        raise DataError("ONNX Runtime only infers.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    model = onnx_model(workload.first_net(), workload.shape)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"x": channels_first(workload.inputs()[0])}

    def step() -> Array:
        (output,) = session.run(None, feed)
        return np.asarray(output)

    return step


def onnx_model(net: nn.Sequential, shape: tuple[int, ...]) -> Any:
    """The net in evaluation mode as an ONNX model: input `x`, channels first, of the `shape` (N, *size, C) told; output `y`."""
    graph = _Graph()
    last = graph.add(net, "x")
    graph.node("Identity", [last], output="y")
    inputs, outputs = (helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)
                       for name, sizes in (("x", (shape[0], shape[-1], *shape[1:-1])), ("y", None)))
    made = helper.make_graph(graph.nodes, "net", [inputs], [outputs], graph.weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


class _Graph:
    """Nodes and weights, as they are added; each value has a number for a name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, values: Any) -> str:
        """Add a constant; returns its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def add(self, layer: Any, x: str) -> str:
        """Add the nodes that do what `layer` does to the value x; returns the name of what comes out."""
        match layer:
            case nn.Sequential():
                for child in layer.layers.values():
                    x = self.add(child, x)
                return x
            case nn.Residual(shortcut=None):
                return self.node("Add", [self.add(layer.body, x), x])
            case nn.Conv2d():
                biases = [] if layer.bias is None else [self.weight(layer.bias.data)]
                return self.node("Conv", [x, self.weight(out_in_kernel(layer.weight.data)), *biases], **_attributes(layer))
            case nn.BatchNorm():
                values = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
                return self.node("BatchNormalization", [x, *(self.weight(value.data) for value in values)], epsilon=layer.eps)
            case nn.PReLU():
                return self.node("PRelu", [x, self.weight(layer.weight.data.reshape(-1, 1, 1))])
            case nn.Flatten():
                return self.node("Flatten", [self.node("Transpose", [x], perm=[0, 2, 3, 1])])
            case mobilefacenet.normalise:
                return self.node("Mul", [self.node("Sub", [x, self.weight(0.5)]), self.weight(255 / 128)])
        raise DataError(f"the ONNX Runtime rival knows no node for {layer!r}.")


def _attributes(layer: nn.Conv2d) -> dict[str, Any]:
    """The options of a convolution, which are one int for both axes in all workloads."""
    pairs = {"strides": "stride", "dilations": "dilation"}
    return {"group": layer.options["groups"], "pads": [layer.options["padding"]] * 4,
            **{name: [layer.options[option]] * 2 for name, option in pairs.items()}}
