"""A Sequential runs named children in order; where neighbours can work as one, they do, see `fusion`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tinyconv.engine import Tensor
from tinyconv.errors import ShapeError
from tinyconv.nn.fusion import steps
from tinyconv.nn.module import Module


class Sequential(Module):
    """Named children, each fed what the one before gave.

    >>> import numpy as np, tinyconv as tc
    >>> net = Sequential(double=lambda x: x * 2, relu=tc.relu)
    >>> net(tc.tensor([-1, 1])).data
    array([0., 2.], dtype=float32)
    >>> list(net.collect(tc.tensor([-1, 1]), ["double"]))
    ['double']
    """

    def __init__(self, **layers: Callable[[Any], Tensor]) -> None:
        self.layers = layers

    def children(self) -> Iterator[tuple[str, Any]]:
        """(name, layer) in the order they run."""
        yield from self.layers.items()

    def __getitem__(self, name: str) -> Any:
        return self.layers[name]

    def forward(self, x: Any) -> Tensor:
        for _, step in steps([*self.layers.values()]):
            x = step(x)
        return x

    def collect(self, x: Any, names: Iterable[str]) -> dict[str, Tensor]:
        """The outputs of the children called `names`, in the order they run; nothing runs after the last.

        Raises
        ------
        ShapeError
            A name that is no child's.
        """
        wanted = set(names)
        if unknown := wanted - self.layers.keys():
            raise ShapeError(f"collect: {', '.join(sorted(unknown))} unknown, expected some of {', '.join(self.layers)}.")
        asked = {number: name for number, name in enumerate(self.layers) if name in wanted}
        found: dict[str, Tensor] = {}
        for number, step in steps([*self.layers.values()][: max(asked, default=-1) + 1], asked):
            x = step(x)
            if number in asked:
                found[asked[number]] = x
        return found
