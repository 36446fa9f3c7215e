"""Adam: RMSProp with momentum, both corrected for having started at zero; AdamW lets weights decay by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tinyconv.engine import Array, Parameter
from tinyconv.errors import GradientError
from tinyconv.kernels import dispatch
from tinyconv.optim.optimizer import Optimizer


class Adam(Optimizer):
    """p = p - lr * m / (sqrt(v) + eps), m and v the bias-corrected running means of g and of its square.

    g is the gradient + weight_decay * p.

    Source: Kingma & Ba 2015, algorithm 1.
    """

    remembers = ("mean", "square")

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0.0) -> None:
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise GradientError(f"{type(self).__name__}: betas are {betas!r}, expected two numbers from 0 to less than 1.")
        super().__init__(parameters, lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        if max(betas) >= 1:
            raise GradientError(f"{type(self).__name__}: betas are {betas}, expected numbers from 0 to less than 1.")

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """p minus lr times the mean gradient over the root of its mean square."""
        return self.adapted(p, g, moments, decay=self.weight_decay)

    def adapted(self, p: Array, g: Array, moments: Sequence[Array], decay: float = 0.0, shrink: float = 0.0) -> Array:
        """p - lr * m / (sqrt(v) + eps) - shrink * p, after the gradient, g + decay * p, has been counted into the means."""
        m, v = moments
        first, second = self.betas
        rate = self.lr / (1 - first**self.steps)
        root = math.sqrt(1 - second**self.steps)
        if updates := dispatch.compiled("updates", p.size, p.dtype):
            return np.asarray(updates.adam(p, g, m, v, rate, root, self.betas, self.eps, decay, shrink))
        if decay:
            g = g + decay * p
        m += (1 - first) * (g - m)
        v += (1 - second) * (g * g - v)
        change = rate * m / (np.sqrt(v) / root + self.eps)
        return p - (change + shrink * p if shrink else change)


class AdamW(Adam):
    """p = p - lr * weight_decay * p, then as Adam with the bare gradient: large gradients no longer hide the decay.

    Source: Loshchilov & Hutter 2019, algorithm 2.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """As by Adam, and beside it the decay."""
        return self.adapted(p, g, moments, shrink=self.lr * self.weight_decay)
