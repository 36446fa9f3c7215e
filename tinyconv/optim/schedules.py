"""Schedules: callables that turn the number of a step, counted from 0, into its rate; set `optimizer.lr` before `step()`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tinyconv.errors import GradientError


@dataclass(frozen=True)
class StepDecay:
    """lr * factor ** (step // every): the rate falls by `factor` after every `every` steps.

    >>> schedule = StepDecay(0.1, every=30, factor=0.5)
    >>> schedule(0), schedule(29), schedule(30), schedule(60)
    (0.1, 0.1, 0.05, 0.025)
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_positive(self, lr=self.lr, every=self.every, factor=self.factor)

    def __call__(self, step: int) -> float:
        """The rate of step number `step`."""
        return self.lr * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Cosine:
    """floor + (lr - floor) * (1 + cos(pi * step / steps)) / 2: half a cosine from `lr` at step 0 to `floor` at step `steps`,
    and `floor` ever after.

    Source: Loshchilov & Hutter 2017, equation 5, without restarts.

    >>> schedule = Cosine(0.1, steps=100)
    >>> schedule(0), round(schedule(50), 10), schedule(100), schedule(1000)
    (0.1, 0.05, 0.0, 0.0)
    """

    lr: float
    steps: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        _check_positive(self, lr=self.lr, steps=self.steps)
        if not 0 <= self.floor <= self.lr:
            raise GradientError(f"Cosine: floor is {self.floor}, expected a rate from 0 to lr, {self.lr}.")

    def __call__(self, step: int) -> float:
        """The rate of step number `step`."""
        done = min(step / self.steps, 1.0)
        return self.floor + (self.lr - self.floor) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class WarmUp:
    """then(step) * min(1, (step + 1) / steps): a linear start over `steps` steps for a rate, or for another schedule.

    `then` counts its own steps from 0 too: the product falls while it still warms up.

    Source: Goyal et al. 2017, section 2.2.

    >>> [WarmUp(1.0, steps=4)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    >>> WarmUp(Cosine(0.5, steps=100), steps=4)(0)
    0.125
    """

    then: float | Callable[[int], float]
    steps: float

    def __post_init__(self) -> None:
        _check_positive(self, steps=self.steps)
        if not callable(self.then):
            _check_positive(self, then=self.then)

    def __call__(self, step: int) -> float:
        """The rate of step number `step`."""
        rate = self.then(step) if callable(self.then) else self.then
        return rate * min(1.0, (step + 1) / self.steps)


def _check_positive(schedule: object, **values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise GradientError(f"{type(schedule).__name__}: {name} is {value}, expected a positive number.")
