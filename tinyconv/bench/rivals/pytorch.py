"""The step of a workload in PyTorch: the same layers from torch.nn with the same first weights, in either memory layout."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tinyconv import nn
from tinyconv.bench.rivals.layouts import channels_first, out_in_kernel
from tinyconv.bench.workload import CONTENT_LAYER, CONTENT_WEIGHT, STYLE_LAYERS, STYLE_WEIGHT, Workload
from tinyconv.engine import Array
from tinyconv.errors import DataError
from tinyconv.models import koch, mobilefacenet, vgg

Problem = tuple[Callable[[], Any], list[Any]]  # the loss of one step, and what learns

functional = torch.nn.functional


def build(workload: Workload, threads: int, channels_last: bool = False) -> Callable[[], Any]:
    """A function of no arguments that does one step: the loss before it, or for inference the output."""
    torch.set_num_threads(threads)

    def place(x: Array) -> Any:
        placed = torch.from_numpy(channels_first(x))
        return placed.to(memory_format=_layout(x.ndim, channels_last))

    net = twin(workload.first_net()).to(memory_format=_layout(len(workload.shape), channels_last))
    inputs = workload.inputs()
    if workload.learning is None:
        return _inference(net.eval(), *map(place, inputs))
    loss, learning = TASKS[workload.task](net, place, *inputs)
    method, rate, momentum = workload.learning
    optimizer = (torch.optim.Adam(learning, rate, fused=True) if method == "adam"
                 else torch.optim.SGD(learning, rate, momentum, fused=True))

    def step() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return float(value.detach())

    return step


def _layout(axes: int, channels_last: bool) -> Any:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return formats[axes] if channels_last else torch.contiguous_format


# --- What one step computes ------------------------------------------------------------------------------


def _inference(net: Any, x: Any) -> Callable[[], Array]:
    def step() -> Array:
        with torch.inference_mode():
            return np.asarray(net(x))

    return step


def _classify(net: Any, place: Callable[[Array], Any], x: Array, labels: Array) -> Problem:
    pictures, classes = place(x), torch.from_numpy(labels)
    return lambda: functional.cross_entropy(net(pictures), classes), list(net.parameters())


def _verify(net: Any, place: Callable[[Array], Any], x: Array, same: Array) -> Problem:
    pictures, targets = place(x), torch.from_numpy(same)
    return lambda: functional.binary_cross_entropy_with_logits(net(pictures), targets), list(net.parameters())


def _paint(net: Any, place: Callable[[Array], Any], picture: Array, content: Array, style: Array) -> Problem:
    canvas = torch.nn.Parameter(place(picture))
    net.requires_grad_(False)
    with torch.no_grad():
        wanted = _collect(net, place(content))[CONTENT_LAYER]
        seen = _collect(net, place(style))
        grams = {name: _mean_gram(seen[name]) for name in STYLE_LAYERS}

    def loss() -> Any:
        seen = _collect(net, canvas)
        total = functional.mse_loss(seen[CONTENT_LAYER], wanted) * CONTENT_WEIGHT
        for name, gram in grams.items():
            square = functional.mse_loss(_mean_gram(seen[name]), gram, reduction="sum") / (2 * len(gram)) ** 2
            total = total + square * STYLE_WEIGHT
        return total

    return loss, [canvas]


TASKS: dict[str, Callable[..., Problem]] = {"classify": _classify, "verify": _verify, "paint": _paint}


def _collect(net: Any, x: Any) -> dict[str, Any]:
    """The outputs of the layers that the costs look at."""
    found = {}
    for name, layer in net.named_children():
        x = layer(x)
        if name == CONTENT_LAYER or name in STYLE_LAYERS:
            found[name] = x
    return found


def _mean_gram(a: Any) -> Any:
    """The Gram matrix (C, C) of one picture (1, C, H, W), divided by its pixels; in either layout without a copy."""
    if a.is_contiguous():
        rows = a.reshape(a.shape[1], -1)
        return rows @ rows.T / rows.shape[1]
    rows = a.permute(0, 2, 3, 1).reshape(-1, a.shape[1])
    return rows.T @ rows / rows.shape[0]


# --- The twin of a net -----------------------------------------------------------------------------------


def twin(layer: Any) -> Any:
    """The module of torch.nn that does what `layer` does, with copies of its weights; ReLU works in place."""
    match layer:
        case nn.Sequential():
            return torch.nn.Sequential(OrderedDict((name, twin(child)) for name, child in layer.layers.items()))
        case nn.Residual(shortcut=None):
            return _Residual(twin(layer.body))
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            kernel, (inputs, outputs) = layer.weight.shape[:-2], layer.weight.shape[-2:]
            kind = getattr(torch.nn, type(layer).__name__)
            channels = inputs * layer.options["groups"]
            return _filled(kind(channels, outputs, kernel, bias=layer.bias is not None, **layer.options), layer)
        case nn.Linear():
            return _filled(torch.nn.Linear(*layer.weight.shape, bias=layer.bias is not None), layer)
        case nn.BatchNorm():  # of pictures, in all workloads
            return _filled(torch.nn.BatchNorm2d(layer.weight.size, layer.eps, layer.momentum), layer)
        case nn.PReLU():
            return _filled(torch.nn.PReLU(layer.weight.size), layer)
        case nn.MaxPool1d() | nn.MaxPool2d() | nn.MaxPool3d():
            return getattr(torch.nn, type(layer).__name__)(**layer.options)
        case nn.ReLU():
            return torch.nn.ReLU(inplace=True)
        case nn.Sigmoid():
            return torch.nn.Sigmoid()
        case nn.Flatten():
            return _Function(_flatten)
        case nn.GlobalAvgPool():
            return _Function(lambda x: x.flatten(2).mean(2))
        case _ if layer in FUNCTIONS:
            return _Function(FUNCTIONS[layer])
    raise DataError(f"the PyTorch rival knows no twin of {layer!r}.")


def _filled(module: Any, layer: nn.Module) -> Any:
    """`module` with copies of the layer's parameters and buffers, which have the same names."""
    with torch.no_grad():
        for name, array in layer.state().items():
            getattr(module, name).copy_(torch.from_numpy(out_in_kernel(array)))
    return module


class _Residual(torch.nn.Module):
    """body(x) + x."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Any) -> Any:
        return self.body(x) + x


class _Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def _flatten(x: Any) -> Any:
    """(N, C, *size) to (N, features) in the order of tinyconv, channels last; a copy only where channels are first."""
    return x.movedim(1, -1).flatten(1)


def _difference(points: Any) -> Any:
    first, second = points.chunk(2)
    return (first - second).abs()


_MEAN, _STD = (torch.from_numpy(values).view(1, 3, 1, 1) for values in (vgg.MEAN, vgg.STD))

FUNCTIONS: dict[Any, Callable[[Any], Any]] = {
    mobilefacenet.normalise: mobilefacenet.normalise,
    vgg.normalise: lambda x: (x - _MEAN) / _STD,
    koch.difference: _difference,
}
