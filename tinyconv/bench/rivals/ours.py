"""The step of a workload in tinyconv, as a user writes it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from tinyconv.bench.workload import CONTENT_LAYER, CONTENT_WEIGHT, STYLE_LAYERS, STYLE_WEIGHT, Workload
from tinyconv.engine import Array, Parameter, Tensor, no_grad, tensor
from tinyconv.nn import Sequential
from tinyconv.ops.loss import bce_with_logits, cross_entropy
from tinyconv.optim import SGD, Adam
from tinyconv.style.losses import content_cost, mean_gram, style_cost

with contextlib.suppress(ImportError):  # where Numba is absent, NumPy does all the work
    from tinyconv.kernels import compiled as compiled  # imports Numba before the memory is looked at

Problem = tuple[Callable[[], Tensor], list[Parameter]]  # the loss of one step, and what learns


def build(workload: Workload, threads: int) -> Callable[[], Any]:
    """A function of no arguments that does one step: the loss before it, or for inference the output."""
    net, inputs = workload.first_net(), workload.inputs()
    if workload.learning is None:
        return _inference(net.eval(), *inputs)
    loss, learning = TASKS[workload.task](net, *inputs)
    method, rate, momentum = workload.learning
    optimizer = Adam(learning, rate) if method == "adam" else SGD(learning, rate, momentum)

    def step() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    return step


def _inference(net: Sequential, x: Array) -> Callable[[], Array]:
    pictures = tensor(x)

    def step() -> Array:
        with no_grad():
            return net(pictures).data

    return step


def _classify(net: Sequential, x: Array, labels: Array) -> Problem:
    pictures = tensor(x)
    return lambda: cross_entropy(net(pictures), labels), net.parameters()


def _verify(net: Sequential, x: Array, same: Array) -> Problem:
    pictures, targets = tensor(x), tensor(same)
    return lambda: bce_with_logits(net(pictures), targets), net.parameters()


def _paint(net: Sequential, picture: Array, content: Array, style: Array) -> Problem:
    canvas = Parameter(picture)
    net.freeze()
    with no_grad():
        wanted = net.collect(tensor(content), [CONTENT_LAYER])[CONTENT_LAYER]
        grams = {name: mean_gram(seen) for name, seen in net.collect(tensor(style), STYLE_LAYERS).items()}

    def loss() -> Tensor:
        seen = net.collect(canvas, {CONTENT_LAYER, *STYLE_LAYERS})
        total = content_cost(wanted, seen[CONTENT_LAYER]) * CONTENT_WEIGHT
        for name, gram in grams.items():
            total = total + style_cost(gram, seen[name]) * STYLE_WEIGHT
        return total

    return loss, [canvas]


TASKS: dict[str, Callable[..., Problem]] = {"classify": _classify, "verify": _verify, "paint": _paint}
