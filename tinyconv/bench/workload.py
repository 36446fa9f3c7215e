"""A workload: a net, what it is fed and what it learns, said once, so that every rival does the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinyconv.engine import Array
from tinyconv.nn import Sequential

SEED = 0

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_WEIGHT, STYLE_WEIGHT = 1.0, 1.0


class Learning(NamedTuple):
    """How a step moves what is learned: "sgd" or "adam", with its rate; `momentum` is SGD's.

    Rates do not change what a step costs. They are small, so that the first losses can be compared: a unit that rounding turns
    on or off changes its gradients by far more, and with the usual rates PyTorch's two layouts part by 5e-5 in three steps.
    """

    method: str
    rate: float
    momentum: float = 0.0


@dataclass(frozen=True)
class Workload:
    """One step that is timed.

    Attributes
    ----------
    name : what to call it on the command line
    sentence : what one step does
    task : "classify" (cross entropy of the net's logits), "verify" (binary cross entropy of its score for pairs), "paint"
        (style and content cost of a picture, which is what is learned) or "infer" (the net's output in evaluation mode)
    shape : of the input, (N, *size, C)
    net : makes the net, with its first weights, from a generator
    classes : how many, if the task is to classify
    learning : None if nothing is learned
    """

    name: str
    sentence: str
    task: str
    shape: tuple[int, ...]
    net: Callable[[np.random.Generator], Sequential]
    classes: int = 0
    learning: Learning | None = None

    def first_net(self) -> Sequential:
        """The net with the weights that every rival starts from."""
        return self.net(np.random.default_rng([SEED, 0]))

    def inputs(self) -> tuple[Array, ...]:
        """What the net is fed, float32 in [0, 1], and beside it what the loss compares with, by the task:

        classify : pictures, their labels (N,)
        verify : 2 n pictures, the second half the partners of the first, and 0 or 1 (n, 1) for each pair
        paint : the picture to begin with, the content, the style, of one shape
        infer : pictures
        """
        rng = np.random.default_rng([SEED, 1])
        x, count = rng.random(self.shape, np.float32), self.shape[0]
        others: dict[str, Callable[[], tuple[Any, ...]]] = {
            "classify": lambda: (rng.integers(self.classes, size=count),),
            "verify": lambda: (rng.integers(2, size=(count // 2, 1)).astype(np.float32),),
            "paint": lambda: (rng.random(self.shape, np.float32), rng.random(self.shape, np.float32)),
            "infer": lambda: (),
        }
        return x, *others[self.task]()
