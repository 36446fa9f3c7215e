"""The linear layer, and the flattening before it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinyconv.engine import Parameter, Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.kernels.scalars import is_positive_int
from tinyconv.nn.init import he_normal
from tinyconv.nn.module import Module, Pointwise, Shape, Window
from tinyconv.ops.array import reshape
from tinyconv.ops.linear import linear, matmul


class Linear(Pointwise):
    """x @ weight + bias, for x (..., in_features); weight (in_features, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: np.random.Generator) -> None:
        if not all(map(is_positive_int, (in_features, out_features))):
            raise ShapeError(f"Linear: got in_features {in_features!r}, out_features {out_features!r}, expected positive ints.")
        self.weight = Parameter(he_normal((in_features, out_features), rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x: Any) -> Tensor:
        return matmul(x, self.weight) if self.bias is None else linear(x, self.weight, self.bias)

    def flops(self, x_shape: Shape, y_shape: Shape) -> int:
        """Two for each weight and row of x."""
        return 2 * math.prod(y_shape) * self.weight.shape[0]


class Flatten(Module):
    """(N, ...) to (N, features)."""

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        if x.ndim == 0:
            raise ShapeError("Flatten: got x of shape (), expected (N, ...).")
        return reshape(x, (x.shape[0], math.prod(x.shape[1:])))

    def window(self, x_shape: Shape) -> Window | None:
        """One position, if there is only one."""
        ones = (1,) * (len(x_shape) - 2)
        return (ones, ones) if math.prod(x_shape[1:-1]) == 1 else None
