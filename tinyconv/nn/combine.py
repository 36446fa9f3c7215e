"""Modules with several branches: a sum with the input (ResNet), and channels side by side (Fire, Inception)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tinyconv.engine import Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.nn.module import Module, call
from tinyconv.ops.array import concatenate


class Residual(Module):
    """body(x) + shortcut(x); without a shortcut body(x) + x. Source: He et al. 2016, "Deep Residual Learning".

    Parameters
    ----------
    body : callable, Tensor to Tensor
    shortcut : callable, optional
        For example a 1x1 convolution, where the body changes the number of channels or the size.
    """

    def __init__(self, body: Callable[[Any], Tensor], shortcut: Callable[[Any], Tensor] | None = None) -> None:
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        y, skipped = call(self.body, x), x if self.shortcut is None else call(self.shortcut, x)
        if y.shape != skipped.shape:
            raise ShapeError(f"Residual: body gave {y.shape}, the shortcut {skipped.shape}; expected equal shapes: "
                             "give a shortcut with the body's channels and stride.")
        return y + skipped


class Concat(Module):
    """Named branches that all get x; their outputs (N, *size, C_i) side by side: (N, *size, sum of C_i), in the order given.

    >>> import numpy as np, tinyconv as tc
    >>> Concat(same=lambda x: x, double=lambda x: x * 2)(tc.tensor([[1, 2]])).data
    array([[1., 2., 2., 4.]], dtype=float32)
    """

    def __init__(self, **branches: Callable[[Any], Tensor]) -> None:
        if not branches:
            raise ShapeError("Concat: got no branches, expected at least one, Concat(name=layer, ...).")
        self.branches = branches

    def children(self) -> Iterator[tuple[str, Any]]:
        """(name, branch) in their order."""
        yield from self.branches.items()

    def __getitem__(self, name: str) -> Any:
        return self.branches[name]

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        found = {name: call(branch, x) for name, branch in self.branches.items()}
        if len({y.shape[:-1] for y in found.values()}) > 1 or any(y.ndim == 0 for y in found.values()):
            shapes = ", ".join(f"{name} {y.shape}" for name, y in found.items())
            raise ShapeError(f"Concat: got {shapes}, expected shapes that differ in the last axis only; "
                             "check padding and stride.")
        return concatenate(list(found.values()), axis=-1)
