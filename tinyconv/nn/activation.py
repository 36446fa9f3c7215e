"""Activations as layers; PReLU learns its slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Parameter, Tensor
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels.scalars import is_positive_int
from tinyconv.nn.module import Pointwise
from tinyconv.ops.activation import gelu, leaky_relu, prelu, sigmoid, softplus, tanh
from tinyconv.ops.elementwise import relu


class ReLU(Pointwise):
    """max(x, 0)."""

    def forward(self, x: Any) -> Tensor:
        return relu(x)


class LeakyReLU(Pointwise):
    """x where x > 0, else slope * x."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Tensor:
        return leaky_relu(x, slope=self.slope)


class PReLU(Pointwise):
    """x where x > 0, else weight * x: one slope for all channels, or one for each; weight (channels,).

    Source: He et al. 2015, "Delving Deep into Rectifiers".
    """

    def __init__(self, channels: int = 1, initial: float = 0.25) -> None:
        if not is_positive_int(channels):
            raise ShapeError(f"PReLU: channels is {channels!r}, expected a positive int.")
        self.weight = Parameter(np.full(channels, initial, np.float32))

    def forward(self, x: Any) -> Tensor:
        return prelu(x, self.weight)


class Sigmoid(Pointwise):
    """1 / (1 + exp(-x))."""

    def forward(self, x: Any) -> Tensor:
        return sigmoid(x)


class Tanh(Pointwise):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Tensor:
        return tanh(x)


class GELU(Pointwise):
    """x times the normal distribution function of x, or with approximate="tanh" its approximation."""

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise DataError(f"GELU: approximate is {approximate!r}, expected 'none' or 'tanh'.")
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        return gelu(x, approximate=self.approximate)


class Softplus(Pointwise):
    """log(1 + exp(x))."""

    def forward(self, x: Any) -> Tensor:
        return softplus(x)
