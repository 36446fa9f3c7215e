"""Neural style transfer: a picture's own pixels are trained until content and style both fit. Source: Gatys et al. 2015."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyconv.data.images import check_picture
from tinyconv.engine import Array, Parameter, Tensor, no_grad, tensor
from tinyconv.errors import DataError
from tinyconv.ops.elementwise import clip
from tinyconv.optim import LBFGS, SGD, Adam
from tinyconv.style.features import Features
from tinyconv.style.losses import content_cost, mean_gram, style_cost, total_variation

OPTIMIZERS = ("adam", "lbfgs", "gd")
ADAM_MOVE = 0.02  # of a pixel per step, values in [0, 1]
GD_MOVE = 0.01


@dataclass(frozen=True)
class Record:
    """The state after one step: the weighted costs whose sum is `loss`, and the picture (H, W, 3) they belong to."""

    step: int
    loss: float
    content: float
    style: float
    variation: float
    picture: Array


def stylize(
    content: Any,
    style: Any,
    features: Features,
    *,
    steps: int = 200,
    optimizer: str = "adam",
    content_weight: float = 1.0,
    style_weight: float = 1.0,
    variation_weight: float = 1.0,
    noise: float = 0.1,
    rng: np.random.Generator,
) -> Iterator[Record]:
    """Paint `content` in the style of `style`; yields the starting picture and then one `Record` a step.

    Parameters
    ----------
    content, style : float pictures (H, W, 3), RGB in [0, 1]; their sizes may differ
    optimizer : "adam", "lbfgs" (one or two evaluations a step) or "gd" (plain gradient descent)
    noise : share of uniform noise in the starting picture; 0 starts from the content, 1 from noise alone
    rng : numpy.random.Generator for that noise

    Raises
    ------
    DataError
        Pictures that are not finite (H, W, 3) floats, a weight that is not a finite number >= 0, an unknown
        optimizer, or costs that stop being finite.
    """
    content, style = check_picture(content, "content"), check_picture(style, "style")
    _check_options(steps, optimizer, noise, content_weight, style_weight, variation_weight)
    start = (1 - noise) * content + noise * rng.random(content.shape)
    canvas = Parameter(start[None].astype(np.float32))
    costs = _Costs(canvas, features, content, style, (content_weight, style_weight, variation_weight))
    if optimizer == "lbfgs":
        yield from _by_curvature(costs, steps)
    else:
        yield from _by_gradient(costs, steps, Adam([canvas], ADAM_MOVE) if optimizer == "adam" else None)


class _Costs:
    """Calling it computes the loss of the canvas; `records` keeps every evaluation since it was last emptied."""

    def __init__(self, canvas: Parameter, features: Features, content: Array, style: Array,
                 weights: tuple[float, float, float]) -> None:
        self.canvas, self.features, self.weights = canvas, features, weights
        self.records: list[Record] = []
        with no_grad():  # what does not change is computed once
            self.contents = features.net.collect(tensor(content[None], np.float32), features.content)
            seen = features.net.collect(tensor(style[None], np.float32), features.style)
            self.grams = {layer: mean_gram(activation) for layer, activation in seen.items()}

    def __call__(self) -> Tensor:
        picture = clip(self.canvas, 0.0, 1.0)
        features, (content_weight, style_weight, variation_weight) = self.features, self.weights
        seen = features.net.collect(picture, {*features.content, *features.style})
        contents = [content_cost(self.contents[layer], seen[layer]) * w for layer, w in features.content.items()]
        styles = [style_cost(self.grams[layer], seen[layer]) * w for layer, w in features.style.items()]
        content, style = _sum(contents) * content_weight, _sum(styles) * style_weight
        variation = total_variation(picture) * variation_weight
        loss = content + style + variation
        self.records.append(Record(0, loss.item(), content.item(), style.item(), variation.item(), picture.data[0]))
        return loss

    def best(self, step: int) -> Record:
        """The evaluation of lowest loss since the last call, as the record of `step`."""
        finite = [record for record in self.records if np.isfinite(record.loss)]
        if not finite:
            raise DataError(f"the loss is {self.records[-1].loss} at step {step}: the weights of the costs are too large.")
        self.records = []
        return replace(min(finite, key=lambda record: record.loss), step=step)


def _sum(costs: list[Tensor]) -> Tensor:
    return functools.reduce(operator.add, costs)


def _by_gradient(costs: _Costs, steps: int, optimizer: Adam | None) -> Iterator[Record]:
    """Adam, or with None plain gradient descent whose first step moves each pixel by `GD_MOVE` on average."""
    descent: Adam | SGD | None = optimizer
    for step in range(steps + 1):
        costs.canvas.grad = None
        loss = costs()
        yield costs.best(step)
        if step < steps:
            loss.backward()
            if descent is None:
                assert costs.canvas.grad is not None
                descent = SGD([costs.canvas], GD_MOVE / max(float(np.abs(costs.canvas.grad).mean()), 1e-12))
            descent.step()
            costs.canvas.assign(np.clip(costs.canvas.data, 0, 1))


def _by_curvature(costs: _Costs, steps: int) -> Iterator[Record]:
    """L-BFGS: each step may evaluate several pictures, of which the best is recorded."""
    costs()
    yield costs.best(0)
    descent = LBFGS([costs.canvas])
    for step in range(1, steps + 1):
        descent.step(costs)
        yield costs.best(step)


def _check_options(steps: int, optimizer: str, noise: float, *weights: float) -> None:
    if optimizer not in OPTIMIZERS:
        raise DataError(f"stylize: optimizer is {optimizer!r}, expected one of {', '.join(OPTIMIZERS)}.")
    if steps < 0:
        raise DataError(f"stylize: steps is {steps}, expected 0 or more.")
    if not 0 <= noise <= 1:
        raise DataError(f"stylize: noise is {noise}, expected a share from 0 to 1.")
    if not all(np.isfinite(w) and w >= 0 for w in weights):
        raise DataError(f"stylize: the weights of content, style and variation are {weights}, expected finite numbers >= 0.")
