"""A module is an object whose attributes hold parameters and modules; a Sequential runs named children in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinyconv.engine import Array, Parameter, Tensor
from tinyconv.errors import ShapeError


class Module:
    """Base of all layers: define `forward`, set parameters and modules as attributes, and call it."""

    def forward(self, x: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no forward(x).")

    def __call__(self, x: Any) -> Tensor:
        return self.forward(x)

    def children(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of everything this module holds, in the order it was set."""
        yield from vars(self).items()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), each parameter once, however many places share it."""
        seen: set[int] = set()
        for name, parameter in _walk_parameters(self, ""):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """Every parameter once, in the order it was set."""
        return [parameter for _, parameter in self.named_parameters()]

    def freeze(self) -> Module:
        """Let no parameter need a gradient, and return the module."""
        for parameter in self.parameters():
            parameter.requires_grad = False
        return self

    def state(self) -> dict[str, Array]:
        """{dotted name: array} of every parameter; the arrays are read-only."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    def load_state(self, state: Mapping[str, Any]) -> Module:
        """Give every parameter the value of its name, and return the module.

        Raises
        ------
        ShapeError
            Names every entry that is missing, unexpected, of another shape or not finite; nothing is loaded then.
        """
        own = dict(self.named_parameters())
        faults = [f"{name} is missing" for name in own if name not in state]
        faults += [f"{name} is not expected" for name in state if name not in own]
        for name in own.keys() & state.keys():
            if np.shape(state[name]) != own[name].shape:
                faults.append(f"{name} has shape {np.shape(state[name])}, expected {own[name].shape}")
            elif np.asarray(state[name]).dtype.kind not in "fiu" or not np.isfinite(state[name]).all():
                faults.append(f"{name} has values that are not finite")
        if faults:
            raise ShapeError(f"{type(self).__name__}.load_state: {'; '.join(sorted(faults))}.")
        for name, parameter in own.items():
            parameter.assign(state[name])
        return self


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
        for layer in self.layers.values():
            x = layer(x)
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
        found: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            if len(found) == len(wanted):
                break
            x = layer(x)
            if name in wanted:
                found[name] = x
        return found


def _walk_parameters(value: Any, name: str) -> Iterator[tuple[str, Parameter]]:
    if isinstance(value, Parameter):
        yield name, value
        return
    children = (value.children() if isinstance(value, Module) else value.items() if isinstance(value, dict)
                else enumerate(value) if isinstance(value, list | tuple) else ())
    for key, child in children:
        yield from _walk_parameters(child, f"{name}.{key}" if name else str(key))
