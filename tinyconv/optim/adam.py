"""Adam: each number gets a step of its own size."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinyconv.engine import Parameter
from tinyconv.optim.optimizer import Optimizer


class Adam(Optimizer):
    """p = p - lr * m / (sqrt(v) + eps), m and v the bias-corrected running means of gradient and its square.

    Source: Kingma & Ba 2015, algorithm 1.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.steps = betas, eps, 0
        self.mean = [np.zeros(p.shape, p.dtype) for p in self.parameters]
        self.square = [np.zeros(p.shape, p.dtype) for p in self.parameters]

    def step(self) -> None:
        """Move every parameter once."""
        self.steps += 1
        first, second = self.betas
        rate = self.lr / (1 - first**self.steps)
        root = math.sqrt(1 - second**self.steps)
        for p, g, m, v in zip(self.parameters, self.gradients(), self.mean, self.square, strict=True):
            m += (1 - first) * (g - m)
            v += (1 - second) * (g * g - v)
            p.assign(p.data - rate * m / (np.sqrt(v) / root + self.eps))
