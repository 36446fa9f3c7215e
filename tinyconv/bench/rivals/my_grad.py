"""The step of a workload in MyGrad, an autograd engine on NumPy: the same layers with the same first weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad  # type: ignore[import-not-found, unused-ignore]
import numpy as np
from mygrad.nnet import activations, layers, losses  # type: ignore[import-not-found, unused-ignore]

from tinyconv import nn
from tinyconv.bench.rivals.layouts import channels_first, out_in_kernel
from tinyconv.bench.workload import CONTENT_LAYER, CONTENT_WEIGHT, STYLE_LAYERS, STYLE_WEIGHT, Workload
from tinyconv.engine import Array
from tinyconv.errors import DataError
from tinyconv.models import koch, mobilefacenet, vgg

Layer = Callable[[Any], Any]
Problem = tuple[Callable[[], Any], list[Any]]  # the loss of one step, and what learns


def build(workload: Workload, threads: int) -> Callable[[], Any]:
    """A function of no arguments that does one step and returns the loss before it.

    Raises
    ------
    DataError
        The net has something that MyGrad has not.
    """
    mygrad.turn_memory_guarding_off()  # as its documentation advises for speed
    if workload.learning is None:
        raise DataError("MyGrad normalizes by the batch's own statistics only, so it has no evaluation mode.")
    learned: list[Any] = []

    def parameter(values: Any) -> Any:
        learned.append(mygrad.tensor(out_in_kernel(values.data), constant=workload.task == "paint"))
        return learned[-1]

    net = {name: twin(layer, parameter) for name, layer in workload.first_net().layers.items()}
    loss, learning = TASKS[workload.task](net, learned, *workload.inputs())
    method, rate, momentum = workload.learning
    move = _adam(learning, rate) if method == "adam" else _sgd(learning, rate, momentum)

    def step() -> float:
        value = loss()
        value.backward()
        move()
        return float(value)

    return step


# --- What one step computes ------------------------------------------------------------------------------


def _classify(net: dict[str, Layer], learned: list[Any], x: Array, labels: Array) -> Problem:
    pictures = channels_first(x)
    return lambda: losses.softmax_crossentropy(_run(net, pictures), labels), learned


def _verify(net: dict[str, Layer], learned: list[Any], x: Array, same: Array) -> Problem:
    pictures = channels_first(x)

    def loss() -> Any:
        scores = _run(net, pictures)
        return mygrad.mean(mygrad.logaddexp(scores, 0) - scores * same)

    return loss, learned


def _paint(net: dict[str, Layer], learned: list[Any], picture: Array, content: Array, style: Array) -> Problem:
    canvas = mygrad.tensor(channels_first(picture))
    with mygrad.no_autodiff:
        wanted = _collect(net, channels_first(content))[CONTENT_LAYER]
        seen = _collect(net, channels_first(style))
        grams = {name: _mean_gram(seen[name]) for name in STYLE_LAYERS}

    def loss() -> Any:
        seen = _collect(net, canvas)
        total = mygrad.mean((seen[CONTENT_LAYER] - wanted) ** 2) * CONTENT_WEIGHT
        for name, gram in grams.items():
            total = total + mygrad.sum((_mean_gram(seen[name]) - gram) ** 2) / (2 * len(gram)) ** 2 * STYLE_WEIGHT
        return total

    return loss, [canvas]


TASKS: dict[str, Callable[..., Problem]] = {"classify": _classify, "verify": _verify, "paint": _paint}


def _run(net: dict[str, Layer], x: Any) -> Any:
    for layer in net.values():
        x = layer(x)
    return x


def _collect(net: dict[str, Layer], x: Any) -> dict[str, Any]:
    found = {}
    for name, layer in net.items():
        x = layer(x)
        if name == CONTENT_LAYER or name in STYLE_LAYERS:
            found[name] = x
    return found


def _mean_gram(a: Any) -> Any:
    rows = a.reshape(a.shape[1], -1)
    return mygrad.matmul(rows, rows.T) / rows.shape[1]


# --- Optimizers, which MyGrad leaves to its user ---------------------------------------------------------


def _sgd(learning: list[Any], rate: float, momentum: float) -> Callable[[], None]:
    velocities = [np.zeros_like(p.data) for p in learning]

    def move() -> None:
        for p, velocity in zip(learning, velocities, strict=True):
            velocity *= momentum
            velocity += p.grad
            p.data -= rate * velocity

    return move


def _adam(learning: list[Any], rate: float) -> Callable[[], None]:
    means, squares = ([np.zeros_like(p.data) for p in learning] for _ in range(2))
    steps = 0

    def move() -> None:
        nonlocal steps
        steps += 1
        for p, m, v in zip(learning, means, squares, strict=True):
            m += 0.1 * (p.grad - m)
            v += 0.001 * (p.grad * p.grad - v)
            p.data -= rate / (1 - 0.9**steps) * m / (np.sqrt(v / (1 - 0.999**steps)) + 1e-8)

    return move


# --- The twin of a net -----------------------------------------------------------------------------------


def twin(layer: Any, parameter: Callable[[Any], Any]) -> Layer:
    """The function that does what `layer` does in MyGrad; `parameter` makes a tensor of a copy of each weight."""
    match layer:
        case nn.Conv1d() | nn.Conv2d() | nn.Conv3d():
            return _convolution(layer, parameter)
        case nn.Linear():
            weight, bias = parameter(layer.weight), parameter(layer.bias)
            return lambda x: mygrad.matmul(x, weight.T) + bias
        case nn.BatchNorm():
            weight, bias = parameter(layer.weight), parameter(layer.bias)
            return lambda x: layers.batchnorm(x, gamma=weight, beta=bias, eps=layer.eps)
        case nn.MaxPool1d() | nn.MaxPool2d() | nn.MaxPool3d():
            return _max_pool(layer)
        case nn.ReLU():
            return activations.relu
        case nn.Sigmoid():
            return activations.sigmoid
        case nn.Flatten():
            return lambda x: mygrad.moveaxis(x, 1, -1).reshape(len(x), -1)
        case nn.GlobalAvgPool():
            return lambda x: x.reshape(*x.shape[:2], -1).mean(axis=2)
        case _ if layer in FUNCTIONS:
            return FUNCTIONS[layer]
    raise DataError(f"the MyGrad rival knows no twin of {layer!r}.")


def _convolution(layer: Any, parameter: Callable[[Any], Any]) -> Layer:
    options = dict(layer.options)
    if options.pop("groups") > 1:
        raise DataError("MyGrad has no convolutions in groups.")
    weight = parameter(layer.weight)
    if layer.bias is None:
        return lambda x: layers.conv_nd(x, weight, **options)
    bias, per_channel = parameter(layer.bias), (1, -1, *[1] * (weight.ndim - 2))
    return lambda x: layers.conv_nd(x, weight, **options) + bias.reshape(per_channel)


def _max_pool(layer: Any) -> Layer:
    """Windows side by side; a rest that fills none, which MyGrad refuses, is cut off."""
    side, rank = layer.options["kernel_size"], layer.rank

    def pool(x: Any) -> Any:
        whole = tuple(slice(n - n % side) for n in x.shape[2:])
        return layers.max_pool(x[(..., *whole)], (side,) * rank, side)

    return pool


def _difference(points: Any) -> Any:
    pairs = len(points) // 2
    return mygrad.abs(points[:pairs] - points[pairs:])


_MEAN, _STD = (values.reshape(1, 3, 1, 1) for values in (vgg.MEAN, vgg.STD))

FUNCTIONS: dict[Any, Layer] = {
    mobilefacenet.normalise: mobilefacenet.normalise,
    vgg.normalise: lambda x: (x - _MEAN) / _STD,
    koch.difference: _difference,
}
